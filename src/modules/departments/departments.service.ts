import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { changesOf } from '#common/changes';
import { Conflict, Invalid } from '#common/errors';
import type { Page } from '#common/page.dto';
import { Database, type Tx } from '#database/database';
import { onDuplicate } from '#database/database-errors';
import type { TenantRepository } from '#database/tenant-repository';
import { moveContacts } from '#modules/contacts/department-contacts';
import { calendarOf } from '#modules/organizations/business-calendar';
import { toBusinessHours } from '#modules/organizations/business-hours';
import { Notices } from '#modules/notifications/notices';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { slugify } from '#modules/organizations/slugs';
import { UserDepartments, inDepartment } from '#modules/users/user-departments';
import { User } from '#modules/users/user.entity';
import { agentSummaries } from './agent-summaries';
import { type AgentChange, addAgent, moveAgents, removeAgent, setAgents, setDepartments } from './department-agents';
import { figuresOf, statsOf, totalsOf } from './department-figures';
import { departmentRows } from './department-rows';
import type {
  AgentQuery,
  AgentSummary,
  DepartmentCreate,
  DepartmentQuery,
  DepartmentStats,
  DepartmentTotals,
  DepartmentUpdate,
  DepartmentView,
} from './department.dto';
import { Department } from './department.entity';

onDuplicate('departments_slug_key', () => new Conflict('already_exists', 'A department with this slug exists.'));

/** Teams of agents. */
@Injectable()
export class DepartmentsService implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
    private readonly users: UserDepartments,
    private readonly notices: Notices,
  ) {}

  onModuleInit(): void {
    this.notices.onDepartment(async (tx, actor, id) => (await this.get(actor, id, tx)).agent_ids);
    this.users.onReplace(async (tx, actor, user_id, department_ids) => {
      await this.tellAgents(tx, actor, await setDepartments(tx, actor, user_id, department_ids));
    });
  }

  async page(actor: Actor, query: DepartmentQuery): Promise<Page<DepartmentView>> {
    const page = await this.departments().page(actor, query, {
      search: ['name', 'slug', 'description'],
      sort: [
        'name',
        'slug',
        'created_at',
        'updated_at',
        'is_active',
        'color',
        'icon',
        'timezone',
        'routing_mode',
        'auto_assign_conversations',
        'max_conversations_per_agent',
      ],
      default_sort: 'name:asc',
      filter: { is_active: query.is_active },
    });
    return { ...page, items: await this.present(actor, page.items) };
  }

  async get(actor: Actor, id: string, tx?: Tx): Promise<DepartmentView> {
    return this.presentOne(actor, await this.departments(tx).get(actor, id), tx);
  }

  /** By id, in the order asked (loaders). */
  async many(actor: Actor, ids: readonly string[]): Promise<(DepartmentView | null)[]> {
    const found = new Map((await this.present(actor, await this.departments().many(actor, ids))).map((one) => [one.id, one]));
    return ids.map((id) => found.get(id) ?? null);
  }

  /** @throws {Forbidden} `plan_limit_exceeded`. @throws {Conflict} `already_exists`. @throws {NotFound} @throws {Invalid} `user_not_agent`. */
  create(actor: Actor, { agent_ids = [], ...input }: DepartmentCreate): Promise<DepartmentView> {
    return this.database.tx(async (tx) => {
      await this.organizations.assertWithinPlan(actor, 'departments', undefined, tx);
      const values = { slug: slugify(input.name, 'department'), ...withHours(input) };
      const department = await this.departments(tx).insert(actor, values);
      await setAgents(tx, actor, department.id, agent_ids);
      const view = await this.presentOne(actor, department, tx);
      tx.audit(actor, 'department.created', { resource: department, after: { ...department, agent_ids: view.agent_ids } });
      tx.tell('department.created', { organization_id: actor.organization_id, department: view });
      return view;
    });
  }

  /** @throws {Conflict} `already_exists`. @throws {NotFound} @throws {Invalid} `user_not_agent`. */
  update(actor: Actor, id: string, { agent_ids, ...input }: DepartmentUpdate): Promise<DepartmentView> {
    return this.database.tx(async (tx) => {
      await this.organizations.lock(tx, actor);
      const before = await this.get(actor, id, tx);
      const changes = changesOf<Department>(before, withHours(input));
      const department = await this.departments(tx).patch(actor, id, changes);
      const moves = agent_ids ? [await setAgents(tx, actor, id, agent_ids)].filter(isReal) : [];
      const after = await this.presentOne(actor, department, tx);
      tx.audit(actor, 'department.updated', { resource: department, before, after: { ...changes, agent_ids: after.agent_ids } });
      if (moves.length || Object.keys(changes).length) this.tellUpdated(tx, after, moves);
      return after;
    });
  }

  /** What it has goes to `move_to`. @throws {NotFound} @throws {Invalid} `move_to` is itself or inactive. @throws {Conflict} `department_in_use`. */
  async remove(actor: Actor, id: string, move_to?: string): Promise<void> {
    await this.database.tx(async (tx) => {
      await this.organizations.lock(tx, actor);
      const department = await this.departments(tx).lock(actor, id);
      const target = move_to === undefined ? null : await this.departments(tx).lock(actor, move_to);
      if (target && (target.id === id || !target.is_active))
        throw Invalid.query('move_to_department_id', 'must be another department, and an active one');
      const to = target && target.id;
      for (const leave of departmentRows()) await leave(tx, { actor, from: id, to });
      await moveContacts(tx, actor.organization_id, id, to);
      await this.tellAgents(tx, actor, await moveAgents(tx, actor, id, to));
      await this.departments(tx).remove(actor, id);
      tx.audit(actor, 'department.deleted', { resource: department, before: department, metadata: { moved_to_department_id: to } });
      tx.tell('department.deleted', { organization_id: actor.organization_id, department_id: id, moved_to_department_id: to });
    });
  }

  /** @throws {NotFound} @throws {Invalid} `user_not_agent`. */
  addAgent(actor: Actor, id: string, agent_id: string): Promise<DepartmentView> {
    return this.changeAgents(actor, id, 'department.agent_added', agent_id, addAgent);
  }

  /** Their open conversations stay with them. */
  removeAgent(actor: Actor, id: string, agent_id: string): Promise<DepartmentView> {
    return this.changeAgents(actor, id, 'department.agent_removed', agent_id, removeAgent);
  }

  /** Who answers for it. */
  async agents(actor: Actor, id: string, query: AgentQuery): Promise<Page<AgentSummary>> {
    await this.departments().get(actor, id);
    const { agent_status, is_online } = query;
    const page = await this.database.repository(User).page(actor, query, {
      search: ['full_name', 'email', 'phone_number'],
      sort: ['created_at', 'updated_at', 'full_name', 'email', 'role', 'agent_status', 'is_online'],
      filter: { agent_status, is_online },
      refine: (rows) => rows.andWhere(inDepartment(rows.alias), { department_id: id }),
    });
    const ids = page.items.map((user) => user.id);
    return { ...page, items: await agentSummaries(this.database, actor, ids) };
  }

  async stats(actor: Actor, id: string): Promise<DepartmentStats> {
    const [own, organization] = await Promise.all([this.departments().get(actor, id), this.organizations.settings(actor)]);
    const hours = calendarOf([own, organization].map(({ business_hours, timezone }) => ({ hours: business_hours, timezone })));
    return { ...(await statsOf(this.database, actor, id)), is_within_business_hours: hours.isOpen(new Date()) };
  }

  totals(actor: Actor): Promise<DepartmentTotals> {
    return totalsOf(this.database, actor);
  }

  private changeAgents(
    actor: Actor,
    id: string,
    action: string,
    agent_id: string,
    change: (tx: Tx, actor: Actor, id: string, agent_id: string) => Promise<AgentChange>,
  ): Promise<DepartmentView> {
    return this.database.tx(async (tx) => {
      await this.organizations.lock(tx, actor);
      const department = await this.departments(tx).get(actor, id);
      const before = await this.presentOne(actor, department, tx);
      const changed = await change(tx, actor, id, agent_id);
      const after = await this.presentOne(actor, department, tx);
      const { agent_ids } = after;
      tx.audit(actor, action, {
        resource: department,
        before: { agent_ids: before.agent_ids },
        after: { agent_ids },
        metadata: { agent_id },
      });
      await this.tellAgents(tx, actor, [changed]);
      return after;
    });
  }

  /** The departments whose agents changed, as they are now. */
  private async tellAgents(tx: Tx, actor: Actor, changes: readonly AgentChange[]): Promise<void> {
    const byDepartment = Map.groupBy(changes.filter(isReal), ({ department_id }) => department_id);
    if (!byDepartment.size) return;
    const departments = await this.departments(tx).many(actor, [...byDepartment.keys()]);
    for (const department of await this.present(actor, departments, tx)) this.tellUpdated(tx, department, byDepartment.get(department.id));
  }

  private tellUpdated(tx: Tx, department: DepartmentView, moves: readonly AgentChange[] = []): void {
    const { organization_id } = department;
    tx.tell('department.updated', { organization_id, department });
    for (const move of moves) tx.tell('department.agents_changed', { organization_id, ...move });
  }

  private async presentOne(actor: Actor, department: Department, tx?: Tx): Promise<DepartmentView> {
    const [view] = await this.present(actor, [department], tx);
    return view;
  }

  /** Departments as the API shows them; their figures in one query. */
  private async present(actor: Actor, departments: readonly Department[], tx?: Tx): Promise<DepartmentView[]> {
    if (!departments.length) return [];
    const ids = departments.map(({ id }) => id);
    const figures = await figuresOf(tx ?? this.database, actor, ids);
    return departments.map(({ deleted_at: _, ...department }) => ({ ...department, ...figures.get(department.id) }) as DepartmentView);
  }

  private departments(tx?: Tx): TenantRepository<Department> {
    return this.database.repository(Department, tx);
  }
}

const isReal = ({ added, removed }: AgentChange): boolean => added.length > 0 || removed.length > 0;

const withHours = <T extends Partial<Department>>(input: T): T =>
  input.business_hours ? { ...input, business_hours: toBusinessHours(input.business_hours) } : input;

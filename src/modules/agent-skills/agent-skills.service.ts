import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { changesOf } from '#common/changes';
import { Conflict, Invalid, NotFound } from '#common/errors';
import { type Page, type PageQuery, pageWindow, parseSort, toPage } from '#common/page.dto';
import { newId } from '#common/uuid';
import { Database, type Tx } from '#database/database';
import { onDuplicate } from '#database/database-errors';
import { type TenantRepository, escapeLike } from '#database/tenant-repository';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { UsersService } from '#modules/users/users.service';
import { agentRow, assertAgents } from '#modules/users/agents';
import { type AgentSkillCreate, type AgentSkillInput, type AgentSkillQuery, type AgentSkillUpdate, SKILLS_MAX } from './agent-skill.dto';
import { AgentSkill, PROFICIENCY_DEFAULT, skillKey } from './agent-skill.entity';

onDuplicate('agent_skills_key', () => new Conflict('already_exists', 'The agent has this skill already.'));

/** SQL: whose skill this row is may answer customers; the skills of others stay in their rows, unseen, until they may again. */
const ofAgent = (row: string): string =>
  `EXISTS (SELECT FROM users u WHERE u.organization_id = ${row}.organization_id AND u.id = ${row}.user_id AND ${agentRow('u')})`;

/** What agents can do, and how well. Who writes locks the organization: no agent becomes a viewer, and no list grows too long, meanwhile. */
@Injectable()
export class AgentSkillsService {
  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
    private readonly users: UsersService,
  ) {}

  async page(actor: Actor, query: AgentSkillQuery): Promise<Page<AgentSkill>> {
    const { user_id, skill_name, min_proficiency } = query;
    const page = await this.skills().page(actor, query, {
      search: ['skill_name'],
      sort: ['created_at', 'updated_at', 'skill_name', 'proficiency_level'],
      filter: { user_id, skill_key: skill_name === undefined ? undefined : skillKey(skill_name) },
      refine: (rows) => {
        rows.andWhere(ofAgent(rows.alias));
        if (min_proficiency !== undefined) rows.andWhere(`${rows.alias}.proficiency_level >= :min_proficiency`, { min_proficiency });
      },
    });
    return { ...page, items: page.items.map(shown) };
  }

  /** Of one user. @throws {NotFound} */
  async pageOf(actor: Actor, user_id: string, query: PageQuery): Promise<Page<AgentSkill>> {
    await this.users.get(actor, user_id);
    return this.page(actor, { ...query, user_id });
  }

  /** Names of skills there are, A to Z, each once whatever its case. */
  async names(actor: Actor, query: PageQuery): Promise<Page<string>> {
    const { skip, limit } = pageWindow(query);
    const [, direction] = parseSort(query.sort ?? 'skill_name:asc', ['skill_name']);
    const after = query.cursor === undefined ? null : Buffer.from(query.cursor, 'base64url').toString();
    const [{ names, total }] = await this.database.rows<{ names: string[]; total: number }>(
      `WITH known AS (SELECT DISTINCT ON (s.skill_key) s.skill_name AS name, fold(s.skill_name) AS place FROM agent_skills s
          WHERE s.organization_id = $1 AND ${ofAgent('s')} AND fold(s.skill_name) LIKE fold($2) ORDER BY s.skill_key, s.id)
       SELECT (SELECT count(*)::int FROM known) AS total, ARRAY(SELECT name FROM known
          WHERE $3::text IS NULL OR (place, name) ${direction === 'ASC' ? '>' : '<'} (fold($3), $3)
          ORDER BY place ${direction}, name ${direction} OFFSET $4 LIMIT $5) AS names`,
      [actor.organization_id, `%${escapeLike(query.search?.trim() ?? '')}%`, after, skip, limit + 1],
    );
    const items = names.slice(0, limit);
    const next_cursor = names.length > limit ? Buffer.from(items[limit - 1]).toString('base64url') : null;
    return toPage({ items, next_cursor }, { total, is_estimate: false }, query);
  }

  async get(actor: Actor, id: string): Promise<AgentSkill> {
    return shown(await this.find(actor, id));
  }

  /** By user, A to Z; one query, whatever their number (GraphQL). */
  async ofUsers(actor: Actor, user_ids: readonly string[], tx?: Tx): Promise<AgentSkill[][]> {
    const skills = this.skills(tx);
    const rows = await (tx ?? this.database).rows<Record<string, unknown>>(
      `SELECT ${skills.columnsOf('s')} FROM agent_skills s WHERE s.organization_id = $1 AND s.user_id = ANY($2) AND ${ofAgent('s')} ORDER BY fold(s.skill_name)`,
      [actor.organization_id, user_ids],
    );
    const byUser = Map.groupBy(
      rows.map((row) => shown(skills.hydrate(row))),
      ({ user_id }) => user_id,
    );
    return user_ids.map((id) => byUser.get(id) ?? []);
  }

  /** @throws {NotFound} The user. @throws {Invalid} `user_not_agent`, or one skill too many. @throws {Conflict} `already_exists`. */
  create(actor: Actor, { user_id, ...input }: AgentSkillCreate): Promise<AgentSkill> {
    return this.write(actor, async (tx) => {
      await assertAgents(tx, actor, [user_id], ['body', 'user_id']);
      const [skills] = await this.ofUsers(actor, [user_id], tx);
      if (skills.length >= SKILLS_MAX)
        throw Invalid.field('skill_name', `an agent has at most ${SKILLS_MAX} skills`, undefined, 'too_long');
      const agent_skill = shown(await this.skills(tx).insert(actor, { user_id, ...keyed(input) }));
      tx.audit(actor, 'agent_skill.added', { resource: named(agent_skill), after: agent_skill, metadata: { user_id } });
      tx.tell('agent_skill.added', { organization_id: actor.organization_id, agent_skill });
      return agent_skill;
    });
  }

  /** @throws {NotFound} Also another user's, where `user_id` is given. @throws {Conflict} `already_exists`. */
  update(actor: Actor, id: string, input: AgentSkillUpdate, user_id?: string): Promise<AgentSkill> {
    return this.write(actor, async (tx) => {
      const before = await this.find(actor, id, user_id, tx);
      const changes = changesOf(before, input);
      tx.audit(actor, 'agent_skill.updated', { resource: named(before), before, after: changes });
      if (!Object.keys(changes).length) return before;
      const agent_skill = shown(await this.skills(tx).patch(actor, id, keyed(changes)));
      tx.tell('agent_skill.updated', { organization_id: actor.organization_id, agent_skill });
      return agent_skill;
    });
  }

  /** For good. @throws {NotFound} Also another user's, where `user_id` is given. */
  async remove(actor: Actor, id: string, user_id?: string): Promise<void> {
    await this.write(actor, async (tx) => {
      const agent_skill = await this.find(actor, id, user_id, tx);
      await this.skills(tx).remove(actor, id);
      tx.audit(actor, 'agent_skill.removed', {
        resource: named(agent_skill),
        before: agent_skill,
        metadata: { user_id: agent_skill.user_id },
      });
      tx.tell('agent_skill.removed', { organization_id: actor.organization_id, agent_skill });
    });
  }

  /** These and no others; one that stays keeps its id. @throws {NotFound} The user. @throws {Invalid} `user_not_agent`. */
  replace(actor: Actor, user_id: string, input: readonly AgentSkillInput[]): Promise<Page<AgentSkill>> {
    const { organization_id } = actor;
    return this.write(actor, async (tx) => {
      await assertAgents(tx, actor, [user_id], ['path', 'user_id']);
      const [before] = await this.ofUsers(actor, [user_id], tx);
      const rows = input.map(({ skill_name, proficiency_level = PROFICIENCY_DEFAULT }) => ({
        id: newId(),
        organization_id,
        user_id,
        skill_name,
        skill_key: skillKey(skill_name),
        proficiency_level,
      }));
      await tx.rows('DELETE FROM agent_skills WHERE organization_id = $1 AND user_id = $2 AND skill_key <> ALL($3)', [
        organization_id,
        user_id,
        rows.map(({ skill_key }) => skill_key),
      ]);
      await this.skills(tx).insertAll(rows, OR_CHANGE);
      const [skills] = await this.ofUsers(actor, [user_id], tx);
      tx.audit(actor, 'agent_skill.replaced', {
        resource_type: 'user',
        resource: { id: user_id },
        before: { skills: levels(before) },
        after: { skills: levels(skills) },
      });
      tx.tell('agent_skill.replaced', { organization_id, user_id, agent_skills: skills });
      return toPage({ items: skills, next_cursor: null }, { total: skills.length, is_estimate: false }, { limit: SKILLS_MAX });
    });
  }

  private write<R>(actor: Actor, work: (tx: Tx) => Promise<R>): Promise<R> {
    return this.database.tx(async (tx) => {
      await this.organizations.lock(tx, actor);
      return work(tx);
    });
  }

  private async find(actor: Actor, id: string, user_id?: string, tx?: Tx): Promise<AgentSkill> {
    const found = this.skills(tx).query(actor, 'row').andWhere('row.id = :id', { id }).andWhere(ofAgent('row'));
    if (user_id !== undefined) found.andWhere('row.user_id = :user_id', { user_id });
    const skill = await found.getOne();
    if (!skill) throw new NotFound('Skill');
    return shown(skill);
  }

  private skills(tx?: Tx): TenantRepository<AgentSkill> {
    return this.database.repository(AgentSkill, tx);
  }
}

/** What a skill that is there already becomes. */
const OR_CHANGE = `ON CONFLICT (organization_id, user_id, skill_key) DO UPDATE
  SET skill_name = excluded.skill_name, proficiency_level = excluded.proficiency_level, updated_at = now()
  WHERE (agent_skills.skill_name, agent_skills.proficiency_level) <> (excluded.skill_name, excluded.proficiency_level)`;

/** With the name as it is compared. */
const keyed = <T extends Partial<AgentSkillInput>>(input: T): T & { skill_key?: string } =>
  input.skill_name === undefined ? input : { ...input, skill_key: skillKey(input.skill_name) };

/** A skill as the API shows it. */
const shown = ({ skill_key: _, ...skill }: AgentSkill): AgentSkill => skill;

const named = ({ id, skill_name }: AgentSkill): { id: string; name: string } => ({ id, name: skill_name });

/** For the audit log. */
const levels = (skills: readonly AgentSkill[]): Record<string, number> =>
  Object.fromEntries(skills.map(({ skill_name, proficiency_level }) => [skill_name, proficiency_level]));

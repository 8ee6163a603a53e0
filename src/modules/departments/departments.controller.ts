import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { Allow, Caller, Resource } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { DEMO } from '#common/demo';
import { PageQuery } from '#common/page.dto';
import { Bodies, Room } from '#common/room';
import {
  AgentQuery,
  AgentSummaryPage,
  DepartmentCreate,
  DepartmentPage,
  DepartmentQuery,
  DepartmentRemoval,
  DepartmentStats,
  DepartmentTotals,
  DepartmentUpdate,
  DepartmentView,
} from './department.dto';
import { DepartmentsService } from './departments.service';

@Room('departments', 'Teams of agents, with hours of their own.', { department_id: DEMO.department_id })
@Controller('departments')
@Resource('departments')
export class DepartmentsController {
  constructor(private readonly departments: DepartmentsService) {}

  /** List departments, by name. `search` looks in name, slug and description. */
  @Get()
  @Allow('viewer')
  page(@Caller() actor: Actor, @Query() query: DepartmentQuery): Promise<DepartmentPage> {
    return this.departments.page(actor, query);
  }

  /**
   * Create a department.
   * @throws {403} The plan's departments are used up (`plan_limit_exceeded`).
   * @throws {404} An agent is not in this organization.
   * @throws {409} A department has this slug (`already_exists`).
   * @throws {422} Also an agent who does not answer customers (`user_not_agent`).
   */
  @Post()
  @Allow('org_admin')
  @Bodies({
    'a team': { name: 'Pós-venda', agent_ids: [DEMO.user_id] },
    'with hours of its own': {
      name: 'Suporte noturno',
      slug: 'noturno',
      color: '#10B981',
      timezone: 'America/Sao_Paulo',
      business_hours: { monday: { start: '18:00', end: '02:00' }, tuesday: { start: '18:00', end: '02:00' } },
      offline_message: 'Voltamos às 18h.',
      routing_mode: 'load_balance',
    },
  })
  create(@Caller() actor: Actor, @Body() input: DepartmentCreate): Promise<DepartmentView> {
    return this.departments.create(actor, input);
  }

  /** List active departments. */
  // The list, with one filter set (contract 10, 5).
  @Get('active')
  @Allow('viewer')
  active(@Caller() actor: Actor, @Query() query: PageQuery): Promise<DepartmentPage> {
    return this.departments.page(actor, { ...query, is_active: true });
  }

  /** The departments of the organization in numbers. */
  @Get('stats')
  @Allow('viewer')
  totals(@Caller() actor: Actor): Promise<DepartmentTotals> {
    return this.departments.totals(actor);
  }

  /** Get a department. */
  @Get(':department_id')
  @Allow('viewer')
  get(@Caller() actor: Actor, @Param('department_id', Uuid) id: string): Promise<DepartmentView> {
    return this.departments.get(actor, id);
  }

  /**
   * Update a department: absent keeps, null clears what may be empty. Inactive, it takes no new conversations.
   * @throws {404} The department or an agent is not in this organization.
   * @throws {409} Another department has this slug (`already_exists`).
   * @throws {422} Also an agent who does not answer customers (`user_not_agent`).
   */
  @Put(':department_id')
  @Allow('org_admin')
  @Bodies({
    'a few fields': { description: 'Pedidos e orçamentos', max_conversations_per_agent: 5 },
    'who answers': { agent_ids: [DEMO.user_id] },
  })
  update(@Caller() actor: Actor, @Param('department_id', Uuid) id: string, @Body() input: DepartmentUpdate): Promise<DepartmentView> {
    return this.departments.update(actor, id, input);
  }

  /**
   * Delete a department.
   * @throws {404} The department, or the one that takes over, is not in this organization.
   * @throws {409} It has queues, or open or pending conversations, and nobody takes over (`department_in_use`).
   * @throws {422} Also where the other department is inactive, or the department itself.
   */
  @Delete(':department_id')
  @HttpCode(204)
  @Allow('org_admin')
  remove(@Caller() actor: Actor, @Param('department_id', Uuid) id: string, @Query() query: DepartmentRemoval): Promise<void> {
    return this.departments.remove(actor, id, query.move_to_department_id);
  }

  /** A department in numbers. */
  @Get(':department_id/stats')
  @Allow('viewer')
  stats(@Caller() actor: Actor, @Param('department_id', Uuid) id: string): Promise<DepartmentStats> {
    return this.departments.stats(actor, id);
  }

  /** List the agents of a department. */
  @Get(':department_id/agents')
  @Allow('viewer')
  agents(@Caller() actor: Actor, @Param('department_id', Uuid) id: string, @Query() query: AgentQuery): Promise<AgentSummaryPage> {
    return this.departments.agents(actor, id, query);
  }

  /**
   * Add an agent; again: nothing changes.
   * @throws {404} The department or the agent is not in this organization.
   * @throws {422} Also somebody who does not answer customers (`user_not_agent`).
   */
  @Post(':department_id/agents/:agent_id')
  @HttpCode(200)
  @Allow('org_admin')
  addAgent(
    @Caller() actor: Actor,
    @Param('department_id', Uuid) id: string,
    @Param('agent_id', Uuid) agent_id: string,
  ): Promise<DepartmentView> {
    return this.departments.addAgent(actor, id, agent_id);
  }

  /**
   * Remove an agent, whose open conversations stay theirs; again: nothing changes.
   * @throws {404} The department or the agent is not in this organization.
   */
  @Delete(':department_id/agents/:agent_id')
  @Allow('org_admin')
  removeAgent(
    @Caller() actor: Actor,
    @Param('department_id', Uuid) id: string,
    @Param('agent_id', Uuid) agent_id: string,
  ): Promise<DepartmentView> {
    return this.departments.removeAgent(actor, id, agent_id);
  }
}

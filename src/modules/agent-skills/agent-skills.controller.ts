import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { Allow, Caller, Resource } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { DEMO } from '#common/demo';
import { PageQuery } from '#common/page.dto';
import { Bodies, Room } from '#common/room';
import { AgentSkillCreate, AgentSkillPage, AgentSkillQuery, AgentSkillUpdate, SkillNamePage } from './agent-skill.dto';
import { AgentSkill } from './agent-skill.entity';
import { AgentSkillsService } from './agent-skills.service';

@Room('agent-skills', 'What agents can do, and how well; for routing by skills.', { skill_id: DEMO.skill_id })
@Controller('agent-skills')
@Resource('users')
export class AgentSkillsController {
  constructor(private readonly skills: AgentSkillsService) {}

  /** List the skills of all agents. */
  @Get()
  @Allow('viewer')
  page(@Caller() actor: Actor, @Query() query: AgentSkillQuery): Promise<AgentSkillPage> {
    return this.skills.page(actor, query);
  }

  /**
   * Give an agent a skill; 50 at most.
   * @throws {404} The user is not in this organization.
   * @throws {409} The agent has this skill already (`already_exists`).
   * @throws {422} Also somebody who does not answer customers (`user_not_agent`).
   */
  @Post()
  @Allow('org_admin')
  @Bodies({ 'a skill': { user_id: DEMO.user_id, skill_name: 'Espanhol', proficiency_level: 2 } })
  create(@Caller() actor: Actor, @Body() input: AgentSkillCreate): Promise<AgentSkill> {
    return this.skills.create(actor, input);
  }

  /** List the names of skills there are, A to Z, each once whatever its case. */
  @Get('available')
  @Allow('viewer')
  names(@Caller() actor: Actor, @Query() query: PageQuery): Promise<SkillNamePage> {
    return this.skills.names(actor, query);
  }

  /** Get a skill of an agent. */
  @Get(':skill_id')
  @Allow('viewer')
  get(@Caller() actor: Actor, @Param('skill_id', Uuid) id: string): Promise<AgentSkill> {
    return this.skills.get(actor, id);
  }

  /**
   * Change a skill: absent keeps.
   * @throws {409} The agent has a skill of this name (`already_exists`).
   */
  @Put(':skill_id')
  @Allow('org_admin')
  @Bodies({ 'another level': { proficiency_level: 5 } })
  update(@Caller() actor: Actor, @Param('skill_id', Uuid) id: string, @Body() input: AgentSkillUpdate): Promise<AgentSkill> {
    return this.skills.update(actor, id, input);
  }

  /** Take a skill from its agent, for good. */
  @Delete(':skill_id')
  @HttpCode(204)
  @Allow('org_admin')
  remove(@Caller() actor: Actor, @Param('skill_id', Uuid) id: string): Promise<void> {
    return this.skills.remove(actor, id);
  }
}

import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { Allow, Caller, Resource } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { PageQuery } from '#common/page.dto';
import { Bodies, Room } from '#common/room';
import { AgentSkillInput, AgentSkillPage, AgentSkillReplace, AgentSkillUpdate, SkillNamePage } from './agent-skill.dto';
import { AgentSkill } from './agent-skill.entity';
import { AgentSkillsService } from './agent-skills.service';

/** The skills of one user: the same as under /agent-skills, with the user in the path (contract 10, 7). */
@Room('agent-skills')
@Controller('users')
@Resource('users')
export class UserSkillsController {
  constructor(private readonly skills: AgentSkillsService) {}

  /** List the names of skills there are, A to Z, each once whatever its case. */
  @Get('skills/available')
  @Allow('viewer')
  names(@Caller() actor: Actor, @Query() query: PageQuery): Promise<SkillNamePage> {
    return this.skills.names(actor, query);
  }

  /** List the skills of a user. */
  @Get(':user_id/skills')
  @Allow('viewer')
  page(@Caller() actor: Actor, @Param('user_id', Uuid) user_id: string, @Query() query: PageQuery): Promise<AgentSkillPage> {
    return this.skills.pageOf(actor, user_id, query);
  }

  /**
   * Give a user a skill; 50 at most.
   * @throws {404} The user is not in this organization.
   * @throws {409} The agent has this skill already (`already_exists`).
   * @throws {422} Also somebody who does not answer customers (`user_not_agent`).
   */
  @Post(':user_id/skills')
  @Allow('org_admin')
  @Bodies({ 'a skill': { skill_name: 'Libras', proficiency_level: 3 } })
  create(@Caller() actor: Actor, @Param('user_id', Uuid) user_id: string, @Body() input: AgentSkillInput): Promise<AgentSkill> {
    return this.skills.create(actor, { ...input, user_id });
  }

  /**
   * Replace all skills of a user. The list alone is a body too. A skill that stays keeps its id.
   * @throws {404} The user is not in this organization.
   * @throws {422} Also a skill named twice, and somebody who does not answer customers (`user_not_agent`).
   */
  @Put(':user_id/skills')
  @Allow('org_admin')
  @Bodies({ 'two skills': { skills: [{ skill_name: 'Inglês', proficiency_level: 4 }, { skill_name: 'Vendas' }] }, none: { skills: [] } })
  replace(@Caller() actor: Actor, @Param('user_id', Uuid) user_id: string, @Body() input: AgentSkillReplace): Promise<AgentSkillPage> {
    return this.skills.replace(actor, user_id, input.skills);
  }

  /**
   * Change a skill of a user: absent keeps.
   * @throws {404} Also a skill of another user.
   * @throws {409} The agent has a skill of this name (`already_exists`).
   */
  @Put(':user_id/skills/:skill_id')
  @Allow('org_admin')
  @Bodies({ 'another level': { proficiency_level: 5 } })
  update(
    @Caller() actor: Actor,
    @Param('user_id', Uuid) user_id: string,
    @Param('skill_id', Uuid) id: string,
    @Body() input: AgentSkillUpdate,
  ): Promise<AgentSkill> {
    return this.skills.update(actor, id, input, user_id);
  }

  /**
   * Take a skill from a user, for good.
   * @throws {404} Also a skill of another user.
   */
  @Delete(':user_id/skills/:skill_id')
  @HttpCode(204)
  @Allow('org_admin')
  remove(@Caller() actor: Actor, @Param('user_id', Uuid) user_id: string, @Param('skill_id', Uuid) id: string): Promise<void> {
    return this.skills.remove(actor, id, user_id);
  }
}

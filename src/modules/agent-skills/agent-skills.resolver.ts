import { Args, Context, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Allow, Caller, Resource } from '#access/decorators';
import { GraphqlContext } from '#api/graphql-context';
import { IdArg } from '#api/graphql-id';
import { Actor } from '#common/actor';
import type { Page } from '#common/page.dto';
import { User } from '#modules/users/user.entity';
import { AgentSkillArgs, AgentSkillReplace } from './agent-skill.dto';
import { AgentSkill } from './agent-skill.entity';
import { AgentSkillsService } from './agent-skills.service';

@Resolver(() => User)
@Resource('users')
export class AgentSkillsResolver {
  constructor(private readonly skills: AgentSkillsService) {}

  @Query(() => [AgentSkill], { name: 'agent_skills', description: 'A page of skills, of all agents or of one.' })
  @Allow('viewer')
  list(@Caller() actor: Actor, @Args() query: AgentSkillArgs): Promise<Page<AgentSkill>> {
    return this.skills.page(actor, query);
  }

  @Mutation(() => [AgentSkill], { description: 'Replace all skills of a user.' })
  @Allow('org_admin')
  async replaceUserSkills(
    @Caller() actor: Actor,
    @IdArg('user_id') user_id: string,
    @Args() { skills }: AgentSkillReplace,
  ): Promise<AgentSkill[]> {
    return (await this.skills.replace(actor, user_id, skills)).items;
  }

  /** What they can do, A to Z. Who may see the user may see it; the users of one answer cost one query. */
  @ResolveField(() => [AgentSkill], { name: 'skills' })
  skillsOf(@Parent() { organization_id, id }: User, @Context() context: GraphqlContext): Promise<AgentSkill[]> {
    return context.loader(`skills ${organization_id}`, (ids) => this.skills.ofUsers(Actor.system(organization_id), ids)).load(id);
  }
}

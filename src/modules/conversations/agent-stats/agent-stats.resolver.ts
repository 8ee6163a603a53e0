import { Args, Query, Resolver } from '@nestjs/graphql';
import { Allow, Caller, OwnAccount, Resource } from '#access/decorators';
import { IdArg } from '#api/graphql-id';
import type { Actor } from '#common/actor';
import { StatsArgs, UserStats } from './agent-stats.dto';
import { AgentStatsService } from './agent-stats.service';

@Resolver(() => UserStats)
@Resource('users')
export class AgentStatsResolver {
  constructor(private readonly stats: AgentStatsService) {}

  @Query(() => UserStats, { description: "A member's work with customers, in numbers." })
  @Allow('viewer')
  user_stats(@Caller() actor: Actor, @IdArg() id: string, @Args() query: StatsArgs): Promise<UserStats> {
    return this.stats.get(actor, id, query);
  }

  @Query(() => UserStats, { description: 'Your work with customers, in numbers.' })
  @Allow('viewer')
  @OwnAccount()
  my_stats(@Caller() actor: Actor, @Args() query: StatsArgs): Promise<UserStats> {
    return this.stats.own(actor, query);
  }
}

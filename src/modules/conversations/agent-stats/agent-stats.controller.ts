import { Controller, Get, Param, Query } from '@nestjs/common';
import { Allow, Caller, OwnAccount, Resource } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { PeriodQuery } from '#common/period.dto';
import { Room } from '#common/room';
import { UserStats } from './agent-stats.dto';
import { AgentStatsService } from './agent-stats.service';

/** Stands here and not with the users: what is counted are conversations and messages. */
@Room('users')
@Controller('users')
@Resource('users')
export class AgentStatsController {
  constructor(private readonly stats: AgentStatsService) {}

  /** Your work with customers, in numbers. */
  @Get('me/stats')
  @Allow('viewer')
  @OwnAccount()
  own(@Caller() actor: Actor, @Query() query: PeriodQuery): Promise<UserStats> {
    return this.stats.own(actor, query);
  }

  /** A member's work with customers, in numbers. */
  @Get(':user_id/stats')
  @Allow('viewer')
  get(@Caller() actor: Actor, @Param('user_id', Uuid) id: string, @Query() query: PeriodQuery): Promise<UserStats> {
    return this.stats.get(actor, id, query);
  }
}

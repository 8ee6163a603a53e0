import { Controller, Get, Query } from '@nestjs/common';
import { Allow, Caller, Resource } from '#access/decorators';
import type { Actor } from '#common/actor';
import { Room } from '#common/room';
import { ConversationFigures } from './conversation-figures';
import { ConversationMetrics, ConversationMetricsQuery, ConversationStats, ConversationStatsQuery } from './conversation-figures.dto';

@Room('conversations')
@Controller('conversations')
@Resource('conversations')
export class ConversationFiguresController {
  constructor(private readonly figures: ConversationFigures) {}

  /** The inbox at this moment, in numbers. */
  @Get('metrics')
  @Allow('viewer')
  metrics(@Caller() actor: Actor, @Query() query: ConversationMetricsQuery): Promise<ConversationMetrics> {
    return this.figures.metrics(actor, query);
  }

  /** A period of the inbox, in numbers. */
  @Get('stats')
  @Allow('viewer')
  stats(@Caller() actor: Actor, @Query() query: ConversationStatsQuery): Promise<ConversationStats> {
    return this.figures.stats(actor, query);
  }
}

import { Controller, Get, Query } from '@nestjs/common';
import { Allow, Caller, Resource } from '#access/decorators';
import type { Actor } from '#common/actor';
import { Room } from '#common/room';
import { SlaAlerts } from './sla-alerts';
import { SlaAlertPage, SlaAlertQuery } from './sla-alerts.dto';

/** Stands here and not with the conversations: the clock is the queue's. */
@Room('conversations')
@Controller('conversations')
@Resource('conversations')
export class SlaAlertsController {
  constructor(private readonly alerts: SlaAlerts) {}

  /** List the conversations that wait and whose SLA is nearly over, or over. Of more than 1,000 the shortest waits are left out. */
  @Get('sla-alerts')
  @Allow('viewer')
  page(@Caller() actor: Actor, @Query() query: SlaAlertQuery): Promise<SlaAlertPage> {
    return this.alerts.page(actor, query);
  }
}

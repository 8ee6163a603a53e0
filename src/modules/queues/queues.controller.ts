import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiOkResponse, ApiParam } from '@nestjs/swagger';
import { Allow, Caller, Resource } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { DEMO } from '#common/demo';
import { type Page, PageQuery } from '#common/page.dto';
import { Bodies, Room } from '#common/room';
import { ConversationPage, ConversationView } from '#modules/conversations/conversation.dto';
import {
  QueueAgentPage,
  QueueBulkDelete,
  QueueCreate,
  QueueOfSlug,
  QueuePage,
  QueueQuery,
  QueueRemoval,
  QueueReorder,
  QueueUpdate,
  QueueView,
} from './queue.dto';
import { MetricsQuery, QueueMetrics, QueueStats } from './queue-reports.dto';
import { QueuesService } from './queues.service';
import { QueueReports } from './queue-reports';
import { RemoveQueues } from './remove-queues';
import { PullConversation } from './routing/pull-conversation';
import { WaitingLine } from './waiting-line';

@Room('queues', 'Lines of conversations that wait for people: who serves them, in which order, within which time.', {
  queue_id: DEMO.queue_id,
  offer_id: DEMO.queue_offer_id,
})
@Controller('queues')
@Resource('queues')
export class QueuesController {
  constructor(
    private readonly queues: QueuesService,
    private readonly reports: QueueReports,
    private readonly removal: RemoveQueues,
    private readonly pulling: PullConversation,
    private readonly line: WaitingLine,
  ) {}

  /** List queues, those that are served first first. `search` looks in name, slug and description. */
  @Get()
  @Allow('viewer')
  page(@Caller() actor: Actor, @Query() query: QueueQuery): Promise<QueuePage> {
    return this.queues.page(actor, query);
  }

  /**
   * Create a queue.
   * @throws {404} The department, an agent or the overflow queue is not in this organization.
   * @throws {409} A queue of the department has this slug (`already_exists`).
   */
  @Post()
  @Allow('org_admin')
  @Bodies({
    'a queue': { department_id: DEMO.department_id, name: 'Trocas', sla_minutes: 30 },
    'by skills, with hours of its own': {
      department_id: DEMO.department_id,
      name: 'Inglês',
      routing_mode: 'skills_based',
      max_queue_size: 50,
      settings: {
        skills_required: ['Inglês'],
        min_proficiency: 3,
        business_hours: {
          timezone: 'America/Sao_Paulo',
          schedule: {
            monday: [
              { start: '09:00', end: '12:00' },
              { start: '13:00', end: '18:00' },
            ],
          },
          national_holidays: 'BR',
        },
        offline_message: 'Voltamos amanhã às 9h.',
      },
    },
  })
  create(@Caller() actor: Actor, @Body() input: QueueCreate): Promise<QueueView> {
    return this.queues.create(actor, input);
  }

  /**
   * Delete several queues.
   * @throws {404} None of them is there, or the queue to move to is not.
   * @throws {409} One has open conversations and there is no queue to move them to (`queue_not_empty`): none is deleted.
   */
  @Post('bulk-delete')
  @HttpCode(204)
  @Allow('org_admin')
  @Bodies({ 'two, one of which is there': { queue_ids: [DEMO.queue_id, DEMO.queue_offer_id] } })
  removeAll(@Caller() actor: Actor, @Body() input: QueueBulkDelete): Promise<void> {
    return this.removal.removeAll(actor, input);
  }

  /**
   * Set the priorities of several queues, all or none.
   * @throws {404} One of them is not there.
   */
  @Post('reorder')
  @HttpCode(200)
  @Allow('org_admin')
  @Bodies({ 'one first': { reorders: [{ queue_id: DEMO.queue_id, new_priority: 90 }] } })
  reorder(@Caller() actor: Actor, @Body() input: QueueReorder): Promise<QueuePage> {
    return this.queues.reorder(actor, input);
  }

  /**
   * Get a queue by its slug.
   * @throws {409} Queues of several departments have it and the query does not say which (`ambiguous_slug`).
   */
  @Get('by-slug/:slug')
  @Allow('viewer')
  @ApiParam({ name: 'slug', schema: { type: 'string', example: DEMO.queue_slug } })
  bySlug(@Caller() actor: Actor, @Param('slug') slug: string, @Query() query: QueueOfSlug): Promise<QueueView> {
    return this.queues.bySlug(actor, slug, query.department_id);
  }

  /** Get a queue. */
  @Get(':queue_id')
  @Allow('viewer')
  get(@Caller() actor: Actor, @Param('queue_id', Uuid) id: string): Promise<QueueView> {
    return this.queues.get(actor, id);
  }

  /**
   * Update a queue: absent keeps, null clears.
   * @throws {404} The queue, the department, an agent or the overflow queue is not in this organization.
   * @throws {409} A queue of the department has this slug (`already_exists`).
   * @throws {422} Also queues that would overflow into each other (`overflow_cycle`).
   */
  @Put(':queue_id')
  @Allow('org_admin')
  @Bodies({ 'a few fields': { sla_minutes: 15, priority: 80 }, 'offered, not assigned': { settings: { offer_timeout_seconds: 30 } } })
  update(@Caller() actor: Actor, @Param('queue_id', Uuid) id: string, @Body() input: QueueUpdate): Promise<QueueView> {
    return this.queues.update(actor, id, input);
  }

  /**
   * Delete a queue; closed conversations keep it.
   * @throws {404} The queue, or the one to move to, is not there.
   * @throws {409} It has open conversations and there is no queue to move them to (`queue_not_empty`).
   */
  @Delete(':queue_id')
  @HttpCode(204)
  @Allow('org_admin')
  remove(@Caller() actor: Actor, @Param('queue_id', Uuid) id: string, @Query() query: QueueRemoval): Promise<void> {
    return this.removal.remove(actor, id, query.move_to_queue_id);
  }

  /** How it is now. */
  @Get(':queue_id/stats')
  @Allow('viewer')
  stats(@Caller() actor: Actor, @Param('queue_id', Uuid) id: string): Promise<QueueStats> {
    return this.reports.stats(actor, id);
  }

  /** How it was, over the conversations that entered it in the last days. */
  @Get(':queue_id/metrics')
  @Allow('viewer')
  metrics(@Caller() actor: Actor, @Param('queue_id', Uuid) id: string, @Query() query: MetricsQuery): Promise<QueueMetrics> {
    return this.reports.metrics(actor, id, query.days);
  }

  /** List who may serve it, by name, and what is against the others of its team. */
  @Get(':queue_id/agents')
  @Allow('viewer')
  agents(@Caller() actor: Actor, @Param('queue_id', Uuid) id: string, @Query() query: PageQuery): Promise<QueueAgentPage> {
    return this.reports.agents(actor, id, query);
  }

  /** List the conversations that wait in it, next first. */
  @Get(':queue_id/conversations')
  @Allow('viewer')
  @ApiOkResponse({ type: ConversationPage })
  waiting(@Caller() actor: Actor, @Param('queue_id', Uuid) id: string, @Query() query: PageQuery): Promise<Page<ConversationView>> {
    return this.line.page(actor, { ...query, queue_id: id });
  }

  /**
   * Take the next conversation of this queue.
   * @throws {404} Nothing waits in it that one may serve (`queue_empty`), or there is no such queue.
   * @throws {409} It is closed (`queue_closed`), or one has as many conversations as one may (`agent_at_capacity`).
   */
  @Post(':queue_id/pull')
  @HttpCode(200)
  @Allow('agent')
  @ApiParam({ name: 'queue_id', schema: { type: 'string', format: 'uuid', example: DEMO.busy_queue_id } })
  pull(@Caller() actor: Actor, @Param('queue_id', Uuid) id: string): Promise<ConversationView> {
    return this.pulling.pull(actor, { queue_id: id });
  }
}

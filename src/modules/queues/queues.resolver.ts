import { Args, Context, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Allow, Caller, Resource } from '#access/decorators';
import { GraphqlContext } from '#api/graphql-context';
import { IdArg } from '#api/graphql-id';
import type { Actor } from '#common/actor';
import type { Page } from '#common/page.dto';
import { SuccessResponse } from '#common/success.dto';
import { ConversationView } from '#modules/conversations/conversation.dto';
import { DepartmentView } from '#modules/departments/department.dto';
import { DepartmentsService } from '#modules/departments/departments.service';
import { QueueArgs, QueueChoiceArgs, QueueCreate, QueueRemovalArgs, QueueReorder, QueueUpdate, QueueView, WaitingArgs } from './queue.dto';
import { MetricsArgs, QueueMetrics, QueueStats } from './queue-reports.dto';
import { QueueReports } from './queue-reports';
import { QueuesService } from './queues.service';
import { RemoveQueues } from './remove-queues';
import { PullConversation } from './routing/pull-conversation';
import { SlaAlerts } from './sla/sla-alerts';
import { SlaAlert, SlaAlertArgs } from './sla/sla-alerts.dto';
import { WaitingLine } from './waiting-line';

@Resolver(() => QueueView)
@Resource('queues')
export class QueuesResolver {
  constructor(
    private readonly queues: QueuesService,
    private readonly reports: QueueReports,
    private readonly removal: RemoveQueues,
    private readonly pulling: PullConversation,
    private readonly line: WaitingLine,
    private readonly departments: DepartmentsService,
    private readonly alerts: SlaAlerts,
  ) {}

  @Query(() => QueueView, { nullable: true, description: 'One queue.' })
  @Allow('viewer')
  queue(@Caller() actor: Actor, @IdArg() id: string): Promise<QueueView> {
    return this.queues.get(actor, id);
  }

  @Query(() => [QueueView], { name: 'queues', description: 'A page of queues, those that are served first first.' })
  @Allow('viewer')
  list(@Caller() actor: Actor, @Args() query: QueueArgs): Promise<Page<QueueView>> {
    return this.queues.page(actor, query);
  }

  @Query(() => QueueStats, { description: 'How a queue is now.' })
  @Allow('viewer')
  queue_stats(@Caller() actor: Actor, @IdArg('queue_id') queue_id: string): Promise<QueueStats> {
    return this.reports.stats(actor, queue_id);
  }

  @Query(() => QueueMetrics, { description: 'How a queue was in the last days.' })
  @Allow('viewer')
  queue_metrics(@Caller() actor: Actor, @IdArg('queue_id') queue_id: string, @Args() query: MetricsArgs): Promise<QueueMetrics> {
    return this.reports.metrics(actor, queue_id, query.days);
  }

  @Query(() => [ConversationView], { description: 'Conversations that wait, next first.' })
  @Allow('viewer')
  queue_conversations(@Caller() actor: Actor, @Args() query: WaitingArgs): Promise<Page<ConversationView>> {
    return this.line.page(actor, query);
  }

  @Query(() => [SlaAlert], { description: 'Conversations that wait and whose SLA is nearly over, or over; those that are furthest first.' })
  @Allow('viewer')
  @Resource('conversations')
  async sla_alerts(@Caller() actor: Actor, @Args() query: SlaAlertArgs): Promise<SlaAlert[]> {
    return (await this.alerts.page(actor, query)).items;
  }

  @ResolveField(() => DepartmentView, { name: 'department', nullable: true })
  departmentOf(@Parent() queue: QueueView, @Context() context: GraphqlContext): Promise<DepartmentView | null> {
    const actor = context.assertMayRead('departments');
    return context.loader('department', (ids) => this.departments.many(actor, ids)).load(queue.department_id);
  }

  @Mutation(() => QueueView, { description: 'Create a queue.' })
  @Allow('org_admin')
  createQueue(@Caller() actor: Actor, @Args('input') input: QueueCreate): Promise<QueueView> {
    return this.queues.create(actor, input);
  }

  @Mutation(() => QueueView, { description: 'Update a queue: absent keeps, null clears.' })
  @Allow('org_admin')
  updateQueue(@Caller() actor: Actor, @IdArg() id: string, @Args('input') input: QueueUpdate): Promise<QueueView> {
    return this.queues.update(actor, id, input);
  }

  @Mutation(() => SuccessResponse, { description: 'Delete a queue; its open conversations go to another one.' })
  @Allow('org_admin')
  async deleteQueue(@Caller() actor: Actor, @IdArg() id: string, @Args() query: QueueRemovalArgs): Promise<SuccessResponse> {
    await this.removal.remove(actor, id, query.move_to_queue_id);
    return { success: true, message: 'Queue deleted' };
  }

  @Mutation(() => [QueueView], { description: 'Set the priorities of several queues, all or none.' })
  @Allow('org_admin')
  async reorderQueues(@Caller() actor: Actor, @Args() input: QueueReorder): Promise<QueueView[]> {
    return (await this.queues.reorder(actor, input)).items;
  }

  @Mutation(() => ConversationView, { description: 'Take the next conversation that waits and that one may serve.' })
  @Allow('agent')
  pullFromQueue(@Caller() actor: Actor, @Args() query: QueueChoiceArgs): Promise<ConversationView> {
    return this.pulling.pull(actor, query);
  }
}

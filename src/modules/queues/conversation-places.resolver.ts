import { Context, Parent, ResolveField, Resolver } from '@nestjs/graphql';
import { GraphqlContext } from '#api/graphql-context';
import { ConversationView } from '#modules/conversations/conversation.dto';
import { DepartmentView } from '#modules/departments/department.dto';
import { DepartmentsService } from '#modules/departments/departments.service';
import { QueueView } from './queue.dto';
import { QueuesService } from './queues.service';

/** Where a conversation is: its department and its queue, each one query for all conversations of an answer. */
@Resolver(() => ConversationView)
export class ConversationPlacesResolver {
  constructor(
    private readonly departments: DepartmentsService,
    private readonly queues: QueuesService,
  ) {}

  @ResolveField(() => DepartmentView, { name: 'department', nullable: true })
  departmentOf(@Parent() { department_id }: ConversationView, @Context() context: GraphqlContext): Promise<DepartmentView | null> | null {
    const actor = context.assertMayRead('departments');
    return department_id ? context.loader('department', (ids) => this.departments.many(actor, ids)).load(department_id) : null;
  }

  @ResolveField(() => QueueView, { name: 'queue', nullable: true })
  queueOf(@Parent() { queue_id }: ConversationView, @Context() context: GraphqlContext): Promise<QueueView | null> | null {
    const actor = context.assertMayRead('queues');
    return queue_id ? context.loader('queue', (ids) => this.queues.many(actor, ids)).load(queue_id) : null;
  }
}

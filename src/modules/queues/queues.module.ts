import { Module } from '@nestjs/common';
import { ConversationsModule } from '#modules/conversations/conversations.module';
import { DepartmentsModule } from '#modules/departments/departments.module';
import { NotificationsModule } from '#modules/notifications/notifications.module';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import './queues.access';
import './department-queues';
import './entering';
import './queues.demo';
import './queues.errors';
import './queues.events';
import { ConversationPlacesResolver } from './conversation-places.resolver';
import { OffersService } from './offers/offers.service';
import { QueueNotices } from './queue-notices';
import { QueueReports } from './queue-reports';
import { QueueTriggers } from './queue-triggers';
import { QueuesController } from './queues.controller';
import { QueuesRealtime } from './queues.realtime';
import { QueuesResolver } from './queues.resolver';
import { QueuesService } from './queues.service';
import { RemoveQueues } from './remove-queues';
import { ReturnConversations } from './return-conversations';
import { PullConversation } from './routing/pull-conversation';
import { RouteQueues } from './routing/route-queues';
import { SlaAlerts } from './sla/sla-alerts';
import { SlaAlertsController } from './sla/sla-alerts.controller';
import { SlaClock } from './sla/sla-clock';
import { SlaWebhooks } from './sla/sla-webhooks';
import { WaitingController } from './waiting.controller';
import { WaitingLine } from './waiting-line';

/** Where conversations wait for people, and who gets which. */
@Module({
  imports: [OrganizationsModule, NotificationsModule, DepartmentsModule, ConversationsModule],
  controllers: [QueuesController, WaitingController, SlaAlertsController],
  providers: [
    QueuesService,
    QueueReports,
    RemoveQueues,
    RouteQueues,
    PullConversation,
    ReturnConversations,
    OffersService,
    WaitingLine,
    SlaClock,
    SlaAlerts,
    SlaWebhooks,
    QueueNotices,
    QueueTriggers,
    QueuesRealtime,
    QueuesResolver,
    ConversationPlacesResolver,
  ],
  exports: [RouteQueues],
})
export class QueuesModule {}

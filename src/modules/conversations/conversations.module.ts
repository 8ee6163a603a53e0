import { Module } from '@nestjs/common';
import { JobsModule } from '#jobs/jobs.module';
import { ContactsModule } from '#modules/contacts/contacts.module';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import { NotificationsModule } from '#modules/notifications/notifications.module';
import { UsersModule } from '#modules/users/users.module';
import { WhatsAppModule } from '#modules/whatsapp/whatsapp.module';
import './conversations.errors';
import './conversations.events';
import './state/departments';
import './state/merging';
import { AgentStatsController } from './agent-stats/agent-stats.controller';
import { AgentStatsResolver } from './agent-stats/agent-stats.resolver';
import { AgentStatsService } from './agent-stats/agent-stats.service';
import { ConversationsController } from './conversations.controller';
import { ConversationsRealtime } from './conversations.realtime';
import { ConversationsResolver } from './conversations.resolver';
import { ConversationsService } from './conversations.service';
import { Filing } from './filing/filing';
import { InboundWorker } from './filing/inbound.worker';
import { InboxGauges } from './inbox.metrics';
import { InboxWebhooks } from './inbox-webhooks';
import { DeliverMessage } from './messages/deliver-message';
import { MessageFiles } from './messages/message-files';
import { MessagesController } from './messages/messages.controller';
import { MessagesService } from './messages/messages.service';
import { PurgeMessages } from './messages/purge-messages';
import { ReadReceiptJobs } from './messages/read-receipts.jobs';
import { SendMessage } from './messages/send-message';
import { AbsentAgents } from './notices/absent-agents';
import { InboxNotices } from './notices/inbox-notices';
import { MissedMessages } from './notices/missed-messages';

/** The shared inbox: what comes in is filed here, what goes out starts here. */
@Module({
  imports: [
    OrganizationsModule,
    ContactsModule,
    UsersModule,
    NotificationsModule,
    WhatsAppModule,
    JobsModule.register('whatsapp-receipts'),
  ],
  // MessagesController first: `/whatsapp/messages` and `/whatsapp/send` are not numbers.
  controllers: [MessagesController, ConversationsController, AgentStatsController],
  providers: [
    ConversationsService,
    MessagesService,
    PurgeMessages,
    SendMessage,
    DeliverMessage,
    MessageFiles,
    ReadReceiptJobs,
    InboxGauges,
    InboxWebhooks,
    Filing,
    InboundWorker,
    ConversationsRealtime,
    ConversationsResolver,
    AgentStatsService,
    AgentStatsResolver,
    InboxNotices,
    MissedMessages,
    AbsentAgents,
  ],
  exports: [ConversationsService, MessagesService, PurgeMessages, SendMessage, InboundWorker],
})
export class ConversationsModule {}

import { Module } from '@nestjs/common';
import { JobsModule } from '#jobs/jobs.module';
import { ContactsModule } from '#modules/contacts/contacts.module';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import { NotificationsModule } from '#modules/notifications/notifications.module';
import { UsersModule } from '#modules/users/users.module';
import { WhatsAppModule } from '#modules/whatsapp/whatsapp.module';
import './conversations.access';
import './conversations.errors';
import './conversations.events';
import './contact-timeline';
import './state/departments';
import './state/merging';
import { AgentStatsController } from './agent-stats/agent-stats.controller';
import { AgentStatsResolver } from './agent-stats/agent-stats.resolver';
import { AgentStatsService } from './agent-stats/agent-stats.service';
import { ContactStatsController } from './contact-stats/contact-stats.controller';
import { ContactStatsResolver } from './contact-stats/contact-stats.resolver';
import { ContactStatsService } from './contact-stats/contact-stats.service';
import { AutoMessages } from './auto-messages';
import { ContactConversationsResolver } from './contact-conversations.resolver';
import { ConversationsController } from './conversations.controller';
import { ConversationsRealtime } from './conversations.realtime';
import { ConversationsResolver } from './conversations.resolver';
import { ConversationsService } from './conversations.service';
import { ConversationFigures } from './figures/conversation-figures';
import { ConversationFiguresController } from './figures/conversation-figures.controller';
import { Filing } from './filing/filing';
import { InboundWorker } from './filing/inbound.worker';
import { InboxGauges } from './inbox.metrics';
import { InboxWebhooks } from './inbox-webhooks';
import { CheckSend } from './messages/check-send';
import { DeliverMessage } from './messages/deliver-message';
import { LimitResets } from './messages/limit-resets';
import { MessageFiles } from './messages/message-files';
import { MessageSenderResolver } from './messages/message-sender.resolver';
import { MessagesController } from './messages/messages.controller';
import { MessagesService } from './messages/messages.service';
import { PhoneRequests } from './messages/phone-requests';
import { PhoneRequestsController } from './messages/phone-requests.controller';
import { PhoneRequestsResolver } from './messages/phone-requests.resolver';
import { PurgeMessages } from './messages/purge-messages';
import { ReadReceiptJobs } from './messages/read-receipts.jobs';
import { SearchMessages } from './messages/search-messages';
import { SendMessage } from './messages/send-message';
import { ShowTyping } from './messages/show-typing';
import { StopWordReader } from './stop-words';
import { Surveys } from './surveys/surveys';
import { PdfTranscripts } from './transcripts/pdf/pdf-transcripts';
import { TranscriptsController } from './transcripts/transcripts.controller';
import { Transcripts } from './transcripts/transcripts.service';
import { AbsentAgents } from './notices/absent-agents';
import { InboxNotices } from './notices/inbox-notices';
import { MissedMessages } from './notices/missed-messages';
import { WindowMonitor } from './notices/window-monitor';

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
  controllers: [
    MessagesController,
    ConversationsController,
    TranscriptsController,
    ConversationFiguresController,
    AgentStatsController,
    ContactStatsController,
    PhoneRequestsController,
  ],
  providers: [
    ConversationsService,
    ConversationFigures,
    MessagesService,
    PurgeMessages,
    SearchMessages,
    SendMessage,
    CheckSend,
    DeliverMessage,
    LimitResets,
    MessageFiles,
    ReadReceiptJobs,
    ShowTyping,
    InboxGauges,
    InboxWebhooks,
    Filing,
    InboundWorker,
    ConversationsRealtime,
    ConversationsResolver,
    ContactConversationsResolver,
    MessageSenderResolver,
    AgentStatsService,
    AgentStatsResolver,
    ContactStatsService,
    ContactStatsResolver,
    PhoneRequests,
    PhoneRequestsResolver,
    InboxNotices,
    MissedMessages,
    AbsentAgents,
    AutoMessages,
    StopWordReader,
    WindowMonitor,
    Surveys,
    Transcripts,
    PdfTranscripts,
  ],
  exports: [ConversationsService, MessagesService, PurgeMessages, SendMessage, InboundWorker],
})
export class ConversationsModule {}

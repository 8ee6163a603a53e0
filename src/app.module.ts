import { type DynamicModule, Module } from '@nestjs/common';
import { AccessModule } from '#access/access.module';
import { ApiModule } from '#api/api.module';
import { Config } from '#config/config';
import { FactsModule } from '#events/facts.module';
import { JobsModule } from '#jobs/jobs.module';
import { AgentSkillsModule } from '#modules/agent-skills/agent-skills.module';
import { MailModule } from '#mail/mail.module';
import { ApiKeysModule } from '#modules/api-keys/api-keys.module';
import { AuditLogsModule } from '#modules/audit/audit-logs.module';
import { AuditModule } from '#modules/audit/audit.module';
import { AuthModule } from '#modules/auth/auth.module';
import { ContactsModule } from '#modules/contacts/contacts.module';
import { ConversationsModule } from '#modules/conversations/conversations.module';
import { DepartmentsModule } from '#modules/departments/departments.module';
import { NotificationsModule } from '#modules/notifications/notifications.module';
import { OperationsModule } from '#modules/operations/operations.module';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import { PrivacyModule } from '#modules/privacy/privacy.module';
import { QueuesModule } from '#modules/queues/queues.module';
import { SecretsModule } from '#modules/secrets/secrets.module';
import { SimulatorModule } from '#modules/simulator/simulator.module';
import { TagsModule } from '#modules/tags/tags.module';
import { UsersModule } from '#modules/users/users.module';
import { WebhooksModule } from '#modules/webhooks/webhooks.module';
import { WebsocketModule } from '#modules/websocket/websocket.module';
import { WhatsAppModule } from '#modules/whatsapp/whatsapp.module';
import { RealtimeModule } from '#realtime/realtime.module';
import { ground } from './ground';
import { StoresModule } from './stores.module';

/** The table of contents: every room on its floor. */
@Module({})
export class AppModule {
  static forRoot(config: Config): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ...ground(config),
        FactsModule,
        JobsModule.forRootAsync({
          inject: [Config],
          useFactory: ({ redis_url, database_url, process_role }: Config) => ({ redis_url, database_url, role: process_role }),
        }),
        MailModule,
        RealtimeModule,
        AccessModule,
        ApiModule,
        StoresModule,

        // 1 who
        OrganizationsModule,
        UsersModule,
        NotificationsModule,
        AuthModule,
        ApiKeysModule,
        SecretsModule,
        AuditModule,
        AuditLogsModule,

        // 2 outside
        TagsModule,
        ContactsModule,
        SimulatorModule,
        WhatsAppModule,

        // 3 inbox
        DepartmentsModule,
        AgentSkillsModule,
        ConversationsModule,
        QueuesModule,

        // 5 the view
        WebhooksModule,
        PrivacyModule,
        WebsocketModule,
        OperationsModule,
      ],
    };
  }
}

import { type DynamicModule, Module } from '@nestjs/common';
import { AccessModule } from '#access/access.module';
import { ApiModule } from '#api/api.module';
import { EventsModule } from '#common/events';
import { Config } from '#config/config';
import { ConfigModule } from '#config/config.module';
import { DatabaseModule } from '#database/database.module';
import { MongoModule } from '#database/mongo.module';
import { FactsModule } from '#events/facts.module';
import { JobsModule } from '#jobs/jobs.module';
import { AuditModule } from '#modules/audit/audit.module';
import { AuthModule } from '#modules/auth/auth.module';
import { ContactsModule } from '#modules/contacts/contacts.module';
import { ConversationsModule } from '#modules/conversations/conversations.module';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import { SimulatorModule } from '#modules/simulator/simulator.module';
import { UsersModule } from '#modules/users/users.module';
import { WhatsAppModule } from '#modules/whatsapp/whatsapp.module';
import { ObservabilityModule } from '#observability/observability.module';
import { RealtimeModule } from '#realtime/realtime.module';
import { StoresModule } from './stores.module';

/** The table of contents: every room on its floor. */
@Module({})
export class AppModule {
  static forRoot(config: Config): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot(config),
        EventsModule,
        ObservabilityModule,
        DatabaseModule,
        FactsModule,
        MongoModule,
        JobsModule.forRootAsync({
          inject: [Config],
          useFactory: ({ redis_url, database_url, process_role }: Config) => ({ redis_url, database_url, role: process_role }),
        }),
        RealtimeModule,
        AccessModule,
        ApiModule,
        StoresModule,

        // 1 who
        OrganizationsModule,
        UsersModule,
        AuthModule,
        AuditModule,

        // 2 outside
        ContactsModule,
        SimulatorModule,
        WhatsAppModule,

        // 3 inbox
        ConversationsModule,
      ],
    };
  }
}

import { type DynamicModule, Module } from '@nestjs/common';
import { AccessModule } from '#access/access.module';
import { ApiModule } from '#api/api.module';
import { EventsModule } from '#common/events';
import type { Config } from '#config/config';
import { ConfigModule } from '#config/config.module';
import { DatabaseModule } from '#database/database.module';
import { AuthModule } from '#modules/auth/auth.module';
import { ContactsModule } from '#modules/contacts/contacts.module';
import { ConversationsModule } from '#modules/conversations/conversations.module';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import { UsersModule } from '#modules/users/users.module';
import { WhatsAppModule } from '#modules/whatsapp/whatsapp.module';
import { ObservabilityModule } from '#observability/observability.module';
import { RealtimeModule } from '#realtime/realtime.module';

/** The table of contents: every room on its floor. */
@Module({})
export class AppModule {
  static forRoot(config: Config): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot(config),
        EventsModule,
        DatabaseModule,
        ObservabilityModule,
        AccessModule,
        RealtimeModule,
        ApiModule,

        // 1 who
        OrganizationsModule,
        UsersModule,
        AuthModule,

        // 2 outside
        ContactsModule,
        WhatsAppModule,

        // 3 inbox
        ConversationsModule,
      ],
    };
  }
}

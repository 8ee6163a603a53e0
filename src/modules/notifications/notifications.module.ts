import { Module } from '@nestjs/common';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import { UsersModule } from '#modules/users/users.module';
import './notifications.demo';
import './notifications.events';
import './notifications.mails';
import { NoticeMails } from './notice-mails';
import { Notices } from './notices';
import { NotificationPreferences } from './notification-preferences';
import { NotificationsController } from './notifications.controller';
import { NotificationsRealtime } from './notifications.realtime';
import { NotificationsResolver } from './notifications.resolver';
import { NotificationsService } from './notifications.service';

/** What users are told of, and how they want to be told. */
@Module({
  imports: [OrganizationsModule, UsersModule],
  controllers: [NotificationsController],
  providers: [NotificationsService, NotificationPreferences, Notices, NoticeMails, NotificationsRealtime, NotificationsResolver],
  exports: [Notices],
})
export class NotificationsModule {}

import { Module } from '@nestjs/common';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import { UsersModule } from '#modules/users/users.module';
import './notifications.events';
import { Notices } from './notices';

/** What users are told of, and how they want to be told. */
@Module({
  imports: [OrganizationsModule, UsersModule],
  providers: [Notices],
  exports: [Notices],
})
export class NotificationsModule {}

import { Module } from '@nestjs/common';
import { NotificationsModule } from '#modules/notifications/notifications.module';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import { UsersModule } from '#modules/users/users.module';
import './departments.access';
import './departments.demo';
import './departments.errors';
import './departments.events';
import { DepartmentsController } from './departments.controller';
import { DepartmentsRealtime } from './departments.realtime';
import { DepartmentsResolver } from './departments.resolver';
import { DepartmentsService } from './departments.service';

/** Teams of agents. */
@Module({
  imports: [OrganizationsModule, UsersModule, NotificationsModule],
  controllers: [DepartmentsController],
  providers: [DepartmentsService, DepartmentsResolver, DepartmentsRealtime],
  exports: [DepartmentsService],
})
export class DepartmentsModule {}

import { Module } from '@nestjs/common';
import { NotificationsModule } from '#modules/notifications/notifications.module';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import { UsersModule } from '#modules/users/users.module';
import './auth.errors';
import { AuthController } from './auth.controller';
import { AuthResolver } from './auth.resolver';
import { AuthService } from './auth.service';
import { Recovery } from './recovery';
import { SecurityAlerts } from './security-alerts';
import { SuperAdmin } from './super-admin';

@Module({
  imports: [OrganizationsModule, UsersModule, NotificationsModule],
  controllers: [AuthController],
  providers: [AuthService, Recovery, AuthResolver, SuperAdmin, SecurityAlerts],
  exports: [AuthService],
})
export class AuthModule {}

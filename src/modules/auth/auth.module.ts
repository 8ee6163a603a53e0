import { Module } from '@nestjs/common';
import { NotificationsModule } from '#modules/notifications/notifications.module';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import { UsersModule } from '#modules/users/users.module';
import './auth.access';
import './auth.errors';
import { AccountPagesController } from './account-pages.controller';
import { AuthController } from './auth.controller';
import { AuthResolver } from './auth.resolver';
import { AuthService } from './auth.service';
import { OwnSessions } from './own-sessions';
import { OwnSessionsController } from './own-sessions.controller';
import { OwnSessionsResolver } from './own-sessions.resolver';
import { PasswordAlerts } from './password-alerts';
import { Recovery } from './recovery';
import { Registration } from './registration';
import { SecurityAlerts } from './security-alerts';
import { SessionTokens } from './session-tokens';
import { SuperAdmin } from './super-admin';
import { TwoFactorController } from './two-factor.controller';
import { TwoFactorResolver } from './two-factor.resolver';
import { TwoFactors } from './two-factors';
import { UserTwoFactorController } from './user-two-factor.controller';
import { UserTwoFactorResolver } from './user-two-factor.resolver';

@Module({
  imports: [OrganizationsModule, UsersModule, NotificationsModule],
  controllers: [AuthController, AccountPagesController, OwnSessionsController, TwoFactorController, UserTwoFactorController],
  providers: [
    AuthService,
    SessionTokens,
    Registration,
    Recovery,
    AuthResolver,
    OwnSessions,
    OwnSessionsResolver,
    TwoFactors,
    TwoFactorResolver,
    UserTwoFactorResolver,
    SuperAdmin,
    SecurityAlerts,
    PasswordAlerts,
  ],
  exports: [SecurityAlerts],
})
export class AuthModule {}

import { Module } from '@nestjs/common';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import { UsersModule } from '#modules/users/users.module';
import './auth.errors';
import { AuthController } from './auth.controller';
import { AuthResolver } from './auth.resolver';
import { AuthService } from './auth.service';
import { OwnSessions } from './own-sessions';
import { OwnSessionsController } from './own-sessions.controller';
import { OwnSessionsResolver } from './own-sessions.resolver';
import { Recovery } from './recovery';
import { SuperAdmin } from './super-admin';
import { TwoFactorController } from './two-factor.controller';
import { TwoFactorResolver } from './two-factor.resolver';
import { TwoFactors } from './two-factors';

@Module({
  imports: [OrganizationsModule, UsersModule],
  controllers: [AuthController, OwnSessionsController, TwoFactorController],
  providers: [AuthService, Recovery, AuthResolver, OwnSessions, OwnSessionsResolver, TwoFactors, TwoFactorResolver, SuperAdmin],
  exports: [AuthService],
})
export class AuthModule {}

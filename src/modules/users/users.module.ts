import { Module } from '@nestjs/common';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import './users.demo';
import './users.errors';
import './users.events';
import { AccountMails } from './account-mails';
import { ChangePassword } from './change-password';
import { LoginLocks } from './login-locks';
import { MailedTokens } from './mailed-tokens';
import { Memberships } from './memberships';
import { OwnPassword } from './own-password';
import { Passwords } from './passwords';
import { RolesController } from './roles.controller';
import { UserActivity } from './user-activity';
import { UserPermissionsService } from './user-permissions.service';
import { UsersController } from './users.controller';
import { UsersPresence } from './users.presence';
import { UsersResolver } from './users.resolver';
import { UsersService } from './users.service';

@Module({
  imports: [OrganizationsModule],
  controllers: [UsersController, RolesController],
  providers: [
    UsersService,
    UsersPresence,
    UsersResolver,
    UserPermissionsService,
    UserActivity,
    ChangePassword,
    OwnPassword,
    Memberships,
    Passwords,
    LoginLocks,
    AccountMails,
    MailedTokens,
  ],
  exports: [UsersService, AccountMails, MailedTokens, Memberships, Passwords, LoginLocks],
})
export class UsersModule {}

import { Module } from '@nestjs/common';
import { AuditLogsModule } from '#modules/audit/audit-logs.module';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import './users.access';
import './users.demo';
import './users.errors';
import './users.events';
import { AccountAccess } from './account-access';
import { AccountMails } from './account-mails';
import { ChangePassword } from './change-password';
import { Invitations } from './invitations';
import { FollowOrganization } from './follow-organization';
import { LoginLocks } from './login-locks';
import { MailedTokens } from './mailed-tokens';
import { NewUsers } from './new-users';
import { OwnPassword } from './own-password';
import { Passwords } from './passwords';
import { RolesController } from './roles.controller';
import { ShowUsers } from './show-users';
import { UserActivity } from './user-activity';
import { UserDepartments } from './user-departments';
import { UserPermissionsService } from './user-permissions.service';
import { UsersController } from './users.controller';
import { UsersPresence } from './users.presence';
import { UsersResolver } from './users.resolver';
import { UsersService } from './users.service';

@Module({
  imports: [OrganizationsModule, AuditLogsModule],
  controllers: [UsersController, RolesController],
  providers: [
    UsersService,
    NewUsers,
    ShowUsers,
    AccountAccess,
    FollowOrganization,
    UsersPresence,
    UsersResolver,
    UserPermissionsService,
    UserActivity,
    UserDepartments,
    ChangePassword,
    Invitations,
    OwnPassword,
    Passwords,
    LoginLocks,
    AccountMails,
    MailedTokens,
  ],
  exports: [UsersService, NewUsers, AccountAccess, UserDepartments, AccountMails, MailedTokens, Passwords, LoginLocks],
})
export class UsersModule {}

import { type DynamicModule, Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { MongooseModule } from '@nestjs/mongoose';
import { ApiKeys } from '#access/api-keys';
import { Sessions } from '#access/sessions';
import { Config } from '#config/config';
import { MailModule } from '#mail/mail.module';
import { AuditLog } from '#modules/audit/audit-log.entity';
import { AuditLogSchema } from '#modules/audit/audit-log.schema';
import { AuditService } from '#modules/audit/audit.service';
import { AuditStore } from '#modules/audit/audit-store';
import { Operator } from '#modules/auth/operator';
import { SecurityAlerts } from '#modules/auth/security-alerts';
import { SuperAdmin } from '#modules/auth/super-admin';
import { Followers } from '#modules/organizations/followers';
import { TwoFactors } from '#modules/auth/two-factors';
import { Notices } from '#modules/notifications/notices';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { PlanWarnings } from '#modules/organizations/plan-warnings';
import { AccountAccess } from '#modules/users/account-access';
import { AccountMails } from '#modules/users/account-mails';
import { Invitations } from '#modules/users/invitations';
import { LoginLocks } from '#modules/users/login-locks';
import { MailedTokens } from '#modules/users/mailed-tokens';
import { NewUsers } from '#modules/users/new-users';
import { OwnPassword } from '#modules/users/own-password';
import { Passwords } from '#modules/users/passwords';
import { ShowUsers } from '#modules/users/show-users';
import { UserDepartments } from '#modules/users/user-departments';
import { UsersService } from '#modules/users/users.service';
import { ground } from './ground';

/** The services of the first floor alone, for a command: no door, no job, no socket; what it mails a running PyTake sends. */
@Module({})
export class AdminModule {
  static forRoot(config: Config): DynamicModule {
    return {
      module: AdminModule,
      imports: [
        ...ground(config.withRole('api')),
        MailModule,
        JwtModule.register({}),
        MongooseModule.forFeature([{ name: AuditLog.name, schema: AuditLogSchema }]),
      ],
      providers: [
        Sessions,
        ApiKeys,
        AuditService,
        AuditStore,
        Followers,
        PlanWarnings,
        OrganizationsService,
        UsersService,
        NewUsers,
        ShowUsers,
        AccountAccess,
        AccountMails,
        Invitations,
        MailedTokens,
        UserDepartments,
        OwnPassword,
        Passwords,
        LoginLocks,
        SuperAdmin,
        Notices,
        SecurityAlerts,
        TwoFactors,
        Notices,
        Operator,
      ],
    };
  }
}

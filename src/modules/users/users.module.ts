import { Module } from '@nestjs/common';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import './users.demo';
import './users.errors';
import './users.events';
import { ChangePassword } from './change-password';
import { LoginLocks } from './login-locks';
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
  ],
  exports: [UsersService, Memberships, Passwords, LoginLocks],
})
export class UsersModule {}

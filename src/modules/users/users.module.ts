import { Module } from '@nestjs/common';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import './users.demo';
import './users.errors';
import './users.events';
import { LoginLocks } from './login-locks';
import { Passwords } from './passwords';
import { UserDepartments } from './user-departments';
import { UsersController } from './users.controller';
import { UsersPresence } from './users.presence';
import { UsersResolver } from './users.resolver';
import { UsersService } from './users.service';

@Module({
  imports: [OrganizationsModule],
  controllers: [UsersController],
  providers: [UsersService, UsersPresence, UsersResolver, UserDepartments, Passwords, LoginLocks],
  exports: [UsersService, UserDepartments, Passwords, LoginLocks],
})
export class UsersModule {}

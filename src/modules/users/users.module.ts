import { Module } from '@nestjs/common';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import './users.demo';
import './users.errors';
import './users.events';
import { FollowOrganization } from './follow-organization';
import { LoginLocks } from './login-locks';
import { Passwords } from './passwords';
import { UsersController } from './users.controller';
import { UsersPresence } from './users.presence';
import { UsersResolver } from './users.resolver';
import { UsersService } from './users.service';

@Module({
  imports: [OrganizationsModule],
  controllers: [UsersController],
  providers: [UsersService, FollowOrganization, UsersPresence, UsersResolver, Passwords, LoginLocks],
  exports: [UsersService, Passwords, LoginLocks],
})
export class UsersModule {}

import { Module } from '@nestjs/common';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import { UsersModule } from '#modules/users/users.module';
import './auth.errors';
import { AccountPagesController } from './account-pages.controller';
import { AuthController } from './auth.controller';
import { AuthResolver } from './auth.resolver';
import { AuthService } from './auth.service';
import { Recovery } from './recovery';
import { SuperAdmin } from './super-admin';

@Module({
  imports: [OrganizationsModule, UsersModule],
  controllers: [AuthController, AccountPagesController],
  providers: [AuthService, Recovery, AuthResolver, SuperAdmin],
  exports: [AuthService],
})
export class AuthModule {}

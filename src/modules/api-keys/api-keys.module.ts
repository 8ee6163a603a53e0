import { Module } from '@nestjs/common';
import { AuthModule } from '#modules/auth/auth.module';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import './api-keys.demo';
import './api-keys.errors';
import { ApiKeysController } from './api-keys.controller';
import { ApiKeysResolver } from './api-keys.resolver';
import { ApiKeysService } from './api-keys.service';

/** Keys by which programs ask in an organization's name; `#access/api-keys` lets them in. */
@Module({
  imports: [OrganizationsModule, AuthModule],
  controllers: [ApiKeysController],
  providers: [ApiKeysService, ApiKeysResolver],
})
export class ApiKeysModule {}

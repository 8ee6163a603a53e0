import { Module } from '@nestjs/common';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import './secrets.access';
import './secrets.demo';
import './secrets.errors';
import { AskProvider } from './ask-provider';
import { SecretUses } from './secret-uses';
import { SecretValues } from './secret-values';
import { SecretsController } from './secrets.controller';
import { SecretsResolver } from './secrets.resolver';
import { SecretsService } from './secrets.service';

/** API keys and passwords of an organization. */
@Module({
  imports: [OrganizationsModule],
  controllers: [SecretsController],
  providers: [SecretsService, SecretValues, SecretUses, AskProvider, SecretsResolver],
  exports: [SecretsService],
})
export class SecretsModule {}

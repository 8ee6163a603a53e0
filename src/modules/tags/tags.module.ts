import { Module } from '@nestjs/common';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import './contact-tag.entity';
import './tags.demo';
import './tags.errors';
import './tags.events';
import { TagWebhooks } from './tag-webhooks';
import { Tags } from './tags';
import { TagsController } from './tags.controller';
import { TagsResolver } from './tags.resolver';
import { TagsService } from './tags.service';

/** Labels of contacts. */
@Module({
  imports: [OrganizationsModule],
  controllers: [TagsController],
  providers: [TagsService, Tags, TagsResolver, TagWebhooks],
  exports: [Tags],
})
export class TagsModule {}

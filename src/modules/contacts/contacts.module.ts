import { Module } from '@nestjs/common';
import { NotificationsModule } from '#modules/notifications/notifications.module';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import { TagsModule } from '#modules/tags/tags.module';
import './contacts.errors';
import './contacts.events';
import { ContactFigures } from './contact-figures';
import { ContactNews } from './contact-news';
import { ContactNotices } from './contact-notices';
import { ContactTimelines } from './contact-timelines';
import { ContactsController } from './contacts.controller';
import { ContactsRealtime } from './contacts.realtime';
import { ContactsResolver } from './contacts.resolver';
import { ContactsService } from './contacts.service';
import { SuppressedPhones } from './suppressed-phones';

/** The people who write or are written to on WhatsApp. */
@Module({
  imports: [OrganizationsModule, NotificationsModule, TagsModule],
  controllers: [ContactsController],
  providers: [
    ContactsService,
    ContactFigures,
    ContactTimelines,
    SuppressedPhones,
    ContactNews,
    ContactNotices,
    ContactsResolver,
    ContactsRealtime,
  ],
  exports: [ContactsService, ContactNews],
})
export class ContactsModule {}

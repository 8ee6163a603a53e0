import { Module } from '@nestjs/common';
import { NotificationsModule } from '#modules/notifications/notifications.module';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import './contacts.errors';
import './contacts.events';
import { ContactNews } from './contact-news';
import { ContactNotices } from './contact-notices';
import { ContactWebhooks } from './contact-webhooks';
import { ContactsController } from './contacts.controller';
import { ContactsRealtime } from './contacts.realtime';
import { ContactsResolver } from './contacts.resolver';
import { ContactsService } from './contacts.service';
import { SuppressedPhones } from './suppressed-phones';

/** The people who write or are written to on WhatsApp. */
@Module({
  imports: [OrganizationsModule, NotificationsModule],
  controllers: [ContactsController],
  providers: [ContactsService, SuppressedPhones, ContactNews, ContactNotices, ContactsResolver, ContactsRealtime, ContactWebhooks],
  exports: [ContactsService, ContactNews],
})
export class ContactsModule {}

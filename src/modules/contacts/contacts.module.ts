import { Module } from '@nestjs/common';
import { MulterModule } from '@nestjs/platform-express';
import { Config } from '#config/config';
import { NotificationsModule } from '#modules/notifications/notifications.module';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import { TagsModule } from '#modules/tags/tags.module';
import './contacts.access';
import './contacts.errors';
import './contacts.events';
import './import/contact-imports.demo';
import './import/contact-imports.errors';
import './import/contact-imports.events';
import { ContactFigures } from './contact-figures';
import { ContactNews } from './contact-news';
import { ContactNotices } from './contact-notices';
import { ContactTimelines } from './contact-timelines';
import { ContactWebhooks } from './contact-webhooks';
import { ContactsController } from './contacts.controller';
import { ContactsRealtime } from './contacts.realtime';
import { ContactsResolver } from './contacts.resolver';
import { ContactsService } from './contacts.service';
import { ContactExport } from './export/contact-export';
import { ContactExportController } from './export/contact-export.controller';
import { ForgetContact } from './forget-contact';
import { ContactImportsController } from './import/contact-imports.controller';
import { ContactImportsRealtime } from './import/contact-imports.realtime';
import { ContactImports } from './import/contact-imports.service';
import { sheetOptions } from './import/receive-sheet';
import { WriteContacts } from './import/write-contacts';
import { SuppressedPhones } from './suppressed-phones';

/** The people who write or are written to on WhatsApp. */
@Module({
  imports: [
    OrganizationsModule,
    NotificationsModule,
    TagsModule,
    MulterModule.registerAsync({ inject: [Config], useFactory: sheetOptions }),
  ],
  controllers: [ContactsController, ContactImportsController, ContactExportController],
  providers: [
    ContactsService,
    ContactFigures,
    ContactTimelines,
    ForgetContact,
    SuppressedPhones,
    ContactNews,
    ContactNotices,
    ContactWebhooks,
    ContactsResolver,
    ContactsRealtime,
    WriteContacts,
    ContactImports,
    ContactImportsRealtime,
    ContactExport,
  ],
  exports: [ContactsService, ContactNews, ForgetContact],
})
export class ContactsModule {}

import { Module } from '@nestjs/common';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import { ContactsController } from './contacts.controller';
import { ContactsRealtime } from './contacts.realtime';
import { ContactsResolver } from './contacts.resolver';
import { ContactsService } from './contacts.service';

/** The people who write or are written to on WhatsApp. */
@Module({
  imports: [OrganizationsModule],
  controllers: [ContactsController],
  providers: [ContactsService, ContactsResolver, ContactsRealtime],
  exports: [ContactsService],
})
export class ContactsModule {}

import { Module } from '@nestjs/common';
import { JobsModule } from '#jobs/jobs.module';
import { AuditLogsModule } from '#modules/audit/audit-logs.module';
import { ContactsModule } from '#modules/contacts/contacts.module';
import { ConversationsModule } from '#modules/conversations/conversations.module';
import { NotificationsModule } from '#modules/notifications/notifications.module';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import { UsersModule } from '#modules/users/users.module';
import { WhatsAppModule } from '#modules/whatsapp/whatsapp.module';
import './privacy.access';
import './consent-timeline';
import './privacy.errors';
import { Compliance } from './compliance';
import { Consents } from './consents';
import { DataRequests } from './data-requests';
import { ExportFiles } from './export-files';
import { Exports } from './exports';
import { ForgetPeople } from './forget-people';
import { OrganizationExport } from './organization-export/organization-export';
import { OrganizationExportController, OwnOrganizationExportController } from './organization-export/organization-export.controller';
import { PersonalPdf } from './pdf/personal-pdf';
import { PersonalExport } from './personal-export';
import { PrivacyController } from './privacy.controller';
import { PrivacyJobs } from './privacy.jobs';
import { PrivacyResolver } from './privacy.resolver';
import { SubjectAudit } from './subject-audit';
import { Subjects } from './subjects';

/** What people allow, and what they may ask of their data. */
@Module({
  imports: [
    JobsModule.register('sweeper'),
    AuditLogsModule,
    OrganizationsModule,
    NotificationsModule,
    UsersModule,
    ContactsModule,
    WhatsAppModule,
    ConversationsModule,
  ],
  controllers: [PrivacyController, OwnOrganizationExportController, OrganizationExportController],
  providers: [
    Consents,
    DataRequests,
    ForgetPeople,
    Exports,
    PersonalExport,
    PersonalPdf,
    ExportFiles,
    OrganizationExport,
    Subjects,
    SubjectAudit,
    Compliance,
    PrivacyJobs,
    PrivacyResolver,
  ],
})
export class PrivacyModule {}

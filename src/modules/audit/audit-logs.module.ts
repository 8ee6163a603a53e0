import { Module } from '@nestjs/common';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import './audit-logs.access';
import { AuditLogsController } from './audit-logs.controller';
import { AuditLogsResolver } from './audit-logs.resolver';
import { AuditLogs } from './audit-logs.service';
import { FollowOrganization } from './follow-organization';

/** The log as it is read, and what becomes of it with its organization. */
@Module({
  imports: [OrganizationsModule],
  controllers: [AuditLogsController],
  providers: [AuditLogs, AuditLogsResolver, FollowOrganization],
  exports: [AuditLogs],
})
export class AuditLogsModule {}

import { Global, Module } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { MongooseModule } from '@nestjs/mongoose';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import { AuditInterceptor } from './audit.interceptor';
import { AuditLogsController } from './audit-logs.controller';
import { AuditLogs } from './audit-logs.service';
import { AuditJobs } from './audit.jobs';
import { AuditLog } from './audit-log.entity';
import { ApiLogSchema, AuditLogSchema, ErrorLogSchema } from './audit-log.schema';
import { AuditService } from './audit.service';
import { AuditStore } from './audit-store';
import { FollowOrganization } from './follow-organization';
import { API_LOGS, ERROR_LOGS, RequestLogs } from './request-logs';

@Global()
@Module({
  imports: [
    OrganizationsModule,
    MongooseModule.forFeature([
      { name: AuditLog.name, schema: AuditLogSchema },
      { name: API_LOGS, schema: ApiLogSchema },
      { name: ERROR_LOGS, schema: ErrorLogSchema },
    ]),
  ],
  controllers: [AuditLogsController],
  providers: [
    AuditService,
    AuditLogs,
    AuditStore,
    AuditJobs,
    FollowOrganization,
    RequestLogs,
    { provide: APP_INTERCEPTOR, useClass: AuditInterceptor },
  ],
  exports: [AuditService, AuditLogs, RequestLogs],
})
export class AuditModule {}

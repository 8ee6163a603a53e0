import { Global, Module } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { MongooseModule } from '@nestjs/mongoose';
import { AuditInterceptor } from './audit.interceptor';
import { AuditJobs } from './audit.jobs';
import { AuditLog } from './audit-log.entity';
import { ApiLogSchema, AuditLogSchema, ErrorLogSchema } from './audit-log.schema';
import { AuditService } from './audit.service';
import { AuditStore } from './audit-store';
import { API_LOGS, ERROR_LOGS, RequestLogs } from './request-logs';

/** The log as every room writes it; `AuditLogsModule` reads it. */
@Global()
@Module({
  imports: [
    MongooseModule.forFeature([
      { name: AuditLog.name, schema: AuditLogSchema },
      { name: API_LOGS, schema: ApiLogSchema },
      { name: ERROR_LOGS, schema: ErrorLogSchema },
    ]),
  ],
  providers: [AuditService, AuditStore, AuditJobs, RequestLogs, { provide: APP_INTERCEPTOR, useClass: AuditInterceptor }],
  exports: [AuditService, AuditStore, RequestLogs],
})
export class AuditModule {}

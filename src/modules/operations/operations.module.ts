import { Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import { SecretsModule } from '#modules/secrets/secrets.module';
import './operations.access';
import { ConnectOutside } from './database/connect-outside';
import { DatabaseController } from './database/database.controller';
import { DatabaseService } from './database/database.service';
import { DebugController } from './debug/debug.controller';
import { DebugService } from './debug/debug.service';
import { Routes } from './debug/routes';
import { KeptTelemetry, LOGS, TRACES } from './telemetry/kept-telemetry';
import { RecentLogs } from './telemetry/recent-logs';
import { TelemetryController } from './telemetry/telemetry.controller';
import { LogSchema, TraceSchema } from './telemetry/telemetry.schema';
import { TelemetryService } from './telemetry/telemetry.service';

/** What operators and developers look at. */
@Module({
  imports: [
    OrganizationsModule,
    SecretsModule,
    MongooseModule.forFeature([
      { name: LOGS, schema: LogSchema },
      { name: TRACES, schema: TraceSchema },
    ]),
  ],
  controllers: [DatabaseController, DebugController, TelemetryController],
  providers: [DatabaseService, ConnectOutside, DebugService, Routes, KeptTelemetry, RecentLogs, TelemetryService],
})
export class OperationsModule {}

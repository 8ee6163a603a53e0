import { Module } from '@nestjs/common';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import { SecretsModule } from '#modules/secrets/secrets.module';
import { ConnectOutside } from './database/connect-outside';
import { DatabaseController } from './database/database.controller';
import { DatabaseService } from './database/database.service';
import { DebugController } from './debug/debug.controller';
import { DebugService } from './debug/debug.service';
import { Routes } from './debug/routes';
import { RecentLogs } from './telemetry/recent-logs';
import { TelemetryController } from './telemetry/telemetry.controller';
import { TelemetryService } from './telemetry/telemetry.service';

/** What operators and developers look at. */
@Module({
  imports: [OrganizationsModule, SecretsModule],
  controllers: [DatabaseController, DebugController, TelemetryController],
  providers: [DatabaseService, ConnectOutside, DebugService, Routes, RecentLogs, TelemetryService],
})
export class OperationsModule {}

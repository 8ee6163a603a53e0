import { Module } from '@nestjs/common';
import { SecretsModule } from '#modules/secrets/secrets.module';
import { ConnectOutside } from './database/connect-outside';
import { DatabaseController } from './database/database.controller';
import { DatabaseService } from './database/database.service';
import { DebugController } from './debug/debug.controller';
import { DebugService } from './debug/debug.service';
import { Routes } from './debug/routes';

/** What operators and developers look at. */
@Module({
  imports: [SecretsModule],
  controllers: [DatabaseController, DebugController],
  providers: [DatabaseService, ConnectOutside, DebugService, Routes],
})
export class OperationsModule {}

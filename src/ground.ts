import type { DynamicModule, Type } from '@nestjs/common';
import { EventsModule } from '#common/events';
import type { Config } from '#config/config';
import { ConfigModule } from '#config/config.module';
import { DatabaseModule } from '#database/database.module';
import { MongoModule } from '#database/mongo.module';
import { ObservabilityModule } from '#observability/observability.module';

/** What the rooms stand on, with doors or without. */
export const ground = (config: Config): (DynamicModule | Type)[] => [
  ConfigModule.forRoot(config),
  EventsModule,
  ObservabilityModule,
  DatabaseModule,
  MongoModule,
];

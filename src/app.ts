import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { openDoors } from '#api/doors';
import { HttpAdapter } from '#api/http-adapter';
import type { Config } from '#config/config';
import { AuditService } from '#modules/audit/audit.service';
import { RequestLogs } from '#modules/audit/request-logs';
import { RecentLogs } from '#modules/operations/telemetry/recent-logs';
import { AppLogger, createLogger } from '#observability/logger';
import { LogRing } from '#observability/log-ring';
import { Metrics } from '#observability/metrics';
import { requestLog } from '#observability/request-log';
import { Tracing } from '#observability/tracing';
import { RealtimeAdapter } from '#realtime/realtime.gateway';
import { AppModule } from './app.module';

/** The house with its doors open: what main.ts starts and the tests talk to. Not listening yet. */
export async function createApp(config: Config): Promise<NestExpressApplication> {
  const ring = new LogRing();
  const logger = createLogger({
    ring,
    level: config.log_level,
    pretty: config.node_env === 'development' && process.stdout.isTTY,
    service: 'backend',
  });
  const app = await NestFactory.create<NestExpressApplication>(AppModule.forRoot(config), new HttpAdapter(), {
    bodyParser: false,
    abortOnError: false,
    logger: new AppLogger(logger),
    // `/whatsapp/messages` is not `/whatsapp/:number_id`, in whichever room it stands.
    routeResolutionStrategy: 'specificity',
  });
  app.get(RecentLogs).readFrom(ring);
  const listeners = [app.get(AuditService).refusals, app.get(RequestLogs).listen];
  app.use(requestLog({ logger, metrics: app.get(Metrics), tracing: app.get(Tracing), listeners }));
  openDoors(app, config);
  app.useWebSocketAdapter(new RealtimeAdapter(app, config));
  return app;
}

/** The same house with the doors shut: it works through jobs and kept webhooks. */
export async function createWorker(config: Config): Promise<INestApplicationContext> {
  const ring = new LogRing();
  const logger = createLogger({ ring, level: config.log_level, service: 'worker' });
  const worker = await NestFactory.createApplicationContext(AppModule.forRoot(config), {
    abortOnError: false,
    logger: new AppLogger(logger),
  });
  worker.get(RecentLogs).readFrom(ring);
  return worker;
}

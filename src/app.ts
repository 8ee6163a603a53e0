import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { openDoors } from '#api/doors';
import { Config } from '#config/config';
import { RealtimeAdapter } from '#realtime/realtime.gateway';
import { AppModule } from './app.module';

/** The house with its doors open: what main.ts starts and the tests talk to. Not listening yet. */
export async function createApp(config: Config): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.forRoot(config), {
    bodyParser: false,
    bufferLogs: true,
    logger: ['warn', 'error'],
    abortOnError: false,
  });
  openDoors(app, config);
  app.useWebSocketAdapter(new RealtimeAdapter(app, config));
  return app;
}

import './stack-traces';
import 'reflect-metadata';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Config } from '#config/config';
import { watchDoors } from './api/closing-doors';
import { createApp, createWorker } from './app';
import { openDatabase, whileMigrating } from './database/open-database';
import { bringUpToDate } from './database/schema';
import { demoRemains, makeDemo } from './demo';
import { announce, warnOfDemo } from './welcome';

/** A stop that hangs is ended after this; requests, jobs and sockets have had their time by then. */
const STOP_MS = 28_000;

async function main(): Promise<void> {
  const { config, lost, release } = await openDatabase(process.env);
  try {
    for (const warning of config.warnings) console.warn(warning);
    config.assertStorage();
    if (config.process_role !== 'worker') await assertPortFree(config);
    await whileMigrating(config, bringUpToDate);
    const doors = config.process_role === 'worker' ? null : await createApp(config);
    const app = doors ?? (await createWorker(config));

    const closeDoors = doors && watchDoors(doors.getHttpServer());

    let stopping = false;
    const stop = async (code: number): Promise<void> => {
      if (stopping) return;
      stopping = true;
      setTimeout(() => process.exit(1), STOP_MS).unref();
      try {
        await closeDoors?.();
        await app.close();
        await release();
      } catch (error) {
        console.error('PyTake did not stop cleanly:', error);
        code = 1;
      }
      process.exit(code);
    };
    process.on('SIGTERM', () => void stop(0));
    process.on('SIGINT', () => void stop(0));
    void lost.then(() => {
      if (!stopping) console.error('The embedded PostgreSQL ended by itself. PyTake stops; start it again, it recovers.');
      return stop(1);
    });

    if (doors) await doors.listen(config.port, config.host);
    else await app.init();
    // Last, so that the password of a start that failed is not lost unseen.
    if (doors && config.production && (await demoRemains(doors))) warnOfDemo();
    announce(config, doors && config.demo ? await makeDemo(doors) : null);
  } catch (error) {
    await release().catch(() => undefined);
    throw error;
  }
}

/** Before anything is started: later the commonest mistake of all would be one line among many. */
async function assertPortFree({ port, host }: Config): Promise<void> {
  const probe = createServer().listen(port, host);
  await once(probe, 'listening');
  await once(probe.close(), 'close');
}

main().catch((error: unknown) => {
  const { code, port, message, stack } = error as NodeJS.ErrnoException & { port?: number };
  if (code === 'EADDRINUSE') console.error(`Port ${port} is in use. Stop what runs there, or start PyTake with another PORT.`);
  else console.error(process.env.LOG_LEVEL === 'debug' ? stack : (message ?? error));
  process.exit(1);
});

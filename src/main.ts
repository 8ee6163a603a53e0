import 'reflect-metadata';
import { createApp } from './app';
import { Config } from './config/config';

async function main(): Promise<void> {
  const config = new Config(process.env);
  const app = await createApp(config);
  await app.listen(config.port, config.host);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});

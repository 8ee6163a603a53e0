import type { AddressInfo } from 'node:net';
import { Config } from '#config/config';
import { LIMITS } from '#realtime/realtime.limits';
import { createApp } from '../../src/app';

/** A node as a process of its own, which a spec may kill; says its address when its doors are open. */
async function main(): Promise<void> {
  const { env, limits } = JSON.parse(process.argv[2]) as { env: Record<string, string>; limits: Partial<typeof LIMITS> };
  Object.assign(LIMITS, limits);
  const app = await createApp(new Config(env));
  await app.listen(0, '127.0.0.1');
  process.send?.(`http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`);
}

void main();

import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { Jobs } from '#jobs/jobs';
import { GraphSimulator } from '#modules/simulator/graph-simulator';
import type { SimulatorNumber } from '#modules/simulator/simulator-options';
import type { World } from './world';

export const META_TOKEN = 'EAAG-token-of-the-business-4242';
export const META_SECRET = 'app-secret-of-the-business';

/** Meta's Graph API on a free port: its `env` goes to `world()`. */
export interface FakeMeta {
  simulator: GraphSimulator;
  env: { META_GRAPH_BASE_URL: string };
  /** `GET /v25.0/...` as they came, the newest last. */
  calls: string[];
  /** A number Meta knows; ids nobody else has. */
  number(display_phone_number?: string): SimulatorNumber;
  close(): Promise<void>;
}

/** A number Meta knows, as an administrator who has read Meta's pages adds it. */
export const numberInput = ({ display_phone_number, phone_number_id, waba_id }: SimulatorNumber, access_token = META_TOKEN) => ({
  phone_number: display_phone_number,
  phone_number_id,
  whatsapp_business_account_id: waba_id,
  access_token,
  app_secret: META_SECRET,
});

export async function fakeMeta(access_token = META_TOKEN): Promise<FakeMeta> {
  const simulator = new GraphSimulator({
    app_secret: META_SECRET,
    access_token,
    // Nobody reviews a template while a test looks at it.
    delays: { template_review_ms: 3_600_000 },
  });
  const calls: string[] = [];
  const app = express()
    .use((request, _response, next) => {
      calls.push(`${request.method} ${request.path}`);
      next();
    })
    .use(simulator.graph);
  const server = app.listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  let count = 0;
  return {
    simulator,
    calls,
    env: { META_GRAPH_BASE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
    number: (display_phone_number) => {
      count++;
      return simulator.addNumber({
        phone_number_id: `10654035224${String(count).padStart(4, '0')}`,
        waba_id: `10229012934${String(count).padStart(4, '0')}`,
        display_phone_number: display_phone_number ?? `+55 11 4000-${String(count).padStart(4, '0')}`,
        verified_name: 'Padaria Central',
      });
    },
    close: async () => {
      await simulator.close();
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

/** Resolves when a new or changed number was tried in the background for the first time. */
export async function tried({ app, acme }: Pick<World, 'app' | 'acme'>, number_id: string, company = acme): Promise<void> {
  const checked = async (): Promise<unknown> => (await company.admin.get(`/whatsapp/${number_id}/status`).expect(200)).body.checked_at;
  while (!(await checked())) await sleep(10);
  await app.get(Jobs).idle();
}

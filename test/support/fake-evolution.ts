import type { AddressInfo } from 'node:net';
import express from 'express';
import { GraphSimulator } from '#modules/simulator/graph-simulator';
import type { SimulatorSettings } from '#modules/simulator/simulator-options';

/** The global key; the instances have their own besides. */
export const EVOLUTION_KEY = 'evolution-global-key-4242';

/** Evolution API on a free port: its `env` goes to `world()`. */
export interface FakeEvolution {
  simulator: GraphSimulator;
  url: string;
  env: { EVOLUTION_API_URL: string; EVOLUTION_API_KEY: string };
  /** `POST /message/...` as they came, the newest last. */
  calls: string[];
  /** Waits for the instance's QR code and scans it; `number` may be another than the instance was made for. */
  scan(instance: string, number: string, name?: string): Promise<void>;
  close(): Promise<void>;
}

export async function fakeEvolution(settings: SimulatorSettings = {}): Promise<FakeEvolution> {
  const simulator = new GraphSimulator({
    access_token: EVOLUTION_KEY,
    ...settings,
    // A QR code stays while a test looks at it.
    delays: { qr_ms: 1, qr_life_ms: 3_600_000, sent_ms: 1, delivered_ms: 2, failed_ms: 1, ...settings.delays },
  });
  simulator.evolution.webhooks.retry_delays_ms = [0, 1];
  const calls: string[] = [];
  const app = express()
    .use((request, _response, next) => {
      calls.push(`${request.method} ${request.path}`);
      next();
    })
    .use('/api', simulator.api)
    .use('/graph', simulator.graph)
    .use(simulator.evolutionApi);
  const server = app.listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    simulator,
    url,
    calls,
    env: { EVOLUTION_API_URL: url, EVOLUTION_API_KEY: EVOLUTION_KEY },
    scan: async (name, number, profile = 'Padaria Central') => {
      const { instances, connections } = simulator.evolution;
      for (;;) {
        const instance = instances.find(name);
        if (instance?.qr) return connections.scan(instance, { number, name: profile });
        await new Promise((next) => setTimeout(next, 5));
      }
    },
    close: async () => {
      await simulator.close();
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

import { dirname, join } from 'node:path';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import express, { Router } from 'express';
import { Config } from '#config/config';
import { GraphSimulator } from './graph-simulator';
import { publicNumber } from './phone.routes';
import { simulatorGuard } from './simulator-guard';
import { isSimulatorNumber, SIMULATOR_DEMO_NUMBER, simulatorAppSecret, simulatorToken } from './simulator-number';

/** The page may load and call its own server, and nothing else. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "media-src 'self' blob:",
  "connect-src 'self' ws: wss:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The simulator inside the product: its Graph API, its page, its customers; it posts to the product's own webhook door. */
@Injectable()
export class SimulatorService implements OnModuleInit, OnModuleDestroy {
  readonly simulator: GraphSimulator | null;
  /** Shown on the page's sign-in form; whoever makes the demo organization fills it in. Never a password. */
  demo_email: string | null = null;

  constructor(
    private readonly config: Config,
    private readonly adapterHost: HttpAdapterHost,
  ) {
    this.simulator = config.simulator_enabled
      ? new GraphSimulator({
          app_secret: simulatorAppSecret(config),
          access_token: simulatorToken(config),
          data_dir: join(config.data_dir, 'simulator'),
          webhook_url: () => `${this.ownUrl()}/api/v1/whatsapp/webhook`,
          numbers: [SIMULATOR_DEMO_NUMBER],
          accepts: isSimulatorNumber,
          strict: false,
          locked: true,
        })
      : null;
  }

  onModuleInit(): void {
    if (!this.simulator || !this.adapterHost.httpAdapter) return;
    this.adapterHost.httpAdapter.use('/simulator', this.routes(this.simulator));
  }

  async onModuleDestroy(): Promise<void> {
    await this.simulator?.close();
  }

  private routes(simulator: GraphSimulator): Router {
    const router = Router();
    router.use(simulatorGuard(simulatorToken(this.config), this.config));
    router.use('/graph', simulator.graph);
    router.use('/evolution', simulator.evolutionApi);
    router.get('/api/hello', (_req, res) => {
      const customers = simulator.customers.all().slice(-50);
      const numbers = [...simulator.numbers.map(publicNumber), ...simulator.evolution.lines()];
      res.json({ demo_email: this.demo_email, numbers, customers });
    });
    router.use('/api', simulator.api);
    router.get('/socket.io.js', (_req, res) => {
      res.sendFile(join(dirname(require.resolve('socket.io/package.json')), 'client-dist', 'socket.io.esm.min.js'));
    });
    const page = join(__dirname, 'page');
    router.use((_req, res, next) => {
      res.set({ 'content-security-policy': CONTENT_SECURITY_POLICY, 'cache-control': 'no-cache' });
      next();
    });
    router.get('/', (_req, res) => res.sendFile(join(page, 'index.html')));
    router.use(express.static(page, { index: false, redirect: false }));
    return router;
  }

  /** PORT may be 0 (any free one), so the server itself is asked. */
  private ownUrl(): string {
    const address: unknown = this.adapterHost.httpAdapter.getHttpServer().address();
    const port = typeof address === 'object' && address !== null && 'port' in address ? Number(address.port) : this.config.port;
    return `http://127.0.0.1:${port}`;
  }
}

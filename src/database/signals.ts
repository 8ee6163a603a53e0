import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Client } from 'pg';
import { newId } from '#common/uuid';
import { Config } from '#config/config';
import { Database } from './database';

const RECONNECT_MS = 1000;

/** Wake-ups between processes, over PostgreSQL; nobody hears their own. One may get lost: who listens also looks by the clock. */
@Injectable()
export class Signals implements OnApplicationShutdown {
  private readonly logger = new Logger(Signals.name);
  private readonly listeners = new Map<string, (payload: string) => void>();
  /** Before each payload: who says it. */
  private readonly self = newId();
  private readonly waiting = new Map<string, Set<string>>();
  private client: Client | undefined;
  private timer: NodeJS.Timeout | undefined;
  private heeding: Promise<unknown> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly config: Config,
    private readonly database: Database,
  ) {}

  /** Hears what other processes send. */
  listen(channel: string, heard: (payload: string) => void): void {
    this.listeners.set(channel, heard);
    if (this.client) void this.heed(this.client, channel).catch(() => undefined);
    else void this.connect();
  }

  /** Sends what was given in this turn of the event loop, in one statement for each channel. */
  send(channel: string, payload: string): void {
    const payloads = this.waiting.get(channel);
    if (payloads) return void payloads.add(payload);
    this.waiting.set(channel, new Set([payload]));
    setImmediate(() => {
      const due = [...(this.waiting.get(channel) ?? [])];
      this.waiting.delete(channel);
      this.database
        .rows('SELECT pg_notify($1, $3 || payload) FROM unnest($2::text[]) AS payload', [channel, due, `${this.self} `])
        .catch((error: unknown) => this.logger.debug({ msg: 'not signalled, who listens looks by the clock', err: error }));
    });
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.client?.end().catch(() => undefined);
  }

  private async connect(): Promise<void> {
    const client = new Client({
      connectionString: this.config.database_url ?? undefined,
      application_name: 'pytake-signals',
      keepAlive: true,
      connectionTimeoutMillis: 2000,
    });
    this.client = client;
    const lost = (): void => {
      if (this.client !== client || this.stopped) return;
      this.client = undefined;
      void client.end().catch(() => undefined);
      this.timer = setTimeout(() => void this.connect(), RECONNECT_MS);
    };
    client.on('error', lost).on('end', lost);
    client.on('notification', ({ channel, payload = '' }) => {
      const at = payload.indexOf(' ') + 1;
      if (payload.slice(0, at).trimEnd() !== this.self) this.listeners.get(channel)?.(payload.slice(at));
    });
    try {
      await client.connect();
      for (const channel of this.listeners.keys()) await this.heed(client, channel);
    } catch {
      lost();
    }
  }

  /** One after the other: a connection takes no statement while it does another. */
  private heed(client: Client, channel: string): Promise<unknown> {
    const heeded = this.heeding.then(() => client.query(`LISTEN ${channel}`));
    this.heeding = heeded.catch(() => undefined);
    return heeded;
  }
}

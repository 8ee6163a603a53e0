import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import { type Connection, ConnectionStates } from 'mongoose';
import { Config } from '#config/config';
import { HealthRegistry } from '#observability/health';

const FIRST_CONNECTION_RETRY_MS = 2000;

/**
 * MongoDB for audit and request logs. It is never waited for: the house starts without it, goes on without it, and takes it back when it
 * returns. Models on it set `autoCreate`, `autoIndex` and `bufferCommands` to false (see `LOG_SCHEMA`); their indexes are made here.
 */
@Injectable()
export class Mongo implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  private readonly logger = new Logger(Mongo.name);
  private retry: NodeJS.Timeout | undefined;
  private closing = false;

  constructor(
    @InjectConnection() private readonly connection: Connection,
    private readonly config: Config,
    private readonly health: HealthRegistry,
  ) {}

  get configured(): boolean {
    return this.config.mongodb_url !== null;
  }

  /** The driver's opinion; a command may still fail. */
  get up(): boolean {
    return this.connection.readyState === ConnectionStates.connected;
  }

  onApplicationBootstrap(): void {
    if (!this.config.mongodb_url) return;
    this.health.register('mongodb', () => this.ping());
    this.connection.on('connected', () => void this.makeIndexes());
    void this.open(this.config.mongodb_url);
  }

  onModuleDestroy(): void {
    this.closing = true;
    clearTimeout(this.retry);
  }

  /** After the rooms have written what they held. */
  async onApplicationShutdown(): Promise<void> {
    await this.connection.close();
  }

  /** @throws when MongoDB does not answer. */
  async ping(): Promise<void> {
    if (!this.up) throw new Error('MongoDB is not connected');
    await this.connection.db?.admin().ping();
  }

  /** Of the server. @throws when MongoDB does not answer. */
  async version(): Promise<string> {
    const { version } = (await this.connection.db?.admin().buildInfo()) ?? {};
    return String(version);
  }

  /** Once connected the driver comes back by itself; until the first time we ask again. */
  private async open(url: string, attempt = 1): Promise<void> {
    try {
      await this.connection.openUri(url, {
        serverSelectionTimeoutMS: 1000,
        connectTimeoutMS: 2000,
        heartbeatFrequencyMS: 2000,
        appName: 'pytake',
      });
    } catch (error) {
      if (this.closing) return;
      if (attempt === 1) this.logger.warn({ msg: 'MongoDB is not reachable: audit entries go to PostgreSQL until it is', err: error });
      this.retry = setTimeout(() => void this.open(url, attempt + 1), FIRST_CONNECTION_RETRY_MS);
    }
  }

  private async makeIndexes(): Promise<void> {
    try {
      for (const model of Object.values(this.connection.models)) await model.createIndexes();
    } catch (error) {
      if (!this.closing) this.logger.warn({ msg: 'MongoDB indexes could not be made', err: error });
    }
  }
}

/** Options of every schema: nothing waits in memory for a database that is away. */
export const LOG_SCHEMA = { autoCreate: false, autoIndex: false, bufferCommands: false, versionKey: false } as const;

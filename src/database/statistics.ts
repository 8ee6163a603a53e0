import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '#config/config';
import { Database } from './database';

const LOOK_MS = 5000;
/** Larger tables grow slower than autovacuum looks. */
const YOUNG_ROWS = 20_000;

const STALE = `SELECT s.relid::regclass::text AS name FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
  WHERE s.schemaname = 'public' AND c.reltuples < ${YOUNG_ROWS} AND s.n_mod_since_analyze > 50 + 0.2 * greatest(c.reltuples, 0)`;

/**
 * Autovacuum looks at a table once a minute. One that fills within that minute is read by a plan made for an empty table, every row of it for one
 * key; so young tables are looked at more often.
 */
@Injectable()
export class Statistics implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Statistics.name);
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly config: Config,
    private readonly database: Database,
  ) {}

  onApplicationBootstrap(): void {
    if (this.config.process_role === 'api') return;
    this.timer = setInterval(() => (this.running = this.look()), LOOK_MS);
    this.timer.unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  /** Looks at the young tables that changed much. */
  async look(): Promise<void> {
    try {
      const tables = await this.database.rows<{ name: string }>(STALE);
      if (tables.length) await this.database.rows(`ANALYZE (SKIP_LOCKED) ${tables.map(({ name }) => name).join(', ')}`);
    } catch (error) {
      this.logger.debug({ msg: 'tables not analyzed', err: error });
    }
  }
}

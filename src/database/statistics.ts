import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '#config/config';
import { Database } from './database';

const LOOK_MS = 5000;
/** Larger tables grow slower than autovacuum looks. */
const YOUNG_ROWS = 20_000;

/**
 * The columns that plans ask for are those of indexes. Named ones alone leave out what an index computes (a search's words: most of the cost), and do
 * not count as a look of autovacuum's, which comes all the same.
 */
const YOUNG = `SELECT s.relid::regclass::text AS name, s.n_mod_since_analyze::int AS changes, greatest(c.reltuples, 0)::int AS rows,
    (SELECT string_agg(DISTINCT quote_ident(a.attname), ', ') FROM pg_index i
       JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) WHERE i.indrelid = s.relid) AS columns
  FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
  WHERE s.schemaname = 'public' AND c.relhasindex AND c.reltuples < ${YOUNG_ROWS} AND s.n_mod_since_analyze > 50`;

interface Young {
  name: string;
  /** Since autovacuum looked. */
  changes: number;
  rows: number;
  columns: string;
}

/**
 * Autovacuum looks at a table once a minute. One that fills within that minute is read by a plan made for an empty table, every row of it for one
 * key; so young tables are looked at more often.
 */
@Injectable()
export class Statistics implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Statistics.name);
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  /** Changes of each table when we looked. */
  private readonly seen = new Map<string, number>();

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

  /** Looks at the young tables that changed much since anybody did. */
  async look(): Promise<void> {
    try {
      const tables = (await this.database.rows<Young>(YOUNG)).filter(({ name, changes, rows }) => {
        const before = this.seen.get(name) ?? 0;
        return changes - (before <= changes ? before : 0) > 50 + 0.2 * rows;
      });
      if (!tables.length) return;
      await this.database.rows(`ANALYZE (SKIP_LOCKED) ${tables.map(({ name, columns }) => `${name} (${columns})`).join(', ')}`);
      for (const { name, changes } of tables) this.seen.set(name, changes);
    } catch (error) {
      this.logger.debug({ msg: 'tables not analyzed', err: error });
    }
  }
}

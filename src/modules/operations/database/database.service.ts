import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Database } from '#database/database';
import { Mongo } from '#database/mongo';
import { OUR_TABLES, executed, nameOf } from '#database/schema';
import { HealthRegistry } from '#observability/health';
import { askMongo } from './ask-mongo';
import { askPostgres } from './ask-postgres';
import { ConnectOutside } from './connect-outside';
import type {
  ConnectionConfig,
  ConnectionTestResult,
  DatabaseStats,
  DatabaseStatus,
  MigrationStatus,
  PoolStatus,
  QueryRequest,
  QueryResponse,
} from './database.dto';
import { OutsideFailure, type Rows } from './outside-database';
import { readMongo } from './read-mongo';
import { readStatement } from './read-statement';

/** Of node-postgres. */
interface Pool {
  totalCount: number;
  idleCount: number;
  waitingCount: number;
}

/** How our own database is, and questions to others; for super admins. */
@Injectable()
export class DatabaseService {
  constructor(
    private readonly database: Database,
    private readonly mongo: Mongo,
    private readonly health: HealthRegistry,
    private readonly outside: ConnectOutside,
  ) {}

  async status(): Promise<DatabaseStatus> {
    const { postgresql, redis, mongodb } = await this.health.run(['postgresql', 'redis', 'mongodb']);
    const [ours, theirs] = await Promise.all([
      postgresql.status === 'healthy' ? this.database.rows<{ server_version: string }>('SHOW server_version').catch(() => []) : [],
      mongodb.status === 'healthy' ? this.mongo.version().catch(() => undefined) : undefined,
    ]);
    const plain = ({ status, response_time_ms }: typeof postgresql) => ({ status, response_time_ms });
    return {
      postgresql: { ...plain(postgresql), ...(ours[0] && { version: ours[0].server_version }), pool: this.pool() },
      redis: plain(redis),
      mongodb: { ...plain(mongodb), ...(theirs !== undefined && { version: theirs }) },
    };
  }

  async stats(): Promise<DatabaseStats> {
    // Sizes are bigint; no database has 2^53 bytes.
    const [[{ size }], tables] = await Promise.all([
      this.database.rows<{ size: string }>('SELECT pg_database_size(current_database()) AS size'),
      this.database.rows<{ name: string; rows: string; size: string; indexes: string }>(
        `SELECT relname AS name, greatest(reltuples, 0)::bigint AS rows, pg_table_size(oid) AS size, pg_indexes_size(oid) AS indexes
           FROM pg_class WHERE ${OUR_TABLES} ORDER BY pg_total_relation_size(oid) DESC, relname`,
      ),
    ]);
    return {
      database_size_bytes: Number(size),
      tables: tables.map(({ name, rows, size: bytes, indexes }) => ({
        name,
        row_estimate: Number(rows),
        size_bytes: Number(bytes),
        index_size_bytes: Number(indexes),
      })),
    };
  }

  async migrations(): Promise<MigrationStatus> {
    const { source } = this.database;
    const ran = await this.database.rows<{ name: string; executed_at: Date | null }>(
      'SELECT name, executed_at FROM migrations ORDER BY id',
    );
    const names = new Set(await executed(source));
    return { executed: ran, pending: source.migrations.map(nameOf).filter((name) => !names.has(name)) };
  }

  /** A connection that fails is an answer. @throws As `ConnectOutside.target`. */
  async testConnection(actor: Actor, config: ConnectionConfig): Promise<ConnectionTestResult> {
    const started = performance.now();
    const result = await this.asked<ConnectionTestResult>(
      async () => {
        const target = await this.outside.target(actor, config);
        const server_version = await (isMongo(config) ? askMongo : askPostgres).version(target);
        return { success: true, message: 'The database answers.', connection_time: since(started), server_version };
      },
      (message) => ({ success: false, message }),
    );
    await this.say(actor, 'database.connection_tested', config, result.success);
    return result;
  }

  /** What the database refuses is an answer. @throws {Invalid} The statement does more than read; else as `ConnectOutside.target`. */
  async query(actor: Actor, { config, query, parameters = [], timeout = 10, max_rows = 100 }: QueryRequest): Promise<QueryResponse> {
    const started = performance.now();
    const limits = { timeout_ms: timeout * 1000, max_rows };
    // Before anybody is called.
    const ask = isMongo(config) ? this.mongoQuestion(query, parameters, limits) : this.postgresQuestion(query, parameters, limits);
    const result = await this.asked<QueryResponse['result']>(
      async () => {
        const { data, truncated } = await ask(await this.outside.target(actor, config));
        return { success: true, data, row_count: data.length, execution_time: since(started), truncated };
      },
      (error) => ({ success: false, row_count: 0, execution_time: since(started), truncated: false, error }),
    );
    await this.say(actor, 'database.queried', config, result.success, { row_count: result.row_count });
    return { result, ...(result.truncated && { warnings: [`There are more than ${max_rows} rows.`] }) };
  }

  private postgresQuestion(...[query, parameters, limits]: Question): Ask {
    const statement = readStatement(query, parameters);
    return (target) => askPostgres.read(target, statement, limits);
  }

  private mongoQuestion(...[query, parameters, limits]: Question): Ask {
    const question = readMongo(query, parameters);
    return (target) => askMongo.read(target, question, limits);
  }

  private async asked<R>(work: () => Promise<R>, failed: (message: string) => R): Promise<R> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof OutsideFailure) return failed(error.message);
      throw error;
    }
  }

  /** Who asked which database, and never what: a statement may hold anything. */
  private async say(actor: Actor, action: string, config: ConnectionConfig, success: boolean, more: object = {}): Promise<void> {
    const { connection_type, host, port, database } = config;
    await this.database.tx(async (tx) =>
      tx.audit(actor, action, {
        resource: { id: `${host}/${database}`, name: host },
        metadata: { connection_type, host, port, database, success, ...more },
      }),
    );
  }

  private pool(): PoolStatus {
    const { totalCount, idleCount, waitingCount } = (this.database.source.driver as unknown as { master: Pool }).master;
    return { total: totalCount, idle: idleCount, waiting: waitingCount };
  }
}

type Ask = (target: Parameters<typeof askPostgres.read>[0]) => Promise<Rows>;
type Question = [query: string, parameters: NonNullable<QueryRequest['parameters']>, limits: { timeout_ms: number; max_rows: number }];

const isMongo = ({ connection_type: kind }: ConnectionConfig): boolean => kind === 'mongodb';

const since = (started: number): number => Math.round(performance.now() - started);

import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Model, QueryFilter } from 'mongoose';
import { DatabaseError } from 'pg';
import type { SelectQueryBuilder } from 'typeorm';
import { Unavailable } from '#common/errors';
import { given } from '#common/given';
import { within } from '#common/time';
import { Database, type Tx } from '#database/database';
import { Mongo } from '#database/mongo';
import { prepared } from '#database/sql';
import { escapeLike } from '#database/tenant-repository';
import { totalOf } from '#database/total';
import { AuditLog } from './audit-log.entity';
import type { AuditDocument } from './audit-log.schema';

/**
 * What entries are sorted by: every short field the stores have, so not what is read from the user. By time they are sorted however many there are; by
 * another field the newest SEARCHED that the filter leaves are, which takes no index of the table that is written most.
 */
export const AUDIT_SORTS = [
  'created_at',
  'action',
  'resource_type',
  'resource_id',
  'actor_type',
  'actor_id',
  'actor_role',
  'result',
  'ip_address',
  'request_id',
] as const satisfies readonly (keyof AuditLog)[];
export type AuditSort = (typeof AUDIT_SORTS)[number];

/** Where an entry stands: with its value of the field it is sorted by. */
export type AuditPlace = Pick<AuditLog, 'created_at' | 'id'> & Partial<AuditLog>;

export interface AuditFilter {
  id?: string;
  /** undefined: every organization's (super_admin). */
  organization_id?: string;
  actor_id?: string;
  action?: string;
  /** One of these. */
  actions?: readonly string[];
  resource_type?: string;
  resource_id?: string;
  result?: AuditLog['result'];
  ip_address?: string;
  request_id?: string;
  from?: Date;
  to?: Date;
  /** Words of the action or of the resource's name, among the newest SEARCHED that the rest leaves. */
  search?: string;
  /** Users the words name: what they did, and what was done to them, is found too. */
  people?: readonly string[];
  /** Only what comes after this entry, in the order asked. */
  after?: AuditPlace;
  /** Default: created_at. What is alike in it stands by time. */
  sort_by?: AuditSort;
  /** Default: the newest first. */
  ascending?: boolean;
}

interface Waiting {
  row: AuditLog;
  kept: () => void;
}

const BATCH = 500;
/** Entries held while both stores are away; beyond, the log is their last resort. */
const WAITING_MAX = 10_000;
const MONGO_WRITE_MS = 1000;
/** After a failed write MongoDB is left alone this long, so that each request does not wait for it again. */
const MONGO_REST_MS = 5000;
const RETRY_MS = 500;
const STOP_MS = 5000;
const PRUNE_BATCH = 5000;
const DAY_MS = 86_400_000;
/** No index has the words of millions of entries, which are written far more often than searched. */
const SEARCHED = 20_000;

// A repeated attempt finds what the first one kept.
const INSERT = prepared('INSERT INTO audit_logs SELECT * FROM json_populate_recordset(NULL::audit_logs, $1) ON CONFLICT DO NOTHING');

/**
 * Where audit entries are kept: MongoDB when it is configured and answers, else PostgreSQL, without a moment in which neither has them:
 * an entry counts as kept once a store has confirmed it. Entries of MongoDB's absences stay in PostgreSQL; reading merges the two.
 *
 * In PostgreSQL an entry is part of the transaction it tells of: it costs no commit of its own, and there is no moment in which one of the two is
 * kept. Others are written at once in groups rather than as one job per entry: a job is itself a row or a Redis key that must be kept first, so it would
 * cost the request the same and lose what Redis loses.
 */
@Injectable()
export class AuditStore implements BeforeApplicationShutdown {
  private readonly logger = new Logger('audit');
  private readonly waiting: Waiting[] = [];
  private writing: Promise<void> | null = null;
  private mongo_rests_until = 0;
  private stopping = false;
  /** It is nobody's request that writes for all: it does not wait for a connection behind them. */
  private readonly outside = AsyncLocalStorage.snapshot();

  constructor(
    private readonly database: Database,
    private readonly mongo: Mongo,
    @InjectModel(AuditLog.name) private readonly documents: Model<AuditDocument>,
  ) {}

  /** Keeps rows with what they tell of, where the transaction's database is their store; false: it is not. */
  keepWithin(tx: Tx, rows: readonly AuditLog[]): boolean {
    if (this.mongo.configured) return false;
    if (rows.length) tx.send(INSERT, [JSON.stringify(rows)]);
    return true;
  }

  /** Resolves when a store has the row, however long that takes. Rows that come while one group is written leave with the next. */
  keep(row: AuditLog): Promise<void> {
    return new Promise((kept) => {
      if (this.waiting.length >= WAITING_MAX) return this.giveUp([{ row, kept }], 'both stores are away for too long');
      this.waiting.push({ row, kept });
      this.writing ??= this.outside(() => this.write()).finally(() => (this.writing = null));
    });
  }

  /** From both stores, the newest first unless the filter says otherwise; from PostgreSQL alone while MongoDB is away. */
  async find(filter: AuditFilter, limit: number, skip = 0): Promise<AuditLog[]> {
    const documents = this.ask([], () => this.findDocuments(filter, limit + skip));
    return (await this.merged(filter, limit + skip, documents)).slice(skip);
  }

  /** The same for who takes entries along. @throws {Unavailable} MongoDB is away: nobody would see what is missing. */
  async findAll(filter: AuditFilter, limit: number): Promise<AuditLog[]> {
    return this.merged(
      filter,
      limit,
      this.mustAsk([], () => this.findDocuments(filter, limit)),
    );
  }

  /** How many there are in both stores, up to `max` in each. */
  async count(filter: AuditFilter, max: number): Promise<number> {
    const [documents, rows] = await Promise.all([
      this.ask(0, async () => this.documents.countDocuments(await this.documentsOf(filter), { limit: max }).exec()),
      totalOf(this.database, this.queryOf(filter).select('1'), max),
    ]);
    return documents + rows.total;
  }

  /** Removes what is older, in batches; answers how many. PostgreSQL refuses fewer days than those of the retention. */
  async prune(days: number): Promise<number> {
    // PostgreSQL refuses while its owner's last migration knew of a longer retention: MongoDB's do not wait for that.
    const [rows, documents] = await Promise.allSettled([this.pruneRows(days), this.pruneDocuments(days)]);
    if (rows.status === 'rejected') throw rows.reason;
    if (documents.status === 'rejected') throw documents.reason;
    return rows.value + documents.value;
  }

  /** Entries of an organization that MongoDB keeps; those of PostgreSQL go with its other rows. */
  async eraseDocuments(organization_id: string): Promise<void> {
    if (this.mongo.configured) await this.documents.deleteMany({ organization_id });
  }

  /** What still waits is written, if a store takes it in time. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    await within(STOP_MS, async () => this.writing).catch(() => undefined);
    this.giveUp(this.waiting.splice(0), 'no store took it before the stop');
  }

  private async write(): Promise<void> {
    // One turn of the loop later: requests that end together leave together.
    await sleep(0);
    while (this.waiting.length) {
      const batch = this.waiting.slice(0, BATCH);
      if (await this.keepRows(batch.map(({ row }) => row))) {
        this.waiting.splice(0, batch.length);
        for (const { kept } of batch) kept();
      } else await sleep(this.stopping ? 100 : RETRY_MS);
    }
  }

  private async keepRows(rows: AuditLog[]): Promise<boolean> {
    if (this.mongo.configured && Date.now() >= this.mongo_rests_until) {
      try {
        await within(MONGO_WRITE_MS, () => this.insertDocuments(rows));
        this.mongo_rests_until = 0;
        return true;
      } catch (error) {
        if (this.mongo_rests_until === 0)
          this.logger.warn({ msg: 'MongoDB does not take audit entries: they are kept in PostgreSQL', err: error });
        this.mongo_rests_until = Date.now() + MONGO_REST_MS;
      }
    }
    try {
      await this.insertRows(rows);
      return true;
    } catch (error) {
      if (!isBadRow(error)) {
        this.logger.warn({ msg: 'PostgreSQL does not take audit entries: trying again', entries: rows.length, err: error });
        return false;
      }
      // One bad entry must not hold the others up.
      if (rows.length > 1) return this.keepOneByOne(rows);
      this.logger.error({ msg: 'audit entry could not be kept', reason: 'PostgreSQL refuses it', entry: rows[0], err: error });
      return true;
    }
  }

  private async keepOneByOne(rows: AuditLog[]): Promise<boolean> {
    for (const row of rows) if (!(await this.keepRows([row]))) return false;
    return true;
  }

  private async insertDocuments(rows: AuditLog[]): Promise<void> {
    if (!this.mongo.up) throw new Error('MongoDB is not connected');
    const documents = rows.map(({ id, ...fields }): AuditDocument => ({ _id: id, ...fields }));
    await this.documents.insertMany(documents, { lean: true });
  }

  private async pruneDocuments(days: number): Promise<number> {
    if (!this.mongo.up) return 0;
    return (await this.documents.deleteMany({ created_at: { $lt: new Date(Date.now() - days * DAY_MS) } })).deletedCount;
  }

  private async pruneRows(days: number): Promise<number> {
    let pruned = 0;
    for (let last = PRUNE_BATCH; last === PRUNE_BATCH; pruned += last) {
      const [{ gone }] = await this.database.rows<{ gone: number }>('SELECT forget_audit_logs($1, $2) AS gone', [days, PRUNE_BATCH]);
      last = gone;
    }
    return pruned;
  }

  private async insertRows(rows: AuditLog[]): Promise<void> {
    await this.database.rows(INSERT, [JSON.stringify(rows)]);
  }

  private async findDocuments(filter: AuditFilter, limit: number): Promise<AuditLog[]> {
    const { sort_by = 'created_at', ascending } = filter;
    const order = ascending ? 1 : -1;
    const found = await this.documents
      .find(await this.documentsOf(filter))
      .sort({ [sort_by]: order, created_at: order, _id: order })
      .limit(limit)
      .lean<AuditDocument[]>()
      .exec();
    return found.map(({ _id, ...fields }) => ({ id: _id, ...fields }));
  }

  private async merged(filter: AuditFilter, limit: number, documents: Promise<AuditLog[]>): Promise<AuditLog[]> {
    const found = await Promise.all([documents, this.findRows(filter, limit)]);
    // A write that MongoDB confirmed too late is in both.
    const merged = new Map(found.flat().map((row) => [row.id, row]));
    const { sort_by = 'created_at', ascending } = filter;
    const sign = ascending ? -1 : 1;
    const compared = (a: AuditLog, b: AuditLog): number =>
      compare(b[sort_by], a[sort_by]) || b.created_at.getTime() - a.created_at.getTime() || compare(b.id, a.id);
    return [...merged.values()].sort((a, b) => sign * compared(a, b)).slice(0, limit);
  }

  /** What MongoDB says, where it is asked and answers. */
  private async ask<T>(otherwise: T, question: () => Promise<T>): Promise<T> {
    try {
      return await this.mustAsk(otherwise, question);
    } catch (error) {
      this.logger.warn({ msg: 'MongoDB did not answer: only the audit entries of PostgreSQL are shown', err: error });
      return otherwise;
    }
  }

  /** What MongoDB says, where it is asked. @throws {Unavailable} It does not answer. */
  private async mustAsk<T>(otherwise: T, question: () => Promise<T>): Promise<T> {
    if (!this.mongo.configured) return otherwise;
    try {
      return await within(MONGO_WRITE_MS * 5, question);
    } catch (cause) {
      throw new Unavailable('Part of the audit log is not available at the moment. Try again in a moment.', undefined, { cause });
    }
  }

  private async documentsOf(filter: AuditFilter): Promise<QueryFilter<AuditDocument>> {
    if (!isOfNewest(filter)) return inMongo(filter);
    const all = inMongo({ ...filter, search: undefined, after: undefined });
    const [first] = await this.documents.find(all, { created_at: 1 }).sort({ created_at: -1 }).skip(SEARCHED).limit(1).lean().exec();
    return inMongo(filter, first?.created_at);
  }

  private findRows(filter: AuditFilter, limit: number): Promise<AuditLog[]> {
    const { sort_by = 'created_at', ascending } = filter;
    const order = ascending ? 'ASC' : 'DESC';
    const rows = this.queryOf(filter);
    if (sort_by !== 'created_at') rows.orderBy(pathOf(sort_by), order, ascending ? 'NULLS FIRST' : 'NULLS LAST');
    return rows.addOrderBy('entry.created_at', order).addOrderBy('entry.id', order).limit(limit).getMany();
  }

  private queryOf(filter: AuditFilter): SelectQueryBuilder<AuditLog> {
    const { actions, from, to, search, people = [], after, sort_by = 'created_at', ascending, ...equal } = filter;
    const query = this.database.source.manager.createQueryBuilder(AuditLog, 'entry').where(given(equal));
    if (actions) query.andWhere('entry.action = ANY(:actions)', { actions });
    if (from) query.andWhere('entry.created_at >= :from', { from });
    if (to) query.andWhere('entry.created_at <= :to', { to });
    if (isOfNewest(filter)) {
      const first = query.clone().select('entry.created_at').orderBy('entry.created_at', 'DESC').offset(SEARCHED).limit(1);
      query.andWhere(`entry.created_at >= coalesce((${first.getQuery()}), '-infinity')`);
    }
    if (search)
      query.andWhere(
        `(fold(entry.action) LIKE fold(:words) OR fold(entry.resource_name) LIKE fold(:words) OR entry.user_id = ANY(:people::uuid[])
            OR entry.resource_type = 'user' AND entry.resource_id = ANY(:people::text[]))`,
        { words: `%${escapeLike(search)}%`, people },
      );
    if (after) {
      const later = `(entry.created_at, entry.id) ${ascending ? '>' : '<'} (:at, :id)`;
      query.andWhere(sort_by === 'created_at' ? later : beyond(pathOf(sort_by), after[sort_by] ?? null, later, ascending), {
        at: after.created_at,
        id: after.id,
        value: after[sort_by],
      });
    }
    return query;
  }

  private giveUp(given: Waiting[], reason: string): void {
    for (const { row, kept } of given) {
      this.logger.error({ msg: 'audit entry could not be kept', reason, entry: row });
      kept();
    }
  }
}

/** Data that no repetition makes right (SQLSTATE classes 22 and 23). */
const isBadRow = (error: unknown): boolean => error instanceof DatabaseError && /^2[23]/.test(error.code ?? '');

/** Whether the newest that the rest of the filter leaves are looked at, and no others. */
const isOfNewest = ({ search, sort_by = 'created_at' }: AuditFilter): boolean => !!search || sort_by !== 'created_at';

/** A field as both stores and `compare` order it: by its characters' codes. What has no value counts as the smallest. */
const pathOf = (field: AuditSort): string => `entry.${field}::text COLLATE "C"`;

function compare(a: string | Date | null, b: string | Date | null): number {
  if (a === b) return 0;
  if (a === null || b === null) return a === null ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What stands after `value` in a field, or beside it and `later`. */
function beyond(path: string, value: unknown, later: string, ascending = false): string {
  if (value === null) return ascending ? `(${path} IS NOT NULL OR ${later})` : `(${path} IS NULL AND ${later})`;
  const further = ascending ? `${path} > :value` : `(${path} < :value OR ${path} IS NULL)`;
  return `(${further} OR ${path} = :value AND ${later})`;
}

/** The same filter in MongoDB's words, and from the newest of it on. */
function inMongo(
  { id, actions, from, to, search, people = [], after, sort_by = 'created_at', ascending, ...equal }: AuditFilter,
  first?: Date,
): QueryFilter<AuditDocument> {
  const range = { ...(from && { $gte: from }), ...(to && { $lte: to }) };
  const words = search && { $regex: search.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), $options: 'i' };
  const further = ascending ? '$gt' : '$lt';
  const conditions: QueryFilter<AuditDocument>[] = [
    {
      ...given({ _id: id, ...equal }),
      ...(actions && { action: { $in: [...actions] } }),
      ...(Object.keys(range).length && { created_at: range }),
    },
    ...(words
      ? [
          {
            $or: [
              { action: words },
              { resource_name: words },
              { user_id: { $in: [...people] } },
              { resource_type: 'user', resource_id: { $in: [...people] } },
            ],
          },
        ]
      : []),
    ...(first ? [{ created_at: { $gte: first } }] : []),
    ...(after ? [inMongoAfter(after, sort_by, further)] : []),
  ];
  return conditions.length > 1 ? { $and: conditions } : conditions[0];
}

function inMongoAfter(after: AuditPlace, sort_by: AuditSort, further: '$gt' | '$lt'): QueryFilter<AuditDocument> {
  const later = [{ created_at: { [further]: after.created_at } }, { created_at: after.created_at, _id: { [further]: after.id } }];
  if (sort_by === 'created_at') return { $or: later };
  const value = after[sort_by] ?? null;
  const others = further === '$gt' ? (value === null ? [{ $ne: null }] : [{ $gt: value }]) : value === null ? [] : [{ $lt: value }, null];
  return { $or: [...others.map((other) => ({ [sort_by]: other })), ...later.map((place) => ({ ...place, [sort_by]: value }))] };
}

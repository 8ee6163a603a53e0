import { Injectable, Logger } from '@nestjs/common';
import type { Events } from '#common/events';
import type { JsonObject } from '#common/json.scalar';
import { isUuid } from '#common/uuid';
import { Database, type Told, type Tx } from '#database/database';
import { isDatabaseDown, isUndone } from '#database/database-errors';
import { type DueRow, DueRows, inTurn } from '#database/due-rows';
import { prepared } from '#database/sql';

export type FactName = keyof Events;

/** What a reader is given. */
export interface ReadFact {
  /** Grows with the order of what happened to one aggregate. */
  id: string;
  name: FactName;
  organization_id: string;
  /** The event's data with rows as their ids: `{contact: {…}}` → `{contact_id}`. */
  data: JsonObject;
  told_at: Date;
}

export interface FactReader {
  /** Stays for good: what waits is kept under it. At most 32 characters. */
  name: string;
  events: readonly FactName[];
  /** Whether an organization's facts are wanted; default: everybody's. For who reads none of them no row is written. */
  wants?: (organization_id: string) => boolean;
  /**
   * Works through facts of one organization, in order, in the transaction that also forgets them: what it writes over `tx` happens exactly once,
   * anything else at least once. One that cannot be read is tried again by itself, while those of other aggregates go on.
   */
  read: (tx: Tx, facts: readonly ReadFact[]) => Promise<void>;
}

interface StoredFact extends ReadFact {
  aggregate: string;
  attempts: number;
}

/** Advisory lock class: one process at a time reads an organization's facts for a reader. */
const READING = 0x7079_6661;
const BATCH = 200;
/** After these a fact is set aside under `dead:` and its reader's name, for a person to look at. */
const ATTEMPTS = 8;
const SWEEP_SECONDS = 5;

const KEEP = prepared(`INSERT INTO facts (reader, organization_id, name, aggregate, data)
  SELECT f.reader, f.organization_id, f.name, f.aggregate, f.data
    FROM json_to_recordset($1) AS f(reader text, organization_id uuid, name text, aggregate text, data jsonb)`);

// What is put off holds back its own aggregate alone.
const TAKE = `SELECT id, name, organization_id, aggregate, data, told_at, attempts FROM facts f
  WHERE reader = $1 AND organization_id = $2
    AND NOT EXISTS (SELECT FROM facts p WHERE p.reader = $1 AND p.organization_id = $2 AND p.aggregate = f.aggregate AND p.due_at > now())
  ORDER BY id LIMIT ${BATCH}`;

const WAITING = inTurn('SELECT organization_id FROM facts WHERE reader = $2', 'SELECT w.organization_id AS id');

const FORGET = 'DELETE FROM facts WHERE reader = $1 AND organization_id = $2 AND id = ANY($3)';

/**
 * Events that must be heard even if this process dies at the next instruction: written in the transaction in which they happened, one row for each
 * durable reader that wants them, and read by whichever process comes first. What nobody must hear costs nothing.
 */
@Injectable()
export class Facts {
  private readonly logger = new Logger(Facts.name);
  private readonly readers = new Map<FactName, FactReader[]>();
  private readonly wakes = new Map<string, (row: DueRow) => void>();

  constructor(
    private readonly database: Database,
    private readonly rows: DueRows,
  ) {
    database.keepFactsIn(this);
  }

  /** Declares a durable reader; from a constructor. */
  reader(reader: FactReader): void {
    if (this.wakes.has(reader.name)) throw new Error(`The reader ${reader.name} is declared twice`);
    for (const name of reader.events) this.readers.set(name, [...(this.readers.get(name) ?? []), reader]);
    const wake = this.rows.add({
      name: `facts-${reader.name}`,
      concurrency: 4,
      timeout_seconds: 60,
      sweep_seconds: SWEEP_SECONDS,
      work: ({ organization_id }, signal) => this.read(reader, organization_id, signal),
      overdue: (limit) => this.overdue(reader, limit),
    });
    this.wakes.set(reader.name, wake);
  }

  /** Whether a durable reader wants the event. */
  isKept(name: FactName, organization_id: string): boolean {
    return this.readers.get(name)?.some(({ wants }) => wants?.(organization_id) ?? true) ?? false;
  }

  /** Writes what was told with its transaction's COMMIT. Answers whom to wake after it. */
  keep(tx: Tx, told: readonly Told[]): () => void {
    const rows = told.flatMap(({ name, payload }) => {
      const { organization_id, ...data } = withIds(payload);
      return (this.readers.get(name) ?? [])
        .filter(({ wants }) => wants?.(String(organization_id)) ?? true)
        .map((reader) => ({ reader: reader.name, organization_id: String(organization_id), name, aggregate: aggregateOf(data), data }));
    });
    tx.send(KEEP, [JSON.stringify(rows)]);
    const waiting = new Map(rows.map((row) => [`${row.reader} ${row.organization_id}`, row]));
    return () => {
      for (const { reader, organization_id } of waiting.values()) this.wakes.get(reader)?.({ organization_id, id: organization_id });
    };
  }

  /** Reads what waits, in batches. Answers in how many milliseconds to look again. */
  private async read(reader: FactReader, organization_id: string, signal: AbortSignal): Promise<number | null> {
    while (!signal.aborted) {
      const found = await this.database.tx((tx) => this.readBatch(tx, reader, organization_id));
      // Another process is at it, perhaps at its last look.
      if (found === null) return 100;
      if (found < BATCH) return null;
    }
    return 0;
  }

  /** Answers how many facts it found; null: another process is at them. */
  private async readBatch(tx: Tx, reader: FactReader, organization_id: string): Promise<number | null> {
    const [{ is_ours }] = await tx.rows<{ is_ours: boolean }>('SELECT pg_try_advisory_xact_lock($1, hashtext($2)) AS is_ours', [
      READING,
      `${reader.name} ${organization_id}`,
    ]);
    if (!is_ours) return null;
    const due = await tx.rows<StoredFact>(TAKE, [reader.name, organization_id]);
    if (!due.length) return 0;
    try {
      await tx.attempt(() => reader.read(tx, due));
      await tx.rows(FORGET, [reader.name, organization_id, due.map(({ id }) => id)]);
    } catch (error) {
      if (isDatabaseDown(error) || isUndone(error)) throw error;
      await this.readOneByOne(tx, reader, due);
    }
    return due.length;
  }

  private async readOneByOne(tx: Tx, reader: FactReader, facts: readonly StoredFact[]): Promise<void> {
    const failed = new Set<string>();
    for (const fact of facts) {
      if (failed.has(fact.aggregate)) continue;
      try {
        await tx.attempt(() => reader.read(tx, [fact]));
        await tx.rows(FORGET, [reader.name, fact.organization_id, [fact.id]]);
      } catch (error) {
        if (isDatabaseDown(error) || isUndone(error)) throw error;
        failed.add(fact.aggregate);
        await this.putOff(tx, reader, fact, error as Error);
      }
    }
  }

  private async putOff(tx: Tx, reader: FactReader, { organization_id, id, name, attempts }: StoredFact, error: Error): Promise<void> {
    const is_dead = attempts + 1 >= ATTEMPTS;
    this.logger[is_dead ? 'error' : 'warn']({
      msg: is_dead ? 'a fact is set aside' : 'a fact was not read',
      reader: reader.name,
      name,
      id,
      err: error,
    });
    await tx.rows(
      `UPDATE facts SET reader = $4, attempts = attempts + 1, error = $5, due_at = now() + make_interval(secs => 2 ^ attempts)
        WHERE reader = $1 AND organization_id = $2 AND id = $3`,
      [reader.name, organization_id, id, is_dead ? `dead:${reader.name}` : reader.name, error.message.slice(0, 500)],
    );
  }

  /** Organizations with facts that wait. */
  private overdue({ name }: FactReader, limit: number): Promise<DueRow[]> {
    return this.database.rows<DueRow>(WAITING, [limit, name]);
  }
}

/** Rows go as their ids, for they may be another when the fact is read; what they belong to goes with them. */
export function withIds(payload: object): JsonObject {
  const data: JsonObject = {};
  for (const [name, value] of Object.entries(payload)) {
    if (value !== null && typeof value === 'object' && isUuid((value as { id?: unknown }).id)) {
      const { id, conversation_id, contact_id } = value as { id: string; conversation_id?: string; contact_id?: string };
      Object.assign(data, { [`${name}_id`]: id }, conversation_id && { conversation_id }, contact_id && { contact_id });
    } else data[name] = value as JsonObject[string];
  }
  return data;
}

/** What an event happened to: the conversation of a message, else the row it names first. */
function aggregateOf(data: JsonObject): string {
  const ids = Object.entries(data).filter(([name, value]) => name.endsWith('_id') && typeof value === 'string');
  return String(data['conversation_id'] ?? ids[0]?.[1] ?? '');
}

import { setImmediate as breathe } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { escapeIdentifier } from 'pg';
import { Encryption, Unopened } from '#common/encryption';
import { Database } from './database';
import { type SealedColumns, sealedColumns } from './sealed-columns';

/** How far a table is. */
export interface Resealed {
  table: string;
  /** Rows sealed with the newest key by this run. */
  rows: number;
  /** Rows whose key is not in the ring, or that were altered; they stay as they are. */
  unopened: number;
}

interface ResealOptions {
  signal?: AbortSignal;
  /** After every batch. */
  progress?: (now: Resealed) => void;
}

type Row = Record<string, string | number | null>;

/** Texts may be long. */
const BATCH = 50;

/**
 * Seals with the newest key what another one of the ring sealed, in every declared column. What is done is said by the rows themselves: a run that was
 * killed is begun again, and two at once do each other no harm. A text that changes meanwhile is looked at again.
 */
@Injectable()
export class Reseal {
  constructor(
    private readonly database: Database,
    private readonly encryption: Encryption,
  ) {}

  async run(options: ResealOptions = {}): Promise<Resealed[]> {
    const done: Resealed[] = [];
    for (const [table, sealed] of sealedColumns()) done.push(await this.table(table, sealed, options));
    return done;
  }

  private async table(table: string, sealed: SealedColumns, { signal, progress }: ResealOptions): Promise<Resealed> {
    const { keys, select, update } = this.sqlOf(table, sealed);
    const done: Resealed = { table, rows: 0, unopened: 0 };
    for (let after: Row | undefined; !signal?.aborted;) {
      const place = after && keys.map((name) => after?.[name]);
      const batch = await this.database.rows<Row>(select(place !== undefined), [this.encryption.current, ...(place ?? [])]);
      if (batch.length) {
        const changed = await this.resealed(batch, sealed);
        const written = changed.length ? (await this.database.rows(update, [JSON.stringify(changed)])).length : 0;
        done.rows += written;
        progress?.({ ...done });
        // Somebody wrote the others meanwhile, perhaps with an older key: they are read again.
        if (written < changed.length) continue;
        done.unopened += batch.length - changed.length;
      }
      if (batch.length < BATCH) break;
      after = batch.at(-1);
    }
    return done;
  }

  /** The rows that could be opened, each text as it was (`was_…`) and as it is to be. */
  private async resealed(batch: readonly Row[], { columns, place, key_id }: SealedColumns): Promise<Row[]> {
    const rows: Row[] = [];
    for (const row of batch) {
      await breathe();
      const at = place.map((column) => row[column] ?? '');
      try {
        const texts = columns.flatMap((column): [string, string | null][] => {
          const was = row[column];
          const now = typeof was === 'string' ? this.encryption.encrypt(this.encryption.decrypt(was, at), at) : null;
          return [
            [column, now],
            [`was_${column}`, was as string | null],
          ];
        });
        rows.push({ ...row, ...Object.fromEntries(texts), ...(key_id && { [key_id]: this.encryption.key_id }) });
      } catch (error) {
        if (!(error instanceof Unopened)) throw error;
      }
    }
    return rows;
  }

  private sqlOf(
    table: string,
    { columns, place, key_id }: SealedColumns,
  ): { keys: string[]; select: (further: boolean) => string; update: string } {
    const { source } = this.database;
    const metadata = source.getMetadata(table);
    const names = (list: readonly string[]): string => list.map((name) => escapeIdentifier(name)).join(', ');
    // In the order of the index.
    const keys = [...metadata.primaryColumns].sort(
      (a, b) => Number(b.databaseName === 'organization_id') - Number(a.databaseName === 'organization_id'),
    );
    const key = names(keys.map(({ databaseName }) => databaseName));
    const typed = keys.map((column) => ({ name: column.databaseName, type: source.driver.normalizeType(column) }));
    const here = escapeIdentifier(metadata.tableName);
    // left() reads no more of a long text than that.
    const old = columns.map((name) => `left(${escapeIdentifier(name)}, length($1::text)) <> $1::text`).join(' OR ');
    const after = typed.map(({ type }, n) => `$${n + 2}::${type}`).join(', ');
    const texts = [...columns, ...columns.map((name) => `was_${name}`), ...(key_id ? [key_id] : [])];
    const record = [
      ...typed.map(({ name, type }) => `${escapeIdentifier(name)} ${type}`),
      ...texts.map((name) => `${escapeIdentifier(name)} text`),
    ];
    const all = [...new Set([...keys.map(({ databaseName }) => databaseName), ...place, ...columns])];
    return {
      keys: keys.map(({ databaseName }) => databaseName),
      select: (further) =>
        `SELECT ${names(all)} FROM ${here} WHERE (${old})${further ? ` AND (${key}) > (${after})` : ''} ORDER BY ${key} LIMIT ${BATCH}`,
      update: `UPDATE ${here} t SET ${[...columns, ...(key_id ? [key_id] : [])].map((name) => `${escapeIdentifier(name)} = n.${escapeIdentifier(name)}`).join(', ')}
         FROM json_to_recordset($1) AS n(${record.join(', ')})
        WHERE ${[
          ...typed.map(({ name }) => `t.${escapeIdentifier(name)} = n.${escapeIdentifier(name)}`),
          ...columns.map((name) => `t.${escapeIdentifier(name)} IS NOT DISTINCT FROM n.${escapeIdentifier(`was_${name}`)}`),
        ].join(' AND ')}
        RETURNING 1`,
    };
  }
}

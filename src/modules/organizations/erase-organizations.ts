import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { BEFORE_ALL } from '#common/uuid';
import { Database } from '#database/database';
import { type ErasedTable, erasedTables } from '#database/erasure';
import { Followers } from './followers';
import { GRACE_DAYS } from './grace';
import type { Organization } from './organization.entity';

/** Rows of a statement: none holds locks for long. */
const BATCH = 2000;

type Due = Pick<Organization, 'id' | 'deleted_at'>;

/** Between two batches: the inbox of others comes first. */
const PAUSE_MS = 20;

/** What is past having back goes for good: rows of every table, files, what other stores have. */
@Injectable()
export class EraseOrganizations {
  private readonly logger = new Logger(EraseOrganizations.name);

  constructor(
    private readonly database: Database,
    private readonly followers: Followers,
  ) {}

  /** Those whose days have passed, the oldest first, until `signal` says stop: the next run goes on where this one was. */
  async run(signal?: AbortSignal): Promise<void> {
    for (let last: Due | undefined; ;) {
      const [due] = await this.database.rows<Due | undefined>(
        `SELECT id, deleted_at FROM organizations
          WHERE deleted_at <= now() - make_interval(days => $1) AND (deleted_at, id) > (coalesce($2::timestamptz, '-infinity'), coalesce($3::uuid, '${BEFORE_ALL}'))
          ORDER BY deleted_at, id LIMIT 1`,
        [GRACE_DAYS, last?.deleted_at ?? null, last?.id ?? null],
      );
      if (!due || signal?.aborted) return;
      last = due;
      if (await this.followers.holds(due)) continue;
      if (!(await this.erase(due.id, signal))) return;
    }
  }

  /** False: it was stopped before the end. */
  private async erase(organization_id: string, signal?: AbortSignal): Promise<boolean> {
    const rows: Record<string, number> = {};
    for (const table of erasedTables(this.database.source.entityMetadatas)) {
      for (const column of table.knots) if (!(await this.untie(table, column, organization_id, signal))) return false;
      for (let gone = BATCH; gone === BATCH;) {
        if (signal?.aborted) return false;
        gone = await this.removeFrom(table, organization_id);
        rows[table.table] = (rows[table.table] ?? 0) + gone;
        if (gone === BATCH) await sleep(PAUSE_MS);
      }
    }
    await this.followers.erased(organization_id);
    const told = Object.fromEntries(Object.entries(rows).filter(([, count]) => count));
    await this.database.tx(async (tx) => {
      // Last: until now the next run would have found it.
      await tx.rows('DELETE FROM organizations WHERE id = $1', [organization_id]);
      // The proof, which is nobody's and stays.
      tx.audit(null, 'organization.erased', { resource: { id: organization_id }, metadata: { rows: told } });
    });
    this.logger.log({ msg: 'organization erased', organization_id });
    return true;
  }

  /** Rows of one table that refer to each other would keep each other. */
  private async untie({ table, where }: ErasedTable, column: string, organization_id: string, signal?: AbortSignal): Promise<boolean> {
    for (let untied = BATCH; untied === BATCH;) {
      if (signal?.aborted) return false;
      const rows = await this.database.rows(
        `UPDATE ${table} SET ${column} = NULL WHERE ctid = ANY(ARRAY(SELECT ctid FROM ${table} WHERE ${where} AND ${column} IS NOT NULL LIMIT ${BATCH})) RETURNING 1`,
        [organization_id],
      );
      untied = rows.length;
    }
    return true;
  }

  private async removeFrom({ table, where, by }: ErasedTable, organization_id: string): Promise<number> {
    if (by) return (await this.database.rows<{ gone: number }>(`SELECT ${by}($1, ${BATCH}) AS gone`, [organization_id]))[0].gone;
    const gone = await this.database.rows(
      `DELETE FROM ${table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM ${table} WHERE ${where} LIMIT ${BATCH})) RETURNING 1`,
      [organization_id],
    );
    return gone.length;
  }
}

import { Injectable } from '@nestjs/common';
import { Encryption } from '#common/encryption';
import { BEFORE_ALL } from '#common/uuid';
import { Database } from '#database/database';
import { erasedTables } from '#database/erasure';
import { forgetRows, forgetTraces } from '#database/forget-rows';
import { traces } from '#database/personal-data';
import { MediaService } from '#modules/whatsapp/media/media.service';
import type { DataRequest } from './data-request.entity';
import { type PersonTable, personTable } from './person-rows';

/** Rows of a statement: none holds locks for long. */
const BATCH = 1000;

/** What is left to do once nothing says any more who somebody was: their rows in every table, as each table declares, copies of what was said, files. */
@Injectable()
export class ForgetPeople {
  constructor(
    private readonly database: Database,
    private readonly encryption: Encryption,
    private readonly media: MediaService,
  ) {}

  /** In small parts, each with its own commit, counted by table in `summary`. false: it was stopped before the end, and goes on where it was. */
  async run(request: DataRequest, summary: Record<string, number>, signal: AbortSignal): Promise<boolean> {
    const { organization_id, subject_type, subject_id } = request;
    const count = (table: string, rows: number): void => {
      if (rows) summary[table] = (summary[table] ?? 0) + rows;
    };
    const names = this.namesOf(request);
    // Only what people said on WhatsApp is kept in copies, and what is answered to whom.
    for (const [table, declared] of traces) {
      count(table, await forgetTraces(this.database, table, declared, organization_id, names, signal));
      if (signal.aborted) return false;
    }
    const how = request.type === 'erasure' ? 'erase' : 'anonymize';
    // What refers goes before what it refers to.
    for (const { table } of erasedTables(this.database.source.entityMetadatas)) {
      const person = personTable(this.database, subject_type, table);
      if (!person || (how === 'anonymize' && isOwn(person))) continue;
      if (table === 'messages' && subject_type === 'contact') {
        if (!(await this.files(person, [organization_id, subject_id], count, signal))) return false;
      }
      for (let rows = BATCH; rows === BATCH;) {
        if (signal.aborted) return false;
        rows = await this.database.tx((tx) =>
          forgetRows(tx, { ...person, forgetting: person[how], ids: [organization_id, subject_id], limit: BATCH }),
        );
        count(table, rows);
      }
    }
    return true;
  }

  /** Before their messages, which name them. */
  private async files(
    { where }: PersonTable,
    ids: readonly [organization_id: string, subject_id: string],
    count: (table: string, rows: number) => void,
    signal: AbortSignal,
  ): Promise<boolean> {
    for (let after: string = BEFORE_ALL, looked = BATCH; looked === BATCH;) {
      if (signal.aborted) return false;
      const messages = await this.database.rows<{ id: string }>(
        `SELECT id FROM messages WHERE ${where} AND organization_id = $1 AND media IS NOT NULL AND id > $3 ORDER BY id LIMIT ${BATCH}`,
        [...ids, after],
      );
      const found = messages.map(({ id }) => id);
      if (found.length) count('media_files', await this.database.tx((tx) => this.media.removeOf(tx, ids[0], found, { uploads: true })));
      after = found.at(-1) ?? after;
      looked = found.length;
    }
    return true;
  }

  private namesOf({ organization_id, id, names_encrypted }: DataRequest): string[] {
    return names_encrypted ? (JSON.parse(this.encryption.decrypt(names_encrypted, [organization_id, id])) as string[]) : [];
  }
}

/** The row of the person themselves was made nobody's with the request. */
const isOwn = ({ table }: PersonTable): boolean => table === 'contacts' || table === 'users';

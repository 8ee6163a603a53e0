import type { Database } from '#database/database';
import { type Forgetting, contactRows, userRows } from '#database/personal-data';
import type { Tx } from '#database/tx';
import { SubjectType } from './consent.entity';

/** What a table has of a person, as its room declares it. */
export interface PersonTable {
  table: string;
  /** SQL: the rows of person $2 in organization $1. */
  where: string;
  erase: Forgetting;
  anonymize: Forgetting;
  detach?: (tx: Tx, organization_id: string, ids: readonly string[]) => Promise<void>;
  export: readonly string[];
  export_where: string;
}

const NAMES = {
  contact: { own: 'contacts', column: /(^|_)(contact|subject)_id$/ },
  user: { own: 'users', column: /(^|_)(user|agent|subject)_id$/ },
};

/** null: it has nothing of such a person. */
export function personTable({ source }: Database, subject: SubjectType, table: string): PersonTable | null {
  const metadata = source.entityMetadatas.find(({ tableName }) => tableName === table);
  if (!metadata) return null;
  const { own, column } = NAMES[subject];
  const named = metadata.columns.filter(({ type, databaseName }) => type === 'uuid' && column.test(databaseName));
  const ids = table === own ? ['id'] : named.map(({ databaseName }) => databaseName);
  const where = `organization_id = $1 AND (${ids.map((name) => `${name} = $2`).join(' OR ')})`;
  if (subject === SubjectType.user) {
    const rows = userRows.get(table);
    return rows ? { table, where, export_where: 'true', ...rows, anonymize: rows.erase } : null;
  }
  const rows = contactRows.get(table);
  return rows ? { table, export_where: 'true', ...rows, where: rows.where ?? where } : null;
}

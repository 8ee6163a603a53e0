import type { Type } from '@nestjs/common';
import type { EntityMetadata } from 'typeorm';
import { newId } from '#common/uuid';
import { Database } from '#database/database';
import type { Sql } from '#database/sql';
import type { Company, World } from './world';

export type Row = Record<string, unknown>;

/** A row of any table, as few of its columns as it takes, and before it those it must refer to. Answers it as it is stored. */
export async function insertRow(sql: Sql, table: EntityMetadata, organization_id: string, given: Row = {}): Promise<Row> {
  const row: Row = { organization_id, ...given };
  for (const {
    databaseName: name,
    type,
    isArray,
    isPrimary,
    isNullable,
    default: value,
    isGenerated,
    isCreateDate,
    isUpdateDate,
  } of table.columns) {
    const fills_itself = isGenerated || isCreateDate || isUpdateDate || (!isPrimary && (isNullable || value !== undefined));
    if (name in row || fills_itself) continue;
    const reference = table.foreignKeys.find(({ columnNames }) => columnNames.includes(name));
    row[name] = reference ? (await insertRow(sql, reference.referencedEntityMetadata, organization_id)).id : isArray ? [] : valueOf(type);
  }
  const names = Object.keys(row);
  const [inserted] = await sql.rows<Row>(
    `INSERT INTO ${table.tableName} (${names.map((name) => `"${name}"`).join(', ')}) VALUES (${names.map((_, n) => `$${n + 1}`).join(', ')}) RETURNING *`,
    Object.values(row),
  );
  return inserted;
}

/** The same of an entity, for a company. */
export function rowOf({ app }: Pick<World, 'app'>, { id }: Company, entity: Type<object>, given?: Row): Promise<Row> {
  const database = app.get(Database);
  return insertRow(database, database.source.getMetadata(entity), id, given);
}

function valueOf(type: EntityMetadata['columns'][number]['type']): unknown {
  if (type === 'uuid') return newId();
  if (type === 'timestamptz') return new Date();
  if (type === 'jsonb') return {};
  if (type === 'date') return '2026-01-01';
  if (type === Number || (typeof type === 'string' && /int/.test(type))) return 1;
  return newId().slice(-10);
}

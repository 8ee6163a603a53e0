import type { Type } from '@nestjs/common';
import { escapeIdentifier } from 'pg';
import { Brackets, type EntityManager, type EntityMetadata, type ObjectLiteral, type SelectQueryBuilder } from 'typeorm';

import type { Actor } from '#common/actor';
import { Invalid, NotFound } from '#common/errors';
import { type Page, type PageQuery, pageWindow, toPage } from '#common/page.dto';
import { newId } from '#common/uuid';
import { type Prepared, type Sql, prepared } from './sql';
import type { TenantEntity } from './tenant.entity';

type Row = Record<string, unknown>;
type ColumnMetadata = EntityMetadata['columns'][number];

export interface PageOptions<T> {
  /** Columns `search` looks in, accent- and case-insensitively. */
  search?: (keyof T & string)[];
  /** Sortable columns; anything else is refused. */
  sort: (keyof T & string)[];
  /** `field:asc|desc` when the caller names none. */
  default_sort?: string;
  /** Column = value; undefined values are left out, arrays mean "one of". */
  filter?: Partial<Record<keyof T & string, unknown>>;
  /** Anything else; use `andWhere` only: `where` and `orWhere` undo the wall. */
  refine?: (query: SelectQueryBuilder<T & ObjectLiteral>) => void;
}

/** Where the rows are: the pool, or a transaction. */
interface Connection extends Sql {
  readonly manager: EntityManager;
}

/** Shapes of an INSERT that are prepared for an entity: what callers may leave out makes ever new ones. */
const MAX_SHAPES = 8;

/** The SQL of an entity's single rows, written once. */
class EntitySql {
  private readonly shapes = new Set<string>();
  readonly columns: string;
  readonly find: Prepared;
  readonly lock: Prepared;
  readonly many: Prepared;

  constructor(readonly metadata: EntityMetadata) {
    this.columns = metadata.columns.map(({ databaseName }) => escapeIdentifier(databaseName)).join(', ');
    const alive = metadata.deleteDateColumn ? ` AND ${escapeIdentifier(metadata.deleteDateColumn.databaseName)} IS NULL` : '';
    const select = `SELECT ${this.columns} FROM ${this.table} WHERE organization_id = $1 AND id`;
    this.find = prepared(`${select} = $2${alive}`);
    this.lock = prepared(`${select} = $2${alive} FOR UPDATE`);
    this.many = prepared(`${select} = ANY($2)${alive}`);
  }

  get table(): string {
    return escapeIdentifier(this.metadata.tableName);
  }

  insert(columns: readonly ColumnMetadata[]): string | Prepared {
    const names = columns.map(({ databaseName }) => escapeIdentifier(databaseName)).join(', ');
    const text = `INSERT INTO ${this.table} (${names}) VALUES (${columns.map((_, n) => `$${n + 1}`).join(', ')}) RETURNING ${this.columns}`;
    if (this.shapes.size < MAX_SHAPES) this.shapes.add(text);
    return this.shapes.has(text) ? prepared(text) : text;
  }
}

const written = new WeakMap<EntityMetadata, EntitySql>();

function sqlOfEntity(metadata: EntityMetadata): EntitySql {
  let sql = written.get(metadata);
  if (!sql) written.set(metadata, (sql = new EntitySql(metadata)));
  return sql;
}

/** The wall between tenants: the only way to a tenant's rows. Another organization's id is simply not found. */
export class TenantRepository<T extends TenantEntity> {
  private readonly sql: EntitySql;

  constructor(
    private readonly connection: Connection,
    private readonly entity: Type<T>,
  ) {
    this.sql = sqlOfEntity(connection.manager.connection.getMetadata(entity));
  }

  /** The row's columns, as a RETURNING names them. */
  get columns(): string {
    return this.sql.columns;
  }

  async find(actor: Actor, id: string): Promise<T | null> {
    return this.first(await this.connection.rows(this.sql.find, [actor.organization_id, id]));
  }

  /** @throws {NotFound} Not there, or another organization's. */
  async get(actor: Actor, id: string): Promise<T> {
    return (await this.find(actor, id)) ?? this.missing();
  }

  /** The row, locked until the transaction ends. */
  async lock(actor: Actor, id: string): Promise<T> {
    return this.first(await this.connection.rows(this.sql.lock, [actor.organization_id, id])) ?? this.missing();
  }

  /** Rows by id, one query for a whole batch; what is not found is left out. */
  async many(actor: Actor, ids: readonly string[]): Promise<T[]> {
    if (!ids.length) return [];
    const rows = await this.connection.rows<Row>(this.sql.many, [actor.organization_id, [...new Set(ids)]]);
    return rows.map((row) => this.hydrate(row));
  }

  async insert(actor: Actor, values: Partial<T>): Promise<T> {
    const row = { ...values, id: values.id ?? newId(), organization_id: actor.organization_id } as Partial<T>;
    const columns = this.sql.metadata.columns.filter(({ propertyName }) => row[propertyName as keyof T] !== undefined);
    const [inserted] = await this.connection.rows<Row>(this.sql.insert(columns), this.persistent(columns, row));
    return this.hydrate(inserted);
  }

  /** Sets the given columns, answers the row as it is now. */
  async patch(actor: Actor, id: string, values: Partial<T>): Promise<T> {
    const { id: _id, organization_id: _organization, updated_at: _updated_at, ...changes } = values;
    const columns = this.sql.metadata.columns.filter(
      ({ propertyName }) => propertyName in changes && changes[propertyName as keyof typeof changes] !== undefined,
    );
    if (!columns.length) return this.get(actor, id);
    const sets = columns.map(({ databaseName }, n) => `${escapeIdentifier(databaseName)} = $${n + 3}`);
    const [updated] = await this.connection.rows<Row>(
      `UPDATE ${this.sql.table} SET ${sets.join(', ')}, updated_at = now() WHERE organization_id = $1 AND id = $2 RETURNING ${this.columns}`,
      [actor.organization_id, id, ...this.persistent(columns, changes as Partial<T>)],
    );
    return this.first([updated]) ?? this.missing();
  }

  /** Deletes the row; softly where the entity has `deleted_at`. */
  async remove(actor: Actor, id: string): Promise<void> {
    const { metadata, table } = this.sql;
    const where = 'WHERE organization_id = $1 AND id = $2';
    const gone = await this.connection.rows(
      metadata.deleteDateColumn
        ? `UPDATE ${table} SET deleted_at = now(), updated_at = now() ${where} AND deleted_at IS NULL RETURNING id`
        : `DELETE FROM ${table} ${where} RETURNING id`,
      [actor.organization_id, id],
    );
    if (!gone.length) this.missing();
  }

  /** A query already behind the wall. Add with `andWhere` and `Brackets` only. */
  query(actor: Actor, alias: string): SelectQueryBuilder<T> {
    return this.connection.manager
      .createQueryBuilder(this.entity, alias)
      .where(`${alias}.organization_id = :organization_id`, { organization_id: actor.organization_id }) as SelectQueryBuilder<T>;
  }

  /** One page of a list: search, filter, sort and envelope of every list. */
  async page(actor: Actor, query: PageQuery, options: PageOptions<T>): Promise<Page<T>> {
    const rows = this.query(actor, 'row');
    this.narrow(rows, query, options);
    const total = await rows.getCount();
    this.order(rows, query, options);
    const { skip, limit } = pageWindow(query);
    return toPage(await rows.offset(skip).limit(limit).getMany(), total, query);
  }

  /** The search and filter of a list, without its order and limits (counts, exports). */
  narrow(
    rows: SelectQueryBuilder<T>,
    query: Pick<PageQuery, 'search'>,
    options: Pick<PageOptions<T>, 'search' | 'filter' | 'refine'>,
  ): void {
    const words = query.search?.trim();
    if (words && options.search?.length) {
      const columns = options.search;
      rows.andWhere(
        new Brackets((or) => {
          for (const column of columns) or.orWhere(`fold(${rows.alias}.${column}) LIKE fold(:words)`, { words: `%${escapeLike(words)}%` });
        }),
      );
    }
    for (const [column, value] of Object.entries(options.filter ?? {})) {
      if (value === undefined) continue;
      if (value === null) rows.andWhere(`${rows.alias}.${column} IS NULL`);
      else if (Array.isArray(value)) rows.andWhere(`${rows.alias}.${column} = ANY(:filter_${column})`, { [`filter_${column}`]: value });
      else rows.andWhere(`${rows.alias}.${column} = :filter_${column}`, { [`filter_${column}`]: value });
    }
    options.refine?.(rows as SelectQueryBuilder<T & ObjectLiteral>);
  }

  private order(rows: SelectQueryBuilder<T>, query: PageQuery, options: PageOptions<T>): void {
    const [column, direction] = parseSort(query.sort ?? options.default_sort ?? 'created_at:desc', options.sort);
    rows
      .orderBy(`${rows.alias}.${column}`, direction, direction === 'DESC' ? 'NULLS LAST' : 'NULLS FIRST')
      .addOrderBy(`${rows.alias}.id`, direction);
  }

  /** A raw row as the entity, with TypeORM's transformers. */
  hydrate(raw: Row): T {
    const { metadata } = this.sql;
    const row = metadata.create() as T;
    for (const column of metadata.columns) {
      if (column.databaseName in raw)
        column.setEntityValue(row, metadata.connection.driver.prepareHydratedValue(raw[column.databaseName], column));
    }
    return row;
  }

  private first([raw]: (Row | undefined)[]): T | null {
    return raw ? this.hydrate(raw) : null;
  }

  private persistent(columns: readonly ColumnMetadata[], row: Partial<T>): unknown[] {
    const { driver } = this.sql.metadata.connection;
    return columns.map((column) => driver.preparePersistentValue(row[column.propertyName as keyof T], column));
  }

  private missing(): never {
    throw new NotFound(this.entity.name);
  }
}

/** `field:asc` → column and direction. @throws {Invalid} when the field is not listed. */
export function parseSort(sort: string, allowed: readonly string[]): [column: string, direction: 'ASC' | 'DESC'] {
  const [column, direction = 'asc', ...rest] = sort.split(':');
  if (rest.length || !allowed.includes(column) || !['asc', 'desc'].includes(direction.toLowerCase()))
    throw Invalid.query('sort', `Sort by one of ${allowed.join(', ')}, then :asc or :desc.`, 'enum');
  return [column, direction.toLowerCase() === 'desc' ? 'DESC' : 'ASC'];
}

/** `%`, `_` and `\` of the user's words are letters, not wildcards. */
export const escapeLike = (text: string): string => text.replace(/[\\%_]/g, '\\$&');

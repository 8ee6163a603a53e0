import type { Type } from '@nestjs/common';
import { escapeIdentifier } from 'pg';
import { Brackets, type ColumnType, type EntityManager, type EntityMetadata, type ObjectLiteral, type SelectQueryBuilder } from 'typeorm';
import type { Actor } from '#common/actor';
import { NotFound } from '#common/errors';
import { type Page, type PageQuery, type Slice, type Total, pageWindow, parseSort, toPage } from '#common/page.dto';
import { newId } from '#common/uuid';
import { askAgain } from './ask-again';
import { Keyset, type Place, type Usual } from './keyset';
import { type Condition, type Prepared, type Sql, prepared } from './sql';
import type { TenantEntity } from './tenant.entity';
import { LIST_MAX, SEARCH_MAX, totalOf } from './total';

type Row = Record<string, unknown>;
type ColumnMetadata = EntityMetadata['columns'][number];

export interface PageOptions<T> {
  /** Columns `search` looks in, accent- and case-insensitively. */
  search?: (keyof T & string)[];
  /** Sortable columns; anything else is refused. */
  sort: (keyof T & string)[];
  /** Of a short list: what is alike in the order's column stands by this text, from A on. */
  then_by?: keyof T & string;
  /** Columns of the order that have one value in nearly all rows. */
  usual?: Partial<Record<keyof T & string, Usual>>;
  /** `field:asc|desc` when the caller names none. */
  default_sort?: string;
  /** Column = value; undefined values are left out, arrays mean "one of". */
  filter?: Partial<Record<keyof T & string, unknown>>;
  /** Anything else; use `andWhere` only: `where` and `orWhere` undo the wall. */
  refine?: (query: SelectQueryBuilder<T & ObjectLiteral>) => void;
  /** What more than SEARCH_MAX rows meet: the list, read in its order, soon meets a page of them. */
  common?: Condition;
  /** How many there are, where that is known. */
  total?: number;
  /** Counting what meets it takes reading the whole list: the total says no more than whether there are more. */
  uncounted?: boolean;
}

/** Where the rows are: the pool, or a transaction. */
interface Connection extends Sql {
  readonly manager: EntityManager;
  /** Rows of one id: `statement` takes the organization and ids, and answers rows whose column `by` is one of these. */
  lookup<R>(statement: Prepared, by: string, organization_id: string, id: string): Promise<R[]>;
}

/** Types whose values the driver reads as the entity has them. */
const AS_READ = new Set<ColumnType>(['uuid', 'varchar', 'text', 'int', 'boolean', 'timestamptz', 'jsonb']);

/** A column in a raw row; with its metadata where TypeORM has something to do to the value. */
interface Field {
  property: string;
  name: string;
  column: ColumnMetadata | null;
}

/** Shapes of an INSERT that are prepared for an entity: what callers may leave out makes ever new ones. */
const MAX_SHAPES = 8;

/** The SQL of an entity's single rows, written once. */
class EntitySql {
  private readonly shapes = new Set<string>();
  private readonly prefixes = new Map<string, Field[]>();
  private readonly lists = new Map<string, string>();
  /** A row of no values: a copy of it is quick to fill, to copy and to write, one that grows field by field is none of these (V8). */
  readonly blank: Row;
  readonly columns: string;
  readonly lock: Prepared;
  readonly many: Prepared;

  constructor(readonly metadata: EntityMetadata) {
    this.columns = metadata.columns.map(({ databaseName }) => escapeIdentifier(databaseName)).join(', ');
    this.blank = { ...Object.fromEntries(metadata.columns.map(({ propertyName }) => [propertyName, undefined])) };
    const alive = metadata.deleteDateColumn ? ` AND ${escapeIdentifier(metadata.deleteDateColumn.databaseName)} IS NULL` : '';
    const select = `SELECT ${this.columns} FROM ${this.table} WHERE organization_id = $1 AND id`;
    // Rows that refer to it may be written meanwhile: keys never change.
    this.lock = prepared(`${select} = $2${alive} FOR NO KEY UPDATE`);
    this.many = prepared(`${select} = ANY($2)${alive}`);
  }

  /** Where the values of a row stand in a raw one. */
  fields(prefix: string): readonly Field[] {
    let fields = this.prefixes.get(prefix);
    if (!fields) {
      fields = this.metadata.columns.map((column) => ({
        property: column.propertyName,
        name: prefix + column.databaseName,
        column: AS_READ.has(column.type) && !column.transformer ? null : column,
      }));
      this.prefixes.set(prefix, fields);
    }
    return fields;
  }

  /** Its columns where they stand beside another's. */
  columnsOf(alias: string, prefix: string): string {
    const key = `${alias} ${prefix}`;
    let list = this.lists.get(key);
    if (list === undefined) {
      list = this.metadata.columns
        .map(({ databaseName }) => `${alias}.${escapeIdentifier(databaseName)} AS ${escapeIdentifier(prefix + databaseName)}`)
        .join(', ');
      this.lists.set(key, list);
    }
    return list;
  }

  get table(): string {
    return escapeIdentifier(this.metadata.tableName);
  }

  insert(columns: readonly ColumnMetadata[]): string | Prepared {
    const values = columns.map((_, n) => `$${n + 1}`).join(', ');
    return this.shaped(`INSERT INTO ${this.table} (${namesOf(columns)}) VALUES (${values}) RETURNING ${this.columns}`);
  }

  /** Many rows, as one parameter. */
  insertAll(columns: readonly ColumnMetadata[], otherwise: string): string | Prepared {
    const names = namesOf(columns);
    const { driver } = this.metadata.connection;
    // `character` by itself is one of them.
    const typeOf = (column: ColumnMetadata): string => driver.normalizeType(column).replace(/^char(acter)?$/, 'bpchar');
    const typed = columns.map((column) => `${escapeIdentifier(column.databaseName)} ${typeOf(column)}${column.isArray ? '[]' : ''}`);
    return this.shaped(
      `INSERT INTO ${this.table} (${names}) SELECT ${names} FROM json_to_recordset($1) AS row(${typed.join(', ')}) ${otherwise}`,
    );
  }

  private shaped(text: string): string | Prepared {
    if (this.shapes.size < MAX_SHAPES) this.shapes.add(text);
    return this.shapes.has(text) ? prepared(text) : text;
  }
}

const namesOf = (columns: readonly ColumnMetadata[]): string =>
  columns.map(({ databaseName }) => escapeIdentifier(databaseName)).join(', ');

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
    return this.first(await this.connection.lookup(this.sql.many, 'id', actor.organization_id, id));
  }

  /** @throws {NotFound} Not there, or another organization's. */
  async get(actor: Actor, id: string): Promise<T> {
    return (await this.find(actor, id)) ?? this.missing();
  }

  /** The row, locked until the transaction ends. */
  async lock(actor: Actor, id: string): Promise<T> {
    return this.first(await this.connection.rows(this.sql.lock, [actor.organization_id, id])) ?? this.missing();
  }

  /** Rows by id in the order asked, one query for a whole batch; what is not found is left out. */
  async many(actor: Actor, ids: readonly string[]): Promise<T[]> {
    if (!ids.length) return [];
    const rows = await this.connection.rows<Row & { id: string }>(this.sql.many, [actor.organization_id, ids]);
    const byId = new Map(rows.map((row) => [row.id, row]));
    return [...new Set(ids)].flatMap((id) => byId.get(id) ?? []).map((row) => this.hydrate(row));
  }

  async insert(actor: Actor, values: Partial<T>): Promise<T> {
    const row = { ...values, id: values.id ?? newId(), organization_id: actor.organization_id } as Partial<T>;
    const columns = this.columnsIn(row);
    const [inserted] = await this.connection.rows<Row>(this.sql.insert(columns), this.persistent(columns, row));
    return this.hydrate(inserted);
  }

  /**
   * Rows that say whose they are, all of one shape, in one statement. `otherwise`: what its end says of conflicts and of what it returns.
   */
  async insertAll<R = never>(rows: readonly (Pick<T, 'id' | 'organization_id'> & Partial<T>)[], otherwise = ''): Promise<R[]> {
    if (!rows.length) return [];
    return this.connection.rows<R>(this.sql.insertAll(this.columnsIn(rows[0] as Partial<T>), otherwise), [JSON.stringify(rows)]);
  }

  private columnsIn(row: Partial<T>): ColumnMetadata[] {
    return this.sql.metadata.columns.filter(({ propertyName }) => row[propertyName as keyof T] !== undefined);
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
    const { items, next_cursor, total } = await this.pageOfIds(actor, query, options);
    return toPage({ items: await this.many(actor, items), next_cursor }, total, query);
  }

  /** The ids of a page and how many there are in all: the rows themselves are read by their ids, by whoever shows more than them. */
  async pageOfIds(actor: Actor, query: PageQuery, options: PageOptions<T>): Promise<Slice<string> & { total: Total }> {
    const slice = await this.ids(actor, query, options);
    const seen = pageWindow(query).skip + slice.items.length;
    const ended = slice.next_cursor === null && query.cursor === undefined && (slice.items.length > 0 || seen === 0);
    if (ended) return { ...slice, total: { total: seen, is_estimate: false } };
    if (options.total !== undefined) return { ...slice, total: { total: options.total, is_estimate: false } };
    if (options.uncounted) return { ...slice, total: { total: seen + (slice.next_cursor === null ? 0 : 1), is_estimate: true } };
    if (options.common) return { ...slice, total: { total: Math.max(seen, SEARCH_MAX), is_estimate: true } };
    return { ...slice, total: await this.total(actor, query, options) };
  }

  /** How many rows a list has, on whichever page. Counted in its own order, off that index and past no other organization's rows; a search has its own. */
  total(actor: Actor, query: PageQuery, options: PageOptions<T>): Promise<Total> {
    const rows = this.query(actor, 'row');
    this.narrow(rows, query, options);
    if (query.search) return totalOf(this.connection, rows.select('1'), SEARCH_MAX);
    return totalOf(this.connection, this.keyset({}, options).places(rows), LIST_MAX);
  }

  /** All rows of a list in its order, `step` at a time, as they are asked for. */
  async *walk(actor: Actor, query: Pick<PageQuery, 'sort'>, options: PageOptions<T>, step: number): AsyncGenerator<T[], void> {
    for (let cursor: string | undefined; ;) {
      const from = { sort: query.sort, cursor };
      const { items, next_cursor } = await askAgain(actor.organization_id, () => this.ids(actor, from, options, step));
      yield await askAgain(actor.organization_id, () => this.many(actor, items));
      if (next_cursor === null) return;
      cursor = next_cursor;
    }
  }

  /** The ids of a page in the order of the list, by the order's index alone where it has one. */
  async ids(actor: Actor, query: PageQuery, options: PageOptions<T>, limit = pageWindow(query).limit): Promise<Slice<string>> {
    const rows = this.query(actor, 'row');
    this.narrow(rows, query, options);
    const keyset = this.keyset(query, options);
    const { skip } = pageWindow(query);
    const places: Place[] = [];
    const fromStart = (): SelectQueryBuilder<T>[] => (skip ? [keyset.places(rows)] : keyset.stretches(rows));
    for (const stretch of query.cursor === undefined ? fromStart() : keyset.placesAfter(rows, keyset.place(query.cursor))) {
      const wanted = limit + 1 - places.length;
      if (wanted > 0) places.push(...(await this.read(stretch, skip, wanted, options.common)));
    }
    const more = places.length > limit;
    const items = places.slice(0, limit).map(({ id }) => id);
    return { items, next_cursor: more ? keyset.cursor(places[limit - 1]) : null };
  }

  private read(places: SelectQueryBuilder<T>, skip: number, limit: number, common: Condition | undefined): Promise<Place[]> {
    if (!common) return this.connection.rows(...places.offset(skip).limit(limit).getQueryAndParameters());
    const [text, values] = places.addSelect(common.sql, 'meets').setParameters(common.values).getQueryAndParameters();
    // OFFSET 0 keeps the condition outside: the planner, who takes it to be rare, would first look for all that meet it.
    return this.connection.rows(`SELECT * FROM (${text} OFFSET 0) places WHERE meets OFFSET ${skip} LIMIT ${limit}`, values);
  }

  private keyset(query: PageQuery, options: PageOptions<T>): Keyset {
    const [name, direction] = parseSort(query.sort ?? options.default_sort ?? 'created_at:desc', options.sort);
    const column = this.sql.metadata.findColumnWithPropertyName(name);
    if (!column) throw new Error(`${this.entity.name} has no column ${name}`);
    const second = options.then_by === name ? undefined : this.sql.metadata.findColumnWithPropertyName(options.then_by ?? '');
    return new Keyset(column, direction, second, options.usual?.[name as keyof T & string]);
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

  /** The columns of a joined row, for `hydrate` with the same prefix. */
  columnsOf(alias: string, prefix = ''): string {
    return this.sql.columnsOf(alias, prefix);
  }

  /** A raw row as the entity, with TypeORM's transformers. */
  hydrate(raw: Row, prefix = ''): T {
    const row: ObjectLiteral = { ...this.sql.blank };
    for (const { property, name, column } of this.sql.fields(prefix)) row[property] = column ? this.prepare(raw[name], column) : raw[name];
    return row as T;
  }

  private prepare(value: unknown, column: ColumnMetadata): unknown {
    return this.sql.metadata.connection.driver.prepareHydratedValue(value, column);
  }

  private first([raw]: (Row | undefined)[]): T | null {
    return raw ? this.hydrate(raw) : null;
  }

  private persistent(columns: readonly ColumnMetadata[], row: Partial<T>): unknown[] {
    const { driver } = this.sql.metadata.connection;
    return columns.map((column) => driver.preparePersistentValue(row[column.propertyName as keyof T], column));
  }

  private missing(): never {
    // "Media file", "WhatsApp number", as one says it.
    throw new NotFound(this.entity.name.replace(/(?<=[a-z])(?<!Whats)[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`));
  }
}

/** `%`, `_` and `\` of the user's words are letters, not wildcards. */
export const escapeLike = (text: string): string => text.replace(/[\\%_]/g, '\\$&');

import type { Type } from '@nestjs/common';
import { Brackets, type EntityManager, type EntityMetadata, type ObjectLiteral, type SelectQueryBuilder } from 'typeorm';
import type { Actor } from '#common/actor';
import { Invalid, NotFound } from '#common/errors';
import { type Page, type PageQuery, pageWindow, toPage } from '#common/page.dto';
import { newId } from '#common/uuid';
import type { TenantEntity } from './tenant.entity';

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

/** The wall between tenants: the only way to a tenant's rows. Another organization's id is simply not found. */
export class TenantRepository<T extends TenantEntity> {
  private readonly metadata: EntityMetadata;

  constructor(
    private readonly manager: EntityManager,
    private readonly entity: Type<T>,
  ) {
    this.metadata = manager.connection.getMetadata(entity);
  }

  /** The same wall inside a transaction. */
  within(manager: EntityManager): TenantRepository<T> {
    return new TenantRepository(manager, this.entity);
  }

  async find(actor: Actor, id: string): Promise<T | null> {
    return this.query(actor, 'row').andWhere('row.id = :id', { id }).getOne();
  }

  /** @throws {NotFound} Not there, or another organization's. */
  async get(actor: Actor, id: string): Promise<T> {
    const row = await this.find(actor, id);
    if (!row) throw new NotFound(this.entity.name);
    return row;
  }

  /** The row, locked until the transaction ends. */
  async lock(actor: Actor, id: string): Promise<T> {
    const row = await this.query(actor, 'row').andWhere('row.id = :id', { id }).setLock('pessimistic_write').getOne();
    if (!row) throw new NotFound(this.entity.name);
    return row;
  }

  /** Rows by id, one query for a whole batch; what is not found is left out. */
  async many(actor: Actor, ids: readonly string[]): Promise<T[]> {
    if (!ids.length) return [];
    return this.query(actor, 'row')
      .andWhere('row.id = ANY(:ids)', { ids: [...new Set(ids)] })
      .getMany();
  }

  async insert(actor: Actor, values: Partial<T>): Promise<T> {
    const row = { ...values, id: values.id ?? newId(), organization_id: actor.organization_id } as Partial<T>;
    const inserted = await this.manager
      .createQueryBuilder()
      .insert()
      .into(this.entity)
      .values(row as never)
      .returning('*')
      .execute();
    return this.hydrate((inserted.raw as Record<string, unknown>[])[0]);
  }

  /** Sets the given columns, answers the row as it is now. */
  async patch(actor: Actor, id: string, values: Partial<T>): Promise<T> {
    const { id: _id, organization_id: _organization, ...changes } = values;
    if (!Object.keys(changes).length) return this.get(actor, id);
    const updated = await this.manager
      .createQueryBuilder()
      .update(this.entity)
      .set({ ...changes, updated_at: () => 'now()' } as never)
      .where('id = :id AND organization_id = :organization_id', { id, organization_id: actor.organization_id })
      .returning('*')
      .execute();
    const raw = (updated.raw as Record<string, unknown>[])[0];
    if (!raw) throw new NotFound(this.entity.name);
    return this.hydrate(raw);
  }

  /** Deletes the row; softly where the entity has `deleted_at`. */
  async remove(actor: Actor, id: string): Promise<void> {
    const where = 'id = :id AND organization_id = :organization_id';
    const key = { id, organization_id: actor.organization_id };
    const soft = this.metadata.deleteDateColumn;
    const done = soft
      ? await this.manager.createQueryBuilder().softDelete().from(this.entity).where(`${where} AND deleted_at IS NULL`, key).execute()
      : await this.manager.createQueryBuilder().delete().from(this.entity).where(where, key).execute();
    if (!done.affected) throw new NotFound(this.entity.name);
  }

  /** A query already behind the wall. Add with `andWhere` and `Brackets` only. */
  query(actor: Actor, alias: string): SelectQueryBuilder<T> {
    return this.manager
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

  /** A raw row (RETURNING *) as the entity, with TypeORM's transformers. */
  private hydrate(raw: Record<string, unknown>): T {
    const row = this.metadata.create() as T;
    for (const column of this.metadata.columns) {
      if (column.databaseName in raw)
        column.setEntityValue(row, this.manager.connection.driver.prepareHydratedValue(raw[column.databaseName], column));
    }
    return row;
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

import type { EntityMetadata, ObjectLiteral, SelectQueryBuilder } from 'typeorm';
import { Invalid } from '#common/errors';
import { isDay, isDayOrInstant } from '#common/period';
import { isUuid } from '#common/uuid';

type ColumnMetadata = EntityMetadata['columns'][number];

/** Where a row stands in an order. */
export interface Place {
  value: unknown;
  id: string;
}

const INT_MAX = 2 ** 31 - 1;

/**
 * The order of a list: a column, then the id, both in one direction; what has no value counts as the smallest. Spelled as the indexes are that end
 * with these two, so that a list is read from wherever it goes on.
 */
export class Keyset {
  constructor(
    private readonly column: ColumnMetadata,
    readonly direction: 'ASC' | 'DESC',
  ) {}

  /** The places of a query's rows, in order. */
  places<T extends ObjectLiteral>(rows: SelectQueryBuilder<T>): SelectQueryBuilder<T> {
    // An index needs no word about nulls where there are none.
    const nulls = this.column.isNullable ? (this.direction === 'DESC' ? 'NULLS LAST' : 'NULLS FIRST') : undefined;
    const [path, id] = this.paths(rows);
    return rows.clone().select(path, 'value').addSelect(id, 'id').addOrderBy(path, this.direction, nulls).addOrderBy(id, this.direction);
  }

  /** The same after a place, in stretches that follow each other: an index finds the beginning of each. */
  placesAfter<T extends ObjectLiteral>(rows: SelectQueryBuilder<T>, place: Place): SelectQueryBuilder<T>[] {
    const [path, id] = this.paths(rows);
    const beyond = this.direction === 'DESC' ? '<' : '>';
    const stretch = (condition: string): SelectQueryBuilder<T> =>
      this.places(rows).andWhere(condition, { place_value: place.value, place_id: place.id });
    if (place.value === null)
      return [
        stretch(`${path} IS NULL AND ${id} ${beyond} :place_id`),
        ...(this.direction === 'ASC' ? [stretch(`${path} IS NOT NULL`)] : []),
      ];
    const withValue = stretch(`(${path}, ${id}) ${beyond} (:place_value, :place_id)`);
    return this.column.isNullable && this.direction === 'DESC' ? [withValue, stretch(`${path} IS NULL`)] : [withValue];
  }

  cursor({ value, id }: Place): string {
    return Buffer.from(JSON.stringify([this.name, value, id])).toString('base64url');
  }

  /** @throws {Invalid} Not a cursor, or one of another order. */
  place(cursor: string): Place {
    try {
      const [name, value, id] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[];
      if (name === this.name && this.fits(value) && isUuid(id)) return { value, id };
    } catch {
      // Not even JSON.
    }
    throw Invalid.query('cursor', 'Give the next_cursor of an earlier page, with the same sort.');
  }

  private get name(): string {
    return `${this.column.databaseName}:${this.direction}`;
  }

  private fits(value: unknown): boolean {
    if (value === null) return this.column.isNullable;
    switch (this.column.type) {
      case 'timestamptz':
        return typeof value === 'string' && !isDay(value) && isDayOrInstant(value);
      case 'int':
        return Number.isInteger(value) && Math.abs(Number(value)) <= INT_MAX;
      case 'boolean':
        return typeof value === 'boolean';
      default:
        return typeof value === 'string' && !value.includes('\0');
    }
  }

  private paths({ alias }: { alias: string }): [column: string, id: string] {
    return [`${alias}.${this.column.propertyName}`, `${alias}.id`];
  }
}

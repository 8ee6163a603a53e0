import type { EntityMetadata, ObjectLiteral, SelectQueryBuilder } from 'typeorm';
import { Invalid } from '#common/errors';
import { isDay, isDayOrInstant } from '#common/period';
import { isUuid } from '#common/uuid';

type ColumnMetadata = EntityMetadata['columns'][number];

/** Where a row stands in an order. */
export interface Place {
  value: unknown;
  /** Of an order with a second column. */
  tie?: unknown;
  id: string;
}

/** What nearly all rows have, while the others are few and found by an index of their own. */
export interface Usual {
  value: number;
  /** There is nothing below it. */
  is_least?: true;
}

const INT_MAX = 2 ** 31 - 1;

/**
 * The order of a list: a column, then the id, both in one direction; what has no value counts as the smallest. Spelled as the indexes are that end
 * with these two, so that a list is read from wherever it goes on. A short list may stand by a second text column, from A on, before the id.
 */
export class Keyset {
  constructor(
    private readonly column: ColumnMetadata,
    readonly direction: 'ASC' | 'DESC',
    private readonly second?: ColumnMetadata,
    private readonly usual?: Usual,
  ) {}

  /** The places of a query's rows, in order. */
  places<T extends ObjectLiteral>(rows: SelectQueryBuilder<T>): SelectQueryBuilder<T> {
    // An index needs no word about nulls where there are none.
    const nulls = this.column.isNullable ? (this.direction === 'DESC' ? 'NULLS LAST' : 'NULLS FIRST') : undefined;
    const [path, id, tie] = this.paths(rows);
    const places = rows.clone().select(path, 'value').addSelect(id, 'id').addOrderBy(path, this.direction, nulls);
    if (tie) places.addSelect(tie, 'tie').addOrderBy(tie, 'ASC');
    return places.addOrderBy(id, this.direction);
  }

  /** The same in stretches that follow each other: what has the usual value stands in the order of the ids, which the key of the table has. */
  stretches<T extends ObjectLiteral>(rows: SelectQueryBuilder<T>): SelectQueryBuilder<T>[] {
    if (!this.usual) return [this.places(rows)];
    return this.parts(rows, this.usual).map(({ places }) => places);
  }

  private parts<T extends ObjectLiteral>(
    rows: SelectQueryBuilder<T>,
    { value: usual, is_least }: Usual,
  ): { sign: number; places: SelectQueryBuilder<T> }[] {
    const [path] = this.paths(rows);
    const upwards = ['<', '=', '>'].map((holds, n) => ({
      sign: n - 1,
      places: this.places(rows).andWhere(`${path} ${holds} :usual`, { usual }),
    }));
    const parts = is_least ? upwards.slice(1) : upwards;
    return this.direction === 'ASC' ? parts : parts.reverse();
  }

  /** The same after a place, in stretches that follow each other: an index finds the beginning of each. */
  placesAfter<T extends ObjectLiteral>(rows: SelectQueryBuilder<T>, place: Place): SelectQueryBuilder<T>[] {
    const [path, id, tie] = this.paths(rows);
    const beyond = this.direction === 'DESC' ? '<' : '>';
    const stretch = (condition: string): SelectQueryBuilder<T> =>
      this.places(rows).andWhere(condition, { place_value: place.value, place_id: place.id, place_tie: place.tie });
    const alike = tie ? `(${tie} > :place_tie OR ${tie} = :place_tie AND ${id} ${beyond} :place_id)` : `${id} ${beyond} :place_id`;
    if (place.value === null)
      return [stretch(`${path} IS NULL AND ${alike}`), ...(this.direction === 'ASC' ? [stretch(`${path} IS NOT NULL`)] : [])];
    if (this.usual) {
      const parts = this.parts(rows, this.usual);
      const sign = Math.sign(Number(place.value) - this.usual.value);
      const [part, ...others] = parts.slice(
        Math.max(
          0,
          parts.findIndex((one) => one.sign === sign),
        ),
      );
      const beyondPlace = part.places.andWhere(`(${path}, ${id}) ${beyond} (:place_value, :place_id)`, {
        place_value: place.value,
        place_id: place.id,
      });
      return [beyondPlace, ...others.map(({ places }) => places)];
    }
    const withValue = tie
      ? [stretch(`${path} = :place_value AND ${alike}`), stretch(`${path} ${beyond} :place_value`)]
      : [stretch(`(${path}, ${id}) ${beyond} (:place_value, :place_id)`)];
    return this.column.isNullable && this.direction === 'DESC' ? [...withValue, stretch(`${path} IS NULL`)] : withValue;
  }

  cursor({ value, id, tie }: Place): string {
    return Buffer.from(JSON.stringify([this.name, value, id, tie])).toString('base64url');
  }

  /** @throws {Invalid} Not a cursor, or one of another order. */
  place(cursor: string): Place {
    try {
      const [name, value, id, tie] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[];
      if (name === this.name && this.fits(value) && isUuid(id) && (!this.second || isText(tie))) return { value, id, tie };
    } catch {
      // Not even JSON.
    }
    throw Invalid.query('cursor', 'Give the next_cursor of an earlier page, with the same sort.');
  }

  private get name(): string {
    return [this.column.databaseName, this.direction, ...(this.second ? [this.second.databaseName] : [])].join(':');
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
        return isText(value);
    }
  }

  private paths({ alias }: { alias: string }): [column: string, id: string, tie: string | null] {
    return [`${alias}.${this.column.propertyName}`, `${alias}.id`, this.second ? `${alias}.${this.second.propertyName}` : null];
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && !value.includes('\0');

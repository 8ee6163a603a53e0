import { Type as Cast } from 'class-transformer';
import { IsInt, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import type { Type } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Alias } from './alias';
import { Invalid } from './errors';

export const PAGE_SIZE_DEFAULT = 50;
export const PAGE_SIZE_MAX = 100;
/** Nobody leafs that far; above it PostgreSQL's OFFSET overflows sooner or later. */
const PAGE_MAX = 1_000_000;
/** The longest text a list is sorted by, its escapes, an id. */
const CURSOR_MAX = 2000;
const SKIP_MAX = PAGE_MAX * PAGE_SIZE_MAX;

/** The query every list takes. */
export class PageQuery {
  /** Rows to leave out before the first; wins over `page`. Alias: offset. */
  @Alias('offset')
  @IsOptional()
  @Cast(() => Number)
  @IsInt()
  @Min(0)
  @Max(SKIP_MAX)
  skip?: number;

  /** Rows at most; above 100 counts as 100. */
  @ApiPropertyOptional({ default: PAGE_SIZE_DEFAULT })
  @IsOptional()
  @Cast(() => Number)
  @IsInt()
  @Min(1)
  limit?: number;

  /** Page number from 1. */
  @IsOptional()
  @Cast(() => Number)
  @IsInt()
  @Min(1)
  @Max(PAGE_MAX)
  page?: number;

  /** Where an earlier page ended: its `next_cursor`, with the same sort and filters. Wins over `page` and `skip`. */
  @IsOptional()
  @IsString()
  @MaxLength(CURSOR_MAX)
  @Matches(/^[A-Za-z0-9_-]+$/, { message: 'Give the next_cursor of an earlier page, with the same sort.' })
  cursor?: string;

  /** Words to look for. Aliases: query, q. */
  @Alias('query', 'q')
  @IsOptional()
  @IsString()
  @MaxLength(100)
  search?: string;

  /** `field:asc` or `field:desc`; the answer to an unknown field names those there are. */
  @IsOptional()
  @IsString()
  @MaxLength(100)
  sort?: string;
}

/** What says which rows of a list to show, not which it has: counts do without. */
export const PAGING = ['skip', 'limit', 'page', 'cursor', 'sort'] as const;

/** Rows of a list and where the next ones begin. */
export interface Slice<T> {
  items: T[];
  /** null: there are no more. */
  next_cursor: string | null;
}

/** How many rows a list has; beyond what is counted at least so many. */
export interface Total {
  total: number;
  is_estimate: boolean;
}

/** One page of a list, in the envelope of every list. */
export interface Page<T> extends Slice<T> {
  total: number;
  page: number;
  page_size: number;
  total_pages: number;
  /** True where counting on would cost too much; `total` is then a floor. */
  total_is_estimate?: boolean;
}

/** Where a page starts and how long it is; one that goes on from a cursor starts there. */
export function pageWindow(query: PageQuery): { skip: number; limit: number; page: number } {
  const limit = Math.min(query.limit ?? PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX);
  const skip = query.cursor === undefined ? (query.skip ?? ((query.page ?? 1) - 1) * limit) : 0;
  return { skip, limit, page: Math.floor(skip / limit) + 1 };
}

/** `field:asc` → field and direction. @throws {Invalid} when the field is not listed. */
export function parseSort(sort: string, allowed: readonly string[]): [field: string, direction: 'ASC' | 'DESC'] {
  const [field, direction = 'asc', ...rest] = sort.split(':');
  if (rest.length || !allowed.includes(field) || !['asc', 'desc'].includes(direction.toLowerCase()))
    throw Invalid.query('sort', `Sort by one of ${allowed.join(', ')}, then :asc or :desc.`, 'enum');
  return [field, direction.toLowerCase() === 'desc' ? 'DESC' : 'ASC'];
}

export function toPage<T>({ items, next_cursor }: Slice<T>, { total, is_estimate }: Total, query: PageQuery): Page<T> {
  const { limit, page } = pageWindow(query);
  const total_pages = Math.ceil(total / limit);
  return { items, total, page, page_size: limit, total_pages, next_cursor, ...(is_estimate && { total_is_estimate: true }) };
}

/** The list envelope of `item`, as a class that OpenAPI can name. */
export function PageOf<T>(item: Type<T>): Type<Page<T>> {
  class PageClass implements Page<T> {
    @ApiProperty({ type: [item] })
    items: T[];

    @ApiProperty({ type: 'integer', minimum: 0, example: 1, description: 'Rows in all pages together.' })
    total: number;

    @ApiProperty({ type: 'integer', minimum: 1, example: 1, description: 'With a `cursor`: 1.' })
    page: number;

    @ApiProperty({ type: 'integer', minimum: 1, maximum: PAGE_SIZE_MAX, example: PAGE_SIZE_DEFAULT })
    page_size: number;

    @ApiProperty({ type: 'integer', minimum: 0, example: 1 })
    total_pages: number;

    @ApiProperty({ type: 'string', nullable: true, example: null, description: 'The `cursor` of the next page; null at the end.' })
    next_cursor: string | null;

    @ApiProperty({ type: 'boolean', required: false, description: 'Present and true where `total` is a floor, not a count.' })
    total_is_estimate?: boolean;
  }
  return PageClass;
}

import { Type as Cast } from 'class-transformer';
import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import type { Type } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Alias } from './alias';

export const PAGE_SIZE_DEFAULT = 50;
export const PAGE_SIZE_MAX = 100;
/** Nobody leafs that far; above it PostgreSQL's OFFSET overflows sooner or later. */
const PAGE_MAX = 1_000_000;
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

  /** Words to look for. Aliases: query, q. */
  @Alias('query', 'q')
  @IsOptional()
  @IsString()
  @MaxLength(100)
  search?: string;

  /** `field:asc` or `field:desc`. */
  @IsOptional()
  @IsString()
  @MaxLength(100)
  sort?: string;
}

/** What says which rows of a list to show, not which it has: counts do without. */
export const PAGING = ['skip', 'limit', 'page', 'sort'] as const;

/** One page of a list, in the envelope of every list. */
export interface Page<T> {
  items: T[];
  total: number;
  page: number;
  page_size: number;
  total_pages: number;
  /** True where counting on would cost too much; `total` is then a floor. */
  total_is_estimate?: boolean;
}

/** Where a page starts and how long it is. */
export function pageWindow(query: PageQuery): { skip: number; limit: number; page: number } {
  const limit = Math.min(query.limit ?? PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX);
  const skip = query.skip ?? ((query.page ?? 1) - 1) * limit;
  return { skip, limit, page: Math.floor(skip / limit) + 1 };
}

export function toPage<T>(items: T[], total: number, query: PageQuery, total_is_estimate = false): Page<T> {
  const { limit, page } = pageWindow(query);
  return { items, total, page, page_size: limit, total_pages: Math.ceil(total / limit), ...(total_is_estimate && { total_is_estimate }) };
}

/** The list envelope of `item`, as a class that OpenAPI can name. */
export function PageOf<T>(item: Type<T>): Type<Page<T>> {
  class PageClass implements Page<T> {
    @ApiProperty({ type: [item] })
    items: T[];

    @ApiProperty({ type: 'integer', minimum: 0, example: 1, description: 'Rows in all pages together.' })
    total: number;

    @ApiProperty({ type: 'integer', minimum: 1, example: 1 })
    page: number;

    @ApiProperty({ type: 'integer', minimum: 1, maximum: PAGE_SIZE_MAX, example: PAGE_SIZE_DEFAULT })
    page_size: number;

    @ApiProperty({ type: 'integer', minimum: 0, example: 1 })
    total_pages: number;

    @ApiProperty({ type: 'boolean', required: false, description: 'Present and true where `total` is a floor, not a count.' })
    total_is_estimate?: boolean;
  }
  return PageClass;
}

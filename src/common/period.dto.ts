import { IsOptional, IsString } from 'class-validator';
import { DayOrInstant, NotBefore } from './fields';
import { IntersectionType } from './mapped-types';
import { PageQuery } from './page.dto';

/** The part of a history that is asked for. */
export class PeriodQuery {
  /** A day of the organization, or an instant with its offset; absent: from the beginning. */
  @IsOptional()
  @IsString()
  @DayOrInstant()
  start_date?: string;

  /** A day counts to its end; absent: until now. */
  @IsOptional()
  @IsString()
  @DayOrInstant()
  @NotBefore('start_date')
  end_date?: string;
}

/** A list of what happened, in pages. */
export class HistoryQuery extends IntersectionType(PageQuery, PeriodQuery) {}

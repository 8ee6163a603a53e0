import type { Type } from '@nestjs/common';
import { PickType } from '@nestjs/swagger';
import { IsOptional, IsString } from 'class-validator';
import { DayOrInstant, NotBefore } from './fields';
import { PageQuery } from './page.dto';

/** A list of what happened, or the part of it in a period. */
export class HistoryQuery extends PageQuery {
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

export class PeriodQuery extends PickType(HistoryQuery, ['start_date', 'end_date']) {}

interface FromTo {
  from?: string;
  to?: string;
}

/** A query with the same bounds, as the inbox and its neighbours spell them. */
export function InPeriod<T extends object>(query: Type<T>): Type<T & FromTo> {
  class Narrowed extends (query as Type<object>) implements FromTo {
    /** A day (from its start, in the organization's time zone) or an instant with its offset. */
    @IsOptional()
    @DayOrInstant()
    from?: string;

    /** A day (to its end, in the organization's time zone) or an instant with its offset. */
    @IsOptional()
    @DayOrInstant()
    @NotBefore('from')
    to?: string;
  }
  return Narrowed as Type<T & FromTo>;
}

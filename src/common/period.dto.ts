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

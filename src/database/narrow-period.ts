import type { ObjectLiteral, SelectQueryBuilder } from 'typeorm';
import { isDay } from '#common/period';

/** Days or instants, both ends included; a day is that of the time zone (contract 20, 0.10). */
export interface Period {
  from?: string;
  to?: string;
  time_zone: string;
}

/** Keeps the rows whose `column` is in the period. */
export function narrowPeriod<T extends ObjectLiteral>(rows: SelectQueryBuilder<T>, column: string, { from, to, time_zone }: Period): void {
  if (from) rows.andWhere(`${column} >= ${isDay(from) ? midnight('from') : ':from::timestamptz'}`, { from, time_zone });
  if (!to) return;
  // A day ends where the next begins; an instant is its own end.
  rows.andWhere(isDay(to) ? `${column} < ${midnight('to', 1)}` : `${column} <= :to::timestamptz`, { to, time_zone });
}

const midnight = (parameter: 'from' | 'to', days_later = 0): string =>
  `((:${parameter}::timestamp + interval '${days_later} days') AT TIME ZONE :time_zone)`;

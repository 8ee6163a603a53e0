import type { ObjectLiteral, SelectQueryBuilder } from 'typeorm';
import { isDay } from '#common/period';
import { type Sql, prepared } from './sql';

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

/** The first and the last instant of a period, to the millisecond; undefined: it has no such bound. */
export interface Bounds {
  start?: Date;
  end?: Date;
}

const BOUNDS = prepared(`SELECT CASE WHEN $3::boolean THEN $1::timestamp AT TIME ZONE $5 ELSE $1::timestamptz END AS start,
    CASE WHEN $4::boolean THEN ($2::timestamp + interval '1 day') AT TIME ZONE $5 - interval '1 millisecond' ELSE $2::timestamptz END AS end`);

/** The same period as instants, for who does not ask PostgreSQL about it, or asks more than once. */
export async function periodBounds(sql: Sql, { from, to, time_zone }: Period): Promise<Bounds> {
  if (!from && !to) return {};
  const days = [from, to].map((time) => time !== undefined && isDay(time));
  const [{ start, end }] = await sql.rows<{ start: Date | null; end: Date | null }>(BOUNDS, [from ?? null, to ?? null, ...days, time_zone]);
  return { ...(start && { start }), ...(end && { end }) };
}

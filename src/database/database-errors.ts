import { Logger } from '@nestjs/common';
import { QueryFailedError } from 'typeorm';
import { AppError, Conflict, Invalid, NotFound, Unavailable } from '#common/errors';

interface PgError extends Error {
  code?: string;
  constraint?: string;
}

const logger = new Logger('database');

/** Unique indexes whose violation means something to the caller, by name. */
const UNIQUE: Record<string, () => AppError> = {};

/** Says what a violated unique index means; each room names its own. */
export function onDuplicate(index: string, error: () => AppError): void {
  UNIQUE[index] = error;
}

/** What was thrown, as an error the caller may see, whatever the door; null: a fault of ours, or of something we do not know. */
export const knownError = (error: unknown): AppError | null => (error instanceof AppError ? error : fromDatabase(error));

function fromDatabase(error: unknown): AppError | null {
  const index = violatedIndex(error);
  if (index !== null) return UNIQUE[index]?.() ?? new Conflict('already_exists', 'This already exists.');
  const { code = '', constraint, message } = driverError(error);
  // foreign_key_violation: an id that is nobody's in this organization. The room should have looked, so the log says so.
  if (code === '23503') {
    logger.warn({ msg: 'the database refused a reference', constraint, error: message });
    return new NotFound();
  }
  // Class 22, data exception: a value outside its type's range or form. Validation should have named it, so the log does.
  if (/^22[0-9A-Z]{3}$/.test(code)) {
    logger.warn({ msg: 'a value passed the validation and not the database', code, error: message });
    return new Invalid([{ msg: 'A value is outside of what can be stored or compared.', type: 'data_exception' }]);
  }
  if (BUSY_CODES.has(code)) return new Unavailable('The database is busy; nothing has happened. Try again in a moment.', 'busy');
  if (isDatabaseDown(error)) return new Unavailable('The database is not reachable. Try again in a moment.');
  return null;
}

/** The unique index that refused a row; null: none did. */
export function violatedIndex(error: unknown): string | null {
  const { code, constraint = '' } = driverError(error);
  return code === '23505' ? constraint : null;
}

/** serialization_failure, deadlock_detected: nothing of the transaction happened, and it may be run again. */
const UNDONE = new Set(['40001', '40P01']);

/** Two writers met (a contact, a conversation, a message made by the API at the same instant): the work is simply done again. */
export class Raced extends Error {}

/** PostgreSQL undid the transaction for the sake of another, or its connection is of before a change of the tables. */
export const isUndone = (error: unknown): boolean => UNDONE.has(driverError(error).code ?? '') || isStale(error);

/** What the connection has prepared answers otherwise by now (a column more), or is gone from it: a new connection prepares it anew. */
function isStale(error: unknown): boolean {
  const { code, message = '' } = driverError(error);
  return code === '26000' || (code === '0A000' && message.startsWith('cached plan'));
}

/** in_failed_sql_transaction: an earlier statement of the transaction failed. */
export const isRefused = (error: unknown): boolean => driverError(error).code === '25P02';

/** query_canceled (by our own time-out), lock_not_available, serialization_failure, deadlock_detected: nothing of it happened. */
const BUSY_CODES = new Set(['57014', '55P03', '40001', '40P01']);

const CONNECTION_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  '57P01',
  '57P02',
  '57P03',
  '08000',
  '08003',
  '08006',
  '53300',
]);

/** PostgreSQL cannot be reached, is shutting down, or the connection is good for nothing more: the request may be repeated. */
export function isDatabaseDown(error: unknown): boolean {
  const { code, message } = driverError(error);
  return (
    isStale(error) ||
    CONNECTION_CODES.has(code ?? '') ||
    /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Driver not Connected/i.test(
      message ?? '',
    )
  );
}

const driverError = (error: unknown): Partial<PgError> =>
  (error instanceof QueryFailedError ? (error.driverError as PgError) : (error as PgError | null)) ?? {};

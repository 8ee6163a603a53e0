import { randomFillSync } from 'node:crypto';
import { NIL, v7, validate } from 'uuid';

/** Every id of a row comes after it. */
export const BEFORE_ALL = NIL;

/** Random bytes of many ids, fetched at once: an id's own would take ten times as long as the rest of it. */
const random = new Uint8Array(4096);
const BYTES = 16;
let used = random.length;
/** Of the last id: those of one millisecond count up, as the library's do with bytes of its own. */
let msecs = 0;
let seq = 0;

/** A new id: UUIDv7, so that ids sort by time and indexes grow at one end. Each sorts after the one before it. */
export function newId(): string {
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  const own = random.subarray(used, (used += BYTES));
  const now = Date.now();
  if (now > msecs) {
    msecs = now;
    seq = ((own[6] & 0x7f) << 24) | (own[7] << 16) | (own[8] << 8) | own[9];
  } else if ((seq = (seq + 1) | 0) === 0) msecs++;
  return v7({ random: own, msecs, seq });
}

/** True for a UUID of any version. */
export const isUuid = (value: unknown): value is string => typeof value === 'string' && validate(value);

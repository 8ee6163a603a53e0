import { createHash, timingSafeEqual } from 'node:crypto';

/** Whether somebody's word is our secret; in constant time, whatever its length. */
export function isSameSecret(ours: string, given: string): boolean {
  const [a, b] = [ours, given].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(a, b);
}

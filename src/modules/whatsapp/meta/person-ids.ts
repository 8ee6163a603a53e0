import { phoneOfWaId } from '#common/phone';
import type { PersonIds } from '../parsed-change';

/** Meta, "Business-scoped user IDs": country, a dot, up to 128 letters and digits; ENT marks a parent id. */
export const BSUID = /^[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}$/;

export const isBsuid = (value: unknown): value is string => typeof value === 'string' && BSUID.test(value);

const isParentBsuid = (value: string): boolean => value.startsWith('ENT.', 3);

/**
 * Sorts raw values into the kinds they are. Each is classified by its shape, not only by the key it came under:
 * Meta may put an id under `from` where a phone is expected, and a wrong kind must not become an identity.
 */
export function personIds(...values: unknown[]): PersonIds {
  const ids: PersonIds = {};
  for (const value of values) {
    if (typeof value !== 'string' || value === '') continue;
    if (BSUID.test(value)) {
      if (isParentBsuid(value)) ids.parent_bsuid ??= value;
      else ids.bsuid ??= value;
    } else {
      const phone = phoneOfWaId(value);
      if (phone !== null) ids.phone ??= phone;
    }
  }
  return ids;
}

export const hasIds = (ids: PersonIds): boolean => ids.phone !== undefined || ids.bsuid !== undefined || ids.parent_bsuid !== undefined;

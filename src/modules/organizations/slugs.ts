import { Conflict } from '#common/errors';
import type { Tx } from '#database/database';
import { onDuplicate } from '#database/database-errors';

const SLUG_MAX = 100;

/** PyTake's own organization, where super admins are at home. */
export const SYSTEM_SLUG = 'pytake-system';

const taken = (field: 'slug' | 'domain'): Conflict =>
  new Conflict('already_exists', `Another organization has this ${field}.`, {
    details: [{ loc: ['body', field], msg: `Another organization has this ${field}.`, type: 'already_exists' }],
  });
onDuplicate('organizations_slug_key', () => taken('slug'));
onDuplicate('organizations_domain_key', () => taken('domain'));

/** @throws {Conflict} Nobody but PyTake itself may have its slug: whoever had it would be taken for it. */
export function assertNotOurs(slug: string | undefined): void {
  if (slug === SYSTEM_SLUG) throw taken('slug');
}

/** A name as it may stand in an address: lower case, no accents, dashes between words; `otherwise` where nothing of it is left. */
export function slugify(name: string, otherwise = 'organization'): string {
  const slug = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, SLUG_MAX)
    .replace(/^-+|-+$/g, '');
  return slug || otherwise;
}

/** The slug, or it with the first free number: -1, -2, ... Who asks for the same one waits until `tx` has ended. */
export async function freeSlug(tx: Tx, slug: string): Promise<string> {
  const base = slug.slice(0, SLUG_MAX - 10);
  await tx.rows('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`organization slug ${base}`]);
  // Slugs are unique over all organizations.
  const rows = await tx.rows<{ slug: string }>(
    `SELECT slug FROM organizations WHERE (slug = $1 OR slug ~ ('^' || $2 || '-[0-9]+$')) AND deleted_at IS NULL`,
    [slug, base],
  );
  const used = new Set([SYSTEM_SLUG, ...rows.map((row) => row.slug)]);
  if (!used.has(slug)) return slug;
  let number = 1;
  while (used.has(`${base}-${number}`)) number++;
  return `${base}-${number}`;
}

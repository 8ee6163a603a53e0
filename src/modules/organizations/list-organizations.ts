import { Brackets, In } from 'typeorm';
import { type Page, type Slice, pageWindow, parseSort, toPage } from '#common/page.dto';
import type { Database } from '#database/database';
import { Keyset, type Place } from '#database/keyset';
import { escapeLike } from '#database/tenant-repository';
import { LIST_MAX, SEARCH_MAX, totalOf } from '#database/total';
import type { OrganizationQuery } from './organization.dto';
import { GRACE_DAYS } from './grace';
import { Organization, OrganizationStatus } from './organization.entity';

const SEARCH: (keyof Organization)[] = ['name', 'slug', 'domain'];
const SORT: (keyof Organization)[] = [
  'created_at',
  'updated_at',
  'name',
  'slug',
  'domain',
  'status',
  'plan_type',
  'is_trial',
  'trial_ends_at',
  'subscription_ends_at',
  'suspended_at',
];

/** One page over all organizations, or of one alone: they are no tenant's rows, so this list stands before the wall. */
export async function listOrganizations(database: Database, query: OrganizationQuery, only: string | null): Promise<Page<Organization>> {
  const organizations = database.manager.getRepository(Organization);
  const rows = organizations.createQueryBuilder('row').withDeleted();
  rows.where(query.is_deleted ? 'row.deleted_at > now() - make_interval(days => :days)' : 'row.deleted_at IS NULL', { days: GRACE_DAYS });
  if (only) rows.andWhere('row.id = :only', { only });
  if (query.status) rows.andWhere('row.status = :status', { status: query.status });
  if (query.plan_type) rows.andWhere('row.plan_type = :plan_type', { plan_type: query.plan_type });
  const is_active = query.active_only || query.is_active;
  if (is_active !== undefined) rows.andWhere(`row.status ${is_active ? '=' : '<>'} :active`, { active: OrganizationStatus.active });
  const words = query.search?.trim();
  if (words)
    rows.andWhere(
      new Brackets((or) => {
        for (const column of SEARCH) or.orWhere(`fold(row.${column}) LIKE fold(:words)`, { words: `%${escapeLike(words)}%` });
      }),
    );

  const [name, direction] = parseSort(query.sort ?? 'created_at:desc', SORT);
  const column = organizations.metadata.findColumnWithPropertyName(name);
  if (!column) throw new Error(`Organization has no column ${name}`);
  const keyset = new Keyset(column, direction);
  const { skip, limit } = pageWindow(query);
  const places: Place[] = [];
  for (const stretch of query.cursor === undefined ? [keyset.places(rows)] : keyset.placesAfter(rows, keyset.place(query.cursor))) {
    const wanted = limit + 1 - places.length;
    if (wanted > 0) places.push(...(await database.rows<Place>(...stretch.offset(skip).limit(wanted).getQueryAndParameters())));
  }
  const ids = places.slice(0, limit).map(({ id }) => id);
  const found = new Map((await organizations.find({ where: { id: In(ids) }, withDeleted: true })).map((row) => [row.id, row]));
  const slice: Slice<Organization> = {
    items: ids.flatMap((id) => found.get(id) ?? []),
    next_cursor: places.length > limit ? keyset.cursor(places[limit - 1]) : null,
  };
  return toPage(slice, await totalOf(database, rows.select('1'), words ? SEARCH_MAX : LIST_MAX), query);
}

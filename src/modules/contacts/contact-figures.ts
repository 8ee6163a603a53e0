import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Database } from '#database/database';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import type { ContactOrganizationStats } from './contact-stats.dto';

type Counts = Omit<ContactOrganizationStats, 'contacts_with_tags' | 'by_lifecycle_stage' | 'by_source'>;

interface Row extends Counts {
  /** Which group it counts: everybody, those of a stage, those of a source. */
  kind: 'all' | 'stage' | 'source';
  word: string | null;
  place: string;
}

/** Words anybody may make up are shown so many. */
const WORDS_MAX = 100;

const sum = (condition: string): string => `coalesce(sum(people) FILTER (WHERE ${condition}), 0)::int`;

/** Everybody is looked at once; what is alike is added up. */
const COUNTS = `WITH since AS MATERIALIZED (
    SELECT now() - interval '7 days' AS week, now() - interval '30 days' AS month, date_trunc('day', now() AT TIME ZONE $2) AT TIME ZONE $2 AS today),
  alike AS MATERIALIZED (
    SELECT lifecycle_stage, source, opt_in, is_blocked, is_vip, count(*) AS people,
           CASE WHEN created_at >= week THEN 7 WHEN created_at >= month THEN 30 END AS days,
           created_at >= today AS is_of_today
      FROM contacts CROSS JOIN since WHERE organization_id = $1 AND deleted_at IS NULL GROUP BY 1, 2, 3, 4, 5, 7, 8)
  SELECT * FROM (
    SELECT CASE grouping(lifecycle_stage, source) WHEN 3 THEN 'all' WHEN 1 THEN 'stage' ELSE 'source' END AS kind,
           coalesce(lifecycle_stage, source) AS word,
           ${sum('true')} AS total_contacts,
           ${sum('opt_in AND NOT is_blocked')} AS active_contacts,
           ${sum('is_blocked')} AS blocked_contacts,
           ${sum('is_vip')} AS vip_contacts,
           ${sum('NOT opt_in')} AS opted_out_contacts,
           ${sum('days = 7')} AS recent_contacts,
           ${sum('is_of_today')} AS new_today,
           ${sum('days = 7')} AS new_this_week,
           ${sum('days IN (7, 30)')} AS new_this_month,
           row_number() OVER (PARTITION BY grouping(lifecycle_stage, source) ORDER BY sum(people) DESC, coalesce(lifecycle_stage, source)) AS place
      FROM alike GROUP BY GROUPING SETS ((), (lifecycle_stage), (source))) counted
   WHERE place <= ${WORDS_MAX}`;

const TAGGED = `SELECT count(*)::int AS contacts_with_tags FROM (SELECT DISTINCT contact_id FROM contact_tags WHERE organization_id = $1) tagged`;

/** The contacts of an organization, in numbers. */
@Injectable()
export class ContactFigures {
  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
  ) {}

  get(actor: Actor): Promise<ContactOrganizationStats> {
    return this.database.alike.ask([actor.organization_id, 'contact figures'], async () => {
      const { timezone } = await this.organizations.settings(actor);
      const [rows, [{ contacts_with_tags }]] = await Promise.all([
        this.database.rows<Row>(COUNTS, [actor.organization_id, timezone]),
        this.database.rows<{ contacts_with_tags: number }>(TAGGED, [actor.organization_id]),
      ]);
      // Where there is nobody, nobody is counted: this row is always there.
      const [{ kind: _kind, word: _word, place: _place, ...counts }] = rows.filter(({ kind }) => kind === 'all');
      return { ...counts, contacts_with_tags, by_lifecycle_stage: byWord(rows, 'stage'), by_source: byWord(rows, 'source') };
    });
  }
}

function byWord(rows: readonly Row[], wanted: Row['kind']): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { kind, word, total_contacts } of rows)
    if (kind === wanted) counts.set(word ?? 'unknown', (counts.get(word ?? 'unknown') ?? 0) + total_contacts);
  return Object.fromEntries(counts);
}

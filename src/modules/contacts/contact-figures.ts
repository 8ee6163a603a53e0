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

/** What a group of contacts has, by name: which of them count. */
const COUNTED = {
  total_contacts: 'true',
  active_contacts: 'opt_in AND NOT is_blocked',
  blocked_contacts: 'is_blocked',
  vip_contacts: 'is_vip',
  opted_out_contacts: 'NOT opt_in',
  new_today: "created_at >= (SELECT date_trunc('day', now() AT TIME ZONE $2) AT TIME ZONE $2)",
  new_this_week: "created_at >= now() - interval '7 days'",
  new_this_month: "created_at >= now() - interval '30 days'",
} as const satisfies Partial<Record<keyof Counts, string>>;

const each = (show: (name: string, condition: string) => string): string =>
  Object.entries(COUNTED)
    .map(([name, condition]) => show(name, condition))
    .join(', ');

/** Everybody is looked at once; what is of one stage and source is added up. */
const COUNTS = `WITH alike AS MATERIALIZED (
    SELECT lifecycle_stage, source, ${each((name, condition) => `count(*) FILTER (WHERE ${condition}) AS ${name}`)}
      FROM contacts WHERE organization_id = $1 AND deleted_at IS NULL GROUP BY 1, 2)
  SELECT * FROM (
    SELECT CASE grouping(lifecycle_stage, source) WHEN 3 THEN 'all' WHEN 1 THEN 'stage' ELSE 'source' END AS kind,
           coalesce(lifecycle_stage, source) AS word, ${each((name) => `coalesce(sum(${name}), 0)::int AS ${name}`)},
           coalesce(sum(new_this_week), 0)::int AS recent_contacts,
           row_number() OVER (PARTITION BY grouping(lifecycle_stage, source) ORDER BY sum(total_contacts) DESC, coalesce(lifecycle_stage, source)) AS place
      FROM alike GROUP BY GROUPING SETS ((), (lifecycle_stage), (source))) counted
   WHERE place <= ${WORDS_MAX}`;

// In the order of the primary key each contact comes once: half of what it takes to gather them first.
const TAGGED = `SELECT count(DISTINCT contact_id)::int AS contacts_with_tags FROM contact_tags WHERE organization_id = $1`;

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

import type { Actor } from '#common/actor';
import { type Sql, prepared } from '#database/sql';
import { type TemplateView } from './template.dto';
import { type Counts, presentTemplate } from './present-template';
import type { Template } from './template.entity';

const COUNTS = prepared(`SELECT template_id, sent_count, delivered_count, read_count, failed_count
  FROM template_counts WHERE organization_id = $1 AND template_id = ANY($2)`);

/** Templates as the API shows them; their counts in one query. */
export async function presentTemplates(sql: Sql, { organization_id }: Actor, templates: readonly Template[]): Promise<TemplateView[]> {
  if (!templates.length) return [];
  const rows = await sql.rows<Counts & { template_id: string }>(COUNTS, [organization_id, templates.map(({ id }) => id)]);
  const counts = new Map(rows.map(({ template_id, ...count }) => [template_id, count]));
  return templates.map((template) => presentTemplate(template, counts.get(template.id)));
}

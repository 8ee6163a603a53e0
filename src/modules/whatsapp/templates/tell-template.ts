import type { Tx } from '#database/database';
import type { Template } from './template.entity';

const STAMPS = { APPROVED: 'approved_at', REJECTED: 'rejected_at', PAUSED: 'paused_at', DISABLED: 'disabled_at' } as const;

const stamps = Object.entries(STAMPS);

/** What a status says of the time it is told at. */
export const stampOf = (status: string, at: Date): Partial<Template> =>
  Object.fromEntries(stamps.filter(([word]) => word === status).map(([, column]) => [column, at]));

/** The same in SQL, for rows of `t`. */
export const stampsOf = (status: string): string =>
  stamps.map(([word, column]) => `${column} = CASE WHEN ${status} = '${word}' THEN now() ELSE t.${column} END`).join(', ');

/** What Meta decided of a template, as far as it is another thing now. */
export type Verdict = Pick<Template, 'status' | 'category' | 'quality_score'>;

/** Whether Meta has said nothing of the template's status between the two. */
export const isUntold = (before: Template, now: Template): boolean =>
  before.status === now.status && stamps.every(([, column]) => before[column]?.getTime() === now[column]?.getTime());

export function tellChanges(tx: Tx, before: Verdict, template: Template): void {
  const { organization_id } = template;
  if (template.status !== before.status) tx.tell('template.status_updated', { organization_id, template, previous_status: before.status });
  if (template.category !== before.category)
    tx.tell('template.category_updated', { organization_id, template, previous_category: before.category });
  if (template.quality_score !== before.quality_score)
    tx.tell('template.quality_updated', { organization_id, template, previous_quality_score: before.quality_score });
}

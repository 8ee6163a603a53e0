import { Injectable } from '@nestjs/common';
import type { Tx } from '#database/database';
import type { TemplateEvent } from '../parsed-change';
import { stampsOf, tellChanges } from './tell-template';
import type { Template } from './template.entity';
import { TemplateJobs } from './templates.jobs';

type Changed = Template & { was: Pick<Template, 'status' | 'category' | 'quality_score'> };

/** Meta delivers within seconds, and again what was not taken, for days, in any order. */
const LATE_MS = 120_000;

/** What the provider says of templates, in the receipt's transactions. */
@Injectable()
export class TemplateNews {
  constructor(private readonly jobs: TemplateJobs) {}

  /** A template's verdict counts for all numbers of its account. One with another id, or a draft that nobody submitted, only has the same name. */
  async apply(tx: Tx, organization_id: string, change: TemplateEvent): Promise<void> {
    const changed = await tx.rows<Changed>(
      `WITH before AS (
         SELECT t.id, json_build_object('status', t.status, 'category', t.category, 'quality_score', t.quality_score) AS was
           FROM whatsapp_templates t JOIN whatsapp_numbers n ON n.organization_id = $1 AND n.id = t.whatsapp_number_id
          WHERE t.organization_id = $1 AND n.whatsapp_business_account_id = $2 AND t.deleted_at IS NULL
            AND (t.meta_template_id = $3 OR (t.name = $4 AND replace(t.language, '-', '_') = replace($9, '-', '_')
                 AND (t.meta_template_id IS NULL OR $3 IS NULL)))
            AND (t.status <> 'DRAFT' OR t.submitted_at IS NOT NULL OR t.busy_until > now())
          ORDER BY t.id FOR NO KEY UPDATE OF t)
       UPDATE whatsapp_templates t
          SET meta_template_id = coalesce(t.meta_template_id, $3), status = coalesce($5, t.status), rejected_reason = CASE WHEN $5 IS NULL THEN t.rejected_reason ELSE $6 END,
              category = coalesce($7, t.category), quality_score = coalesce($8, t.quality_score),
              is_enabled = t.is_enabled AND $5 IS DISTINCT FROM 'DELETED', ${stampsOf('$5')}, updated_at = now()
         FROM before WHERE t.organization_id = $1 AND t.id = before.id
       RETURNING t.*, before.was`,
      [
        organization_id,
        change.waba_id,
        change.template_id,
        change.name,
        change.status?.slice(0, 30) ?? null,
        change.rejected_reason?.slice(0, 500) ?? null,
        change.category?.slice(0, 30) ?? null,
        change.quality?.slice(0, 20) ?? null,
        change.language,
      ],
    );
    for (const { was, ...template } of changed) tellChanges(tx, was, template);
    // Meta tells that its text changed, not how; and what comes late may have been decided otherwise since, and told already.
    if (change.change === 'components' || isLate(change)) for (const template of changed) this.jobs.readAgain(tx, template);
  }
}

const isLate = ({ timestamp }: TemplateEvent): boolean => timestamp !== null && Date.now() - timestamp.getTime() > LATE_MS;

/** A send was refused because of its template. */
export async function templateRefused(tx: Tx, organization_id: string, template_id: string | null, status: string): Promise<void> {
  const [changed] = await tx.rows<Changed | undefined>(
    `WITH before AS (
       SELECT id, json_build_object('status', status, 'category', category, 'quality_score', quality_score) AS was
         FROM whatsapp_templates WHERE organization_id = $1 AND id = $2 FOR NO KEY UPDATE)
     UPDATE whatsapp_templates t SET status = $3, ${stampsOf('$3')}, updated_at = now()
       FROM before WHERE t.organization_id = $1 AND t.id = before.id AND t.status <> $3 RETURNING t.*, before.was`,
    [organization_id, template_id, status],
  );
  if (!changed) return;
  const { was, ...template } = changed;
  tellChanges(tx, was, template);
}

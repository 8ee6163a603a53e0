import { Injectable } from '@nestjs/common';
import type { Tx } from '#database/database';
import { NumberJobs } from '../numbers/numbers.jobs';
import type { TemplateEvent } from '../parsed-change';
import type { Template } from './template.entity';

/** What the provider says of templates, in the receipt's transactions. */
@Injectable()
export class TemplateNews {
  constructor(private readonly jobs: NumberJobs) {}

  /** A template's verdict counts for all numbers of its account. */
  async apply(tx: Tx, organization_id: string, change: TemplateEvent): Promise<void> {
    const changed = await tx.rows<Template & { previous_status: string }>(
      `WITH before AS (
         SELECT t.id, t.status AS previous_status FROM whatsapp_templates t JOIN whatsapp_numbers n ON n.organization_id = $1 AND n.id = t.whatsapp_number_id
          WHERE t.organization_id = $1 AND n.whatsapp_business_account_id = $2 AND t.deleted_at IS NULL
            AND (t.meta_template_id = $3 OR (t.name = $4 AND replace(t.language, '-', '_') = replace($9, '-', '_')))
          FOR NO KEY UPDATE OF t)
       UPDATE whatsapp_templates t
          SET status = coalesce($5, t.status), rejected_reason = CASE WHEN $5 IS NULL THEN t.rejected_reason ELSE $6 END,
              category = coalesce($7, t.category), quality_score = coalesce($8, t.quality_score), updated_at = now()
         FROM before WHERE t.organization_id = $1 AND t.id = before.id
       RETURNING t.*, before.previous_status`,
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
    for (const { previous_status, ...template } of changed)
      if (template.status !== previous_status) tx.tell('template.status_updated', { organization_id, template, previous_status });
    // Meta tells that its text changed, not how.
    if (change.change === 'components')
      for (const id of new Set(changed.map((template) => template.whatsapp_number_id)))
        this.jobs.wake(tx, 'templates', { organization_id, id });
  }
}

/** A send was refused because of its template. */
export async function templateRefused(tx: Tx, organization_id: string, template_id: string | null, status: string): Promise<void> {
  const [changed] = await tx.rows<(Template & { previous_status: string }) | undefined>(
    `WITH before AS (SELECT id, status AS previous_status FROM whatsapp_templates WHERE organization_id = $1 AND id = $2 FOR NO KEY UPDATE)
     UPDATE whatsapp_templates t SET status = $3, updated_at = now()
       FROM before WHERE t.organization_id = $1 AND t.id = before.id AND t.status <> $3 RETURNING t.*, before.previous_status`,
    [organization_id, template_id, status],
  );
  if (!changed) return;
  const { previous_status, ...template } = changed;
  tx.tell('template.status_updated', { organization_id, template, previous_status });
}

import type { Tx } from '#database/database';
import type { ContactNews } from '#modules/contacts/contact-news';
import type { FailureEffect } from '#modules/whatsapp/meta/meta-errors';
import { type ChangedNumber, tellNumber } from '#modules/whatsapp/numbers/tell-number';
import type { Template } from '#modules/whatsapp/templates/template.entity';
import '#modules/whatsapp/templates/templates.events';
import { closeWindow } from '../state/traffic';

interface Failed {
  organization_id: string;
  contact_id: string;
  whatsapp_number_id: string | null;
  template_id?: string | null;
  error_code: string | null;
  error_message: string | null;
}

const TEMPLATE_STATUS: Partial<Record<FailureEffect, string>> = {
  template_missing: 'DELETED',
  template_paused: 'PAUSED',
  template_disabled: 'DISABLED',
};

/**
 * What a provider's refusal says beyond its message (contract 20, 4.5), told in the answer to our call or in a status. `at`: when the
 * provider refused; a customer who wrote after that opened the window again.
 */
export async function applyFailureEffect(
  tx: Tx,
  contacts: ContactNews,
  message: Failed,
  effect: FailureEffect,
  at = new Date(),
): Promise<void> {
  const { organization_id, contact_id, whatsapp_number_id } = message;
  switch (effect) {
    case 'close_window':
      await closeWindow(tx, message, at);
      return;
    case 'opt_out': {
      const changed = await tx.rows(
        `WITH changed AS (UPDATE contacts SET opt_in = false, opt_in_date = NULL, opt_out_date = now(), updated_at = now()
                           WHERE organization_id = $1 AND id = $2 AND opt_in AND deleted_at IS NULL RETURNING id)
         SELECT id FROM changed`,
        [organization_id, contact_id],
      );
      if (changed.length) await contacts.consented(tx, organization_id, contact_id, false);
      return;
    }
    case 'pause_number_1h':
      await tx.rows(
        `UPDATE whatsapp_numbers SET paused_until = now() + interval '1 hour', updated_at = now() WHERE organization_id = $1 AND id = $2`,
        [organization_id, whatsapp_number_id],
      );
      return;
    case 'number_error': {
      const [number] = await tx.rows<ChangedNumber>(
        `WITH before AS (SELECT id, connection_status AS previous_status FROM whatsapp_numbers WHERE organization_id = $1 AND id = $2 FOR UPDATE),
              changed AS (UPDATE whatsapp_numbers n SET connection_status = 'error', last_error = $3, updated_at = now()
                            FROM before WHERE n.organization_id = $1 AND n.id = before.id RETURNING n.*, before.previous_status)
         SELECT * FROM changed`,
        [organization_id, whatsapp_number_id, (message.error_message ?? message.error_code ?? 'error').slice(0, 500)],
      );
      if (number) tellNumber(tx, number);
      return;
    }
    case 'template_missing':
    case 'template_paused':
    case 'template_disabled': {
      const [changed] = await tx.rows<Template & { previous_status: string }>(
        `WITH before AS (SELECT id, status AS previous_status FROM whatsapp_templates WHERE organization_id = $1 AND id = $2 FOR UPDATE),
              changed AS (UPDATE whatsapp_templates t SET status = $3, updated_at = now()
                            FROM before WHERE t.organization_id = $1 AND t.id = before.id AND t.status <> $3 RETURNING t.*, before.previous_status)
         SELECT * FROM changed`,
        [organization_id, message.template_id ?? null, TEMPLATE_STATUS[effect]],
      );
      if (!changed) return;
      const { previous_status, ...template } = changed;
      tx.tell('template.status_updated', { organization_id, template, previous_status });
    }
  }
}

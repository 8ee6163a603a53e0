import type { Sql } from '#database/sql';
import type { FailureEffect } from '#modules/whatsapp/meta/meta-errors';

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

/** What a provider's refusal says beyond its message (contract 20, 4.5), told in the answer to our call or in a status. */
export async function applyFailureEffect(sql: Sql, message: Failed, effect: FailureEffect): Promise<void> {
  const { organization_id, contact_id, whatsapp_number_id } = message;
  switch (effect) {
    case 'close_window':
      await sql.query(
        `UPDATE conversations SET window_expires_at = least(window_expires_at, now()), updated_at = now()
          WHERE organization_id = $1 AND contact_id = $2 AND whatsapp_number_id = $3`,
        [organization_id, contact_id, whatsapp_number_id],
      );
      break;
    case 'opt_out':
      await sql.query(
        'UPDATE contacts SET opt_in = false, opt_out_date = now(), updated_at = now() WHERE organization_id = $1 AND id = $2 AND opt_in',
        [organization_id, contact_id],
      );
      break;
    case 'pause_number_1h':
      await sql.query(
        `UPDATE whatsapp_numbers SET paused_until = now() + interval '1 hour', updated_at = now() WHERE organization_id = $1 AND id = $2`,
        [organization_id, whatsapp_number_id],
      );
      break;
    case 'number_error':
      await sql.query(
        `UPDATE whatsapp_numbers SET connection_status = 'error', last_error = $3, updated_at = now() WHERE organization_id = $1 AND id = $2`,
        [organization_id, whatsapp_number_id, (message.error_message ?? message.error_code ?? 'error').slice(0, 500)],
      );
      break;
    case 'template_missing':
    case 'template_paused':
    case 'template_disabled':
      await sql.query('UPDATE whatsapp_templates SET status = $3, updated_at = now() WHERE organization_id = $1 AND id = $2', [
        organization_id,
        message.template_id ?? null,
        TEMPLATE_STATUS[effect],
      ]);
      break;
  }
}

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

/**
 * What a provider's refusal says beyond its message (contract 20, 4.5), told in the answer to our call or in a status. `at`: when the
 * provider refused; a customer who wrote after that opened the window again.
 */
export async function applyFailureEffect(
  sql: Sql,
  message: Failed,
  effect: FailureEffect,
  at = new Date(),
): Promise<{ opted_out: boolean }> {
  const { organization_id, contact_id, whatsapp_number_id } = message;
  switch (effect) {
    case 'close_window':
      await sql.query(
        `UPDATE conversations SET window_expires_at = least(window_expires_at, now()), updated_at = now()
          WHERE organization_id = $1 AND contact_id = $2 AND whatsapp_number_id = $3 AND (last_incoming_at IS NULL OR last_incoming_at <= $4)`,
        [organization_id, contact_id, whatsapp_number_id, at],
      );
      break;
    case 'opt_out': {
      // Read from a SELECT: the two kinds of connection answer an UPDATE differently.
      const changed = await sql.query(
        `WITH changed AS (UPDATE contacts SET opt_in = false, opt_out_date = now(), updated_at = now()
                           WHERE organization_id = $1 AND id = $2 AND opt_in AND deleted_at IS NULL RETURNING id)
         SELECT id FROM changed`,
        [organization_id, contact_id],
      );
      return { opted_out: changed.length > 0 };
    }
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
  return { opted_out: false };
}

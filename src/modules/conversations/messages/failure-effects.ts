import type { Tx } from '#database/database';
import type { ContactNews } from '#modules/contacts/contact-news';
import { numberRefused, restrictNumber } from '#modules/whatsapp/numbers/number-news';
import { ConnectionStatus } from '#modules/whatsapp/numbers/whatsapp-number.entity';
import type { FailureEffect } from '#modules/whatsapp/provider-failure';
import { templateRefused } from '#modules/whatsapp/templates/template-news';
import { closeWindow } from '../state/traffic';

interface Failed {
  organization_id: string;
  contact_id: string;
  whatsapp_number_id: string | null;
  template_id?: string | null;
  error_code: string | null;
  error_message: string | null;
}

const TEMPLATE_STATUS = {
  template_missing: 'DELETED',
  template_paused: 'PAUSED',
  template_disabled: 'DISABLED',
} satisfies Partial<Record<FailureEffect, string>>;

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
      return closeWindow(tx, message, at);
    case 'opt_out':
      await contacts.consent(tx, organization_id, contact_id, false);
      return;
    case 'pause_number_1h':
      return restrictNumber(tx, organization_id, whatsapp_number_id, at);
    case 'number_error':
    case 'number_disconnected': {
      const status = effect === 'number_error' ? ConnectionStatus.error : ConnectionStatus.disconnected;
      return numberRefused(tx, organization_id, whatsapp_number_id, message.error_message ?? message.error_code ?? 'error', status);
    }
    case 'template_missing':
    case 'template_paused':
    case 'template_disabled':
      return templateRefused(tx, organization_id, message.template_id ?? null, TEMPLATE_STATUS[effect]);
  }
}

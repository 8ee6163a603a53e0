import { Injectable } from '@nestjs/common';
import { Role } from '#common/actor';
import type { Tx } from '#database/database';
import { Channel, declareNotice } from '#modules/notifications/notice-types';
import { Notices } from '#modules/notifications/notices';
import type { Outcome } from './call-webhook';
import { DisabledReason, type Webhook, nameOf } from './webhook.entity';

/** As a webhook begins that has not failed. */
export const HEALTHY = { consecutive_failures: 0, failing_since: null, disabled_reason: null } as const satisfies Partial<Webhook>;

const DISABLED = declareNotice('webhook_disabled', {
  text: 'A webhook was switched off: its endpoint is gone, nothing has arrived there for five days, or too much waited for it.',
  channels: [Channel.in_app, Channel.websocket, Channel.email],
});

const WHY: Record<DisabledReason, [pt: string, en: string]> = {
  gone: ['o endereço respondeu que não existe mais (410)', 'its endpoint answered that it is gone (410)'],
  failing: ['há cinco dias nada chega lá', 'nothing has arrived there for five days'],
  backlog: ['entregas demais esperavam por ele', 'too many deliveries waited for it'],
};

interface Noted {
  outcome: Pick<Outcome, 'at' | 'error' | 'response_status'>;
  /** The delivery was taken, or given up. */
  has_ended: boolean;
  is_gone: boolean;
}

type Whose = Pick<Webhook, 'organization_id' | 'id'>;

/** What tries say of a webhook; one that is not there any more is switched off, and its administrators are told. */
@Injectable()
export class WebhookHealth {
  constructor(private readonly notices: Notices) {}

  async note(tx: Tx, { organization_id, id }: Whose, { outcome, has_ended, is_gone }: Noted): Promise<void> {
    const { error, at, response_status } = outcome;
    const [hook] = await tx.rows<(Pick<Webhook, 'name' | 'url' | 'is_active'> & { is_failing: boolean }) | undefined>(
      `UPDATE webhooks
          SET consecutive_failures = CASE WHEN $3 THEN 0 ELSE consecutive_failures + 1 END,
              failing_since = CASE WHEN NOT $3 THEN coalesce(failing_since, $4) END,
              last_delivery_at = $4, last_success_at = CASE WHEN $3 THEN $4 ELSE last_success_at END, last_status_code = $5,
              total_deliveries = total_deliveries + $6, successful_deliveries = successful_deliveries + CASE WHEN $3 THEN $6 ELSE 0 END,
              failed_deliveries = failed_deliveries + CASE WHEN $3 THEN 0 ELSE $6 END
        WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL
       RETURNING name, url, is_active, coalesce(failing_since < now() - interval '5 days', false) AS is_failing`,
      [organization_id, id, error === null, at, response_status, has_ended ? 1 : 0],
    );
    const reason = is_gone ? DisabledReason.gone : hook?.is_failing ? DisabledReason.failing : null;
    if (hook?.is_active && reason) await this.switchOff(tx, { organization_id, id, ...hook }, reason);
  }

  /** What waits for it has failed, and administrators are told. */
  async switchOff(
    tx: Tx,
    { organization_id, id, name, url }: Whose & Pick<Webhook, 'name' | 'url'>,
    reason: DisabledReason,
  ): Promise<void> {
    await tx.rows(
      'UPDATE webhooks SET is_active = false, disabled_reason = $3, updated_at = now() WHERE organization_id = $1 AND id = $2',
      [organization_id, id, reason],
    );
    const { name: called } = nameOf({ id, name, url });
    const [pt, en] = WHY[reason];
    await this.notices.tell(tx, {
      organization_id,
      role: Role.org_admin,
      type: DISABLED,
      title: { 'pt-BR': `Webhook desligado: ${called}`, en: `Webhook switched off: ${called}` },
      message: {
        'pt-BR': `O webhook ${called} foi desligado: ${pt}. O que não foi entregue fica guardado por 30 dias e pode ser repetido.`,
        en: `The webhook ${called} was switched off: ${en}. What was not delivered is kept for 30 days and can be repeated.`,
      },
      data: { webhook_id: id },
      priority: 'high',
    });
  }
}

import { Injectable } from '@nestjs/common';
import { Actor } from '#common/actor';
import { Database, type Tx } from '#database/database';
import { Facts, type ReadFact } from '#events/facts';
import type { WhatsAppNumber } from '#modules/whatsapp/numbers/whatsapp-number.entity';
import { Listening } from './listening';
import { RemoveWebhooks } from './remove-webhooks';
import { WebhookSecrets } from './webhook-secrets';
import { Webhook } from './webhook.entity';
import { HEALTHY } from './webhook-health';

/** Contract 20, 5.1. */
const EVENTS = ['message.*', 'whatsapp.*'];

type Line = Pick<WhatsAppNumber, 'id' | 'webhook_url'>;

/** A number's `webhook_url` is a webhook of its own: it comes, changes and goes with it. */
@Injectable()
export class WebhooksOfNumbers {
  constructor(
    private readonly database: Database,
    private readonly secrets: WebhookSecrets,
    private readonly removal: RemoveWebhooks,
    private readonly listening: Listening,
    facts: Facts,
  ) {
    facts.reader({
      name: 'number-webhooks',
      events: ['whatsapp_number.created', 'whatsapp_number.updated', 'whatsapp_number.deleted'],
      read: (tx, told) => this.read(tx, told),
    });
  }

  private async read(tx: Tx, facts: readonly ReadFact[]): Promise<void> {
    const actor = Actor.system(facts[0].organization_id);
    const ids = [...new Set(facts.map(({ data }) => String(data['number_id'])))];
    const lines = await tx.rows<Line>(
      'SELECT id, CASE WHEN deleted_at IS NULL THEN webhook_url END AS webhook_url FROM whatsapp_numbers WHERE organization_id = $1 AND id = ANY($2)',
      [actor.organization_id, ids],
    );
    const webhooks = this.database.repository(Webhook, tx);
    const known = await webhooks.query(actor, 'row').andWhere('row.is_of_number AND row.whatsapp_number_id = ANY(:ids)', { ids }).getMany();
    const byNumber = new Map(known.map((webhook) => [webhook.whatsapp_number_id, webhook]));
    for (const { id, webhook_url: url } of lines) await this.follow(tx, actor, id, url, byNumber.get(id));
  }

  private async follow(tx: Tx, actor: Actor, whatsapp_number_id: string, url: string | null, webhook: Webhook | undefined): Promise<void> {
    const webhooks = this.database.repository(Webhook, tx);
    if (!url) {
      if (webhook) await this.removal.remove(tx, actor, webhook);
      return;
    }
    if (webhook?.url === url) return;
    if (webhook) await webhooks.patch(actor, webhook.id, { url, is_active: true, ...HEALTHY });
    else {
      const made = await webhooks.insert(actor, { url, events: EVENTS, whatsapp_number_id, is_of_number: true });
      await this.secrets.add(tx, made, null, null);
    }
    this.listening.begin(tx, actor.organization_id);
  }
}

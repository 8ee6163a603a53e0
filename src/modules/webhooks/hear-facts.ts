import { Injectable, type OnModuleInit } from '@nestjs/common';
import { breather } from '#common/breath';
import type { JsonObject } from '#common/json.scalar';
import { newId } from '#common/uuid';
import { Config } from '#config/config';
import type { Tx } from '#database/database';
import { Facts, type ReadFact } from '#events/facts';
import { type CarriedRows, type Heard, WebhookEvents } from '#events/webhook-events';
import { DeliverWebhooks } from './deliver-webhooks';
import { Listening } from './listening';
import { type NewEvent, addEvents, bodyOf, hears } from './webhook-body';
import type { Webhook } from './webhook.entity';

type Listener = Pick<Webhook, 'id' | 'url' | 'events' | 'whatsapp_number_id'>;

interface NewDelivery {
  id: string;
  webhook_id: string;
  event_id: string;
  event: string;
  url: string;
}

/** Names of a fact, or of a row it carries, for the number it concerns. */
const NUMBER_NAMES = ['whatsapp_number_id', 'number_id'];

/** What happens, written down for each webhook that listens: in the transaction that forgets the facts, so once. */
@Injectable()
export class HearFacts implements OnModuleInit {
  constructor(
    private readonly facts: Facts,
    private readonly catalogue: WebhookEvents,
    private readonly listening: Listening,
    private readonly deliveries: DeliverWebhooks,
    private readonly config: Config,
  ) {
    catalogue.tell({
      'webhook.test': {
        text: 'Somebody tried a webhook out.',
        of: [],
        carries: [],
        sample: { message: 'Hello from PyTake. Your webhook works.' },
      },
    });
  }

  /** By now every room has said what webhooks hear of it. */
  onModuleInit(): void {
    this.facts.reader({
      name: 'webhooks',
      events: [...new Set(this.catalogue.all().flatMap(({ of }) => of))],
      wants: (organization_id) => this.listening.has(organization_id),
      read: (tx, facts) => this.read(tx, facts),
    });
  }

  private async read(tx: Tx, facts: readonly ReadFact[]): Promise<void> {
    const { organization_id } = facts[0];
    const listeners = await tx.rows<Listener>(
      'SELECT id, url, events, whatsapp_number_id FROM webhooks WHERE organization_id = $1 AND is_active AND deleted_at IS NULL ORDER BY id',
      [organization_id],
    );
    const wanted = new Set(this.catalogue.all().filter(({ name }) => listeners.some((listener) => hears(listener, name))));
    const heard: Heard[] = facts.flatMap((fact) =>
      this.catalogue.of(fact.name).flatMap((event) => (wanted.has(event) ? [{ fact, event }] : [])),
    );
    if (!heard.length) return;
    const rows = await this.catalogue.rowsOfAll(tx, organization_id, heard);

    const events: NewEvent[] = [];
    const deliveries: NewDelivery[] = [];
    const breathe = breather();
    for (const [n, one] of heard.entries()) {
      await breathe();
      const theirs = listenersTo(one, rows[n], listeners);
      if (!theirs.length) continue;
      const event = this.write(one, rows[n]);
      events.push(event);
      for (const { id: webhook_id, url } of theirs)
        deliveries.push({ id: newId(), webhook_id, event_id: event.id, event: one.event.name, url });
    }
    if (!events.length) return;
    await addEvents(tx, organization_id, events);
    await tx.rows(
      `INSERT INTO webhook_deliveries (organization_id, id, webhook_id, event_id, event, url, max_attempts, next_retry_at)
       SELECT $1, d.id, d.webhook_id, d.event_id, d.event, d.url, $3, now()
         FROM json_to_recordset($2) AS d(id uuid, webhook_id uuid, event_id uuid, event text, url text)`,
      [organization_id, JSON.stringify(deliveries), this.config.webhook_retry_delays.length + 1],
    );
    tx.afterCommit(() => {
      for (const { webhook_id: id } of deliveries) this.deliveries.wake({ organization_id, id });
    });
  }

  private write({ fact, event }: Heard, rows: CarriedRows): NewEvent {
    const { organization_id, told_at: created_at, data } = fact;
    const id = newId();
    // Who was erased meanwhile is an id and nothing else.
    const { contact } = rows;
    const contact_id = contact && Object.keys(contact).length > 1 ? contact.id : null;
    const body = bodyOf({ id, event: event.name, created_at, organization_id, data: this.catalogue.dataOf(event, data, rows) });
    return { id, created_at, contact_id, body };
  }
}

/** Who is to be told of it. */
function listenersTo({ fact, event }: Heard, rows: CarriedRows, listeners: readonly Listener[]): Listener[] {
  if (event.when && !event.when(fact, rows)) return [];
  const number_id = numberOf(fact, rows);
  return listeners.filter(
    (listener) => hears(listener, event.name) && (listener.whatsapp_number_id === null || listener.whatsapp_number_id === number_id),
  );
}

function numberOf({ data }: ReadFact, rows: CarriedRows): string | null {
  for (const fields of [data, ...Object.values(rows)])
    for (const name of NUMBER_NAMES) {
      const id = (fields as JsonObject)[name];
      if (typeof id === 'string') return id;
    }
  return null;
}

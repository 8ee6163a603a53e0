import { DEMO } from '#common/demo';
import type { JsonObject } from '#common/json.scalar';
import { newId } from '#common/uuid';
import type { Tx } from '#database/database';
import type { WebhookEvents } from '#events/webhook-events';
import type { Webhook } from './webhook.entity';

/** An event as it is written. */
export interface NewEvent {
  id: string;
  created_at: Date;
  /** Whom it speaks of: it goes with them. */
  contact_id: string | null;
  body: string;
}

/** What a body says. */
export interface Said {
  id: string;
  event: string;
  created_at: Date;
  organization_id: string;
  is_test?: boolean;
  data: JsonObject;
}

const said = ({ id, event, created_at, organization_id, is_test = false, data }: Said): JsonObject => ({
  id,
  event,
  created_at,
  organization_id,
  api_version: 'v1',
  is_test,
  data,
});

/** As it leaves. */
export const bodyOf = (event: Said): string => JSON.stringify(said(event));

/** What a webhook is sent of the event, by example. */
export const exampleOf = (catalogue: WebhookEvents, event: string): JsonObject =>
  said({ id: DEMO.webhook_event_id, event, created_at: DEMO.time, organization_id: DEMO.organization_id, data: catalogue.sample(event) });

/** An example as a body of its own. */
export const testOf = (catalogue: WebhookEvents, event: string, organization_id: string): NewEvent => {
  const [id, created_at] = [newId(), new Date()];
  const body = bodyOf({ id, event, created_at, organization_id, is_test: true, data: catalogue.sample(event) });
  return { id, created_at, contact_id: null, body };
};

export async function addEvents(tx: Tx, organization_id: string, events: readonly NewEvent[]): Promise<void> {
  await tx.rows(
    `INSERT INTO webhook_events (organization_id, id, created_at, contact_id, body)
     SELECT $1, * FROM unnest($2::uuid[], $3::timestamptz[], $4::uuid[], $5::text[])`,
    [
      organization_id,
      events.map(({ id }) => id),
      events.map(({ created_at }) => created_at),
      events.map(({ contact_id }) => contact_id),
      events.map(({ body }) => body),
    ],
  );
}

/** How a webhook says that it hears an event: `*`, its name, or how it begins (`message.*`). */
export function wordsFor(event: string): string[] {
  const parts = event.split('.');
  return ['*', event, ...parts.slice(1).map((_, n) => `${parts.slice(0, n + 1).join('.')}.*`)];
}

export const hears = ({ events }: Pick<Webhook, 'events'>, event: string): boolean => {
  const words = wordsFor(event);
  return events.some((word) => words.includes(word));
};

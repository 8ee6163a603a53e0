import { newId } from '#common/uuid';
import type { ParsedChange, Poison } from '#modules/whatsapp/parsed-change';
import { prepared } from '#database/sql';
import { type Batch, type Item, asRows } from './batch';

/** Keeps items that speak of a message that is not here yet. */
export async function park(batch: Batch, orphans: readonly { item: Item; waits_for: string }[]): Promise<void> {
  await insert(
    batch,
    orphans.map(({ item, waits_for }) => ({ ...of(item), kind: 'orphan', waits_for, item: item.change, error: null })),
  );
}

/** Sets an item aside for a person to look at; its neighbours go on. */
export async function parkPoison(batch: Batch, poison: readonly { item: Item<ParsedChange | Poison>; error: string }[]): Promise<void> {
  await insert(
    batch,
    poison.map(({ item, error }) => ({ ...of(item), kind: 'poison', waits_for: null, item: item.change, error: error.slice(0, 500) })),
  );
}

const of = ({ event_id, number }: Item): object => ({
  id: newId(),
  organization_id: number.organization_id,
  whatsapp_number_id: number.id,
  inbound_event_id: event_id,
});

async function insert(batch: Batch, rows: object[]): Promise<void> {
  await batch.rows(
    prepared(`INSERT INTO parked_items (id, organization_id, whatsapp_number_id, inbound_event_id, kind, waits_for, item, error)
     SELECT p.id, p.organization_id, p.whatsapp_number_id, p.inbound_event_id, p.kind, p.waits_for, p.item, p.error
       FROM json_to_recordset($1) AS p(id uuid, organization_id uuid, whatsapp_number_id uuid, inbound_event_id uuid, kind text, waits_for text, item jsonb, error text)`),
    [asRows(rows)],
  );
}

interface Parked {
  organization_id: string;
  inbound_event_id: string;
  whatsapp_number_id: string;
  item: ParsedChange;
}

/** Orphans of one transaction: each is applied by itself, and thousands may wait for one message. */
const UNPARK_ITEMS = 200;

/**
 * Takes the orphans whose message has come, the oldest first: those waiting for `arrived`, or recent ones when null (a message our own send just
 * named). What is too much for one transaction becomes recent.
 */
export async function unpark(
  batch: Batch,
  arrived: readonly { organization_id: string; whatsapp_number_id: string; provider_id: string }[] | null,
): Promise<Parked[]> {
  const ids = arrived && [
    arrived.map((a) => a.organization_id),
    arrived.map((a) => a.whatsapp_number_id),
    arrived.map((a) => a.provider_id),
  ];
  const rows = ids ? await batch.rows<Parked & { id: string }>(TAKE_ARRIVED, ids) : await batch.rows<Parked & { id: string }>(TAKE_RECENT);
  if (ids && rows.length === UNPARK_ITEMS)
    await batch.rows(
      prepared(`UPDATE parked_items SET created_at = now() WHERE (organization_id, id) IN (SELECT p.organization_id, p.id ${ARRIVED})`),
      ids,
    );
  rows.sort((a, b) => (a.id < b.id ? -1 : 1));
  for (const row of rows) revive(row.item);
  return rows;
}

const takenOf = (chosen: string): string =>
  `DELETE FROM parked_items WHERE (organization_id, id) IN (${chosen}) RETURNING id, organization_id, inbound_event_id, whatsapp_number_id, item`;

const ARRIVED = `FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS a(organization_id, whatsapp_number_id, provider_id)
  JOIN parked_items p ON p.kind = 'orphan' AND p.organization_id = a.organization_id AND p.whatsapp_number_id = a.whatsapp_number_id AND p.waits_for = a.provider_id`;

const RECENT = `SELECT p.organization_id, p.id FROM parked_items p
  JOIN messages m ON m.organization_id = p.organization_id AND m.whatsapp_number_id = p.whatsapp_number_id AND m.whatsapp_message_id = p.waits_for
 WHERE p.created_at > now() - interval '2 minutes' AND p.kind = 'orphan'`;

const TAKE_ARRIVED = prepared(takenOf(`SELECT p.organization_id, p.id ${ARRIVED} ORDER BY p.id LIMIT ${UNPARK_ITEMS}`));
const TAKE_RECENT = prepared(takenOf(`${RECENT} ORDER BY p.id LIMIT ${UNPARK_ITEMS}`));

/** Times are text in JSON. */
function revive(change: ParsedChange): void {
  const timed = change as { timestamp?: unknown };
  if (typeof timed.timestamp === 'string') timed.timestamp = new Date(timed.timestamp);
  if ('event' in change && typeof change.event === 'object' && change.event) revive(change.event);
}

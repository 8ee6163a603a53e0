import { isUuid, newId } from '#common/uuid';
import { linkPeople } from '#modules/contacts/link-people';
import type { StatusUpdate } from '#modules/whatsapp/parsed-change';
import { type Counted, countTemplates } from '#modules/whatsapp/templates/count-templates';
import { type Progress, advance } from '../messages/message-progress';
import { MessageType } from '../messages/message.entity';
import { takeBackReaction } from '../messages/reactions';
import { MessageStatusEvent } from '../messages/message-status-event.entity';
import { prepared } from '#database/sql';
import { TenantRepository } from '#database/tenant-repository';
import { type Batch, type Item, asRows } from './batch';
import { applyFailureEffect } from '../messages/failure-effects';
import { park } from './parking';

interface Sent extends Progress {
  id: string;
  organization_id: string;
  conversation_id: string;
  contact_id: string;
  whatsapp_number_id: string;
  whatsapp_message_id: string | null;
  pricing: object | null;
  template_id: string | null;
  message_type: MessageType;
  reply_to_message_id: string | null;
  created_at: Date;
  wa_id: string | null;
  match_key: string | null;
}

const COLUMNS = `m.id, m.organization_id, m.conversation_id, m.contact_id, m.whatsapp_number_id, m.whatsapp_message_id, m.status, m.sent_at, m.delivered_at, m.read_at,
  m.played_at, m.failed_at, m.error_code, m.error_message, m.pricing, m.template_id, m.message_type, m.reply_to_message_id, m.created_at, c.wa_id, c.match_key`;

/** Applies statuses of outgoing messages, all at once; one that came before its message is parked by the provider's id. */
export async function applyStatuses(batch: Batch, items: readonly Item<StatusUpdate>[]): Promise<void> {
  const known = items.filter(({ change }) => change.status !== 'other');
  if (!known.length) return;
  const messages = await findMessages(batch, known);
  const orphans: Item<StatusUpdate>[] = [];
  const changed = new Map<string, { before: Counted; message: Sent; last: Date }>();
  const history: Omit<MessageStatusEvent, 'created_at' | 'updated_at'>[] = [];
  const people: { item: Item<StatusUpdate>; message: Sent }[] = [];
  for (const item of known) {
    const { change } = item;
    const message = messages.get(keyOf(item));
    if (!message) {
      orphans.push(item);
      continue;
    }
    if (change.status === 'other') continue;
    const { status: was, error_code: was_error, sent_at, delivered_at, read_at } = message;
    const before = changed.get(message.id)?.before ?? { status: was, sent_at, delivered_at, read_at };
    const failure = change.error ? batch.providers.of(item.number).failureOf(change.error) : null;
    const error_code = failure?.error_code ?? null;
    const progress = advance(message, {
      status: change.status,
      timestamp: change.timestamp,
      error_code,
      error_message: failure?.error_message ?? null,
    });
    Object.assign(message, progress, {
      whatsapp_message_id: message.whatsapp_message_id ?? change.provider_id,
      pricing: change.pricing ?? message.pricing,
    });
    changed.set(message.id, { before, message, last: change.timestamp });
    history.push({
      id: newId(),
      organization_id: message.organization_id,
      message_id: message.id,
      status: change.status,
      timestamp: change.timestamp,
      source: 'webhook',
      error_code,
    });
    // In a group the ids are a participant's, not those of whom the message is for.
    if (change.group_id === null) people.push({ item, message });
    if (progress.status === 'failed' && message.message_type === MessageType.reaction) await takeBackReaction(batch.tx, message);
    // Once: the provider repeats itself, and the world has gone on since.
    if (failure?.effect && progress.status === 'failed' && (was !== 'failed' || was_error !== message.error_code))
      await applyFailureEffect(batch.tx, batch.contacts, message, failure.effect, change.timestamp);
  }
  if (orphans.length)
    await park(
      batch,
      orphans.map((item) => ({ item, waits_for: item.change.provider_id })),
    );
  if (!changed.size) return;

  await batch.rows(
    prepared(`UPDATE messages m SET status = s.status, sent_at = s.sent_at, delivered_at = s.delivered_at, read_at = s.read_at, played_at = s.played_at, failed_at = s.failed_at,
            error_code = s.error_code, error_message = s.error_message, whatsapp_message_id = s.whatsapp_message_id, pricing = s.pricing, updated_at = now()
       FROM json_to_recordset($1) AS s(id uuid, organization_id uuid, status text, sent_at timestamptz, delivered_at timestamptz, read_at timestamptz, played_at timestamptz,
            failed_at timestamptz, error_code text, error_message text, whatsapp_message_id text, pricing jsonb)
      WHERE m.id = s.id AND m.organization_id = s.organization_id`),
    [asRows([...changed.values()].map(({ message }) => message))],
  );
  await new TenantRepository(batch.tx, MessageStatusEvent).insertAll(history, 'ON CONFLICT DO NOTHING');
  // The provider has it: whatever our own call still hopes for, it does not leave again.
  await batch.rows(
    prepared(`DELETE FROM outbound_sends o USING unnest($1::uuid[], $2::uuid[]) AS m(organization_id, id)
      WHERE o.organization_id = m.organization_id AND o.message_id = m.id`),
    [[...changed.values()].map(({ message }) => message.organization_id), [...changed.keys()]],
  );
  if (people.length)
    await linkPeople(
      batch.tx,
      people.map(({ item: { number, change }, message: { organization_id, contact_id, match_key, wa_id } }) => ({
        organization_id,
        portfolio_id: number.waba_id ?? '',
        ids: change.ids,
        contact_id,
        match_key,
        wa_id,
      })),
    );
  for (const { before, message, last } of changed.values()) {
    if (before.status === message.status) continue;
    batch.tx.tell('message.status', {
      organization_id: message.organization_id,
      message_id: message.id,
      conversation_id: message.conversation_id,
      contact_id: message.contact_id,
      whatsapp_number_id: message.whatsapp_number_id,
      status: message.status,
      previous_status: before.status,
      timestamp: last,
      error_code: message.error_code,
    });
  }
  await countTemplates(
    batch,
    [...changed.values()].map(({ before, message: after }) => ({
      organization_id: after.organization_id,
      template_id: after.template_id,
      before,
      after,
    })),
  );
}

const keyOf = ({ number, change }: Item<StatusUpdate>): string => `${number.id} ${change.provider_id}`;

/** By the provider's id, else by our own id that Meta echoes (a status may overtake the answer to our call). Locked, oldest first. */
async function findMessages(batch: Batch, items: readonly Item<StatusUpdate>[]): Promise<Map<string, Sent>> {
  const rows = await batch.rows<Sent>(
    prepared(`SELECT ${COLUMNS} FROM messages m LEFT JOIN contacts c ON c.organization_id = m.organization_id AND c.id = m.contact_id
      WHERE (m.organization_id, m.id) IN (
        SELECT found.organization_id, found.id FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS k(organization_id, whatsapp_number_id, whatsapp_message_id)
          JOIN messages found USING (organization_id, whatsapp_number_id, whatsapp_message_id)
        UNION
        SELECT found.organization_id, found.id FROM unnest($4::uuid[], $5::uuid[]) AS k(id, organization_id) JOIN messages found USING (id, organization_id))
        AND m.direction = 'outgoing'
      ORDER BY m.id FOR NO KEY UPDATE OF m`),
    [
      items.map((i) => i.number.organization_id),
      items.map((i) => i.number.id),
      items.map((i) => i.change.provider_id),
      items.map((i) => (isUuid(i.change.callback_data) ? i.change.callback_data : null)),
      items.map((i) => i.number.organization_id),
    ],
  );
  const byProvider = new Map(
    rows.filter((row) => row.whatsapp_message_id).map((row) => [`${row.whatsapp_number_id} ${row.whatsapp_message_id}`, row]),
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  const found = new Map<string, Sent>();
  for (const item of items) {
    const echoed = item.change.callback_data ? byId.get(item.change.callback_data) : undefined;
    // Our id counts only for the number it left from.
    const message = byProvider.get(keyOf(item)) ?? (echoed?.whatsapp_number_id === item.number.id ? echoed : undefined);
    if (message) found.set(keyOf(item), message);
  }
  return found;
}

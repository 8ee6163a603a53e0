import { inTurn } from '#database/due-rows';
import { prepared } from '#database/sql';
import { ADDRESS, addressedTo } from '#modules/contacts/contact-address';
import { atWork } from '#modules/organizations/at-work';
import type { Lane } from '#modules/whatsapp/limits/lane';
import type { LimitSettings } from '#modules/whatsapp/limits/number-limits';
import type { OutgoingMessage } from '#modules/whatsapp/provider';
import type { MessageMedia, MessageStatus } from './message.entity';

// What the line of outgoing messages asks the database: who is next, whose it is, and what became of it (deliver-message.ts).

/** A look knows the first ones of each lane. */
export const LOOK_MAX = 50;

/** The conversation's oldest message on its way out, and what its worker must know. */
export interface Claim extends OutgoingMessage, LimitSettings {
  organization_id: string;
  conversation_id: string;
  contact_id: string;
  whatsapp_number_id: string | null;
  whatsapp_business_account_id: string | null;
  messaging_limit_tier: string | null;
  /** Of a template: the customer wrote within the last 24 hours. */
  is_window_open: boolean | null;
  media: MessageMedia | null;
  status: MessageStatus;
  /** With this one. */
  attempts: number;
  /** Ours from now on. */
  is_ours: boolean;
  /** When another worker took it. */
  claimed_at: Date | null;
  /** Until it is due; not above 0: it is. */
  wait_ms: number;
  /** How long the number still waits by Meta's word; not above 0, or null: it does not. */
  pause_ms: number | null;
  /** Its organization is suspended, switched off or deleted: nothing leaves. */
  is_stopped: boolean;
  phone: string | null;
  wa_id: string | null;
  bsuid: string | null;
  /** Of the message it answers, or reacts to. */
  reply_to_provider_id: string | null;
  target_is_ours: boolean | null;
}

// Of each conversation the oldest message. The claim is written, and committed with the statement, only where it may leave now; of two workers who
// see the same one the second finds it claimed, or gone, when it comes to write. A template that waits for its account's limit (it was not tried) is free
// of it once the customer writes.
export const CLAIM = prepared(`WITH next AS MATERIALIZED (
    SELECT o.message_id AS id, o.organization_id, o.conversation_id, o.attempts + 1 AS attempts, o.claimed_at, o.due_at,
           m.contact_id, m.whatsapp_number_id, m.message_type, m.content, m.payload, m.media, m.status, n.paused_until, NOT ${atWork('$1')} AS is_stopped,
           n.connection_type, n.throughput, n.settings->'rate_limits' AS rate_limits, n.whatsapp_business_account_id, n.messaging_limit_tier,
           CASE WHEN m.message_type = 'template' THEN (SELECT v.window_expires_at > now() FROM conversations v
             WHERE v.organization_id = o.organization_id AND v.id = o.conversation_id) END AS is_window_open, ${ADDRESS}, r.whatsapp_message_id AS reply_to_provider_id,
           r.direction = 'outgoing' AS target_is_ours
      FROM unnest($2::uuid[]) AS due(conversation_id)
     CROSS JOIN LATERAL (
       SELECT w.* FROM outbound_sends w
        WHERE w.organization_id = $1 AND w.conversation_id = due.conversation_id ORDER BY w.message_id LIMIT 1) o
      LEFT JOIN messages m ON m.organization_id = o.organization_id AND m.id = o.message_id
      LEFT JOIN contacts c ON c.organization_id = o.organization_id AND c.id = m.contact_id
      ${addressedTo('o.contact_identity_id')}
      LEFT JOIN whatsapp_numbers n ON n.organization_id = o.organization_id AND n.id = m.whatsapp_number_id
      LEFT JOIN messages r ON r.organization_id = o.organization_id AND r.id = m.reply_to_message_id),
  claimed AS (
    UPDATE outbound_sends o SET claimed_at = now(), attempts = o.attempts + 1 FROM next
     WHERE o.organization_id = next.organization_id AND o.message_id = next.id AND o.claimed_at IS NULL AND next.status = 'pending'
       AND (o.due_at <= now() OR (o.attempts = 0 AND next.message_type = 'template' AND next.is_window_open))
       AND coalesce(next.paused_until <= now(), true) AND NOT next.is_stopped
    RETURNING o.message_id)
  SELECT next.*, claimed.message_id IS NOT NULL AS is_ours, extract(epoch FROM next.due_at - now())::float8 * 1000 AS wait_ms,
         extract(epoch FROM next.paused_until - now())::float8 * 1000 AS pause_ms
    FROM next LEFT JOIN claimed ON claimed.message_id = next.id`);

// The first of each lane in the order of the index, but for conversations of which more is known than that they wait. What is before them in their
// conversation leaves first, by their turn.
export const LOOK =
  prepared(`SELECT w.lane, w.conversation_id, w.message_id FROM (VALUES (0::smallint), (1::smallint), (2::smallint)) AS lanes(lane)
  CROSS JOIN LATERAL (
    SELECT o.lane, o.conversation_id, o.message_id FROM outbound_sends o
     WHERE o.organization_id = $1 AND o.whatsapp_number_id = $2 AND o.lane = lanes.lane AND o.due_at <= now()
       AND o.claimed_at IS NULL AND o.conversation_id <> ALL ($3::uuid[])
     ORDER BY o.due_at LIMIT ${LOOK_MAX}) w`);

export const OVERDUE = inTurn(
  'SELECT organization_id FROM outbound_sends',
  // Who was stopped is found here when it is at work again. At random: those that have to wait would stand before the others each time.
  `SELECT n.id FROM whatsapp_numbers n
    WHERE n.organization_id = w.organization_id AND ${atWork('w.organization_id')} AND coalesce(n.paused_until <= now(), true) AND EXISTS (
      SELECT FROM outbound_sends o
       WHERE o.organization_id = n.organization_id AND o.whatsapp_number_id = n.id AND o.due_at < now() - interval '1 second' AND o.claimed_at IS NULL)
    ORDER BY random()`,
);

/** What Meta took, and by which id it goes on to speak of it. */
export interface Accepted {
  claim: Claim;
  provider_id: string;
}

/** How a message was before, and the best lane's first of those that wait behind it in its conversation. */
export interface Sent {
  id: string;
  was: MessageStatus;
  template_id: string | null;
  next_id: string | null;
  next_lane: Lane | null;
}

// Locked in the order of the receipt of statuses. A status that overtook the provider's answer stays.
export const ACCEPTED = prepared(`WITH taken AS (
    SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::uuid[]) AS t(conversation_id, id, provider_id, history_id)),
  locked AS MATERIALIZED (
    SELECT m.id, m.status AS was FROM taken t JOIN messages m ON m.organization_id = $1 AND m.id = t.id ORDER BY m.id FOR NO KEY UPDATE OF m),
  sent AS (
    UPDATE messages m SET whatsapp_message_id = coalesce(m.whatsapp_message_id, t.provider_id), sent_at = coalesce(m.sent_at, now()), updated_at = now(),
           status = CASE WHEN m.status = 'pending' THEN 'sent' ELSE m.status END
      FROM taken t JOIN locked USING (id) WHERE m.organization_id = $1 AND m.id = t.id RETURNING m.id, m.template_id, locked.was),
  gone AS (DELETE FROM outbound_sends o USING taken t WHERE o.organization_id = $1 AND o.message_id = t.id),
  history AS (
    INSERT INTO message_status_events (id, organization_id, message_id, status, "timestamp", source)
    SELECT t.history_id, $1::uuid, t.id, 'sent', now(), 'api' FROM taken t JOIN locked USING (id) ON CONFLICT DO NOTHING)
  SELECT sent.id, sent.was, sent.template_id, next.message_id AS next_id, next.lane AS next_lane
    FROM sent JOIN taken t USING (id)
    LEFT JOIN LATERAL (
      SELECT o.message_id, o.lane FROM outbound_sends o
       WHERE o.organization_id = $1 AND o.conversation_id = t.conversation_id AND o.message_id <> t.id ORDER BY o.lane, o.message_id LIMIT 1) next ON true`);

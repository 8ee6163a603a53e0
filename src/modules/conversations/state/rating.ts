import type { Tx } from '#database/database';
import { type Sql, prepared } from '#database/sql';
import { type CsatSettings, csatOf } from '#modules/organizations/csat.dto';
import type { Conversation } from '../conversation.entity';

/*
 * What customers say of a conversation (CSAT): asked a while after it was resolved, answered in WhatsApp, kept on the conversation. A second survey of
 * the same conversation replaces what the first one brought.
 */

const SETTINGS = prepared(`SELECT o.settings->'csat' AS organization, q.settings->'csat' AS queue
   FROM organizations o LEFT JOIN queues q ON q.organization_id = o.id AND q.id = $2 WHERE o.id = $1`);

/** How customers of a queue, or of none, are asked. */
export async function surveySettings(
  sql: Sql,
  { organization_id, queue_id }: Pick<Conversation, 'organization_id' | 'queue_id'>,
): Promise<CsatSettings> {
  const [stored] = await sql.rows<{ organization: unknown; queue: unknown } | undefined>(SETTINGS, [organization_id, queue_id]);
  return csatOf(stored?.organization, stored?.queue);
}

const PLAN = prepared(
  `UPDATE conversations SET csat_due_at = now() + make_interval(mins => $3), csat_awaits = NULL, csat_until = NULL WHERE organization_id = $1 AND id = $2`,
);

/** A customer was served, in a conversation that is locked: they are asked in a while, where that is wanted. */
export async function planSurvey(tx: Tx, conversation: Conversation): Promise<void> {
  // Who never wrote has no window, and nothing to judge.
  if (!conversation.whatsapp_number_id || !conversation.last_incoming_at) return;
  const { enabled, delay_minutes } = await surveySettings(tx, conversation);
  if (enabled) await tx.rows(PLAN, [conversation.organization_id, conversation.id, delay_minutes]);
}

const ASKED = prepared(`UPDATE conversations SET csat_due_at = NULL, csat_awaits = CASE WHEN $3::int IS NOT NULL THEN 'rating' END,
    csat_until = now() + make_interval(hours => $3) WHERE organization_id = $1 AND id = $2`);

/** They were asked, and may answer for so many hours; null: they could not be asked. The conversation is locked. */
export async function noteAsked(
  tx: Tx,
  { organization_id, id }: Pick<Conversation, 'organization_id' | 'id'>,
  expires_hours: number | null,
): Promise<void> {
  await tx.rows(ASKED, [organization_id, id, expires_hours]);
}

/** What a customer's messages of one transaction say of a conversation. */
export interface Rating extends Pick<Conversation, 'organization_id' | 'id' | 'csat_awaits' | 'csat_until'> {
  /** null: they said that before. */
  rating: number | null;
  rated_at: Date | null;
  /** null: nothing, or before. */
  rating_comment: string | null;
}

type Rated = Pick<Conversation, 'id' | 'organization_id' | 'rating_comment' | 'queue_id'> & {
  rating: number;
  rated_at: Date;
  agent_id: string | null;
};

// A new rating leaves nothing of an earlier survey's.
const RATE = prepared(`UPDATE conversations c
    SET rating = coalesce(t.rating, c.rating), rated_at = coalesce(t.rated_at, c.rated_at), csat_awaits = t.csat_awaits, csat_until = t.csat_until,
        rating_comment = CASE WHEN t.rating IS NULL THEN coalesce(t.rating_comment, c.rating_comment) ELSE t.rating_comment END, updated_at = now()
   FROM json_to_recordset($1) AS t(organization_id uuid, id uuid, rating int, rated_at timestamptz, rating_comment text, csat_awaits text, csat_until timestamptz)
  WHERE c.organization_id = t.organization_id AND c.id = t.id
 RETURNING c.id, c.organization_id, c.rating, c.rating_comment, c.rated_at, c.queue_id, c.current_agent_id AS agent_id`);

/** Customers answered. */
export async function rate(tx: Tx, ratings: readonly Rating[]): Promise<void> {
  if (!ratings.length) return;
  for (const { id: conversation_id, ...rated } of await tx.rows<Rated>(RATE, [JSON.stringify(ratings)]))
    tx.tell('conversation.rated', { ...rated, conversation_id, user_id: null });
}

const FORGET = prepared(`UPDATE conversations SET rating_comment = NULL WHERE organization_id = $1 AND id = ANY(ARRAY(
    SELECT c.id FROM conversations c WHERE c.organization_id = $1 AND c.rated_at < now() - make_interval(days => $2) AND c.rating_comment IS NOT NULL
     ORDER BY c.rated_at LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED))`);

/** What customers wrote beside a rating, so many days ago, goes as their messages do; at most `limit`. The ratings stay. */
export async function forgetComments(tx: Tx, organization_id: string, days: number, limit: number): Promise<void> {
  await tx.rows(FORGET, [organization_id, days, limit]);
}

/** SQL: the share of ratings of 4 and 5 in percent, over conversations `row` that meet a condition; NULL: nobody rated. */
export const satisfaction = (row: string, condition: string): string =>
  `round(100.0 * count(*) FILTER (WHERE ${row}.rating >= 4 AND ${condition}) / nullif(count(*) FILTER (WHERE ${row}.rating IS NOT NULL AND ${condition}), 0))::int`;

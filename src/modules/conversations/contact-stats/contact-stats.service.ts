import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { NotFound } from '#common/errors';
import { Database } from '#database/database';
import { prepared } from '#database/sql';
import { activeRow } from '../state/active';
import type { ContactStats } from './contact-stats.dto';

const CONVERSATIONS = 50;
const MESSAGES_OF_EACH = 500;

/** What is counted with every message is on the contact; response times are those of what was said last. */
const STATS = prepared(`WITH talk AS (
    SELECT m.conversation_id, m.created_at, m.direction = 'incoming' AS is_question,
           count(*) FILTER (WHERE m.direction = 'outgoing')
             OVER (PARTITION BY m.conversation_id ORDER BY m.created_at, m.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS turn
      FROM (SELECT c.id FROM conversations c WHERE c.organization_id = $1 AND c.contact_id = $2 ORDER BY c.created_at DESC LIMIT ${CONVERSATIONS}) latest
      CROSS JOIN LATERAL (
        SELECT * FROM (
          SELECT v.conversation_id, v.created_at, v.id, v.direction, v.sender_type FROM messages v
           WHERE v.organization_id = $1 AND v.conversation_id = latest.id ORDER BY v.created_at DESC, v.id DESC LIMIT ${MESSAGES_OF_EACH}) newest
         WHERE newest.direction = 'incoming' OR (newest.direction = 'outgoing' AND newest.sender_type IN ('agent', 'device'))) m),
  turns AS (
    SELECT min(created_at) FILTER (WHERE is_question) AS asked, min(created_at) FILTER (WHERE NOT is_question) AS answered
      FROM talk GROUP BY conversation_id, turn),
  own AS (
    SELECT count(*) FILTER (WHERE ${activeRow('c')})::int AS open_conversations, min(c.first_message_at) AS first_interaction
      FROM conversations c WHERE c.organization_id = $1 AND c.contact_id = $2)
  SELECT k.total_conversations, own.open_conversations, k.total_messages_sent + k.total_messages_received AS total_messages,
         k.total_messages_sent AS messages_sent, k.total_messages_received AS messages_received,
         (SELECT (avg(extract(epoch FROM answered - asked)) / 60)::float8 FROM turns WHERE asked <= answered) AS avg_response_time_minutes,
         own.first_interaction, k.last_message_at AS last_interaction
    FROM contacts k CROSS JOIN own WHERE k.organization_id = $1 AND k.id = $2 AND k.deleted_at IS NULL`);

/** What was said with a contact, in numbers. */
@Injectable()
export class ContactStatsService {
  constructor(private readonly database: Database) {}

  /** @throws {NotFound} */
  async get(actor: Actor, contact_id: string): Promise<ContactStats> {
    const [stats] = await this.database.rows<ContactStats>(STATS, [actor.organization_id, contact_id]);
    if (!stats) throw new NotFound('Contact');
    return stats;
  }
}

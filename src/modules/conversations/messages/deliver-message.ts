import { Injectable, Logger } from '@nestjs/common';
import { isDatabaseDown } from '#database/database-errors';
import { Actor } from '#common/actor';
import { EventBus } from '#common/events';
import { matchKey } from '#common/phone';
import { newId } from '#common/uuid';
import { Database, type Tx } from '#database/database';
import type { Sql } from '#database/sql';
import { ContactNews } from '#modules/contacts/contact-news';
import { MediaService } from '#modules/whatsapp/media/media.service';
import { UnsendableMessage, buildMessage } from '#modules/whatsapp/meta/build-message';
import { GraphClient, GraphError, type SendAnswer } from '#modules/whatsapp/meta/graph-client';
import { type FailureDecision, retryDelaySeconds } from '#modules/whatsapp/meta/meta-errors';
import { GraphTargets } from '#modules/whatsapp/numbers/graph-targets';
import { Metrics } from '#observability/metrics';
import { applyFailureEffect } from './failure-effects';
import { PROVIDER_TIMEOUT } from './message-progress';
import { type Message, MessageStatus } from './message.entity';

/** A claim older than this is of a worker that died between the call and our commit. The call itself ends after 30 s. */
const CLAIM_SECONDS = 90;

interface Claim {
  message: Message;
  attempts: number;
  phone: string | null;
  bsuid: string | null;
  paused_until: Date | null;
  reply_to_provider_id: string | null;
}

/** What the outbound job does next for the conversation. */
export interface Next {
  /** Look again after so many milliseconds; null: nothing is left to do here. */
  again_in_ms: number | null;
}

/**
 * Messages leave: one in flight per conversation, in the order of creation, each once. The claim is committed before the provider is called;
 * a claim nobody finished means the call may have been made, so that message is failed as unknown (provider_timeout) and never sent again
 * by itself; a webhook that carries our id settles what really happened.
 */
@Injectable()
export class DeliverMessage {
  private readonly logger = new Logger(DeliverMessage.name);

  constructor(
    private readonly database: Database,
    private readonly targets: GraphTargets,
    private readonly graph: GraphClient,
    private readonly media: MediaService,
    private readonly events: EventBus,
    private readonly contacts: ContactNews,
    private readonly metrics: Metrics,
  ) {}

  /** Sends what is due in a conversation until nothing is, or the first message must wait. */
  async drain(organization_id: string, conversation_id: string): Promise<Next> {
    for (;;) {
      const claim = await this.claim(organization_id, conversation_id);
      if ('again_in_ms' in claim) return claim;
      await this.deliver(claim);
    }
  }

  /** Conversations with something due and nobody at it: lost wake-ups, waits that ended, workers that died. */
  async overdue(limit: number): Promise<{ organization_id: string; conversation_id: string }[]> {
    return this.database.source.query(
      `SELECT DISTINCT organization_id, conversation_id FROM outbound_sends
        WHERE due_at < now() - interval '1 second' AND (claimed_at IS NULL OR claimed_at < now() - make_interval(secs => $1)) LIMIT $2`,
      [CLAIM_SECONDS, limit],
    );
  }

  /** The conversation's oldest message, committed as ours before anybody is called. */
  private async claim(organization_id: string, conversation_id: string): Promise<Claim | Next> {
    return this.database.tx(async (tx) => {
      const { manager } = tx;
      const [send] = await manager.query<
        { message_id: string; attempts: number; claimed_at: Date | null; wait_ms: number; stale: boolean }[]
      >(
        `SELECT message_id, attempts, claimed_at, extract(epoch FROM due_at - now()) * 1000 AS wait_ms, coalesce(claimed_at < now() - make_interval(secs => $3), false) AS stale
           FROM outbound_sends WHERE organization_id = $1 AND conversation_id = $2 ORDER BY message_id LIMIT 1 FOR UPDATE`,
        [organization_id, conversation_id, CLAIM_SECONDS],
      );
      // Nothing, or another worker has just finished it and goes on with the rest.
      if (!send) return { again_in_ms: null };
      if (send.claimed_at && !send.stale) return { again_in_ms: null };
      if (send.stale) {
        await this.settle(tx, organization_id, send.message_id, unknown('The process stopped while the provider was answering.'), null);
        return { again_in_ms: 0 };
      }
      if (send.wait_ms > 0) return { again_in_ms: Math.ceil(send.wait_ms) };
      const [row] = await manager.query<
        (Message & { phone: string | null; bsuid: string | null; paused_until: Date | null; reply_to_provider_id: string | null })[]
      >(
        `SELECT m.*, coalesce(c.wa_id, c.whatsapp_id) AS phone, c.whatsapp_user_id AS bsuid, n.paused_until, r.whatsapp_message_id AS reply_to_provider_id
           FROM messages m JOIN contacts c ON c.id = m.contact_id AND c.organization_id = m.organization_id
           JOIN whatsapp_numbers n ON n.id = m.whatsapp_number_id AND n.organization_id = m.organization_id
           LEFT JOIN messages r ON r.id = m.reply_to_message_id AND r.organization_id = m.organization_id
          WHERE m.organization_id = $1 AND m.id = $2`,
        [organization_id, send.message_id],
      );
      if (!row || row.status !== MessageStatus.pending) {
        await manager.query('DELETE FROM outbound_sends WHERE message_id = $1', [send.message_id]);
        return { again_in_ms: 0 };
      }
      const { phone, bsuid, paused_until, reply_to_provider_id, ...message } = row;
      const paused_ms = paused_until ? paused_until.getTime() - Date.now() : 0;
      if (paused_ms > 0) {
        await manager.query('UPDATE outbound_sends SET due_at = $2 WHERE message_id = $1', [send.message_id, paused_until]);
        return { again_in_ms: paused_ms };
      }
      await manager.query('UPDATE outbound_sends SET claimed_at = now(), attempts = attempts + 1 WHERE message_id = $1', [send.message_id]);
      return { message: message as Message, attempts: send.attempts + 1, phone, bsuid, paused_until, reply_to_provider_id };
    });
  }

  private async deliver({ message, attempts, phone, bsuid, reply_to_provider_id }: Claim): Promise<void> {
    const { organization_id } = message;
    let answer: SendAnswer | null = null;
    let failure: FailureDecision | null = null;
    try {
      answer = await this.call(message, phone, bsuid, reply_to_provider_id);
    } catch (error) {
      if (error instanceof GraphError) failure = error.decision;
      else if (error instanceof UnsendableMessage) failure = final(error.error_code, error.message);
      // Nothing has been sent yet when our own preparation fails: it may be tried again.
      else failure = { ...final('preparation_failed', (error as Error).message), class: 'retry', attempts: 5 };
    }
    if (answer) await this.persist(() => this.accepted(message, answer));
    else if (failure) {
      const delay = retryDelaySeconds(failure, attempts);
      this.logger.warn({
        msg: 'send failed',
        message_id: message.id,
        attempt: attempts,
        error_code: failure.error_code,
        retry_in_seconds: delay,
      });
      await this.database.tx(async (tx) => {
        await this.settle(tx, organization_id, message.id, failure, delay);
        // Meta's word to the whole number: the others wait with it instead of failing one by one.
        if (delay !== null && failure.scope === 'number')
          await tx.manager.query(
            `UPDATE whatsapp_numbers SET paused_until = greatest(paused_until, now() + make_interval(secs => $3)) WHERE organization_id = $1 AND id = $2`,
            [organization_id, message.whatsapp_number_id, delay],
          );
      });
    }
  }

  private async call(
    message: Message,
    phone: string | null,
    bsuid: string | null,
    reply_to_provider_id: string | null,
  ): Promise<SendAnswer> {
    const actor = Actor.system(message.organization_id);
    const number_id = message.whatsapp_number_id ?? '';
    const target = await this.targets.find(actor, number_id);
    if (!target) throw new UnsendableMessage('message_incomplete', 'The WhatsApp number has no phone_number_id or no access_token.');
    const media = message.media ? { id: await this.media.providerMediaId(actor, number_id, message.media.id) } : null;
    return this.graph.send(target, buildMessage(message, { phone, bsuid, reply_to_provider_id, media }));
  }

  /** What the provider said is worth waiting for the database: until our claim grows stale nobody else touches the message. */
  private async persist(write: () => Promise<void>): Promise<void> {
    for (const until = Date.now() + (CLAIM_SECONDS / 2) * 1000; ;) {
      try {
        return await write();
      } catch (error) {
        if (!isDatabaseDown(error) || Date.now() > until) throw error;
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
    }
  }

  /** Meta has it. A status that overtook this answer stays. */
  private async accepted(message: Message, answer: SendAnswer): Promise<void> {
    const { organization_id } = message;
    const changed = await this.database.tx(async ({ manager }) => {
      const [rows] = await manager.query<[Message[], number]>(
        `UPDATE messages SET whatsapp_message_id = coalesce(whatsapp_message_id, $3), sent_at = coalesce(sent_at, now()), updated_at = now(),
                status = CASE WHEN status = 'pending' THEN 'sent' ELSE status END
          WHERE organization_id = $1 AND id = $2 RETURNING *`,
        [organization_id, message.id, answer.provider_id],
      );
      await manager.query('DELETE FROM outbound_sends WHERE message_id = $1', [message.id]);
      await history(manager, message, 'sent', null);
      await this.learnAlias(manager, message, answer);
      return rows[0];
    });
    this.metrics.counter('whatsapp_messages_total').inc({ direction: 'outgoing', status: 'sent' });
    if (changed?.status === MessageStatus.sent) this.tell(message, MessageStatus.sent, null);
  }

  /** The phone as WhatsApp has it (Brazil's ninth digit) is what we send to next time. */
  private async learnAlias(sql: Sql, message: Message, { wa_id }: SendAnswer): Promise<void> {
    if (!wa_id || !/^\d{6,15}$/.test(wa_id)) return;
    await sql.query(
      'UPDATE contacts SET wa_id = $3 WHERE organization_id = $1 AND id = $2 AND wa_id IS DISTINCT FROM $3 AND match_key = $4',
      [message.organization_id, message.contact_id, wa_id, matchKey(wa_id)],
    );
  }

  /** Later again, or failed for good with what that means beyond the message. */
  private async settle(
    tx: Tx,
    organization_id: string,
    message_id: string,
    failure: FailureDecision,
    delay_seconds: number | null,
  ): Promise<void> {
    const sql: Sql = tx.manager;
    if (delay_seconds !== null) {
      await sql.query('UPDATE outbound_sends SET claimed_at = NULL, due_at = now() + make_interval(secs => $2) WHERE message_id = $1', [
        message_id,
        delay_seconds,
      ]);
      return;
    }
    await sql.query('DELETE FROM outbound_sends WHERE message_id = $1', [message_id]);
    const updated = await sql.query<unknown>(
      `UPDATE messages SET status = 'failed', failed_at = now(), error_code = $3, error_message = $4, updated_at = now()
        WHERE organization_id = $1 AND id = $2 AND status = 'pending' RETURNING *`,
      [organization_id, message_id, failure.error_code, failure.error_message.slice(0, 2000)],
    );
    const [message] = (Array.isArray(updated[0]) ? updated[0] : updated) as Message[];
    // A webhook came first: it knows better.
    if (!message) return;
    await history(sql, message, 'failed', failure.error_code);
    const tell = failure.effect && (await applyFailureEffect(sql, message, failure.effect));
    this.metrics.counter('whatsapp_messages_total').inc({ direction: 'outgoing', status: 'failed' });
    tx.afterCommit(() => {
      this.tell(message, MessageStatus.failed, failure.error_code);
      if (tell) tell(this.events, this.contacts);
    });
  }

  private tell(message: Message, status: MessageStatus, error_code: string | null): void {
    this.events.emit('message.status', {
      organization_id: message.organization_id,
      message_id: message.id,
      conversation_id: message.conversation_id,
      contact_id: message.contact_id,
      whatsapp_number_id: message.whatsapp_number_id,
      status,
      previous_status: MessageStatus.pending,
      timestamp: new Date(),
      error_code,
    });
  }
}

const history = (sql: Sql, message: Message, status: string, error_code: string | null): Promise<unknown> =>
  sql.query(
    `INSERT INTO message_status_events (id, organization_id, message_id, status, "timestamp", source, error_code) VALUES ($1, $2, $3, $4, now(), 'api', $5) ON CONFLICT DO NOTHING`,
    [newId(), message.organization_id, message.id, status, error_code],
  );

const final = (error_code: string, error_message: string): FailureDecision => ({
  class: 'final',
  error_code,
  error_message,
  provider_code: null,
  effect: null,
  scope: null,
  attempts: 1,
  backoff_base: 2,
  delay_seconds: 0,
});

const unknown = (error_message: string): FailureDecision => ({ ...final(PROVIDER_TIMEOUT, error_message), class: 'unknown' });

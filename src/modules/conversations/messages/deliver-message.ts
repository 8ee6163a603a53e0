import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { Actor } from '#common/actor';
import { Unavailable } from '#common/errors';
import { newId } from '#common/uuid';
import { Database, type Tx } from '#database/database';
import { isUndone, knownError } from '#database/database-errors';
import { type DueRow, DueRows, inTurn } from '#database/due-rows';
import { Gathered } from '#database/gathered';
import { type Sql, prepared } from '#database/sql';
import { learnWaId } from '#modules/contacts/contact-identities';
import { ContactNews } from '#modules/contacts/contact-news';
import { MediaService } from '#modules/whatsapp/media/media.service';
import { pauseNumber } from '#modules/whatsapp/numbers/number-news';
import type { OutgoingMessage, SendAnswer } from '#modules/whatsapp/provider';
import { type FailureDecision, ProviderFailure, final, retryDelaySeconds } from '#modules/whatsapp/provider-failure';
import { Providers } from '#modules/whatsapp/providers';
import { Metrics } from '#observability/metrics';
import { applyFailureEffect } from './failure-effects';
import { PROVIDER_TIMEOUT } from './message-progress';
import { type Message, type MessageMedia, MessageStatus } from './message.entity';

/** A claim older than this is of a worker that died between the call and our commit. The call itself ends after 30 s. */
const CLAIM_SECONDS = 90;
/** A file is uploaded before it is sent, in two minutes at most. */
const UPLOAD_SECONDS = 150;

/** The conversation's oldest message on its way out, and what its worker must know. */
interface Claim extends OutgoingMessage {
  organization_id: string;
  conversation_id: string;
  contact_id: string;
  whatsapp_number_id: string | null;
  media: MessageMedia | null;
  status: MessageStatus;
  /** With this one. */
  attempts: number;
  /** Ours from now on. */
  is_ours: boolean;
  /** When another worker took it; `is_stale`: so long ago that it must have died. */
  claimed_at: Date | null;
  is_stale: boolean;
  wait_ms: number;
  paused_until: Date | null;
  phone: string | null;
  wa_id: string | null;
  bsuid: string | null;
  reply_to_provider_id: string | null;
}

// Of each conversation the oldest message. The claim is written, and committed with the statement, only where it may leave now; of two workers who
// see the same one the second finds it claimed, or gone, when it comes to write.
const CLAIM = prepared(`WITH next AS MATERIALIZED (
    SELECT o.message_id AS id, o.organization_id, o.conversation_id, o.attempts + 1 AS attempts, o.claimed_at, o.due_at,
           m.contact_id, m.whatsapp_number_id, m.message_type, m.content, m.payload, m.media, m.status, n.paused_until,
           coalesce(c.wa_id, c.whatsapp_id) AS phone, c.wa_id, c.whatsapp_user_id AS bsuid, r.whatsapp_message_id AS reply_to_provider_id
      FROM unnest($2::uuid[]) AS due(conversation_id)
     CROSS JOIN LATERAL (
       SELECT w.* FROM outbound_sends w
        WHERE w.organization_id = $1 AND w.conversation_id = due.conversation_id ORDER BY w.message_id LIMIT 1) o
      LEFT JOIN messages m ON m.organization_id = o.organization_id AND m.id = o.message_id
      LEFT JOIN contacts c ON c.organization_id = o.organization_id AND c.id = m.contact_id
      LEFT JOIN whatsapp_numbers n ON n.organization_id = o.organization_id AND n.id = m.whatsapp_number_id
      LEFT JOIN messages r ON r.organization_id = o.organization_id AND r.id = m.reply_to_message_id),
  claimed AS (
    UPDATE outbound_sends o SET claimed_at = now(), attempts = o.attempts + 1 FROM next
     WHERE o.organization_id = next.organization_id AND o.message_id = next.id AND o.claimed_at IS NULL AND o.due_at <= now() AND next.status = 'pending'
       AND coalesce(next.paused_until <= now(), true)
    RETURNING o.message_id)
  SELECT next.*, claimed.message_id IS NOT NULL AS is_ours, coalesce(next.claimed_at < now() - make_interval(secs => $3 + CASE WHEN next.media IS NULL THEN 0 ELSE ${UPLOAD_SECONDS} END), false) AS is_stale,
         extract(epoch FROM next.due_at - now())::float8 * 1000 AS wait_ms
    FROM next LEFT JOIN claimed ON claimed.message_id = next.id`);

const OVERDUE = inTurn(
  'SELECT organization_id FROM outbound_sends',
  `SELECT DISTINCT conversation_id AS id FROM outbound_sends
    WHERE organization_id = w.organization_id AND due_at < now() - interval '1 second'
      AND (claimed_at IS NULL OR claimed_at < now() - make_interval(secs => $2))`,
);

/** What Meta took, and by which id it goes on to speak of it. */
interface Accepted {
  claim: Claim;
  provider_id: string;
}

/** How a message was before, and whether more waits in its conversation. */
interface Sent {
  id: string;
  was: MessageStatus;
  has_more: boolean;
}

// Locked in the order of the receipt of statuses. A status that overtook the provider's answer stays.
const ACCEPTED = prepared(`WITH taken AS (
    SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::uuid[]) AS t(conversation_id, id, provider_id, history_id)),
  locked AS MATERIALIZED (
    SELECT m.id, m.status AS was FROM taken t JOIN messages m ON m.organization_id = $1 AND m.id = t.id ORDER BY m.id FOR NO KEY UPDATE OF m),
  sent AS (
    UPDATE messages m SET whatsapp_message_id = coalesce(m.whatsapp_message_id, t.provider_id), sent_at = coalesce(m.sent_at, now()), updated_at = now(),
           status = CASE WHEN m.status = 'pending' THEN 'sent' ELSE m.status END
      FROM taken t JOIN locked USING (id) WHERE m.organization_id = $1 AND m.id = t.id RETURNING m.id, locked.was),
  gone AS (DELETE FROM outbound_sends o USING taken t WHERE o.organization_id = $1 AND o.message_id = t.id),
  history AS (
    INSERT INTO message_status_events (id, organization_id, message_id, status, "timestamp", source)
    SELECT t.history_id, $1::uuid, t.id, 'sent', now(), 'api' FROM taken t JOIN locked USING (id) ON CONFLICT DO NOTHING)
  SELECT sent.id, sent.was, EXISTS (SELECT FROM outbound_sends o
           WHERE o.organization_id = $1 AND o.conversation_id = t.conversation_id AND o.message_id <> t.id) AS has_more
    FROM sent JOIN taken t USING (id)`);

/**
 * Messages leave: one in flight per conversation, in the order of creation, each once. The claim is committed before the provider is called;
 * a claim nobody finished means the call may have been made, so that message is failed as unknown (provider_timeout) and never sent again
 * by itself; a webhook that carries our id settles what really happened.
 */
@Injectable()
export class DeliverMessage {
  private readonly logger = new Logger(DeliverMessage.name);
  private readonly claims = new Gathered((organization_id, conversations: string[]) => this.claimAll(organization_id, conversations));
  private readonly answers = new Gathered((organization_id, accepted: Accepted[]) => this.keepAll(organization_id, accepted));
  /** A conversation has something to send. */
  readonly wake: (conversation: DueRow) => void;

  constructor(
    private readonly database: Database,
    private readonly providers: Providers,
    private readonly media: MediaService,
    private readonly contacts: ContactNews,
    private readonly metrics: Metrics,
    rows: DueRows,
  ) {
    this.wake = rows.add({
      name: 'whatsapp-outbound',
      // They wait on Meta.
      concurrency: 20,
      timeout_seconds: CLAIM_SECONDS + UPLOAD_SECONDS,
      sweep_seconds: 5,
      work: ({ organization_id, id }, signal) => this.drain(organization_id, id, signal),
      overdue: (limit) => this.overdue(limit),
    });
  }

  /** Sends what is due in a conversation until nothing is, or the first message must wait: answers for how many milliseconds. */
  async drain(organization_id: string, conversation_id: string, signal?: AbortSignal): Promise<number | null> {
    while (!signal?.aborted) {
      const next = await this.claims.ask(organization_id, conversation_id);
      // Nothing, or another worker is at it and goes on with the rest.
      if (!next || (next.claimed_at && !next.is_stale)) return null;
      if (next.is_ours) {
        if (!(await this.deliver(next))) return null;
      } else if (next.is_stale) await this.giveUp(next);
      else if (next.wait_ms > 0) return Math.ceil(next.wait_ms);
      else await this.setAside(next);
    }
    return 0;
  }

  /** Conversations with something due and nobody at it: lost wake-ups, waits that ended, workers that died. */
  async overdue(limit: number): Promise<DueRow[]> {
    return this.database.rows(OVERDUE, [limit, CLAIM_SECONDS]);
  }

  /** Each conversation's oldest message, committed as ours before anybody is called when it may leave now. */
  private async claimAll(organization_id: string, conversations: string[]): Promise<(Claim | undefined)[]> {
    const claims = await this.database.rows<Claim>(CLAIM, [organization_id, conversations, CLAIM_SECONDS]);
    const found = new Map(claims.map((claim) => [claim.conversation_id, claim]));
    return conversations.map((id) => {
      const claim = found.get(id);
      // Of two who ask for the same conversation the first has it.
      if (claim?.is_ours) found.set(id, { ...claim, is_ours: false, claimed_at: new Date() });
      return claim;
    });
  }

  /** A worker died between the call and its commit. */
  private async giveUp({ organization_id, id }: Claim): Promise<void> {
    await this.database.tx(async (tx) => {
      // The message first, as the receipt of statuses does.
      await tx.rows('SELECT 1 FROM messages WHERE organization_id = $1 AND id = $2 FOR NO KEY UPDATE', [organization_id, id]);
      const [stale] = await tx.rows(
        'SELECT 1 FROM outbound_sends WHERE organization_id = $1 AND message_id = $2 AND claimed_at < now() - make_interval(secs => $3) FOR UPDATE',
        [organization_id, id, CLAIM_SECONDS],
      );
      if (stale) await this.settle(tx, organization_id, id, unknown('The process stopped while the provider was answering.'), null);
    });
  }

  /** Its number waits by Meta's word, so it waits too; or it needs no sending any more. */
  private async setAside({ organization_id, id, paused_until, status }: Claim): Promise<void> {
    if (status === MessageStatus.pending)
      await this.database.rows(
        'UPDATE outbound_sends SET due_at = coalesce($3, due_at) WHERE organization_id = $1 AND message_id = $2 AND claimed_at IS NULL',
        [organization_id, id, paused_until],
      );
    else await forget(this.database, organization_id, id);
  }

  /** Answers whether more may wait behind it. */
  private async deliver(claim: Claim): Promise<boolean> {
    const { organization_id, id, attempts } = claim;
    let answer: SendAnswer | null = null;
    let failure: FailureDecision | null = null;
    try {
      answer = await this.call(claim);
    } catch (error) {
      if (error instanceof ProviderFailure) failure = error.decision;
      // Nothing has been sent yet when our own preparation fails: it may be tried again.
      else failure = { ...final('preparation_failed', (error as Error).message), class: 'retry', attempts: 5 };
    }
    if (answer) return this.accepted(claim, answer);
    if (failure) {
      const delay = retryDelaySeconds(failure, attempts);
      this.logger.warn({ msg: 'send failed', message_id: id, attempt: attempts, error_code: failure.error_code, retry_in_seconds: delay });
      await persist(() =>
        this.database.tx(async (tx) => {
          await this.settle(tx, organization_id, id, failure, delay);
          // Meta's word to the whole number: the others wait with it instead of failing one by one.
          if (delay !== null && failure.scope === 'number') await pauseNumber(tx, organization_id, claim.whatsapp_number_id, delay);
        }),
      );
    }
    return true;
  }

  private async call(claim: Claim): Promise<SendAnswer> {
    const actor = Actor.system(claim.organization_id);
    const number_id = claim.whatsapp_number_id ?? '';
    const line = await this.providers.line(actor, number_id);
    const media = claim.media ? { id: await this.media.providerMediaId(actor, number_id, claim.media.id) } : null;
    return line.send(claim, { ...claim, media });
  }

  /** Meta has it. Answers whether more waits in the conversation; what is written after this look wakes us anew. */
  private async accepted(claim: Claim, { provider_id, wa_id }: SendAnswer): Promise<boolean> {
    const sent = await persist(() => this.answers.ask(claim.organization_id, { claim, provider_id }));
    this.metrics.counter('whatsapp_messages_total').inc({ direction: 'outgoing', status: 'sent' });
    if (wa_id && wa_id !== claim.wa_id) await learnWaId(this.database, claim.organization_id, claim.contact_id, wa_id);
    return sent?.has_more ?? true;
  }

  private async keepAll(organization_id: string, accepted: Accepted[]): Promise<(Sent | undefined)[]> {
    return this.database.tx(async (tx) => {
      const rows = await tx.rows<Sent>(ACCEPTED, [
        organization_id,
        accepted.map(({ claim }) => claim.conversation_id),
        accepted.map(({ claim }) => claim.id),
        accepted.map(({ provider_id }) => provider_id),
        accepted.map(() => newId()),
      ]);
      const found = new Map(rows.map((row) => [row.id, row]));
      for (const { claim } of accepted) if (found.get(claim.id)?.was === MessageStatus.pending) tell(tx, claim, MessageStatus.sent, null);
      return accepted.map(({ claim }) => found.get(claim.id));
    });
  }

  /** Later again, or failed for good with what that means beyond the message. */
  private async settle(
    tx: Tx,
    organization_id: string,
    message_id: string,
    failure: FailureDecision,
    delay_seconds: number | null,
  ): Promise<void> {
    if (delay_seconds !== null) {
      await tx.rows(
        `UPDATE outbound_sends SET claimed_at = NULL, due_at = now() + make_interval(secs => $3)
          WHERE organization_id = $1 AND message_id = $2`,
        [organization_id, message_id, delay_seconds],
      );
      return;
    }
    const [message] = await tx.rows<Message | undefined>(
      `UPDATE messages SET status = 'failed', failed_at = now(), error_code = $3, error_message = $4, updated_at = now()
        WHERE organization_id = $1 AND id = $2 AND status = 'pending' RETURNING *`,
      [organization_id, message_id, failure.error_code, failure.error_message.slice(0, 2000)],
    );
    await forget(tx, organization_id, message_id);
    // A webhook came first: it knows better.
    if (!message) return;
    await tx.rows(
      `INSERT INTO message_status_events (id, organization_id, message_id, status, "timestamp", source, error_code)
       VALUES ($1, $2, $3, 'failed', now(), 'api', $4) ON CONFLICT DO NOTHING`,
      [newId(), organization_id, message_id, failure.error_code],
    );
    if (failure.effect) await applyFailureEffect(tx, this.contacts, message, failure.effect);
    this.metrics.counter('whatsapp_messages_total').inc({ direction: 'outgoing', status: 'failed' });
    tell(tx, message, MessageStatus.failed, failure.error_code);
  }
}

/** It needs no sending any more. */
const forget = (sql: Sql, organization_id: string, message_id: string): Promise<unknown> =>
  sql.rows('DELETE FROM outbound_sends WHERE organization_id = $1 AND message_id = $2', [organization_id, message_id]);

/** What a status is told of. */
type Moved = Pick<Message, 'id' | 'organization_id' | 'conversation_id' | 'contact_id' | 'whatsapp_number_id'>;

function tell(tx: Tx, message: Moved, status: MessageStatus, error_code: string | null): void {
  const { id, organization_id, conversation_id, contact_id, whatsapp_number_id } = message;
  tx.tell('message.status', {
    organization_id,
    message_id: id,
    conversation_id,
    contact_id,
    whatsapp_number_id,
    status,
    previous_status: MessageStatus.pending,
    timestamp: new Date(),
    error_code,
  });
}

/** What the provider said is worth waiting for the database: until our claim grows stale nobody else touches the message. */
async function persist<R>(write: () => Promise<R>): Promise<R> {
  for (const until = Date.now() + (CLAIM_SECONDS / 2) * 1000; ;) {
    try {
      return await write();
    } catch (error) {
      // Away, or busy.
      if (!(knownError(error) instanceof Unavailable) || Date.now() > until) throw error;
      await sleep(isUndone(error) ? 0 : 1000);
    }
  }
}

const unknown = (error_message: string): FailureDecision => ({ ...final(PROVIDER_TIMEOUT, error_message), class: 'unknown' });

import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { Actor } from '#common/actor';
import { Unavailable } from '#common/errors';
import { newId } from '#common/uuid';
import { Database, type Tx } from '#database/database';
import { isUndone, knownError } from '#database/database-errors';
import { type DueRow, DueRows, type Wake } from '#database/due-rows';
import { Gathered } from '#database/gathered';
import { prepared } from '#database/sql';
import { learnWaId } from '#modules/contacts/contact-identities';
import { ContactNews } from '#modules/contacts/contact-news';
import { MediaService } from '#modules/whatsapp/media/media.service';
import { NumberLimits } from '#modules/whatsapp/limits/number-limits';
import { pauseNumber } from '#modules/whatsapp/numbers/number-news';
import type { OutgoingMessage, SendAnswer } from '#modules/whatsapp/provider';
import { type FailureDecision, ProviderFailure, final, retryDelaySeconds } from '#modules/whatsapp/provider-failure';
import { Providers } from '#modules/whatsapp/providers';
import { Metrics } from '#observability/metrics';
import { applyFailureEffect } from './failure-effects';
import { PROVIDER_TIMEOUT } from './message-progress';
import { type Message, type MessageMedia, MessageStatus } from './message.entity';
import { Lane } from './sender';

/** A claim older than this is of a worker that died between the call and our commit. The call itself ends after 30 s. */
const CLAIM_SECONDS = 90;
/** A file is uploaded before it is sent, in two minutes at most. */
const UPLOAD_SECONDS = 150;

/** A message on its way out, and what its worker must know. */
interface Claim extends OutgoingMessage {
  organization_id: string;
  conversation_id: string;
  contact_id: string;
  whatsapp_number_id: string;
  media: MessageMedia | null;
  status: MessageStatus;
  /** With this one. */
  attempts: number;
  /** Ours from now on. */
  is_ours: boolean;
  phone: string | null;
  wa_id: string | null;
  bsuid: string | null;
  reply_to_provider_id: string | null;
}

/** What waits in a number's line; null: nothing that could leave. */
interface Waiting {
  whatsapp_number_id: string;
  id: string | null;
  /** Its limits let it through. */
  may_leave: boolean | null;
  /** How long Meta's pause of the number lasts; null: there was none. */
  pause_ms: number | null;
}

/** What somebody who would send by a number is given. */
interface Turn {
  /** null: nothing may leave now. */
  claim: Claim | null;
  /** When to ask again; null: nothing waits. */
  wait_ms: number | null;
  /** There is work for others beside. */
  has_more: boolean;
}

/** One look in so many goes by age alone, so that no lane waits for ever. */
const BY_AGE = 10;

// Of each number's line so many messages and one more, each the oldest of its conversation: the better lane first, within it the longer due.
const NEXT =
  prepared(`SELECT line.whatsapp_number_id, best.id, best.place <= line.count AS may_leave, extract(epoch FROM n.paused_until - now())::float8 * 1000 AS pause_ms
   FROM unnest($1::uuid[], $2::uuid[], $3::int[]) AS line(organization_id, whatsapp_number_id, count)
   LEFT JOIN whatsapp_numbers n ON n.organization_id = line.organization_id AND n.id = line.whatsapp_number_id
   LEFT JOIN LATERAL (
     SELECT w.id, row_number() OVER (ORDER BY CASE WHEN $4 THEN 0 ELSE w.lane END, w.due_at, w.id) AS place
       FROM generate_series(${Lane.person}, ${Lane.campaign}) AS lanes(lane)
      CROSS JOIN LATERAL (
        SELECT o.message_id AS id, o.lane, o.due_at FROM outbound_sends o
         WHERE o.organization_id = line.organization_id AND o.whatsapp_number_id = line.whatsapp_number_id AND o.lane = lanes.lane
           AND o.due_at <= now() AND o.claimed_at IS NULL AND o.conversation_id <> ALL ($5::uuid[]) AND o.message_id = (
             SELECT f.message_id FROM outbound_sends f
              WHERE f.organization_id = o.organization_id AND f.conversation_id = o.conversation_id ORDER BY f.message_id LIMIT 1)
         ORDER BY o.due_at LIMIT line.count + 1) w
      ORDER BY place LIMIT line.count + 1) best ON coalesce(n.paused_until <= now(), true)
  ORDER BY best.place`);

// The claim is written, and committed before anybody is called; of two workers who want the same message the second finds it claimed, or gone, when it
// comes to write.
const CLAIM = prepared(`WITH next AS MATERIALIZED (
    SELECT o.message_id AS id, o.organization_id, o.conversation_id, o.whatsapp_number_id, o.attempts + 1 AS attempts,
           m.contact_id, m.message_type, m.content, m.payload, m.media, m.status,
           coalesce(c.wa_id, c.whatsapp_id) AS phone, c.wa_id, c.whatsapp_user_id AS bsuid, r.whatsapp_message_id AS reply_to_provider_id
      FROM unnest($1::uuid[]) AS wanted(id)
      JOIN outbound_sends o ON o.message_id = wanted.id
      LEFT JOIN messages m ON m.organization_id = o.organization_id AND m.id = o.message_id
      LEFT JOIN contacts c ON c.organization_id = o.organization_id AND c.id = m.contact_id
      LEFT JOIN messages r ON r.organization_id = o.organization_id AND r.id = m.reply_to_message_id),
  claimed AS (
    UPDATE outbound_sends o SET claimed_at = now(), attempts = next.attempts FROM next
     WHERE o.message_id = next.id AND o.claimed_at IS NULL AND o.due_at <= now() AND next.status = 'pending'
    RETURNING o.message_id)
  SELECT next.*, claimed.message_id IS NOT NULL AS is_ours FROM next LEFT JOIN claimed ON claimed.message_id = next.id`);

/** What Meta took, and by which id it goes on to speak of it. */
interface Accepted {
  organization_id: string;
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
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[]) AS t(organization_id, conversation_id, id, provider_id, history_id)),
  locked AS MATERIALIZED (
    SELECT m.id, m.status AS was FROM taken t JOIN messages m ON m.organization_id = t.organization_id AND m.id = t.id ORDER BY m.id FOR UPDATE OF m),
  sent AS (
    UPDATE messages m SET whatsapp_message_id = coalesce(m.whatsapp_message_id, t.provider_id), sent_at = coalesce(m.sent_at, now()), updated_at = now(),
           status = CASE WHEN m.status = 'pending' THEN 'sent' ELSE m.status END
      FROM taken t JOIN locked USING (id) WHERE m.organization_id = t.organization_id AND m.id = t.id RETURNING m.id, locked.was),
  gone AS (DELETE FROM outbound_sends o USING taken t WHERE o.message_id = t.id),
  history AS (
    INSERT INTO message_status_events (id, organization_id, message_id, status, "timestamp", source)
    SELECT t.history_id, t.organization_id, t.id, 'sent', now(), 'api' FROM taken t JOIN locked USING (id) ON CONFLICT DO NOTHING)
  SELECT sent.id, sent.was, EXISTS (SELECT FROM outbound_sends o
           WHERE o.organization_id = t.organization_id AND o.conversation_id = t.conversation_id AND o.message_id <> t.id) AS has_more
    FROM sent JOIN taken t USING (id)`);

/**
 * Messages leave, each once: by each number as fast as its limits let them, the better lane first; of each conversation one at a time, in the
 * order of creation. What must wait is not claimed. The claim is committed before the provider is called; a claim nobody finished means the call
 * may have been made, so that message is failed as unknown (provider_timeout) and never sent again by itself; a webhook that carries our id settles
 * what really happened.
 */
@Injectable()
export class DeliverMessage {
  private readonly logger = new Logger(DeliverMessage.name);
  private readonly turns = new Gathered((lines: DueRow[]) => this.turnsOf(lines));
  private readonly answers = new Gathered((accepted: Accepted[]) => this.keepAll(accepted));
  /** Conversations somebody of this process sends in. */
  private readonly under_way = new Set<string>();
  private looks = 0;
  /** A number has something to send. */
  readonly wake: Wake;

  constructor(
    private readonly database: Database,
    private readonly providers: Providers,
    private readonly limits: NumberLimits,
    private readonly media: MediaService,
    private readonly contacts: ContactNews,
    private readonly metrics: Metrics,
    rows: DueRows,
  ) {
    this.wake = rows.add({
      name: 'whatsapp-outbound',
      // They wait on Meta.
      concurrency: 20,
      runs_per_row: 20,
      timeout_seconds: CLAIM_SECONDS + UPLOAD_SECONDS,
      sweep_seconds: 5,
      work: (line) => this.sendNext(line),
      overdue: async (limit) => {
        await this.giveUp(limit);
        return this.overdue(limit);
      },
    });
  }

  /** Sends the next message of a number's line, if one may leave now. Answers in how many milliseconds to look again. */
  async sendNext(line: DueRow): Promise<number | null> {
    const turn = await this.turns.ask(line);
    if (!turn?.claim) return turn?.wait_ms ?? null;
    const { claim, has_more } = turn;
    // Two more each time: as many as may send at once are soon there.
    if (has_more) for (let n = 0; n < 2; n++) this.wake(line);
    if (claim.is_ours) {
      this.under_way.add(claim.conversation_id);
      return (await this.deliver(claim).finally(() => this.under_way.delete(claim.conversation_id))) ? 0 : null;
    }
    // Another worker was quicker, or it needs no sending any more.
    if (claim.status !== MessageStatus.pending) await this.database.rows('DELETE FROM outbound_sends WHERE message_id = $1', [claim.id]);
    return 0;
  }

  /** Numbers with something due and nobody at it: lost wake-ups, waits that ended, workers that died. */
  async overdue(limit: number): Promise<DueRow[]> {
    return this.database.rows(
      // At random: those that have to wait would stand before the others each time.
      `SELECT organization_id, whatsapp_number_id AS id FROM outbound_sends
        WHERE due_at < now() - interval '1 second' AND claimed_at IS NULL GROUP BY 1, 2 ORDER BY random() LIMIT $1`,
      [limit],
    );
  }

  /** Workers died between the call and their commit. */
  async giveUp(limit: number): Promise<void> {
    const left = await this.database.rows<{ organization_id: string; id: string }>(
      `SELECT organization_id, message_id AS id FROM outbound_sends WHERE claimed_at < now() - make_interval(secs => $2) LIMIT $1`,
      [limit, CLAIM_SECONDS],
    );
    for (const { organization_id, id } of left)
      await this.database.tx(async (tx) => {
        // The message first, as the receipt of statuses does.
        const [message] = await tx.rows<{ uploads: boolean } | undefined>(
          'SELECT media IS NOT NULL AS uploads FROM messages WHERE organization_id = $1 AND id = $2 FOR UPDATE',
          [organization_id, id],
        );
        const [stale] = await tx.rows(
          'SELECT 1 FROM outbound_sends WHERE message_id = $1 AND claimed_at < now() - make_interval(secs => $2) FOR UPDATE',
          [id, CLAIM_SECONDS + (message?.uploads ? UPLOAD_SECONDS : 0)],
        );
        if (stale) await this.settle(tx, organization_id, id, unknown('The process stopped while the provider was answering.'), null);
      });
  }

  /** For everybody who would send: of each number's line as many messages as its limits let through. */
  private async turnsOf(asked: DueRow[]): Promise<(Turn | undefined)[]> {
    const lines = await Promise.all(
      [...Map.groupBy(asked, ({ id }) => id).values()].map(async (asks) => ({
        ...asks[0],
        asks: asks.length,
        ...(await this.limits.take(asks[0], asks.length)),
      })),
    );
    const { waiting, claims } = await this.claim(lines.filter(({ count }) => count > 0));
    const turns = new Map<string, Turn[]>();
    for (const line of lines) {
      const isHere = ({ whatsapp_number_id }: Waiting | Claim): boolean => whatsapp_number_id === line.id;
      const mine = claims.filter(isHere);
      const unused = line.count - mine.filter(({ is_ours }) => is_ours).length;
      if (unused) await this.limits.giveBack(line, unused);
      const pause_ms = waiting.find(isHere)?.pause_ms ?? 0;
      const has_more = waiting.some((row) => isHere(row) && row.may_leave === false);
      const wait_ms = pause_ms > 0 ? Math.ceil(pause_ms) : has_more || !line.count ? line.wait_ms : null;
      turns.set(
        line.id,
        Array.from({ length: line.asks }, (_, n) => ({ claim: mine[n] ?? null, wait_ms, has_more })),
      );
    }
    return asked.map(({ id }) => turns.get(id)?.shift());
  }

  /** What waits in these lines, and of it what may leave, as ours. On one connection: the second statement would wait for one again. */
  private async claim(lines: readonly (DueRow & { count: number })[]): Promise<{ waiting: Waiting[]; claims: Claim[] }> {
    if (!lines.length) return { waiting: [], claims: [] };
    const columns = [lines.map((line) => line.organization_id), lines.map((line) => line.id), lines.map((line) => line.count)];
    return this.database.tx(async (tx) => {
      const waiting = await tx.rows<Waiting>(NEXT, [...columns, ++this.looks % BY_AGE === 0, [...this.under_way]]);
      const wanted = waiting.filter(({ may_leave }) => may_leave).map(({ id }) => id);
      return { waiting, claims: wanted.length ? await tx.rows<Claim>(CLAIM, [wanted]) : [] };
    });
  }

  /** Answers whether more may wait behind it. */
  private async deliver(claim: Claim): Promise<boolean> {
    const { organization_id, id, whatsapp_number_id, attempts } = claim;
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
          if (delay !== null && failure.scope === 'number') await pauseNumber(tx, organization_id, whatsapp_number_id, delay);
        }),
      );
      if (delay !== null) this.wake({ organization_id, id: whatsapp_number_id }, Math.ceil(delay * 1000));
    }
    return true;
  }

  private async call(claim: Claim): Promise<SendAnswer> {
    const actor = Actor.system(claim.organization_id);
    const line = await this.providers.line(actor, claim.whatsapp_number_id);
    const media = claim.media ? { id: await this.media.providerMediaId(actor, claim.whatsapp_number_id, claim.media.id) } : null;
    return line.send(claim, { ...claim, media });
  }

  /** Meta has it. Answers whether more waits in the conversation; what is written after this look wakes us anew. */
  private async accepted(claim: Claim, { provider_id, wa_id }: SendAnswer): Promise<boolean> {
    const sent = await persist(() => this.answers.ask({ organization_id: claim.organization_id, claim, provider_id }));
    this.metrics.counter('whatsapp_messages_total').inc({ direction: 'outgoing', status: 'sent' });
    if (wa_id && wa_id !== claim.wa_id) await learnWaId(this.database, claim.organization_id, claim.contact_id, wa_id);
    return sent?.has_more ?? true;
  }

  private async keepAll(accepted: Accepted[]): Promise<(Sent | undefined)[]> {
    return this.database.tx(async (tx) => {
      const rows = await tx.rows<Sent>(ACCEPTED, [
        accepted.map(({ claim }) => claim.organization_id),
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
      await tx.rows('UPDATE outbound_sends SET claimed_at = NULL, due_at = now() + make_interval(secs => $2) WHERE message_id = $1', [
        message_id,
        delay_seconds,
      ]);
      return;
    }
    const [message] = await tx.rows<Message | undefined>(
      `UPDATE messages SET status = 'failed', failed_at = now(), error_code = $3, error_message = $4, updated_at = now()
        WHERE organization_id = $1 AND id = $2 AND status = 'pending' RETURNING *`,
      [organization_id, message_id, failure.error_code, failure.error_message.slice(0, 2000)],
    );
    await tx.rows('DELETE FROM outbound_sends WHERE message_id = $1', [message_id]);
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

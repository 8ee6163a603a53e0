import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Config } from '#config/config';
import { Database, type Tx } from '#database/database';
import { type DueRow, DueRows, type Wake, inTurn } from '#database/due-rows';
import { prepared } from '#database/sql';
import { atWork } from '#modules/organizations/at-work';
import { Metrics } from '#observability/metrics';
import { CallWebhook, type Outcome } from './call-webhook';
import { type Delivery, DeliveryStatus, type WebhookAttempt } from './webhook-delivery.entity';
import { SEALED_SECRETS, type SealedSecrets, WebhookSecrets } from './webhook-secrets';
import { WebhookHealth } from './webhook-health';
import type { Webhook } from './webhook.entity';

type Claimed = Pick<Delivery, 'id' | 'event_id' | 'event' | 'attempt' | 'attempts'> & { body: string };
type Hook = Pick<Webhook, 'organization_id' | 'id' | 'url' | 'consecutive_failures'> & { is_told: boolean } & SealedSecrets;

/** Contract 20, 9: of one webhook at once; one that failed last is tried by one at a time until it answers. */
const SLOTS = 5;
/** Calls of one process: they wait for others' servers, and so cost nothing. */
const CONCURRENCY = 400;
/** A try that takes longer than it may is of a process that died. */
const LEASE_SECONDS = 60;
/** Of a webhook that is told nothing any more, in one transaction. */
const DROPPED = 1000;
const KEPT_ATTEMPTS = 20;
/** So that what failed together does not come back together. */
const JITTER = 0.1;

const HOOK =
  prepared(`SELECT h.organization_id, h.id, h.url, h.consecutive_failures, h.is_active AND h.deleted_at IS NULL AS is_told, ${SEALED_SECRETS}
   FROM webhooks h LEFT JOIN webhook_secrets s ON s.organization_id = h.organization_id AND s.webhook_id = h.id
  WHERE h.organization_id = $1 AND h.id = $2 AND ${atWork('h.organization_id')} FOR NO KEY UPDATE OF h`);

/** The first that is due, unless as many as may be are under way. The webhook is held: nobody else claims one of it meanwhile. */
const CLAIM = prepared(`WITH claimed AS (
   UPDATE webhook_deliveries SET is_sending = true, attempt = attempt + 1, url = $3, next_retry_at = now() + interval '${LEASE_SECONDS} seconds', updated_at = now()
    WHERE organization_id = $1
      AND id = (SELECT id FROM webhook_deliveries WHERE organization_id = $1 AND webhook_id = $2 AND next_retry_at <= now() ORDER BY next_retry_at LIMIT 1)
      AND (SELECT count(*) FROM webhook_deliveries WHERE organization_id = $1 AND webhook_id = $2 AND is_sending AND next_retry_at > now()) < $4
   RETURNING id, event_id, event, attempt, attempts)
  SELECT c.id, c.event_id, c.event, c.attempt, c.attempts, e.body
    FROM claimed c JOIN webhook_events e ON e.organization_id = $1 AND e.id = c.event_id`);

const NEXT = prepared(`SELECT next_retry_at AS at FROM webhook_deliveries
  WHERE organization_id = $1 AND webhook_id = $2 AND next_retry_at IS NOT NULL ORDER BY next_retry_at LIMIT 1`);

/** One look at an index for each webhook, however many of its deliveries wait. */
const OVERDUE = inTurn(
  'SELECT organization_id FROM webhook_deliveries WHERE next_retry_at IS NOT NULL',
  `SELECT h.id FROM webhooks h WHERE h.organization_id = w.organization_id AND h.deleted_at IS NULL AND ${atWork('w.organization_id')}
      AND EXISTS (SELECT FROM webhook_deliveries d WHERE d.organization_id = h.organization_id AND d.webhook_id = h.id AND d.next_retry_at <= now())
    ORDER BY h.id`,
);

/**
 * Tells webhooks what waits for them. The rows are the queue: whatever becomes of the process, each is delivered, at least once, or has failed. A
 * webhook's deliveries are worked on by its own few runs, so that one that hangs keeps nobody waiting but itself.
 */
@Injectable()
export class DeliverWebhooks implements OnModuleInit {
  readonly wake: Wake;

  constructor(
    private readonly config: Config,
    private readonly database: Database,
    private readonly secrets: WebhookSecrets,
    private readonly receiver: CallWebhook,
    private readonly health: WebhookHealth,
    private readonly metrics: Metrics,
    rows: DueRows,
  ) {
    this.wake = rows.add({
      name: 'webhooks',
      concurrency: CONCURRENCY,
      runs_per_row: SLOTS,
      timeout_seconds: 30,
      sweep_seconds: 5,
      work: (row) => this.work(row),
      overdue: (limit) => this.database.rows(OVERDUE, [limit]),
    });
  }

  onModuleInit(): void {
    this.metrics.gauge('webhook_deliveries_waiting').collectFrom(() => this.waiting());
  }

  /** One try of what is due first; answers in how many milliseconds to look again, null: somebody else is at it, or nothing waits. */
  private async work(row: DueRow): Promise<number | null> {
    const found = await this.database.tx(async (tx) => {
      const [hook] = await tx.rows<Hook | undefined>(HOOK, [row.organization_id, row.id]);
      if (!hook) return null;
      if (!hook.is_told) return (await drop(tx, hook)) < DROPPED ? null : 0;
      const slots = hook.consecutive_failures ? 1 : SLOTS;
      const [claimed] = await tx.rows<Claimed | undefined>(CLAIM, [hook.organization_id, hook.id, hook.url, slots]);
      return claimed ? { hook, claimed } : this.next(tx, hook);
    });
    if (found === null || typeof found === 'number') return found;
    const { hook, claimed } = found;
    const { id: delivery_id, event_id, event, body } = claimed;
    const opened = this.secrets.open(hook, hook);
    const outcome = await this.receiver.call({ url: hook.url, delivery_id, event_id, event, body, opened });
    await this.database.tx((tx) => this.settle(tx, hook, claimed, outcome));
    return 0;
  }

  private async settle(tx: Tx, hook: Hook, claimed: Claimed, outcome: Outcome): Promise<void> {
    const { attempt } = claimed;
    const { error, response_status, response_time_ms, at, retry_after_seconds } = outcome;
    const is_gone = response_status === 410;
    const delay = error === null || is_gone ? null : this.delayAfter(attempt, retry_after_seconds);
    const status = error === null ? DeliveryStatus.success : delay === null ? DeliveryStatus.failed : DeliveryStatus.retrying;
    // The webhook before its delivery, as when it is claimed.
    await this.health.note(tx, hook, { outcome, has_ended: delay === null, is_gone });
    const made: WebhookAttempt = { number: attempt, at: at.toISOString(), response_status, response_time_ms, error };
    await tx.rows(
      `UPDATE webhook_deliveries SET is_sending = false, status = $4, next_retry_at = now() + $5::float8 * interval '1 second', request_headers = $6,
          response_status = $7, response_body = $8, response_time_ms = $9, error = $10, attempts = $11, updated_at = now(),
          delivered_at = coalesce($12, delivered_at)
        WHERE organization_id = $1 AND id = $2 AND attempt = $3 AND is_sending`,
      [
        hook.organization_id,
        claimed.id,
        attempt,
        status,
        delay,
        JSON.stringify(outcome.request_headers),
        response_status,
        outcome.response_body,
        response_time_ms,
        error,
        JSON.stringify([...claimed.attempts, made].slice(-KEPT_ATTEMPTS)),
        error === null ? at : null,
      ],
    );
    const result = status === DeliveryStatus.retrying ? 'retried' : status;
    tx.afterCommit(() => this.metrics.counter('webhook_attempts_total').inc({ result }));
  }

  /** Seconds until the next try; null: there is none. */
  private delayAfter(attempt: number, retry_after_seconds: number | null): number | null {
    const delay = this.config.webhook_retry_delays[attempt - 1];
    if (delay === undefined) return null;
    const jittered = delay * (1 + JITTER * (2 * Math.random() - 1));
    return Math.max(jittered, retry_after_seconds ?? 0);
  }

  private async next(tx: Tx, { organization_id, id }: Hook): Promise<number | null> {
    const [first] = await tx.rows<{ at: Date } | undefined>(NEXT, [organization_id, id]);
    if (!first) return null;
    const ms = first.at.getTime() - Date.now();
    // What is due waits for those under way: they look again.
    return ms > 0 ? ms : null;
  }

  /** Over all organizations: the operator's gauge. Bounded, so that a scrape stays cheap. */
  private async waiting(): Promise<number> {
    const [{ count }] = await this.database.rows<{ count: number }>(
      'SELECT count(*)::int AS count FROM (SELECT organization_id FROM webhook_deliveries WHERE next_retry_at IS NOT NULL LIMIT 100000) d',
    );
    return count;
  }
}

/** What waits for a webhook that is off has failed, and can be repeated once it is on again. Answers how many. */
async function drop(tx: Tx, { organization_id, id }: Hook): Promise<number> {
  const dropped = await tx.rows(
    `UPDATE webhook_deliveries SET status = 'failed', next_retry_at = NULL, error = 'The webhook is off.', updated_at = now()
      WHERE organization_id = $1 AND id IN (SELECT id FROM webhook_deliveries
        WHERE organization_id = $1 AND webhook_id = $2 AND next_retry_at IS NOT NULL AND NOT (is_sending AND next_retry_at > now()) LIMIT ${DROPPED})
     RETURNING id`,
    [organization_id, id],
  );
  if (dropped.length)
    await tx.rows(
      `UPDATE webhooks SET total_deliveries = total_deliveries + $3, failed_deliveries = failed_deliveries + $3 WHERE organization_id = $1 AND id = $2`,
      [organization_id, id, dropped.length],
    );
  return dropped.length;
}

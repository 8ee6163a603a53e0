import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Conflict, Invalid, NotFound } from '#common/errors';
import type { Page } from '#common/page.dto';
import { newId } from '#common/uuid';
import { Config } from '#config/config';
import { Database, type Tx } from '#database/database';
import { narrowPeriod, periodBounds } from '#database/narrow-period';
import { WebhookEvents } from '#events/webhook-events';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { CallWebhook } from './call-webhook';
import { DeliverWebhooks } from './deliver-webhooks';
import { addEvents, testOf } from './webhook-body';
import { Delivery, DeliveryStatus } from './webhook-delivery.entity';
import { WebhookSecrets } from './webhook-secrets';
import type {
  DeliveryQuery,
  DeliveryView,
  WebhookReplay,
  WebhookReplayResult,
  WebhookRetry,
  WebhookTest,
  WebhookTestResult,
} from './webhook.dto';
import { Webhook, nameOf } from './webhook.entity';

/** Repeated at once. */
const REPLAY_MAX = 10_000;

/** SQL: a repeated delivery leaves now, with what it said and its id; it may be tried once more than it was, at least. */
const AGAIN = `status = 'retrying', next_retry_at = now(), max_attempts = greatest(max_attempts, attempt + 1), error = NULL, updated_at = now()`;

/** What webhooks were told, and telling it again. */
@Injectable()
export class WebhookLog {
  constructor(
    private readonly config: Config,
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
    private readonly catalogue: WebhookEvents,
    private readonly secrets: WebhookSecrets,
    private readonly receiver: CallWebhook,
    private readonly deliveries: DeliverWebhooks,
  ) {}

  /** Newest first. @throws {NotFound} */
  async page(actor: Actor, webhook_id: string, query: DeliveryQuery): Promise<Page<DeliveryView>> {
    await this.database.repository(Webhook).get(actor, webhook_id);
    const { event, event_id, status, from, to } = query;
    const period = await this.organizations.period(actor, from, to);
    const page = await this.database.repository(Delivery).page(actor, query, {
      sort: ['created_at', 'updated_at', 'event', 'status', 'attempt'],
      filter: { webhook_id, event, event_id, status },
      refine: (rows) => narrowPeriod(rows, 'row.created_at', period),
    });
    return { ...page, items: await this.presentAll(actor, page.items) };
  }

  /**
   * One attempt, now and here, with an example of the event; also where the webhook is off. It counts in no figure of the webhook's.
   * @throws {NotFound} @throws {Invalid} An unknown event.
   */
  async test(actor: Actor, id: string, { event: asked }: WebhookTest): Promise<WebhookTestResult> {
    const event = asked ?? 'webhook.test';
    if (!this.catalogue.has(event)) throw Invalid.field('event', `There is no event ${event}: see GET /webhooks/events`, undefined, 'enum');
    const { organization_id } = actor;
    const webhook = await this.database.repository(Webhook).get(actor, id);
    const opened = await this.secrets.read(this.database, webhook);
    const written = testOf(this.catalogue, event, organization_id);
    const [delivery_id, { url }] = [newId(), webhook];
    const outcome = await this.receiver.call({ url, delivery_id, event_id: written.id, event, body: written.body, opened });
    const { at, request_headers, response_status, response_body, response_time_ms, error } = outcome;
    await this.database.tx(async (tx) => {
      const webhooks = this.database.repository(Webhook, tx);
      await webhooks.lock(actor, id);
      await addEvents(tx, organization_id, [written]);
      await this.database.repository(Delivery, tx).insert(actor, {
        id: delivery_id,
        webhook_id: id,
        event_id: written.id,
        event,
        status: error === null ? DeliveryStatus.success : DeliveryStatus.failed,
        is_test: true,
        attempt: 1,
        max_attempts: 1,
        url,
        request_headers,
        response_status,
        response_body,
        response_time_ms,
        error,
        attempts: [{ number: 1, at: at.toISOString(), response_status, response_time_ms, error }],
        delivered_at: error === null ? at : null,
      });
      tx.audit(actor, 'webhook.tested', {
        resource: nameOf(webhook),
        metadata: { event, success: error === null, status_code: response_status },
      });
    });
    return { success: error === null, status_code: response_status, response_time_ms, response_body, error, event_id: written.id };
  }

  /** One event, or the range, as the body asks. */
  retry(actor: Actor, id: string, { event_id, ...range }: WebhookRetry): Promise<DeliveryView | WebhookReplayResult> {
    if (event_id) return this.retryOne(actor, id, event_id);
    if (!Object.values(range).some((value) => value !== undefined && value !== null))
      throw Invalid.field('event_id', 'Give event_id, or a range: from, to, status', undefined, 'missing');
    return this.replay(actor, id, range);
  }

  /**
   * Sends what was said again, as a new attempt.
   * @throws {NotFound} The webhook was never told of it. @throws {Conflict} webhook_inactive, delivery_in_flight.
   */
  async retryOne(actor: Actor, id: string, event_id: string): Promise<DeliveryView> {
    const { organization_id } = actor;
    return this.database.tx(async (tx) => {
      const webhook = await this.active(tx, actor, id);
      const deliveries = this.database.repository(Delivery, tx);
      const [found] = await tx.rows<{ id: string; in_flight: boolean } | undefined>(
        `SELECT id, coalesce(next_retry_at <= now() OR is_sending, false) AS in_flight FROM webhook_deliveries
          WHERE organization_id = $1 AND event_id = $2 AND webhook_id = $3`,
        [organization_id, event_id, id],
      );
      if (!found) throw new NotFound('Event');
      if (found.in_flight) throw new Conflict('delivery_in_flight', 'The event is being delivered at this moment.');
      await tx.rows(`UPDATE webhook_deliveries SET ${AGAIN} WHERE organization_id = $1 AND id = $2`, [organization_id, found.id]);
      tx.audit(actor, 'webhook.retried', { resource: nameOf(webhook), metadata: { event_id } });
      tx.afterCommit(() => this.deliveries.wake({ organization_id, id }));
      const [view] = await this.presentAll(actor, [await deliveries.get(actor, found.id)], tx);
      return view;
    });
  }

  /** Sends what has ended in a range again, the oldest first, so many at once. @throws {NotFound} @throws {Conflict} webhook_inactive. */
  async replay(actor: Actor, id: string, { from, to, status }: WebhookReplay): Promise<WebhookReplayResult> {
    const { organization_id } = actor;
    // In a body null is absent.
    const { start, end } = await periodBounds(this.database, await this.organizations.period(actor, from ?? undefined, to ?? undefined));
    return this.database.tx(async (tx) => {
      const webhook = await this.active(tx, actor, id);
      const room = await this.roomFor(tx, webhook);
      const found = await tx.rows<{ id: string; created_at: Date }>(
        `SELECT id, created_at FROM webhook_deliveries
          WHERE organization_id = $1 AND webhook_id = $2 AND next_retry_at IS NULL AND NOT is_test
            AND created_at >= coalesce($3, '-infinity'::timestamptz) AND created_at <= coalesce($4, 'infinity'::timestamptz)
            AND status = ANY($5)
          ORDER BY created_at, id LIMIT ${room + 1}`,
        [organization_id, id, start ?? null, end ?? null, status ? [status] : [DeliveryStatus.success, DeliveryStatus.failed]],
      );
      const these = found.slice(0, room);
      await tx.rows(`UPDATE webhook_deliveries SET ${AGAIN} WHERE organization_id = $1 AND id = ANY($2)`, [
        organization_id,
        these.map((delivery) => delivery.id),
      ]);
      tx.audit(actor, 'webhook.retried', { resource: nameOf(webhook), metadata: { from, to, status, queued: these.length } });
      tx.afterCommit(() => this.deliveries.wake({ organization_id, id }));
      return { queued: these.length, has_more: found.length > room, last_created_at: these.at(-1)?.created_at ?? null };
    });
  }

  /** How many may be repeated now: with more than may wait it would be switched off. */
  private async roomFor(tx: Tx, { organization_id, id }: Webhook): Promise<number> {
    const [{ waiting }] = await tx.rows<{ waiting: number }>(
      `SELECT count(*)::int AS waiting FROM (SELECT FROM webhook_deliveries
         WHERE organization_id = $1 AND webhook_id = $2 AND next_retry_at IS NOT NULL LIMIT $3) w`,
      [organization_id, id, this.config.webhook_pending_max],
    );
    return Math.min(REPLAY_MAX, this.config.webhook_pending_max - waiting);
  }

  /** Held, so that nothing of it is claimed meanwhile. */
  private async active(tx: Tx, actor: Actor, id: string): Promise<Webhook> {
    const webhook = await this.database.repository(Webhook, tx).lock(actor, id);
    if (!webhook.is_active) throw new Conflict('webhook_inactive', 'The webhook is switched off: switch it on first.');
    return webhook;
  }

  private async presentAll(actor: Actor, deliveries: readonly Delivery[], tx?: Tx): Promise<DeliveryView[]> {
    const bodies = await (tx ?? this.database).rows<{ id: string; body: string }>(
      'SELECT id, body FROM webhook_events WHERE organization_id = $1 AND id = ANY($2)',
      [actor.organization_id, deliveries.map(({ event_id }) => event_id)],
    );
    const byId = new Map(bodies.map(({ id, body }) => [id, body]));
    return deliveries.map(({ is_sending: _, ...shown }) => ({ ...shown, request_body: byId.get(shown.event_id) ?? '' }) as DeliveryView);
  }
}

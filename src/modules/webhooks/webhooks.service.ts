import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { changesOf } from '#common/changes';
import { EgressClient } from '#common/egress';
import { Conflict, Invalid } from '#common/errors';
import { withoutNulls } from '#common/given';
import { MASK } from '#common/mask';
import type { Page, PageQuery } from '#common/page.dto';
import { pageOfList } from '#common/page-of-list';
import { Config } from '#config/config';
import { Database, type Tx } from '#database/database';
import type { TenantRepository } from '#database/tenant-repository';
import { WebhookEvents } from '#events/webhook-events';
import { WhatsAppNumber } from '#modules/whatsapp/numbers/whatsapp-number.entity';
import { DeliverWebhooks } from './deliver-webhooks';
import { Listening } from './listening';
import { isSecret, newSecret } from './sign';
import { RemoveWebhooks } from './remove-webhooks';
import { exampleOf, wordsFor } from './webhook-body';
import { WebhookSecrets, masked } from './webhook-secrets';
import type { WebhookCreate, WebhookEventInfo, WebhookQuery, WebhookUpdate, WebhookWithSecret } from './webhook.dto';
import { Webhook, nameOf } from './webhook.entity';
import { HEALTHY } from './webhook-health';

/** Contract 20, 9. */
const MAX = 20;
/** Advisory lock class: an organization's webhooks are made one after the other. */
const MAKING = 0x7079_7768;

/** An organization's own endpoints. */
@Injectable()
export class WebhooksService {
  constructor(
    private readonly database: Database,
    private readonly config: Config,
    private readonly catalogue: WebhookEvents,
    private readonly secrets: WebhookSecrets,
    private readonly listening: Listening,
    private readonly removal: RemoveWebhooks,
    private readonly deliveries: DeliverWebhooks,
    private readonly egress: EgressClient,
  ) {}

  async page(actor: Actor, query: WebhookQuery): Promise<Page<Webhook>> {
    const { is_active, event } = query;
    const page = await this.webhooks().page(actor, query, {
      search: ['name', 'description', 'url'],
      sort: ['created_at', 'updated_at', 'name', 'url', 'is_active', 'last_delivery_at', 'last_success_at', 'consecutive_failures'],
      filter: { is_active },
      refine: (rows) => event && rows.andWhere('row.events && :heard::text[]', { heard: wordsFor(event) }),
    });
    return { ...page, items: page.items.map(present) };
  }

  /** What may be listened to. */
  events(query: PageQuery): Page<WebhookEventInfo> {
    const events = this.catalogue.all().map(({ name, text }) => ({ name, description: text, sample: exampleOf(this.catalogue, name) }));
    return pageOfList(events, query, { search: ['name', 'description'], sort: ['name'] });
  }

  async get(actor: Actor, id: string): Promise<Webhook> {
    return present(await this.webhooks().get(actor, id));
  }

  /**
   * The answer is the only place where the secret ever stands.
   * @throws {Conflict} limit_reached. @throws {Invalid} Unknown events, url_not_allowed. @throws {NotFound} The number.
   */
  async create(actor: Actor, input: WebhookCreate): Promise<WebhookWithSecret> {
    const { secret = newSecret(), headers, ...values } = nothingNull(input);
    const { url, events } = values;
    this.assertEvents(events);
    assertSecret(secret);
    await this.egress.checkUrl(url, 'url', this.config.production);
    return this.database.tx(async (tx) => {
      await tx.rows('SELECT pg_advisory_xact_lock($1, hashtext($2))', [MAKING, actor.organization_id]);
      const [{ count }] = await tx.rows<{ count: number }>(
        'SELECT count(*)::int AS count FROM webhooks WHERE organization_id = $1 AND deleted_at IS NULL AND NOT is_of_number',
        [actor.organization_id],
      );
      if (count >= MAX) throw new Conflict('limit_reached', `An organization may have ${MAX} webhooks.`);
      await this.assertNumber(tx, actor, values.whatsapp_number_id);
      const webhook = await this.webhooks(tx).insert(actor, {
        ...values,
        events: [...new Set(events)],
        headers: masked(headers ?? null),
        secret_hint: hintOf(secret),
        created_by: actor.user_id,
      });
      await this.secrets.add(tx, webhook, secret, headers ?? null);
      if (webhook.is_active) this.listening.begin(tx, webhook.organization_id);
      tx.audit(actor, 'webhook.created', {
        resource: nameOf(webhook),
        after: { ...webhook, secret: MASK, ...(headers && { header_values: MASK }) },
        metadata: { url, events: webhook.events },
      });
      return { ...present(webhook), secret };
    });
  }

  /** @throws {Conflict} webhook_of_number: what the number says of it. @throws {Invalid} @throws {NotFound} As `create`. */
  async update(actor: Actor, id: string, input: WebhookUpdate): Promise<Webhook> {
    const { secret, headers, ...values } = input;
    if (values.events) this.assertEvents(values.events);
    if (secret !== undefined) assertSecret(secret);
    if (values.url !== undefined) await this.egress.checkUrl(values.url, 'url', this.config.production);
    return this.database.tx(async (tx) => {
      const before = await this.webhooks(tx).lock(actor, id);
      const changes: Partial<Webhook> = changesOf(before, { ...values, ...(values.events && { events: [...new Set(values.events)] }) });
      const of_number = ['url', 'events', 'whatsapp_number_id'].filter((field) => field in changes);
      if (before.is_of_number && (of_number.length > 0 || secret !== undefined)) throw ofNumber();
      await this.assertNumber(tx, actor, changes.whatsapp_number_id);
      if (secret !== undefined && (await this.secrets.rotate(tx, before, secret))) changes.secret_hint = hintOf(secret);
      if (headers !== undefined) changes.headers = masked(await this.secrets.setHeaders(tx, before, headers));
      if (changes.is_active || changes.url !== undefined) Object.assign(changes, HEALTHY);
      const webhook = await this.webhooks(tx).patch(actor, id, changes);
      tx.audit(actor, 'webhook.updated', {
        resource: nameOf(webhook),
        before: { ...before, secret: null, header_values: null },
        after: { ...changes, ...(changes.secret_hint !== undefined && { secret: MASK }), ...(headers && { header_values: MASK }) },
      });
      const { organization_id } = webhook;
      if (webhook.is_active) this.listening.begin(tx, organization_id);
      // What waits for it is given up at once.
      else tx.afterCommit(() => this.deliveries.wake({ organization_id, id }));
      return present(webhook);
    });
  }

  /** It is told nothing any more; its secrets are destroyed, its log goes. @throws {Conflict} webhook_of_number. */
  async remove(actor: Actor, id: string): Promise<void> {
    await this.database.tx(async (tx) => {
      const webhook = await this.webhooks(tx).lock(actor, id);
      if (webhook.is_of_number) throw ofNumber();
      await this.removal.remove(tx, actor, webhook);
      tx.audit(actor, 'webhook.deleted', { resource: nameOf(webhook), before: webhook });
    });
  }

  /** @throws {Invalid} Naming the first that is unknown. */
  private assertEvents(events: readonly string[]): void {
    for (const [n, name] of events.entries())
      if (!this.catalogue.all().some((event) => wordsFor(event.name).includes(name)))
        throw new Invalid([{ loc: ['body', 'events', n], msg: `There is no event ${name}: see GET /webhooks/events`, type: 'enum' }]);
  }

  /** @throws {NotFound} */
  private async assertNumber(tx: Tx, actor: Actor, id: string | null | undefined): Promise<void> {
    if (id) await this.database.repository(WhatsAppNumber, tx).get(actor, id);
  }

  private webhooks(tx?: Tx): TenantRepository<Webhook> {
    return this.database.repository(Webhook, tx);
  }
}

/** On create null is absent. */
const nothingNull = (input: WebhookCreate): WebhookCreate => withoutNulls(input) as unknown as WebhookCreate;

function assertSecret(secret: string): void {
  if (!isSecret(secret)) throw Invalid.field('secret', 'What begins with whsec_ goes on in base64.');
}

/** Its end says which one it is. */
const hintOf = (secret: string): string => secret.slice(-4);

const ofNumber = (): Conflict =>
  new Conflict('webhook_of_number', 'This webhook is the webhook_url of a WhatsApp number: change it there.');

/** A row as the API shows it. */
function present(row: Webhook): Webhook {
  const { deleted_at: _, failing_since: __, ...shown } = row;
  return shown as Webhook;
}

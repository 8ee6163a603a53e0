import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Conflict, ProviderError } from '#common/errors';
import type { JsonObject } from '#common/json.scalar';
import { Database, type Tx } from '#database/database';
import { GraphClient, GraphError, type GraphTarget } from '../meta/graph-client';
import { type Json, asId, asList, asObject, asWords, isObject } from '../meta/wire';
import { GraphTargets } from '../numbers/graph-targets';
import { ConnectionType, WhatsAppNumber } from '../numbers/whatsapp-number.entity';
import { Template } from './template.entity';
import type { TemplateSync } from './template.dto';
import './templates.events';

/** What Meta decides of a template. */
type FromMeta = Pick<
  Template,
  'meta_template_id' | 'name' | 'language' | 'category' | 'status' | 'rejected_reason' | 'quality_score' | 'parameter_format' | 'components'
>;

const LOCAL = new Set(['DRAFT', 'DELETED']);
/** Longer than reading an account of thousands of templates takes. */
const LEASE_SECONDS = 120;

/** Brings the templates of a number's account here. Meta is read to its last page first; only then is anything written. */
@Injectable()
export class SyncTemplates {
  constructor(
    private readonly database: Database,
    private readonly targets: GraphTargets,
    private readonly graph: GraphClient,
  ) {}

  /**
   * @throws {Conflict} not_supported_for_connection_type, number_not_configured, sync_in_progress.
   * @throws {ProviderError} provider_unavailable; nothing has changed then.
   */
  async sync(actor: Actor, whatsapp_number_id: string, force = false): Promise<TemplateSync> {
    const number = await this.database.repository(WhatsAppNumber).get(actor, whatsapp_number_id);
    if (number.connection_type !== ConnectionType.official)
      throw new Conflict('not_supported_for_connection_type', 'Templates exist on official numbers only.');
    const target = await this.targets.find(actor, whatsapp_number_id);
    const waba_id = number.whatsapp_business_account_id;
    if (!target || !waba_id)
      throw new Conflict(
        'number_not_configured',
        'The number needs access_token, phone_number_id and whatsapp_business_account_id to read templates.',
      );
    return this.alone(actor, whatsapp_number_id, async () => {
      const items = await this.read(target, waba_id);
      return this.database.tx((tx) => this.write(tx, actor, whatsapp_number_id, items, force));
    });
  }

  /** One sync of a number at a time in the cluster; no connection is held while Meta is asked. A process that dies lets go after the lease. */
  private async alone<T>(actor: Actor, whatsapp_number_id: string, work: () => Promise<T>): Promise<T> {
    const lease = (until: string, condition = ''): Promise<unknown[]> =>
      this.database.rows(
        `UPDATE whatsapp_numbers SET templates_sync_until = ${until} WHERE organization_id = $1 AND id = $2 ${condition} RETURNING 1`,
        [actor.organization_id, whatsapp_number_id],
      );
    const [mine] = await lease(
      `now() + interval '${LEASE_SECONDS} seconds'`,
      'AND (templates_sync_until IS NULL OR templates_sync_until < now())',
    );
    if (!mine) throw new Conflict('sync_in_progress', 'The templates of this number are being synced already.');
    try {
      return await work();
    } finally {
      await lease('NULL');
    }
  }

  private async read(target: GraphTarget, waba_id: string): Promise<Json[]> {
    try {
      const items: Json[] = [];
      for await (const item of this.graph.allTemplates(target, waba_id)) items.push(item);
      return items;
    } catch (error) {
      if (!(error instanceof GraphError)) throw error;
      throw new ProviderError(`Meta did not hand out the templates: ${error.message}`, undefined, { cause: error });
    }
  }

  private async write(tx: Tx, actor: Actor, whatsapp_number_id: string, items: readonly Json[], force: boolean): Promise<TemplateSync> {
    const templates = this.database.repository(Template, tx);
    const stored = await templates
      .query(actor, 't')
      .withDeleted()
      .andWhere('t.whatsapp_number_id = :whatsapp_number_id', { whatsapp_number_id })
      .getMany();
    // A row in use before one deleted here.
    stored.sort((a, b) => Number(a.deleted_at !== null) - Number(b.deleted_at !== null));
    const known = new Map<string, Template>();
    for (const row of stored) if (!known.has(keyOf(row))) known.set(keyOf(row), row);

    const result: TemplateSync = { synced: 0, created: 0, updated: 0, deleted: 0, errors: [] };
    const seen = new Set<string>();
    const last_synced_at = new Date();
    for (const item of items) {
      const read = readTemplate(item);
      if (typeof read === 'string') {
        // Unreadable is not gone.
        seen.add(`${asWords(item.name, 512)} ${asWords(item.language)?.replaceAll('-', '_')}`);
        result.errors.push(read);
        continue;
      }
      const key = keyOf(read);
      if (seen.has(key)) continue;
      seen.add(key);
      const before = known.get(key);
      if (!before || before.deleted_at) {
        // Deleted here on purpose.
        if (before && !force) continue;
        await templates.insert(actor, { ...read, whatsapp_number_id, last_synced_at });
        result.created++;
        continue;
      }
      const differs = !sameAs(before, read);
      // The switch was thrown by the sync that missed it at Meta.
      const back = before.status === 'DELETED' && read.status !== 'DELETED';
      const template = await templates.patch(actor, before.id, { ...(differs && read), ...(back && { is_enabled: true }), last_synced_at });
      if (!differs) continue;
      result.updated++;
      this.tell(tx, template, before.status);
    }
    for (const row of known.values()) {
      if (row.deleted_at || seen.has(keyOf(row)) || LOCAL.has(row.status)) continue;
      const template = await templates.patch(actor, row.id, { status: 'DELETED', is_enabled: false, last_synced_at });
      result.deleted++;
      this.tell(tx, template, row.status);
    }
    result.synced = result.created + result.updated;
    return result;
  }

  private tell(tx: Tx, template: Template, previous_status: string): void {
    const { organization_id } = template;
    if (template.status !== previous_status) tx.tell('template.status_updated', { organization_id, template, previous_status });
  }
}

const keyOf = ({ name, language }: Pick<Template, 'name' | 'language'>): string => `${name} ${language}`;

/** Meta's template as a row; a text says what is wrong with it. */
function readTemplate(item: Json): FromMeta | string {
  const name = asWords(item.name, 512);
  // Webhooks write en-US, answers en_US.
  const language = asWords(item.language, 20)?.replaceAll('-', '_');
  const category = asWords(item.category, 30)?.toUpperCase();
  const status = asWords(item.status, 30)?.toUpperCase();
  const missing = Object.entries({ name, language, category, status })
    .filter(([, value]) => !value)
    .map(([field]) => field);
  if (!name || !language || !category || !status)
    return `${name ?? asId(item.id) ?? 'a template'}: ${missing.join(', ')} missing or too long`;
  if (!Array.isArray(item.components)) return `${name} (${language}): components missing`;
  const reason = asWords(item.rejected_reason, 500);
  return {
    meta_template_id: asId(item.id),
    name,
    language,
    category,
    status,
    rejected_reason: reason === 'NONE' ? null : reason,
    quality_score: asWords(asObject(item.quality_score)?.score ?? item.quality_score, 20),
    parameter_format: asWords(item.parameter_format)?.toUpperCase() === 'NAMED' ? 'named' : 'positional',
    components: asList(item.components).filter(isObject) as JsonObject[],
  };
}

const sameAs = (row: Template, read: FromMeta): boolean =>
  (Object.keys(read) as (keyof FromMeta)[]).every((field) => canonical(row[field]) === canonical(read[field]));

/** PostgreSQL's jsonb keeps no order of keys. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );

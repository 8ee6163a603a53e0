import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Conflict, ProviderError } from '#common/errors';
import { Database, type Tx } from '#database/database';
import { WhatsAppNumber } from '../numbers/whatsapp-number.entity';
import { CAPABILITIES, type FoundTemplate, type ProviderTemplate } from '../provider';
import { ProviderFailure } from '../provider-failure';
import { Providers } from '../providers';
import { isObject } from '../wire';
import { Template } from './template.entity';
import type { TemplateSync } from './template.dto';

const LOCAL = new Set(['DRAFT', 'DELETED']);
/** Longer than reading an account of thousands of templates takes. */
const LEASE_SECONDS = 120;

/** Brings the templates of a number's account here. Meta is read to its last page first; only then is anything written. */
@Injectable()
export class SyncTemplates {
  constructor(
    private readonly database: Database,
    private readonly providers: Providers,
  ) {}

  /**
   * @throws {Conflict} not_supported_for_connection_type, number_not_configured, sync_in_progress.
   * @throws {ProviderError} provider_unavailable; nothing has changed then.
   */
  async sync(actor: Actor, whatsapp_number_id: string, force = false): Promise<TemplateSync> {
    const number = await this.database.repository(WhatsAppNumber).get(actor, whatsapp_number_id);
    if (!CAPABILITIES[number.connection_type].has_templates)
      throw new Conflict('not_supported_for_connection_type', 'Templates exist on official numbers only.');
    const readTemplates = (await this.providers.findLine(actor, whatsapp_number_id))?.readTemplates;
    if (!readTemplates)
      throw new Conflict(
        'number_not_configured',
        'The number needs access_token, phone_number_id and whatsapp_business_account_id to read templates.',
      );
    return this.alone(actor, whatsapp_number_id, async () => {
      const items = await readAll(readTemplates);
      return this.database.tx(async (tx) => {
        const result = await this.write(tx, actor, whatsapp_number_id, items, force);
        const { errors, ...counts } = result;
        tx.audit(actor, 'template.synced', {
          resource_type: 'whatsapp_number',
          resource: { id: number.id, name: number.display_name },
          metadata: { ...counts, errors: errors.length },
        });
        return result;
      });
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

  private async write(
    tx: Tx,
    actor: Actor,
    whatsapp_number_id: string,
    items: readonly FoundTemplate[],
    force: boolean,
  ): Promise<TemplateSync> {
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
    for (const read of items) {
      const key = keyOf(read);
      if ('error' in read) {
        // Unreadable is not gone.
        seen.add(key);
        result.errors.push(read.error);
        continue;
      }
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

/** @throws {ProviderError} provider_unavailable. */
async function readAll(readTemplates: () => Promise<FoundTemplate[]>): Promise<FoundTemplate[]> {
  try {
    return await readTemplates();
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    throw new ProviderError(`Meta did not hand out the templates: ${error.message}`, undefined, { cause: error });
  }
}

const keyOf = ({ name, language }: { name: string | null; language: string | null }): string => `${name} ${language}`;

const sameAs = (row: Template, read: ProviderTemplate): boolean =>
  (Object.keys(read) as (keyof ProviderTemplate)[]).every((field) => canonical(row[field]) === canonical(read[field]));

/** PostgreSQL's jsonb keeps no order of keys. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );

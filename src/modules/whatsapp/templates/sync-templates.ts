import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { breather } from '#common/breath';
import { Conflict, ProviderError } from '#common/errors';
import { newId } from '#common/uuid';
import { Database, type Tx } from '#database/database';
import type { FoundTemplate, ProviderTemplate, TemplateAccount } from '../provider';
import { ProviderFailure } from '../provider-failure';
import { isObject } from '../wire';
import { AccountOfNumber } from './account-of-number';
import { stampOf, tellChanges } from './tell-template';
import { Template } from './template.entity';
import type { TemplateSync } from './template.dto';

const LOCAL = new Set(['DRAFT', 'DELETED']);
/** Longer than reading an account of thousands of templates takes. */
const LEASE_SECONDS = 120;
const INSERTED_AT_ONCE = 200;
/** Rows are stamped by the millisecond. */
const STAMP_MS = 1;

/** What was read of an account. */
interface Reading {
  items: readonly FoundTemplate[];
  /** What the account has beside these it has no more. */
  is_whole: boolean;
  /** When it began: what changed here since is newer. */
  since: Date;
  /** Also what was deleted here. */
  force: boolean;
}

/** Brings the templates of a number's account here. Meta is read to its last page first; only then is anything written. */
@Injectable()
export class SyncTemplates {
  constructor(
    private readonly database: Database,
    private readonly accounts: AccountOfNumber,
  ) {}

  /**
   * @throws {Conflict} not_supported_for_connection_type, number_not_configured, sync_in_progress.
   * @throws {ProviderError} provider_unavailable; nothing has changed then.
   */
  async sync(actor: Actor, whatsapp_number_id: string, force = false): Promise<TemplateSync> {
    const number = await this.accounts.number(actor, whatsapp_number_id);
    return this.alone(actor, whatsapp_number_id, async (since) => {
      const items = await this.read(actor, whatsapp_number_id, (account) => account.readAll());
      return this.database.tx(async (tx) => {
        const result = await this.write(tx, actor, whatsapp_number_id, { items, is_whole: true, since, force });
        const { errors, ...counts } = result;
        // The clock's own are no act of anybody, unless they changed something.
        if (!actor.isSystem || result.synced || result.deleted)
          tx.audit(actor, 'template.synced', {
            resource_type: 'whatsapp_number',
            resource: { id: number.id, name: number.display_name },
            metadata: { ...counts, errors: errors.length },
          });
        return result;
      });
    });
  }

  /** Reads one template again. @throws {Conflict} @throws {ProviderError} As `sync`. */
  async one(actor: Actor, whatsapp_number_id: string, meta_template_id: string): Promise<void> {
    const [{ since }] = await this.database.rows<{ since: Date }>('SELECT now() AS since');
    const items = [await this.read(actor, whatsapp_number_id, (account) => account.read(meta_template_id))];
    await this.database.tx((tx) => this.write(tx, actor, whatsapp_number_id, { items, is_whole: false, since, force: false }));
  }

  /** One sync of a number at a time in the cluster; no connection is held while Meta is asked. A process that dies lets go after the lease. */
  private async alone<T>(actor: Actor, whatsapp_number_id: string, work: (since: Date) => Promise<T>): Promise<T> {
    const lease = (until: string, condition: string, values: unknown[] = []): Promise<{ since: Date; until: string }[]> =>
      this.database.rows(
        `UPDATE whatsapp_numbers SET templates_sync_until = ${until} WHERE organization_id = $1 AND id = $2 AND ${condition}
         RETURNING now() AS since, templates_sync_until::text AS until`,
        [actor.organization_id, whatsapp_number_id, ...values],
      );
    const [mine] = await lease(
      `now() + interval '${LEASE_SECONDS} seconds'`,
      '(templates_sync_until IS NULL OR templates_sync_until < now())',
    );
    if (!mine) throw new Conflict('sync_in_progress', 'The templates of this number are being synced already.');
    try {
      return await work(mine.since);
    } finally {
      // Unless it took so long that the lease is another's.
      await lease('NULL', 'templates_sync_until = $3::timestamptz', [mine.until]);
    }
  }

  /** @throws {Conflict} number_not_configured. @throws {ProviderError} provider_unavailable. */
  private async read<T>(actor: Actor, whatsapp_number_id: string, question: (account: TemplateAccount) => Promise<T>): Promise<T> {
    try {
      return await this.accounts.ask(actor, whatsapp_number_id, question);
    } catch (error) {
      if (!(error instanceof ProviderFailure)) throw error;
      throw new ProviderError(`Meta did not hand out the templates: ${error.message}`, undefined, { cause: error });
    }
  }

  private async write(tx: Tx, actor: Actor, whatsapp_number_id: string, reading: Reading): Promise<TemplateSync> {
    const { items, is_whole, since, force } = reading;
    const breathe = breather();
    const known = await this.known(tx, actor, whatsapp_number_id);
    const result: TemplateSync = { synced: 0, created: 0, updated: 0, deleted: 0, errors: [] };
    const seen = new Set<string>();
    const fresh: (Pick<Template, 'id' | 'organization_id'> & Partial<Template>)[] = [];
    const last_synced_at = new Date();
    for (const read of items) {
      await breathe();
      const key = keyOf(read);
      // Unreadable is not gone.
      if ('error' in read) result.errors.push(read.error);
      if ('error' in read || seen.has(key)) {
        seen.add(key);
        continue;
      }
      seen.add(key);
      const row = known.get(key);
      const { organization_id } = actor;
      const values = { ...read, is_system_template: isSystem(read) };
      if (!row || row.deleted_at) {
        if (force || !isTombstoneOf(row, read)) fresh.push({ id: newId(), organization_id, ...values, whatsapp_number_id, last_synced_at });
      } else if (!isNewer(row, since)) {
        if (await this.refresh(tx, actor, row, values, last_synced_at)) result.updated++;
      }
    }
    for (let from = 0; from < fresh.length; from += INSERTED_AT_ONCE) {
      await breathe();
      result.created += (await this.insertAll(tx, fresh.slice(from, from + INSERTED_AT_ONCE))).length;
    }
    await tx.rows(
      `UPDATE whatsapp_templates SET last_synced_at = $3
        WHERE organization_id = $1 AND whatsapp_number_id = $2 AND deleted_at IS NULL AND name || ' ' || language = ANY($4)`,
      [actor.organization_id, whatsapp_number_id, last_synced_at, [...seen]],
    );
    if (is_whole)
      for (const row of known.values()) {
        if (row.deleted_at || seen.has(keyOf(row)) || LOCAL.has(row.status) || isNewer(row, since)) continue;
        await this.refresh(tx, actor, row, { status: 'DELETED', is_enabled: false }, last_synced_at);
        result.deleted++;
      }
    result.synced = result.created + result.updated;
    return result;
  }

  /** The rows of the number by name and language, locked; one in use before one that was deleted here, the last of these. */
  private async known(tx: Tx, actor: Actor, whatsapp_number_id: string): Promise<Map<string, Template>> {
    const rows = await this.database
      .repository(Template, tx)
      .query(actor, 't')
      .withDeleted()
      .andWhere('t.whatsapp_number_id = :whatsapp_number_id', { whatsapp_number_id })
      .orderBy('t.id')
      .setLock('for_no_key_update')
      .getMany();
    const known = new Map<string, Template>();
    for (const row of rows) if (known.get(keyOf(row))?.deleted_at !== null) known.set(keyOf(row), row);
    return known;
  }

  /** What Meta has of a row, as far as it is something else. Answers whether it is. */
  private async refresh(tx: Tx, actor: Actor, row: Template, values: Partial<Template>, at: Date): Promise<boolean> {
    if (isSame(row, values)) return false;
    const { status = row.status } = values;
    // The switch was thrown by the sync that missed it at Meta.
    const is_back = row.status === 'DELETED' && status !== 'DELETED';
    const template = await this.database.repository(Template, tx).patch(actor, row.id, {
      ...values,
      ...(status !== row.status && stampOf(status, at)),
      ...(is_back && { is_enabled: true }),
      ...(row.status === 'DRAFT' && { submission_error: null }),
      last_synced_at: at,
    });
    tellChanges(tx, row, template);
    return true;
  }

  /** One that was made here at this moment stays. */
  private insertAll(tx: Tx, rows: (Pick<Template, 'id' | 'organization_id'> & Partial<Template>)[]): Promise<unknown[]> {
    return this.database.repository(Template, tx).insertAll(rows, 'ON CONFLICT DO NOTHING RETURNING id');
  }
}

const keyOf = ({ name, language }: { name: string | null; language: string | null }): string => `${name} ${language}`;

/** Meta, "Sample templates": every account has these, and cannot change them. */
const isSystem = ({ name }: ProviderTemplate): boolean => name === 'hello_world' || name.startsWith('sample_');

/** Deleted here on purpose; one that came to Meta later only has its name. */
const isTombstoneOf = (row: Template | undefined, read: ProviderTemplate): boolean =>
  row !== undefined && (row.meta_template_id === null || row.meta_template_id === read.meta_template_id);

/** Changed here while Meta was read, or just being submitted. */
const isNewer = ({ updated_at, busy_until }: Template, since: Date): boolean =>
  updated_at.getTime() > since.getTime() + STAMP_MS || (busy_until !== null && busy_until > since);

const isSame = (row: Template, values: Partial<Template>): boolean =>
  (Object.keys(values) as (keyof Template)[]).every((field) => canonical(row[field]) === canonical(values[field]));

/** PostgreSQL's jsonb keeps no order of keys. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );

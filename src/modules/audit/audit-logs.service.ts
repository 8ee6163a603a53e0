import { Readable, pipeline } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { stringify } from 'csv-stringify';
import { Actor, Role } from '#common/actor';
import { NotFound } from '#common/errors';
import type { Page } from '#common/page.dto';
import { isUuid } from '#common/uuid';
import { askAgain } from '#database/ask-again';
import { Database } from '#database/database';
import { periodBounds } from '#database/narrow-period';
import { escapeLike } from '#database/tenant-repository';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import type { AuditLog } from './audit-log.entity';
import type { AuditExportQuery, AuditQuery } from './audit-log.dto';
import { AuditService } from './audit.service';
import { type AuditFilter, AuditStore } from './audit-store';

/** Contract 10, 11. */
const EXPORT_MAX = 50_000;
const EXPORT_STEP = 1000;
/** Users a search is taken to mean. */
const PEOPLE_MAX = 100;

const COLUMNS = [
  'created_at',
  'action',
  'result',
  'actor_type',
  'actor_email',
  'actor_role',
  'resource_type',
  'resource_id',
  'resource_name',
  'changes',
  'metadata',
  'ip_address',
  'user_agent',
  'request_id',
  'organization_id',
  'actor_id',
  'id',
] as const satisfies readonly (keyof AuditLog)[];

/** Whose entries: an organization's; null: everybody's (super_admin). */
export type AuditScope = string | null;

/** The audit log as it is read. */
@Injectable()
export class AuditLogs {
  constructor(
    private readonly database: Database,
    private readonly store: AuditStore,
    private readonly audit: AuditService,
    private readonly organizations: OrganizationsService,
  ) {}

  async page(actor: Actor, scope: AuditScope, query: AuditQuery): Promise<Page<AuditLog>> {
    const page = await this.audit.page(await this.filter(actor, scope, query), query);
    return { ...page, items: await this.named(actor, page.items) };
  }

  async get(actor: Actor, scope: AuditScope, id: string): Promise<AuditLog> {
    const found = await this.store.find({ ...of(scope), id }, 1);
    const [entry] = await this.named(actor, found);
    if (!entry) throw new NotFound('Audit entry');
    return entry;
  }

  /** The newest first, at most 50,000, as they are read; said in the log itself. */
  async export(actor: Actor, scope: AuditScope, query: AuditExportQuery): Promise<Readable> {
    const filter = await this.filter(actor, scope, query);
    const { format, action, resource_type, resource_id, result, start_date, end_date } = query;
    const metadata = { format, action, resource_type, resource_id, result, start_date, end_date };
    await this.audit.record(actor, 'audit_log.exported', { metadata });
    const entries = oneByOne(this.walk(actor, filter, EXPORT_MAX));
    if (format === 'json') return Readable.from(jsonOf(entries));
    const lines = stringify({
      header: true,
      bom: true,
      columns: COLUMNS,
      escape_formulas: true,
      cast: { date: (date) => date.toISOString(), object: (value) => JSON.stringify(value) },
    });
    // What breaks off is told by the stream that is handed out.
    return pipeline(Readable.from(entries), lines, () => undefined);
  }

  /** All of an organization's that the filter leaves, from whichever store, the newest first unless it says otherwise. */
  whole({ organization_id }: Actor, filter: Pick<AuditFilter, 'actor_id' | 'resource_id' | 'ascending'> = {}): AsyncGenerator<AuditLog[]> {
    return this.walk(Actor.system(organization_id), { ...filter, organization_id });
  }

  private async *walk(reader: Actor, filter: AuditFilter, max = Infinity): AsyncGenerator<AuditLog[]> {
    let after: AuditFilter['after'];
    for (let left = max; left > 0; left -= EXPORT_STEP) {
      const found = await askAgain(reader.organization_id, () => this.store.findAll({ ...filter, after }, Math.min(left, EXPORT_STEP)));
      if (found.length) yield await askAgain(reader.organization_id, () => this.named(reader, found));
      if (found.length < EXPORT_STEP) return;
      after = found.at(-1);
    }
  }

  private async filter(
    actor: Actor,
    scope: AuditScope,
    { actor_id, action, resource_type, resource_id, result, ip_address, request_id, start_date, end_date, search }: AuditQuery,
  ): Promise<AuditFilter> {
    const { start, end } = await periodBounds(this.database, await this.organizations.period(actor, start_date, end_date));
    const people = await this.peopleNamed(scope, search);
    return { ...of(scope), actor_id, action, resource_type, resource_id, result, ip_address, request_id, from: start, to: end, people };
  }

  /** Users of whom the words speak, as they are called today. */
  private async peopleNamed(scope: AuditScope, search: string | undefined): Promise<string[]> {
    if (!search?.trim()) return [];
    const users = await this.database.rows<{ id: string }>(
      `SELECT id FROM users WHERE ($1::uuid IS NULL OR organization_id = $1) AND (fold(full_name) LIKE fold($2) OR fold(email) LIKE fold($2))
        LIMIT ${PEOPLE_MAX}`,
      [scope, `%${escapeLike(search.trim())}%`],
    );
    return users.map(({ id }) => id);
  }

  /** With the names and e-mails users have today: the log keeps none, so that who is erased is erased here too. Operators are nobody to an organization. */
  private async named(reader: Actor, entries: AuditLog[]): Promise<AuditLog[]> {
    const ids = [...new Set(entries.flatMap((entry) => [entry.user_id, aboutUser(entry)]))].filter((id) => id !== null);
    if (!ids.length) return entries;
    const users = await this.database.rows<{ id: string; email: string; full_name: string }>(
      'SELECT id, email, full_name FROM users WHERE id = ANY($1) AND (organization_id = $2 OR $3)',
      [ids, reader.organization_id, reader.role === Role.super_admin],
    );
    const known = new Map(users.map((user) => [user.id, user]));
    return entries.map((entry) => {
      const user_id = aboutUser(entry);
      return {
        ...entry,
        ...(entry.user_id && { actor_email: known.get(entry.user_id)?.email ?? null }),
        ...(user_id && { resource_name: known.get(user_id)?.full_name ?? null }),
      };
    });
  }
}

/** The user an entry is about. */
const aboutUser = ({ resource_type, resource_id }: AuditLog): string | null =>
  resource_type === 'user' && isUuid(resource_id) ? resource_id : null;

const of = (scope: AuditScope): AuditFilter => (scope === null ? {} : { organization_id: scope });

async function* oneByOne(batches: AsyncIterable<AuditLog[]>): AsyncGenerator<AuditLog> {
  for await (const entries of batches) yield* entries;
}

async function* jsonOf(entries: AsyncIterable<AuditLog>): AsyncGenerator<string> {
  let before = '[';
  for await (const entry of entries) {
    yield before + JSON.stringify(entry);
    before = ',\n';
  }
  yield before === '[' ? '[]\n' : ']\n';
}

/** super_admin reads everybody's, unless they name an organization. */
export const scopeOf = (actor: Actor, organization_header: string | undefined): AuditScope =>
  actor.role === Role.super_admin && organization_header === undefined ? null : actor.organization_id;

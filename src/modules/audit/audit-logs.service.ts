import { Readable, pipeline } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { stringify } from 'csv-stringify';
import { type Actor, Role } from '#common/actor';
import { NotFound } from '#common/errors';
import type { Page } from '#common/page.dto';
import { Database } from '#database/database';
import { periodBounds } from '#database/narrow-period';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import type { AuditLog } from './audit-log.entity';
import type { AuditExportQuery, AuditQuery } from './audit-log.dto';
import { AuditService } from './audit.service';
import { type AuditFilter, AuditStore } from './audit-store';

/** Contract 10, 11. */
const EXPORT_MAX = 50_000;
const EXPORT_STEP = 1000;

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
    const entries = this.all(actor, filter);
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

  private async *all(actor: Actor, filter: AuditFilter): AsyncGenerator<AuditLog> {
    let after: AuditFilter['after'];
    for (let left = EXPORT_MAX; left > 0; left -= EXPORT_STEP) {
      const entries = await this.named(actor, await this.store.find({ ...filter, after }, Math.min(left, EXPORT_STEP)));
      yield* entries;
      if (entries.length < EXPORT_STEP) return;
      after = entries.at(-1);
    }
  }

  private async filter(
    actor: Actor,
    scope: AuditScope,
    { actor_id, action, resource_type, resource_id, result, ip_address, request_id, start_date, end_date }: AuditQuery,
  ): Promise<AuditFilter> {
    const { start, end } = await periodBounds(this.database, await this.organizations.period(actor, start_date, end_date));
    return { ...of(scope), actor_id, action, resource_type, resource_id, result, ip_address, request_id, from: start, to: end };
  }

  /** With the e-mails their users have today: the log keeps none, so that who is erased is erased here too. Operators are nobody to an organization. */
  private async named(reader: Actor, entries: AuditLog[]): Promise<AuditLog[]> {
    const ids = [...new Set(entries.flatMap(({ user_id }) => user_id ?? []))];
    if (!ids.length) return entries;
    const users = await this.database.rows<{ id: string; email: string }>(
      'SELECT id, email FROM users WHERE id = ANY($1) AND (organization_id = $2 OR $3)',
      [ids, reader.organization_id, reader.role === Role.super_admin],
    );
    const emails = new Map(users.map(({ id, email }) => [id, email]));
    return entries.map((entry) => (entry.user_id === null ? entry : { ...entry, actor_email: emails.get(entry.user_id) ?? null }));
  }
}

const of = (scope: AuditScope): AuditFilter => (scope === null ? {} : { organization_id: scope });

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

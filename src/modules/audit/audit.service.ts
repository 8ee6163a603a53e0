import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable } from '@nestjs/common';
import type { AppRequest } from '#access/request';
import type { Actor } from '#common/actor';
import { Invalid } from '#common/errors';
import { fitText } from '#common/fit';
import { MASK, isSecretName, maskSecrets } from '#common/mask';
import { type Page, type PageQuery, pageWindow, parseSort, toPage } from '#common/page.dto';
import { isDayOrInstant } from '#common/period';
import { within } from '#common/time';
import { isUuid, newId } from '#common/uuid';
import { Database, type Tx } from '#database/database';
import { LIST_MAX, SEARCH_MAX } from '#database/total';
import type { Act, DoneAct, Effect } from '#database/tx';
import type { RequestEntry } from '#observability/request-log';
import type { AuditChanges, AuditLog } from './audit-log.entity';
import { AUDIT_SORTS, type AuditFilter, type AuditPlace, type AuditSort, AuditStore } from './audit-store';

/** The request an entry belongs to. */
export interface AuditRequest {
  ip_address: string | null;
  user_agent: string | null;
  request_id: string | null;
  /** A service has said what was done, or that it was nothing: the interceptor stays silent. */
  spoken: boolean;
  /** What the answer waits for. */
  entries: Promise<unknown>[];
  /** It is answered; work it set off may go on, and for others. */
  over: boolean;
}

/** The longest an answer waits for its entry; the store goes on trying after that. */
const WAIT_MS = 2000;
const TEXT_MAX = 500;
/** Of one value as JSON, and of the fields of one entry: it is kept for years, and who may change something may do so all day. */
const VALUE_MAX = 8192;
const FIELDS_MAX = 100;

/** What people write to each other: in the conversation, not in the audit log. */
const MESSAGE_FIELDS = new Set(['content', 'message', 'text', 'body', 'caption', 'html', 'note', 'notes']);
const WITHHELD = '[text]';

/** Who did what: no act without its entry. */
@Injectable()
export class AuditService {
  private readonly requests = new AsyncLocalStorage<AuditRequest>();

  constructor(
    private readonly store: AuditStore,
    database: Database,
  ) {
    database.keepActsIn(this);
  }

  /**
   * Keeps what was said in a transaction: with it, where its database keeps the entries, else once it has committed. Inside a request a person's
   * entry takes their address and id from there, and the answer waits for it; elsewhere the caller does.
   */
  keep(tx: Tx, acts: readonly DoneAct[]): Effect {
    const rows = this.rowsOf(acts);
    const is_kept = this.store.keepWithin(tx, rows);
    return () => (is_kept ? this.speak() : this.leave(rows));
  }

  /** One act beside any transaction, where nothing was written: a login that failed. */
  record(actor: Actor | null, action: string, act: Act = {}): Promise<void> {
    return this.leave(this.rowsOf([{ ...act, actor, action }]));
  }

  /** What was asked changed nothing, and is nobody's: the log keeps no entry of it. */
  nothing(): void {
    this.speak();
  }

  /** Entries as a list: `search` in actions and names of resources. */
  async page(filter: AuditFilter, query: PageQuery): Promise<Page<AuditLog>> {
    const [field, direction] = parseSort(query.sort ?? 'created_at:desc', AUDIT_SORTS);
    const sort_by = field as AuditSort;
    const order = `${field}:${direction}`;
    const search = query.search?.trim() || undefined;
    const asked: AuditFilter = { ...filter, search };
    const { skip, limit } = pageWindow(query);
    const after = query.cursor === undefined ? undefined : placeOf(query.cursor, order, sort_by);
    const rows = await this.store.find({ ...asked, sort_by, ascending: direction === 'ASC', after }, limit + 1, skip);
    const items = rows.slice(0, limit);
    const last = rows.length > limit ? items.at(-1) : undefined;
    const place = last && [order, last.created_at, last.id, last[sort_by]];
    const next_cursor = place ? Buffer.from(JSON.stringify(place)).toString('base64url') : null;
    const max = search ? SEARCH_MAX : LIST_MAX;
    const total = await this.store.count(asked, max);
    return toPage({ items, next_cursor }, { total: Math.min(total, max), is_estimate: total >= max }, query);
  }

  /** Runs `work` as part of a request. */
  within<T>(request: AuditRequest, work: () => T): T {
    return this.requests.run(request, work);
  }

  /** A 403, from a guard or a service; hears of every answered request (`requestLog`). Without an actor it is noise, not a person. */
  readonly refusals = ({ status_code, method, route }: RequestEntry, request: AppRequest): void => {
    if (status_code !== 403 || !request.actor) return;
    const id = idOf(request.params);
    const denied: DoneAct = {
      actor: request.actor,
      action: 'access.denied',
      resource_type: resourceOfRoute(route),
      ...(id && { resource: { id } }),
      metadata: { method, route },
      result: 'failure',
    };
    const row = rowOf(denied, auditRequestOf(request));
    if (row) void this.store.keep(row);
  };

  /** Entries of acts; of one that changed nothing there is none. */
  private rowsOf(acts: readonly DoneAct[]): AuditLog[] {
    const request = this.request;
    // What the system does has no address, whoever woke it.
    return acts.flatMap((act) => rowOf(act, act.actor?.isSystem ? undefined : request) ?? []);
  }

  private get request(): AuditRequest | undefined {
    const request = this.requests.getStore();
    return request?.over ? undefined : request;
  }

  /** Gives entries to the store; inside a request its answer waits for them, elsewhere the caller does. */
  private async leave(rows: readonly AuditLog[]): Promise<void> {
    const kept = Promise.all(rows.map((row) => within(WAIT_MS, () => this.store.keep(row)).catch(() => undefined)));
    const request = this.speak();
    if (request) request.entries.push(kept);
    else await kept;
  }

  /** Something was said of the request that runs, if one runs: answers which. */
  private speak(): AuditRequest | undefined {
    const request = this.request;
    if (request) request.spoken = true;
    return request;
  }
}

function rowOf(act: DoneAct, request?: AuditRequest): AuditLog | undefined {
  const { actor, action, resource_type = action.split('.')[0] ?? '', resource, before, after, metadata = {}, result = 'success' } = act;
  const changes = changesOf(act);
  if (before && after && !Object.keys(changes).length) return undefined;
  const { user_id = null, api_key_id = null } = actor ?? {};
  return {
    id: newId(),
    organization_id: actor?.organization_id ?? null,
    actor_type: user_id ? 'user' : api_key_id ? 'api' : 'system',
    actor_id: user_id ?? api_key_id,
    user_id,
    actor_email: user_id ? null : cut(act.actor_email, 255),
    actor_role: actor && !actor.isSystem ? actor.role : null,
    action: fitText(action, 100),
    resource_type: fitText(resource_type, 50),
    resource_id: cut(resource?.id, 100),
    // A user's and their e-mail are read from the user: who is erased is erased here too.
    resource_name: resource_type === 'user' ? null : cut(resource?.name, 255),
    changes: presentableChanges(changes),
    // Somebody of another organization, in this one.
    metadata: presentable({ ...metadata, ...(actor?.home_organization_id && { acting_as: actor.organization_id }) }),
    result,
    ip_address: cut(request?.ip_address, 64),
    user_agent: cut(request?.user_agent, 512),
    request_id: cut(request?.request_id, 64),
    created_at: new Date(),
  };
}

/** @throws {Invalid} It is none of this list's cursors. */
function placeOf(cursor: string, order: string, sort_by: AuditSort): AuditPlace {
  try {
    const [of, time, id, value] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[];
    if (of === order && typeof time === 'string' && isDayOrInstant(time) && isUuid(id) && (value === null || isText(value)))
      return { [sort_by]: value, created_at: new Date(time), id };
  } catch {
    // Not even JSON.
  }
  throw Invalid.query('cursor', 'Give the next_cursor of an earlier page, with the same sort.');
}

const isText = (value: unknown): value is string => typeof value === 'string' && !value.includes('\0');

/** What an entry says by itself: of what it is, whose, and when. */
const SAID_BESIDE = new Set(['id', 'organization_id', 'created_at', 'updated_at']);

/** The fields that changed, each with what it was and what it became: all that a new row has, all that a lost one had. */
function changesOf({ before, after, may_tell = () => true }: Act): AuditChanges {
  const [was, is] = [before ?? {}, after ?? {}] as [Record<string, unknown>, Record<string, unknown>];
  const same = (a: unknown, b: unknown): boolean => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
  const told = (field: string, value: unknown = null): unknown => (value === null || may_tell(field) ? value : MASK);
  return Object.fromEntries(
    Object.keys(after ?? was)
      .filter((field) => !SAID_BESIDE.has(field) && !(after && is[field] === undefined) && !same(was[field], is[field]))
      .map((field) => [field, { from: told(field, was[field]), to: told(field, is[field]) }]),
  );
}

export function auditRequestOf(request: AppRequest): AuditRequest {
  return {
    ip_address: request.ip ?? null,
    user_agent: request.headers['user-agent'] ?? null,
    request_id: request.request_id ?? null,
    spoken: false,
    entries: [],
    over: false,
  };
}

/** The resource's own id among a route's parameters. */
export function idOf(params: Record<string, unknown> | undefined): string | null {
  const ids = Object.entries(params ?? {}).filter(([name, value]) => /^id$|_id$/.test(name) && isUuid(value));
  return ((ids.find(([name]) => name === 'id') ?? ids[0])?.[1] as string | null) ?? null;
}

/** `/api/v1/agent-skills/:id` → `agent_skill`. */
const resourceOfRoute = (route: string): string => singular(route.replace(/^\/api\/v1/, '').split('/')[1] ?? '');

export const singular = (plural: string): string =>
  plural
    .replaceAll('-', '_')
    .replace(/ies$/, 'y')
    .replace(/(ss|sh|ch|x)es$/, '$1')
    .replace(/([^s])s$/, '$1');

const cut = (text: string | null | undefined, length: number): string | null => (text ? fitText(text, length) : null);

const hide = (name: string): string | undefined => (isSecretName(name) ? MASK : MESSAGE_FIELDS.has(name) ? WITHHELD : undefined);

/** A copy without secrets and message texts, its strings fit for both stores; what is too large is told by its size. */
function presentable(fields: Record<string, unknown>): Record<string, unknown> {
  const told = maskSecrets(fields, { hide, text: (text) => fitText(text, TEXT_MAX) }) as Record<string, unknown>;
  return Object.fromEntries(firstOf(told).map(([name, value]) => [name, sized(value)]));
}

const firstOf = <T>(fields: Record<string, T>): [name: string, value: T][] => Object.entries(fields).slice(0, FIELDS_MAX);

function sized(value: unknown): unknown {
  const length = (JSON.stringify(value) as string | undefined)?.length ?? 0;
  return length > VALUE_MAX ? `[${length} characters]` : value;
}

/** The same for changes: a secret's name stands one level above its values, and that it was set or cleared may be told. */
function presentableChanges(changes: AuditChanges): AuditChanges {
  return Object.fromEntries(
    firstOf(changes).map(([field, sides]) => [
      field,
      Object.fromEntries(Object.entries(sides).map(([side, value]) => [side, presentable({ [field]: value ?? null })[field]])),
    ]),
  );
}

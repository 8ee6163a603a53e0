import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable } from '@nestjs/common';
import type { AppRequest } from '#access/request';
import type { Actor } from '#common/actor';
import { fitText } from '#common/fit';
import { MASK, isSecretName, maskSecrets } from '#common/mask';
import { within } from '#common/time';
import { isUuid, newId } from '#common/uuid';
import type { RequestEntry } from '#observability/request-log';
import type { AuditActorType, AuditChanges, AuditLog, AuditResult } from './audit-log.entity';
import { AuditStore } from './audit-store';

/** What a room says about what happened; who, where and when are added. */
export interface AuditNote {
  /** `resource.verb`, e.g. `contact.created`. */
  action: string;
  /** Default: the resource of `action`. */
  resource_type?: string;
  resource_id?: string | null;
  resource_name?: string | null;
  /** See `diff`. */
  changes?: AuditChanges;
  metadata?: Record<string, unknown>;
  /** Default: success. */
  result?: AuditResult;
  /** For what happens before there is an actor, e.g. a login. */
  organization_id?: string | null;
  user_id?: string | null;
  actor_type?: AuditActorType;
  actor_email?: string | null;
  actor_role?: string | null;
}

/** The request an entry belongs to. */
export interface AuditRequest {
  ip_address: string | null;
  user_agent: string | null;
  request_id: string | null;
  actor_email: string | null;
  /** A room has spoken for this request: the interceptor stays silent. */
  spoken: boolean;
}

/** The longest an answer waits for its entry; the store goes on trying after that. */
const WAIT_MS = 2000;
const TEXT_MAX = 500;

/** What people write to each other: in the conversation, not in the audit log. */
const MESSAGE_FIELDS = new Set(['content', 'message', 'text', 'body', 'caption', 'html', 'note', 'notes']);
const WITHHELD = '[text]';

/** Who did what. Entries never fail and never hold up what they tell of. */
@Injectable()
export class AuditService {
  private readonly requests = new AsyncLocalStorage<AuditRequest>();

  constructor(private readonly store: AuditStore) {}

  /**
   * Keeps one entry; call it after the commit. Inside a request it takes the caller's address and id from there, and the interceptor's own
   * entry falls away. `actor` is null before anybody has signed in.
   */
  async record(actor: Actor | null, note: AuditNote): Promise<void> {
    const request = this.requests.getStore();
    if (request) request.spoken = true;
    await this.keep(actor, note, request);
  }

  /** Nothing changed (a toggle that was already so): no entry for this request. */
  nothingChanged(): void {
    const request = this.requests.getStore();
    if (request) request.spoken = true;
  }

  /** Runs `work` as part of a request. */
  within<T>(request: AuditRequest, work: () => T): T {
    return this.requests.run(request, work);
  }

  /** A 403, from a guard or a service; hears of every answered request (`requestLog`). Without an actor it is noise, not a person. */
  readonly refusals = ({ status_code, method, route }: RequestEntry, request: AppRequest): void => {
    if (status_code !== 403 || !request.actor) return;
    const note: AuditNote = {
      action: 'access.denied',
      resource_type: resourceOfRoute(route),
      resource_id: idOf(request.params),
      metadata: { method, route },
      result: 'failure',
    };
    void this.keep(request.actor, note, auditRequestOf(request));
  };

  private async keep(actor: Actor | null, note: AuditNote, request: AuditRequest | undefined): Promise<void> {
    const user_id = note.user_id ?? actor?.user_id ?? null;
    const row: AuditLog = {
      id: newId(),
      organization_id: note.organization_id ?? actor?.organization_id ?? null,
      actor_type: note.actor_type ?? (user_id ? 'user' : 'system'),
      actor_id: user_id,
      user_id,
      actor_email: cut(note.actor_email ?? request?.actor_email, 255),
      actor_role: note.actor_role ?? (actor?.user_id ? actor.role : null),
      action: fitText(note.action, 100),
      resource_type: fitText(note.resource_type ?? note.action.split('.')[0] ?? '', 50),
      resource_id: cut(note.resource_id, 100),
      resource_name: cut(note.resource_name, 255),
      changes: presentableChanges(note.changes ?? {}),
      metadata: presentable(note.metadata ?? {}),
      result: note.result ?? 'success',
      ip_address: cut(request?.ip_address, 64),
      user_agent: cut(request?.user_agent, 512),
      request_id: cut(request?.request_id, 64),
      created_at: new Date(),
    };
    await within(WAIT_MS, () => this.store.keep(row)).catch(() => undefined);
  }
}

/** The fields that changed, each with what it was and what it became. */
export function diff<T extends object>(before: T, after: Partial<T>, fields = Object.keys(after) as (keyof T & string)[]): AuditChanges {
  const plain = (value: unknown): string => JSON.stringify(value ?? null);
  return Object.fromEntries(
    fields
      .filter((field) => plain(before[field]) !== plain(after[field]))
      .map((field) => [field, { from: before[field] ?? null, to: after[field] ?? null }]),
  );
}

export function auditRequestOf(request: AppRequest): AuditRequest {
  return {
    ip_address: request.ip ?? null,
    user_agent: request.headers['user-agent'] ?? null,
    request_id: request.request_id ?? null,
    actor_email: request.session?.email ?? null,
    spoken: false,
  };
}

/** The resource's own id among a route's parameters. */
export function idOf(params: Record<string, unknown> | undefined): string | null {
  const ids = Object.entries(params ?? {}).filter(([name, value]) => /^id$|_id$/.test(name) && isUuid(value));
  return ((ids.find(([name]) => name === 'id') ?? ids[0])?.[1] as string | null) ?? null;
}

/** `/api/v1/agent-skills/:id` → `agent_skill`. */
export const resourceOfRoute = (route: string): string => singular(route.replace(/^\/api\/v1/, '').split('/')[1] ?? '');

export const singular = (plural: string): string =>
  plural
    .replaceAll('-', '_')
    .replace(/ies$/, 'y')
    .replace(/(ss|sh|ch|x)es$/, '$1')
    .replace(/([^s])s$/, '$1');

const cut = (text: string | null | undefined, length: number): string | null => (text ? fitText(text, length) : null);

const hide = (name: string): string | undefined => (isSecretName(name) ? MASK : MESSAGE_FIELDS.has(name) ? WITHHELD : undefined);

/** A copy without secrets and message texts, its strings fit for both stores. */
const presentable = (fields: Record<string, unknown>): Record<string, unknown> =>
  maskSecrets(fields, { hide, text: (text) => fitText(text, TEXT_MAX) }) as Record<string, unknown>;

/** The same for changes: a secret's name stands one level above its values, and that it was set or cleared may be told. */
function presentableChanges(changes: AuditChanges): AuditChanges {
  return Object.fromEntries(
    Object.entries(changes).map(([field, sides]) => [
      field,
      Object.fromEntries(Object.entries(sides).map(([side, value]) => [side, presentable({ [field]: value ?? null })[field]])),
    ]),
  );
}

import type { IncomingHttpHeaders } from 'node:http';
import { type Session, actorOf, holderOf } from '#access/sessions';
import type { Actor } from '#common/actor';
import { bearerOf, credentialOf, isApiKey } from '#common/bearer';
import { Forbidden } from '#common/errors';
import { holds } from '#common/permissions';
import { newId } from '#common/uuid';
import { readOf } from './realtime.events';
import { LIMITS } from './realtime.limits';
import type { ConnectionCard } from './roster';

/**
 * Who a client says it is: in the handshake's `auth`, its headers, or the address. An API key lives long and an address is written down on the way:
 * there it does not count.
 */
export function tokenOf(headers: IncomingHttpHeaders, address: unknown, auth?: unknown): string {
  if (typeof auth === 'string' && auth) return bearerOf(auth) ?? auth;
  return credentialOf(headers) ?? (typeof address === 'string' && !isApiKey(address) ? address : '');
}

/** Counts in fixed windows of ten seconds. */
export class FrameCount {
  private count = 0;
  private started_at = 0;

  constructor(private readonly limit: number) {}

  /** Counts one; true when it is too many. */
  over(): boolean {
    const now = Date.now();
    if (now - this.started_at >= LIMITS.frames_window_ms) {
      this.started_at = now;
      this.count = 0;
    }
    return ++this.count > this.limit;
  }
}

/** One live socket of a user or of an API key, of either kind. */
export abstract class Connection {
  abstract readonly transport: 'socketio' | 'ws';
  readonly id = newId();
  /** Milliseconds since 1970; so is the next. */
  readonly connected_at = Date.now();
  /** When it last said something, or answered a ping. */
  last_seen_at = this.connected_at;
  readonly channels = new Set<string>();
  /** When the session is looked at again; Infinity: not until somebody tells us of a change. */
  recheck_at = Date.now() + LIMITS.recheck_ms;
  private expiry?: NodeJS.Timeout;

  constructor(
    public session: Session,
    public token: string,
    readonly ip: string | null,
    readonly user_agent: string | null,
  ) {}

  get actor(): Actor {
    return actorOf(this.session);
  }

  /** The user, or the API key. */
  get holder(): string {
    return holderOf(this.session);
  }

  /** Whether an event is of what it may read. */
  mayRead(event: string): boolean {
    const { custom_permissions } = this.session;
    if (custom_permissions === null) return true;
    const permission = readOf(event);
    return permission === null || holds(custom_permissions, permission);
  }

  /** The user. @throws {Forbidden} An API key is nobody who types, or is there. */
  asPerson(): Session & { user_id: string } {
    const { user_id } = this.session;
    if (user_id === null) throw new Forbidden('api_key_not_allowed', 'This is not for API keys: it is what a person does.');
    return { ...this.session, user_id };
  }

  /** What it hears: rooms and channels. */
  abstract rooms(): string[];

  /** As other nodes know it. */
  card(): ConnectionCard {
    const { id, transport, ip, user_agent, connected_at, last_seen_at } = this;
    const { organization_id, user_id, full_name: user_name, role } = this.session;
    return { id, organization_id, user_id, user_name, role, transport, rooms: this.rooms(), ip, user_agent, connected_at, last_seen_at };
  }

  /** Ended for good: the client is told why and does not come back by itself. */
  abstract end(error_code: string, message?: string): void;

  /** This process stops: the client connects again, elsewhere. */
  abstract restart(): void;

  /** At once, unsaid: nothing reaches this client any more. */
  abstract cut(): void;

  /** What waits in this process to be sent. */
  abstract bufferedBytes(): number;

  protected abstract sayExpired(): void;

  /** Starts (again) to watch for the token's end. */
  watchExpiry(): void {
    clearTimeout(this.expiry);
    const { expires_at } = this.session;
    if (!expires_at) return;
    this.expiry = setTimeout(() => {
      this.sayExpired();
      this.expiry = setTimeout(() => this.end('token_expired'), LIMITS.expiry_grace_ms).unref();
    }, expires_at.getTime() - Date.now()).unref();
  }

  release(): void {
    clearTimeout(this.expiry);
  }
}

import { type Session, actorOf } from '#access/sessions';
import type { Actor } from '#common/actor';
import { LIMITS } from './realtime.limits';

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

/** One live socket of a user, of either kind. */
export abstract class Connection {
  abstract readonly transport: 'socketio' | 'ws';
  readonly connected_at = new Date();
  last_seen_at = this.connected_at;
  readonly channels = new Set<string>();
  /** When the session is looked at again; Infinity: not until somebody tells us of a change. */
  recheck_at = Date.now() + LIMITS.recheck_ms;
  private expiry?: NodeJS.Timeout;

  constructor(
    readonly id: string,
    public session: Session,
    public token: string,
    readonly ip: string | null,
    readonly user_agent: string | null,
  ) {}

  get actor(): Actor {
    return actorOf(this.session);
  }

  /** Ended for good: the client is told why and does not come back with this token. */
  abstract end(error_code: string): void;

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
    this.expiry = setTimeout(() => {
      this.sayExpired();
      this.expiry = setTimeout(() => this.end('token_expired'), LIMITS.expiry_grace_ms).unref();
    }, this.session.expires_at.getTime() - Date.now()).unref();
  }

  release(): void {
    clearTimeout(this.expiry);
  }
}

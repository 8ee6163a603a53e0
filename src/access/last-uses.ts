import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Bounded } from '#common/bounded';
import { Database } from '#database/database';
import type { Session } from './sessions';

/** Each is written at most so often; what is told is as exact as that. */
const EVERY_MS = 60_000;
/** Those of this long leave in one statement. */
const GATHER_MS = 500;
const REMEMBERED_MAX = 50_000;

interface Use {
  organization_id: string;
  id: string;
  ip: string | null;
}

/** When sessions and API keys were last used, and from where: written beside the requests, none of which waits for it. */
@Injectable()
export class LastUses implements OnModuleDestroy {
  private readonly logger = new Logger(LastUses.name);
  private readonly noted = new Bounded<string, number>({ count: REMEMBERED_MAX });
  private waiting: (Use & { is_key: boolean })[] = [];
  private timer: NodeJS.Timeout | undefined;
  /** Nobody's request. */
  private readonly outside = AsyncLocalStorage.snapshot();

  constructor(private readonly database: Database) {}

  note({ organization_id, session_id, api_key_id }: Session, ip: string | null | undefined): void {
    const id = api_key_id ?? session_id;
    const now = Date.now();
    if (id === null || now - (this.noted.get(id) ?? 0) < EVERY_MS) return;
    // As the youngest: the map forgets by age.
    this.noted.delete(id);
    this.noted.set(id, now);
    this.waiting.push({ organization_id, id, ip: ip ?? null, is_key: api_key_id !== null });
    this.timer ??= this.outside(() => setTimeout(() => void this.flush(), GATHER_MS).unref());
  }

  async onModuleDestroy(): Promise<void> {
    await this.flush();
  }

  private async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const uses = this.waiting;
    this.waiting = [];
    const keys = uses.filter(({ is_key }) => is_key);
    const sessions = uses.filter(({ is_key }) => !is_key);
    try {
      if (keys.length) await this.database.rows(OF_KEYS, valuesOf(keys));
      if (sessions.length) await this.database.rows(OF_SESSIONS, valuesOf(sessions));
    } catch (error) {
      this.logger.debug({ msg: 'last uses are not written, the next ones will be', err: error });
    }
  }
}

const valuesOf = (uses: Use[]): unknown[] => [
  uses.map(({ organization_id }) => organization_id),
  uses.map(({ id }) => id),
  uses.map(({ ip }) => ip),
];

/** Other processes write it too: whoever is first in the minute. Rows somebody holds at the moment are left out. */
const lastUseOf = (table: string): string => `
    SET last_used_at = now(), last_used_ip = u.ip
    FROM (SELECT r.organization_id, r.id, u.ip
            FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS u(organization_id, id, ip)
            JOIN ${table} r ON r.organization_id = u.organization_id AND r.id = u.id
           WHERE r.last_used_at IS NULL OR r.last_used_at < now() - interval '1 minute'
             FOR NO KEY UPDATE OF r SKIP LOCKED) u`;

const OF_KEYS = `UPDATE api_keys t ${lastUseOf('api_keys')} WHERE t.organization_id = u.organization_id AND t.id = u.id`;
const OF_SESSIONS = `UPDATE sessions t ${lastUseOf('sessions')} WHERE t.organization_id = u.organization_id AND t.id = u.id`;

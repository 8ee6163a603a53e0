import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Database } from '#database/database';
import { prepared } from '#database/sql';

interface Count {
  organization_id: string;
  secret_id: string;
  successful: number;
  failed: number;
  at: Date;
}

/** Counts of so long go to their rows together. */
const GATHER_MS = 1000;

const ADD = prepared(
  `INSERT INTO secret_usage AS u (organization_id, secret_id, successful_requests, failed_requests, last_used_at)
   SELECT s.organization_id, s.id, n.successful, n.failed, n.at
     FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::int[], $5::timestamptz[]) AS n(organization_id, id, successful, failed, at)
     JOIN secrets s ON s.organization_id = n.organization_id AND s.id = n.id
    ORDER BY 1, 2
   ON CONFLICT (organization_id, secret_id) DO UPDATE
      SET successful_requests = u.successful_requests + excluded.successful_requests,
          failed_requests = u.failed_requests + excluded.failed_requests,
          last_used_at = greatest(u.last_used_at, excluded.last_used_at)`,
);

/** How often secrets are used. Who uses one waits for no row: counts gather here and are written together; a process that is killed loses a second of them. */
@Injectable()
export class SecretUses implements OnModuleDestroy {
  private readonly logger = new Logger(SecretUses.name);
  private counts = new Map<string, Count>();
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();

  constructor(private readonly database: Database) {}

  count({ organization_id }: Actor, secret_id: string, success: boolean): void {
    this.add({ organization_id, secret_id, successful: success ? 1 : 0, failed: success ? 0 : 1, at: new Date() });
  }

  /** Resolves when all that was counted here stands in the rows, or could not be written and is tried again. */
  flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    return (this.writing = this.writing.then(() => this.write()));
  }

  async onModuleDestroy(): Promise<void> {
    await this.flush();
    clearTimeout(this.timer);
  }

  private add(count: Count): void {
    const key = `${count.organization_id} ${count.secret_id}`;
    const known = this.counts.get(key);
    if (known) {
      known.successful += count.successful;
      known.failed += count.failed;
      if (count.at > known.at) known.at = count.at;
    } else this.counts.set(key, count);
    this.timer ??= setTimeout(() => void this.flush(), GATHER_MS).unref();
  }

  private async write(): Promise<void> {
    if (!this.counts.size) return;
    const counts = [...this.counts.values()];
    this.counts = new Map();
    const column = <K extends keyof Count>(name: K): Count[K][] => counts.map((count) => count[name]);
    try {
      await this.database.rows(ADD, [column('organization_id'), column('secret_id'), column('successful'), column('failed'), column('at')]);
    } catch (error) {
      // A secret that was deleted at this very moment, or no database: nothing of it was written.
      this.logger.debug({ msg: 'uses of secrets are counted later', err: error });
      for (const count of counts) this.add(count);
    }
  }
}

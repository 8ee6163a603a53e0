import { setTimeout as sleep } from 'node:timers/promises';
import { InjectQueue, Process, Processor } from '@nestjs/bull';
import type { OnModuleInit } from '@nestjs/common';
import { Actor } from '#common/actor';
import { Database } from '#database/database';
import type { Job, JobQueue } from '#jobs/job-queue';
import { PurgeMessages } from '#modules/conversations/messages/purge-messages';

const DAY_SECONDS = 86_400;
const AT_NIGHT_SECONDS = 4 * 3600;
/** A round ends before its job's time is over; the next night goes on. */
const ROUND_MS = 240_000;
/** Rows of a statement; the pause after it is so many times as long as it took: the inbox comes first. */
const BATCH = 100;
const PAUSE = 4;

interface Kept {
  organization_id: string;
  message_days: number | null;
  media_days: number | null;
}

/** What organizations no longer want to keep goes at night. */
@Processor('sweeper')
export class PrivacyJobs implements OnModuleInit {
  constructor(
    @InjectQueue('sweeper') private readonly queue: JobQueue,
    private readonly database: Database,
    private readonly purge: PurgeMessages,
  ) {}

  onModuleInit(): void {
    this.queue.repeat('privacy.retention', {}, { every_seconds: DAY_SECONDS, offset_seconds: AT_NIGHT_SECONDS });
  }

  @Process('privacy.retention')
  async retention({ signal }: Pick<Job, 'signal'>): Promise<void> {
    const until = AbortSignal.any([signal, AbortSignal.timeout(ROUND_MS)]);
    // Each night another is first: who has much to delete keeps nobody from their turn for good.
    const organizations = await this.database.rows<Kept>(
      `SELECT id AS organization_id, (settings #>> '{privacy_settings,message_retention_days}')::int AS message_days,
              (settings #>> '{privacy_settings,media_retention_days}')::int AS media_days
         FROM organizations WHERE deleted_at IS NULL
          AND coalesce(settings #>> '{privacy_settings,message_retention_days}', settings #>> '{privacy_settings,media_retention_days}') IS NOT NULL
        ORDER BY random()`,
    );
    for (const { organization_id, message_days, media_days } of organizations) {
      const files = media_days === null ? 0 : await this.all(until, () => this.purge.files(organization_id, media_days, BATCH));
      const messages = message_days === null ? 0 : await this.all(until, () => this.purge.messages(organization_id, message_days, BATCH));
      if (files || messages)
        await this.database.tx(async (tx) => {
          tx.audit(Actor.system(organization_id), 'privacy.retention_applied', {
            resource_type: 'organization',
            resource: { id: organization_id },
            metadata: { files, messages },
          });
        });
    }
  }

  private async all(until: AbortSignal, some: () => Promise<number>): Promise<number> {
    let gone = 0;
    for (let rows = BATCH; rows === BATCH && !until.aborted; gone += rows) {
      const since = performance.now();
      rows = await some();
      if (rows === BATCH) await sleep(PAUSE * (performance.now() - since));
    }
    return gone;
  }
}

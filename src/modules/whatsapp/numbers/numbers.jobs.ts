import { InjectQueue, Process, Processor } from '@nestjs/bull';
import { Logger, type OnModuleInit } from '@nestjs/common';
import { Actor } from '#common/actor';
import { NotFound } from '#common/errors';
import { Database, type Tx } from '#database/database';
import type { Job, JobQueue } from '#jobs/job-queue';
import { SyncTemplates } from '../templates/sync-templates';
import { CheckNumber } from './check-number';

interface OneNumber {
  organization_id: string;
  whatsapp_number_id: string;
}

/** Contract 20, 5.3. */
const ROUND_SECONDS = 600;

/** Asks the provider in the background: after a change of credentials, and of every number that is active or holds its ids by a proof now and then. */
@Processor('number-health')
export class NumberJobs implements OnModuleInit {
  private readonly logger = new Logger(NumberJobs.name);

  constructor(
    @InjectQueue('number-health') private readonly queue: JobQueue<OneNumber | Record<string, never>>,
    private readonly database: Database,
    private readonly checks: CheckNumber,
    private readonly syncing: SyncTemplates,
  ) {}

  onModuleInit(): void {
    this.queue.repeat('round', {}, { every_seconds: ROUND_SECONDS });
  }

  /**
   * Once `tx` has committed. connect: a token is new, with which a missing phone_number_id is looked up too, or what it is to reach; profile: what
   * WhatsApp shows of the business changed here; templates: one has another text at Meta. Lost with its queue, it is the next round that asks.
   */
  wake(tx: Tx, task: 'connect' | 'profile' | 'templates', { organization_id, id }: { organization_id: string; id: string }): void {
    tx.afterCommit(() =>
      this.queue
        .add(task, { organization_id, whatsapp_number_id: id }, { job_id: `${task}:${id}` })
        .catch((error: unknown) => this.logger.warn({ msg: 'number is checked by the next round', err: error })),
    );
  }

  @Process('connect')
  async connect({ data }: Job<OneNumber>): Promise<void> {
    await this.unlessGone(() => this.checks.connect(Actor.system(data.organization_id), data.whatsapp_number_id));
  }

  @Process('check')
  async check({ data }: Job<OneNumber>): Promise<void> {
    await this.unlessGone(() => this.checks.test(Actor.system(data.organization_id), data.whatsapp_number_id));
  }

  @Process('profile')
  async profile({ data }: Job<OneNumber>): Promise<void> {
    await this.unlessGone(() => this.checks.pushProfile(Actor.system(data.organization_id), data.whatsapp_number_id));
  }

  @Process('templates')
  async templates({ data }: Job<OneNumber>): Promise<void> {
    await this.unlessGone(() => this.syncing.sync(Actor.system(data.organization_id), data.whatsapp_number_id));
  }

  @Process('round')
  async round(): Promise<void> {
    // Over all organizations: each number is then checked as its own.
    const numbers = await this.database.rows<OneNumber>(
      `SELECT n.organization_id, n.id AS whatsapp_number_id
         FROM whatsapp_numbers n JOIN whatsapp_number_secrets s ON s.organization_id = n.organization_id AND s.whatsapp_number_id = n.id
        WHERE n.deleted_at IS NULL AND (n.is_active OR n.proved_at IS NOT NULL) AND s.access_token IS NOT NULL`,
    );
    await this.queue.addBulk(numbers.map((data) => ({ name: 'check', data, job_id: `check:${data.whatsapp_number_id}` })));
  }

  /** The number was deleted while its job waited. */
  private async unlessGone(work: () => Promise<unknown>): Promise<void> {
    await work().catch((error: unknown) => {
      if (!(error instanceof NotFound)) throw error;
    });
  }
}

import { InjectQueue, Process, Processor } from '@nestjs/bull';
import { Logger, type OnModuleInit } from '@nestjs/common';
import { Actor } from '#common/actor';
import { NotFound } from '#common/errors';
import { Database, type Tx } from '#database/database';
import type { Job, JobQueue } from '#jobs/job-queue';
import { atWork, isAtWork } from '#modules/organizations/at-work';
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
  ) {}

  onModuleInit(): void {
    this.queue.repeat('round', {}, { every_seconds: ROUND_SECONDS });
  }

  /**
   * Once `tx` has committed. connect: a token is new, with which a missing phone_number_id is looked up too, or what it is to reach; profile: what
   * WhatsApp shows of the business changed here. Lost with its queue, it is the next round that asks.
   */
  wake(tx: Tx, task: 'connect' | 'profile', { organization_id, id }: { organization_id: string; id: string }): void {
    tx.afterCommit(() =>
      this.queue
        .add(task, { organization_id, whatsapp_number_id: id }, { job_id: `${task}:${id}` })
        .catch((error: unknown) => this.logger.warn({ msg: 'number is checked by the next round', err: error })),
    );
  }

  @Process('connect')
  async connect({ data }: Job<OneNumber>): Promise<void> {
    await this.whileThere(data, (actor, id) => this.checks.connect(actor, id));
  }

  @Process('check')
  async check({ data }: Job<OneNumber>): Promise<void> {
    await this.whileThere(data, (actor, id) => this.checks.test(actor, id));
  }

  @Process('profile')
  async profile({ data }: Job<OneNumber>): Promise<void> {
    await this.whileThere(data, (actor, id) => this.checks.pushProfile(actor, id));
  }

  @Process('round')
  async round(): Promise<void> {
    // Over all organizations: each number is then checked as its own.
    const numbers = await this.database.rows<OneNumber>(
      `SELECT n.organization_id, n.id AS whatsapp_number_id
         FROM whatsapp_numbers n JOIN whatsapp_number_secrets s ON s.organization_id = n.organization_id AND s.whatsapp_number_id = n.id
        WHERE n.deleted_at IS NULL AND (n.is_active OR n.proved_at IS NOT NULL) AND s.access_token IS NOT NULL AND ${atWork('n.organization_id')}`,
    );
    await this.queue.addBulk(numbers.map((data) => ({ name: 'check', data, job_id: `check:${data.whatsapp_number_id}` })));
  }

  /** Unless the number was deleted while its job waited, or its organization is not at work: the round comes back to it. */
  private async whileThere(
    { organization_id, whatsapp_number_id }: OneNumber,
    work: (actor: Actor, id: string) => Promise<unknown>,
  ): Promise<void> {
    if (!(await isAtWork(this.database, organization_id))) return;
    await work(Actor.system(organization_id), whatsapp_number_id).catch((error: unknown) => {
      if (!(error instanceof NotFound)) throw error;
    });
  }
}

import { InjectQueue, Process, Processor } from '@nestjs/bull';
import { Logger, type OnModuleInit } from '@nestjs/common';
import { Actor } from '#common/actor';
import { EventBus } from '#common/events';
import { NotFound } from '#common/errors';
import { Database } from '#database/database';
import type { Job, JobQueue } from '#jobs/job-queue';
import { SyncTemplates } from '../templates/sync-templates';
import { CheckNumber } from './check-number';
import './numbers.events';

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
    events: EventBus,
  ) {
    events.on('whatsapp_number.configured', (number) => this.enqueue('connect', number));
    events.on('whatsapp_number.profile_changed', (number) => this.enqueue('profile', number));
    events.on('whatsapp_number.templates_changed', (number) => this.enqueue('templates', number));
  }

  onModuleInit(): void {
    this.queue.repeat('round', {}, { every_seconds: ROUND_SECONDS });
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

  /** Lost with its queue, it is the next round that asks. */
  private async enqueue(name: 'connect' | 'profile' | 'templates', { organization_id, whatsapp_number_id }: OneNumber): Promise<void> {
    await this.queue
      .add(name, { organization_id, whatsapp_number_id }, { job_id: `${name}:${whatsapp_number_id}` })
      .catch((error: unknown) => this.logger.warn({ msg: 'number is checked by the next round', err: error }));
  }

  /** The number was deleted while its job waited. */
  private async unlessGone(work: () => Promise<unknown>): Promise<void> {
    await work().catch((error: unknown) => {
      if (!(error instanceof NotFound)) throw error;
    });
  }
}

import { InjectQueue, Process, Processor } from '@nestjs/bull';
import { Logger, type OnModuleInit } from '@nestjs/common';
import { Database, type Tx } from '#database/database';
import type { Job, JobQueue } from '#jobs/job-queue';
import { atWork } from '#modules/organizations/at-work';
import { type OneNumber, whileThere } from '../numbers/while-there';
import { CAPABILITIES } from '../provider';
import { SyncTemplates } from './sync-templates';
import type { Template } from './template.entity';

interface OneTemplate extends OneNumber {
  meta_template_id: string;
}

/** Contract 20, 6.3: every number hourly. An hour has so many rounds, and each of them its numbers, so that not all are at Meta at once. */
const ROUNDS = 12;
const ROUND_SECONDS = 3600 / ROUNDS;

const WITH_TEMPLATES = Object.entries(CAPABILITIES).flatMap(([kind, { has_templates }]) => (has_templates ? [kind] : []));

/** Reads templates from Meta in the background: all of each active number hourly, one when Meta says that its text changed. */
@Processor('templates-sync')
export class TemplateJobs implements OnModuleInit {
  private readonly logger = new Logger(TemplateJobs.name);

  constructor(
    @InjectQueue('templates-sync') private readonly queue: JobQueue<OneNumber | OneTemplate | Record<string, never>>,
    private readonly database: Database,
    private readonly syncing: SyncTemplates,
  ) {}

  onModuleInit(): void {
    this.queue.repeat('round', {}, { every_seconds: ROUND_SECONDS });
  }

  /** Once `tx` has committed. Lost with its queue, it is the next sync that reads it. */
  readAgain(tx: Tx, { organization_id, whatsapp_number_id, meta_template_id }: Template): void {
    if (!meta_template_id) return;
    const data = { organization_id, whatsapp_number_id, meta_template_id };
    tx.afterCommit(() =>
      this.queue
        .add('one', data, { job_id: `one:${whatsapp_number_id}:${meta_template_id}` })
        .catch((error: unknown) => this.logger.warn({ msg: 'a template is read by the next sync', err: error })),
    );
  }

  @Process('one')
  async one({ data }: Job<OneTemplate>): Promise<void> {
    await whileThere(this.database, data, (actor, id) => this.syncing.one(actor, id, data.meta_template_id));
  }

  @Process('sync')
  async sync({ data }: Job<OneNumber>): Promise<void> {
    await whileThere(this.database, data, (actor, id) => this.syncing.sync(actor, id));
  }

  @Process('round')
  async round(): Promise<void> {
    await this.syncRound(Math.floor(Date.now() / 1000 / ROUND_SECONDS) % ROUNDS);
  }

  /** Queues the numbers of a round of the hour. Over all organizations: each number is then read as its own. */
  async syncRound(round: number): Promise<void> {
    const numbers = await this.database.rows<OneNumber>(
      `SELECT n.organization_id, n.id AS whatsapp_number_id
         FROM whatsapp_numbers n JOIN whatsapp_number_secrets s ON s.organization_id = n.organization_id AND s.whatsapp_number_id = n.id
        WHERE n.deleted_at IS NULL AND n.is_active AND n.connection_type = ANY($1) AND n.whatsapp_business_account_id IS NOT NULL
          AND s.access_token IS NOT NULL AND (hashtext(n.id::text) & 65535) % $2 = $3 AND ${atWork('n.organization_id')}`,
      [WITH_TEMPLATES, ROUNDS, round],
    );
    await this.queue.addBulk(numbers.map((data) => ({ name: 'sync', data, job_id: `sync:${data.whatsapp_number_id}` })));
  }
}

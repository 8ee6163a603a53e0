import { InjectQueue, Process, Processor } from '@nestjs/bull';
import { Logger, type OnModuleInit } from '@nestjs/common';
import { Actor } from '#common/actor';
import { Database, type Tx } from '#database/database';
import type { Job, JobQueue } from '#jobs/job-queue';
import { atWork, isPastHaving } from '#modules/organizations/at-work';
import { CheckNumber } from './check-number';
import { EndPairing } from './end-pairing';
import { type OneNumber, whileThere } from './while-there';

/** Contract 20, 5.3. */
const ROUND_SECONDS = 600;
/** A server that was not there for so long is gone, with what a deleted number had on it. */
const REMOVE_DAYS = 30;

/** Asks the provider in the background: after a change of credentials, and of every number that is active or holds its ids by a proof now and then. */
@Processor('number-health')
export class NumberJobs implements OnModuleInit {
  private readonly logger = new Logger(NumberJobs.name);

  constructor(
    @InjectQueue('number-health') private readonly queue: JobQueue<OneNumber | Record<string, never>>,
    private readonly database: Database,
    private readonly checks: CheckNumber,
    private readonly ending: EndPairing,
  ) {}

  onModuleInit(): void {
    this.queue.repeat('round', {}, { every_seconds: ROUND_SECONDS });
  }

  /**
   * Once `tx` has committed. connect: a token is new, with which a missing phone_number_id is looked up too, or what it is to reach; profile: what
   * WhatsApp shows of the business changed here; check: the connection seems lost; log-out: another phone was paired; remove: the number was deleted.
   * Lost with its queue, it is the next round that asks.
   */
  wake(
    tx: Tx,
    task: 'connect' | 'check' | 'profile' | 'log-out' | 'remove',
    { organization_id, id }: { organization_id: string; id: string },
  ): void {
    tx.afterCommit(() =>
      this.queue
        .add(task, { organization_id, whatsapp_number_id: id }, { job_id: `${task}:${id}` })
        .catch((error: unknown) => this.logger.warn({ msg: 'number is checked by the next round', err: error })),
    );
  }

  @Process('connect')
  async connect({ data }: Job<OneNumber>): Promise<void> {
    await whileThere(this.database, data, (actor, id) => this.checks.connect(actor, id));
  }

  @Process('check')
  async check({ data }: Job<OneNumber>): Promise<void> {
    await whileThere(this.database, data, (actor, id) => this.checks.test(actor, id));
  }

  @Process('profile')
  async profile({ data }: Job<OneNumber>): Promise<void> {
    await whileThere(this.database, data, (actor, id) => this.checks.pushProfile(actor, id));
  }

  @Process('log-out')
  async logOut({ data }: Job<OneNumber>): Promise<void> {
    await whileThere(this.database, data, async (actor, id) => {
      const trouble = await this.ending.logOut(actor, id);
      if (trouble) throw new Error(trouble);
    });
  }

  /** Whether its organization is at work or not: nothing of a deleted number stays connected, nor of an organization that is to be erased. */
  @Process('remove')
  async remove({ data: { organization_id, whatsapp_number_id } }: Job<OneNumber>): Promise<void> {
    await this.ending.removeInstance(Actor.system(organization_id), whatsapp_number_id);
  }

  @Process('round')
  async round(): Promise<void> {
    // Over all organizations: each number is then checked as its own.
    const numbers = await this.database.rows<OneNumber & { task: string }>(
      `SELECT n.organization_id, n.id AS whatsapp_number_id, 'check' AS task
         FROM whatsapp_numbers n JOIN whatsapp_number_secrets s ON s.organization_id = n.organization_id AND s.whatsapp_number_id = n.id
        WHERE n.deleted_at IS NULL AND (n.is_active OR n.proved_at IS NOT NULL) AND ${atWork('n.organization_id')} AND (s.access_token IS NOT NULL
          OR EXISTS (SELECT FROM whatsapp_number_pairings p WHERE p.organization_id = n.organization_id AND p.whatsapp_number_id = n.id))
       UNION ALL
       SELECT n.organization_id, n.id, 'remove' FROM whatsapp_numbers n
        WHERE n.evolution_instance_name IS NOT NULL AND (n.deleted_at > now() - make_interval(days => ${REMOVE_DAYS}) OR ${isPastHaving('n.organization_id')})`,
    );
    await this.queue.addBulk(numbers.map(({ task, ...data }) => ({ name: task, data, job_id: `${task}:${data.whatsapp_number_id}` })));
  }
}

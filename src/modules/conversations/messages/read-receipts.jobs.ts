import { InjectQueue, Process, Processor } from '@nestjs/bull';
import { Logger } from '@nestjs/common';
import { Actor } from '#common/actor';
import { Database, type Tx } from '#database/database';
import type { Job, JobQueue } from '#jobs/job-queue';
import { isAtWork } from '#modules/organizations/at-work';
import { WhatsAppNumber } from '#modules/whatsapp/numbers/whatsapp-number.entity';
import { Providers } from '#modules/whatsapp/providers';
import { Message } from './message.entity';

interface Read {
  organization_id: string;
  message_id: string;
}

/** Tells WhatsApp what the team has read. Best effort: nobody is sent anything twice, and a receipt that is lost is only a grey tick. */
@Processor('whatsapp-receipts')
export class ReadReceiptJobs {
  private readonly logger = new Logger(ReadReceiptJobs.name);

  constructor(
    @InjectQueue('whatsapp-receipts') private readonly queue: JobQueue<Read>,
    private readonly database: Database,
    private readonly providers: Providers,
  ) {}

  /** The team has read up to this incoming message; told once `tx` has committed. */
  wake(tx: Tx, read: Read): void {
    tx.afterCommit(() =>
      this.queue
        .add('read', read, { job_id: read.message_id })
        .catch((error: unknown) => this.logger.warn({ msg: 'read receipt not queued', err: error })),
    );
  }

  @Process('read')
  async read({ data: { organization_id, message_id } }: Job<Read>): Promise<void> {
    if (!(await isAtWork(this.database, organization_id))) return;
    const actor = Actor.system(organization_id);
    const message = await this.database.repository(Message).find(actor, message_id);
    if (!message?.whatsapp_message_id || !message.whatsapp_number_id) return;
    const number = await this.database.repository(WhatsAppNumber).find(actor, message.whatsapp_number_id);
    if (!number?.is_active || number.settings.mark_as_read === false) return;
    const line = await this.providers.findLine(actor, number.id);
    await line?.markRead(message.whatsapp_message_id);
  }
}

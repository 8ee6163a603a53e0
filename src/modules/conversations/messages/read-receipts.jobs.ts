import { InjectQueue, Process, Processor } from '@nestjs/bull';
import { Logger } from '@nestjs/common';
import { Actor } from '#common/actor';
import { Database, type Tx } from '#database/database';
import { prepared } from '#database/sql';
import type { Job, JobQueue } from '#jobs/job-queue';
import { ADDRESS, addressedTo } from '#modules/contacts/contact-address';
import { isAtWork } from '#modules/organizations/at-work';
import { WhatsAppNumber } from '#modules/whatsapp/numbers/whatsapp-number.entity';
import type { ReadMessages } from '#modules/whatsapp/provider';
import { Providers } from '#modules/whatsapp/providers';
import { Message } from './message.entity';

interface Read {
  organization_id: string;
  message_id: string;
}

/** What was read with it, the newest ones: some providers want each message named, and take one twice. */
const READ = prepared(`SELECT ${ADDRESS}, ARRAY(
    SELECT m.whatsapp_message_id FROM messages m
     WHERE m.organization_id = $1 AND m.conversation_id = $2 AND m.direction = 'incoming' AND m.whatsapp_message_id IS NOT NULL
       AND m.created_at > $3::timestamptz - interval '7 days' AND (m.created_at, m.id) < ($3, $4::uuid)
     ORDER BY m.created_at DESC, m.id DESC LIMIT 30) AS earlier_ids
  FROM conversations v JOIN contacts c ON c.organization_id = v.organization_id AND c.id = v.contact_id ${addressedTo('v.contact_identity_id')}
 WHERE v.organization_id = $1 AND v.id = $2`);

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
    if (!line) return;
    const { conversation_id, created_at } = message;
    const [read] = await this.database.rows<Pick<ReadMessages, 'phone' | 'bsuid' | 'earlier_ids'>>(READ, [
      organization_id,
      conversation_id,
      created_at,
      message_id,
    ]);
    await line.markRead({ provider_id: message.whatsapp_message_id, ...read });
  }
}

import { InjectQueue, Process, Processor } from '@nestjs/bull';
import { Logger } from '@nestjs/common';
import { EventBus } from '#common/events';
import type { Job, JobQueue, NewJob } from '#jobs/job-queue';
import { DeliverMessage } from './deliver-message';

interface Wake {
  organization_id: string;
  conversation_id: string;
}

const SWEEP_LIMIT = 500;

/** Wakes the sender of a conversation. The rows of `outbound_sends` are the truth; a job is only a wake-up. */
@Processor('whatsapp-outbound')
export class OutboundJobs {
  private readonly logger = new Logger(OutboundJobs.name);

  constructor(
    @InjectQueue('whatsapp-outbound') private readonly queue: JobQueue<Wake>,
    private readonly delivery: DeliverMessage,
    events: EventBus,
  ) {
    events.on('outbound.waiting', (wake) => this.wake(wake));
  }

  @Process('send')
  async send({ data: { organization_id, conversation_id } }: Job<Wake>): Promise<void> {
    const { again_in_ms } = await this.delivery.drain(organization_id, conversation_id);
    if (again_in_ms !== null) await this.wake({ organization_id, conversation_id }, again_in_ms);
  }

  /** A wake-up that cannot be queued is not lost: the sweep finds the row. */
  async wake({ organization_id, conversation_id }: Wake, delay_ms = 0): Promise<void> {
    await this.queue
      .addBulk([{ ...job({ organization_id, conversation_id }), delay_ms }])
      .catch((error: unknown) => this.logger.debug({ msg: 'wake-up not queued, the sweep will find the message', err: error }));
  }

  /** Wakes what is due and has no job; sends it here while there is nowhere to queue a wake-up. */
  async sweep(): Promise<void> {
    await this.queue.addOrRun((await this.delivery.overdue(SWEEP_LIMIT)).map(job));
  }
}

const job = (wake: Wake): NewJob<Wake> => ({ name: 'send', data: wake, job_id: wake.conversation_id });

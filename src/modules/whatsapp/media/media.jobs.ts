import { InjectQueue, Process, Processor } from '@nestjs/bull';
import { Logger, type OnModuleInit } from '@nestjs/common';
import { EventBus } from '#common/events';
import type { Job, JobQueue, NewJob } from '#jobs/job-queue';
import { FetchMedia } from './fetch-media';
import { MediaService } from './media.service';

interface Fetch {
  organization_id: string;
  media_id: string;
}

/** Files due without a job (Redis is away, a worker died) are found this often. */
const SWEEP_SECONDS = 30;
const UNUSED_SECONDS = 3600;

/** Wakes the fetching of a file. The rows of `media_files` are the truth. */
@Processor('whatsapp-media')
export class MediaJobs implements OnModuleInit {
  private readonly logger = new Logger(MediaJobs.name);

  constructor(
    @InjectQueue('whatsapp-media') private readonly queue: JobQueue<Fetch>,
    @InjectQueue('sweeper') private readonly sweeper: JobQueue,
    private readonly media: FetchMedia,
    events: EventBus,
  ) {
    events.on('media.waiting', ({ organization_id, media_ids }) => this.wake(media_ids.map((media_id) => ({ organization_id, media_id }))));
  }

  onModuleInit(): void {
    this.sweeper.repeat('media', {}, { every_seconds: SWEEP_SECONDS, without_store: true });
    this.sweeper.repeat('media-unused', {}, { every_seconds: UNUSED_SECONDS, without_store: true });
  }

  @Process('fetch')
  async fetch({ data: { organization_id, media_id }, signal }: Job<Fetch>): Promise<void> {
    const { again_in_ms } = await this.media.fetch(organization_id, media_id, signal);
    if (again_in_ms !== null) await this.wake([{ organization_id, media_id }], again_in_ms);
  }

  /** A wake-up that cannot be queued is not lost: the sweep finds the row. */
  async wake(files: Fetch[], delay_ms = 0): Promise<void> {
    await this.queue
      .addBulk(files.map((file) => ({ ...job(file), delay_ms })))
      .catch((error: unknown) => this.logger.debug({ msg: 'wake-up not queued, the sweep will find the file', err: error }));
  }

  /** Wakes what is due and has no job; fetches it here while there is nowhere to queue a wake-up. */
  async sweep(): Promise<void> {
    await this.queue.addOrRun((await this.media.overdue()).map(job));
  }
}

const job = (file: Fetch): NewJob<Fetch> => ({ name: 'fetch', data: file, job_id: file.media_id });

/** The sweeps over files. */
@Processor('sweeper')
export class MediaSweeper {
  constructor(
    private readonly jobs: MediaJobs,
    private readonly media: MediaService,
  ) {}

  @Process('media')
  async overdue(): Promise<void> {
    await this.jobs.sweep();
  }

  @Process('media-unused')
  async unused(): Promise<void> {
    await this.media.removeUnused();
  }
}

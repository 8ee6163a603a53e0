import { InjectQueue, Process, Processor } from '@nestjs/bull';
import type { OnModuleInit } from '@nestjs/common';
import type { JobQueue } from '#jobs/job-queue';
import { MediaService } from './media.service';

const UNUSED_SECONDS = 3600;

/** The sweep over uploads that nobody sent. */
@Processor('sweeper')
export class MediaSweeper implements OnModuleInit {
  constructor(
    @InjectQueue('sweeper') private readonly sweeper: JobQueue,
    private readonly media: MediaService,
  ) {}

  onModuleInit(): void {
    this.sweeper.repeat('media-unused', {}, { every_seconds: UNUSED_SECONDS, without_store: true });
  }

  @Process('media-unused')
  async unused(): Promise<void> {
    await this.media.removeUnused();
  }
}

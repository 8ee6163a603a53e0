import { InjectQueue, Process, Processor } from '@nestjs/bull';
import type { OnModuleInit } from '@nestjs/common';
import type { Job, JobQueue } from '#jobs/job-queue';
import { EndTerms } from './end-terms';
import { EraseOrganizations } from './erase-organizations';

const HOUR_SECONDS = 3600;
const ERASING_SECONDS = 600;
const ROUND_MS = 240_000;
const DAY_SECONDS = 24 * HOUR_SECONDS;

/** The clock in an organization's life. */
@Processor('sweeper')
export class OrganizationJobs implements OnModuleInit {
  constructor(
    @InjectQueue('sweeper') private readonly queue: JobQueue,
    private readonly terms: EndTerms,
    private readonly erasing: EraseOrganizations,
  ) {}

  onModuleInit(): void {
    // Morning comes at another hour in each time zone.
    this.queue.repeat('organization-terms', {}, { every_seconds: HOUR_SECONDS, offset_seconds: 60 });
    this.queue.repeat('organization-limits', {}, { every_seconds: DAY_SECONDS, offset_seconds: 11 * HOUR_SECONDS });
    this.queue.repeat('organization.purge', {}, { every_seconds: ERASING_SECONDS, without_store: true });
  }

  @Process('organization-terms')
  async end(): Promise<void> {
    await this.terms.end();
    await this.terms.remind();
  }

  @Process('organization-limits')
  async warn(): Promise<void> {
    await this.terms.warn();
  }

  @Process('organization.purge')
  async erase({ signal }: Job): Promise<void> {
    // A large one takes several rounds: each ends before its time is over.
    await this.erasing.run(AbortSignal.any([signal, AbortSignal.timeout(ROUND_MS)]));
  }
}

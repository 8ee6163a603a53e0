import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '#config/config';
import { AuditStore } from './audit-store';

const EVERY_MS = 6 * 3_600_000;

/** Retention, `AUDIT_RETENTION_DAYS`. Processes that prune at once find each other's rows gone, no harm. */
@Injectable()
export class AuditJobs implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('audit');
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly config: Config,
    private readonly store: AuditStore,
  ) {}

  onApplicationBootstrap(): void {
    if (this.config.process_role !== 'api') this.timer = setInterval(() => void this.prune(), EVERY_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  async prune(): Promise<void> {
    try {
      const entries = await this.store.prune(this.config.audit_retention_days);
      if (entries) this.logger.log({ msg: 'audit entries past their retention removed', entries });
    } catch (error) {
      this.logger.warn({ msg: 'audit entries past their retention stay until the next round', err: error });
    }
  }
}

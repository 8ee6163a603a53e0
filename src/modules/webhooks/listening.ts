import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Database, type Tx } from '#database/database';
import { Signals } from '#database/signals';

const CHANNEL = 'pytake_webhooks';
/** A signal may get lost. */
const LOOK_AGAIN_MS = 30_000;

/** Who has a webhook that is on: of all others nothing is kept. Known in memory, for it is asked with every event there is. */
@Injectable()
export class Listening implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Listening.name);
  /** null: not known yet, so everybody may. */
  private organizations: Set<string> | null = null;
  /** Who began while we looked: perhaps after it. */
  private readonly begun = new Set<string>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    private readonly signals: Signals,
  ) {}

  has(organization_id: string): boolean {
    return this.organizations?.has(organization_id) ?? true;
  }

  /** An organization's webhook is on, in this process at once, in others within moments. */
  begin(tx: Tx, organization_id: string): void {
    tx.afterCommit(() => {
      this.add(organization_id);
      this.signals.send(CHANNEL, organization_id);
    });
  }

  async onApplicationBootstrap(): Promise<void> {
    this.signals.listen(CHANNEL, (organization_id) => this.add(organization_id));
    this.timer = setInterval(() => void this.look(), LOOK_AGAIN_MS);
    this.timer.unref();
    await this.look();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  private add(organization_id: string): void {
    this.organizations?.add(organization_id);
    this.begun.add(organization_id);
  }

  private async look(): Promise<void> {
    this.begun.clear();
    try {
      const rows = await this.database.rows<{ organization_id: string }>(
        'SELECT DISTINCT organization_id FROM webhooks WHERE is_active AND deleted_at IS NULL',
      );
      this.organizations = new Set([...rows.map(({ organization_id }) => organization_id), ...this.begun]);
    } catch (error) {
      this.logger.debug({ msg: 'not looked for webhooks', err: error });
    }
  }
}

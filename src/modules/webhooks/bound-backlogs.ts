import { Injectable } from '@nestjs/common';
import { Config } from '#config/config';
import { Database } from '#database/database';
import { type DueRow, DueRows } from '#database/due-rows';
import { prepared } from '#database/sql';
import { DeliverWebhooks } from './deliver-webhooks';
import { WebhookHealth } from './webhook-health';
import { DisabledReason, type Webhook } from './webhook.entity';

/** SQL: more wait for webhook `h` than `max`. Read off an index, and no further than that. */
const isOverfull = (max: string): string => `EXISTS (SELECT FROM webhook_deliveries d
  WHERE d.organization_id = h.organization_id AND d.webhook_id = h.id AND d.next_retry_at IS NOT NULL OFFSET ${max} LIMIT 1)`;

const OVERFULL = `SELECT h.organization_id, h.id FROM webhooks h WHERE h.is_active AND h.deleted_at IS NULL AND ${isOverfull('$2')} LIMIT $1`;

const HELD = prepared(`SELECT h.organization_id, h.id, h.name, h.url FROM webhooks h
  WHERE h.organization_id = $1 AND h.id = $2 AND h.is_active AND h.deleted_at IS NULL AND ${isOverfull('$3')} FOR NO KEY UPDATE`);

/** An endpoint that is away for days, or slower than what happens, does not fill the disk: with too much that waits it is switched off. */
@Injectable()
export class BoundBacklogs {
  constructor(
    private readonly config: Config,
    private readonly database: Database,
    private readonly health: WebhookHealth,
    private readonly deliveries: DeliverWebhooks,
    rows: DueRows,
  ) {
    rows.add({
      name: 'webhook-backlogs',
      concurrency: 1,
      timeout_seconds: 30,
      sweep_seconds: 60,
      work: (row) => this.work(row),
      overdue: (limit) => this.database.rows<DueRow>(OVERFULL, [limit, this.config.webhook_pending_max]),
    });
  }

  private async work(row: DueRow): Promise<null> {
    await this.database.tx(async (tx) => {
      const values = [row.organization_id, row.id, this.config.webhook_pending_max];
      const [webhook] = await tx.rows<Pick<Webhook, 'organization_id' | 'id' | 'name' | 'url'> | undefined>(HELD, values);
      if (!webhook) return;
      await this.health.switchOff(tx, webhook, DisabledReason.backlog);
      tx.afterCommit(() => this.deliveries.wake(row));
    });
    return null;
  }
}

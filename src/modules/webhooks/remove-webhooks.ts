import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Database, type Tx } from '#database/database';
import { type DueRow, DueRows, type Wake } from '#database/due-rows';
import { WebhookSecrets } from './webhook-secrets';
import { Webhook } from './webhook.entity';

/** Deliveries of one statement: a log can be long. */
const BATCH = 1000;

/** Takes webhooks away: at once for everybody, and then what hangs on them, in parts. */
@Injectable()
export class RemoveWebhooks {
  private readonly wake: Wake;

  constructor(
    private readonly database: Database,
    private readonly secrets: WebhookSecrets,
    rows: DueRows,
  ) {
    this.wake = rows.add({
      name: 'webhook-removal',
      concurrency: 2,
      timeout_seconds: 60,
      sweep_seconds: 60,
      work: (row) => this.work(row),
      overdue: (limit) =>
        this.database.rows<DueRow>(
          'SELECT organization_id, id FROM webhooks WHERE deleted_at IS NOT NULL ORDER BY organization_id LIMIT $1',
          [limit],
        ),
    });
  }

  async remove(tx: Tx, actor: Actor, webhook: Webhook): Promise<void> {
    const { organization_id, id } = webhook;
    await this.secrets.forget(tx, webhook);
    await this.database.repository(Webhook, tx).remove(actor, id);
    tx.afterCommit(() => this.wake({ organization_id, id }));
  }

  private async work({ organization_id, id }: DueRow): Promise<number | null> {
    const gone = await this.database.rows(
      `DELETE FROM webhook_deliveries WHERE organization_id = $1 AND id IN (
         SELECT d.id FROM webhook_deliveries d JOIN webhooks h ON h.organization_id = d.organization_id AND h.id = d.webhook_id
          WHERE d.organization_id = $1 AND d.webhook_id = $2 AND h.deleted_at IS NOT NULL LIMIT ${BATCH}) RETURNING id`,
      [organization_id, id],
    );
    if (gone.length === BATCH) return 0;
    await this.database.rows('DELETE FROM webhooks WHERE organization_id = $1 AND id = $2 AND deleted_at IS NOT NULL', [
      organization_id,
      id,
    ]);
    return null;
  }
}

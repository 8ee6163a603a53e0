import { Injectable } from '@nestjs/common';
import { Database } from '#database/database';
import { type DueRow, DueRows, waitingOrganizations } from '#database/due-rows';
import { isAtWork } from '#modules/organizations/at-work';
import { CAPABILITIES } from '#modules/whatsapp/provider';
import { activeRow } from '../state/active';
import { expiringRow, takeExpiring } from '../state/traffic';

const BATCH = 500;
/** Contract 20, 3: `window-monitor`. */
const SWEEP_SECONDS = 300;

/** Kinds of numbers that have a window. */
const KINDS = Object.entries(CAPABILITIES).flatMap(([kind, { has_window }]) => (has_window ? [kind] : []));

const OVERDUE = `${waitingOrganizations(`SELECT c.organization_id FROM conversations c WHERE NOT c.is_archived AND ${activeRow('c')}`)}
  SELECT w.organization_id, w.organization_id AS id FROM waiting w
   WHERE w.organization_id IS NOT NULL AND EXISTS (SELECT FROM conversations c WHERE c.organization_id = w.organization_id AND ${expiringRow('c', '$2')})
   LIMIT $1`;

/** Tells the team once of each window that ends within the hour: after it only templates leave. */
@Injectable()
export class WindowMonitor {
  constructor(
    private readonly database: Database,
    rows: DueRows,
  ) {
    rows.add({
      name: 'window-monitor',
      concurrency: 1,
      timeout_seconds: 60,
      sweep_seconds: SWEEP_SECONDS,
      work: (row) => this.tell(row),
      overdue: (limit) => this.database.rows<DueRow>(OVERDUE, [limit, KINDS]),
    });
  }

  private async tell({ organization_id }: DueRow): Promise<number | null> {
    if (!(await isAtWork(this.database, organization_id))) return null;
    return this.database.tx(async (tx) => {
      const expiring = await takeExpiring(tx, organization_id, KINDS, BATCH);
      for (const { id: conversation_id, window_expires_at } of expiring)
        tx.tell('conversation.window_expiring', { organization_id, conversation_id, window_expires_at });
      return expiring.length === BATCH ? 0 : null;
    });
  }
}

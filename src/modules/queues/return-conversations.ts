import { Injectable } from '@nestjs/common';
import { Actor } from '#common/actor';
import { Database, type Tx } from '#database/database';
import { type DueRow, DueRows, waitingOrganizations } from '#database/due-rows';
import { Conversation } from '#modules/conversations/conversation.entity';
import { activeRow } from '#modules/conversations/state/active';
import { unassignAll } from '#modules/conversations/state/moves';
import { atWork } from '#modules/organizations/at-work';

const BATCH = 500;
const SWEEP_SECONDS = 30;

/** Organizations with a queue that takes conversations back, from its index. */
const OVERDUE = `${waitingOrganizations("SELECT organization_id FROM queues WHERE settings ? 'reassign_after_minutes' AND deleted_at IS NULL")}
  SELECT organization_id, organization_id AS id FROM waiting WHERE organization_id IS NOT NULL LIMIT $1`;

/**
 * Live ones of agents who have been away for longer than their queue allows, and had them that long; held, and as they are when they are. While the
 * organization is switched off nobody can be there, and once it is on again they are given the time to come back.
 */
const ABANDONED = `SELECT c.id FROM queues q
   JOIN organizations o ON o.id = q.organization_id
   JOIN conversations c ON c.organization_id = q.organization_id AND c.queue_id = q.id AND ${activeRow('c')}
   JOIN users u ON u.organization_id = c.organization_id AND u.id = c.current_agent_id AND NOT u.is_online
  WHERE q.organization_id = $1 AND q.settings ? 'reassign_after_minutes' AND q.deleted_at IS NULL
    AND ${atWork('q.organization_id')} AND greatest(u.last_seen_at, c.assigned_at, o.updated_at) < now() - (q.settings->>'reassign_after_minutes')::int * interval '1 minute'
  ORDER BY c.id LIMIT ${BATCH} FOR NO KEY UPDATE OF c SKIP LOCKED`;

/** An agent dropped off: after a while their conversations wait again, for somebody who is there. */
@Injectable()
export class ReturnConversations {
  constructor(
    private readonly database: Database,
    rows: DueRows,
  ) {
    rows.add({
      name: 'queue-return',
      concurrency: 2,
      timeout_seconds: 60,
      sweep_seconds: SWEEP_SECONDS,
      work: async ({ organization_id }) => ((await this.database.tx((tx) => this.takeBack(tx, organization_id))) === BATCH ? 0 : null),
      overdue: (limit) => this.database.rows<DueRow>(OVERDUE, [limit]),
    });
  }

  private async takeBack(tx: Tx, organization_id: string): Promise<number> {
    const actor = Actor.system(organization_id);
    const abandoned = await tx.rows<{ id: string }>(ABANDONED, [organization_id]);
    if (!abandoned.length) return 0;
    const ids = abandoned.map(({ id }) => id);
    await unassignAll(tx, actor, await this.database.repository(Conversation, tx).many(actor, ids));
    return ids.length;
  }
}

import { Injectable } from '@nestjs/common';
import { Role } from '#common/actor';
import { Database } from '#database/database';
import { type DueRow, DueRows, inTurn } from '#database/due-rows';
import { Channel, declareNotice } from '#modules/notifications/notice-types';
import { Notices } from '#modules/notifications/notices';
import { activeRow } from '../state/active';

const AGENT_OFFLINE = declareNotice('agent_offline', {
  text: 'An agent with open conversations has been offline for five minutes.',
  channels: [Channel.in_app],
});

/** SQL, of a user `u`: away for five minutes, with conversations that wait, and nobody was told of this absence. Who never came is away since they were added. */
const SINCE = 'coalesce(u.last_seen_at, u.created_at)';
const IS_ABSENT = `NOT u.is_online AND u.is_active AND u.deleted_at IS NULL AND ${SINCE} < now() - interval '5 minutes'
  AND NOT EXISTS (SELECT FROM absent_agents a WHERE a.organization_id = u.organization_id AND a.user_id = u.id AND a.since >= ${SINCE})
  AND EXISTS (SELECT FROM conversations c WHERE c.organization_id = u.organization_id AND c.current_agent_id = u.id AND ${activeRow('c')})`;

const OVERDUE = inTurn(
  'SELECT organization_id FROM users',
  `SELECT u.id FROM users u WHERE u.organization_id = w.organization_id AND ${IS_ABSENT}`,
);

/** Takes the absence for whoever comes first. */
const TAKE = `INSERT INTO absent_agents AS told (organization_id, user_id, since)
  SELECT u.organization_id, u.id, ${SINCE} FROM users u WHERE u.organization_id = $1 AND u.id = $2 AND ${IS_ABSENT}
  ON CONFLICT (organization_id, user_id) DO UPDATE SET since = excluded.since WHERE told.since < excluded.since
  RETURNING user_id`;

const SEEN = `SELECT u.full_name,
        (SELECT count(*)::int FROM conversations c WHERE c.organization_id = u.organization_id AND c.current_agent_id = u.id AND ${activeRow('c')}) AS count
   FROM users u WHERE u.organization_id = $1 AND u.id = $2`;

/** Tells administrators once of each absence of an agent whom customers wait for. */
@Injectable()
export class AbsentAgents {
  constructor(
    private readonly database: Database,
    private readonly notices: Notices,
    rows: DueRows,
  ) {
    rows.add({
      name: 'absent-agents',
      concurrency: 1,
      timeout_seconds: 30,
      sweep_seconds: 30,
      work: (row) => this.tell(row),
      overdue: (limit) => this.database.rows(OVERDUE, [limit]),
    });
  }

  private tell({ organization_id, id }: DueRow): Promise<null> {
    return this.database.tx(async (tx) => {
      const [taken] = await tx.rows(TAKE, [organization_id, id]);
      if (!taken) return null;
      const [{ full_name, count }] = await tx.rows<{ full_name: string; count: number }>(SEEN, [organization_id, id]);
      await this.notices.tell(tx, {
        organization_id,
        role: Role.org_admin,
        type: AGENT_OFFLINE,
        title: { 'pt-BR': `${full_name} está offline com conversas abertas`, en: `${full_name} is offline with open conversations` },
        message: {
          'pt-BR': `Offline há mais de 5 minutos. Conversas abertas: ${count}.`,
          en: `Offline for more than 5 minutes. Open conversations: ${count}.`,
        },
        data: { agent_id: id },
      });
      return null;
    });
  }
}

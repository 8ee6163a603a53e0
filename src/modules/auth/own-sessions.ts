import { Injectable } from '@nestjs/common';
import { Sessions } from '#access/sessions';
import type { Actor } from '#common/actor';
import { NotFound, Unauthenticated } from '#common/errors';
import { Database } from '#database/database';
import { deviceOf } from './device-of';
import type { OwnSession, SessionList } from './own-session.dto';

const SHOWN_MAX = 100;

// One's own, met by one's id: also while a super admin acts inside another organization. A session without a refresh token that is still good ends
// with its access token, and is as good as over.
const LIVE = `FROM sessions s JOIN users u ON u.organization_id = s.organization_id AND u.id = s.user_id
             WHERE u.id = $1 AND s.revoked_at IS NULL AND s.expires_at > now()
               AND (s.id = $2 OR EXISTS (SELECT FROM refresh_tokens r WHERE r.session_id = s.id AND r.used_at IS NULL AND r.expires_at > now()))`;

/** Where a user is signed in. */
@Injectable()
export class OwnSessions {
  constructor(
    private readonly database: Database,
    private readonly sessions: Sessions,
  ) {}

  async list({ user_id, session_id }: Actor): Promise<SessionList> {
    const rows = await this.database.rows<Omit<OwnSession, 'device' | 'is_current'> & { total: number }>(
      `SELECT s.id, s.user_agent, coalesce(s.last_used_ip, s.ip_address) AS ip_address, s.created_at, s.last_used_at, s.expires_at,
              count(*) OVER ()::int AS total
         ${LIVE} ORDER BY s.id = $2 DESC, coalesce(s.last_used_at, s.created_at) DESC LIMIT ${SHOWN_MAX}`,
      [user_id, session_id],
    );
    const items = rows.map(({ total: _, ...row }) => ({ ...row, device: deviceOf(row.user_agent), is_current: row.id === session_id }));
    return { items, total: rows[0]?.total ?? 0 };
  }

  /** Ends one of the caller's sessions: its tokens and its sockets. @throws {NotFound} It is somebody else's, or over. */
  async end(actor: Actor, id: string): Promise<void> {
    const { user_id } = actor;
    if (!user_id) throw new Unauthenticated();
    await this.database.tx(async (tx) => {
      const [live] = await tx.rows(`SELECT s.id ${LIVE} AND s.id = $2 FOR UPDATE OF s`, [user_id, id]);
      if (!live) throw new NotFound('Session');
      await this.sessions.end(tx, user_id, id, 'ended_by_user');
      tx.audit(actor.atHome, 'auth.session_ended', { resource_type: 'session', resource: { id } });
    });
  }
}

import { Injectable } from '@nestjs/common';
import { Sessions } from '#access/sessions';
import type { Actor } from '#common/actor';
import { NotFound, Unauthenticated } from '#common/errors';
import type { Page, PageQuery } from '#common/page.dto';
import { pageOfList } from '#common/page-of-list';
import { Database } from '#database/database';
import { deviceOf } from './device-of';
import type { OwnSession } from './own-session.dto';

/** Of the last used. */
const SHOWN_MAX = 1000;

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

  async page({ user_id, session_id }: Actor, query: PageQuery): Promise<Page<OwnSession>> {
    const rows = await this.database.rows<Omit<OwnSession, 'device' | 'is_current'>>(
      `SELECT s.id, s.user_agent, coalesce(s.last_used_ip, s.ip_address) AS ip_address, s.created_at, s.last_used_at, s.expires_at
         ${LIVE} ORDER BY s.id = $2 DESC, coalesce(s.last_used_at, s.created_at) DESC LIMIT ${SHOWN_MAX}`,
      [user_id, session_id],
    );
    const sessions = rows.map((row): OwnSession => ({ ...row, device: deviceOf(row.user_agent), is_current: row.id === session_id }));
    return pageOfList(sessions, query, {
      search: ['device', 'user_agent', 'ip_address'],
      sort: ['created_at', 'last_used_at', 'expires_at', 'device', 'ip_address'],
    });
  }

  /** Ends one of the caller's sessions: its tokens and its sockets. @throws {NotFound} It is somebody else's, or over. */
  async end(actor: Actor, id: string): Promise<void> {
    const { user_id } = actor;
    if (!user_id) throw new Unauthenticated();
    await this.database.tx(async (tx) => {
      const [live] = await tx.rows(`SELECT s.id ${LIVE} AND s.id = $2 FOR UPDATE OF s`, [user_id, id]);
      if (!live) throw new NotFound('Session');
      await this.sessions.end(tx, user_id, id, 'ended_by_user');
      tx.audit(actor.atHome, 'auth.session_ended', { resource_type: 'session', resource: { id }, before: { user_id } });
    });
  }
}

import { Injectable } from '@nestjs/common';
import { Database } from '#database/database';
import { MediaService } from '#modules/whatsapp/media/media.service';
import { releaseMessages } from '../state/merging';
import { forgetComments } from '../state/rating';

/** What an organization no longer wants to keep. In small parts, each with its own commit, past rows that somebody works on: the inbox comes first. */
@Injectable()
export class PurgeMessages {
  constructor(
    private readonly database: Database,
    private readonly media: MediaService,
  ) {}

  /** Deletes messages older than so many days with their files, and what was said about conversations, the oldest first, at most `limit`; answers how many. What waits to leave stays. */
  messages(organization_id: string, days: number, limit: number): Promise<number> {
    return this.database.tx(async (tx) => {
      await forgetComments(tx, organization_id, days, limit);
      const old = await tx.rows<{ id: string }>(
        `SELECT m.id FROM messages m WHERE m.organization_id = $1 AND m.created_at < now() - make_interval(days => $2)
            AND NOT EXISTS (SELECT FROM outbound_sends s WHERE s.organization_id = m.organization_id AND s.message_id = m.id)
          ORDER BY m.created_at, m.id LIMIT $3 FOR UPDATE OF m SKIP LOCKED`,
        [organization_id, days, limit],
      );
      if (!old.length) return 0;
      const ids = old.map(({ id }) => id);
      await this.media.removeOf(tx, organization_id, ids);
      await releaseMessages(tx, organization_id, ids);
      await tx.rows('DELETE FROM messages WHERE organization_id = $1 AND id = ANY($2)', [organization_id, ids]);
      return ids.length;
    });
  }

  /** The bytes of files older than so many days go, at most `limit`; answers how many. Their messages say `expired`. */
  async files(organization_id: string, days: number, limit: number): Promise<number> {
    return this.database.tx(async (tx) => {
      const { files, message_ids } = await this.media.expire(tx, organization_id, days, limit);
      await tx.rows(
        `UPDATE messages SET media = media || '{"status": "expired", "url": null, "filename": null}', updated_at = now()
          WHERE organization_id = $1 AND id = ANY($2) AND media IS NOT NULL`,
        [organization_id, message_ids],
      );
      return files;
    });
  }
}

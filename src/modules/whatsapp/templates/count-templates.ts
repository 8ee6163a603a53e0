import { type Sql, prepared } from '#database/sql';

/** How far a message has come, as far as it is counted. */
export interface Counted {
  status: string;
  sent_at: Date | null;
  delivered_at: Date | null;
  read_at: Date | null;
}

/** A step of a message that was sent with a template, or with none. */
export interface Step {
  organization_id: string;
  template_id: string | null;
  before: Counted;
  after: Counted;
}

const COUNT =
  prepared(`INSERT INTO template_counts AS c (template_id, organization_id, sent_count, delivered_count, read_count, failed_count)
  SELECT template_id, organization_id, sum(sent), sum(delivered), sum(read), sum(failed)
    FROM json_to_recordset($1) AS moved(template_id uuid, organization_id uuid, sent int, delivered int, read int, failed int)
   GROUP BY organization_id, template_id ORDER BY organization_id, template_id
  ON CONFLICT (organization_id, template_id) DO UPDATE
     SET sent_count = c.sent_count + excluded.sent_count, delivered_count = c.delivered_count + excluded.delivered_count,
         read_count = c.read_count + excluded.read_count, failed_count = c.failed_count + excluded.failed_count`);

/**
 * Counts what became of messages, in the transaction that says so: all templates in one statement, in one order, last, so that two who count the
 * same ones wait for no more than a commit. Without a template there is no statement.
 */
export async function countTemplates(sql: Sql, steps: readonly Step[]): Promise<void> {
  const moved = steps.flatMap(({ organization_id, template_id, before, after }) => {
    if (!template_id) return [];
    const [was, is] = [reached(before), reached(after)];
    const step = {
      sent: is.sent - was.sent,
      delivered: is.delivered - was.delivered,
      read: is.read - was.read,
      failed: is.failed - was.failed,
    };
    return Object.values(step).some((by) => by !== 0) ? [{ organization_id, template_id, ...step }] : [];
  });
  if (moved.length) await sql.rows(COUNT, [JSON.stringify(moved)]);
}

/** A message that failed after it was sent counts as both. */
const reached = ({ status, sent_at, delivered_at, read_at }: Counted): Record<'sent' | 'delivered' | 'read' | 'failed', number> => ({
  sent: Number(sent_at !== null),
  delivered: Number(delivered_at !== null),
  read: Number(read_at !== null),
  failed: Number(status === 'failed'),
});

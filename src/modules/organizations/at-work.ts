import type { Sql } from '#database/sql';
import { GRACE_DAYS } from './grace';

/** SQL: whether the organization of this id is at work. Of one that is suspended, switched off or deleted nothing leaves and no job runs. */
export const atWork = (organization_id: string): string =>
  `EXISTS (SELECT FROM organizations o WHERE o.id = ${organization_id} AND o.status = 'active' AND o.deleted_at IS NULL)`;

/** SQL: whether the organization of this id cannot be had back any more. It is erased as soon as others have let go of it. */
export const isPastHaving = (organization_id: string): string =>
  `EXISTS (SELECT FROM organizations o WHERE o.id = ${organization_id} AND o.deleted_at <= now() - interval '${GRACE_DAYS} days')`;

export async function isAtWork(sql: Sql, organization_id: string): Promise<boolean> {
  const [{ at_work }] = await sql.rows<{ at_work: boolean }>(`SELECT ${atWork('$1')} AS at_work`, [organization_id]);
  return at_work;
}

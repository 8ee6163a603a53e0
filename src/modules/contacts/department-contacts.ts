import type { Sql } from '#database/sql';

/** A department goes: whom it looked after another one does, or (null) none. */
export async function moveContacts(sql: Sql, organization_id: string, from: string, to: string | null): Promise<void> {
  await sql.rows(
    'UPDATE contacts SET assigned_department_id = $3, updated_at = now() WHERE organization_id = $1 AND assigned_department_id = $2 AND deleted_at IS NULL',
    [organization_id, from, to],
  );
}

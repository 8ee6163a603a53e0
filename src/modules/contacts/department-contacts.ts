import type { Actor } from '#common/actor';
import { NotFound } from '#common/errors';
import { type Sql, prepared } from '#database/sql';

const THERE = prepared('SELECT id FROM departments WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL');

/** A row of a room upstairs, of which only the id is known here. @throws {NotFound} */
export async function assertDepartment(sql: Sql, { organization_id }: Actor, id: string): Promise<void> {
  if (!(await sql.rows(THERE, [organization_id, id])).length) throw new NotFound('Department');
}

/** A department goes: whom it looked after another one does, or (null) none. */
export async function moveContacts(sql: Sql, organization_id: string, from: string, to: string | null): Promise<void> {
  await sql.rows(
    'UPDATE contacts SET assigned_department_id = $3, updated_at = now() WHERE organization_id = $1 AND assigned_department_id = $2 AND deleted_at IS NULL',
    [organization_id, from, to],
  );
}

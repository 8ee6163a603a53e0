import { declareDepartmentRows, departmentInUse } from '#modules/departments/department-rows';

const HELD = 'organization_id = $1 AND department_id = $2 AND deleted_at IS NULL';

/** A department goes: its queues become another's, or keep it. */
declareDepartmentRows(async (tx, { actor: { organization_id }, from, to }) => {
  if (to) await tx.rows(`UPDATE queues SET department_id = $3, updated_at = now() WHERE ${HELD}`, [organization_id, from, to]);
  else if ((await tx.rows(`SELECT 1 FROM queues WHERE ${HELD} LIMIT 1`, [organization_id, from])).length) throw departmentInUse('queues');
});

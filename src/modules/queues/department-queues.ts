import { declareDepartmentRows, departmentInUse } from '#modules/departments/department-rows';

/** A department goes: its queues become another's, or keep it. */
declareDepartmentRows(async (tx, { actor: { organization_id }, from, to }) => {
  const queues = await tx.rows<{ id: string }>(
    'SELECT id FROM queues WHERE organization_id = $1 AND department_id = $2 AND deleted_at IS NULL ORDER BY id FOR NO KEY UPDATE',
    [organization_id, from],
  );
  if (!queues.length) return;
  if (!to) throw departmentInUse('queues');
  await tx.rows('UPDATE queues SET department_id = $3, updated_at = now() WHERE organization_id = $1 AND id = ANY($2)', [
    organization_id,
    queues.map(({ id }) => id),
    to,
  ]);
});

import { prepared } from '#database/sql';
import { activeRow } from '#modules/conversations/state/active';
import { moveToDepartment } from '#modules/conversations/state/queueing';
import { declareDepartmentRows, departmentInUse } from '#modules/departments/department-rows';

const HAS =
  prepared(`SELECT EXISTS (SELECT FROM queues q WHERE q.organization_id = $1 AND q.department_id = $2 AND q.deleted_at IS NULL) AS queues,
    EXISTS (SELECT FROM conversations c WHERE c.organization_id = $1 AND c.department_id = $2 AND ${activeRow('c')}) AS conversations`);

/** A department goes: its queues and live conversations become another's, or keep it. */
declareDepartmentRows(async (tx, { actor, from, to }) => {
  const { organization_id } = actor;
  if (to) {
    await tx.rows(
      'UPDATE queues SET department_id = $3, updated_at = now() WHERE organization_id = $1 AND department_id = $2 AND deleted_at IS NULL',
      [organization_id, from, to],
    );
    await moveToDepartment(tx, actor, from, to);
    return;
  }
  const [has] = await tx.rows<{ queues: boolean; conversations: boolean }>(HAS, [organization_id, from]);
  if (has.queues) throw departmentInUse('queues');
  if (has.conversations) throw departmentInUse('open conversations');
});

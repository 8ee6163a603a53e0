import { prepared } from '#database/sql';
import { declareDepartmentRows, departmentInUse } from '#modules/departments/department-rows';
import { activeRow } from './active';

/** The live ones of a department; in the order in which everybody locks them. */
const LIVE = `SELECT c.id FROM conversations c WHERE c.organization_id = $1 AND c.department_id = $2 AND ${activeRow('c')}
  ORDER BY c.id FOR NO KEY UPDATE`;

const ANY = prepared(`${LIVE} LIMIT 1`);

const MOVE = prepared(`WITH live AS (${LIVE})
  UPDATE conversations c SET department_id = $3, updated_at = now() FROM live WHERE c.organization_id = $1 AND c.id = live.id RETURNING c.id`);

// Those that are over stay as they were: whose they were is history.
declareDepartmentRows(async (tx, { actor: { organization_id, user_id }, from, to }) => {
  if (to === null) {
    if ((await tx.rows(ANY, [organization_id, from])).length) throw departmentInUse('open or pending conversations');
    return;
  }
  for (const { id: conversation_id } of await tx.rows<{ id: string }>(MOVE, [organization_id, from, to]))
    tx.tell('conversation.updated', { organization_id, conversation_id, user_id });
});

import type { RoomFacts } from '../support/rooms';

export const facts: RoomFacts = {
  roles: { org_admin: ['GET /audit-logs', 'GET /audit-logs/export', 'GET /audit-logs/{audit_log_id}'] },
  ids: { audit_log_id: 'audit_log', actor_id: 'user', resource_id: 'contact' },
  no_ids: { request_id: 'any word of the caller' },
  belongings: async ({ sql }, { id }) => {
    const [entry] = await sql<{ id: string }>('SELECT id FROM audit_logs WHERE organization_id = $1 LIMIT 1', [id]);
    return { audit_log: entry.id };
  },
};

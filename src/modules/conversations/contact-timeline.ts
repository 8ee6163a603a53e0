import { declareTimeline } from '#modules/contacts/timeline';

declareTimeline('conversation', {
  resource: 'conversations',
  rows: `SELECT c.id || '.' || e.verb AS id, 'conversation.' || e.verb AS action, e.at AS occurred_at, NULL::uuid AS user_id,
      jsonb_strip_nulls(jsonb_build_object('conversation_id', c.id, 'whatsapp_number_id', c.whatsapp_number_id, 'status', c.status,
        'close_reason', CASE WHEN e.verb = 'closed' THEN c.close_reason END)) AS data
    FROM conversations c
    CROSS JOIN LATERAL (VALUES ('started', c.created_at), ('reopened', c.reopened_at), ('resolved', c.resolved_at), ('closed', c.closed_at)) AS e(verb, at)
   WHERE c.organization_id = $1 AND c.contact_id = $2 AND e.at IS NOT NULL`,
});

import { declareTimeline } from '#modules/contacts/timeline';

declareTimeline('consent', {
  resource: 'privacy',
  rows: `SELECT s.id || '.' || e.verb AS id, 'consent.' || e.verb AS action, e.at AS occurred_at, CASE WHEN e.verb = 'recorded' THEN s.recorded_by END AS user_id,
      jsonb_build_object('consent_id', s.id, 'purpose', s.purpose, 'granted', s.granted, 'status', s.status, 'channel', s.channel) AS data
    FROM consents s
    CROSS JOIN LATERAL (VALUES ('recorded', s.created_at), ('revoked', s.revoked_at), ('expired', CASE WHEN s.status = 'expired' THEN s.expires_at END)) AS e(verb, at)
   WHERE s.organization_id = $1 AND s.subject_type = 'contact' AND s.subject_id = $2 AND e.at IS NOT NULL`,
});

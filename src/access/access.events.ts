import { DEMO } from '#common/demo';
import { type PayloadsOf, declareEvents, event } from '#common/events';

export const ACCESS_EVENTS = declareEvents({
  'session.ended': event<{
    user_id: string;
    /** null: all of theirs. */
    session_id: string | null;
  }>({
    text: 'One session of a user ended, or all of them: log-out, another role, another password, a deactivated account.',
    sample: { user_id: DEMO.user_id, session_id: null },
  }),
  'session.changed': event<{ user_id: string }>({
    text: 'What a user may is to be read anew: permissions of their own, a second factor.',
    sample: { user_id: DEMO.user_id },
  }),
  'api_key.changed': event<{ organization_id: string; api_key_id: string }>({
    text: 'An API key may do other things than before, or nothing any more: changed, rotated, revoked.',
    sample: { organization_id: DEMO.organization_id, api_key_id: DEMO.api_key_id },
  }),
});

declare module '#common/events' {
  interface Events extends PayloadsOf<typeof ACCESS_EVENTS> {}
}

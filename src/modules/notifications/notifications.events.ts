import { DEMO } from '#common/demo';
import { type PayloadsOf, declareEvents, event } from '#common/events';

const { organization_id, user_id, notification_id } = DEMO;

export const NOTIFICATION_EVENTS = declareEvents({
  'notification.created': event<{ organization_id: string; notification_ids: string[] }>({
    text: 'Users are told of something.',
    sample: { organization_id, notification_ids: [notification_id] },
  }),
  'notification.read': event<{
    organization_id: string;
    user_id: string;
    /** null: all of them. */
    notification_id: string | null;
  }>({
    text: 'A user has read what they were told, or put it away unread.',
    sample: { organization_id, user_id, notification_id },
  }),
});

declare module '#common/events' {
  interface Events extends PayloadsOf<typeof NOTIFICATION_EVENTS> {}
}

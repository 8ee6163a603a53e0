import { DEMO } from '#common/demo';
import { type PayloadsOf, declareEvents, event } from '#common/events';
import { type DataOf, declareSocketEvents } from '#realtime/realtime.events';
import { Channel } from './notice-types';
import { NotificationsRead } from './notification.dto';
import { DeliveryStatus, Notification, NotificationPriority, NotificationStatus } from './notification.entity';

const { organization_id, user_id, notification_id } = DEMO;

const data = { conversation_id: DEMO.conversation_id, contact_id: DEMO.contact_id };

const NOTIFICATION: Notification = {
  id: notification_id,
  organization_id,
  user_id,
  type: 'conversation_assigned',
  notification_type: 'conversation_assigned',
  title: 'Nova conversa para você: João Pereira',
  subject: 'Nova conversa para você: João Pereira',
  message: 'A conversa com João Pereira agora é sua.',
  priority: NotificationPriority.normal,
  data,
  notification_metadata: data,
  action_url: null,
  is_read: false,
  read_at: null,
  status: NotificationStatus.unread,
  deliveries: [
    {
      channel: Channel.in_app,
      status: DeliveryStatus.sent,
      recipient: user_id,
      sent_at: DEMO.time.toISOString(),
      error_message: null,
      reason: null,
      retry_count: 0,
    },
  ],
  created_at: DEMO.time,
  updated_at: DEMO.time,
};

export const NOTIFICATION_EVENTS = declareEvents({
  'notification.created': event<{ organization_id: string; notification_ids: string[] }>({
    text: 'Users are told of something, anew or again.',
    sample: { organization_id, notification_ids: [notification_id] },
    sockets: ['notification:new'],
  }),
  'notification.read': event<{
    organization_id: string;
    user_id: string;
    /** null: all of them. */
    notification_id: string | null;
  }>({
    text: 'A user has read what they were told, or put it away unread.',
    sample: { organization_id, user_id, notification_id },
    sockets: ['notification:read'],
  }),
});

/** What the sockets of one user hear. */
export const NOTIFICATION_NEWS = declareSocketEvents({
  'notification:new': {
    text: 'You are told of something. With an id you know: the same, with newer words.',
    channel: 'notifications',
    payload: Notification,
    sample: NOTIFICATION,
  },
  'notification:read': {
    text: 'You have read a notification, or all of them, or put them away, on this device or another.',
    channel: 'notifications',
    payload: NotificationsRead,
    sample: { id: notification_id, unread_count: 0 },
  },
});

declare module '#common/events' {
  interface Events extends PayloadsOf<typeof NOTIFICATION_EVENTS> {}
}

declare module '#realtime/realtime.events' {
  interface RealtimeEvents extends DataOf<typeof NOTIFICATION_NEWS> {}
}

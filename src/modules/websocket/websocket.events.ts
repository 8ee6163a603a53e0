import { Role } from '#common/actor';
import { DEMO } from '#common/demo';
import { type PayloadsOf, declareEvents, event } from '#common/events';
import { type DataOf, declareSocketEvents } from '#realtime/realtime.events';
import { Announcement } from './websocket.dto';

const announcement: Announcement = {
  message: 'O sistema reinicia às 22h.',
  level: 'warning',
  from: { id: DEMO.user_id, full_name: 'Bruno Alves' },
};

export const WEBSOCKET_EVENTS = declareEvents({
  'announcement.sent': event<{ organization_id: string; role: Role | null; announcement: Announcement }>({
    text: 'An administrator told something to everybody who is there, or to those of a role.',
    sample: { organization_id: DEMO.organization_id, role: null, announcement },
    sockets: ['announcement'],
  }),
});

export const WEBSOCKET_NEWS = declareSocketEvents({
  announcement: {
    text: 'An administrator tells everybody who is there something, or those of a role.',
    channel: 'notifications',
    payload: Announcement,
    sample: announcement,
  },
});

declare module '#common/events' {
  interface Events extends PayloadsOf<typeof WEBSOCKET_EVENTS> {}
}

declare module '#realtime/realtime.events' {
  interface RealtimeEvents extends DataOf<typeof WEBSOCKET_NEWS> {}
}

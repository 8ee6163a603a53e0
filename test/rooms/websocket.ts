import type { RoomFacts } from '../support/rooms';
import { connectionOf } from '../support/sockets';

export const facts: RoomFacts = {
  roles: {
    viewer: ['GET /websocket/online-users', 'GET /websocket/stats'],
    org_admin: ['DELETE /websocket/{connection_id}', 'GET /websocket', 'GET /websocket/{connection_id}', 'POST /websocket/broadcast'],
  },
  ids: { connection_id: 'connection' },
  bodies: () => ({ 'POST /websocket/broadcast': { message: 'Olá a todos' }, sendAnnouncement: { message: 'Olá a todos' } }),
  belongings: async (_, { admin }) => ({ connection: await connectionOf(admin) }),
  acts: [
    {
      rest: 'POST websocket/broadcast',
      mutation: 'sendAnnouncement',
      said: ['websocket.broadcast_sent'],
      changes_nothing: 'a word leaves, and nothing is kept',
      given: () => Promise.resolve({ body: { message: 'O sistema reinicia às 22h.' } }),
      wrong: { message: ' ' },
    },
    {
      rest: 'DELETE websocket/:connection_id',
      mutation: 'deleteWebsocketConnection',
      said: ['websocket.connection_dropped'],
      changes_nothing: 'a connection is no row',
      given: async ({ agent, admin }) => ({ id: await connectionOf(agent, admin) }),
    },
  ],
};

import type { Stage } from '../support/acts';
import type { RoomFacts } from '../support/rooms';
import type { Person } from '../support/world';

/** Something a person tells themselves; answers its id. */
async function noticeTo(person: Person): Promise<string> {
  const { body } = await person
    .post('/notifications', { user_ids: [person.user.id], title: 'Reunião às 15h', message: 'Na sala da frente.' })
    .expect(201);
  return (body as { items: { id: string }[] }).items[0].id;
}

const notice = async (stage: Stage): Promise<string> => noticeTo(stage.admin);

export const facts: RoomFacts = {
  roles: {
    viewer: [
      'DELETE /notifications',
      'DELETE /notifications/{notification_id}',
      'GET /notifications',
      'GET /notifications/preferences',
      'GET /notifications/unread-count',
      'GET /notifications/{notification_id}',
      'POST /notifications/read-all',
      'POST /notifications/test',
      'POST /notifications/{notification_id}/read',
      'PUT /notifications/preferences',
    ],
    org_admin: ['POST /notifications'],
  },
  ids: { notification_id: 'notification', user_ids: 'user' },
  bodies: () => ({
    'POST /notifications': { title: 'Reunião às 15h', message: 'Na sala da frente.' },
  }),
  belongings: async (_w, company) => ({ notification: await noticeTo(company.admin) }),
  acts: [
    {
      rest: 'POST notifications',
      mutation: 'sendNotification',
      said: ['notification.sent'],
      given: (stage) => Promise.resolve({ body: { user_ids: [stage.agent.user.id], title: 'Reunião', message: 'Às 15h.' } }),
      wrong: { role: 'nobody' },
    },
    {
      rest: 'POST notifications/test',
      said: ['notification.tested'],
      given: () => Promise.resolve({ body: { channel: 'in_app' } }),
      wrong: { channel: 'pigeon' },
    },
    {
      rest: 'POST notifications/:notification_id/read',
      mutation: 'markNotificationRead',
      said: ['notification.read'],
      changes: ['is_read'],
      given: async (stage) => ({ id: await notice(stage) }),
    },
    {
      rest: 'POST notifications/read-all',
      mutation: 'markAllNotificationsRead',
      said: ['notification.all_read'],
      given: async (stage) => (await notice(stage), {}),
    },
    {
      rest: 'DELETE notifications/:notification_id',
      mutation: 'deleteNotification',
      said: ['notification.deleted'],
      given: async (stage) => ({ id: await notice(stage) }),
    },
    {
      rest: 'DELETE notifications',
      said: ['notification.cleared'],
      given: async (stage) => (await stage.admin.post(`/notifications/${await notice(stage)}/read`).expect(200), {}),
    },
    {
      rest: 'PUT notifications/preferences',
      mutation: 'updateNotificationPreferences',
      said: ['notification_preference.updated'],
      changes: ['max_emails_per_hour', 'types'],
      given: () => Promise.resolve({ body: { max_emails_per_hour: 20, types: { custom: { email: true } } } }),
      wrong: { max_emails_per_hour: 0 },
    },
  ],
};

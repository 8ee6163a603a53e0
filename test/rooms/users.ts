import { randomUUID } from 'node:crypto';
import { someone } from '../support/acts';
import type { RoomFacts } from '../support/rooms';
import { PASSWORD } from '../support/world';

export const facts: RoomFacts = {
  roles: {
    viewer: ['GET /users', 'GET /users/me', 'GET /users/{user_id}', 'PUT /users/me'],
    org_admin: ['POST /users', 'POST /users/{user_id}/activate', 'POST /users/{user_id}/deactivate', 'PUT /users/{user_id}'],
  },
  ids: {
    user_id: 'user',
    agent_id: 'user',
    assigned_agent_id: 'user',
    assigned_to: 'user',
    department_id: 'department',
    department_ids: 'department',
  },
  not_looked_up: {
    'PUT /users/me department_ids': 'one’s own are an administrator’s to change, whosever they are',
  },
  bodies: () => ({
    'POST /users': { email: `${randomUUID()}@acme.example`, full_name: 'Bia Lima', role: 'agent', password: 'correct-horse-1' },
  }),
  acts: [
    {
      rest: 'POST users',
      mutation: 'createUser',
      said: ['user.invited'],
      given: () => Promise.resolve({ body: { email: someone(), full_name: 'Carla Dias', role: 'viewer' } }),
      wrong: { email: 'nobody' },
    },
    {
      rest: 'POST users',
      mutation: 'createUser',
      said: ['user.created'],
      given: () => Promise.resolve({ body: { email: someone(), full_name: 'Carla Dias', role: 'agent', password: PASSWORD } }),
    },
    {
      rest: 'PUT users/:user_id',
      mutation: 'updateUser',
      said: ['user.role_changed'],
      changes: ['bio', 'role'],
      given: (stage) => Promise.resolve({ id: stage.agent.user.id, body: { bio: 'Fala pouco', role: 'viewer' } }),
      wrong: { role: 'bogus' },
    },
    {
      rest: 'PUT users/me',
      mutation: 'updateMe',
      said: ['user.updated'],
      changes: ['full_name'],
      given: (stage) => Promise.resolve({ person: stage.agent, body: { full_name: 'Bruno Alves' } }),
      wrong: { full_name: '' },
    },
    {
      rest: 'POST users/:user_id/activate',
      said: ['user.activated'],
      changes: ['is_active'],
      given: async ({ world }) => ({ id: (await world.acme.hire('agent', { is_active: false })).user.id }),
    },
    {
      rest: 'POST users/:user_id/deactivate',
      said: ['user.deactivated'],
      changes: ['is_active'],
      given: (stage) => Promise.resolve({ id: stage.agent.user.id }),
    },
  ],
};

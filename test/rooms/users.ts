import { randomUUID } from 'node:crypto';
import { someone } from '../support/acts';
import type { RoomFacts } from '../support/rooms';
import { PASSWORD } from '../support/world';

export const facts: RoomFacts = {
  roles: {
    viewer: [
      'GET /permissions',
      'GET /roles',
      'GET /users',
      'GET /users/me',
      'GET /users/me/stats',
      'GET /users/{user_id}',
      'GET /users/{user_id}/activity',
      'GET /users/{user_id}/permissions',
      'GET /users/{user_id}/stats',
      'POST /users/{user_id}/change-password',
      'PUT /users/me',
    ],
    org_admin: [
      'DELETE /users/{user_id}',
      'POST /users',
      'POST /users/{user_id}/activate',
      'POST /users/{user_id}/deactivate',
      'POST /users/{user_id}/resend-invite',
      'PUT /users/{user_id}',
      'PUT /users/{user_id}/permissions',
    ],
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
    'POST /users/{user_id}/change-password': { new_password: 'another-horse-2' },
    'PUT /users/{user_id}/permissions': { permissions: ['read:contacts'] },
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
      rest: 'POST users/:user_id/resend-invite',
      said: ['user.invited'],
      changes_nothing: 'a mail leaves once more',
      given: async (stage) => ({ id: await stage.made('/users', { email: someone(), full_name: 'Carla Dias' }) }),
    },
    {
      rest: 'DELETE users/:user_id',
      mutation: 'deleteUser',
      said: ['user.deleted'],
      given: async ({ world }) => ({ id: (await world.acme.hire('agent')).user.id }),
    },
    {
      rest: 'PUT users/:user_id/permissions',
      mutation: 'updateUserPermissions',
      said: ['user.permissions_changed'],
      changes: ['custom_permissions'],
      given: (stage) => Promise.resolve({ id: stage.agent.user.id, body: { permissions: ['read:contacts'] } }),
      wrong: { permissions: 'everything' },
    },
    {
      rest: 'POST users/:user_id/change-password',
      said: ['user.password_changed'],
      given: (stage) => Promise.resolve({ id: stage.agent.user.id, body: { new_password: 'another-horse-2' } }),
      wrong: { new_password: 'short' },
    },
    {
      rest: 'POST users/:user_id/change-password',
      mutation: 'changePassword',
      mutation_is_own: true,
      said: ['user.password_changed'],
      given: ({ agent }) =>
        Promise.resolve({ person: agent, id: agent.user.id, body: { current_password: PASSWORD, new_password: 'another-horse-2' } }),
    },
    {
      rest: 'POST users/:user_id/activate',
      mutation: 'activateUser',
      said: ['user.activated'],
      changes: ['is_active'],
      given: async ({ world }) => ({ id: (await world.acme.hire('agent', { is_active: false })).user.id }),
    },
    {
      rest: 'POST users/:user_id/deactivate',
      mutation: 'deactivateUser',
      said: ['user.deactivated'],
      changes: ['is_active'],
      given: (stage) => Promise.resolve({ id: stage.agent.user.id }),
    },
  ],
};

import type { Stage } from '../support/acts';
import type { RoomFacts } from '../support/rooms';

const key = (stage: Stage): Promise<string> => stage.made('/api-keys', { name: 'ERP', role: 'agent' });

export const facts: RoomFacts = {
  roles: {
    org_admin: [
      'DELETE /api-keys/{api_key_id}',
      'GET /api-keys',
      'POST /api-keys',
      'POST /api-keys/{api_key_id}/rotate',
      'PUT /api-keys/{api_key_id}',
    ],
  },
  ids: { api_key_id: 'apikey' },
  bodies: () => ({ 'POST /api-keys': { name: 'ERP', role: 'agent' } }),
  belongings: async (_w, { admin }) => {
    const { body } = await admin.post('/api-keys', { name: 'ERP', role: 'agent' }).expect(201);
    return { apikey: (body as { id: string }).id };
  },
  acts: [
    {
      rest: 'POST api-keys',
      mutation: 'createApiKey',
      said: ['api_key.created'],
      given: () => Promise.resolve({ body: { name: 'ERP', role: 'agent', scopes: ['read:contacts'] } }),
      wrong: { role: 'king' },
    },
    {
      rest: 'PUT api-keys/:api_key_id',
      mutation: 'updateApiKey',
      said: ['api_key.updated'],
      changes: ['name', 'scopes'],
      given: async (stage) => ({ id: await key(stage), body: { name: 'CRM', scopes: ['read:contacts'] } }),
      wrong: { scopes: 'all' },
    },
    {
      rest: 'POST api-keys/:api_key_id/rotate',
      mutation: 'rotateApiKey',
      said: ['api_key.rotated'],
      given: async (stage) => ({ id: await key(stage), body: { overlap_hours: 0 } }),
      wrong: { overlap_hours: -1 },
    },
    {
      rest: 'DELETE api-keys/:api_key_id',
      mutation: 'deleteApiKey',
      said: ['api_key.revoked'],
      given: async (stage) => ({ id: await key(stage) }),
    },
  ],
};

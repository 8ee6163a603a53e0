import { randomBytes } from 'node:crypto';
import { newId } from '#common/uuid';
import type { Stage } from '../support/acts';
import type { RoomFacts } from '../support/rooms';

const key = (): string => `KEY_${randomBytes(6).toString('hex')}`;

const secret = (stage: Stage, values: object = {}): Promise<string> =>
  stage.made('/secrets', { key: key(), value: 'sk-0123456789abcdef', ...values });

export const facts: RoomFacts = {
  roles: {
    org_admin: [
      'DELETE /secrets/{secret_id}',
      'GET /secrets',
      'GET /secrets/stats',
      'GET /secrets/usage/organization',
      'GET /secrets/{secret_id}',
      'GET /secrets/{secret_id}/usage',
      'GET /secrets/{secret_id}/value',
      'GET /secrets/{secret_id}/versions',
      'POST /secrets',
      'POST /secrets/{secret_id}/activate',
      'POST /secrets/{secret_id}/deactivate',
      'POST /secrets/{secret_id}/rotate',
      'POST /secrets/{secret_id}/test',
      'PUT /secrets/{secret_id}',
    ],
  },
  ids: { secret_id: 'secret', chatbot_id: 'chatbot' },
  no_ids: {
    encryption_key_id: 'of a key in the server’s ring',
    new_key_id: 'the same',
  },
  belongings: async (_w, company) => {
    const { body } = await company.admin.post('/secrets', { key: key(), value: 'sk-0123456789abcdef' }).expect(201);
    return { secret: (body as { id: string }).id, chatbot: newId() };
  },
  bodies: (own) => ({
    'POST /secrets': { key: key(), value: 'sk-0123456789abcdef', scope: 'chatbot', chatbot_id: own.chatbot },
  }),
  acts: [
    {
      rest: 'POST secrets',
      mutation: 'createSecret',
      said: ['secret.created'],
      given: () => Promise.resolve({ body: { key: key(), value: 'sk-0123456789abcdef', service: 'openai' } }),
      wrong: { key: '1 not a key' },
    },
    {
      rest: 'PUT secrets/:secret_id',
      mutation: 'updateSecret',
      said: ['secret.updated'],
      changes: ['display_name', 'value', 'version'],
      given: async (stage) => ({ id: await secret(stage), body: { display_name: 'OpenAI', value: 'sk-fedcba9876543210' } }),
      wrong: { environment: 'moon' },
    },
    {
      rest: 'DELETE secrets/:secret_id',
      mutation: 'deleteSecret',
      said: ['secret.deleted'],
      given: async (stage) => ({ id: await secret(stage) }),
    },
    {
      rest: 'POST secrets/:secret_id/rotate',
      mutation: 'rotateSecret',
      said: ['secret.rotated'],
      changes: ['version'],
      given: async (stage) => ({ id: await secret(stage), body: { new_value: 'sk-fedcba9876543210' } }),
      wrong: { new_value: '' },
    },
    {
      rest: 'POST secrets/:secret_id/activate',
      mutation: 'activateSecret',
      said: ['secret.activated'],
      changes: ['is_active'],
      given: async (stage) => {
        const id = await secret(stage);
        await stage.admin.post(`/secrets/${id}/deactivate`).expect(200);
        return { id };
      },
    },
    {
      rest: 'POST secrets/:secret_id/deactivate',
      mutation: 'deactivateSecret',
      said: ['secret.deactivated'],
      changes: ['is_active'],
      given: async (stage) => ({ id: await secret(stage) }),
    },
    {
      rest: 'POST secrets/:secret_id/test',
      mutation: 'testSecret',
      said: ['secret.tested'],
      changes_nothing: 'it only asks',
      given: async (stage) => ({ id: await secret(stage), body: { test_type: 'decrypt' } }),
      wrong: { test_type: 'guess' },
    },
  ],
};

import { randomUUID } from 'node:crypto';
import type { Stage } from '../support/acts';
import type { RoomFacts } from '../support/rooms';

const name = (): string => `Feira ${randomUUID().slice(0, 8)}`;
const made = (stage: Stage): Promise<string> => stage.made('/contacts/tags', { name: name() });

export const facts: RoomFacts = {
  roles: {
    viewer: ['GET /contacts/tags', 'GET /contacts/tags/{tag_id}'],
    agent: ['DELETE /contacts/tags/{tag_id}', 'POST /contacts/tags', 'PUT /contacts/tags/{tag_id}'],
  },
  ids: { tag_id: 'tag', tag_ids: 'tag' },
  bodies: () => ({ 'POST /contacts/tags': { name: name() } }),
  belongings: async (_, company) => {
    const { body } = await company.admin.post('/contacts/tags', { name: name() }).expect(201);
    return { tag: (body as { id: string }).id };
  },
  acts: [
    {
      rest: 'POST contacts/tags',
      mutation: 'createTag',
      said: ['tag.created'],
      given: () => Promise.resolve({ body: { name: name() } }),
      wrong: { name: '' },
    },
    {
      rest: 'PUT contacts/tags/:tag_id',
      mutation: 'updateTag',
      said: ['tag.updated'],
      changes: ['color', 'name'],
      given: async (stage) => ({ id: await made(stage), body: { name: name(), color: '#10B981' } }),
      wrong: { color: 'blue' },
    },
    {
      rest: 'DELETE contacts/tags/:tag_id',
      mutation: 'deleteTag',
      said: ['tag.deleted'],
      given: async (stage) => ({ id: await made(stage) }),
    },
  ],
};

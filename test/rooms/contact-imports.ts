import { phone } from '../support/acts';
import type { RoomFacts } from '../support/rooms';

const file = (): Buffer => Buffer.from(`telefone;nome\n${phone()};Elisa Prado\n`);

export const facts: RoomFacts = {
  roles: {
    agent: ['GET /contacts/imports', 'GET /contacts/imports/{import_id}', 'POST /contacts/import'],
    org_admin: ['GET /contacts/export'],
  },
  ids: { import_id: 'contact_import' },
  belongings: async (_, company) => {
    const { body } = await company.agent.post('/contacts/import').attach('file', file(), 'contatos.csv').expect(201);
    return { contact_import: (body as { id: string }).id };
  },
  acts: [
    {
      rest: 'POST contacts/import',
      said: ['contact.imported'],
      given: (stage) => Promise.resolve({ person: stage.agent, file: file(), filename: 'contatos.csv' }),
    },
  ],
};

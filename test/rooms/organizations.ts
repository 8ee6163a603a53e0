import type { RoomFacts } from '../support/rooms';

export const facts: RoomFacts = {
  roles: {
    viewer: ['GET /organizations/me', 'GET /organizations/me/settings'],
    org_admin: ['PUT /organizations/me', 'PUT /organizations/me/settings'],
  },
  acts: [
    {
      rest: 'PUT organizations/me',
      said: ['organization.updated'],
      changes: ['description', 'name'],
      given: () => Promise.resolve({ body: { name: 'Padaria Central', description: 'Pães' } }),
      wrong: { name: '' },
    },
    {
      rest: 'PUT organizations/me/settings',
      said: ['organization.settings_updated'],
      changes: ['language'],
      given: () => Promise.resolve({ body: { language: 'en-US' } }),
      wrong: { language: 5 },
    },
  ],
};

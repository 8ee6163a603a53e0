import { someone } from '../support/acts';
import type { RoomFacts } from '../support/rooms';
import { PASSWORD } from '../support/world';

export const facts: RoomFacts = {
  roles: {
    public: ['POST /auth/login', 'POST /auth/refresh', 'POST /auth/register'],
    viewer: ['GET /auth/me', 'GET /auth/verify-token', 'POST /auth/logout'],
  },
  acts: [
    {
      rest: 'POST auth/register',
      mutation: 'register',
      said: ['auth.register'],
      given: ({ world }) =>
        Promise.resolve({
          person: world.guest,
          body: { email: someone(), password: PASSWORD, full_name: 'Carla Dias', organization_name: 'Confeitaria' },
        }),
      wrong: { email: 'nobody' },
    },
    {
      rest: 'POST auth/login',
      mutation: 'login',
      said: ['auth.login'],
      given: ({ world }) => Promise.resolve({ person: world.guest, body: { email: world.acme.agent.user.email, password: PASSWORD } }),
      wrong: { email: 'nobody' },
    },
    {
      rest: 'POST auth/refresh',
      mutation: 'refreshToken',
      said: ['auth.refresh'],
      given: async (stage) => ({ person: stage.world.guest, body: { refresh_token: (await stage.login()).refresh_token } }),
      wrong: { refresh_token: 5 },
    },
    {
      rest: 'POST auth/logout',
      mutation: 'logout',
      said: ['auth.logout'],
      given: (stage) => Promise.resolve({ person: stage.agent, body: { all: true } }),
      wrong: { all: 'many' },
    },
  ],
};

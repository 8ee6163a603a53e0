import { someone } from '../support/acts';
import { mailedToken } from '../support/mailed-token';
import type { RoomFacts } from '../support/rooms';
import { PASSWORD } from '../support/world';

export const facts: RoomFacts = {
  roles: {
    public: [
      'GET /forgot-password',
      'GET /reset-password',
      'GET /verify-email',
      'POST /auth/forgot-password',
      'POST /auth/login',
      'POST /auth/refresh',
      'POST /auth/register',
      'POST /auth/resend-verification',
      'POST /auth/reset-password',
      'POST /auth/verify-email',
    ],
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
      rest: 'POST auth/forgot-password',
      mutation: 'forgotPassword',
      said: ['auth.password_reset_requested'],
      given: ({ world }) => Promise.resolve({ person: world.guest, body: { email: world.acme.agent.user.email } }),
      wrong: { email: 'nobody' },
    },
    {
      rest: 'POST auth/resend-verification',
      mutation: 'resendVerification',
      said: ['auth.verification_requested'],
      given: ({ world }) => Promise.resolve({ person: world.guest, body: { email: world.acme.agent.user.email } }),
      wrong: { email: 'nobody' },
    },
    {
      rest: 'POST auth/reset-password',
      mutation: 'resetPassword',
      said: ['auth.password_reset'],
      given: async ({ world }) => {
        const token = await mailedToken(world.app, world.acme.agent.user, 'password_reset');
        return { person: world.guest, body: { token, new_password: `${PASSWORD}-2` } };
      },
      wrong: { new_password: 'short' },
    },
    {
      rest: 'POST auth/verify-email',
      mutation: 'verifyEmail',
      said: ['auth.email_verified'],
      given: async ({ world }) => {
        const token = await mailedToken(world.app, world.acme.agent.user, 'email_verification');
        return { person: world.guest, body: { token } };
      },
      wrong: { token: '' },
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

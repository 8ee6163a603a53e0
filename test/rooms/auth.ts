import { someone } from '../support/acts';
import { newId } from '#common/uuid';
import { mailedToken } from '../support/mailed-token';
import type { RoomFacts } from '../support/rooms';
import { challenge, codeOf, enrol } from '../support/two-factor';
import { type Company, PASSWORD, type World } from '../support/world';

/** One more login of the administrator. */
async function sessionOf({ sql }: World, { id, admin }: Company): Promise<string> {
  const session = newId();
  await sql(`INSERT INTO sessions (id, organization_id, user_id, expires_at) VALUES ($1, $2, $3, now() + interval '30 days')`, [
    session,
    id,
    admin.user.id,
  ]);
  return session;
}

export const facts: RoomFacts = {
  roles: {
    public: [
      'GET /forgot-password',
      'GET /reset-password',
      'GET /verify-email',
      'POST /auth/2fa/verify',
      'POST /auth/forgot-password',
      'POST /auth/login',
      'POST /auth/refresh',
      'POST /auth/register',
      'POST /auth/resend-verification',
      'POST /auth/reset-password',
      'POST /auth/verify-email',
    ],
    viewer: [
      'DELETE /auth/sessions/{session_id}',
      'GET /auth/me',
      'GET /auth/sessions',
      'GET /auth/verify-token',
      'POST /auth/2fa/disable',
      'POST /auth/2fa/enable',
      'POST /auth/2fa/setup',
      'POST /auth/logout',
    ],
    org_admin: ['POST /users/{user_id}/reset-two-factor'],
  },
  ids: { session_id: 'session' },
  belongings: async (w, company) => ({ session: await sessionOf(w, company) }),
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
      changes_nothing: 'another pair of tokens for the same session',
      given: async (stage) => ({ person: stage.world.guest, body: { refresh_token: (await stage.login()).refresh_token } }),
      wrong: { refresh_token: 5 },
    },
    {
      rest: 'POST auth/forgot-password',
      mutation: 'forgotPassword',
      said: ['auth.password_reset_requested'],
      changes_nothing: 'a mail leaves',
      given: ({ world }) => Promise.resolve({ person: world.guest, body: { email: world.acme.agent.user.email } }),
      wrong: { email: 'nobody' },
    },
    {
      rest: 'POST auth/resend-verification',
      mutation: 'resendVerification',
      said: ['auth.verification_requested'],
      changes_nothing: 'a mail leaves',
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
      changes: ['sessions'],
      given: (stage) => Promise.resolve({ person: stage.agent, body: { all: true } }),
      wrong: { all: 'many' },
    },
    {
      rest: 'DELETE auth/sessions/:session_id',
      mutation: 'deleteSession',
      said: ['auth.session_ended'],
      given: async ({ world }) => ({ id: await sessionOf(world, world.acme) }),
    },
    {
      rest: 'POST auth/2fa/setup',
      mutation: 'setupTwoFactor',
      said: ['auth.two_factor_set_up'],
      given: (stage) => Promise.resolve({ person: stage.agent, body: { password: PASSWORD } }),
      wrong: { password: 5 },
    },
    {
      rest: 'POST auth/2fa/enable',
      mutation: 'enableTwoFactor',
      said: ['auth.two_factor_enabled'],
      given: async ({ agent }) => {
        const { body } = await agent.post('/auth/2fa/setup', { password: PASSWORD }).expect(200);
        return { person: agent, body: { code: codeOf((body as { secret: string }).secret) } };
      },
      wrong: { code: 5 },
    },
    {
      rest: 'POST auth/2fa/disable',
      mutation: 'disableTwoFactor',
      said: ['auth.two_factor_disabled'],
      given: async ({ agent }) => ({ person: agent, body: { password: PASSWORD, code: codeOf((await enrol(agent)).secret) } }),
      wrong: { password: 5 },
    },
    {
      rest: 'POST users/:user_id/reset-two-factor',
      mutation: 'resetUserTwoFactor',
      said: ['user.two_factor_reset'],
      given: async ({ agent }) => {
        await enrol(agent);
        return { id: agent.user.id };
      },
    },
    {
      rest: 'POST auth/2fa/verify',
      mutation: 'verifyTwoFactor',
      said: ['auth.login'],
      given: async ({ world, agent }) => {
        const { secret } = await enrol(agent);
        return { person: world.guest, body: { mfa_token: await challenge(world, agent.user.email), code: codeOf(secret) } };
      },
      wrong: { code: 5 },
    },
  ],
};

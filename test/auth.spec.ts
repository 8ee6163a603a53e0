import { createHash } from 'node:crypto';
import type { Response } from 'supertest';
import { whileHeld } from './support/waiting';
import { errorOf, PASSWORD, Person, world, wrongField, type World } from './support/world';

const registration = (email: string, more: object = {}): object => ({
  email,
  password: 'pão-de-queijo-1',
  full_name: 'Ana Souza',
  organization_name: 'Padaria São João',
  ...more,
});

interface Answer {
  user: { id: string; organization_id: string };
  access_token: string;
  refresh_token: string;
}

/** All that an answer to a login shows, but for what differs from request to request and from second to second. */
interface Refusal {
  status: number;
  headers: object;
  body: string;
  /** null: logged in. */
  error_code: string | null;
}

function refusalOf({ status, headers, body }: Response): Refusal {
  const { date, 'x-request-id': id, 'x-trace-id': trace, 'retry-after': seconds, ...others } = headers as Record<string, string>;
  const { error_code, errors } = body as { error_code?: string; errors?: { extensions: { error_code: string } }[] };
  const text = JSON.stringify(body).replace(/"retry_after_seconds":[\d.]+/, '"retry_after_seconds":0');
  return {
    status,
    headers: { ...others, has_retry_after: seconds !== undefined },
    body: text,
    error_code: error_code ?? errors?.[0].extensions.error_code ?? null,
  };
}

/** Logs in and answers the tokens. */
const login = async ({ guest }: World, email: string, password = PASSWORD): Promise<Answer> =>
  (await guest.post('/auth/login', { email, password }).expect(200)).body as Answer;

const bearer = (world: World, token: string): Person => new Person(world.base_url, token, world.guest.user);

const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString()) as Record<string, unknown>;

describe('register', () => {
  it('makes an organization on trial with its administrator, logged in at once', async () => {
    const w = await world();

    const { body } = await w.guest
      .post('/auth/register', registration(' Ana@Padaria.example ', { phone_number: '55 (11) 98765-4321' }))
      .expect(201);

    expect(body).toMatchObject({
      user: {
        email: 'ana@padaria.example',
        full_name: 'Ana Souza',
        name: 'Ana Souza',
        role: 'org_admin',
        phone_number: '+5511987654321',
        email_verified: false,
        permissions: ['*'],
        organization: { name: 'Padaria São João', slug: 'padaria-sao-joao', plan_type: 'free', status: 'active', is_trial: true },
      },
      token: {
        access_token: body.access_token as string,
        refresh_token: body.refresh_token as string,
        token_type: 'bearer',
        expires_in: 3600,
      },
      token_type: 'bearer',
      expires_in: 3600,
      message: expect.any(String) as string,
    });
    expect(claimsOf(body.access_token as string)).toMatchObject({
      sub: body.user.id as string,
      organization_id: body.user.organization_id as string,
      role: 'org_admin',
      type: 'access',
      tv: 1,
    });
    expect(JSON.stringify(body.user)).not.toMatch(/hash|token_version|deleted_at/);
    const { body: mine } = await bearer(w, body.access_token as string)
      .get('/organizations/me')
      .expect(200);
    expect(mine).toMatchObject({ is_trial: true, plan_limits: { max_users: 20 }, plan_usage: { users: 1 } });
  });

  it('takes the other spellings, and numbers a slug that is taken', async () => {
    const { guest } = await world();
    const as = (email: string): object => ({ email, password: 'password123', name: 'Rui Braga', tenant_name: 'Café & Cia.' });

    const all = await Promise.all(
      ['a@cafe.example', 'b@cafe.example', 'c@cafe.example'].map((email) => guest.post('/auth/register', as(email))),
    );

    expect(all.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(all.map(({ body }) => body.user.organization.slug as string).sort()).toEqual(['cafe-cia', 'cafe-cia-1', 'cafe-cia-2']);
  });

  it('refuses an e-mail that has an account, whatever its case, and leaves no organization behind', async () => {
    const { guest, acme, sql } = await world();

    await guest
      .post('/auth/register', registration(acme.agent.user.email.toUpperCase(), { organization_name: 'Left Behind' }))
      .expect(409)
      .expect(errorOf('email_already_registered'));

    expect(await sql(`SELECT 1 FROM organizations WHERE name = 'Left Behind'`)).toEqual([]);
  });

  it('gives one of two registrations at once with the same e-mail', async () => {
    const { guest, sql } = await world();
    const twice = [1, 2].map((n) =>
      guest.post('/auth/register', registration('twin@padaria.example', { organization_name: `Twins ${n}` })),
    );

    const statuses = (await Promise.all(twice)).map(({ status }) => status).sort();

    expect(statuses).toEqual([201, 409]);
    expect(await sql(`SELECT 1 FROM organizations WHERE name LIKE 'Twins %'`)).toHaveLength(1);
  });

  it.each([
    ['email', { email: 'not an e-mail' }],
    ['password', { password: 'short1' }],
    ['password', { password: 'nodigitshere' }],
    ['password', { password: 'x1@padaria.example', email: 'x1@padaria.example' }],
    ['full_name', { full_name: ' ' }],
    ['organization_name', { organization_name: undefined }],
    ['phone_number', { phone_number: '12' }],
  ])('refuses a bad %s', async (field, wrong) => {
    const { guest } = await world();

    await guest.post('/auth/register', registration('bad@padaria.example', wrong)).expect(wrongField(field));
  });
});

describe('login', () => {
  it('answers user and tokens, and notes when and from where', async () => {
    const w = await world();

    const { body } = await w.guest
      .post('/auth/login', { email: ` ${w.acme.agent.user.email.toUpperCase()} `, password: PASSWORD })
      .expect(200);

    expect(body).toMatchObject({ user: { id: w.acme.agent.user.id, role: 'agent', last_login_ip: '127.0.0.1' }, token_type: 'bearer' });
    expect(Date.parse(body.user.last_login_at as string)).toBeGreaterThan(Date.now() - 60_000);
    await bearer(w, body.access_token as string)
      .get('/auth/me')
      .expect(200);
  });

  it('says the same of a wrong password and of an e-mail nobody has, and locks both after five', async () => {
    const { guest, acme } = await world();
    const tries = async (email: string): Promise<[number, string][]> => {
      const seen: [number, string][] = [];
      for (let n = 0; n < 7; n++) {
        const { status, body, headers } = await guest.post('/auth/login', { email, password: 'wrong-password-1' });
        seen.push([status, `${body.error_code as string}: ${body.detail as string}`]);
        if (status === 403) expect(Number(headers['retry-after'])).toBeGreaterThan(29 * 60);
      }
      return seen;
    };

    const [known, unknown] = await Promise.all([tries(acme.agent.user.email), tries('nobody@nowhere.example')]);

    expect(known.map(([status]) => status)).toEqual([401, 401, 401, 401, 401, 403, 403]);
    expect(unknown).toEqual(known);
    await guest.post('/auth/login', { email: acme.agent.user.email, password: PASSWORD }).expect(403).expect(errorOf('account_locked'));
  });

  describe.each<[string, (w: World, email: string, password: string) => Promise<Refusal>]>([
    ['REST', async ({ guest }, email, password) => refusalOf(await guest.post('/auth/login', { email, password }))],
    [
      'GraphQL',
      async ({ guest }, email, password) =>
        refusalOf(
          await guest.graphql('mutation ($email: String!, $password: String!) { login(email: $email, password: $password) { message } }', {
            email,
            password,
          }),
        ),
    ],
  ])('by %s', (_, guess) => {
    it('looks at no more passwords than may be wrong, however many come at once', async () => {
      const w = await world();
      const { email } = w.acme.agent.user;

      const wrong = Array.from({ length: 49 }, (_, n) => guess(w, email, `wrong-password-${n}`));
      const [right, ...others] = await Promise.all([guess(w, email, PASSWORD), ...wrong].reverse()).then((answers) => answers.reverse());

      expect(others.filter(({ error_code }) => error_code === 'invalid_credentials').length).toBeLessThanOrEqual(5);
      // The right one was among the first five, or nothing tells it from the wrong ones.
      if (right.error_code !== null) expect(others).toContainEqual(right);
    });

    it('answers the right password like a wrong one while the login is locked', async () => {
      const w = await world();
      const { email } = w.acme.agent.user;
      for (let n = 0; n < 5; n++) await guess(w, email, `wrong-password-${n}`);

      const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => guess(w, email, n === 31 ? PASSWORD : `wrong-password-${n}`)));

      expect(answers[0].error_code).toBe('account_locked');
      expect(answers).toEqual(Array(50).fill(answers[0]));
    });

    it('tells a known e-mail from an unknown one by nothing, whatever its organization’s lock rules', async () => {
      const w = await world();
      const rules = async (max_failed_logins: number, lockout_minutes: number): Promise<string> => {
        const { admin, agent } = await w.organization('Padaria');
        await admin.put('/organizations/me/settings', { security_settings: { max_failed_logins, lockout_minutes } }).expect(200);
        return agent.user.email;
      };
      const emails = [await rules(3, 1), await rules(20, 1440), w.acme.agent.user.email, `nobody-${w.acme.slug}@nowhere.example`];

      const seen: Refusal[][] = [];
      for (const email of emails) {
        const refusals: Refusal[] = [];
        for (let n = 0; n < 8; n++) refusals.push(await guess(w, email, `wrong-password-${n}`));
        seen.push(refusals);
      }

      expect(seen[3].map(({ error_code }) => error_code)).toEqual([
        ...Array<string>(5).fill('invalid_credentials'),
        ...Array<string>(3).fill('account_locked'),
      ]);
      for (const refusals of seen) expect(refusals).toEqual(seen[3]);
    });
  });

  it('counts failures in a row only, and an administrator lifts a lock', async () => {
    const { guest, acme } = await world();
    const { email, id } = acme.agent.user;
    const fail = async (times: number): Promise<void> => {
      for (let n = 0; n < times; n++) await guest.post('/auth/login', { email, password: 'wrong-password-1' }).expect(401);
    };

    await fail(4);
    await guest.post('/auth/login', { email, password: PASSWORD }).expect(200);
    await fail(5);
    await guest.post('/auth/login', { email, password: PASSWORD }).expect(403);
    const { body: locked } = await acme.admin.get(`/users/${id}`).expect(200);
    expect(Date.parse(locked.locked_until as string)).toBeGreaterThan(Date.now());
    await acme.admin.post(`/users/${id}/activate`).expect(200);

    await guest.post('/auth/login', { email, password: PASSWORD }).expect(200);
  });

  it('counts its failures under no name that somebody could guess, and not of who is nobody any more', async () => {
    const { guest, acme, sql } = await world();
    const { email, id } = acme.agent.user;
    const counted = async (): Promise<string[]> =>
      (await sql<{ email_hash: string }>('SELECT email_hash FROM login_failures')).map(({ email_hash }) => email_hash);
    const before = await counted();
    await guest.post('/auth/login', { email, password: 'wrong-password-1' }).expect(401);
    expect(await counted()).toHaveLength(before.length + 1);
    expect(await counted()).not.toContain(createHash('sha256').update(email).digest('hex'));

    await acme.admin.delete(`/privacy/data/${id}?subject_type=user`).expect(200);

    expect((await counted()).sort()).toEqual(before.sort());
  });

  it('follows the organization’s own lock rules', async () => {
    const { guest, acme } = await world();
    await acme.admin.put('/organizations/me/settings', { security_settings: { max_failed_logins: 3, lockout_minutes: 2 } }).expect(200);
    const { email } = acme.agent.user;

    for (let n = 0; n < 3; n++) await guest.post('/auth/login', { email, password: 'wrong-password-1' }).expect(401);

    // Locked: in silence, for an unknown e-mail would not be yet.
    await guest.post('/auth/login', { email, password: PASSWORD }).expect(401).expect(errorOf('invalid_credentials'));
    const { body: locked } = await acme.admin.get(`/users/${acme.agent.user.id}`).expect(200);
    expect(Date.parse(locked.locked_until as string)).toBeLessThanOrEqual(Date.now() + 120_000);
  });

  it('lets the right password in where the organization allows more wrong ones', async () => {
    const { guest, acme } = await world();
    await acme.admin.put('/organizations/me/settings', { security_settings: { max_failed_logins: 20 } }).expect(200);
    const { email } = acme.agent.user;

    for (let n = 0; n < 7; n++) await guest.post('/auth/login', { email, password: 'wrong-password-1' });

    await guest.post('/auth/login', { email, password: PASSWORD }).expect(200);
  });

  it('says only to who knows the password that an account or organization is off', async () => {
    const { guest, acme, organization } = await world();
    const gone = await acme.hire('agent', { is_active: false });
    const closed = await organization('Closed', { status: 'suspended' });
    const idle = await organization('Idle', { status: 'inactive' });

    await guest
      .post('/auth/login', { email: gone.user.email, password: 'wrong-password-1' })
      .expect(401)
      .expect(errorOf('invalid_credentials'));
    await guest.post('/auth/login', { email: gone.user.email, password: PASSWORD }).expect(403).expect(errorOf('account_inactive'));
    await guest
      .post('/auth/login', { email: closed.admin.user.email, password: PASSWORD })
      .expect(403)
      .expect(errorOf('organization_suspended'));
    await guest
      .post('/auth/login', { email: idle.admin.user.email, password: PASSWORD })
      .expect(403)
      .expect(errorOf('organization_inactive'));
  });

  it('waits for a confirmed e-mail where the organization asks for one', async () => {
    const { guest, acme, sql } = await world();
    await acme.admin.put('/organizations/me/settings', { security_settings: { require_email_verification: true } }).expect(200);
    await sql('UPDATE users SET email_verified = false WHERE id = $1', [acme.agent.user.id]);

    await guest.post('/auth/login', { email: acme.agent.user.email, password: PASSWORD }).expect(403).expect(errorOf('account_inactive'));
    await guest.post('/auth/login', { email: acme.viewer.user.email, password: PASSWORD }).expect(200);
  });

  it('that is under way while every session ends opens none', async () => {
    const w = await world();
    const { id, email } = w.acme.agent.user;
    const sessions = (): Promise<unknown[]> => w.sql('SELECT 1 FROM sessions WHERE user_id = $1', [id]);
    const before = await sessions();

    const { status, body } = await whileHeld(
      w,
      id,
      () => w.guest.post('/auth/login', { email, password: PASSWORD }),
      (client) => client.query('UPDATE credentials SET token_version = token_version + 1 WHERE user_id = $1', [id]),
    );

    expect({ status, error_code: body.error_code as string }).toEqual({ status: 401, error_code: 'invalid_credentials' });
    expect(await sessions()).toEqual(before);
    expect(await w.sql("SELECT result FROM audit_logs WHERE user_id = $1 AND action = 'auth.login_failed'", [id])).toEqual([
      { result: 'failure' },
    ]);
    await login(w, email);
  });

  it('names a missing field', async () => {
    const { guest } = await world();

    await guest.post('/auth/login', { email: 'ana@padaria.example' }).expect(wrongField('password'));
    await guest.post('/auth/login', { password: 'x' }).expect(wrongField('email'));
    await guest.post('/auth/login', { email: { $ne: '' }, password: ['x'] }).expect(wrongField('password'));
  });
});

describe('refresh', () => {
  it('gives a new pair and kills the old refresh token', async () => {
    const w = await world();
    const first = await login(w, w.acme.agent.user.email);

    const { body: second } = await w.guest.post('/auth/refresh', { refresh_token: first.refresh_token }).expect(200);

    expect(second.refresh_token).not.toBe(first.refresh_token);
    expect(second.user.id).toBe(w.acme.agent.user.id);
    expect(claimsOf(second.access_token as string).sid).toBe(claimsOf(first.access_token).sid);
    await bearer(w, second.access_token as string)
      .get('/auth/me')
      .expect(200);
    await w.guest.post('/auth/refresh', { refresh_token: second.refresh_token as string }).expect(200);
  });

  it('ends the whole family when a used token comes again', async () => {
    const w = await world();
    const first = await login(w, w.acme.agent.user.email);
    const other = await login(w, w.acme.agent.user.email);
    const { body: second } = await w.guest.post('/auth/refresh', { refresh_token: first.refresh_token }).expect(200);

    await w.guest.post('/auth/refresh', { refresh_token: first.refresh_token }).expect(401).expect(errorOf('refresh_token_reused'));

    await w.guest
      .post('/auth/refresh', { refresh_token: second.refresh_token as string })
      .expect(401)
      .expect(errorOf('refresh_token_reused'));
    for (const token of [first.access_token, second.access_token as string])
      await bearer(w, token).get('/auth/me').expect(401).expect(errorOf('token_revoked'));
    await bearer(w, other.access_token).get('/auth/me').expect(200);
  });

  it('lets one of many refreshes at once win; the others are reuse', async () => {
    const w = await world();
    const { refresh_token } = await login(w, w.acme.agent.user.email);

    const answers = await Promise.all(Array.from({ length: 6 }, () => w.guest.post('/auth/refresh', { refresh_token })));

    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401, 401, 401]);
    expect(answers.filter(({ status }) => status === 401).every(({ body }) => body.error_code === 'refresh_token_reused')).toBe(true);
    const winner = answers.find(({ status }) => status === 200)?.body as Answer;
    await bearer(w, winner.access_token).get('/auth/me').expect(401);
  });

  it('takes refresh tokens only, and no refresh token elsewhere', async () => {
    const w = await world();
    const { access_token, refresh_token } = await login(w, w.acme.agent.user.email);

    await w.guest.post('/auth/refresh', { refresh_token: access_token }).expect(401).expect(errorOf('invalid_refresh_token'));
    await w.guest.post('/auth/refresh', { refresh_token: 'rubbish' }).expect(401).expect(errorOf('invalid_refresh_token'));
    await w.guest
      .post('/auth/refresh', { refresh_token: `${refresh_token}x` })
      .expect(401)
      .expect(errorOf('invalid_refresh_token'));
    await w.guest.post('/auth/refresh', {}).expect(wrongField('refresh_token'));
    await bearer(w, refresh_token).get('/auth/me').expect(401).expect(errorOf('not_authenticated'));
  });

  it('does not go beyond the family’s last day', async () => {
    const w = await world();
    const { access_token, refresh_token } = await login(w, w.acme.agent.user.email);
    const { sid } = claimsOf(access_token);
    await w.sql(`UPDATE sessions SET expires_at = now() + interval '1 hour' WHERE id = $1`, [sid]);
    const { body } = await w.guest.post('/auth/refresh', { refresh_token }).expect(200);
    expect(claimsOf(body.refresh_token as string).exp).toBeLessThanOrEqual(Date.now() / 1000 + 3600);
    await w.sql(`UPDATE sessions SET expires_at = now() WHERE id = $1`, [sid]);

    await w.guest
      .post('/auth/refresh', { refresh_token: body.refresh_token as string })
      .expect(401)
      .expect(errorOf('invalid_refresh_token'));
  });

  it('refuses when the organization is off', async () => {
    const w = await world();
    const { refresh_token } = await login(w, w.acme.agent.user.email);
    await w.sql(`UPDATE organizations SET status = 'suspended' WHERE id = $1`, [w.acme.id]);

    await w.guest.post('/auth/refresh', { refresh_token }).expect(401).expect(errorOf('token_revoked'));
  });
});

describe('logout', () => {
  it('ends the caller’s own session, without a body', async () => {
    const w = await world();
    const here = await login(w, w.acme.viewer.user.email);
    const there = await login(w, w.acme.viewer.user.email);

    const { body } = await bearer(w, here.access_token).post('/auth/logout').expect(200);

    expect(body).toMatchObject({ success: true });
    await bearer(w, here.access_token).get('/auth/me').expect(401).expect(errorOf('token_revoked'));
    await w.guest.post('/auth/refresh', { refresh_token: here.refresh_token }).expect(401);
    await bearer(w, there.access_token).get('/auth/me').expect(200);
  });

  it('ends the session of a given refresh token', async () => {
    const w = await world();
    const here = await login(w, w.acme.agent.user.email);
    const there = await login(w, w.acme.agent.user.email);

    await bearer(w, here.access_token).post('/auth/logout', { refresh_token: there.refresh_token }).expect(200);

    await bearer(w, there.access_token).get('/auth/me').expect(401);
    await bearer(w, here.access_token).get('/auth/me').expect(200);
  });

  it('ends the own session when the refresh token is somebody else’s or no token at all', async () => {
    const w = await world();
    const theirs = await login(w, w.globex.agent.user.email);
    const one = await login(w, w.acme.agent.user.email);
    const two = await login(w, w.acme.agent.user.email);

    await bearer(w, one.access_token).post('/auth/logout', { refresh_token: theirs.refresh_token }).expect(200);
    await bearer(w, two.access_token).post('/auth/logout', { refresh_token: 'rubbish' }).expect(200);

    await bearer(w, one.access_token).get('/auth/me').expect(401);
    await bearer(w, two.access_token).get('/auth/me').expect(401);
    await bearer(w, theirs.access_token).get('/auth/me').expect(200);
  });

  it('ends every session with all', async () => {
    const w = await world();
    const here = await login(w, w.acme.agent.user.email);
    const there = await login(w, w.acme.agent.user.email);

    const [{ sessions }] = await w.sql<{ sessions: number }>(
      'SELECT count(*)::int AS sessions FROM sessions WHERE user_id = $1 AND revoked_at IS NULL',
      [w.acme.agent.user.id],
    );

    await bearer(w, here.access_token).post('/auth/logout', { all: true }).expect(200);

    for (const { access_token, refresh_token } of [here, there]) {
      await bearer(w, access_token).get('/auth/me').expect(401);
      await w.guest.post('/auth/refresh', { refresh_token }).expect(401);
    }
    await login(w, w.acme.agent.user.email);
    const { body: log } = await w.acme.admin.get('/audit-logs?action=auth.logout').expect(200);
    expect(log).toMatchObject({ total: 1, items: [{ changes: { sessions: { from: sessions } } }] });
  });
});

describe('me', () => {
  it('shows the caller, twice, with rights and organization', async () => {
    const { acme } = await world();

    const { body } = await acme.viewer.get('/auth/me').expect(200);

    const { user, ...profile } = body as Record<string, unknown>;
    expect(user).toEqual(profile);
    expect(profile).toMatchObject({ id: acme.viewer.user.id, role: 'viewer', organization: { id: acme.id, slug: acme.slug } });
    expect(profile.permissions).toContain('read:messages');
    expect(profile.permissions).not.toContain('write:messages');
  });

  it('verifies a token', async () => {
    const { acme, guest } = await world();

    const { body } = await acme.agent.get('/auth/verify-token').expect(200);

    expect(body).toEqual({
      valid: true,
      user_id: acme.agent.user.id,
      organization_id: acme.id,
      role: 'agent',
      expires_at: expect.stringMatching(/Z$/) as string,
    });
    await guest.get('/auth/verify-token').expect(401).expect(errorOf('not_authenticated'));
  });

  it('still answers in a suspended organization, where nothing else does', async () => {
    const { organization } = await world();
    const closed = await organization('Closed', { status: 'suspended' });

    await closed.agent.get('/auth/me').expect(200);
    await closed.agent.get('/organizations/me').expect(200);
    await closed.agent.get('/users').expect(403).expect(errorOf('organization_suspended'));
    await closed.agent.post('/auth/logout').expect(200);
  });

  it('shows a super admin themselves while they act elsewhere', async () => {
    const { superAdmin, acme } = await world();
    const root = await superAdmin();

    const { body } = await root.get('/auth/me').set('X-Organization-Id', acme.id).expect(200);
    const { body: team } = await root.get('/users').set('X-Organization-Id', acme.id).expect(200);

    expect(body).toMatchObject({ id: root.user.id, organization: { id: root.user.organization_id } });
    expect((team.items as { id: string }[]).map(({ id }) => id)).toContain(acme.agent.user.id);
  });
});

describe('GraphQL', () => {
  it('registers, logs in, refreshes and logs out', async () => {
    const w = await world();
    const fields =
      'access_token refresh_token token_type expires_in message token { access_token } user { email name organization { slug } }';
    const { body: registered } = await w.guest.graphql(`mutation ($input: RegisterInput!) { register(input: $input) { ${fields} } }`, {
      input: { email: 'gql@quitanda.example', password: 'password123', name: 'Bia Lima', tenant_name: 'Quitanda' },
    });
    expect(registered).toMatchObject({
      data: { register: { token_type: 'bearer', user: { name: 'Bia Lima', organization: { slug: 'quitanda' } } } },
    });

    const { body: logged } = await w.guest.graphql(
      `mutation { login(email: "gql@quitanda.example", password: "password123") { ${fields} } }`,
    );
    const { body: refreshed } = await w.guest.graphql(`mutation ($t: String!) { refreshToken(refresh_token: $t) { ${fields} } }`, {
      t: logged.data.login.refresh_token as string,
    });
    const { access_token, refresh_token } = refreshed.data.refreshToken as Answer;
    const { body: out } = await bearer(w, access_token).graphql(
      'mutation ($t: String!) { logout(refresh_token: $t, all: false) { success } }',
      { t: refresh_token },
    );

    expect(out).toEqual({ data: { logout: { success: true } } });
    const { body: after } = await bearer(w, access_token).graphql('{ me { id } }');
    expect(after.errors[0].extensions).toMatchObject({ code: 'UNAUTHENTICATED', error_code: 'token_revoked' });
  });

  it('says what REST says of a wrong password and of wrong input', async () => {
    const { guest } = await world();

    const { body: wrong } = await guest.graphql('mutation { login(email: "x@nowhere.example", password: "nope") { message } }');
    const { body: bad } = await guest.graphql('mutation { login(email: "x", password: "nope") { message } }');

    expect(wrong.errors[0].extensions).toMatchObject({ code: 'UNAUTHENTICATED', error_code: 'invalid_credentials', status_code: 401 });
    expect(bad.errors[0].extensions).toMatchObject({ code: 'BAD_USER_INPUT', status_code: 422, details: [{ loc: ['body', 'email'] }] });
  });
});

describe('the audit log', () => {
  it('tells of logins, failures, locks, refreshes, reuse and logout, and of no password or token', async () => {
    const w = await world();
    const { email, id } = w.acme.agent.user;
    const first = await login(w, email);
    await w.guest.post('/auth/refresh', { refresh_token: first.refresh_token }).expect(200);
    await w.guest.post('/auth/refresh', { refresh_token: first.refresh_token }).expect(401);
    const second = await login(w, email);
    await bearer(w, second.access_token).post('/auth/logout').expect(200);
    for (let n = 0; n < 5; n++) await w.guest.post('/auth/login', { email, password: 'wrong-password-1' }).expect(401);

    const rows = await w.sql<{ action: string; result: string; actor_email: string | null; ip_address: string }>(
      'SELECT action, result, ip_address, metadata, changes FROM audit_logs WHERE organization_id = $1 AND user_id = $2 ORDER BY id',
      [w.acme.id, id],
    );

    expect(rows.map(({ action, result }) => `${action} ${result}`)).toEqual([
      'auth.login success',
      'auth.refresh success',
      'auth.refresh_reuse_detected failure',
      'auth.login success',
      'auth.logout success',
      ...Array<string>(5).fill('auth.login_failed failure'),
      'auth.locked failure',
    ]);
    expect(rows.every(({ ip_address }) => ip_address === '127.0.0.1')).toBe(true);
    expect(JSON.stringify(rows)).not.toMatch(/wrong-password|eyJ/);
  });

  it('tells of a failed login that is nobody’s', async () => {
    const { guest, sql } = await world();

    await guest.post('/auth/login', { email: 'ghost@nowhere.example', password: 'wrong-password-1' }).expect(401);

    expect(await sql(`SELECT action, organization_id FROM audit_logs WHERE actor_email = 'ghost@nowhere.example'`)).toEqual([
      { action: 'auth.login_failed', organization_id: null },
    ]);
  });
});

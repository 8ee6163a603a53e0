import { Encryption } from '#common/encryption';
import { rawOf, socketOf, until } from './support/sockets';
import { challenge, codeOf, enrol } from './support/two-factor';
import { PASSWORD, Person, type World, errorOf, world, wrongField } from './support/world';

interface Answer {
  access_token: string;
  refresh_token: string;
}

const verify = (w: World, mfa_token: string, code: string): ReturnType<Person['post']> =>
  w.guest.post('/auth/2fa/verify', { mfa_token, code });

const bearer = (w: World, { access_token }: Answer): Person => new Person(w.base_url, access_token, w.guest.user);

const otherDigits = (code: string): string => String((Number(code) + 1) % 1_000_000).padStart(6, '0');

/** The organization asks for a second factor from now on. */
const requireIt = ({ acme }: World, require_two_factor = true): Promise<unknown> =>
  acme.admin.put('/organizations/me/settings', { security_settings: { require_two_factor } }).expect(200);

/** What an account's owner was told, which leaves by mail too. */
async function alerts(person: Person): Promise<string[]> {
  const { body } = await person.get('/notifications?type=security_alert').expect(200);
  return (body as { items: { title: string }[] }).items.map(({ title }) => title);
}

describe('the second factor', () => {
  it('is set up, and counts once a code was shown', async () => {
    const { acme, app, guest, sql } = await world();
    const { email, id } = acme.agent.user;

    const { body: first } = await acme.agent.post('/auth/2fa/setup', { password: PASSWORD }).expect(200);
    const { body: setup, headers } = await acme.agent.post('/auth/2fa/setup', { password: PASSWORD }).expect(200);
    expect(setup).toEqual({ secret: expect.stringMatching(/^[A-Z2-7]{32}$/), otpauth_url: expect.any(String) });
    const url = new URL((setup as { otpauth_url: string }).otpauth_url);
    expect([url.protocol, url.host, decodeURIComponent(url.pathname)]).toEqual(['otpauth:', 'totp', `/PyTake:${email}`]);
    const { secret } = setup as { secret: string };
    expect(Object.fromEntries(url.searchParams)).toEqual({ issuer: 'PyTake', secret, algorithm: 'SHA1', digits: '6', period: '30' });
    expect(headers['cache-control']).toBe('no-store');
    // Not before it is enabled.
    await guest.post('/auth/login', { email, password: PASSWORD }).expect(200);

    for (const code of [otherDigits(codeOf(secret)), codeOf((first as { secret: string }).secret)])
      await acme.agent.post('/auth/2fa/enable', { code }).expect(400).expect(errorOf('two_factor_code_incorrect'));
    const { body: enabled } = await acme.agent.post('/auth/2fa/enable', { code: codeOf(secret) }).expect(200);

    const { recovery_codes } = enabled as { recovery_codes: string[] };
    expect(new Set(recovery_codes).size).toBe(10);
    expect(recovery_codes.every((code) => /^([0-9a-hjkmnp-tv-z]{4}-){3}[0-9a-hjkmnp-tv-z]{4}$/.test(code))).toBe(true);
    const { body: me } = await acme.agent.get('/auth/me').expect(200);
    expect(me).toMatchObject({ two_factor: { enabled: true, required: false, recovery_codes_left: 10 } });
    await acme.agent.post('/auth/2fa/setup', { password: PASSWORD }).expect(409).expect(errorOf('two_factor_enabled'));
    await acme.agent
      .post('/auth/2fa/enable', { code: codeOf(secret) })
      .expect(409)
      .expect(errorOf('two_factor_enabled'));
    // Nothing of it stands in the database as it is.
    const [row] = await sql<{ secret: string; text: string }>('SELECT secret, t::text AS text FROM two_factors t WHERE user_id = $1', [id]);
    expect(app.get(Encryption).decrypt(row.secret, [acme.id, id])).toBe(secret);
    for (const plain of [secret, ...recovery_codes]) expect(row.text).not.toContain(plain);
  });

  it('is set up by who has the password, and not by who has a token alone', async () => {
    const { acme } = await world();
    const setup = (body: object): ReturnType<Person['post']> => acme.agent.post('/auth/2fa/setup', body);

    await setup({}).expect(wrongField('password'));
    await setup({ password: 'wrong-horse-1' }).expect(400).expect(errorOf('current_password_incorrect'));
    // Guesses count as at the login: however many at once.
    const guesses = await Promise.all(Array.from({ length: 10 }, () => setup({ password: 'wrong-horse-1' })));
    expect(new Set(guesses.map(({ status }) => status))).toEqual(new Set([400, 403]));
    await setup({ password: PASSWORD }).expect(403).expect(errorOf('account_locked'));
  });

  it('is enabled once by many at the same time, whose recovery codes are the ones that count', async () => {
    const w = await world();
    const { agent } = w.acme;
    const { body } = await agent.post('/auth/2fa/setup', { password: PASSWORD }).expect(200);
    const code = codeOf((body as { secret: string }).secret);

    const answers = await Promise.all(Array.from({ length: 10 }, () => agent.post('/auth/2fa/enable', { code })));

    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(9).fill(409)]);
    const { recovery_codes } = answers.find(({ status }) => status === 200)?.body as { recovery_codes: string[] };
    await verify(w, await challenge(w, agent.user.email), recovery_codes[0]).expect(200);
  });

  it('has nothing to enable or disable before', async () => {
    const { acme, guest } = await world();

    await acme.agent.post('/auth/2fa/enable', { code: '123456' }).expect(409).expect(errorOf('two_factor_not_set_up'));
    await acme.agent
      .post('/auth/2fa/disable', { password: PASSWORD, code: '123456' })
      .expect(409)
      .expect(errorOf('two_factor_not_enabled'));
    await acme.agent.post('/auth/2fa/enable', {}).expect(wrongField('code'));
    await acme.agent.post('/auth/2fa/disable', { code: '123456' }).expect(wrongField('password'));
    await guest.post('/auth/2fa/setup').expect(401);
    await guest.post('/auth/2fa/verify', { code: '123456' }).expect(wrongField('mfa_token'));
    await guest.post('/auth/2fa/verify', { mfa_token: 'x' }).expect(wrongField('code'));
  });

  it('is disabled with the password and a code', async () => {
    const w = await world();
    const { agent } = w.acme;
    const { secret, recovery_codes } = await enrol(agent);
    const off = (password: string, code: string): ReturnType<Person['post']> => agent.post('/auth/2fa/disable', { password, code });

    await off('wrong-horse-1', codeOf(secret)).expect(400).expect(errorOf('current_password_incorrect'));
    await off(PASSWORD, otherDigits(codeOf(secret)))
      .expect(400)
      .expect(errorOf('two_factor_code_incorrect'));
    await agent.post('/auth/2fa/disable', { password: PASSWORD, recovery_code: recovery_codes[3] }).expect(204);

    await w.guest.post('/auth/login', { email: agent.user.email, password: PASSWORD }).expect(200);
    expect((await agent.get('/auth/me').expect(200)).body).toMatchObject({ two_factor: { enabled: false, recovery_codes_left: 0 } });
    await agent.post('/auth/2fa/setup', { password: PASSWORD }).expect(200);
    expect(await alerts(agent)).toEqual([
      'A verificação em duas etapas da sua conta foi desativada',
      'A verificação em duas etapas da sua conta foi ativada',
    ]);
  });

  it('is not guessed for ever by who knows the password and is in', async () => {
    const { acme } = await world();
    const { agent } = acme;
    const { secret } = await enrol(agent);
    const off = (code: string): ReturnType<Person['post']> => agent.post('/auth/2fa/disable', { password: PASSWORD, code });
    const wrong = otherDigits(codeOf(secret, 1));
    for (let n = 0; n < 4; n++) await off(wrong).expect(400);

    // Right, and refused for another reason: it clears no count.
    const same = { current_password: PASSWORD, new_password: PASSWORD };
    await agent.post(`/users/${agent.user.id}/change-password`, same).expect(wrongField('new_password'));

    await off(wrong).expect(400);
    await off(codeOf(secret)).expect(403).expect(errorOf('account_locked'));
  });

  it('counts guesses at it as the login does, also by who is in', async () => {
    const { acme, guest } = await world();
    const { secret } = await enrol(acme.agent);
    const off = (code: string): ReturnType<Person['post']> => acme.agent.post('/auth/2fa/disable', { password: PASSWORD, code });

    for (let n = 0; n < 5; n++) await off(otherDigits(codeOf(secret))).expect(400);

    await off(codeOf(secret)).expect(403).expect(errorOf('account_locked'));
    await guest.post('/auth/login', { email: acme.agent.user.email, password: PASSWORD }).expect(403).expect(errorOf('account_locked'));
  });
});

describe('a login with a second factor', () => {
  it('answers a challenge in place of tokens, and tokens to a code', async () => {
    const w = await world();
    const { email, id } = w.acme.agent.user;
    const { secret } = await enrol(w.acme.agent);

    const { body: asked } = await w.guest
      .post('/auth/login', { email, password: PASSWORD })
      .expect(403)
      .expect(errorOf('two_factor_required'));
    expect(asked).toMatchObject({ mfa_token: expect.any(String), expires_in: 300 });
    expect(asked).not.toHaveProperty('access_token');
    const { mfa_token } = asked as { mfa_token: string };
    // It opens nothing.
    await new Person(w.base_url, mfa_token, w.guest.user).get('/auth/me').expect(401);
    await w.guest.post('/auth/refresh', { refresh_token: mfa_token }).expect(401);

    const code = codeOf(secret);
    const { body } = await verify(w, mfa_token, `${code.slice(0, 3)} ${code.slice(3)}`).expect(200);
    expect(body).toMatchObject({ user: { id, last_login_ip: '127.0.0.1' }, token_type: 'bearer', message: 'Login successful' });
    await bearer(w, body as Answer)
      .get('/contacts')
      .expect(200);
    await w.guest.post('/auth/refresh', { refresh_token: (body as Answer).refresh_token }).expect(200);
  });

  it('goes the same way in GraphQL', async () => {
    const w = await world();
    const { secret } = await enrol(w.acme.agent);

    const { body: asked } = await w.guest.graphql(
      'mutation ($email: String!, $password: String!) { login(email: $email, password: $password) { access_token } }',
      {
        email: w.acme.agent.user.email,
        password: PASSWORD,
      },
    );
    const [{ extensions }] = (asked as { errors: { extensions: Record<string, string> }[] }).errors;
    expect(extensions).toMatchObject({ code: 'FORBIDDEN', error_code: 'two_factor_required', status_code: 403 });
    const { body } = await w.guest.graphql(
      'mutation ($t: String!, $c: String!) { verifyTwoFactor(mfa_token: $t, otp: $c) { access_token user { id } } }',
      {
        t: extensions.mfa_token,
        c: codeOf(secret),
      },
    );

    expect(body).toMatchObject({ data: { verifyTwoFactor: { access_token: expect.any(String), user: { id: w.acme.agent.user.id } } } });
  });

  it('takes each code once, and none of before', async () => {
    const w = await world();
    const { email } = w.acme.agent.user;
    const { secret } = await enrol(w.acme.agent);
    const [before, now, next] = [-1, 0, 1].map((steps) => codeOf(secret, steps));

    await verify(w, await challenge(w, email), next).expect(200);
    for (const code of [next, now, before, otherDigits(next)])
      await verify(w, await challenge(w, email), code)
        .expect(401)
        .expect(errorOf('invalid_credentials'));
  });

  it('takes no code in other digits for more than a wrong one', async () => {
    const w = await world();
    await enrol(w.acme.agent);
    const mfa_token = await challenge(w, w.acme.agent.user.email);

    for (const code of ['١٢٣٤٥٦', '１２３４５６', 'ééé123'])
      await verify(w, mfa_token, code).expect(401).expect(errorOf('invalid_credentials'));
    await w.acme.viewer.post('/auth/2fa/setup', { password: PASSWORD }).expect(200);
    await w.acme.viewer.post('/auth/2fa/enable', { code: '١٢٣٤٥٦' }).expect(400).expect(errorOf('two_factor_code_incorrect'));
  });

  it('takes a recovery code in place of one of the app, once, however it is typed', async () => {
    const w = await world();
    const { agent } = w.acme;
    const { recovery_codes } = await enrol(agent);
    const [first, second] = recovery_codes;

    await verify(w, await challenge(w, agent.user.email), first.toUpperCase().replaceAll('-', ' ')).expect(200);
    const mfa_token = await challenge(w, agent.user.email);
    await verify(w, mfa_token, first).expect(401).expect(errorOf('invalid_credentials'));
    await w.guest.post('/auth/2fa/verify', { mfa_token, recovery_code: second }).expect(200);

    expect((await agent.get('/auth/me').expect(200)).body).toMatchObject({ two_factor: { recovery_codes_left: 8 } });
    expect(await alerts(agent)).toEqual([
      'Um código de recuperação foi usado',
      'Um código de recuperação foi usado',
      'A verificação em duas etapas da sua conta foi ativada',
    ]);
  });

  it.each(['of the app', 'for recovery'])('lets one of 50 in who bring one code %s at once', async (kind) => {
    const w = await world();
    const { email, id } = w.acme.agent.user;
    const { secret, recovery_codes } = await enrol(w.acme.agent);
    const mfa_token = await challenge(w, email);
    const code = kind === 'of the app' ? codeOf(secret) : recovery_codes[0];
    const sessions = (): Promise<unknown[]> => w.sql('SELECT 1 FROM sessions WHERE user_id = $1', [id]);
    const before = (await sessions()).length;

    const answers = await Promise.all(Array.from({ length: 50 }, () => verify(w, mfa_token, code)));

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => ![200, 401, 403].includes(status))).toEqual([]);
    expect(await sessions()).toHaveLength(before + 1);
  });

  it('counts wrong codes with wrong passwords: the right password before them clears nothing', async () => {
    const w = await world();
    const { email } = w.acme.agent.user;
    const { secret } = await enrol(w.acme.agent);
    const wrong = otherDigits(codeOf(secret, 1));

    await w.guest.post('/auth/login', { email, password: 'wrong-horse-1' }).expect(401);
    for (let n = 0; n < 4; n++)
      await verify(w, await challenge(w, email), wrong)
        .expect(401)
        .expect(errorOf('invalid_credentials'));

    await w.guest.post('/auth/login', { email, password: PASSWORD }).expect(403).expect(errorOf('account_locked'));
    await w.acme.admin.post(`/users/${w.acme.agent.user.id}/activate`).expect(200);
    await verify(w, await challenge(w, email), codeOf(secret)).expect(200);
  });

  it('looks at no more codes than may be wrong, however many come at once', async () => {
    const w = await world();
    const { email } = w.acme.agent.user;
    const { secret } = await enrol(w.acme.agent);
    const mfa_token = await challenge(w, email);
    const wrong = otherDigits(codeOf(secret, 1));

    const answers = await Promise.all(Array.from({ length: 50 }, () => verify(w, mfa_token, wrong)));

    expect(answers.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(5);
    await verify(w, mfa_token, codeOf(secret)).expect(403).expect(errorOf('account_locked'));
  });

  it('does not lock who knows both, however often they come', async () => {
    const w = await world();
    const { email } = w.acme.agent.user;
    const { recovery_codes } = await enrol(w.acme.agent);

    for (let n = 0; n < 8; n++) await challenge(w, email);
    for (const code of recovery_codes.slice(0, 6)) await verify(w, await challenge(w, email), code).expect(200);
  });

  it('has a challenge that is no other token, and dies with a new password', async () => {
    const w = await world();
    const { agent, admin } = w.acme;
    const { secret } = await enrol(agent);
    const mfa_token = await challenge(w, agent.user.email);

    for (const other of [agent.token, 'rubbish', `${mfa_token}x`])
      await verify(w, other, codeOf(secret)).expect(401).expect(errorOf('invalid_mfa_token'));
    await admin.post(`/users/${agent.user.id}/change-password`, { new_password: 'another-horse-1' }).expect(200);
    await verify(w, mfa_token, codeOf(secret)).expect(401).expect(errorOf('invalid_mfa_token'));
  });

  it('says that the account was switched off meanwhile', async () => {
    const w = await world();
    const { agent } = w.acme;
    const { secret } = await enrol(agent);
    const mfa_token = await challenge(w, agent.user.email);
    await w.sql('UPDATE users SET is_active = false WHERE id = $1', [agent.user.id]);

    await verify(w, mfa_token, codeOf(secret)).expect(403).expect(errorOf('account_inactive'));
  });

  it('is told in the audit log, without codes', async () => {
    const w = await world();
    const { email, id } = w.acme.agent.user;
    const { secret, recovery_codes } = await enrol(w.acme.agent);
    await verify(w, await challenge(w, email), otherDigits(codeOf(secret))).expect(401);
    await verify(w, await challenge(w, email), recovery_codes[0]).expect(200);

    const rows = await w.sql<{ action: string; result: string; metadata: object }>(
      'SELECT action, result, metadata FROM audit_logs WHERE organization_id = $1 AND user_id = $2 ORDER BY id',
      [w.acme.id, id],
    );

    expect(rows.map(({ action, result }) => `${action} ${result}`)).toEqual([
      'auth.two_factor_set_up success',
      'auth.two_factor_enabled success',
      'auth.two_factor_asked success',
      'auth.login_failed failure',
      'auth.two_factor_asked success',
      'auth.login success',
    ]);
    expect(rows.at(-1)?.metadata).toEqual({ two_factor: 'recovery_code' });
    expect(JSON.stringify(rows)).not.toContain(recovery_codes[0]);
  });
});

describe('a lost second factor', () => {
  const reset = (person: Person, { user }: Person): ReturnType<Person['post']> => person.post(`/users/${user.id}/reset-two-factor`);

  it('is taken off by an administrator: every session ends, and the password alone lets in', async () => {
    const w = await world();
    const { admin, agent, viewer } = w.acme;
    await enrol(agent);
    for (let n = 0; n < 6; n++) await w.guest.post('/auth/login', { email: agent.user.email, password: 'wrong-horse-1' });

    await reset(viewer, agent).expect(403).expect(errorOf('insufficient_role'));
    await reset(w.globex.admin, agent).expect(404);
    await reset(admin, admin).expect(403).expect(errorOf('cannot_modify_self'));
    await reset(admin, viewer).expect(409).expect(errorOf('two_factor_not_enabled'));
    await reset(admin, agent).expect(200).expect({ success: true, message: 'Second factor switched off' });

    await agent.get('/auth/me').expect(401).expect(errorOf('token_revoked'));
    await w.guest.post('/auth/login', { email: agent.user.email, password: PASSWORD }).expect(200);
    await reset(admin, agent).expect(409).expect(errorOf('two_factor_not_enabled'));
  });

  it('is not taken off by who may less', async () => {
    const { acme } = await world();
    await enrol(acme.admin);
    const other = await acme.hire('org_admin');
    await acme.admin.put(`/users/${other.user.id}/permissions`, { permissions: ['write:users'] }).expect(200);

    await reset(other, acme.admin).expect(403).expect(errorOf('permission_denied'));
  });

  it('is taken off by GraphQL too', async () => {
    const { acme } = await world();
    await enrol(acme.agent);

    const { body } = await acme.admin.graphql('mutation ($id: ID!) { resetUserTwoFactor(id: $id) { success } }', {
      id: acme.agent.user.id,
    });

    expect(body).toEqual({ data: { resetUserTwoFactor: { success: true } } });
  });
});

describe('an organization that asks for a second factor', () => {
  it('lets who has none do nothing but set one up', async () => {
    const w = await world();
    const { agent } = w.acme;
    await requireIt(w);

    await agent.get('/contacts').expect(403).expect(errorOf('two_factor_setup_required'));
    await agent.get('/auth/sessions').expect(403).expect(errorOf('two_factor_setup_required'));
    const { body: graphql } = await agent.graphql('{ contacts { id } }');
    expect(graphql).toMatchObject({ errors: [{ extensions: { error_code: 'two_factor_setup_required' } }] });
    const { body } = await w.guest.post('/auth/login', { email: w.acme.viewer.user.email, password: PASSWORD }).expect(200);
    await bearer(w, body as Answer)
      .get('/contacts')
      .expect(403)
      .expect(errorOf('two_factor_setup_required'));
    expect((await agent.get('/auth/me').expect(200)).body).toMatchObject({ two_factor: { enabled: false, required: true } });

    await enrol(agent);
    await agent.get('/contacts').expect(200);
    await requireIt({ ...w, acme: { ...w.acme, admin: await enrolled(w) } } as World, false);
    await w.acme.viewer.get('/contacts').expect(200);
  });

  it('closes the sockets of who has none, and opens none', async () => {
    const w = await world();
    const { agent, viewer } = w.acme;
    await enrol(viewer);
    const [lost, raw, kept] = [await socketOf(agent), await rawOf(agent), await socketOf(viewer)];

    await requireIt(w);

    await until(() => lost.disconnects.length && raw.closed, 'the end of the sockets');
    expect(lost.all('error')).toMatchObject([{ error_code: 'two_factor_setup_required' }]);
    expect(kept.disconnects).toEqual([]);
    await enrol(agent);
    await socketOf(agent);
  });

  it('asks no API key for one', async () => {
    const w = await world();
    const { body } = await w.acme.admin.post('/api-keys', { name: 'ERP', role: 'viewer' }).expect(201);
    await requireIt(w);

    await new Person(w.base_url, (body as { key: string }).key, w.guest.user).get('/contacts').expect(200);
  });
});

/** The administrator, who has set one up. */
async function enrolled({ acme }: World): Promise<Person> {
  await enrol(acme.admin);
  return acme.admin;
}

import { DueRows } from '#database/due-rows';
import { LoginLocks } from '#modules/users/login-locks';
import type { TokenPurpose } from '#modules/users/mailed-token.entity';
import { type Mailbox, mailbox, tokenIn } from './support/mailbox';
import { mailedToken } from './support/mailed-token';
import { rawOf, socketOf, until } from './support/sockets';
import { PASSWORD, type Person, type World, errorOf, world, wrongField } from './support/world';

// Contract 10 §2: who comes back in by mail. Every mail goes over a real SMTP server.

const NEW_PASSWORD = 'fornada-das-6';

let box: Mailbox;
let w: World;

beforeAll(async () => {
  box = await mailbox();
  await world({ ...box.env, APP_URL: 'https://app.example' });
});
beforeEach(async () => {
  w = await world();
});
afterAll(() => box.close());

const forget = async ({ user: { email } }: Person, count = 1): Promise<string> => {
  await w.guest.post('/auth/forgot-password', { email }).expect(200);
  return tokenIn(await box.newest(email, count));
};

const reset = (token: string, new_password = NEW_PASSWORD) => w.guest.post('/auth/reset-password', { token, new_password });

const tokenOf = ({ user }: Person, purpose: TokenPurpose): Promise<string> => mailedToken(w.app, user, purpose);

const loginWith = ({ user: { email } }: Person, password: string) => w.guest.post('/auth/login', { email, password });

interface UserRow {
  email_verified: boolean;
  email_verified_at: Date | null;
  invite_pending: boolean;
}

const rowOf = async ({ user: { id } }: Pick<Person, 'user'>): Promise<UserRow> =>
  (await w.sql<UserRow>('SELECT email_verified, email_verified_at, invite_pending FROM users WHERE id = $1', [id]))[0];

/** Nothing more is on its way. */
const settled = async (): Promise<void> => {
  await w.app.get(DueRows).sweep();
  await w.app.get(DueRows).idle();
};

describe('a lost password', () => {
  it('is set anew by a mailed link, once; every session ends, at every door', async () => {
    const { agent, viewer } = w.acme;
    const [socket, raw] = await Promise.all([socketOf(agent), rawOf(agent)]);
    const { body: session } = await loginWith(agent, PASSWORD).expect(200);

    const token = await forget(agent);
    const mail = await box.newest(agent.user.email);
    expect(mail).toMatchObject({ subject: 'Definir uma nova senha', text: expect.stringContaining('60 minutos') as string });
    expect(mail.text).toContain(`https://app.example/reset-password#token=${token}`);
    expect(mail.html).toContain(`href="https://app.example/reset-password#token=${token}"`);
    await reset(token).expect(200).expect({ success: true, message: 'The password is set. Sign in with it.' });

    await agent.get('/auth/me').expect(401).expect(errorOf('token_revoked'));
    expect((await agent.graphql('{ me { id } }')).body.errors[0].extensions.error_code).toBe('token_revoked');
    await w.guest.post('/auth/refresh', { refresh_token: session.refresh_token as string }).expect(401);
    await until(() => socket.disconnects.length, 'the end of the socket');
    expect(await raw.end()).toEqual({ code: 1008, reason: 'token_revoked' });
    await viewer.get('/auth/me').expect(200);
    await reset(token, 'another-one-1').expect(400).expect(errorOf('invalid_token'));
    await loginWith(agent, PASSWORD).expect(401);
    await loginWith(agent, NEW_PASSWORD).expect(200);
    expect(await box.newest(agent.user.email, 2)).toMatchObject({ subject: 'A sua senha foi alterada' });
  });

  it('is set by GraphQL too', async () => {
    const { agent } = w.acme;
    const ask = await w.guest.graphql('mutation ($email: String!) { forgotPassword(email: $email) { success message } }', {
      email: ` ${agent.user.email.toUpperCase()} `,
    });
    const token = tokenIn(await box.newest(agent.user.email));

    const done = await w.guest.graphql(
      'mutation ($token: String!, $new_password: String!) { resetPassword(token: $token, new_password: $new_password) { success } }',
      { token, new_password: NEW_PASSWORD },
    );

    expect(ask.body.data.forgotPassword.success).toBe(true);
    expect(done.body.data.resetPassword.success).toBe(true);
    await loginWith(agent, NEW_PASSWORD).expect(200);
    const again = await w.guest.graphql('mutation { resetPassword(token: "x", new_password: "fornada-das-6") { success } }');
    expect(again.body.errors[0].extensions).toMatchObject({ error_code: 'invalid_token', status_code: 400 });
  });

  it('is answered alike for everybody, and mailed only to who may come in', async () => {
    const off = await w.acme.hire('agent', { is_active: false });
    const { admin: suspended } = await w.organization('Closed', { status: 'suspended' });
    const { admin: deleted } = w.globex;
    await w.sql('UPDATE users SET deleted_at = now() WHERE id = $1', [deleted.user.id]);
    const emails = [w.acme.agent.user.email, 'nobody@nowhere.example', off.user.email, suspended.user.email, deleted.user.email];

    const answers = await Promise.all(emails.map((email) => w.guest.post('/auth/forgot-password', { email })));

    for (const { status, body } of answers) expect({ status, body }).toEqual({ status: 200, body: answers[0].body });
    await box.newest(w.acme.agent.user.email);
    await settled();
    for (const email of emails.slice(1)) expect(box.of(email)).toEqual([]);
  });

  it('takes a password of the organization’s policy; a refused one leaves the link good', async () => {
    const { agent } = w.acme;
    await w.acme.admin.put('/organizations/me/settings', { security_settings: { password_min_length: 12 } }).expect(200);
    const token = await tokenOf(agent, 'password_reset');

    for (const wrong of ['curta-1', 'fornada-6', 'somente letras aqui', agent.user.email])
      await reset(token, wrong).expect(wrongField('new_password'));
    await reset('', NEW_PASSWORD).expect(wrongField('token'));
    await w.guest.post('/auth/reset-password', { token }).expect(wrongField('new_password'));
    await w.guest.post('/auth/forgot-password', { email: 'nobody' }).expect(wrongField('email'));

    await reset(token, 'fornada-das-seis-6').expect(200);
  });

  it('has one good link, the newest, for an hour', async () => {
    const { agent } = w.acme;
    const older = await forget(agent);
    const newer = await forget(agent, 2);

    await reset(older).expect(400).expect(errorOf('invalid_token'));
    const [{ hours }] = await w.sql<{ hours: number }>(
      `SELECT round(extract(epoch FROM expires_at - created_at) / 3600)::int AS hours FROM mailed_tokens WHERE user_id = $1`,
      [agent.user.id],
    );
    expect(hours).toBe(1);
    await w.sql("UPDATE mailed_tokens SET expires_at = now() - interval '1 second' WHERE user_id = $1", [agent.user.id]);
    await reset(newer).expect(400).expect(errorOf('invalid_token'));
    await reset('no-such-token').expect(400).expect(errorOf('invalid_token'));
  });

  it('is set once, however many bring the link at once', async () => {
    const token = await tokenOf(w.acme.agent, 'password_reset');

    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => reset(token, `fornada-das-6-${n}`)));

    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array<number>(49).fill(400)]);
    const winner = answers.findIndex(({ status }) => status === 200);
    await loginWith(w.acme.agent, `fornada-das-6-${winner}`).expect(200);
  });

  it('lifts a lock, and confirms the e-mail it was mailed to', async () => {
    const { agent } = w.acme;
    await w.sql('UPDATE users SET email_verified = false, email_verified_at = NULL WHERE id = $1', [agent.user.id]);
    for (let n = 0; n < 6; n++) await loginWith(agent, 'wrong-password-1');
    await loginWith(agent, PASSWORD).expect(403).expect(errorOf('account_locked'));

    await reset(await tokenOf(agent, 'password_reset')).expect(200);

    expect(await w.app.get(LoginLocks).lockedUntilOf([agent.user.email])).toEqual(new Map());
    await loginWith(agent, NEW_PASSWORD).expect(200);
    expect(await rowOf(agent)).toMatchObject({ email_verified: true, email_verified_at: expect.any(Date) as Date });
  });

  it('of an invited member is their first: the invitation is accepted, by either link', async () => {
    const invite = async (email: string): Promise<Person> => {
      const { body } = await w.acme.admin.post('/users', { email, full_name: 'Carla Dias', role: 'agent' }).expect(201);
      return { ...w.guest, user: { ...w.guest.user, id: body.id as string, organization_id: w.acme.id, email } } as Person;
    };
    const carla = await invite(`carla@${w.acme.slug}.example`);
    const davi = await invite(`davi@${w.acme.slug}.example`);
    const invitation = await tokenOf(carla, 'invitation');

    // Asking for another mail does not end an invitation.
    await w.guest.post('/auth/forgot-password', { email: carla.user.email }).expect(200);
    await reset(invitation).expect(200);
    await reset(await tokenOf(davi, 'password_reset')).expect(200);

    for (const member of [carla, davi]) {
      expect(await rowOf(member)).toMatchObject({ invite_pending: false, email_verified: true });
      await loginWith(member, NEW_PASSWORD).expect(200);
    }
    await settled();
    expect(
      box.mails.filter(({ to_address, subject }) => to_address === carla.user.email && subject === 'A sua senha foi alterada'),
    ).toEqual([]);
    expect(await w.sql('SELECT purpose FROM mailed_tokens WHERE user_id = $1', [carla.user.id])).toEqual([]);
  });

  it('is nothing a link to another address, or of somebody gone, can set', async () => {
    const [moved, off, gone] = await Promise.all([w.acme.hire('agent'), w.acme.hire('agent'), w.acme.hire('agent')]);
    const tokens: string[] = [];
    for (const person of [moved, off, gone]) tokens.push(await tokenOf(person, 'password_reset'));

    await w.sql('UPDATE users SET email = $2 WHERE id = $1', [moved.user.id, `moved@${w.acme.slug}.example`]);
    await w.sql('UPDATE users SET is_active = false WHERE id = $1', [off.user.id]);
    await w.sql('UPDATE users SET deleted_at = now() WHERE id = $1', [gone.user.id]);

    for (const token of tokens) await reset(token).expect(400).expect(errorOf('invalid_token'));
    await reset(await tokenOf(w.acme.agent, 'email_verification'))
      .expect(400)
      .expect(errorOf('invalid_token'));
  });

  it('mails one person no more than five times an hour; the link they have stays good', async () => {
    const { agent } = w.acme;

    await Promise.all(Array.from({ length: 20 }, () => w.guest.post('/auth/forgot-password', { email: agent.user.email }).expect(200)));

    const newest = await box.newest(agent.user.email, 5);
    await settled();
    expect(box.of(agent.user.email)).toHaveLength(5);
    const good = await Promise.all(
      box.of(agent.user.email).map(async (mail) => (await reset(tokenIn(mail), 'x')).body.error_code as string),
    );
    expect(good.filter((code) => code !== 'invalid_token')).toEqual(['validation_error']);
    expect(newest.subject).toBe('Definir uma nova senha');
  });
});

describe('an e-mail', () => {
  const registration = (email: string): object => ({
    email,
    password: PASSWORD,
    full_name: 'Ana Souza',
    organization_name: 'Padaria Central',
  });

  it('is asked to be confirmed at registration, and is by the mailed link, once', async () => {
    const email = `ana@${w.acme.slug}.example`;
    const { body } = await w.guest.post('/auth/register', registration(email)).expect(201);
    const mail = await box.newest(email);

    expect(mail.subject).toBe('Confirme o seu e-mail');
    expect(mail.text).toContain('https://app.example/verify-email#token=');
    await w.guest
      .post('/auth/verify-email', { token: tokenIn(mail) })
      .expect(200)
      .expect({ success: true, message: 'The e-mail is confirmed.' });

    expect(await rowOf({ user: body.user })).toMatchObject({ email_verified: true, email_verified_at: expect.any(Date) as Date });
    await w.guest
      .post('/auth/verify-email', { token: tokenIn(mail) })
      .expect(400)
      .expect(errorOf('invalid_token'));
    await w.guest.post('/auth/verify-email', {}).expect(wrongField('token'));
  });

  it('is confirmed by GraphQL too', async () => {
    const email = `bia@${w.acme.slug}.example`;
    await w.guest.post('/auth/register', registration(email)).expect(201);
    const token = tokenIn(await box.newest(email));

    const { body } = await w.guest.graphql('mutation ($token: String!) { verifyEmail(token: $token) { success } }', { token });

    expect(body.data.verifyEmail.success).toBe(true);
  });

  it('lets in where the organization asks for it, once it is confirmed by the mail that was asked for again', async () => {
    const { agent, admin } = w.acme;
    await admin.put('/organizations/me/settings', { language: 'en', security_settings: { require_email_verification: true } }).expect(200);
    await w.sql('UPDATE users SET email_verified = false WHERE id = $1', [agent.user.id]);
    await loginWith(agent, PASSWORD).expect(403).expect(errorOf('account_inactive'));

    const known = await w.guest.post('/auth/resend-verification', { email: agent.user.email }).expect(200);
    const mail = await box.newest(agent.user.email);
    await w.guest.post('/auth/verify-email', { token: tokenIn(mail) }).expect(200);
    await loginWith(agent, PASSWORD).expect(200);

    expect(mail.subject).toBe('Confirm your e-mail');
    for (const email of ['nobody@nowhere.example', agent.user.email]) {
      const { body } = await w.guest.post('/auth/resend-verification', { email }).expect(200);
      expect(body).toEqual(known.body);
    }
    await settled();
    expect(box.of(agent.user.email)).toHaveLength(1);
  });

  it('is confirmed once, however many bring the link at once', async () => {
    const { agent } = w.acme;
    const token = await tokenOf(agent, 'email_verification');

    const answers = await Promise.all(Array.from({ length: 50 }, () => w.guest.post('/auth/verify-email', { token })));

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ body }) => body.error_code === 'invalid_token')).toHaveLength(49);
  });
});

describe('a lock', () => {
  it('is told by mail, in the language of the one it is about, once', async () => {
    const { agent } = w.acme;
    await w.acme.admin.put(`/users/${agent.user.id}`, { language: 'en' }).expect(200);

    for (let n = 0; n < 8; n++) await loginWith(agent, 'wrong-password-1');

    const mail = await box.newest(agent.user.email);
    expect(mail).toMatchObject({
      subject: 'Too many attempts to sign in to your account',
      text: expect.stringContaining('30 minutes') as string,
    });
    expect(mail.text).toContain('https://app.example/forgot-password');
    await settled();
    expect(box.of(agent.user.email)).toHaveLength(1);
  });
});

describe('the audit log', () => {
  it('says who asked, who came in, and nothing of a token', async () => {
    const { agent } = w.acme;
    const token = await forget(agent);
    await reset(token).expect(200);
    await w.guest.post('/auth/verify-email', { token: await tokenOf(agent, 'email_verification') }).expect(200);

    const rows = await w.sql<{ action: string; resource_id: string }>(
      'SELECT action, resource_id, actor_email, result, metadata FROM audit_logs WHERE resource_id = $1 ORDER BY id',
      [agent.user.id],
    );

    expect(rows).toMatchObject([
      { action: 'auth.password_reset_requested', actor_email: null, result: 'success', metadata: { mailed: true } },
      { action: 'auth.password_reset', result: 'success', metadata: { invitation: false } },
      { action: 'auth.email_verified', result: 'success' },
    ]);
    expect(JSON.stringify(rows)).not.toContain(token);
  });

  it('says nothing of an e-mail that is nobody’s, at either door: strangers do not write in it', async () => {
    const entries = (): Promise<unknown[]> => w.sql('SELECT action, actor_email FROM audit_logs');
    const before = await entries();

    const email = `nobody@${w.acme.slug}.example`;
    await w.guest.post('/auth/forgot-password', { email }).expect(200);
    await w.guest.post('/auth/resend-verification', { email }).expect(200);
    const { body } = await w.guest.graphql('mutation ($email: String!) { forgotPassword(email: $email) { success } }', { email });

    expect(body.data.forgotPassword.success).toBe(true);
    expect(await entries()).toEqual(before);
  });
});

describe('the database', () => {
  it('holds no token that somebody could use', async () => {
    const { agent } = w.acme;
    const token = await forget(agent);

    const tables = await w.sql<{ name: string }>("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'");
    for (const { name } of tables) {
      const [{ found }] = await w.sql<{ found: number }>(`SELECT count(*)::int AS found FROM "${name}" t WHERE t::text LIKE $1`, [
        `%${token}%`,
      ]);
      expect({ name, found }).toEqual({ name, found: 0 });
    }
  });
});

import { hash } from '@node-rs/argon2';
import { Client } from 'pg';
import { EventBus } from '#common/events';
import { Sessions } from '#access/sessions';
import { Inbox } from './support/inbox';
import { type Mailbox, mailbox, tokenIn } from './support/mailbox';
import { metaPayload } from './support/meta-payloads';
import { officialNumber } from './support/official-number';
import { socketOf, until } from './support/sockets';
import { whileHeld } from './support/waiting';
import { PASSWORD, type Company, type Person, type World, errorOf, world, wrongField } from './support/world';

// Contract 10 §4: invitations, passwords, permissions, deletion, and what a member did.

const NEW_PASSWORD = 'another-horse-2';

let box: Mailbox;
let w: World;
let acme: Company;

beforeAll(async () => {
  box = await mailbox();
  await world({ ...box.env, APP_URL: 'https://app.example' });
});
beforeEach(async () => {
  w = await world();
  ({ acme } = w);
});
afterAll(() => box.close());

const login = (email: string, password: string) => w.guest.post('/auth/login', { email, password });
const rowsOf = (path: string, person: Person) =>
  person
    .get(path)
    .expect(200)
    .then(({ body }) => body.items as Record<string, unknown>[]);

describe('an invitation', () => {
  const invite = async (email = `eva@${acme.slug}.example`, more: object = {}): Promise<{ id: string; email: string }> => {
    const { body } = await acme.admin.post('/users', { email, full_name: 'Eva Nunes', language: 'pt-BR', ...more }).expect(201);
    return body as { id: string; email: string };
  };
  const accept = (token: string) => w.guest.post('/auth/reset-password', { token, new_password: NEW_PASSWORD });

  it('is mailed in the language of the invited, and good once', async () => {
    const { id, email } = await invite();

    const mail = await box.newest(email);
    expect(mail).toMatchObject({ subject: 'Convite para a equipe de Acme', text: expect.stringContaining('Eva Nunes') as string });
    expect(mail.text).toContain(`https://app.example/reset-password#token=${tokenIn(mail)}`);
    await accept(tokenIn(mail)).expect(200);

    await login(email, NEW_PASSWORD).expect(200);
    expect((await acme.admin.get(`/users/${id}`).expect(200)).body).toMatchObject({ invite_pending: false, email_verified: true });
    await accept(tokenIn(mail)).expect(400).expect(errorOf('invalid_token'));
  });

  it('sent again kills the one before', async () => {
    const { id, email } = await invite();
    const first = tokenIn(await box.newest(email));

    await acme.admin.post(`/users/${id}/resend-invite`).expect(200);

    const second = tokenIn(await box.newest(email, 2));
    await accept(first).expect(400).expect(errorOf('invalid_token'));
    await accept(second).expect(200);
  });

  it('is sent again only while there is no password, and not without end', async () => {
    const { id } = await invite();
    await acme.admin.post(`/users/${acme.agent.user.id}/resend-invite`).expect(409).expect(errorOf('invalid_state'));
    for (let n = 0; n < 4; n++) await acme.admin.post(`/users/${id}/resend-invite`).expect(200);

    const { headers } = await acme.admin.post(`/users/${id}/resend-invite`).expect(429).expect(errorOf('rate_limit_exceeded'));

    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    await acme.admin.post(`/users/${id}/deactivate`).expect(200);
    await acme.admin.post(`/users/${id}/resend-invite`).expect(409);
    await acme.agent.post(`/users/${id}/resend-invite`).expect(403);
    await w.globex.admin.post(`/users/${id}/resend-invite`).expect(404);
  });

  it('goes to the new address where that changed, and the old one is dead', async () => {
    const { id, email } = await invite();
    const old = tokenIn(await box.newest(email));

    await acme.admin.put(`/users/${id}`, { email: `nova.${email}` }).expect(200);

    const mail = await box.newest(`nova.${email}`);
    await accept(old).expect(400);
    await accept(tokenIn(mail)).expect(200);
  });

  it('ends with the account', async () => {
    const { id, email } = await invite();
    const token = tokenIn(await box.newest(email));

    await acme.admin.delete(`/users/${id}`).expect(204);

    await accept(token).expect(400).expect(errorOf('invalid_token'));
  });
});

describe('another e-mail', () => {
  it('is asked for by mail; what was mailed to the old one is dead', async () => {
    const { agent } = acme;
    await w.guest.post('/auth/forgot-password', { email: agent.user.email }).expect(200);
    const old = tokenIn(await box.newest(agent.user.email));
    const email = `novo@${acme.slug}.example`;

    await agent.put('/users/me', { email, current_password: PASSWORD }).expect(200);

    const token = tokenIn(await box.newest(email));
    expect((await box.newest(agent.user.email, 2)).subject).toBe('O e-mail da sua conta foi alterado');
    await w.guest.post('/auth/reset-password', { token: old, new_password: NEW_PASSWORD }).expect(400);
    await w.guest.post('/auth/verify-email', { token }).expect(200);
    expect((await agent.get('/users/me').expect(200)).body).toMatchObject({ email, email_verified: true });
  });

  it('stands in no audit entry', async () => {
    const email = `secreto@${acme.slug}.example`;
    await acme.admin.put(`/users/${acme.agent.user.id}`, { email }).expect(200);

    const [{ said }] = await w.sql<{ said: string }>(
      `SELECT string_agg(changes::text || metadata::text, '') AS said FROM audit_logs WHERE organization_id = $1`,
      [acme.id],
    );

    expect(said).toContain('email');
    expect(said).not.toContain(email);
  });
});

describe('a password', () => {
  const change = (person: Person, id: string, body: object) => person.post(`/users/${id}/change-password`, body);

  it('of one’s own changes with the present one; every session ends but this one, which goes on by a refresh', async () => {
    const { agent } = acme;
    const { id, email } = agent.user;
    const { body: mine } = await login(email, PASSWORD).expect(200);
    const { body: other } = await login(email, PASSWORD).expect(200);
    const here = new (agent.constructor as typeof Person)(w.base_url, mine.access_token as string, agent.user);
    const socket = await socketOf(agent);

    await change(here, id, { current_password: PASSWORD, new_password: NEW_PASSWORD }).expect(200, {
      success: true,
      message: 'Password changed',
    });

    await here.get('/auth/me').expect(401).expect(errorOf('token_revoked'));
    await agent.get('/auth/me').expect(401);
    await until(() => socket.disconnects.length, 'the socket closed');
    await w.guest.post('/auth/refresh', { refresh_token: other.refresh_token as string }).expect(401);
    await w.guest.post('/auth/refresh', { refresh_token: mine.refresh_token as string }).expect(200);
    await login(email, PASSWORD).expect(401);
    await login(email, NEW_PASSWORD).expect(200);
    expect((await box.newest(email)).subject).toMatch(/senha/);
  });

  it('is refused without the present one, with a wrong one, and where it is the same or too weak', async () => {
    const { agent } = acme;
    const own = (body: object) => change(agent, agent.user.id, body);

    await own({ new_password: NEW_PASSWORD }).expect(wrongField('current_password'));
    await own({ current_password: 'wrong-horse-1', new_password: NEW_PASSWORD }).expect(400).expect(errorOf('current_password_incorrect'));
    await own({ current_password: PASSWORD, new_password: PASSWORD }).expect(wrongField('new_password'));
    await own({ current_password: PASSWORD, new_password: 'short' }).expect(wrongField('new_password'));
    await own({ current_password: PASSWORD }).expect(wrongField('new_password'));
    await agent.get('/auth/me').expect(200);
  });

  it('of one’s own is not changed by the one before, where another was set meanwhile', async () => {
    const { agent } = acme;
    const { id, email } = agent.user;
    const reset = await hash('set-by-a-mail-1');

    const { status, body } = await whileHeld(
      w,
      id,
      () => change(agent, id, { current_password: PASSWORD, new_password: NEW_PASSWORD }),
      (client) => client.query('UPDATE credentials SET password_hash = $2 WHERE user_id = $1', [id, reset]),
    );

    expect({ status, error_code: body.error_code as string }).toEqual({ status: 400, error_code: 'current_password_incorrect' });
    await login(email, 'set-by-a-mail-1').expect(200);
  });

  it('of somebody else an administrator sets, and nobody below', async () => {
    const { id, email } = acme.agent.user;
    await change(acme.viewer, id, { new_password: NEW_PASSWORD }).expect(403).expect(errorOf('insufficient_role'));
    await change(w.globex.admin, id, { new_password: NEW_PASSWORD }).expect(404);
    await w.guest.post(`/users/${id}/change-password`, { new_password: NEW_PASSWORD }).expect(401);

    await change(acme.admin, id, { new_password: NEW_PASSWORD }).expect(200);

    await acme.agent.get('/auth/me').expect(401).expect(errorOf('token_revoked'));
    await login(email, NEW_PASSWORD).expect(200);
  });

  it('changes in GraphQL too, for yourself', async () => {
    const mutation = `mutation ($current: String, $new: String!) { changePassword(current_password: $current, new_password: $new) { success } }`;

    const { body: wrong } = await acme.agent.graphql(mutation, { current: 'wrong-horse-1', new: NEW_PASSWORD });
    const { body: done } = await acme.agent.graphql(mutation, { current: PASSWORD, new: NEW_PASSWORD });

    expect(wrong.errors[0].extensions).toMatchObject({ status_code: 400, error_code: 'current_password_incorrect' });
    expect(done).toEqual({ data: { changePassword: { success: true } } });
  });
});

describe('a deletion', () => {
  it('frees the e-mail, ends sessions and sockets, and takes the member out of everything', async () => {
    const { agent, admin } = acme;
    const { id, email } = agent.user;
    const socket = await socketOf(agent);
    const told: string[] = [];
    for (const name of ['user.deleted', 'user.left'] as const)
      w.app.get(EventBus).on(name, ({ user_id }) => void (user_id === id && told.push(name)));

    await admin.delete(`/users/${id}`).expect(204);

    await agent.get('/auth/me').expect(401).expect(errorOf('token_revoked'));
    await until(() => socket.disconnects.length, 'the socket closed');
    await login(email, PASSWORD).expect(401).expect(errorOf('invalid_credentials'));
    await admin.get(`/users/${id}`).expect(404);
    expect((await rowsOf('/users', admin)).map((row) => row.id)).not.toContain(id);
    expect(told).toEqual(['user.deleted', 'user.left']);
    await admin.post('/users', { email, full_name: 'Outro Alguém', password: PASSWORD }).expect(201);
    for (const again of [admin.delete(`/users/${id}`), admin.put(`/users/${id}`, { bio: 'x' }), admin.post(`/users/${id}/activate`)])
      await again.expect(404);
  });

  it('takes the agent off their open conversations, as deactivation and another role do', async () => {
    const inbox = new Inbox(w, acme, await officialNumber(w, acme));
    for (const leave of [
      (id: string) => acme.admin.delete(`/users/${id}`).expect(204),
      (id: string) => acme.admin.post(`/users/${id}/deactivate`).expect(200),
      (id: string) => acme.admin.put(`/users/${id}`, { role: 'viewer' }).expect(200),
    ]) {
      const { user } = await acme.hire('agent');
      await inbox.receive(metaPayload.text(inbox.person()));
      const [conversation] = (await inbox.conversations()).filter(({ status }) => status === 'open');
      await acme.admin.post(`/conversations/${conversation.id}/assign`, { agent_id: user.id }).expect(200);

      await leave(user.id);

      await until(
        async () => (await acme.admin.get(`/conversations/${conversation.id}`).expect(200)).body.current_agent_id === null,
        'the conversation without its agent',
      );
      await acme.admin.post(`/conversations/${conversation.id}/close`, {}).expect(200);
    }
  });

  it('is refused for oneself, below an administrator, and across organizations', async () => {
    await acme.admin.delete(`/users/${acme.admin.user.id}`).expect(403).expect(errorOf('cannot_modify_self'));
    await acme.agent.delete(`/users/${acme.viewer.user.id}`).expect(403).expect(errorOf('insufficient_role'));
    await w.globex.admin.delete(`/users/${acme.viewer.user.id}`).expect(404);
  });

  it('never takes the last administrator, however many try at once', async () => {
    const others = await Promise.all(Array.from({ length: 49 }, () => acme.hire('org_admin')));
    const admins = [acme.admin, ...others];

    const answers = await Promise.all(
      admins.map((admin, n) => {
        const { id } = admins[(n + 1) % admins.length].user;
        return n % 2 ? admin.delete(`/users/${id}`) : admin.put(`/users/${id}`, { role: 'agent' });
      }),
    );

    const [{ left }] = await w.sql<{ left: number }>(
      `SELECT count(*)::int AS left FROM users WHERE organization_id = $1 AND role = 'org_admin' AND is_active AND deleted_at IS NULL`,
      [acme.id],
    );
    expect(left).toBeGreaterThan(0);
    expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
  });

  it('of two administrators by each other at once leaves one', async () => {
    const other = await acme.hire('org_admin');

    const answers = await Promise.all([acme.admin.delete(`/users/${other.user.id}`), other.delete(`/users/${acme.admin.user.id}`)]);

    expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
  });
});

describe('permissions of one’s own', () => {
  const narrow = (id: string, permissions: unknown) => acme.admin.put(`/users/${id}/permissions`, { permissions });

  it('narrow the role from the next request on, without ending sessions, and go with another role', async () => {
    const { agent, admin } = acme;
    const { id } = agent.user;

    const { body } = await narrow(id, ['read:contacts', 'read:contacts']).expect(200);

    expect(body).toMatchObject({ user_id: id, role: 'agent', permissions: ['read:contacts'], custom_permissions: ['read:contacts'] });
    await agent.get('/contacts').expect(200);
    await agent.get('/conversations').expect(403).expect(errorOf('permission_denied'));
    await agent.post('/contacts', { whatsapp_id: '+5511987654321' }).expect(403).expect(errorOf('permission_denied'));
    expect((await agent.get('/users/me').expect(200)).body.permissions).toEqual(['read:contacts']);
    await narrow(id, null).expect(200);
    await agent.get('/conversations').expect(200);

    await narrow(id, []).expect(200);
    await admin.put(`/users/${id}`, { role: 'viewer' }).expect(200);
    expect((await admin.get(`/users/${id}/permissions`).expect(200)).body).toMatchObject({ custom_permissions: null, role: 'viewer' });
  });

  it('that are none leave the own account', async () => {
    const { agent } = acme;
    await narrow(agent.user.id, []).expect(200);

    for (const path of [
      '/users/me',
      '/users/me/stats',
      '/auth/me',
      `/users/${agent.user.id}/permissions`,
      `/users/${agent.user.id}/activity`,
    ])
      await agent.get(path).expect(200);
    await agent.put('/users/me', { bio: 'Fala pouco' }).expect(200);
    for (const path of ['/users', '/contacts', '/conversations', '/whatsapp', '/roles', `/users/${agent.user.id}`])
      await agent.get(path).expect(403).expect(errorOf('permission_denied'));
    const { body } = await agent.graphql('{ me { id } my_stats { total_conversations } contacts { id } }');
    expect(body.errors).toMatchObject([{ path: ['contacts'], extensions: { code: 'FORBIDDEN', error_code: 'permission_denied' } }]);
  });

  it('can only narrow, and are known words', async () => {
    const { id } = acme.agent.user;

    await narrow(id, ['write:users']).expect(422).expect(errorOf('permission_not_allowed_for_role')).expect(wrongField('permissions'));
    await narrow(id, ['*']).expect(422).expect(errorOf('permission_not_allowed_for_role'));
    await narrow(id, ['read:everything']).expect(wrongField('permissions'));
    await narrow(id, 'read:contacts').expect(wrongField('permissions'));
    await acme.admin.put(`/users/${id}/permissions`, {}).expect(wrongField('permissions'));
    const other = await acme.hire('org_admin');
    await narrow(other.user.id, ['read:*', 'write:users']).expect(200);
    await other.get('/contacts').expect(200);
    await other.delete(`/users/${acme.viewer.user.id}`).expect(403).expect(errorOf('permission_denied'));
    await other.put('/organizations/me', { description: 'x' }).expect(403).expect(errorOf('permission_denied'));
  });

  it('give nobody more than they hold, and take nothing from who has more', async () => {
    const { admin, agent, viewer } = acme;
    const [other, third] = [await acme.hire('org_admin'), await acme.hire('org_admin')];
    await narrow(third.user.id, ['read:*']).expect(200);
    await narrow(other.user.id, ['read:*', 'write:users', 'delete:users', 'delete:privacy']).expect(200);
    const member = (role: string) => ({ email: `${role}.novo@${acme.slug}.example`, full_name: 'Bia Lima', role });
    const password = { new_password: NEW_PASSWORD };

    for (const refused of [
      other.post('/users', member('org_admin')),
      other.post('/users', member('agent')),
      other.put(`/users/${viewer.user.id}`, { role: 'org_admin' }),
      other.put(`/users/${agent.user.id}`, { bio: 'x' }),
      other.put(`/users/${admin.user.id}`, { email: `ladrao@${acme.slug}.example` }),
      other.post(`/users/${admin.user.id}/change-password`, password),
      other.put(`/users/${third.user.id}/permissions`, { permissions: null }),
      other.put(`/users/${agent.user.id}/permissions`, { permissions: [] }),
      other.post(`/users/${admin.user.id}/deactivate`),
      other.delete(`/users/${admin.user.id}`),
      other.delete(`/privacy/data/${admin.user.id}?subject_type=user`),
    ])
      await refused.expect(403).expect(errorOf('permission_denied'));
    const { body } = await other.graphql('mutation ($id: ID!) { updateUser(id: $id, input: { role: "org_admin" }) { id } }', {
      id: viewer.user.id,
    });
    expect(body.errors[0].extensions).toMatchObject({ error_code: 'permission_denied' });

    await other.post('/users', member('viewer')).expect(201);
    await other.post(`/users/${viewer.user.id}/change-password`, password).expect(200);
    await other.put(`/users/${third.user.id}`, { bio: 'Fala pouco' }).expect(200);
    await other.put('/users/me', { bio: 'Fala muito' }).expect(200);
    await login(admin.user.email, PASSWORD).expect(200);
  });

  it('hold within an answer of GraphQL too', async () => {
    const { agent, admin } = acme;
    const inbox = new Inbox(w, acme, await officialNumber(w, acme));
    await inbox.receive(metaPayload.text(inbox.person()));
    await inbox.conversation();
    const { body: department } = await admin.post('/departments', { name: 'Vendas' }).expect(201);
    await admin.post('/queues', { name: 'Loja', department_id: department.id as string }).expect(201);
    const asked = async (query: string): Promise<unknown> => {
      const { body } = await agent.graphql(query);
      return (body as { errors?: { extensions: { error_code: string } }[] }).errors?.[0].extensions.error_code;
    };
    const [messages, departments] = ['{ conversations { id messages { id } } }', '{ queues { id department { id } } }'];

    await narrow(agent.user.id, ['read:conversations', 'read:queues']).expect(200);
    expect([await asked(messages), await asked(departments)]).toEqual(['permission_denied', 'permission_denied']);

    await narrow(agent.user.id, ['read:conversations', 'read:messages', 'read:queues', 'read:departments']).expect(200);
    expect([await asked(messages), await asked(departments)]).toEqual([undefined, undefined]);

    await narrow(agent.user.id, ['read:conversations', 'read:contacts', 'read:messages']).expect(200);
    for (const query of ['{ conversations { department { id } } }', '{ conversations { queue { id } } }'])
      expect(await asked(query)).toBe('permission_denied');
    expect(await asked('{ conversations { messages { sender_user { id } } } }')).toBe('permission_denied');
    await narrow(agent.user.id, ['read:contacts']).expect(200);
    expect(await asked('{ contacts { conversations { id } } }')).toBe('permission_denied');
  });

  it('are an administrator’s to see and to change, of others', async () => {
    const { admin, agent, viewer } = acme;
    const root = await acme.hire('super_admin');

    await narrow(admin.user.id, []).expect(403).expect(errorOf('cannot_modify_self'));
    await narrow(root.user.id, []).expect(404);
    await agent.put(`/users/${viewer.user.id}/permissions`, { permissions: [] }).expect(403).expect(errorOf('insufficient_role'));
    await agent.get(`/users/${viewer.user.id}/permissions`).expect(403).expect(errorOf('insufficient_role'));
    await agent.get(`/users/${viewer.user.id}/activity`).expect(403).expect(errorOf('insufficient_role'));
    await viewer.get(`/users/${viewer.user.id}/permissions`).expect(200);
    await w.globex.admin.get(`/users/${agent.user.id}/permissions`).expect(404);
    const { body } = await agent.graphql('query ($id: ID!) { user_permissions(id: $id) { permissions } }', { id: viewer.user.id });
    expect(body.errors[0].extensions).toMatchObject({ error_code: 'insufficient_role' });
  });

  it('are told to the other processes', async () => {
    const { agent } = acme;
    const heard: string[] = [];
    const elsewhere = new Client({ connectionString: w.env.DATABASE_URL });
    await elsewhere.connect();
    elsewhere.on('notification', ({ payload = '' }) => heard.push(payload));
    try {
      await elsewhere.query('LISTEN pytake_sessions');
      await narrow(agent.user.id, []).expect(200);
      await until(() => heard.some((payload) => payload.endsWith(` ${agent.user.id}`)), 'the signal');
    } finally {
      await elsewhere.end();
    }
  });

  it('reach a process that heard of nothing', async () => {
    const { agent } = acme;
    const forgotten: string[] = [];
    const sessions = w.app.get(Sessions);
    const forget = sessions.forget.bind(sessions);
    sessions.forget = (id: string) => void (forgotten.push(id), forget(id));
    try {
      // As another process says it.
      await w.sql(`SELECT pg_notify('pytake_sessions', $1)`, [`elsewhere ${agent.user.id}`]);
      await until(() => forgotten.includes(agent.user.id), 'the signal');
    } finally {
      sessions.forget = forget;
    }
  });
});

describe('roles and permissions', () => {
  it('are listed, with how many have them', async () => {
    const { body } = await acme.viewer.get('/roles?sort=users_count:desc').expect(200);

    expect(body).toMatchObject({ total: 4, page: 1, next_cursor: null });
    const roles = body.items as { name: string; users_count: number; assignable: boolean; is_system: boolean; permissions: string[] }[];
    expect(roles.map(({ name, users_count, assignable }) => [name, users_count, assignable]).sort()).toEqual([
      ['agent', 1, true],
      ['org_admin', 1, true],
      ['super_admin', 0, false],
      ['viewer', 1, true],
    ]);
    expect(roles.find(({ name }) => name === 'viewer')?.permissions).toContain('read:contacts');
    await acme.viewer.get('/roles?sort=permissions').expect(wrongField('query', 'sort'));
    const { body: graph } = await acme.viewer.graphql('{ roles { name label permissions users_count } }');
    expect((graph.data.roles as unknown[]).length).toBe(4);
  });

  it('page, search and filter', async () => {
    const names = async (query: string): Promise<string[]> =>
      (await rowsOf(`/permissions?${query}`, acme.viewer)).map(({ name }) => String(name));

    expect(await names('resource=contacts')).toEqual(['read:contacts', 'write:contacts', 'delete:contacts']);
    expect(await names('q=delete:erp')).toEqual(['delete:erp']);
    const { body } = await acme.viewer.get('/permissions?limit=25&sort=name:asc').expect(200);
    expect(body).toMatchObject({ total: 60, total_pages: 3 });
    const next = await names(`limit=25&sort=name:asc&cursor=${body.next_cursor}`);
    expect(next).toEqual(await names('limit=25&sort=name:asc&page=2'));
    await acme.viewer.get('/permissions?resource=cats').expect(wrongField('query', 'resource'));
    await acme.viewer.get('/permissions?cursor=bm9uZQ').expect(wrongField('query', 'cursor'));
  });
});

describe('what a member did', () => {
  it('is a list, newest first, that goes on from a cursor', async () => {
    const { admin } = acme;
    for (const bio of ['a', 'b', 'c']) await admin.put(`/users/${acme.agent.user.id}`, { bio }).expect(200);
    await admin.put('/organizations/me', { description: 'Pães' }).expect(200);
    const path = `/users/${admin.user.id}/activity`;

    const { body } = await admin.get(`${path}?limit=3`).expect(200);

    expect(body).toMatchObject({ total: 4, page_size: 3 });
    expect(body.items[0]).toMatchObject({
      action: 'organization.updated',
      resource_type: 'organization',
      resource_id: acme.id,
      summary: 'organization updated Acme',
      metadata: {},
      ip_address: '127.0.0.1',
    });
    const rest = await rowsOf(`${path}?limit=3&cursor=${body.next_cursor}`, admin);
    expect(rest.map(({ action }) => action)).toEqual(['user.updated']);
    expect(await rowsOf(`${path}?page=2&limit=3`, admin)).toEqual(rest);
    expect(await rowsOf(`${path}?sort=created_at:asc&limit=1`, admin)).toEqual(rest);
  });

  it('is filtered and searched', async () => {
    const { admin } = acme;
    await admin.put(`/users/${acme.agent.user.id}`, { bio: 'a' }).expect(200);
    await admin.put('/organizations/me', { description: 'Pães' }).expect(200);
    const actions = async (query: string): Promise<unknown[]> =>
      (await rowsOf(`/users/${admin.user.id}/activity?${query}`, admin)).map(({ action }) => action);

    expect(await actions('action=user.updated')).toEqual(['user.updated']);
    expect(await actions('resource_type=organization')).toEqual(['organization.updated']);
    expect(await actions('q=updated')).toHaveLength(2);
    expect(await actions('q=100%25')).toEqual([]);
    expect(await actions('start_date=2100-01-01')).toEqual([]);
    expect(await actions('end_date=2001-01-01')).toEqual([]);
    await admin.get(`/users/${admin.user.id}/activity?start_date=2026-02-02&end_date=2026-02-01`).expect(wrongField('query', 'end_date'));
    await admin.get(`/users/${admin.user.id}/activity?sort=actor_email`).expect(wrongField('query', 'sort'));
    await w.globex.admin.get(`/users/${admin.user.id}/activity`).expect(404);
    const { body } = await admin.graphql(`query ($id: ID!) { user_activity(id: $id, limit: 1) { action summary metadata } }`, {
      id: admin.user.id,
    });
    expect(body.data.user_activity).toHaveLength(1);
  });
});

describe('what a member did for customers', () => {
  /** A thread: `c` the customer, `a` the agent, `b` a bot, `x` another agent, each so many minutes after the first. */
  async function thread(
    inbox: Inbox,
    agent: Person,
    other: Person,
    said: [who: 'c' | 'a' | 'b' | 'x', minutes: number][],
  ): Promise<string> {
    await inbox.receive(metaPayload.text(inbox.person()));
    const [conversation] = (await inbox.conversations()).filter(({ current_agent_id }) => !current_agent_id);
    const [message] = await w.sql<{ id: string }>('SELECT id FROM messages WHERE conversation_id = $1', [conversation.id]);
    await w.sql('UPDATE conversations SET current_agent_id = $2 WHERE id = $1', [conversation.id, agent.user.id]);
    const people = { a: agent.user.id, x: other.user.id, b: null, c: null };
    for (const [who, minutes] of said)
      await w.sql(
        `INSERT INTO messages (id, organization_id, conversation_id, contact_id, direction, sender_type, sender_user_id, message_type, status, created_at)
         SELECT gen_random_uuid(), organization_id, conversation_id, contact_id, $2, $3, $4, 'text', $5, '2026-03-02T12:00:00Z'::timestamptz + $6 * interval '1 minute'
           FROM messages WHERE id = $1`,
        [
          message.id,
          who === 'c' ? 'incoming' : 'outgoing',
          who === 'c' ? 'contact' : who === 'b' ? 'bot' : 'agent',
          people[who],
          who === 'c' ? 'received' : 'sent',
          minutes,
        ],
      );
    await w.sql('DELETE FROM messages WHERE id = $1', [message.id]);
    return conversation.id;
  }

  it('counts replies from the oldest question nobody had answered, and never the gap between two answers', async () => {
    const { agent, admin } = acme;
    const other = await acme.hire('agent');
    const inbox = new Inbox(w, acme, await officialNumber(w, acme));
    // 4 minutes; none; 10 minutes, the bot's word in between; none, the other had answered.
    await thread(inbox, agent, other, [
      ['c', 0],
      ['c', 1],
      ['a', 4],
      ['a', 50],
      ['c', 60],
      ['b', 61],
      ['a', 70],
      ['c', 80],
      ['x', 81],
      ['a', 90],
    ]);

    const { body } = await admin.get(`/users/${agent.user.id}/stats`).expect(200);

    expect(body).toEqual({
      total_conversations: 1,
      conversations_active: 1,
      conversations_resolved: 0,
      total_messages_sent: 4,
      avg_response_time_minutes: 7,
      avg_resolution_time_minutes: null,
      csat_score: null,
      period: { start: null, end: null },
    });
    expect((await agent.get('/users/me/stats').expect(200)).body).toEqual(body);
    const { body: graph } = await agent.graphql(
      'query ($id: ID!) { user_stats(id: $id) { total_messages_sent } my_stats { avg_response_time_minutes } }',
      {
        id: agent.user.id,
      },
    );
    expect(graph.data).toEqual({ user_stats: { total_messages_sent: 4 }, my_stats: { avg_response_time_minutes: 7 } });
  });

  it('keeps to the period, in days of the organization', async () => {
    const { agent } = acme;
    const inbox = new Inbox(w, acme, await officialNumber(w, acme));
    await thread(inbox, agent, agent, [
      ['c', 0],
      ['a', 2],
      ['c', 24 * 60],
      ['a', 24 * 60 + 6],
    ]);
    const stats = async (query: string): Promise<Record<string, unknown>> =>
      (await agent.get(`/users/me/stats?${query}`).expect(200)).body as never;

    expect(await stats('start_date=2026-03-03')).toMatchObject({ total_messages_sent: 1, avg_response_time_minutes: 6 });
    expect(await stats('start_date=2026-03-02&end_date=2026-03-02')).toMatchObject({
      total_messages_sent: 1,
      avg_response_time_minutes: 2,
      period: { start: '2026-03-02T03:00:00.000Z', end: '2026-03-03T02:59:59.999Z' },
    });
    expect(await stats('end_date=2026-03-01')).toMatchObject({ total_messages_sent: 0, avg_response_time_minutes: null });
    await agent.get('/users/me/stats?start_date=2026-03-03&end_date=2026-03-02').expect(wrongField('query', 'end_date'));
    await agent.get('/users/me/stats?start_date=today').expect(wrongField('query', 'start_date'));
    await w.globex.admin.get(`/users/${agent.user.id}/stats`).expect(404);
  });
});

import { Actor } from '#common/actor';
import { EventBus } from '#common/events';
import { Config } from '#config/config';
import { UsersService } from '#modules/users/users.service';
import { createApp } from '../src/app';
import { errorOf, PASSWORD, type Person, world, wrongField } from './support/world';

const member = (email: string, more: object = {}): object => ({ email, full_name: 'Davi Rocha', password: 'senha-do-davi-1', ...more });

describe('the door', () => {
  it('is closed without a token', async () => {
    const { guest, acme } = await world();

    await guest.get('/users').expect(401).expect(errorOf('not_authenticated'));
    await guest.post('/users', member('x@acme.example')).expect(401);
    await guest.put(`/users/${acme.agent.user.id}`, { bio: 'x' }).expect(401);
  });

  it('lets administrators alone change the team', async () => {
    const { acme } = await world();
    for (const person of [acme.agent, acme.viewer]) {
      await person.get('/users').expect(200);
      await person.post('/users', member('x@acme.example')).expect(403).expect(errorOf('insufficient_role'));
      await person.put(`/users/${acme.admin.user.id}`, { bio: 'x' }).expect(403);
      await person.post(`/users/${acme.admin.user.id}/deactivate`).expect(403);
      await person.post(`/users/${acme.admin.user.id}/activate`).expect(403);
    }
  });

  it('hides the users of another organization and super admins', async () => {
    const { acme, globex } = await world();
    const root = await globex.hire('super_admin');

    for (const id of [acme.agent.user.id, root.user.id]) {
      await globex.admin.get(`/users/${id}`).expect(404).expect(errorOf('not_found'));
      await globex.admin.put(`/users/${id}`, { bio: 'mine now' }).expect(404);
      await globex.admin.post(`/users/${id}/deactivate`).expect(404);
      await globex.admin.post(`/users/${id}/activate`).expect(404);
    }
    const { body } = await globex.admin.get('/users').expect(200);
    expect((body.items as { id: string }[]).map(({ id }) => id).sort()).toEqual(
      [globex.admin, globex.agent, globex.viewer].map(({ user }) => user.id).sort(),
    );
  });

  it('wants a UUID', async () => {
    const { acme } = await world();

    await acme.admin.get('/users/42').expect(wrongField('path', 'user_id'));
  });
});

describe('the list', () => {
  it('pages, sorts, searches and filters', async () => {
    const w = await world();
    const { acme } = w;
    await acme.hire('agent', { full_name: 'Zoé Andrade' });
    await acme.hire('agent', { full_name: 'Aldo Reis', is_active: false });
    const names = async (query: string): Promise<string[]> =>
      ((await acme.viewer.get(`/users?${query}`).expect(200)).body.items as { full_name: string }[]).map(({ full_name }) => full_name);

    const { body, headers } = await acme.viewer.get('/users?limit=2&page=2&sort=full_name:asc').expect(200);

    expect(body).toMatchObject({ total: 5, page: 2, page_size: 2, total_pages: 3 });
    expect(headers['x-total-count']).toBe('5');
    expect(await names('sort=full_name:asc')).toEqual(['Acme agent', 'Acme org_admin', 'Acme viewer', 'Aldo Reis', 'Zoé Andrade']);
    // In an order of its own by each of these fields, whatever that of the ids is.
    await w.sql(
      `UPDATE users u SET phone_number = '+55119' || (10000000 + 7 * s.n % 5), max_conversations = 1 + 2 * s.n % 5, invite_pending = s.n % 2 = 0,
              email_verified_at = CASE WHEN s.n % 3 = 0 THEN NULL ELSE now() END, email_verified = s.n % 3 <> 0,
              timezone = ('{UTC,Europe/Lisbon,America/Recife,Asia/Tokyo,Africa/Cairo}'::text[])[s.n], language = ('{pt-BR,en,es,fr,de}'::text[])[s.n]
         FROM (SELECT id, row_number() OVER (ORDER BY id)::int AS n FROM users WHERE organization_id = $1) s WHERE u.id = s.id`,
      [acme.id],
    );
    const rows = async (query: string): Promise<Record<string, string | number | boolean>[]> =>
      (await acme.viewer.get(`/users?${query}`).expect(200)).body.items as Record<string, string | number | boolean>[];
    const all = await rows('');
    for (const sort of ['phone_number', 'invite_pending', 'email_verified', 'max_conversations', 'timezone', 'language']) {
      const upwards = all.toSorted((a, b) => (a[sort] === b[sort] ? (a.id < b.id ? -1 : 1) : a[sort] < b[sort] ? -1 : 1));
      const ids = async (direction: string): Promise<unknown[]> => (await rows(`sort=${sort}:${direction}`)).map(({ id }) => id);
      expect({ sort, distinct: new Set(all.map((row) => row[sort])).size > 1 }).toEqual({ sort, distinct: true });
      expect({ sort, ids: await ids('asc') }).toEqual({ sort, ids: upwards.map(({ id }) => id) });
      expect({ sort, ids: await ids('desc') }).toEqual({ sort, ids: upwards.map(({ id }) => id).reverse() });
    }
    expect(await names('q=zoe')).toEqual(['Zoé Andrade']);
    expect(await names('role=org_admin')).toEqual(['Acme org_admin']);
    expect(await names('is_active=false')).toEqual(['Aldo Reis']);
    expect(await names('agent_status=available')).toEqual([]);
    expect(await names('is_online=true')).toEqual([]);
    expect(await names('department_id=019aa1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b')).toEqual([]);
    await acme.viewer.get('/users?sort=password_hash').expect(wrongField('query', 'sort'));
    await acme.viewer.get('/users?role=boss').expect(wrongField('query', 'role'));
    await acme.viewer.get('/users?is_active=maybe').expect(wrongField('query', 'is_active'));
  });

  it('shows rights, locks and addresses to administrators and to oneself only', async () => {
    const { acme } = await world();
    const shown = async (as: typeof acme.agent, id: string): Promise<boolean[]> => {
      const { body } = await as.get(`/users/${id}`).expect(200);
      expect(JSON.stringify(body)).not.toMatch(/password|token_version|deleted_at/);
      return ['permissions', 'locked_until', 'last_login_ip'].map((field) => field in (body as object));
    };

    expect(await shown(acme.admin, acme.agent.user.id)).toEqual([true, true, true]);
    expect(await shown(acme.agent, acme.agent.user.id)).toEqual([true, true, true]);
    expect(await shown(acme.agent, acme.viewer.user.id)).toEqual([false, false, false]);
  });
});

describe('a new member', () => {
  it('can log in with the given password', async () => {
    const { acme, guest } = await world();

    const { body } = await acme.admin
      .post(
        '/users',
        member(' Davi@Acme.example', { role: 'viewer', phone_number: '+55 11 98765-4321', timezone: 'America/Manaus', language: 'pt-BR' }),
      )
      .expect(201);

    expect(body).toMatchObject({
      email: 'davi@acme.example',
      name: 'Davi Rocha',
      role: 'viewer',
      organization_id: acme.id,
      is_active: true,
      invite_pending: false,
      agent_status: 'offline',
      phone_number: '+5511987654321',
      timezone: 'America/Manaus',
      department_ids: [],
    });
    await guest.post('/auth/login', { email: 'davi@acme.example', password: 'senha-do-davi-1' }).expect(200);
  });

  it('without a password is invited: an agent nobody can log in as', async () => {
    const { acme, guest } = await world();

    const { body } = await acme.admin.post('/users', { email: 'eva@acme.example', name: 'Eva Nunes', invite_pending: false }).expect(201);

    expect(body).toMatchObject({ full_name: 'Eva Nunes', role: 'agent', invite_pending: true });
    await guest
      .post('/auth/login', { email: 'eva@acme.example', password: 'anything-1' })
      .expect(401)
      .expect(errorOf('invalid_credentials'));
  });

  it('has an e-mail nobody else has, in any organization', async () => {
    const { acme, globex } = await world();

    await acme.admin.post('/users', member(globex.agent.user.email.toUpperCase())).expect(409).expect(errorOf('email_already_registered'));
  });

  it('is never a super admin', async () => {
    const { acme, superAdmin } = await world();
    const root = await superAdmin();

    await acme.admin
      .post('/users', member('boss@acme.example', { role: 'super_admin' }))
      .expect(403)
      .expect(errorOf('cannot_assign_role'));
    await root.post('/users', member('boss@acme.example', { role: 'super_admin' })).expect(403);
    await acme.admin.put(`/users/${acme.agent.user.id}`, { role: 'super_admin' }).expect(403).expect(errorOf('cannot_assign_role'));
  });

  it.each([
    ['email', { email: 'nope' }],
    ['full_name', { full_name: 'x' }],
    ['full_name', { full_name: undefined }],
    ['password', { password: 'short1' }],
    ['role', { role: 'boss' }],
    ['role', { role: null }],
    ['avatar_url', { avatar_url: 'javascript:alert(1)' }],
    ['timezone', { timezone: 'Mars/Olympus' }],
    ['language', { language: 'not a language' }],
    ['phone_number', { phone_number: '123' }],
    ['department_ids', { department_ids: ['vendas'] }],
    ['bio', { bio: 'x'.repeat(2001) }],
  ])('with a bad %s is refused', async (field, wrong) => {
    const { acme } = await world();

    await acme.admin.post('/users', member('bad@acme.example', wrong)).expect(wrongField(field));
  });

  it('fits the plan, also when two come at once', async () => {
    const { organization } = await world();
    const small = await organization('Small', { plan_type: 'starter' });
    await small.admin.post('/users', member(`4@${small.slug}.example`)).expect(201);

    const two = await Promise.all([5, 6].map((n) => small.admin.post('/users', member(`${n}@${small.slug}.example`))));

    expect(two.map(({ status }) => status).sort()).toEqual([201, 403]);
    const refused = two.find(({ status }) => status === 403);
    expect(refused?.body).toMatchObject({
      error_code: 'plan_limit_exceeded',
      error: { details: [{ type: 'plan_limit_exceeded', limit: 'max_users', max: 5, current: 5 }] },
    });
  });
});

describe('a change', () => {
  it('keeps what is absent, clears what is null, refuses null elsewhere', async () => {
    const { acme } = await world();
    const path = `/users/${acme.agent.user.id}`;
    await acme.admin.put(path, { bio: 'Fala pouco', phone_number: '+5511987654321', preferences: { theme: 'dark' } }).expect(200);

    const { body } = await acme.admin
      .put(path, { bio: null, name: 'Gil Prado', id: acme.admin.user.id, password: 'ignored-1', organization_id: 'x' })
      .expect(200);

    expect(body).toMatchObject({
      id: acme.agent.user.id,
      bio: null,
      full_name: 'Gil Prado',
      phone_number: '+5511987654321',
      preferences: { theme: 'dark' },
    });
    await acme.admin.put(path, { full_name: null }).expect(wrongField('full_name'));
    await acme.admin.put(path, { is_active: 'yes' }).expect(wrongField('is_active'));
    await acme.admin.put(path, { preferences: { blob: 'x'.repeat(17_000) } }).expect(wrongField('preferences'));
    await acme.agent.get('/auth/me').expect(200);
  });

  it('of the e-mail unconfirms it; a taken one is refused', async () => {
    const { acme, globex } = await world();
    const path = `/users/${acme.agent.user.id}`;

    const { body } = await acme.admin.put(path, { email: `New@${acme.slug}.example` }).expect(200);

    expect(body).toMatchObject({ email: `new@${acme.slug}.example`, email_verified: false, email_verified_at: null });
    await acme.admin.put(path, { email: globex.agent.user.email }).expect(409).expect(errorOf('email_already_registered'));
  });

  it('of the role ends every session at once', async () => {
    const { acme, guest } = await world();
    const { body: login } = await guest.post('/auth/login', { email: acme.agent.user.email, password: PASSWORD }).expect(200);
    await acme.agent.get('/users').expect(200);

    await acme.admin.put(`/users/${acme.agent.user.id}`, { role: 'viewer' }).expect(200);

    await acme.agent.get('/users').expect(401).expect(errorOf('token_revoked'));
    await guest.post('/auth/refresh', { refresh_token: login.refresh_token as string }).expect(401);
    const { body } = await guest.post('/auth/login', { email: acme.agent.user.email, password: PASSWORD }).expect(200);
    expect(body.user.role).toBe('viewer');
  });

  it('to the same role ends nothing', async () => {
    const { acme } = await world();

    await acme.admin.put(`/users/${acme.agent.user.id}`, { role: 'agent', is_active: true }).expect(200);

    await acme.agent.get('/auth/me').expect(200);
  });

  it('is told to the rooms upstairs', async () => {
    const { acme, app } = await world();
    const heard: [string, unknown][] = [];
    const events = app.get(EventBus);
    for (const name of ['session.ended', 'user.left', 'agent.status_changed'] as const)
      events.on(name, (payload) => void heard.push([name, payload]));
    const { id } = acme.agent.user;

    await acme.agent.put('/users/me', { agent_status: 'available' }).expect(200);
    await acme.admin.post(`/users/${id}/deactivate`).expect(200);

    expect(heard).toEqual([
      [
        'agent.status_changed',
        expect.objectContaining({
          organization_id: acme.id,
          agent_id: id,
          status: 'available',
          previous_status: 'offline',
          is_online: false,
        }),
      ],
      ['session.ended', { user_id: id, session_id: null }],
      ['user.left', { organization_id: acme.id, user_id: id, role: 'agent' }],
    ]);
  });
});

describe('deactivation', () => {
  it('shuts a member out at once and lets them in again', async () => {
    const { acme, guest } = await world();
    const { id, email } = acme.agent.user;

    expect((await acme.admin.post(`/users/${id}/deactivate`).expect(200)).body).toMatchObject({ id, is_active: false });

    await acme.agent.get('/auth/me').expect(401).expect(errorOf('token_revoked'));
    await guest.post('/auth/login', { email, password: PASSWORD }).expect(403).expect(errorOf('account_inactive'));
    await acme.admin.post(`/users/${id}/deactivate`).expect(200);
    expect((await acme.admin.post(`/users/${id}/activate`).expect(200)).body).toMatchObject({ is_active: true });
    await acme.agent.get('/auth/me').expect(401);
    await guest.post('/auth/login', { email, password: PASSWORD }).expect(200);
  });

  it('of oneself is refused, as is another role for oneself', async () => {
    const { acme } = await world();
    const { id } = acme.admin.user;
    await acme.hire('org_admin');

    await acme.admin.post(`/users/${id}/deactivate`).expect(403).expect(errorOf('cannot_modify_self'));
    await acme.admin.put(`/users/${id}`, { role: 'agent' }).expect(403).expect(errorOf('cannot_modify_self'));
    await acme.agent.put('/users/me', { role: 'org_admin' }).expect(403).expect(errorOf('cannot_modify_self'));
    await acme.agent.put('/users/me', { is_active: false }).expect(403).expect(errorOf('cannot_modify_self'));
    await acme.agent.put('/users/me', { role: 'agent', is_active: true, bio: 'same as before' }).expect(200);
  });

  it('of one’s own permissions is refused; the same ones pass, and another’s have a door of their own', async () => {
    const { acme } = await world();
    const { id } = acme.admin.user;
    const me = (await acme.agent.get('/users/me').expect(200)).body as { permissions: string[] };

    await acme.agent.put('/users/me', { permissions: [] }).expect(403).expect(errorOf('cannot_modify_self'));
    await acme.admin.put(`/users/${id}`, { permissions: [] }).expect(403).expect(errorOf('cannot_modify_self'));
    await acme.agent.put('/users/me', { permissions: [...me.permissions].reverse(), bio: 'Padeira' }).expect(200);
    await acme.admin.put(`/users/${acme.agent.user.id}`, { permissions: [] }).expect(wrongField('permissions'));
    await acme.admin.put(`/users/${acme.agent.user.id}`, { permissions: me.permissions }).expect(200);
  });

  it('never takes the last active administrator', async () => {
    const { acme, superAdmin, sql } = await world();
    const root = await superAdmin();
    const inAcme = { 'X-Organization-Id': acme.id };
    await acme.hire('org_admin', { is_active: false });
    // Nor is one who has not come yet.
    const invited = await acme.hire('org_admin');
    await sql('UPDATE users SET invite_pending = true WHERE id = $1', [invited.user.id]);
    const { id } = acme.admin.user;

    await root.post(`/users/${id}/deactivate`).set(inAcme).expect(409).expect(errorOf('last_admin'));
    await root.put(`/users/${id}`, { role: 'agent' }).set(inAcme).expect(409).expect(errorOf('last_admin'));
  });

  it('of two administrators by each other at once leaves one', async () => {
    const { acme, sql } = await world();
    const second = await acme.hire('org_admin');

    const answers = await Promise.all([
      acme.admin.post(`/users/${second.user.id}/deactivate`),
      second.post(`/users/${acme.admin.user.id}/deactivate`),
    ]);

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(await sql(`SELECT 1 FROM users WHERE organization_id = $1 AND role = 'org_admin' AND is_active`, [acme.id])).toHaveLength(1);
  });
});

describe('me', () => {
  it('is read and changed by everybody, viewers too', async () => {
    const { acme } = await world();

    const { body } = await acme.viewer.put('/users/me', { name: 'Iara Melo', avatar_url: 'https://acme.example/iara.png' }).expect(200);

    expect(body).toMatchObject({ full_name: 'Iara Melo', email: acme.viewer.user.email, organization: { id: acme.id } });
    expect((await acme.viewer.get('/users/me').expect(200)).body).toEqual(body);
  });

  it.each([
    ['PUT /users/me', (who: Person, body: object) => who.put('/users/me', body)],
    ['PUT /users/{one’s own id}', (who: Person, body: object) => who.put(`/users/${who.user.id}`, body)],
  ])('%s changes the e-mail with the current password only', async (_, change) => {
    const { acme, globex, guest } = await world();
    const { admin } = acme;
    const email = `nova@${acme.slug}.example`;

    await change(admin, { email }).expect(wrongField('current_password'));
    await change(admin, { email, current_password: 'wrong-horse-1' }).expect(400).expect(errorOf('current_password_incorrect'));
    await change(admin, { email: globex.agent.user.email, current_password: PASSWORD })
      .expect(409)
      .expect(errorOf('email_already_registered'));
    await change(admin, { email: admin.user.email, bio: 'Sem novidade' }).expect(200);
    const { body } = await change(admin, { email: email.toUpperCase(), current_password: PASSWORD }).expect(200);

    expect(body).toMatchObject({ email, email_verified: false, email_verified_at: null });
    expect(body).not.toHaveProperty('current_password');
    await admin.get('/auth/me').expect(200);
    await guest.post('/auth/login', { email, password: PASSWORD }).expect(200);
  });

  it('is not guessed through it: wrong passwords lock as at the login', async () => {
    const { acme } = await world();
    const guess = (): ReturnType<Person['put']> =>
      acme.agent.put('/users/me', { email: `ladrao@${acme.slug}.example`, current_password: 'wrong-horse-1' });
    for (let n = 0; n < 5; n++) await guess().expect(400);

    await guess().expect(403).expect(errorOf('account_locked'));
  });
});

describe('an agent for conversations', () => {
  it('is active and no viewer', async () => {
    const { acme, globex, app } = await world();
    const users = app.get(UsersService);
    const actor = Actor.system(acme.id);
    const off = await acme.hire('agent', { is_active: false });

    expect((await users.getAgent(actor, acme.agent.user.id)).id).toBe(acme.agent.user.id);
    for (const { user } of [acme.viewer, off])
      await expect(users.getAgent(actor, user.id)).rejects.toMatchObject({ status: 422, error_code: 'invalid_agent' });
    await expect(users.getAgent(actor, globex.agent.user.id)).rejects.toMatchObject({ status: 404 });
  });
});

describe('GraphQL', () => {
  it('reads and changes the team as REST does', async () => {
    const { acme, globex } = await world();
    const create = 'mutation ($input: UserCreateInput!) { createUser(input: $input) { id name role invite_pending organization { id } } }';

    const { body: created } = await acme.admin.graphql(create, { input: { email: `gql@${acme.slug}.example`, name: 'Nina Sá' } });
    const { id } = created.data.createUser as { id: string };
    const { body: changed } = await acme.admin.graphql(
      'mutation ($id: ID!) { updateUser(id: $id, input: { role: "viewer", bio: "x" }) { role bio } updateMe(input: { bio: "y" }) { bio } }',
      { id },
    );
    const { body: read } = await acme.viewer.graphql(
      `query ($id: ID!) { user(id: $id) { full_name permissions last_login_ip } users(role: "viewer", search: "nina", limit: 1) { name } }`,
      { id },
    );
    const { body: refused } = await acme.agent.graphql(create, { input: { email: 'x@acme.example', full_name: 'Xu Li' } });
    const { body: hidden } = await globex.admin.graphql('query ($id: ID!) { user(id: $id) { id } }', { id });

    expect(created.data.createUser).toMatchObject({ name: 'Nina Sá', role: 'agent', invite_pending: true, organization: { id: acme.id } });
    expect(changed).toEqual({ data: { updateUser: { role: 'viewer', bio: 'x' }, updateMe: { bio: 'y' } } });
    expect(read).toEqual({
      data: { user: { full_name: 'Nina Sá', permissions: null, last_login_ip: null }, users: [{ name: 'Nina Sá' }] },
    });
    expect(refused.errors[0].extensions).toMatchObject({ code: 'FORBIDDEN', error_code: 'insufficient_role' });
    expect(hidden).toMatchObject({ data: { user: null }, errors: [{ extensions: { code: 'NOT_FOUND' } }] });
  });
});

describe('the audit log', () => {
  it('tells what changed from what to what, once, and nothing where nothing changed', async () => {
    const { acme, sql } = await world();
    const path = `/users/${acme.agent.user.id}`;
    await acme.admin.post('/users', member(`new@${acme.slug}.example`)).expect(201);
    await acme.admin.post('/users', { email: `guest@${acme.slug}.example`, full_name: 'Eva Nunes' }).expect(201);
    await acme.admin.put(path, { bio: 'Fala pouco' }).expect(200);
    await acme.admin.put(path, { bio: 'Fala pouco' }).expect(200);
    await acme.admin.put(path, { role: 'viewer' }).expect(200);
    await acme.admin.post(`${path}/deactivate`).expect(200);
    await acme.admin.post(`${path}/deactivate`).expect(200);
    await acme.admin.post(`${path}/activate`).expect(200);
    await acme.admin.put('/organizations/me', { description: 'Pães' }).expect(200);
    await acme.admin.put('/organizations/me/settings', { language: 'en-US' }).expect(200);

    const rows = await sql<{ action: string; changes: object; resource_id: string }>(
      'SELECT action, changes, resource_id FROM audit_logs WHERE organization_id = $1 AND user_id = $2 ORDER BY id',
      [acme.id, acme.admin.user.id],
    );

    expect(rows.map(({ action, changes }) => [action, changes])).toEqual([
      ['user.created', expect.objectContaining({ role: { from: null, to: 'agent' }, email: { from: null, to: '***' } })],
      ['user.invited', expect.objectContaining({ invite_pending: { from: null, to: true } })],
      ['user.updated', { bio: { from: null, to: '***' } }],
      ['user.role_changed', { role: { from: 'agent', to: 'viewer' } }],
      ['user.deactivated', { is_active: { from: true, to: false } }],
      ['user.activated', { is_active: { from: false, to: true } }],
      ['organization.updated', { description: { from: null, to: 'Pães' } }],
      ['organization.settings_updated', { language: { from: null, to: 'en-US' } }],
    ]);
  });
});

// Last: passport keeps one strategy per process, so after these apps the first one's tokens are checked against a closed database.
describe('the first super admin', () => {
  it('comes from the environment, once, however often and however many processes start', async () => {
    const { env, sql } = await world();
    const start = { ...env, SUPER_ADMIN_EMAIL: 'Root@PyTake.example', SUPER_ADMIN_PASSWORD: 'root-password-1' };
    const boot = async (): Promise<void> => {
      const other = await createApp(new Config(start));
      await other.init();
      await other.close();
    };

    await Promise.all([boot(), boot()]);
    await boot();

    const rows = await sql(
      `SELECT u.email, u.role, o.slug FROM users u JOIN organizations o ON o.id = u.organization_id WHERE u.email = 'root@pytake.example'`,
    );
    expect(rows).toEqual([{ email: 'root@pytake.example', role: 'super_admin', slug: 'pytake-system' }]);
  });
});

import type { AddressInfo } from 'node:net';
import type { NestExpressApplication } from '@nestjs/platform-express';
import request from 'supertest';
import { Config } from '#config/config';
import { RealtimeHub } from '#realtime/realtime.hub';
import { createApp } from '../src/app';
import { dial, dialRaw, rawOf, socketOf, tell, until } from './support/sockets';
import { type Company, Person, type World, errorOf, world, wrongField } from './support/world';

/** A key of a company, as somebody who asks. */
class Key extends Person {
  constructor(
    base_url: string,
    readonly value: string,
    readonly id: string,
  ) {
    super(base_url, value, { id: '', organization_id: '', email: '', full_name: '', role: 'viewer' as never, session_id: '' });
  }
}

async function keyOf({ admin }: Pick<Company, 'admin'>, body: object = {}): Promise<Key> {
  const { body: made } = await admin.post('/api-keys', { name: 'ERP', role: 'agent', ...body }).expect(201);
  return new Key(admin.base_url, (made as { key: string }).key, (made as { id: string }).id);
}

const byHeader = (key: Key, path: string): request.Test => request(key.base_url).get(`/api/v1${path}`).set('X-API-Key', key.value);

let second: NestExpressApplication | undefined;
afterAll(() => second?.close());

/** The same product once more, on the same database: its address. */
async function another(w: World): Promise<string> {
  second = await createApp(new Config(w.env));
  await second.listen(0, '127.0.0.1');
  const { port } = second.getHttpServer().address() as AddressInfo;
  return `http://127.0.0.1:${port}`;
}

describe('API keys', () => {
  it('are made, listed, changed and revoked by administrators', async () => {
    const { acme, guest } = await world();
    await guest.get('/api-keys').expect(401);
    for (const person of [acme.agent, acme.viewer]) {
      await person.get('/api-keys').expect(403).expect(errorOf('insufficient_role'));
      await person.post('/api-keys', { name: 'ERP', role: 'viewer' }).expect(403);
    }

    const { body: made, headers } = await acme.admin
      .post('/api-keys', {
        name: ' ERP ',
        role: 'agent',
        scopes: ['read:contacts', 'read:contacts'],
        expires_at: '2030-01-01T00:00:00-03:00',
      })
      .expect(201);
    expect(headers['cache-control']).toBe('no-store');
    expect(made).toEqual({
      id: expect.any(String),
      organization_id: acme.id,
      created_at: expect.any(String),
      updated_at: expect.any(String),
      name: 'ERP',
      role: 'agent',
      scopes: ['read:contacts'],
      prefix: (made as { key: string }).key.slice(0, 11),
      expires_at: '2030-01-01T03:00:00.000Z',
      last_used_at: null,
      last_used_ip: null,
      rotated_at: null,
      previous_until: null,
      created_by: acme.admin.user.id,
      key: expect.stringMatching(/^pk_[0-9a-f]{64}$/),
    });

    const { id, key } = made as { id: string; key: string };
    const { body: changed } = await acme.admin.put(`/api-keys/${id}`, { name: 'CRM', scopes: null, expires_at: null }).expect(200);
    expect(changed).toMatchObject({ id, name: 'CRM', scopes: null, expires_at: null });
    const { body: list } = await acme.admin.get('/api-keys').expect(200);
    expect(list).toMatchObject({ total: 1, items: [{ id, name: 'CRM' }] });
    expect(JSON.stringify([changed, list])).not.toContain(key);

    await acme.admin.delete(`/api-keys/${id}`).expect(204);
    expect((await acme.admin.get('/api-keys').expect(200)).body).toMatchObject({ total: 0, items: [] });
    await acme.admin.delete(`/api-keys/${id}`).expect(404);
    await acme.admin.post(`/api-keys/${id}/rotate`, {}).expect(404);
  });

  it('are paged, sorted and searched, and another organization’s are not there', async () => {
    const { acme, globex } = await world();
    for (const name of ['Zapier', 'ERP', 'Data warehouse']) await keyOf(acme, { name });
    const theirs = await keyOf(globex);

    const { body: page } = await acme.admin.get('/api-keys?sort=name:asc&limit=2').expect(200);
    const { body: found } = await acme.admin.get('/api-keys?search=ware').expect(200);

    expect(page).toMatchObject({ total: 3, total_pages: 2, items: [{ name: 'Data warehouse' }, { name: 'ERP' }] });
    expect(found).toMatchObject({ total: 1, items: [{ name: 'Data warehouse' }] });
    await acme.admin.get('/api-keys?sort=key_hash').expect(wrongField('query', 'sort'));
    for (const refused of [
      acme.admin.put(`/api-keys/${theirs.id}`, { name: 'Mine' }),
      acme.admin.post(`/api-keys/${theirs.id}/rotate`, {}),
      acme.admin.delete(`/api-keys/${theirs.id}`),
    ])
      await refused.expect(404).expect(errorOf('not_found'));
    await theirs.get('/contacts').expect(200);
  });

  it.each([
    ['name', { name: ' ' }],
    ['role', { role: 'super_admin' }],
    ['role', { role: undefined }],
    ['scopes', { scopes: 'read:contacts' }],
    ['expires_at', { expires_at: '2020-01-01T00:00:00Z' }],
    ['expires_at', { expires_at: '2030-02-30T00:00:00Z' }],
    ['expires_at', { expires_at: 'tomorrow' }],
  ])('refuse a bad %s', async (field, wrong) => {
    const { acme } = await world();
    await acme.admin.post('/api-keys', { name: 'ERP', role: 'agent', ...wrong }).expect(wrongField(field));
  });

  it('refuse scopes that are none, or beyond the role', async () => {
    const { acme } = await world();

    await acme.admin
      .post('/api-keys', { name: 'ERP', role: 'agent', scopes: ['read:contacts', 'eat:contacts'] })
      .expect(wrongField('body', 'scopes', 1));
    await acme.admin
      .post('/api-keys', { name: 'ERP', role: 'viewer', scopes: ['write:contacts'] })
      .expect(422)
      .expect(errorOf('permission_not_allowed_for_role'));
    const key = await keyOf(acme, { role: 'agent' });
    await acme.admin.put(`/api-keys/${key.id}`, { scopes: ['write:secrets'] }).expect(422);
  });

  it('are kept as a hash: the value is in no table', async () => {
    const { acme, sql } = await world();
    const key = await keyOf(acme);
    const { body } = await acme.admin.post(`/api-keys/${key.id}/rotate`, {}).expect(200);
    await key.get('/contacts').expect(200);

    const tables = await sql<{ name: string }>(
      "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
    );
    for (const value of [key.value, (body as { key: string }).key])
      for (const { name } of tables)
        expect({ name, found: await sql(`SELECT 1 FROM "${name}" t WHERE t::text LIKE $1`, [`%${value.slice(11)}%`]) }).toEqual({
          name,
          found: [],
        });
  });

  it('are as many as the plan allows, however many are made at once', async () => {
    const { organization } = await world();
    const small = await organization('Small', { plan_type: 'free' });

    const answers = await Promise.all(Array.from({ length: 12 }, () => small.admin.post('/api-keys', { name: 'ERP', role: 'viewer' })));

    const refused = answers.filter(({ status }) => status !== 201);
    expect(answers.length - refused.length).toBe(5);
    for (const { status, body } of refused)
      expect({ status, body: body as unknown }).toMatchObject({
        status: 403,
        body: { error_code: 'plan_limit_exceeded', error: { details: [{ limit: 'max_api_keys', max: 5 }] } },
      });
  });
});

describe('a key', () => {
  it('opens REST and GraphQL, by either header', async () => {
    const { acme } = await world();
    const key = await keyOf(acme);

    await key.get('/contacts').expect(200);
    await byHeader(key, '/contacts').expect(200);
    const { body: graphql } = await key.graphql('{ contacts { id } }').expect(200);
    const { body: other } = await request(key.base_url).post('/graphql').set('X-API-Key', key.value).send({ query: '{ contacts { id } }' });

    expect([graphql, other]).toEqual(Array(2).fill({ data: { contacts: [] } }));
  });

  it('opens both sockets, and is nobody who is there or types', async () => {
    const { acme, app, sql } = await world();
    const key = await keyOf(acme);
    const socket = await socketOf(key);
    const raw = await rawOf(key);
    const [header, rawHeader] = [
      dial(key.base_url, { extraHeaders: { 'x-api-key': key.value } }),
      await dialRaw(key.base_url, '/ws', { 'x-api-key': key.value }),
    ];

    expect(socket.all('connected')).toMatchObject([{ user_id: null, organization_id: acme.id, role: 'agent' }]);
    await header.hear('connected');
    await rawHeader.hear('connected');
    await raw.subscribe('contacts');
    tell(app.get(RealtimeHub), acme.id, 'contact:deleted', { id: 'x' });
    await socket.hear('contact:deleted');
    await until(() => raw.events('contact:deleted').length, 'the event');
    expect(await socket.ask('agent:set_status', { status: 'available' })).toMatchObject({ ok: false, error_code: 'api_key_not_allowed' });
    expect(await socket.ask('typing_start', { conversation_id: acme.id })).toMatchObject({ ok: false, error_code: 'api_key_not_allowed' });
    expect(await sql('SELECT 1 FROM users WHERE organization_id = $1 AND (is_online OR agent_status <> $2)', [acme.id, 'offline'])).toEqual(
      [],
    );
  });

  it('does not count in an address', async () => {
    const { acme } = await world();
    const key = await keyOf(acme);

    const raw = await dialRaw(key.base_url, `/ws?token=${key.value}`);
    const socket = dial(key.base_url, { query: { token: key.value } });

    expect(await raw.end()).toEqual({ code: 1008, reason: 'unauthorized' });
    await until(() => socket.refusals.length, 'the refusal');
  });

  it('that is none is 401 on every door', async () => {
    const { guest, acme } = await world();
    const key = new Key(guest.base_url, `pk_${'0'.repeat(64)}`, '');

    await key.get('/contacts').expect(401).expect(errorOf('invalid_api_key'));
    await byHeader(key, '/contacts').expect(401).expect(errorOf('invalid_api_key'));
    await request(key.base_url).get('/api/v1/contacts').set('X-API-Key', acme.admin.token).expect(401).expect(errorOf('not_authenticated'));
    const { body } = await key.graphql('{ contacts { id } }');
    expect(body).toMatchObject({ errors: [{ extensions: { error_code: 'invalid_api_key' } }] });
    const socket = dial(key.base_url, { auth: { token: key.value } });
    await until(() => socket.refusals.length, 'the refusal');
    expect(socket.refusals[0].data).toEqual({ error_code: 'invalid_api_key' });
  });

  it('may what its role may, and of that what its scopes say', async () => {
    const { acme } = await world();
    const agent = await keyOf(acme, { role: 'agent' });
    const viewer = await keyOf(acme, { role: 'viewer' });
    const narrow = await keyOf(acme, { role: 'agent', scopes: ['read:contacts', 'read:conversations', 'write:contacts'] });
    const contact = (n: number): object => ({ whatsapp_id: `+551198765${String(1000 + n)}`, name: 'Ana' });

    await agent.post('/contacts', contact(1)).expect(201);
    await agent.post('/users', { email: 'x@acme.example', full_name: 'Xis' }).expect(403).expect(errorOf('insufficient_role'));
    await viewer.get('/contacts').expect(200);
    await viewer.post('/contacts', contact(2)).expect(403).expect(errorOf('insufficient_role'));
    const { body } = await narrow.post('/contacts', contact(3)).expect(201);
    await narrow
      .delete(`/contacts/${(body as { id: string }).id}`)
      .expect(403)
      .expect(errorOf('permission_denied'));
    await narrow.get('/conversations').expect(200);
    await narrow.delete(`/contacts/${(body as { id: string }).id}/vip`).expect(403);
    for (const act of ['deleteContact(id: $id) { success }', 'unmarkContactVip(id: $id) { id }']) {
      const { body: graphql } = await narrow.graphql(`mutation ($id: ID!) { ${act} }`, { id: (body as { id: string }).id });
      expect(graphql).toMatchObject({ errors: [{ extensions: { error_code: 'permission_denied' } }] });
    }

    await acme.admin.put(`/api-keys/${narrow.id}`, { scopes: ['read:contacts'] }).expect(200);
    await narrow.get('/contacts').expect(200);
    await narrow.get('/conversations').expect(403).expect(errorOf('permission_denied'));
    await narrow.post('/contacts', contact(4)).expect(403);
  });

  it('hears on its sockets what its scopes let it read', async () => {
    const { acme, app } = await world();
    const key = await keyOf(acme, { scopes: ['read:contacts'] });
    const [socket, raw] = [await socketOf(key), await rawOf(key)];
    await raw.subscribe('contacts', 'conversations');
    const hub = app.get(RealtimeHub);

    tell(hub, acme.id, 'conversation:status', { secret: true });
    tell(hub, acme.id, 'contact:deleted', { id: 'x' });
    await socket.hear('contact:deleted');
    await until(() => raw.events('contact:deleted').length, 'the event');

    expect(socket.all('conversation:status')).toEqual([]);
    expect(raw.events()).toHaveLength(1);
  });

  it('is refused where the account is one’s own, and where keys are made', async () => {
    const { acme } = await world();
    const key = await keyOf(acme, { role: 'org_admin' });

    for (const refused of [
      key.get('/auth/me'),
      key.get('/auth/sessions'),
      key.get('/auth/verify-token'),
      key.post('/auth/2fa/setup'),
      key.post('/auth/logout', { all: true }),
      key.get('/users/me'),
      key.put('/users/me', { full_name: 'Eu' }),
      key.get('/api-keys'),
      key.post('/api-keys', { name: 'Child', role: 'viewer' }),
      key.post(`/api-keys/${key.id}/rotate`, {}),
      key.delete(`/api-keys/${key.id}`),
    ])
      await refused.expect(403).expect(errorOf('api_key_not_allowed'));
    for (const query of [
      '{ me { id } }',
      '{ sessions { total } }',
      'mutation { createApiKey(input: {name: "C", role: "viewer"}) { key } }',
    ]) {
      const { body } = await key.graphql(query);
      expect(body).toMatchObject({ errors: [{ extensions: { error_code: 'api_key_not_allowed' } }] });
    }
  });

  it('becomes no person: it sets no password, no address and no second factor of theirs', async () => {
    const { acme } = await world();
    const key = await keyOf(acme, { role: 'org_admin' });
    const { id } = acme.agent.user;

    for (const refused of [
      key.post(`/users/${id}/change-password`, { new_password: 'pao-de-queijo-9' }),
      key.post(`/users/${id}/reset-two-factor`),
      key.put(`/users/${id}`, { email: `program@${acme.slug}.example` }),
    ])
      await refused.expect(403).expect(errorOf('api_key_not_allowed'));
    const { body } = await key.graphql('mutation ($id: ID!) { resetUserTwoFactor(id: $id) { success } }', { id });
    expect(body).toMatchObject({ errors: [{ extensions: { error_code: 'api_key_not_allowed' } }] });

    await acme.agent.get('/auth/me').expect(200);
    await key.put(`/users/${id}`, { full_name: 'Bruno Alves Neto' }).expect(200);
  });

  it('makes nobody an administrator: neither a new user nor one who was less, who was switched off, or waits for an invitation', async () => {
    const { acme } = await world();
    const key = await keyOf(acme, { role: 'org_admin' });
    const [off, waits] = await Promise.all(
      ['off', 'waits'].map(async (name) => {
        const user = { email: `${name}@${acme.slug}.example`, full_name: 'Nova Pessoa', role: 'org_admin' };
        return ((await acme.admin.post('/users', user).expect(201)).body as { id: string }).id;
      }),
    );
    await acme.admin.post(`/users/${off}/deactivate`).expect(200);
    const user = (n: number, role: string): object => ({ email: `p${n}@${acme.slug}.example`, full_name: 'Nova Pessoa', role });

    for (const refused of [
      key.post('/users', user(1, 'org_admin')),
      key.post('/users', { ...user(1, 'org_admin'), password: 'pao-de-queijo-9' }),
      key.put(`/users/${acme.agent.user.id}`, { role: 'org_admin' }),
      key.put(`/users/${off}`, { is_active: true }),
      key.post(`/users/${off}/activate`),
      key.put(`/users/${waits}`, { email: `program@${acme.slug}.example` }),
      key.put(`/users/${waits}/permissions`, { permissions: null }),
    ])
      await refused.expect(403).expect(errorOf('api_key_not_allowed'));
    for (const mutation of [
      'mutation ($email: String!) { createUser(input: {email: $email, full_name: "Nova", role: "org_admin"}) { id } }',
      'mutation ($id: ID!, $email: String) { updateUser(id: $id, input: {role: "org_admin", bio: $email}) { id } }',
    ]) {
      const { body } = await key.graphql(mutation, { id: acme.agent.user.id, email: `g@${acme.slug}.example` });
      expect(body).toMatchObject({ errors: [{ extensions: { error_code: 'api_key_not_allowed' } }] });
    }

    await key.put(`/users/${waits}`, { full_name: 'Bia Lima' }).expect(200);
    await key.put(`/users/${acme.agent.user.id}`, { role: 'viewer' }).expect(200);
    await key.put(`/users/${acme.agent.user.id}`, { role: 'agent' }).expect(200);
    await key.post('/users', user(2, 'agent')).expect(201);
    await acme.admin.post(`/users/${off}/activate`).expect(200);
  });

  it('makes no user who may more than it', async () => {
    const { acme } = await world();
    const whole = await keyOf(acme, { role: 'org_admin' });
    const narrow = await keyOf(acme, { role: 'org_admin', scopes: ['read:*', 'write:*', 'delete:*'] });
    const user = (n: number): object => ({ email: `n${n}@${acme.slug}.example`, full_name: 'Nova Pessoa', role: 'org_admin' });

    await whole
      .post('/users', { ...user(2), role: 'super_admin' })
      .expect(403)
      .expect(errorOf('cannot_assign_role'));
    await narrow.post('/users', user(3)).expect(403).expect(errorOf('permission_denied'));
    await narrow.put(`/users/${acme.agent.user.id}`, { role: 'org_admin' }).expect(403);
    await narrow.get('/users').expect(200);
    await narrow.post('/users', { ...user(4), role: 'agent' }).expect(201);
  });

  it('is not had by who may less than it: neither its value nor its scopes', async () => {
    const { acme } = await world();
    const whole = await keyOf(acme, { role: 'org_admin' });
    const small = await keyOf(acme, { role: 'viewer' });
    const other = await acme.hire('org_admin');
    await acme.admin.put(`/users/${other.user.id}/permissions`, { permissions: ['read:*', 'write:organization'] }).expect(200);

    await other.post(`/api-keys/${whole.id}/rotate`, {}).expect(403).expect(errorOf('permission_denied'));
    await other
      .put(`/api-keys/${whole.id}`, { scopes: ['read:contacts'] })
      .expect(403)
      .expect(errorOf('permission_denied'));
    const { body } = await other.graphql('mutation ($id: ID!) { rotateApiKey(id: $id) { key } }', { id: whole.id });
    expect(body).toMatchObject({ errors: [{ extensions: { error_code: 'permission_denied' } }] });

    await other.post(`/api-keys/${small.id}/rotate`, {}).expect(200);
    // One's own does no more than its maker, whatever it says.
    const own = await keyOf({ admin: other }, { role: 'org_admin' });
    await other.post(`/api-keys/${own.id}/rotate`, {}).expect(200);
    await own.post('/contacts', { whatsapp_id: '+5511987651236' }).expect(403).expect(errorOf('permission_denied'));
  });

  it('is told in the audit log as itself', async () => {
    const { acme, sql } = await world();
    const key = await keyOf(acme);

    await key.post('/contacts', { whatsapp_id: '+5511987651234', name: 'Ana' }).expect(201);
    await key.post('/users', {}).expect(403);

    await until(async () => (await sql('SELECT 1 FROM audit_logs WHERE actor_id = $1', [key.id])).length === 2, 'both entries');
    const entries = await sql(
      'SELECT actor_type, actor_id, user_id, actor_role, action, result, ip_address FROM audit_logs WHERE actor_id = $1 ORDER BY id',
      [key.id],
    );
    const who = { actor_type: 'api', actor_id: key.id, user_id: null, actor_role: 'agent', ip_address: '127.0.0.1' };
    expect(entries).toEqual([
      { ...who, action: 'contact.created', result: 'success' },
      { ...who, action: 'access.denied', result: 'failure' },
    ]);
  });

  it('says when and from where it was last used, to the minute', async () => {
    const { acme, sql } = await world();
    const key = await keyOf(acme);
    await key.get('/contacts').expect(200);
    const row = async (): Promise<Record<string, unknown>> =>
      (await sql('SELECT last_used_at, last_used_ip, xmin::text FROM api_keys WHERE id = $1', [key.id]))[0];
    await until(async () => (await row()).last_used_at, 'the note');
    const first = await row();

    await Promise.all(Array.from({ length: 20 }, () => key.get('/contacts').expect(200)));
    const marker = await keyOf(acme);
    await marker.get('/contacts').expect(200);
    await until(
      async () => (await sql('SELECT 1 FROM api_keys WHERE id = $1 AND last_used_at IS NOT NULL', [marker.id])).length,
      'the next note',
    );

    expect(first.last_used_ip).toBe('127.0.0.1');
    expect(await row()).toEqual(first);
  });

  it('ends at its expiry, on every door', async () => {
    const { acme, sql } = await world();
    const key = await keyOf(acme, { expires_at: '2030-01-01T00:00:00Z' });
    const [socket, raw] = [await socketOf(key), await rawOf(key)];
    await sql("UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE id = $1", [key.id]);

    await until(async () => (await key.get('/contacts')).status === 401, 'the end on REST');
    await until(() => socket.disconnects.length, 'the end of the socket');
    expect(await raw.end()).toEqual({ code: 1008, reason: 'invalid_api_key' });
    await acme.admin.post(`/api-keys/${key.id}/rotate`, {}).expect(409).expect(errorOf('api_key_expired'));
    await acme.admin.put(`/api-keys/${key.id}`, { expires_at: null }).expect(200);
    await key.get('/contacts').expect(200);
  });

  it('does not outlive its maker’s account, and never does more than they may', async () => {
    const { acme } = await world();
    const boss = await acme.hire('org_admin');
    const key = await keyOf({ admin: boss }, { role: 'org_admin' });
    const socket = await socketOf(key);
    await key.get('/users').expect(200);

    await acme.admin.post(`/users/${boss.user.id}/deactivate`).expect(200);
    await key.get('/users').expect(401).expect(errorOf('invalid_api_key'));
    await until(() => socket.disconnects.length, 'the end of the socket');
    await acme.admin.put(`/users/${boss.user.id}`, { is_active: true, role: 'viewer' }).expect(200);
    await key.get('/contacts').expect(200);
    await key.post('/contacts', { whatsapp_id: '+5511987651235' }).expect(403).expect(errorOf('insufficient_role'));
    await acme.admin.delete(`/users/${boss.user.id}`).expect(204);
    await key.get('/contacts').expect(401).expect(errorOf('invalid_api_key'));
  });

  it('keeps to its organization’s state and addresses', async () => {
    const { acme, app, organization, sql } = await world();
    const key = await keyOf(acme);
    const other = await organization('Other');
    const theirs = await keyOf(other);
    await key.get('/contacts').set('X-Organization-Id', other.id).expect(200);
    await sql("UPDATE organizations SET status = 'suspended' WHERE id = $1", [other.id]);
    await sql(`UPDATE organizations SET settings = '{"security_settings": {"allowed_ip_ranges": ["203.0.113.0/24"]}}' WHERE id = $1`, [
      acme.id,
    ]);

    await until(async () => (await theirs.get('/contacts')).status === 403, 'the suspension');
    await theirs.get('/contacts').expect(errorOf('organization_suspended'));
    await until(async () => (await key.get('/contacts')).status === 403, 'the closed doors');
    await key.get('/contacts').expect(errorOf('ip_not_allowed'));
    expect(app.get(RealtimeHub).list(acme.id)).toEqual([]);
  });

  it('of a super admin works in the organization they made it in', async () => {
    const { acme, superAdmin } = await world();
    const root = await superAdmin();

    const { body } = await root.post('/api-keys', { name: 'Operations', role: 'viewer' }).set('X-Organization-Id', acme.id).expect(201);
    const key = new Key(acme.admin.base_url, (body as { key: string }).key, (body as { id: string }).id);

    expect((await key.get('/organizations/me').expect(200)).body).toMatchObject({ id: acme.id });
  });
});

describe('rotation', () => {
  const rotate = async ({ admin }: Company, key: Key, body: object = {}): Promise<Key> => {
    const { body: made } = await admin.post(`/api-keys/${key.id}/rotate`, body).expect(200);
    return new Key(key.base_url, (made as { key: string }).key, key.id);
  };

  it('lets the old value work for the overlap, and an open socket go on with the new one', async () => {
    const { acme, sql } = await world();
    const old = await keyOf(acme);
    const socket = await socketOf(old);

    const fresh = await rotate(acme, old, { overlap_hours: 2 });
    for (const key of [old, fresh]) await key.get('/contacts').expect(200);
    expect(await socket.ask('auth:refresh', { token: fresh.value })).toEqual({ ok: true });
    const { body } = await acme.admin.get('/api-keys').expect(200);
    const [{ previous_until, rotated_at, prefix }] = (body as { items: Record<string, string>[] }).items;
    expect(Date.parse(previous_until) - Date.parse(rotated_at)).toBe(2 * 3_600_000);
    expect(prefix).toBe(fresh.value.slice(0, 11));

    await sql('UPDATE api_key_secrets SET expires_at = now() WHERE api_key_id = $1 AND expires_at IS NOT NULL', [old.id]);
    await until(async () => (await old.get('/contacts')).status === 401, 'the end of the old value');
    await fresh.get('/contacts').expect(200);
    expect(socket.disconnects).toEqual([]);
  });

  it('is for a day unless said otherwise, and never makes an old value live longer', async () => {
    const { acme, sql } = await world();
    const first = await keyOf(acme);

    const second = await rotate(acme, first, { overlap_hours: 1 });
    await rotate(acme, second);

    const left = await sql<{ hours: number | null }>(
      'SELECT round(extract(epoch FROM expires_at - now()) / 3600)::int AS hours FROM api_key_secrets WHERE api_key_id = $1 ORDER BY created_at',
      [first.id],
    );
    expect(left.map(({ hours }) => hours)).toEqual([1, 24, null]);
    await acme.admin.post(`/api-keys/${first.id}/rotate`, { overlap_hours: 721 }).expect(wrongField('overlap_hours'));
  });

  it('by 20 at once without overlap leaves one value', async () => {
    const { acme } = await world();
    const old = await keyOf(acme);

    const fresh = await Promise.all(Array.from({ length: 20 }, () => rotate(acme, old, { overlap_hours: 0 })));

    const statuses = await Promise.all([old, ...fresh].map(async (key) => (await key.get('/contacts')).status));
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses[0]).toBe(401);
  });
});

describe('revocation', () => {
  it('is heard by every door of every process', async () => {
    const w = await world();
    const key = await keyOf(w.acme);
    const away = new Key(await another(w), key.value, key.id);
    const sockets = [await socketOf(key), await socketOf(away)];
    const raws = [await rawOf(key), await rawOf(away)];
    for (const each of [key, away]) await each.get('/contacts').expect(200);

    await w.acme.admin.delete(`/api-keys/${key.id}`).expect(204);

    await key.get('/contacts').expect(401).expect(errorOf('invalid_api_key'));
    await until(() => sockets.every(({ disconnects }) => disconnects.length), 'the end of the sockets');
    await until(() => raws.every(({ closed }) => closed), 'the end of the raw sockets');
    await until(async () => (await away.get('/contacts')).status === 401, 'the end in the other process');
  });

  it('is seen by a process that hears no signals too', async () => {
    const w = await world();
    const key = await keyOf(w.acme);
    const socket = await socketOf(key);

    // As if the word of it got lost.
    await w.sql('DELETE FROM api_key_secrets WHERE api_key_id = $1', [key.id]);

    await until(() => socket.disconnects.length, 'the end of the socket');
    await until(async () => (await key.get('/contacts')).status === 401, 'the end on REST');
  });
});

import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { Actor } from '#common/actor';
import { newId } from '#common/uuid';
import { SecretUses } from '#modules/secrets/secret-uses';
import type { SecretPage, SecretUsageStats, SecretVersionPage, SecretView } from '#modules/secrets/secret.dto';
import { type SecretUser, SecretsService } from '#modules/secrets/secrets.service';
import { type FakeProviders, GOOD_KEY, fakeProviders } from './support/fake-providers';
import { type Company, type Person, type World, close, errorOf, world, wrongField } from './support/world';

let providers: FakeProviders;
let w: World;
let acme: Company;
let globex: Company;

beforeAll(async () => {
  providers = await fakeProviders();
});
beforeEach(async () => {
  providers.fail = null;
  w = await world(providers.env);
  ({ acme, globex } = w);
});
afterAll(async () => {
  await close();
  await providers.close();
});

const someKey = (): string => `KEY_${randomBytes(6).toString('hex')}`;

const create = async (body: object = {}, by: Person = acme.admin): Promise<SecretView> =>
  (await by.post('/secrets', { key: someKey(), value: 'sk-0123456789-last', ...body }).expect(201)).body as SecretView;

const read = async (id: string, by: Person = acme.admin): Promise<SecretView> =>
  (await by.get(`/secrets/${id}`).expect(200)).body as SecretView;

const list = async (query: Record<string, string> = {}): Promise<SecretPage> =>
  (await acme.admin.get(`/secrets?${new URLSearchParams(query)}`).expect(200)).body as SecretPage;

const keys = async (query: Record<string, string>): Promise<string[]> => (await list(query)).items.map(({ key }) => key);

const valueOf = async (id: string): Promise<string> =>
  ((await acme.admin.get(`/secrets/${id}/value`).expect(200)).body as { value: string }).value;

const versions = async (id: string, query = ''): Promise<SecretVersionPage> =>
  (await acme.admin.get(`/secrets/${id}/versions${query}`).expect(200)).body as SecretVersionPage;

const usage = async (id: string): Promise<SecretUsageStats> =>
  (await acme.admin.get(`/secrets/${id}/usage`).expect(200)).body as SecretUsageStats;

const said = async (): Promise<string[]> =>
  (await w.sql<{ action: string }>('SELECT action FROM audit_logs WHERE organization_id = $1 ORDER BY id', [acme.id])).map(
    ({ action }) => action,
  );

const texts = (id: string): Promise<{ version: number; value_encrypted: string | null }[]> =>
  w.sql('SELECT version, value_encrypted FROM secret_versions WHERE secret_id = $1 ORDER BY version', [id]);

/** Holds a secret's row as another process would; answers how to let it go. */
async function holding(id: string): Promise<() => Promise<void>> {
  const client = new Client({ connectionString: w.env.DATABASE_URL });
  await client.connect();
  await client.query('BEGIN');
  await client.query('SELECT 1 FROM secrets WHERE id = $1 FOR UPDATE', [id]);
  return () => client.end();
}

describe('the five firsts', () => {
  it('is closed without a token, and to everybody below an administrator', async () => {
    const { id } = await create();

    for (const path of ['', '/stats', '/usage/organization', `/${id}`, `/${id}/value`, `/${id}/usage`, `/${id}/versions`]) {
      await w.guest.get(`/secrets${path}`).expect(401);
      for (const person of [acme.agent, acme.viewer]) await person.get(`/secrets${path}`).expect(403).expect(errorOf('insufficient_role'));
    }
    await acme.agent.post('/secrets', { key: someKey(), value: 'x' }).expect(403);
    await acme.viewer.delete(`/secrets/${id}`).expect(403);
  });

  it('hides a secret of another organization on every route', async () => {
    const { id } = await create();
    const { admin } = globex;

    for (const call of [
      admin.get(`/secrets/${id}`),
      admin.get(`/secrets/${id}/value`),
      admin.get(`/secrets/${id}/usage`),
      admin.get(`/secrets/${id}/versions`),
      admin.put(`/secrets/${id}`, { value: 'mine' }),
      admin.post(`/secrets/${id}/rotate`, { new_value: 'mine' }),
      admin.post(`/secrets/${id}/activate`),
      admin.post(`/secrets/${id}/deactivate`),
      admin.post(`/secrets/${id}/test`),
      admin.delete(`/secrets/${id}?force=true`),
    ])
      await call.expect(404).expect(errorOf('not_found'));
    expect(await valueOf(id)).toBe('sk-0123456789-last');
  });

  it('names every wrong field', async () => {
    const good = { key: someKey(), value: 'x' };
    const wrong: [string, object][] = [
      ['key', { value: 'x' }],
      ['value', { key: someKey() }],
      ['value', { ...good, value: '' }],
      ['value', { ...good, value: 'x'.repeat(65_537) }],
      ['value', { ...good, value: 5 }],
      ['key', { ...good, key: '1KEY' }],
      ['key', { ...good, key: 'a b' }],
      ['key', { ...good, key: `k${'x'.repeat(255)}` }],
      ['environment', { ...good, environment: 'moon' }],
      ['scope', { ...good, scope: 'planet' }],
      ['chatbot_id', { ...good, scope: 'chatbot' }],
      ['chatbot_id', { ...good, chatbot_id: newId() }],
      ['display_name', { ...good, display_name: '' }],
      ['description', { ...good, description: 'x'.repeat(2001) }],
      ['service', { ...good, service: 'x'.repeat(101) }],
      ['metadata', { ...good, metadata: [] }],
      ['metadata', { ...good, metadata: { text: 'x'.repeat(8200) } }],
      ['encryption_provider', { ...good, encryption_provider: 'aws_kms' }],
      ['encryption_provider', { ...good, encryption_provider: 'vault' }],
      ['encryption_provider', { ...good, encryption_provider: 'rot13' }],
      ['encryption_key_id', { ...good, encryption_key_id: 'another' }],
    ];
    for (const [field, body] of wrong) await acme.admin.post('/secrets', body).expect(wrongField(field));
    const { id } = await create();
    await acme.admin.put(`/secrets/${id}`, { environment: null }).expect(wrongField('environment'));
    await acme.admin.post(`/secrets/${id}/rotate`, { new_encryption_provider: 'vault' }).expect(wrongField('new_encryption_provider'));
    await acme.admin.post(`/secrets/${id}/rotate`, { new_key_id: 'another' }).expect(wrongField('new_key_id'));
    await acme.admin.post(`/secrets/${id}/test`, { test_type: 'guess' }).expect(wrongField('test_type'));
    await acme.admin.get('/secrets/nobody').expect(422);
    expect(await texts(id)).toHaveLength(1);
  });

  it('lists in pages, sorted, searched and filtered', async () => {
    await create({ key: 'ALPHA', display_name: 'Zebra', service: 'OpenAI ' });
    await create({ key: 'BETA', description: 'Do armazém', environment: 'staging' });
    const { id } = await create({ key: 'GAMMA', service: 'erp' });
    await acme.admin.post(`/secrets/${id}/deactivate`).expect(200);
    await create({ key: 'DELTA' }, globex.admin);

    expect(await keys({})).toEqual(['GAMMA', 'BETA', 'ALPHA']);
    expect(await keys({ sort: 'key:asc', limit: '2' })).toEqual(['ALPHA', 'BETA']);
    expect(await keys({ sort: 'key:asc', limit: '2', page: '2' })).toEqual(['GAMMA']);
    expect(await keys({ search: 'zebra' })).toEqual(['ALPHA']);
    expect(await keys({ search: 'ARMAZEM' })).toEqual(['BETA']);
    expect(await keys({ service: 'openai' })).toEqual(['ALPHA']);
    expect(await keys({ environment: 'staging' })).toEqual(['BETA']);
    expect(await keys({ is_active: 'false' })).toEqual(['GAMMA']);
    expect(await keys({ status: 'inactive' })).toEqual(['GAMMA']);
    expect(await keys({ status: 'active', sort: 'key:asc' })).toEqual(['ALPHA', 'BETA']);
    expect(await keys({ status: 'rotated' })).toEqual([]);
    expect(await keys({ scope: 'chatbot' })).toEqual([]);
    expect(await keys({ chatbot_id: newId() })).toEqual([]);
    await acme.admin.get('/secrets?sort=value_preview').expect(422);
    await acme.admin.get('/secrets?environment=moon').expect(wrongField('query', 'environment'));
  });
});

describe('a secret', () => {
  it('is answered without its value, with what the contract says of it', async () => {
    const secret = await create({ name: 'MY.Key-1', service: ' OpenAI', secret_metadata: { owner: 'Ana' }, encryption_provider: 'fernet' });

    expect(secret).toMatchObject({
      key: expect.stringMatching(/^KEY_/) as string,
      service: 'openai',
      environment: 'production',
      scope: 'organization',
      chatbot_id: null,
      status: 'active',
      is_active: true,
      version: 1,
      value_preview: 'last',
      encryption_provider: 'local',
      encryption_key_id: expect.stringMatching(/^[0-9a-f]{8}$/) as string,
      metadata: { owner: 'Ana' },
      created_by: acme.admin.user.id,
      last_rotated_at: null,
      last_used_at: null,
      usage_count: 0,
    });
    expect(secret.name).toBe(secret.key);
    expect(secret.display_name).toBe(secret.key);
    expect(JSON.stringify([secret, await read(secret.id), await list()])).not.toContain('sk-0123456789');
    const short = await create({ key: undefined, name: 'SHORT', value: 'elevenchars' });
    expect(short).toMatchObject({ key: 'SHORT', name: 'SHORT', value_preview: null });
  });

  it('has a key of its own in its environment, case aside, until it is deleted', async () => {
    const { id } = await create({ key: 'ERP_Token' });

    await acme.admin.post('/secrets', { key: 'erp_TOKEN', value: 'x' }).expect(409).expect(errorOf('already_exists'));
    const staging = await create({ key: 'ERP_Token', environment: 'staging' });
    await create({ key: 'ERP_Token' }, globex.admin);
    await acme.admin.put(`/secrets/${staging.id}`, { environment: 'production' }).expect(409).expect(errorOf('already_exists'));
    await acme.admin.delete(`/secrets/${id}`).expect(204);
    await acme.admin.get(`/secrets/${id}`).expect(404);
    await create({ key: 'erp_token' });

    const left = await w.sql('SELECT 1 FROM secret_versions WHERE secret_id = $1', [id]);
    expect(left).toEqual([]);
    const [deleted] = await w.sql("SELECT resource_name FROM audit_logs WHERE action = 'secret.deleted' AND resource_id = $1", [id]);
    expect(deleted).toEqual({ resource_name: 'ERP_Token' });
  });

  it('is made once by fifty who make it at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => acme.admin.post('/secrets', { key: 'ONCE', value: 'sk-0123456789' })),
    );

    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 49 }, () => 409)]);
    expect((await list()).total).toBe(1);
  });

  it('keeps its value to the letter, and shows it to an administrator alone, said in the audit log', async () => {
    const value = `  -----BEGIN KEY-----\n{{"ção"}} 🔑\n-----END KEY-----\n`;
    const { id, key } = await create({ value });

    const { body, headers } = await acme.admin.get(`/secrets/${id}/value`).expect(200);

    expect(body).toEqual({ id, key, value, version: 1 });
    expect(headers['cache-control']).toBe('no-store');
    expect(await said()).toEqual(['secret.created', 'secret.value_read']);
    expect((await read(id)).usage_count).toBe(0);
  });

  it('is switched off and on, and not shown while it is off', async () => {
    const { id } = await create();

    await acme.admin.post(`/secrets/${id}/deactivate`).expect(200);
    const { body } = await acme.admin.post(`/secrets/${id}/deactivate`).expect(200);
    expect(body).toMatchObject({ is_active: false, status: 'inactive' });
    await acme.admin.get(`/secrets/${id}/value`).expect(409).expect(errorOf('secret_inactive'));
    await acme.admin.put(`/secrets/${id}`, { is_active: true }).expect(200);
    await acme.admin.post(`/secrets/${id}/activate`).expect(200);

    expect(await valueOf(id)).toBe('sk-0123456789-last');
    // Toggles that change nothing are not said.
    expect(await said()).toEqual(['secret.created', 'secret.deactivated', 'secret.activated', 'secret.value_read']);
  });

  it('changes without its key, and with a value it is another version', async () => {
    const { id, key } = await create();

    const { body } = await acme.admin
      .put(`/secrets/${id}`, {
        key: 'OTHER',
        name: 'OTHER',
        value: 'a-longer-value',
        description: 'Da matriz',
        service: null,
        display_name: 'Matriz',
      })
      .expect(200);

    expect(body).toMatchObject({
      key,
      version: 2,
      value_preview: 'alue',
      description: 'Da matriz',
      display_name: 'Matriz',
      last_rotated_at: null,
    });
    expect(await valueOf(id)).toBe('a-longer-value');
    const [{ changes }] = await w.sql<{ changes: object }>(
      "SELECT changes FROM audit_logs WHERE action = 'secret.updated' AND resource_id = $1",
      [id],
    );
    expect(changes).toMatchObject({ value: { to: '***' }, version: { from: 1, to: 2 }, description: { to: 'Da matriz' } });
    expect(JSON.stringify(changes)).not.toMatch(/"alue"|a-longer-value/);
  });
});

describe('rotation', () => {
  it('puts another value in place, and keeps the old one sealed for thirty days', async () => {
    const { id } = await create();

    const { body } = await acme.admin.post(`/secrets/${id}/rotate`, { new_value: 'sk-9876543210-next' }).expect(200);

    expect(body).toMatchObject({ version: 2, status: 'active', value_preview: 'next', last_rotated_at: expect.any(String) as string });
    expect(await valueOf(id)).toBe('sk-9876543210-next');
    expect((await versions(id)).items).toMatchObject([
      { version: 2, status: 'active', rotated_at: null, created_by: acme.admin.user.id },
      { version: 1, status: 'rotated', rotated_at: expect.any(String) as string },
    ]);
    expect((await texts(id)).every(({ value_encrypted }) => value_encrypted?.startsWith('v1:'))).toBe(true);
  });

  it('takes the value by the name that creating it has', async () => {
    const { id } = await create();

    const { body } = await acme.admin.post(`/secrets/${id}/rotate`, { value: 'sk-9876543210-next' }).expect(200);

    expect(body).toMatchObject({ version: 2, value_preview: 'next' });
    expect(await valueOf(id)).toBe('sk-9876543210-next');
  });

  it('without a value seals the same one again and drops the old text at once', async () => {
    const { id } = await create();
    const [before] = await texts(id);
    await acme.admin.post(`/secrets/${id}/deactivate`).expect(200);

    const { body } = await acme.admin.post(`/secrets/${id}/rotate`).expect(200);

    expect(body).toMatchObject({ version: 2, status: 'inactive' });
    const [old, current] = await texts(id);
    expect(old.value_encrypted).toBeNull();
    expect(current.value_encrypted).not.toBe(before.value_encrypted);
    await acme.admin.post(`/secrets/${id}/activate`).expect(200);
    expect(await valueOf(id)).toBe('sk-0123456789-last');
    expect((await versions(id)).items.map(({ key_id }) => key_id)).toEqual([body.encryption_key_id, body.encryption_key_id]);
  });

  it('by fifty at once is fifty versions in order, and readers always see one of them', async () => {
    const { id } = await create();

    const [answers, reads] = await Promise.all([
      Promise.all(
        Array.from({ length: 50 }, (_, n) => acme.admin.post(`/secrets/${id}/rotate`, n % 2 ? { new_value: `value-number-${n}` } : {})),
      ),
      Promise.all(Array.from({ length: 50 }, () => acme.admin.get(`/secrets/${id}/value`))),
    ]);

    expect(answers.map(({ body }) => (body as SecretView).version).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, n) => n + 2),
    );
    expect(reads.map(({ status }) => status)).toEqual(reads.map(() => 200));
    const { items, total } = await versions(id, '?limit=100&sort=version:asc');
    expect(total).toBe(51);
    expect(items.map(({ version }) => version)).toEqual(Array.from({ length: 51 }, (_, n) => n + 1));
    expect(items.filter(({ status }) => status === 'active').map(({ version }) => version)).toEqual([51]);
    const ended = items.slice(0, 50).map(({ rotated_at }) => Date.parse(String(rotated_at)));
    expect(ended).toEqual([...ended].sort((a, b) => a - b));
    await acme.admin.get(`/secrets/${id}/value`).expect(200);

    // No more are kept.
    await acme.admin.post(`/secrets/${id}/rotate`).expect(200);
    const kept = (await versions(id, '?limit=100&sort=version:asc')).items;
    expect(kept.map(({ version }) => version)).toEqual(Array.from({ length: 51 }, (_, n) => n + 2));
  });

  it('and deletion at once leave a secret or none, never half of one', async () => {
    const { id } = await create();

    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        n === 10 ? acme.admin.delete(`/secrets/${id}`) : acme.admin.post(`/secrets/${id}/rotate`, { new_value: `value-number-${n}` }),
      ),
    );

    expect(answers.filter(({ status }) => ![200, 204, 404].includes(status)).map(({ body }) => body as unknown)).toEqual([]);
    await acme.admin.get(`/secrets/${id}`).expect(404);
    expect(await texts(id)).toEqual([]);
  });
});

describe('use inside the product', () => {
  const service = (): SecretsService => w.app.get(SecretsService);
  const actor = (): Actor => Actor.system(acme.id);
  const development = { environment: 'development' };

  it('takes the chatbot’s own first, then the organization’s, of the environment of the server', async () => {
    const chatbot_id = newId();
    service().findChatbotsBy((_tx, { organization_id }, id) => Promise.resolve(organization_id === acme.id && id === chatbot_id));
    await create({ key: 'ERP', value: 'of the organization', ...development });
    await create({ key: 'ERP', value: 'in production' });
    const own = await create({ key: 'erp', value: 'of the chatbot', scope: 'chatbot', chatbot_id, ...development });
    await globex.admin.post('/secrets', { key: 'ERP', value: 'x', scope: 'chatbot', chatbot_id }).expect(404);

    const valueFor = async (chatbot?: string): Promise<string> => (await service().resolve(actor(), 'Erp', { chatbot_id: chatbot })).value;
    expect(await valueFor()).toBe('of the organization');
    expect(await valueFor(newId())).toBe('of the organization');
    expect(await valueFor(chatbot_id)).toBe('of the chatbot');
    await expect(service().resolve(actor(), 'NONE')).rejects.toMatchObject({ error_code: 'not_found' });
    await expect(service().resolve(Actor.system(globex.id), 'ERP')).rejects.toMatchObject({ error_code: 'not_found' });
    await acme.admin.post(`/secrets/${own.id}/deactivate`).expect(200);
    await expect(valueFor(chatbot_id)).rejects.toMatchObject({ error_code: 'secret_inactive' });
  });

  it('is counted by its outcome, also while the secret is being rotated', async () => {
    const { id, key } = await create(development);
    const unused = await create({ ...development, service: 'erp' });

    expect(await usage(id)).toMatchObject({ total_requests: 0, success_rate: 0, last_used_at: null, usage_count: 0 });
    await Promise.all([
      ...Array.from({ length: 30 }, async (_, n) => {
        const found = await service().resolve(actor(), key);
        service().used(actor(), found.id, n % 3 > 0);
      }),
      ...Array.from({ length: 10 }, () => acme.admin.post(`/secrets/${id}/rotate`).expect(200)),
    ]);

    const stats = await usage(id);
    expect(stats).toMatchObject({
      secret_id: id,
      secret_name: key,
      total_requests: 30,
      successful_requests: 20,
      failed_requests: 10,
      success_rate: 66.67,
      usage_count: 30,
      last_used_at: expect.any(String) as string,
    });
    expect(await read(id)).toMatchObject({ usage_count: 30, last_used_at: stats.last_used_at });
    const { body } = await acme.admin.get('/secrets/usage/organization?sort=key:asc').expect(200);
    expect((body as { items: SecretUsageStats[] }).items.map(({ usage_count }) => usage_count).sort()).toEqual([0, 30]);
    const { body: filtered } = await acme.admin.get('/secrets/usage/organization?service=erp').expect(200);
    expect((filtered as { items: SecretUsageStats[] }).items.map(({ secret_id }) => secret_id)).toEqual([unused.id]);
  });

  it('waits for no row: neither who uses nor who counts, while another transaction holds the secret', async () => {
    const { id, key } = await create(development);
    service().used(actor(), id, true);
    await w.app.get(SecretUses).flush();
    const release = await holding(id);
    try {
      const found = await service().resolve(actor(), key);
      service().used(actor(), found.id, true);
      await w.app.get(SecretUses).flush();
      const [{ used }] = await w.sql<{ used: number }>('SELECT successful_requests::int AS used FROM secret_usage WHERE secret_id = $1', [
        id,
      ]);
      expect(used).toBe(2);
    } finally {
      await release();
    }
  });

  it('of a secret that is gone is not counted, and hinders no other count', async () => {
    const [gone, kept] = [await create(development), await create(development)];
    service().used(actor(), gone.id, true);
    service().used(actor(), kept.id, true);
    await acme.admin.delete(`/secrets/${gone.id}`).expect(204);

    expect((await usage(kept.id)).usage_count).toBe(1);
  });

  it('keeps it from being deleted, but for who insists', async () => {
    const secret = await create();
    const flow: SecretUser = { type: 'flow', id: newId(), name: 'Boas-vindas' };
    service().onDelete((_tx, _actor, { id }) => Promise.resolve(id === secret.id ? [flow] : []));

    const { body } = await acme.admin.delete(`/secrets/${secret.id}`).expect(409).expect(errorOf('secret_in_use'));
    expect(body).toMatchObject({ error: { details: [{ used_by: flow }] } });
    const { body: graph } = await acme.admin.graphql('mutation ($id: ID!) { deleteSecret(id: $id) { success } }', { id: secret.id });
    expect(graph).toMatchObject({ errors: [{ extensions: { error_code: 'secret_in_use' } }] });
    expect(await valueOf(secret.id)).toBe('sk-0123456789-last');
    await acme.admin.delete(`/secrets/${secret.id}?force=true`).expect(204);
    await acme.admin.get(`/secrets/${secret.id}`).expect(404);
  });
});

describe('a test', () => {
  const test = async (id: string, body: object = {}): Promise<object> =>
    (await acme.admin.post(`/secrets/${id}/test`, body).expect(200)).body as object;
  const connection = { test_type: 'connection' };

  it('opens the value, and asks nobody', async () => {
    const { id } = await create();
    const asked = providers.calls.length;

    expect(await test(id)).toEqual({ valid: true, is_valid: true, message: null, test_type: 'decrypt', latency_ms: null });
    await w.sql(
      `UPDATE secret_versions SET value_encrypted = overlay(value_encrypted placing 'AAAA' from length(value_encrypted) - 8) WHERE secret_id = $1`,
      [id],
    );
    expect(await test(id)).toMatchObject({ valid: false, message: expect.stringContaining('cannot be opened') as string });
    expect(providers.calls.length).toBe(asked);
  });

  it.each(['openai', 'anthropic', 'anythingllm', 'meta'])('by connection asks %s', async (name) => {
    const metadata = name === 'anythingllm' ? { base_url: `${providers.anythingllm_url}/` } : {};
    const good = await create({ service: name, value: GOOD_KEY, metadata });
    const bad = await create({ service: name, value: 'sk-bad-0123456789', metadata });

    expect(await test(good.id, connection)).toMatchObject({
      valid: true,
      is_valid: true,
      test_type: 'connection',
      latency_ms: expect.any(Number) as number,
    });
    const refused = await test(bad.id, connection);
    expect(refused).toMatchObject({ valid: false, message: expect.stringMatching(/^The provider refuses it \(4\d\d\)\.$/) as string });
    providers.fail = 500;
    expect(await test(good.id, connection)).toMatchObject({ valid: false, message: 'The provider answered 500.' });
    expect((await usage(good.id)).usage_count).toBe(0);
    const tested = await w.sql(
      "SELECT metadata->>'valid' AS valid FROM audit_logs WHERE action = 'secret.tested' AND organization_id = $1 ORDER BY id",
      [acme.id],
    );
    expect(tested).toEqual([{ valid: 'true' }, { valid: 'false' }, { valid: 'false' }]);
  });

  it.each([
    ['openai', '/gateway/openai/v1', '', '/models'],
    ['openai', '/gateway/openai/v1', '/', '/models'],
    ['anthropic', '/gateway/anthropic', '/', '/v1/models'],
    ['anythingllm', '/llm', '/api/v1/', '/api/v1/auth'],
    ['anythingllm', '/llm', '/api', '/api/v1/auth'],
  ])('by connection asks %s where the secret says it is: %s%s', async (service, path, rest, asked) => {
    const base_url = providers.gateway_url.replace('/gateway', path) + rest;
    const good = await create({ service, value: GOOD_KEY, metadata: { base_url } });
    const bad = await create({ service, value: 'sk-bad-0123456789', metadata: { base_url } });

    expect(await test(good.id, connection)).toMatchObject({ valid: true });
    expect(await test(bad.id, connection)).toMatchObject({ valid: false, message: expect.stringContaining('refuses') as string });
    expect(providers.calls.slice(-2)).toEqual(Array(2).fill(`GET ${path}${asked}`));
  });

  it('goes to no private address, and sends no header that is none', async () => {
    const metadata = { base_url: 'http://169.254.169.254' };
    const inside = await Promise.all(['anythingllm', 'openai', 'anthropic'].map((service) => create({ service, metadata })));
    const crooked = await create({ service: 'openai', value: 'sk-one\r\nx-evil: two' });
    const asked = providers.calls.length;

    for (const { id } of inside)
      expect(await test(id, connection)).toMatchObject({ valid: false, message: expect.stringContaining('private') as string });
    expect(await test(crooked.id, connection)).toMatchObject({ valid: false });
    expect(providers.calls.length).toBe(asked);
  });

  it('by connection needs somebody to ask', async () => {
    for (const body of [{ service: 'erp' }, { service: null }, { service: 'constructor' }, { service: 'anythingllm' }]) {
      const { id } = await create(body);
      await acme.admin.post(`/secrets/${id}/test`, connection).expect(422).expect(errorOf('unsupported_test'));
    }
  });
});

it('is one of as many as the plan allows', async () => {
  const boss = await w.superAdmin();
  await boss.put(`/organizations/${acme.id}`, { plan_limits: { max_secrets: 1 } }).expect(200);
  await create();

  await acme.admin.post('/secrets', { key: someKey(), value: 'x' }).expect(403).expect(errorOf('plan_limit_exceeded'));
});

it('counts what there is', async () => {
  await create({ service: 'openai' });
  await create({ service: 'openai', environment: 'staging' });
  const { id } = await create();
  await acme.admin.post(`/secrets/${id}/deactivate`).expect(200);

  const { body } = await acme.admin.get('/secrets/stats').expect(200);

  expect(body).toEqual({
    total: 3,
    active: 2,
    inactive: 1,
    by_environment: { production: 2, staging: 1 },
    by_scope: { organization: 3 },
    by_service: { openai: 2, none: 1 },
    by_provider: { local: 3 },
  });
  const { body: none } = await globex.admin.get('/secrets/stats').expect(200);
  expect(none).toMatchObject({ total: 0, by_service: {} });
});

it('does the same in GraphQL', async () => {
  const ask = async (query: string, variables: object = {}): Promise<Record<string, unknown>> => {
    const { body } = await acme.admin.graphql(query, variables).expect(200);
    expect(body).not.toHaveProperty('errors');
    return (body as { data: Record<string, unknown> }).data;
  };
  const FIELDS = '{ id key name version status is_active value_preview encryption_key_id usage_count metadata }';

  const { createSecret } = await ask(`mutation ($input: SecretCreateInput!) { createSecret(input: $input) ${FIELDS} }`, {
    input: { name: 'GRAPH', value: 'sk-0123456789', service: 'openai' },
  });
  const { id } = createSecret as SecretView;
  expect(createSecret).toMatchObject({ key: 'GRAPH', name: 'GRAPH', version: 1, status: 'active', value_preview: '6789' });
  await ask(`mutation ($id: ID!) { updateSecret(id: $id, input: { display_name: "Grafo" }) ${FIELDS} }`, { id });
  expect(await ask(`mutation ($id: ID!) { rotateSecret(id: $id, new_value: "sk-9876543210") ${FIELDS} }`, { id })).toMatchObject({
    rotateSecret: { version: 2 },
  });
  expect(await ask('query ($id: ID!) { secret_value(id: $id) { value version key } }', { id })).toEqual({
    secret_value: { value: 'sk-9876543210', version: 2, key: 'GRAPH' },
  });
  expect(await ask('mutation ($id: ID!) { testSecret(id: $id, test_type: "decrypt") { valid is_valid test_type } }', { id })).toEqual({
    testSecret: { valid: true, is_valid: true, test_type: 'decrypt' },
  });
  expect(await ask(`mutation ($id: ID!) { deactivateSecret(id: $id) ${FIELDS} }`, { id })).toMatchObject({
    deactivateSecret: { is_active: false },
  });
  expect(await ask('query { secrets(status: "inactive", limit: 5) { id display_name } }')).toEqual({
    secrets: [{ id, display_name: 'Grafo' }],
  });
  expect(await ask(`mutation ($id: ID!) { activateSecret(id: $id) ${FIELDS} }`, { id })).toMatchObject({
    activateSecret: { status: 'active' },
  });
  expect(
    await ask(
      'query ($id: ID!) { secret(id: $id) { id } secret_usage(id: $id) { total_requests success_rate } secret_usage_organization { secret_id } }',
      { id },
    ),
  ).toEqual({
    secret: { id },
    secret_usage: { total_requests: 0, success_rate: 0 },
    secret_usage_organization: [{ secret_id: id }],
  });
  expect(await ask('mutation ($id: ID!) { deleteSecret(id: $id, force: false) { success } }', { id })).toEqual({
    deleteSecret: { success: true },
  });
  const { body } = await acme.agent.graphql('{ secrets { id } }').expect(200);
  expect(body).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN' } }] });
});

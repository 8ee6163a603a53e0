import request from 'supertest';
import { RateStore } from '#access/throttle';
import { postWebhook } from './support/inbox';
import { mailedToken } from './support/mailed-token';
import { type TestRedis, startRedis } from './support/redis';
import { type Company, type World, PASSWORD, close, errorOf, world } from './support/world';

// Contract 10 §14. Windows are long enough that none ends inside a test; who is counted is chosen by the address the trusted proxy names.

const LIMITS = {
  RATE_LIMIT_ENABLED: 'true',
  TRUST_PROXY: 'true',
  RATE_LIMIT_AUTH_LOGIN: '3/600',
  RATE_LIMIT_AUTH_REGISTER: '2/600',
  RATE_LIMIT_AUTH_REFRESH: '4/600',
  RATE_LIMIT_AUTH_RECOVERY: '2/600',
  RATE_LIMIT_AUTH_RECOVERY_ADDRESS: '10/600',
  RATE_LIMIT_AUTH_TOKEN: '3/600',
  RATE_LIMIT_GENERAL: '6/600',
  RATE_LIMIT_API_KEY: '8/600',
  RATE_LIMIT_UPLOAD: '2/600',
  RATE_LIMIT_GRAPHQL: '5/600',
  RATE_LIMIT_WEBHOOK: '3/600',
  RATE_LIMIT_SECRET_REVEAL: '2/600',
};

let redis: TestRedis | null = null;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.destroy());

let last = 0;
const address = (): string => `203.0.113.${++last}`;

// Nobody twice: five wrong passwords lock a login, which is another rule.
const login = (w: World, from: string, email = `nobody-${++last}@acme.example`): request.Test =>
  request(w.base_url).post('/api/v1/auth/login').set('X-Forwarded-For', from).send({ email, password: 'wrong-horse-1' });

const graphql = (w: World, query: string, from: string): request.Test =>
  request(w.base_url).post('/graphql').set('X-Forwarded-For', from).send({ query });

/** Statuses of calls made one after the other. */
async function statuses(times: number, call: () => request.Test): Promise<number[]> {
  const seen: number[] = [];
  for (let n = 0; n < times; n++) seen.push((await call()).status);
  return seen;
}

const number = (response: request.Response, name: string): number => Number(response.headers[name]);

describe.each(['memory', 'redis'] as const)('rate limits, counted in %s', (store) => {
  let w: World;
  let acme: Company;
  let ready = true;

  beforeAll(async () => {
    ready = store === 'memory' || redis !== null;
    if (ready) await world(store === 'memory' || !redis ? LIMITS : { ...LIMITS, REDIS_URL: redis.url });
  });
  beforeEach(async () => {
    if (!ready) return;
    w = await world();
    ({ acme } = w);
  });
  afterAll(close);

  const test = (name: string, work: () => Promise<void>): void =>
    it(name, async () => {
      if (ready) await work();
    });

  test('are told in headers, and a refusal says when to come back', async () => {
    const from = address();
    const now = Math.floor(Date.now() / 1000);

    const first = await login(w, from).expect(401);
    expect([number(first, 'x-ratelimit-limit'), number(first, 'x-ratelimit-remaining')]).toEqual([3, 2]);
    expect(number(first, 'x-ratelimit-reset')).toBeGreaterThanOrEqual(now + 590);
    expect(number(first, 'x-ratelimit-reset')).toBeLessThanOrEqual(now + 660);
    expect(first.headers['retry-after']).toBeUndefined();
    expect(await statuses(2, () => login(w, from))).toEqual([401, 401]);

    const refused = await login(w, from).expect(429).expect(errorOf('rate_limit_exceeded'));
    const seconds = number(refused, 'retry-after');
    expect(seconds).toBeGreaterThan(500);
    expect(seconds).toBeLessThanOrEqual(600);
    expect(refused.body).toEqual({
      error: { code: 429, message: `Rate limit exceeded. Try again in ${seconds} seconds.`, type: 'rate_limit_error' },
      detail: `Rate limit exceeded. Try again in ${seconds} seconds.`,
      status_code: 429,
      error_code: 'rate_limit_exceeded',
    });
    expect(number(refused, 'x-ratelimit-remaining')).toBe(0);
  });

  test('count login by address, whoever it is for', async () => {
    const from = address();
    expect(await statuses(3, () => login(w, from))).toEqual([401, 401, 401]);
    expect(await statuses(1, () => login(w, from, acme.admin.user.email))).toEqual([429]);
    expect(await statuses(1, () => login(w, address()))).toEqual([401]);
  });

  test('count login by account too, wherever it comes from, at both doors and however the e-mail is spelled', async () => {
    const { email } = acme.agent.user;
    const from = address();
    const { body } = await graphql(w, `mutation { login(email: "${email}", password: "wrong-horse-1") { message } }`, address());
    expect(body).toMatchObject({ errors: [{ extensions: { error_code: 'invalid_credentials' } }] });
    expect(await statuses(1, () => login(w, address(), ` ${email.toUpperCase()} `))).toEqual([401]);
    expect(await statuses(1, () => login(w, from, email))).toEqual([401]);

    await login(w, address(), email).expect(429).expect(errorOf('rate_limit_exceeded'));
    expect(await statuses(1, () => login(w, from))).toEqual([401]);
  });

  test('count one client once, with whatever port or brackets a proxy names it, and all that are no address as the proxy', async () => {
    const from = address();
    expect(await statuses(1, () => login(w, from))).toEqual([401]);
    expect(await statuses(1, () => login(w, `${from}:1234`))).toEqual([401]);
    expect(await statuses(2, () => login(w, `[::ffff:${from}]:99`))).toEqual([401, 429]);

    const junk = async (): Promise<number> => (await login(w, `junk-${++last}`)).status;
    expect([await junk(), await junk(), await junk(), await junk()].at(-1)).toBe(429);
  });

  test('count who reveals secrets in a class of its own, through both doors', async () => {
    const { body } = await acme.admin.post('/secrets', { key: 'ERP', value: 'sk-0123456789' }).expect(201);
    const { id } = body as { id: string };

    const first = await acme.admin.get(`/secrets/${id}/value`).expect(200);
    expect([number(first, 'x-ratelimit-limit'), number(first, 'x-ratelimit-remaining')]).toEqual([2, 1]);
    const read = (): request.Test => acme.admin.graphql('query ($id: ID!) { secret_value(id: $id) { value } }', { id });
    expect((await read()).body).toEqual({ data: { secret_value: { value: 'sk-0123456789' } } });
    expect((await read()).body).toMatchObject({ errors: [{ extensions: { error_code: 'rate_limit_exceeded' } }] });
    await acme.admin.get(`/secrets/${id}/value`).expect(429).expect(errorOf('rate_limit_exceeded'));
    await acme.admin.get(`/secrets/${id}`).expect(200);
    const [{ read: count }] = await w.sql<{ read: number }>(
      "SELECT count(*)::int AS read FROM audit_logs WHERE organization_id = $1 AND action = 'secret.value_read'",
      [acme.id],
    );
    expect(count).toBe(2);
  });

  test('count what succeeds too', async () => {
    const from = address();
    const good = (): request.Test =>
      request(w.base_url)
        .post('/api/v1/auth/login')
        .set('X-Forwarded-For', from)
        .send({ email: acme.admin.user.email, password: PASSWORD });
    expect(await statuses(4, good)).toEqual([200, 200, 200, 429]);
  });

  test('count the IPv6 addresses of a line as one', async () => {
    const site = `2001:db8:${(++last).toString(16)}`;
    let host = 0;

    expect(await statuses(4, () => login(w, `${site}:1:${++host}::1`))).toEqual([401, 401, 401, 429]);
    expect(await statuses(1, () => login(w, `${site}:2::1`))).toEqual([401]);
  });

  test('count mailed tokens that are refused, and no good ones', async () => {
    const from = address();
    const bring = (token: string, new_password: string): request.Test =>
      request(w.base_url).post('/api/v1/auth/reset-password').set('X-Forwarded-For', from).send({ token, new_password });
    for (let n = 0; n < 5; n++) {
      const invited = { email: `invited-${++last}@acme.example`, full_name: 'Bia Lima', role: 'agent' };
      const { body } = await acme.admin.post('/users', invited).expect(201);
      const token = await mailedToken(w.app, body as Parameters<typeof mailedToken>[1], 'invitation');
      await bring(token, 'short').expect(422);
      expect(number(await bring(token, 'fornada-das-6').expect(200), 'x-ratelimit-remaining')).toBe(3);
    }

    expect(await statuses(4, () => bring('no-token', 'fornada-das-6'))).toEqual([400, 400, 400, 429]);
  });

  test('keep each class apart: a request counts in exactly one', async () => {
    const from = address();
    const register = (): request.Test => request(w.base_url).post('/api/v1/auth/register').set('X-Forwarded-For', from).send({});
    const refresh = (): request.Test =>
      request(w.base_url).post('/api/v1/auth/refresh').set('X-Forwarded-For', from).send({ refresh_token: 'no' });

    expect(await statuses(3, register)).toEqual([422, 422, 429]);
    expect(await statuses(5, refresh)).toEqual([401, 401, 401, 401, 429]);
    expect(await statuses(4, () => login(w, from))).toEqual([401, 401, 401, 429]);

    const me = (): request.Test => acme.agent.get('/users/me').set('X-Forwarded-For', from);
    const upload = (): request.Test => acme.agent.post('/whatsapp/media').set('X-Forwarded-For', from);
    expect(await statuses(3, upload)).toEqual([422, 422, 429]);
    expect(await statuses(7, me)).toEqual([200, 200, 200, 200, 200, 200, 429]);
    expect((await graphql(w, '{ __typename }', from)).status).toBe(200);
  });

  test('count mails by address and e-mail, at both doors and however it is spelled, and mailed tokens by address', async () => {
    const from = address();
    const forgot = (path: string, email: unknown, by = from): request.Test =>
      request(w.base_url).post(`/api/v1/auth/${path}`).set('X-Forwarded-For', by).send({ email });
    const { email } = acme.agent.user;

    expect((await forgot('forgot-password', email)).status).toBe(200);
    expect((await forgot('resend-verification', ` ${email.toUpperCase()} `)).status).toBe(200);
    expect((await forgot('forgot-password', email)).status).toBe(429);
    const { body } = await graphql(w, `mutation { forgotPassword(email: "${email}") { success } }`, from);
    expect(body).toMatchObject({ errors: [{ extensions: { error_code: 'rate_limit_exceeded', status_code: 429 } }] });
    expect((await forgot('forgot-password', acme.viewer.user.email)).status).toBe(200);
    expect((await forgot('forgot-password', email, address())).status).toBe(200);
    expect(await statuses(3, () => forgot('forgot-password', { $ne: '' }))).toEqual([422, 422, 429]);

    const bring = (path: string): request.Test =>
      request(w.base_url).post(`/api/v1/auth/${path}`).set('X-Forwarded-For', from).send({ token: 'guess', new_password: PASSWORD });
    expect(await statuses(2, () => bring('reset-password'))).toEqual([400, 400]);
    expect(await statuses(2, () => bring('verify-email'))).toEqual([400, 429]);
  });

  test('count mails by address alone too, at both doors: nobody asks for everybody’s', async () => {
    const from = address();
    const stranger = (): string => `stranger-${++last}@acme.example`;
    const forgot = (by = from): request.Test =>
      request(w.base_url).post('/api/v1/auth/forgot-password').set('X-Forwarded-For', by).send({ email: stranger() });
    const resend = (): request.Test =>
      request(w.base_url).post('/api/v1/auth/resend-verification').set('X-Forwarded-For', from).send({ email: stranger() });

    expect(await statuses(4, () => forgot())).toEqual(Array(4).fill(200));
    expect(await statuses(3, resend)).toEqual(Array(3).fill(200));
    const ask = (alias: string): string => `${alias}: forgotPassword(email: "${stranger()}") { success }`;
    const { body } = await graphql(w, `mutation { ${['a', 'b', 'c', 'd'].map(ask).join(' ')} }`, from);
    expect(body).toMatchObject({ errors: [{ path: ['d'], extensions: { error_code: 'rate_limit_exceeded' } }] });

    const refused = await forgot().expect(429).expect(errorOf('rate_limit_exceeded'));
    expect([number(refused, 'x-ratelimit-limit'), number(refused, 'x-ratelimit-remaining')]).toEqual([10, 0]);
    expect(await statuses(1, resend)).toEqual([429]);
    expect((await forgot(address())).status).toBe(200);
  });

  test('count each API key by itself, in one class for REST and GraphQL', async () => {
    const from = address();
    const key = async (): Promise<string> =>
      ((await acme.admin.post('/api-keys', { name: 'ERP', role: 'viewer' }).expect(201)).body as { key: string }).key;
    const [one, other] = [await key(), await key()];
    const rest = (value: string) => () =>
      request(w.base_url)
        .get('/api/v1/contacts')
        .set({ 'X-Forwarded-For': from, Authorization: `Bearer ${value}` });
    const query = (value: string) => () =>
      request(w.base_url).post('/graphql').set({ 'X-Forwarded-For': from, 'X-API-Key': value }).send({ query: '{ contacts { id } }' });

    expect(number(await rest(one)(), 'x-ratelimit-limit')).toBe(8);
    expect(await statuses(6, query(one))).toEqual(Array(6).fill(200));
    expect(await statuses(2, rest(one))).toEqual([200, 429]);
    expect(await statuses(1, query(one))).toEqual([429]);
    expect(await statuses(1, rest(other))).toEqual([200]);
    // Its maker is counted apart.
    expect(await statuses(1, () => acme.admin.get('/contacts').set('X-Forwarded-For', from))).toEqual([200]);
  });

  test('count the webhooks that are refused, and limit nobody who signs', async () => {
    const from = address();
    const good = (): request.Test => postWebhook(w, { object: 'page' }).set('X-Forwarded-For', from);
    const forged = (): request.Test => postWebhook(w, { object: 'page' }, { secret: 'guess' }).set('X-Forwarded-For', from);
    const unsigned = (): request.Test => postWebhook(w, { object: 'page' }, { signature: null }).set('X-Forwarded-For', from);

    expect(await statuses(5, good)).toEqual(Array(5).fill(200));
    expect([...(await statuses(2, forged)), ...(await statuses(1, unsigned))]).toEqual([403, 403, 403]);
    const refused = await unsigned().expect(429).expect(errorOf('rate_limit_exceeded'));
    expect(number(refused, 'retry-after')).toBeGreaterThan(500);
    expect(await statuses(2, forged)).toEqual([429, 429]);
    expect(await statuses(5, good)).toEqual(Array(5).fill(200));
  });

  test('count a signed-in user wherever they are, and nobody else with them', async () => {
    expect(await statuses(6, () => acme.agent.get('/contacts').set('X-Forwarded-For', address()))).toEqual(Array(6).fill(200));
    expect(await statuses(1, () => acme.agent.get('/conversations').set('X-Forwarded-For', address()))).toEqual([429]);
    expect(await statuses(1, () => acme.viewer.get('/contacts'))).toEqual([200]);
  });

  test('cost the same in a flood of addresses, more than memory has room for', async () => {
    if (store !== 'memory') return;
    const windows = w.app.get(RateStore);
    let flooded = 0;
    const flood = async (count: number): Promise<number> => {
      const start = performance.now();
      for (let n = 0; n < count; n++) await windows.increment(`flood ${++flooded}`, 600_000, 3);
      return performance.now() - start;
    };
    await flood(100_000);

    expect(await flood(5000)).toBeLessThan(1000);
    expect(await windows.increment(`flood ${flooded}`, 600_000, 3)).toMatchObject({ totalHits: 2 });
  });

  test('come after the token and before the role', async () => {
    const from = address();
    const closed = (): request.Test => request(w.base_url).get('/api/v1/contacts').set('X-Forwarded-For', from);
    expect(await statuses(8, closed)).toEqual(Array(8).fill(401));

    const forbidden = (): request.Test => acme.viewer.post('/contacts', {});
    expect(await statuses(7, forbidden)).toEqual([403, 403, 403, 403, 403, 403, 429]);
  });

  test('leave probes and documents alone', async () => {
    const from = address();
    for (const path of ['/api/v1/health', '/api/v1/ping', '/observability/live', '/observability/health', '/api/v1/openapi.json']) {
      const answers = await statuses(8, () => request(w.base_url).get(path).set('X-Forwarded-For', from));
      expect({ path, answers }).toEqual({ path, answers: Array(8).fill(200) });
      const { headers } = await request(w.base_url).get(path).set('X-Forwarded-For', from);
      expect(headers['x-ratelimit-limit']).toBeUndefined();
    }
    expect(await statuses(8, () => request(w.base_url).options('/api/v1/contacts').set('X-Forwarded-For', from))).not.toContain(429);
  });

  test('count a GraphQL request once, however many fields it asks for', async () => {
    const query = '{ a: contacts { id } b: contacts { id } c: me { id } d: conversations { id } }';
    const ask = async (): Promise<string> => {
      const { body } = await acme.agent.graphql(query);
      return ((body as { errors?: { extensions: { code: string } }[] }).errors?.[0]?.extensions.code ?? 'ok') as string;
    };
    const answers: string[] = [];
    for (let n = 0; n < 6; n++) answers.push(await ask());

    expect(answers).toEqual(['ok', 'ok', 'ok', 'ok', 'ok', 'RATE_LIMITED']);
  });

  test('count each act of a GraphQL mutation', async () => {
    const acts = (count: number): string =>
      `mutation { ${Array.from({ length: count }, (_, n) => `a${n}: createContact(input: { whatsapp_id: "+55119${last++}${70_000_000 + n}" }) { id }`).join(' ')} }`;
    const { agent } = acme;

    const taken = await agent.graphql(acts(3)).expect(200);
    expect(number(taken, 'x-ratelimit-remaining')).toBe(2);
    await agent.graphql(acts(3)).expect(429);
    const [{ count }] = await w.sql<{ count: string }>('SELECT count(*) FROM contacts WHERE organization_id = $1', [acme.id]);
    expect(Number(count)).toBeLessThanOrEqual(3);
  });

  for (const [what, query, status] of [
    ['nothing of ours', '{ __typename }', 200],
    ['what needs a token', '{ me { id } }', 200],
    ['what is no query', '{ me {', 400],
    ['what does not fit the schema', '{ nobody { id } }', 400],
    ['too much', '{ conversations(limit: 100) { messages(limit: 100) { id } } }', 400],
  ] as const)
    test(`count a GraphQL request that asks for ${what}`, async () => {
      const from = address();

      expect(await statuses(6, () => graphql(w, query, from))).toEqual([...Array<number>(5).fill(status), 429]);

      const refused = await graphql(w, query, from).expect(errorOf('rate_limit_exceeded'));
      expect(number(refused, 'retry-after')).toBeGreaterThan(500);
      expect(refused.body).toMatchObject({ errors: [{ extensions: { code: 'RATE_LIMITED', status_code: 429 } }] });
      // A token that is not valid is nobody's.
      const stranger = address();
      const call = (): request.Test => graphql(w, query, stranger).set('Authorization', 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.x');
      expect((await statuses(6, call))[5]).toBe(429);
    });

  test('count every login of one GraphQL request: aliases do not defeat the limit', async () => {
    const from = address();
    const one = (alias: string): string => `${alias}: login(email: "${acme.agent.user.email}", password: "${PASSWORD}") { access_token }`;

    const { body } = await graphql(w, `mutation { ${['a', 'b', 'c', 'd', 'e'].map(one).join(' ')} }`, from);

    const { data, errors } = body as { data: unknown; errors: { path: string[]; extensions: Record<string, unknown> }[] };
    const in_time = { access_token: expect.any(String) as string };
    expect(data).toEqual({ a: in_time, b: in_time, c: in_time, d: null, e: null });
    const refused = { code: 'RATE_LIMITED', error_code: 'rate_limit_exceeded', status_code: 429 };
    expect(errors).toMatchObject([
      { path: ['d'], extensions: refused },
      { path: ['e'], extensions: refused },
    ]);
    expect(errors[0].extensions.retry_after_seconds).toBeGreaterThan(0);
    // One count for both doors.
    expect(await statuses(1, () => login(w, from))).toEqual([429]);
  });

  if (store === 'redis')
    test('go on in memory while Redis is down, and in Redis when it is back', async () => {
      const from = address();
      expect(await statuses(3, () => login(w, from))).toEqual([401, 401, 401]);

      await redis?.stop();
      const down = address();
      expect(await statuses(4, () => login(w, down))).toEqual([401, 401, 401, 429]);
      const { body } = await request(w.base_url).get('/observability/health').expect(200);
      expect(body).toMatchObject({ status: 'degraded', checks: { redis: { status: 'unhealthy' } } });

      await redis?.restart();
      // The client comes back in its own time; what Redis had counted still holds then.
      for (let status = 0; status !== 429; status = (await login(w, from)).status) await new Promise((resolve) => setTimeout(resolve, 20));
      const healthy = async (): Promise<boolean> => {
        const { body } = await request(w.base_url).get('/observability/health');
        return (body as { status: string }).status === 'healthy';
      };
      while (!(await healthy())) await new Promise((resolve) => setTimeout(resolve, 50));
    });
});

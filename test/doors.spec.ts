import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import request from 'supertest';
import { Product } from './support/product';
import { until } from './support/sockets';
import { type World, PASSWORD, errorOf, testEnv, world, wrongField } from './support/world';

// What all doors share: one error shape, headers, limits, documents.

const ORIGIN = 'https://app.acme.example';

let w: World;
beforeEach(async () => {
  w = await world({ CORS_ORIGINS: ORIGIN });
});

const http = (): ReturnType<typeof request> => request(w.base_url);

describe('a body', () => {
  it('that is compressed is not read', async () => {
    await http()
      .post('/api/v1/auth/login')
      .set({ 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' })
      .serialize((zipped: unknown) => zipped as string)
      .send(gzipSync('{"a":1}'))
      .expect(415)
      .expect(errorOf('unsupported_media_type'));
  });

  it('of nobody we know is small', async () => {
    await http()
      .post('/api/v1/auth/login')
      .send({ email: 'x'.repeat(70_000) })
      .expect(413)
      .expect(errorOf('payload_too_large'));
    // Read, and too long for its room.
    await w.acme.admin.put('/organizations/me/settings', { mine: 'x'.repeat(70_000) }).expect(422);
  });

  it('has no more values than a room could ask for', async () => {
    const { body } = await w.acme.admin
      .put('/organizations/me/settings', { mine: Array(20_001).fill(0) })
      .expect(422)
      .expect(errorOf('validation_error'));

    expect(body).toMatchObject({ error: { details: [{ loc: ['body'], type: 'too_many' }] } });
    await w.acme.admin.put('/organizations/me/settings', { mine: Array(19_000).fill(0) }).expect(200);
  });

  it('that only trickles in is read within a bound, and keeps no small one out', async () => {
    const strangers = Array.from({ length: 40 }, () => {
      const socket = connect(Number(new URL(w.base_url).port), '127.0.0.1').setEncoding('latin1');
      const told = { text: '', socket };
      socket.on('data', (data) => (told.text += String(data))).on('error', () => undefined);
      const head = ['Host: localhost', 'Authorization: Bearer x', 'Content-Type: application/json', 'Content-Length: 1048000'];
      socket.write(`POST /api/v1/auth/login HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n`);
      socket.write(Buffer.alloc(1_047_000, 0x20));
      return told;
    });

    await until(() => strangers.some(({ text }) => text.startsWith('HTTP/1.1 503')), 'a refusal');
    await http().post('/api/v1/auth/login').send({ email: w.acme.agent.user.email, password: PASSWORD }).expect(200);
    await until(() => strangers.every(({ text }) => /^HTTP\/1\.1 (408|503)/.test(text)), 'an answer to all');
    await until(() => strangers.every(({ socket }) => socket.destroyed), 'the end of the connections');
    await w.acme.admin.put('/organizations/me/settings', { mine: 'x'.repeat(1_000_000) }).expect(422);
  });
});

describe('an error', () => {
  it('has one shape: a route there is not', async () => {
    const { body } = await w.acme.agent.get('/no-such-route').expect(404);

    expect(body).toEqual({
      error: { code: 404, message: expect.any(String) as string, type: 'http_error' },
      detail: (body as { error: { message: string } }).error.message,
      status_code: 404,
      error_code: 'not_found',
    });
    await http().get('/nowhere').expect(404).expect(errorOf('not_found'));
    await http().post('/api/v1/health').expect(404).expect(errorOf('not_found'));
  });

  it('has one shape: a body that is not JSON', async () => {
    const broken = w.acme.agent.post('/contacts').set('Content-Type', 'application/json').send('{"name": ');
    await broken.expect(400).expect(errorOf('invalid_json'));
  });

  it.each([
    ['a list', '[]'],
    ['a text', '"text"'],
    ['a number', '7'],
    ['null', 'null'],
  ])('refuses %s where an object belongs, and says so: it is JSON', async (_, raw) => {
    const { body } = await w.acme.agent.post('/contacts').set('Content-Type', 'application/json').send(raw).expect(422);

    expect(body).toMatchObject({ error_code: 'validation_error', error: { details: [{ loc: ['body'], msg: 'must be a JSON object' }] } });
  });

  it.each(['limit[]=3', 'limit%5B0%5D=3', 'status[in]=open'])('names the field of a query in brackets: %s', async (query) => {
    await w.acme.agent.get(`/conversations?${query}`).expect(wrongField('query', query.split(/\[|%5B/)[0]));
  });

  it('has one shape: a body over 1 MB', async () => {
    await w.acme.agent
      .post('/contacts', { name: 'x'.repeat(1_100_000) })
      .expect(413)
      .expect(errorOf('payload_too_large'));
    await http()
      .post('/graphql')
      .set('Authorization', `Bearer ${w.acme.agent.token}`)
      .send({ query: `{ me { id } } # ${'x'.repeat(1_100_000)}` })
      .expect(413)
      .expect(errorOf('payload_too_large'));
  });

  it('says that a body has to be JSON by its header', async () => {
    const body = JSON.stringify({ email: w.acme.agent.user.email, password: PASSWORD });
    const login = (type: string): request.Test => http().post('/api/v1/auth/login').set('Content-Type', type).send(body);

    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/octet-stream']) {
      const { body: answer } = await login(type).expect(415).expect(errorOf('unsupported_media_type'));
      expect((answer as { detail: string }).detail).toContain('Content-Type: application/json');
    }
    await login('application/json').expect(200);
  });

  it('refuses a subscription over HTTP as a query that is not valid', async () => {
    const { body } = await http().post('/graphql').send({ query: 'subscription { x }' });

    expect(body).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT', error_code: 'invalid_query', status_code: 400 } }] });
  });

  it.each(['57014', '55P03', '40001', '40P01'])('of a busy database (%s) says so, and that one may try again', async (code) => {
    await w.sql(`CREATE FUNCTION be_busy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'busy' USING ERRCODE = '${code}'; END $$`);
    await w.sql('CREATE TRIGGER be_busy BEFORE INSERT ON contacts FOR EACH ROW EXECUTE FUNCTION be_busy()');
    try {
      const { headers } = await w.acme.agent.post('/contacts', { whatsapp_id: '+5511987654321' }).expect(503).expect(errorOf('busy'));
      expect(headers['retry-after']).toBe('5');
    } finally {
      await w.sql('DROP FUNCTION be_busy CASCADE');
    }
    await w.acme.agent.post('/contacts', { whatsapp_id: '+5511987654321' }).expect(201);
  });

  it('names every wrong field, where it stands', async () => {
    const { body } = await w.acme.admin
      .post('/users', { email: 'no-address', role: 'king' })
      .expect(422)
      .expect(errorOf('validation_error'));
    const { error, detail } = body as { error: { type: string; details: { loc: string[]; msg: string; type: string }[] }; detail: unknown };

    expect(error.type).toBe('validation_error');
    expect(error.details.map(({ loc }) => loc.join('.')).sort()).toEqual(['body.email', 'body.full_name', 'body.role']);
    expect(error.details).toContainEqual({ loc: ['body', 'full_name'], msg: 'full_name is missing', type: 'missing' });
    expect(detail).toEqual(error.details);
    await w.acme.agent.get('/contacts/not-an-id').expect(wrongField('path', 'contact_id'));
    await w.acme.agent.get('/contacts?limit=0').expect(wrongField('query', 'limit'));
  });

  it('says in GraphQL what it says in REST', async () => {
    const { body: missing } = await w.acme.agent.graphql('{ contact(id: "019aa1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b") { id } }').expect(200);
    const { body: forbidden } = await w.acme.viewer.graphql('mutation { createContact(input: { whatsapp_id: "+5511987654321" }) { id } }');
    const { body: invalid } = await w.acme.agent.graphql('mutation { createContact(input: { whatsapp_id: "abc" }) { id } }');
    const { body: closed } = await w.guest.graphql('{ me { id } }');
    const { body: wrong } = await w.acme.agent.graphql('query ($id: ID!) { contact(id: $id) { id } }', { id: { a: 1 } });
    const { body: unreadable } = await w.acme.agent.graphql('{ me { no_such_field } }');

    const extensions = (body: unknown): object => (body as { errors: { extensions: object }[] }).errors[0].extensions;
    expect(extensions(missing)).toMatchObject({ code: 'NOT_FOUND', error_code: 'not_found', status_code: 404 });
    expect(extensions(forbidden)).toMatchObject({ code: 'FORBIDDEN', error_code: 'insufficient_role', status_code: 403 });
    expect(extensions(invalid)).toMatchObject({ code: 'BAD_USER_INPUT', status_code: 422 });
    expect((extensions(invalid) as { details: { loc: string[] }[] }).details[0].loc).toContain('whatsapp_id');
    expect(extensions(closed)).toMatchObject({ code: 'UNAUTHENTICATED', error_code: 'not_authenticated', status_code: 401 });
    expect(extensions(unreadable)).toMatchObject({ code: 'BAD_USER_INPUT', error_code: 'invalid_query', status_code: 400 });
    expect(extensions(wrong)).toMatchObject({ code: 'BAD_USER_INPUT', status_code: 422, details: [{ loc: ['variables', 'id'] }] });
    for (const body of [missing, forbidden, invalid, closed, wrong, unreadable])
      expect(JSON.stringify(body)).not.toMatch(/stack|node_modules|\.js:/);
  });

  it('calls what is not there as people do', async () => {
    const { body } = await w.acme.agent.get('/whatsapp/019aa1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b').expect(404);

    expect(body).toMatchObject({ detail: 'WhatsApp number not found' });
  });

  it('does each mutation of one GraphQL request by itself: one that fails ends neither the others nor their answers', async () => {
    const { body } = await w.acme.agent
      .graphql(
        `mutation {
          first: createContact(input: { whatsapp_id: "+5511987650001" }) { whatsapp_id }
          second: createContact(input: { whatsapp_id: "+5511987650001" }) { whatsapp_id }
          third: createContact(input: { whatsapp_id: "+5511987650003" }) { whatsapp_id }
        }`,
      )
      .expect(200);

    const { data, errors } = body as { data: unknown; errors: unknown };
    expect(data).toEqual({ first: { whatsapp_id: '+5511987650001' }, second: null, third: { whatsapp_id: '+5511987650003' } });
    expect(errors).toMatchObject([{ path: ['second'], extensions: { code: 'CONFLICT', error_code: 'contact_already_exists' } }]);
    const { body: found } = await w.acme.agent.get('/contacts?q=98765000').expect(200);
    expect(found).toMatchObject({ total: 2 });
  });
});

describe('a request', () => {
  it('keeps its id, or gets one', async () => {
    const kept = await http().get('/api/v1/ping').set('X-Request-ID', 'order-4711');
    expect(kept.headers['x-request-id']).toBe('order-4711');

    const failed = await http().get('/api/v1/contacts').set('X-Request-ID', 'order-4712').expect(401);
    expect(failed.headers['x-request-id']).toBe('order-4712');
    expect(failed.headers['www-authenticate']).toBe('Bearer');

    const made = await http().get('/api/v1/ping').set('X-Request-ID', 'x'.repeat(65));
    expect(made.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect((await http().get('/api/v1/no-such-route')).headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect((await http().post('/graphql').send({ query: '{ __typename }' })).headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('that is refused hears what would do', async () => {
    const bare = await http().get('/api/v1/contacts').set('Authorization', w.acme.agent.token).expect(401);
    expect(bare.body).toMatchObject({ detail: expect.stringContaining('Authorization: Bearer ACCESS_TOKEN') });

    const { body } = await w.acme.viewer.put('/organizations/me', { name: 'Mine' }).expect(403).expect(errorOf('insufficient_role'));
    expect(body).toMatchObject({ detail: expect.stringContaining('org_admin') });

    const { body: lost } = await http().get('/api/v1/no-such-route').expect(404);
    expect(lost).toMatchObject({ detail: expect.stringContaining('/api/v1/docs') });
  });

  it('may end in a slash', async () => {
    await http().get('/api/v1/health/').expect(200, { status: 'healthy' });
    await w.acme.agent.get('/contacts/').expect(200);
    await w.acme.agent.get('/users/me/').expect(200);
  });

  it('for a list gets an envelope, its total in a header, and never more than a hundred', async () => {
    for (const limit of ['1000000000', '101']) {
      const { body, headers } = await w.acme.agent.get(`/users?limit=${limit}`).expect(200);
      expect(body).toMatchObject({ total: 3, page: 1, page_size: 100, total_pages: 1 });
      expect(headers['x-total-count']).toBe('3');
    }
    const { body: second } = await w.acme.agent.get('/users?limit=2&page=2').expect(200);
    expect(second).toMatchObject({ total: 3, page: 2, page_size: 2, total_pages: 2 });
    expect((second as { items: unknown[] }).items).toHaveLength(1);
    await w.acme.agent.get('/users?limit=1.5').expect(wrongField('query', 'limit'));
    await w.acme.agent.get('/users?skip=-1').expect(wrongField('query', 'skip'));
    await w.acme.agent.get('/users?page=0').expect(wrongField('query', 'page'));
    await w.acme.agent.get('/users?sort=organization_id;drop table users').expect(wrongField('query', 'sort'));
    await w.acme.agent.get(`/users?search=${encodeURIComponent('%_\\\'" OR 1=1 --')}`).expect(200);
  });

  it('from a listed origin may read what scripts need, from another nothing', async () => {
    const { headers } = await http().get('/api/v1/health').set('Origin', ORIGIN);
    expect(headers['access-control-allow-origin']).toBe(ORIGIN);
    expect(headers['access-control-expose-headers']?.split(',').sort()).toEqual([
      'Deprecated',
      'Retry-After',
      'X-RateLimit-Limit',
      'X-RateLimit-Remaining',
      'X-RateLimit-Reset',
      'X-Request-ID',
      'X-Total-Count',
      'X-Trace-Id',
    ]);
    const preflight = await http().options('/api/v1/contacts').set('Origin', ORIGIN).set('Access-Control-Request-Method', 'POST');
    expect(preflight.status).toBe(204);
    expect(preflight.headers['access-control-allow-methods']).toContain('POST');

    const other = await http().get('/api/v1/health').set('Origin', 'https://evil.example');
    expect(other.headers['access-control-allow-origin']).toBeUndefined();
  });

  it('is answered with the headers a browser is protected by', async () => {
    for (const path of ['/api/v1/health', '/', '/api/v1/no-such-route', '/graphql']) {
      const { headers } = await http().get(path);
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['x-frame-options']).toBe('SAMEORIGIN');
      expect(headers['referrer-policy']).toBe('no-referrer');
      expect(headers['content-security-policy']).toContain("default-src 'self'");
      expect(headers['x-powered-by']).toBeUndefined();
    }
  });

  it('that is no HTTP at all ends in a 400, not in silence', async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      const { hostname, port } = new URL(w.base_url);
      const socket = connect(Number(port), hostname, () => socket.write('HELLO PYTAKE\r\n\r\n'));
      let text = '';
      socket.on('data', (data) => (text += data.toString()));
      socket.on('close', () => resolve(text));
      socket.on('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('general', () => {
  it('health says exactly that it is', async () => {
    const { text, headers } = await http().get('/api/v1/health').expect(200);
    expect(text).toBe('{"status":"healthy"}');
    expect(headers['x-ratelimit-limit']).toBeUndefined();
    await http().get('/api/v1/ping').expect(200, { message: 'pong' });
  });

  it('leads from the start page to what there is', async () => {
    const { text } = await http().get('/').expect(200).expect('Content-Type', /html/);
    const links = [...text.matchAll(/<a href="([^"]+)"/g)].map(([, link]) => link);

    expect(links).toEqual(
      expect.arrayContaining([
        '/api/v1/docs',
        '/api/v1/redoc',
        '/api/v1/realtime',
        '/api/v1/errors',
        '/graphql',
        '/api/v1/openapi.json',
        '/observability/health',
      ]),
    );
    // The simulator's page is the embedded profile's.
    for (const link of links.filter((link) => link !== '/simulator')) await http().get(link).expect(200);
  });
});

describe('the documents', () => {
  it.each([
    ['/api/v1/docs', /swagger-ui/i],
    ['/api/v1/redoc', /redoc/],
    ['/graphql', /altair/i],
    ['/graphql/playground', /altair/i],
  ])('%s is a page, and all it loads comes from here', async (path, content) => {
    const { text } = await http().get(path).set('Accept', 'text/html').expect(200).expect('Content-Type', /html/);

    expect(text).toMatch(content);
    const loaded = [...text.matchAll(/<(?:script|link|img)[^>]+(?:src|href)="([^"]+)"/g)].map(([, url]) => url);
    const base = /<base href="([^"]+)"/.exec(text)?.[1] ?? path;
    expect(loaded.filter((url) => /^(https?:)?\/\//.test(url))).toEqual([]);
    for (const url of loaded.filter((url) => !url.startsWith('data:')).slice(0, 6))
      await http()
        .get(new URL(url, new URL(base, w.base_url)).pathname)
        .expect(200);
  });

  it('openapi.json describes this API', async () => {
    const { body } = await http().get('/api/v1/openapi.json').expect(200).expect('Content-Type', /json/);
    const { openapi, info, paths } = body as { openapi: string; info: { title: string }; paths: object };
    expect(openapi).toMatch(/^3\./);
    expect(info.title).toBe('PyTake');
    expect(Object.keys(paths).length).toBeGreaterThan(50);
  });
});

describe('GraphQL', () => {
  const errors = (body: unknown): string[] => ((body as { errors?: { message: string }[] }).errors ?? []).map(({ message }) => message);

  it('answers queries by POST and by GET, not mutations by GET', async () => {
    const { body } = await w.acme.agent.graphql('{ me { email } }').expect(200);
    expect(body).toEqual({ data: { me: { email: w.acme.agent.user.email } } });

    const asked = await http()
      .get('/graphql')
      .query({ query: '{ me { email } }' })
      .set('Authorization', `Bearer ${w.acme.agent.token}`)
      .set('Apollo-Require-Preflight', 'true');
    expect(asked.body).toEqual({ data: { me: { email: w.acme.agent.user.email } } });

    const changed = await http()
      .get('/graphql')
      .query({ query: 'mutation { logout { success } }' })
      .set('Authorization', `Bearer ${w.acme.agent.token}`)
      .set('Apollo-Require-Preflight', 'true');
    expect(changed.status).toBe(405);
    await w.acme.agent.get('/users/me').expect(200);
  });

  it('takes ten levels, also through fragments, and no more', async () => {
    const introspective = (levels: number): string =>
      `{ __type(name: "User") ${'{ fields { type '.repeat(levels)}{ name }${' } }'.repeat(levels)} }`;
    const deep = (levels: number): string => `{ me ${'{ me '.repeat(levels - 2)}{ id }${' }'.repeat(levels - 2)} }`;

    expect(errors((await w.acme.agent.graphql(deep(10))).body).join()).not.toContain('levels deep');
    expect(errors((await w.acme.agent.graphql(deep(11))).body).join()).toContain('at most 10 levels deep');
    expect(errors((await w.acme.agent.graphql(deep(20))).body).join()).toContain('at most 10 levels deep');
    const fragments =
      'query { me { ...a } } fragment a on User { b { c { d { ...e } } } } fragment e on User { f { g { h { i { j { k { id } } } } } } }';
    expect(errors((await w.acme.agent.graphql(fragments)).body).join()).toContain('at most 10 levels deep');
    const circle = 'query { me { ...a } } fragment a on User { id ...b } fragment b on User { id ...a }';
    expect(errors((await w.acme.agent.graphql(circle)).body).join()).toMatch(/fragment/i);
    // Introspection is not data: its own depth is the tools' business.
    expect(errors((await w.acme.agent.graphql(introspective(1))).body)).toEqual([]);
  });

  it('takes thirty aliases and no more', async () => {
    const aliases = (count: number): string => `{ ${Array.from({ length: count }, (_, n) => `a${n}: me { id }`).join(' ')} }`;

    expect(errors((await w.acme.agent.graphql(aliases(30))).body)).toEqual([]);
    expect(errors((await w.acme.agent.graphql(aliases(31))).body).join()).toContain('at most 30 aliases');
  });

  it('caps the page of a list', async () => {
    const { body } = await w.acme.agent.graphql('{ users(limit: 1000000000) { id } }').expect(200);
    expect((body as { data: { users: unknown[] } }).data.users).toHaveLength(3);
  });

  it('shows its schema here', async () => {
    const { body } = await w.guest.graphql('{ __schema { queryType { name } } }').expect(200);
    expect(body).toEqual({ data: { __schema: { queryType: { name: 'Query' } } } });
  });
});

const DOCUMENTS = ['docs', 'redoc', 'openapi.json', 'asyncapi.json', 'realtime', 'errors'].map((name) => `/api/v1/${name}`);

describe.each<[string, Record<string, string>]>([
  ['production', { NODE_ENV: 'production' }],
  ['DOCS_ENABLED=false', { DOCS_ENABLED: 'false' }],
])('with %s', (_, env) => {
  it('there are no documents', async () => {
    // A process of its own: Passport is one per process.
    const product = await Product.start({
      ...testEnv(w.env.DATABASE_OWNER_URL, w.env.DATA_DIR),
      PUBLIC_BASE_URL: 'https://pytake.example',
      LOG_LEVEL: 'warn',
      ...env,
    });
    try {
      const of = request(product.url);
      for (const path of [...DOCUMENTS, '/graphql/playground', '/api/v1/docs-json'])
        await of.get(path).expect(404).expect(errorOf('not_found'));
      // What is not there is not named either.
      for (const path of ['/api/v1/no-such-route', '/graphql/no-such-page'])
        expect((await of.get(path).expect(404)).body).toMatchObject({ detail: 'No such route.' });
      expect((await of.get('/graphql').set('Accept', 'text/html')).text).not.toMatch(/altair/i);
      await of.get('/api/v1/health').expect(200, { status: 'healthy' });

      const { body } = await of.post('/graphql').send({ query: '{ __schema { queryType { name } } }' });
      if (env.NODE_ENV === 'production') expect(JSON.stringify(body)).toMatch(/introspection/i);
      else expect(body).toEqual({ data: { __schema: { queryType: { name: 'Query' } } } });
    } finally {
      await product.stop();
    }
  });
});

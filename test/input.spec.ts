import request from 'supertest';
import { rawOf, socketOf, until } from './support/sockets';
import { type Person, type World, errorOf, world, wrongField } from './support/world';

/** JSON nested `levels` deep, as text: no serialiser of ours makes it. */
const nested = (levels: number): string => `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`;
const lists = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

const NUL = 'a\u0000b';
const HALF = 'a\ud800b';
const ZONES_OF_INTL_ALONE = ['Canada/East-Saskatchewan', 'SystemV/PST8PDT', 'IST'];

let w: World;

beforeAll(async () => {
  w = await world();
});

/** A body as it stands, not made by a serialiser. */
const sent = (who: Person, method: 'post' | 'put', path: string, body: string, type = 'application/json'): request.Test =>
  request(w.base_url)[method](`/api/v1${path}`).set('Authorization', `Bearer ${who.token}`).set('Content-Type', type).send(body);

const mistakes = (body: unknown): { extensions: Record<string, unknown> }[] =>
  (body as { errors?: { extensions: Record<string, unknown> }[] }).errors ?? [];

describe('nesting', () => {
  it.each([33, 2_500, 100_000])('of %i levels is refused, and the place named', async (levels) => {
    for (const [method, path, body] of [
      ['post', '/contacts', `{"whatsapp_id":"+5511987654321","attributes":${nested(levels)}}`],
      ['put', '/organizations/me/settings', `{"mine":${nested(levels)}}`],
      ['post', '/whatsapp/send-template', `{"to":"+5511987654321","template_name":"x","components":${lists(levels)}}`],
      ['post', '/conversations', `{"initial_message":${nested(levels)}}`],
    ] as const) {
      const { body: answer } = await sent(w.acme.admin, method, path, body).expect(422).expect(errorOf('validation_error'));
      const [detail] = (answer as { error: { details: { loc: (string | number)[]; type: string }[] } }).error.details;
      expect(detail).toMatchObject({ type: 'too_deep' });
      expect(detail.loc).toHaveLength(33);
      expect(detail.loc[0]).toBe('body');
    }
  });

  it('of 32 levels is taken', async () => {
    await sent(w.acme.admin, 'put', '/organizations/me/settings', `{"mine":${nested(31)}}`).expect(200);
  });

  it('is refused in variables and literals of GraphQL', async () => {
    const create = 'mutation ($input: ContactCreateInput!) { createContact(input: $input) { id } }';
    const variables = `{"input":{"whatsapp_id":"+5511987654321","attributes":${nested(2_500)}}}`;
    const byVariable = await request(w.base_url)
      .post('/graphql')
      .set('Authorization', `Bearer ${w.acme.agent.token}`)
      .set('Content-Type', 'application/json')
      .send(`{"query":${JSON.stringify(create)},"variables":${variables}}`);
    const literal = `${'{a:'.repeat(40)}1${'}'.repeat(40)}`;
    const byLiteral = await w.acme.agent.graphql(
      `mutation { createContact(input: { whatsapp_id: "+5511987654321", attributes: ${literal} }) { id } }`,
    );

    expect(mistakes(byVariable.body)).toHaveLength(1);
    expect(mistakes(byVariable.body)[0].extensions).toMatchObject({ status_code: 422, details: [{ type: 'too_deep' }] });
    // The document itself is the door's to weigh.
    expect(mistakes(byLiteral.body)).toHaveLength(1);
    expect(mistakes(byLiteral.body)[0].extensions).toMatchObject({ status_code: 400, error_code: 'query_too_complex' });
  });

  it('is refused on sockets', async () => {
    const raw = await rawOf(w.acme.agent);
    const socket = await socketOf(w.acme.agent);

    raw.ws.send(`{"type":"subscribe","channels":${lists(20_000)}}`);
    expect(await raw.hear('error')).toMatchObject({ error_code: 'validation_error' });
    expect(await socket.ask('subscribe', { channels: JSON.parse(lists(40)) as unknown[] })).toMatchObject({
      ok: false,
      error_code: 'validation_error',
    });
  });
});

describe('a field named as what every object has', () => {
  it.each(['constructor', '__proto__', 'prototype', 'toString'])('%s is refused at every door, and the place named', async (name) => {
    const odd = `{"${name}":"x"}`;
    const { agent, admin } = w.acme;
    await sent(w.guest, 'post', '/auth/login', `{"email":${odd},"password":"x"}`).expect(wrongField('body', 'email', name));
    await sent(agent, 'post', '/auth/login', `{"email":"a@acme.example","password":"x","${name}":{}}`).expect(wrongField(name));
    await sent(agent, 'post', '/contacts', `{"whatsapp_id":"+5511987654321","attributes":{"a":[${odd}]}}`).expect(
      wrongField('body', 'attributes', 'a', 0, name),
    );
    await sent(agent, 'put', '/users/me', `{"preferences":${odd}}`).expect(wrongField('body', 'preferences', name));
    await sent(admin, 'put', '/organizations/me/settings', `{"mine":${odd}}`).expect(wrongField('body', 'mine', name));

    const create = 'mutation ($input: ContactCreateInput!) { createContact(input: $input) { id } }';
    const byVariable = await request(w.base_url)
      .post('/graphql')
      .set('Authorization', `Bearer ${agent.token}`)
      .set('Content-Type', 'application/json')
      .send(`{"query":${JSON.stringify(create)},"variables":{"input":{"whatsapp_id":"+5511987654321","attributes":${odd}}}}`);
    const byLiteral = await agent.graphql(
      `mutation { createContact(input: { whatsapp_id: "+5511987654321", attributes: { ${name}: "x" } }) { id } }`,
    );
    for (const { body } of [byVariable, byLiteral])
      expect(mistakes(body)[0].extensions).toMatchObject({ status_code: 422, details: [{ type: 'reserved_name' }] });

    const raw = await rawOf(agent);
    raw.ws.send(`{"type":"subscribe","channels":[${odd}]}`);
    expect(await raw.hear('error')).toMatchObject({ error_code: 'validation_error' });
    const socket = await socketOf(agent);
    expect(await socket.ask('subscribe', { channels: [JSON.parse(odd)] })).toMatchObject({ ok: false, error_code: 'validation_error' });
  });
});

describe('an address of the web', () => {
  it.each(['http://user:pw@host.example/a.png', 'https://host.example/\u202egnp.exe', 'https://host.example/a\u200bb'])(
    '%j is refused: a login, or what the eye does not see',
    async (avatar_url) => {
      await w.acme.agent.put('/users/me', { avatar_url }).expect(wrongField('avatar_url'));
    },
  );
});

describe('a channel', () => {
  it('is text, whatever the socket', async () => {
    const raw = await rawOf(w.acme.agent);
    const socket = await socketOf(w.acme.agent);

    for (const type of ['subscribe', 'unsubscribe']) {
      const heard = raw.all('error').length;
      raw.send({ type, channels: [{ toString: null }] });
      await until(() => raw.all('error').length > heard);
      expect(raw.all('error').at(-1)).toMatchObject({ error_code: 'validation_error' });
      expect(await socket.ask(type, { channels: [{ toString: null }] })).toMatchObject({ ok: false, error_code: 'validation_error' });
    }
  });
});

describe('text that cannot be stored', () => {
  it.each([
    ['U+0000', NUL],
    ['half a surrogate pair', HALF],
  ])('%s is refused in every body, and the place named', async (_, text) => {
    const { admin } = w.acme;
    await admin.post('/contacts', { whatsapp_id: '+5511987654321', name: text }).expect(wrongField('name'));
    await admin
      .post('/contacts', { whatsapp_id: '+5511987654321', attributes: { list: [text] } })
      .expect(wrongField('body', 'attributes', 'list', 0));
    await admin
      .post('/contacts', { whatsapp_id: '+5511987654321', attributes: { [text]: 1 } })
      .expect(wrongField('body', 'attributes', text));
    await admin.put('/organizations/me/settings', { mine: { note: text } }).expect(wrongField('body', 'mine', 'note'));
    await admin
      .post('/whatsapp/send-template', { to: '+5511987654321', template_name: 'x', parameters: [text] })
      .expect(wrongField('body', 'parameters', 0));
    await admin
      .post('/whatsapp/send-template', { to: '+5511987654321', template_name: 'x', header_parameters: { 1: text } })
      .expect(wrongField('body', 'header_parameters', '1'));
    await admin.post('/conversations', { contact_phone: '+5511987654321', initial_message: text }).expect(wrongField('initial_message'));
    await w.guest.post('/auth/login', { email: text, password: text }).expect(wrongField('email'));
  });

  it('is refused in forms, queries, paths and file names', async () => {
    const { agent } = w.acme;
    await sent(agent, 'post', '/contacts', 'whatsapp_id=%2B5511987654321&name=a%00b', 'application/x-www-form-urlencoded').expect(
      wrongField('name'),
    );
    await agent.get('/contacts?search=a%00b').expect(wrongField('query', 'search'));
    await agent.get('/whatsapp/messages?message_type=a%00b').expect(wrongField('query', 'message_type'));
    await agent.get('/contacts/a%00b').expect(wrongField('path', 'contact_id'));
    await agent.get(`/whatsapp/${w.acme.id}/templates/a%00b`).expect(wrongField('path', 'template_id'));
    const form =
      '--x\r\nContent-Disposition: form-data; name="file"; filename*=UTF-8\'\'a%00b.txt\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x--\r\n';
    await sent(agent, 'post', '/whatsapp/media', form, 'multipart/form-data; boundary=x').expect(wrongField('file'));
  });

  it('is refused in variables and literals of GraphQL', async () => {
    const search = 'query ($search: String) { contacts(search: $search) { id } }';
    const answers = [
      await w.acme.agent.graphql(search, { search: NUL }),
      await w.acme.agent.graphql('{ contacts(search: "a\\u0000b") { id } }'),
      await w.acme.agent.graphql('query ($search: String = "a\\u0000b") { contacts(search: $search) { id } }'),
      await request(w.base_url)
        .get('/graphql')
        .query({ query: search, variables: JSON.stringify({ search: NUL }) })
        .set('Authorization', `Bearer ${w.acme.agent.token}`)
        .set('Apollo-Require-Preflight', 'true'),
    ];

    for (const { body } of answers)
      expect(mistakes(body)[0].extensions).toMatchObject({
        code: 'BAD_USER_INPUT',
        error_code: 'validation_error',
        status_code: 422,
        details: [{ type: 'string_unicode' }],
      });
  });

  it('that only looks unusual is taken', async () => {
    const [name, attributes] = ['Ñandú 😀 👩\u200d👧 می\u200cشود', { note: 'a\u2028b \ufeff \u202e' }];
    const { body } = await w.acme.agent.post('/contacts', { whatsapp_id: '+5511987650001', name, attributes }).expect(201);
    expect(body).toMatchObject({ name, attributes });
  });
});

describe('a page', () => {
  it.each(['1e20', '1e300', '9223372036854775808', '100000001'])('does not begin at %s', async (number) => {
    for (const list of ['/contacts', '/users', '/conversations', '/whatsapp', '/whatsapp/messages']) {
      await w.acme.agent.get(`${list}?skip=${number}`).expect(wrongField('query', 'skip'));
      await w.acme.agent.get(`${list}?offset=${number}`).expect(wrongField('query', 'skip'));
      await w.acme.agent.get(`${list}?page=${number}&limit=100`).expect(wrongField('query', 'page'));
    }
  });

  it('far behind the last one is empty', async () => {
    const { body } = await w.acme.agent.get('/contacts?page=1000000&limit=100').expect(200);
    expect(body).toMatchObject({ items: [], page: 1_000_000 });
  });
});

describe('a time', () => {
  const PERIODS = [
    ['/contacts', 'created_from', 'created_to'],
    ['/conversations', 'from', 'to'],
    ['/whatsapp/messages', 'from', 'to'],
  ] as const;

  it.each([
    '2024-02-30',
    '2023-02-29',
    '2024-W05',
    '2024-W05-1',
    '2024-032',
    '2024',
    '20240201',
    '2024-13-01',
    '2024-02-01T25:00:00Z',
    '2024-02-01T10:00:00',
    '0000-01-01',
    '+010000-01-01',
  ])('is not %s', async (time) => {
    for (const [list, from, to] of PERIODS)
      for (const field of [from, to])
        await w.acme.agent
          .get(list)
          .query({ [field]: time })
          .expect(wrongField('query', field));
    await w.acme.agent.get('/whatsapp/messages').query({ before: time }).expect(wrongField('query', 'before'));
  });

  it('is a day or an instant', async () => {
    for (const [list, from, to] of PERIODS)
      for (const [start, end] of [
        ['2024-02-29', '2024-02-29'],
        ['2024-02-29T10:00Z', '2024-02-29T10:00:00.123456Z'],
        ['2024-02-29T10:00:00-03:00', '2024-02-29'],
      ])
        await w.acme.agent
          .get(list)
          .query({ [from]: start, [to]: end })
          .expect(200);
  });

  it('that ends a period before it begins is refused', async () => {
    for (const [list, from, to] of PERIODS)
      for (const [start, end] of [
        ['2024-03-01', '2024-02-29'],
        ['2024-02-29T10:00:01Z', '2024-02-29T10:00:00Z'],
        ['2024-02-29T10:00:00-03:00', '2024-02-29T10:00:00Z'],
        ['2024-03-05', '2024-02-29T10:00:00Z'],
      ])
        await w.acme.agent
          .get(list)
          .query({ [from]: start, [to]: end })
          .expect(wrongField('query', to));
  });

  it('of a day ends with it, in the time zone of the organization', async () => {
    const { organization, sql } = await world();
    const { id, agent } = await organization('Tokyo');
    await agent.post('/contacts', { whatsapp_id: '+5511987654321' }).expect(201);
    await sql(`UPDATE contacts SET created_at = '2026-03-02T14:59:00Z' WHERE organization_id = $1`, [id]);
    await sql(`UPDATE organizations SET settings = '{"timezone": "Asia/Tokyo"}' WHERE id = $1`, [id]);
    const on = async (day: string): Promise<number> =>
      ((await agent.get(`/contacts?created_from=${day}&created_to=${day}`).expect(200)).body as { total: number }).total;

    expect([await on('2026-03-01'), await on('2026-03-02'), await on('2026-03-03')]).toEqual([0, 1, 0]);
  });
});

describe('an id', () => {
  it('is not 36 dashes', async () => {
    const dashes = '-'.repeat(36);
    await w.acme.agent.get(`/conversations?assigned_to=${dashes}`).expect(wrongField('query', 'assigned_to'));
    await w.acme.agent.get(`/contacts/${dashes}`).expect(wrongField('path', 'contact_id'));
    await w.acme.agent.get(`/conversations?assigned_to=${w.acme.agent.user.id}`).expect(200);
    for (const word of ['me', 'none']) await w.acme.agent.get(`/conversations?assigned_to=${word}`).expect(200);

    const { body } = await w.acme.agent.graphql(`{ conversations(assigned_to: "${dashes}") { id } }`);
    expect(mistakes(body)[0].extensions).toMatchObject({ code: 'BAD_USER_INPUT', status_code: 422 });
  });
});

describe('items', () => {
  it.each([
    ['/whatsapp/send-contact', { contacts: [[]] }, 'contacts'],
    ['/whatsapp/send-contact', { contact: [] }, 'contact'],
    ['/whatsapp/send-buttons', { message: 'x', buttons: [[]] }, 'buttons'],
    ['/whatsapp/send-list', { body: 'x', button_text: 'x', sections: [[]] }, 'sections'],
  ])('are objects at %s: %j', async (path, input, field) => {
    await w.acme.agent.post(path, { to: '+5511987654321', ...input }).expect(wrongField(field));
  });

  it.each([
    [{ message_type: 'contacts', contacts: [[]] }, ['contacts']],
    [{ message_type: 'location', location: [] }, ['location']],
    [{ message_type: 'template', template: [] }, ['template']],
    [{ message_type: 'interactive', interactive: [] }, ['interactive']],
    [{ interactive: { kind: 'list', body: 'x', button_text: 'x', sections: [{ rows: [[]] }] } }, ['interactive', 'sections', 0, 'rows']],
  ])('are objects in a message: %j', async (input, loc) => {
    await w.acme.agent
      .post('/conversations', { contact_phone: '+5511987654321', initial_message: input })
      .expect(wrongField('body', ...loc));
  });
});

describe('a time zone', () => {
  it.each(ZONES_OF_INTL_ALONE)('is not %s, which PostgreSQL does not compute with', async (timezone) => {
    const { admin } = w.acme;
    await admin.put('/organizations/me/settings', { timezone }).expect(wrongField('timezone'));
    await admin.put('/users/me', { timezone }).expect(wrongField('timezone'));
    const { body } = await admin.graphql('mutation ($input: UserSelfUpdateInput!) { updateMe(input: $input) { id } }', {
      input: { timezone },
    });
    expect(mistakes(body)[0].extensions).toMatchObject({ status_code: 422 });
    await admin.get('/organizations/me').expect(200);
  });

  it('is one of the world, however it is written', async () => {
    for (const timezone of ['America/Sao_Paulo', 'america/noronha', 'Asia/Kolkata', 'UTC'])
      await w.globex.admin.put('/organizations/me/settings', { timezone }).expect(200);
  });

  it('that is kept and cannot be computed with counts as the default', async () => {
    const { organization, sql } = await world();
    const { id, admin } = await organization();
    await sql(`UPDATE organizations SET settings = '{"timezone": "Canada/East-Saskatchewan"}' WHERE id = $1`, [id]);

    const { body } = await admin.get('/organizations/me').expect(200);
    expect(body).toMatchObject({ settings: { timezone: 'America/Sao_Paulo' } });
    await admin.get('/contacts?created_from=2026-01-01').expect(200);
    await admin.get('/conversations?from=2026-01-01').expect(200);
  });
});

describe('a value of another kind', () => {
  it('is told so before it is measured', async () => {
    const { admin } = w.acme;
    const told = async (path: string, body: object): Promise<string> =>
      ((await admin.post(path, body).expect(422)).body as { error: { message: string } }).error.message;

    expect(await told('/queues', { name: 'Caixa', sla_minutes: 'cinco' })).toMatch('sla_minutes must be an integer');
    expect(await told('/contacts/tags', { name: ['feira'] })).toBe('body.name: name must be a string');
    const { body } = await admin.get('/contacts?limit=dez').expect(422);
    expect(body).toMatchObject({ error: { message: 'query.limit: limit must be an integer number' } });
    await admin.get('/contacts?limit=0').expect(422).expect(errorOf('validation_error'));
  });
});

describe('a variable of GraphQL', () => {
  const asked = async (query: string, variables: object): Promise<unknown> => (await w.acme.agent.graphql(query, variables)).body;

  it('of another type than the query says is a mistake with a place, as in a body', async () => {
    const create = 'mutation ($input: ContactCreateInput!) { createContact(input: $input) { id } }';
    const wrong: [query: string, variables: object, loc: (string | number)[], type: string][] = [
      ['query ($n: Int) { contacts(limit: $n) { id } }', { n: 'ten' }, ['n'], 'wrong_type'],
      ['query ($id: ID!) { contact(id: $id) { id } }', {}, ['id'], 'missing'],
      ['query ($id: ID!) { contact(id: $id) { id } }', { id: null }, ['id'], 'wrong_type'],
      [create, { input: { lead_score: 'high' } }, ['input', 'lead_score'], 'wrong_type'],
      [create, { input: { no_such_field: 1 } }, ['input', 'no_such_field'], 'wrong_type'],
      [
        `mutation ($id: ID!, $cards: [CardInput!]) { sendMessage(conversation_id: $id, contacts: $cards) { id } }`,
        { id: w.acme.id, cards: [{ name: 'Ana', phone: '+5511987654321' }, { name: 'Bia' }] },
        ['cards', 1, 'phone'],
        'missing',
      ],
    ];
    for (const [query, variables, loc, type] of wrong)
      expect(await asked(query, variables)).toMatchObject({
        errors: [{ extensions: { error_code: 'validation_error', status_code: 422, details: [{ loc: ['variables', ...loc], type }] } }],
      });
  });

  it('with many mistakes is told of ten', async () => {
    const cards = Array.from({ length: 15_000 }, () => 1);
    const query = 'mutation ($id: ID!, $cards: [CardInput!]) { sendMessage(conversation_id: $id, contacts: $cards) { id } }';
    const { errors } = (await asked(query, { id: w.acme.id, cards })) as { errors: { extensions: { details: unknown[] } }[] };
    expect(errors[0].extensions.details).toHaveLength(10);
  });

  it('that is null narrows nothing', async () => {
    const { organization } = await world();
    const { agent } = await organization();
    await agent.post('/contacts', { whatsapp_id: '+5511987654321', name: 'Ana' }).expect(201);

    const query = `query ($text: String, $id: ID, $flag: Boolean, $n: Int) {
      contacts(search: $text, assigned_agent_id: $id, is_vip: $flag, skip: $n, limit: $n, page: $n, sort: $text) { name }
      contacts_count(source: $text, created_from: $text)
      users(role: $text, department_id: $id, is_active: $flag) { id }
      whatsapp_numbers(status: $text, is_active: $flag) { id }
    }`;
    const { body } = await agent.graphql(query, { text: null, id: null, flag: null, n: null });
    expect(body).toMatchObject({ data: { contacts: [{ name: 'Ana' }], contacts_count: 1, users: [{}, {}, {}], whatsapp_numbers: [] } });
  });
});

describe('a filter', () => {
  it('is the same in GraphQL, in a list and in its count', async () => {
    const { organization, sql } = await world();
    const { id, agent } = await organization();
    for (const [whatsapp_id, source] of [
      ['+5511987654321', 'fair'],
      ['+5511987654322', 'fair'],
      ['+5511987654323', 'site'],
    ])
      await agent.post('/contacts', { whatsapp_id, source }).expect(201);
    await sql(`UPDATE contacts SET created_at = '2026-03-02T12:00:00Z' WHERE organization_id = $1 AND whatsapp_id = '+5511987654321'`, [
      id,
    ]);

    const { body } = await agent.graphql(`{
      contacts(created_to: "2026-03-02") { whatsapp_id }
      contacts_count(source: "fair", created_from: "2026-03-03")
    }`);
    expect(body).toMatchObject({ data: { contacts: [{ whatsapp_id: '+5511987654321' }], contacts_count: 1 } });
  });
});

describe('X-Organization-Id', () => {
  const UNKNOWN = '019aa1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b';

  it('of a super admin names an organization that is there', async () => {
    const root = await w.superAdmin();
    await root.get('/contacts').set('X-Organization-Id', 'acme').expect(422).expect(wrongField('header', 'X-Organization-Id'));
    await root.get('/contacts').set('X-Organization-Id', '').expect(wrongField('header', 'X-Organization-Id'));
    await root.get('/contacts').set('X-Organization-Id', UNKNOWN).expect(404).expect(errorOf('not_found'));
    await root.get('/contacts').set('X-Organization-Id', w.acme.id.toUpperCase()).expect(200);

    const { body } = await root.graphql('{ contacts { id } users { id } }').set('X-Organization-Id', UNKNOWN);
    expect(mistakes(body)[0].extensions).toMatchObject({ code: 'NOT_FOUND', status_code: 404 });
  });

  it('of anybody else is nothing', async () => {
    await w.acme.admin.get('/contacts').set('X-Organization-Id', 'acme').expect(200);
    await w.acme.admin.get('/contacts').set('X-Organization-Id', UNKNOWN).expect(200);
  });
});

import { setTimeout as sleep } from 'node:timers/promises';
import { GraphQLSchemaHost } from '@nestjs/graphql';
import { getIntrospectionQuery } from 'graphql';
import type { Pool } from 'pg';
import request from 'supertest';
import { Database } from '#database/database';
import { GraphqlDocuments } from './support/graphql-documents';
import { Inbox } from './support/inbox';
import { officialNumber } from './support/official-number';
import { Product } from './support/product';
import { type World, errorOf, testEnv, world } from './support/world';

interface Answer {
  data?: Record<string, unknown> | null;
  errors?: { message: string; extensions: { code: string; error_code: string; status_code: number; details?: { loc: string[] }[] } }[];
}

let w: World;
beforeEach(async () => {
  w = await world();
});

/** Each fragment spreads the next one twice: 2^levels when every spread is followed. */
const bomb = (levels: number): string =>
  `{ ...F0 } ${Array.from({ length: levels }, (_, n) => `fragment F${n} on Query { ...F${n + 1} ...F${n + 1} }`).join(' ')} fragment F${levels} on Query { me { id } }`;

/** For `.expect(refused(...))`: 400 before anything ran, in the shape of both doors. */
function refused(words: string): (response: request.Response) => void {
  return (response) => {
    errorOf('query_too_complex')(response);
    const { errors, data } = response.body as Answer;
    expect(response.status).toBe(400);
    expect(data).toBeUndefined();
    expect(errors).toMatchObject([
      {
        message: expect.stringContaining(words) as string,
        extensions: { code: 'BAD_USER_INPUT', error_code: 'query_too_complex', status_code: 400 },
      },
    ]);
  };
}

const INBOX = `
  query Inbox($limit: Int = 50, $last: Int) {
    me { id full_name role organization { id name } }
    conversations(limit: $limit, status: "open,pending", sort: "last_message_at:desc") {
      id status priority tags unread_count last_message_at is_window_open requires_template is_queued window_expires_at created_at
      contact { ...Person }
      whatsapp_number { id display_name phone_number }
      current_agent { id full_name }
      last_message { ...Said }
      messages(limit: $last) { ...Said }
    }
    conversations_count(status: "open,pending")
    whatsapp_numbers { id display_name phone_number is_active }
    users(limit: 50) { id full_name is_online agent_status }
  }
  fragment Person on ConversationContact { id display_name whatsapp_id avatar_url is_vip is_blocked }
  fragment Said on Message { id content message_type direction status created_at sender_type payload }`;

describe('a GraphQL document', () => {
  it.each(['development', 'production'])('whose fragments multiply is answered at once, without a login, in %s', async (NODE_ENV) => {
    const product = await Product.start({
      ...testEnv(w.env.DATABASE_OWNER_URL, w.env.DATA_DIR),
      PUBLIC_BASE_URL: 'https://pytake.example',
      LOG_LEVEL: 'warn',
      NODE_ENV,
    });
    try {
      // Followed spread by spread the larger would take years.
      await request(product.url)
        .post('/graphql')
        .send({ query: bomb(25) })
        .expect(400)
        .expect(refused('fields at its root'));
      await request(product.url)
        .post('/graphql')
        .send({ query: bomb(28) })
        .expect(400)
        .expect(refused('fields at its root'));
      await request(product.url).get('/api/v1/health').expect(200);

      const { body } = await request(product.url)
        .post('/graphql')
        .send({ query: '{ conversation(id: "x") { statuss } mee { id } }' })
        .expect(400);
      const { body: input } = await request(product.url)
        .post('/graphql')
        .send({
          query: 'mutation ($input: RegisterInput!) { register(input: $input) { message } }',
          variables: { input: { email: 'ana@padaria.example', password: 'pão-de-queijo-1', fullname: 'Ana' } },
        });
      const told = /did you mean/i.test(JSON.stringify([body, input]));
      expect(told).toBe(NODE_ENV === 'development');
    } finally {
      await product.stop();
    }
  });

  it('that could answer too much is refused before any resolver', async () => {
    const threads = Array.from({ length: 30 }, (_, n) => `a${n}: messages(limit: 100) { id content }`).join(' ');

    await w.acme.viewer.graphql(`{ conversations(limit: 100) { ${threads} } }`).expect(refused('limit'));
    await w.guest.graphql(`{ conversations(limit: 100) { ${threads} } }`).expect(refused('limit'));
    await w.acme.viewer.graphql('{ conversations(limit: 100) { messages(limit: 100) { id } } }').expect(refused('limit'));
    // By variables, by their defaults, by fragments; more than a page counts as a page.
    const asked =
      'query ($n: Int = 100) { conversations(limit: $n) { ...T } } fragment T on Conversation { messages(limit: $n) { id content } }';
    await w.acme.viewer.graphql(asked).expect(refused('limit'));
    await w.acme.viewer.graphql(asked, { n: 100_000 }).expect(refused('limit'));
    await w.acme.viewer.graphql(asked, { n: 20 }).expect(200, { data: { conversations: [] } });
  });

  it('of an inbox is answered', async () => {
    const box = new Inbox(w, w.acme, await officialNumber(w, w.acme));

    for (const last of [1, 10, 20]) {
      const { body } = await w.acme.agent.graphql(INBOX, { last }).expect(200);
      expect((body as Answer).errors).toBeUndefined();
      expect((body as Answer).data).toMatchObject({ conversations: [], whatsapp_numbers: [{ id: box.number.id }], conversations_count: 0 });
    }
    await w.acme.agent.graphql('{ conversations { id messages { id content } } }').expect(200, { data: { conversations: [] } });
  });

  it.each<[string, string, string]>([
    ['too many tokens', `{ me { ${'id full_name '.repeat(2000)} } }`, 'tokens'],
    ['too long a text', `{ me { id } } # ${'x'.repeat(100_000)}`, 'characters'],
    ['too many fragments', `{ me { id } } ${Array.from({ length: 31 }, (_, n) => `fragment F${n} on User { id }`).join(' ')}`, 'fragments'],
    ['too many operations', Array.from({ length: 11 }, (_, n) => `query Q${n} { me { id } }`).join(' '), 'operations'],
    ['too many directives', `{ me { id ${'@include(if: true) '.repeat(51)} } }`, 'directives'],
    ['the same again and again', `{ me { ${'... on User { id } '.repeat(4)} } }`, 'at most 3 times'],
    [
      'too many fields at its root',
      `{ ${Array.from({ length: 31 }, (_, n) => `...F${n % 16}`).join(' ')} } ${Array.from({ length: 16 }, (_, n) => `fragment F${n} on Query { me { id } my_organization { id } }`).join(' ')}`,
      'at its root',
    ],
    [
      'values deep in values',
      `mutation { createContact(input: { attributes: { a: ${'['.repeat(40)}1${']'.repeat(40)} } }) { id } }`,
      'levels deep',
    ],
    [
      'aliases multiplied by fragments',
      `{ me { ...A } } fragment A on User { ...B x: id ...B } fragment B on User { ${Array.from({ length: 15 }, (_, n) => `a${n}: id`).join(' ')} }`,
      'aliases',
    ],
    [
      'an introspection many times over',
      `{ __schema { ${Array.from({ length: 16 }, (_, n) => `a${n}: types { name }`).join(' ')} } }`,
      'introspection',
    ],
  ])('with %s is refused', async (_, query, words) => {
    const { status, body } = await w.acme.viewer.graphql(query);

    expect({ status, message: (body as Answer).errors?.[0].message }).toEqual({
      status: 400,
      message: expect.stringContaining(words) as string,
    });
  });

  it('that asks the schema for types in types is refused, the tools’ own introspection is not', async () => {
    const circle = '{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }';
    await w.guest.graphql(circle).expect(400);

    const options = {
      descriptions: true,
      specifiedByUrl: true,
      directiveIsRepeatable: true,
      schemaDescription: true,
      inputValueDeprecation: true,
      oneOf: true,
    };
    const { body } = await w.guest.graphql(getIntrospectionQuery(options)).expect(200);
    expect((body as Answer).errors).toBeUndefined();
  });

  it('comes one at a time, and as itself', async () => {
    await request(w.base_url)
      .post('/graphql')
      .send([{ query: '{ __typename }' }, { query: '{ __typename }' }])
      .expect(400);
    const extensions = { persistedQuery: { version: 1, sha256Hash: 'ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38' } };
    const { body } = await request(w.base_url).post('/graphql').send({ query: '{ __typename }', extensions });
    expect((body as Answer).errors).toHaveLength(1);
  });
});

describe('a GraphQL request', () => {
  it('takes no more than two database connections, however much it asks for at once', async () => {
    const pool = (w.app.get(Database).source.driver as unknown as { master: Pool }).master;
    // When they were last here is written beside a first request.
    await w.acme.viewer.get('/auth/me').expect(200);
    await sleep(2000);
    const lists = Array.from({ length: 20 }, (_, n) => `c${n}: contacts(limit: ${n + 1}) { id } `).join('');
    let taken = 0;
    let most = 0;
    const acquired = (): void => void (most = Math.max(most, ++taken));
    const released = (): void => void taken--;
    pool.on('acquire', acquired).on('release', released);
    // The house's own sweeps use the pool too: not in every one of some requests.
    const each: number[] = [];
    try {
      for (let n = 0; n < 5; n++) {
        most = 0;
        const { body } = await w.acme.viewer.graphql(`{ ${lists} users { id organization { id } } conversations_count }`).expect(200);
        expect((body as Answer).errors).toBeUndefined();
        each.push(most);
      }
    } finally {
      pool.off('acquire', acquired).off('release', released);
    }
    expect(Math.min(...each)).toBeGreaterThan(0);
    expect(Math.min(...each)).toBeLessThanOrEqual(2);
  });

  it('answers no more than its bytes, however often it asks for the same', async () => {
    const box = new Inbox(w, w.acme, await officialNumber(w, w.acme));
    const { body } = await w.acme.agent
      .post('/conversations', { contact_phone: '+5511987654322', whatsapp_number_id: box.number.id })
      .expect(201);
    const { id, contact_id } = body as { id: string; contact_id: string };
    const text = 'x'.repeat(65_536);
    await w.sql(
      `INSERT INTO messages (id, organization_id, conversation_id, contact_id, direction, sender_type, message_type, content, payload, status)
       SELECT gen_random_uuid(), $1, $2, $3, 'incoming', 'contact', 'text', $4, jsonb_build_object('text', $4::text), 'received'
       FROM generate_series(1, 20)`,
      [w.acme.id, id, contact_id, text],
    );
    const times = (count: number, limit: number): string =>
      Array.from({ length: count }, (_, n) => `a${n}: messages(limit: ${limit}) { content payload }`).join(' ');

    await w.acme.viewer.graphql(`{ conversation(id: "${id}") { ${times(27, 100)} } }`).expect(refused('limit'));
    const { body: excess } = await w.acme.viewer.graphql(`{ conversation(id: "${id}") { ${times(27, 20)} } }`).expect(400);
    expect(excess).toMatchObject({ errors: [{ extensions: { error_code: 'query_too_complex', status_code: 400 } }] });
    expect(excess).not.toHaveProperty('data');
    const { body: answered } = await w.acme.viewer.graphql(`{ conversation(id: "${id}") { ${times(1, 20)} } }`).expect(200);
    expect(answered).toMatchObject({ data: { conversation: { a0: Array(20).fill({ content: text }) as unknown } } });
  });

  it('clamps a page like REST', async () => {
    for (const list of ['conversations', 'contacts', 'users'])
      await w.acme.agent
        .graphql(`{ ${list}(limit: 500) { id } }`)
        .expect(200)
        .expect(({ body }) => expect((body as Answer).errors).toBeUndefined());
  });

  it('is as strict with what it sends as REST', async () => {
    const box = new Inbox(w, w.acme, await officialNumber(w, w.acme));
    const { body: started } = await w.acme.agent
      .post('/conversations', { contact_phone: '+5511987654321', whatsapp_number_id: box.number.id })
      .expect(201);
    const { id } = started as { id: string };
    const send = async (values: Record<string, unknown>): Promise<Answer> =>
      (
        await w.acme.agent.graphql(
          `mutation ($id: ID!, $content: String, $message_type: String, $media_url: String, $media_type: String, $reply: ID) {
             sendMessage(conversation_id: $id, content: $content, message_type: $message_type, media_url: $media_url, media_type: $media_type,
                         reply_to_message_id: $reply) { id } }`,
          { id, ...values },
        )
      ).body as Answer;

    const wrong: [Record<string, unknown>, string][] = [
      [{ media_url: 'javascript:alert(1)' }, 'media_url'],
      [{ media_url: 'file:///etc/passwd' }, 'media_url'],
      [{ media_url: 'data:text/html,<script>alert(1)</script>', media_type: 'document' }, 'media_url'],
      [{ content: 'x'.repeat(900_000) }, 'content'],
      [{ media_url: 'https://padaria.example/a.png', media_type: 'x'.repeat(900_000) }, 'media_type'],
      [{ content: 'note', message_type: 'note' }, 'message_type'],
      [{ content: 'system', message_type: 'system' }, 'message_type'],
      [{ content: 'hi', reply_to_message_id: 'x', reply: 'not-an-id' }, 'reply_to_message_id'],
    ];
    for (const [values, field] of wrong) {
      const { errors } = await send(values);
      expect({ field, errors }).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT', status_code: 422 } }] });
      expect(errors?.[0].extensions.details?.[0].loc).toContain(field);
    }
    const { body: closed } = await w.acme.agent.graphql(
      'mutation ($id: ID!, $reason: String) { closeConversation(conversation_id: $id, reason: $reason) { id } }',
      { id, reason: 'x'.repeat(900_000) },
    );
    const lists = [
      '{ conversations(status: "no-status") { id } }',
      '{ conversations(assigned_to: "everybody") { id } }',
      `{ conversation(id: "${id}") { messages(before: "not-an-id") { id } } }`,
      `{ whatsapp_templates(number_id: "${box.number.id}", status: "${'x'.repeat(99)}") { id } }`,
    ];
    const answers = [closed as Answer];
    for (const query of lists) answers.push((await w.acme.agent.graphql(query)).body as Answer);
    for (const { errors } of answers) expect(errors).toMatchObject([{ extensions: { status_code: 422 } }]);
  });
});

describe('documents made at random from the schema', () => {
  it('are answered in the one shape, and the process goes on', async () => {
    const documents = new GraphqlDocuments(w.app.get(GraphQLSchemaHost).schema, 20261121);
    const people = [w.acme.admin, w.acme.viewer, w.guest];
    const strange: unknown[] = [];
    let reached = 0;

    for (let round = 0; round < 40; round++) {
      const batch = Array.from({ length: 10 }, () => documents.next());
      const answers = await Promise.all(batch.map(({ query, variables }, n) => people[n % people.length].graphql(query, variables)));
      answers.forEach(({ status, body }, n) => {
        const { errors, data } = body as Answer;
        const shaped = (errors ?? []).every(
          ({ message, extensions }) => message && extensions.code && extensions.error_code && extensions.status_code < 500,
        );
        if (status === 200) reached++;
        if (![200, 400, 422, 429].includes(status) || !shaped || (!errors && !data))
          strange.push({ status, body: body as unknown, ...batch[n] });
      });
      await w.guest.get('/health').expect(200);
    }

    expect(strange).toEqual([]);
    // The documents are not so wild that none comes as far as a resolver.
    expect(reached).toBeGreaterThan(100);
  });
});

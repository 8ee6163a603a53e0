import { GraphQLSchemaHost } from '@nestjs/graphql';
import { getNullableType, isObjectType } from 'graphql';
import { Client, Pool } from 'pg';
import type { SelectQueryBuilder } from 'typeorm';
import { Actor } from '#common/actor';
import { Database } from '#database/database';
import { Contact } from '#modules/contacts/contact.entity';
import { seed } from './load/seed';
import { officialNumber } from './support/official-number';
import { type Company, type Person, type World, world, wrongField } from './support/world';

interface Listed {
  items: { id: string; last_message_at: string | null; contact: { name: string | null } }[];
  total: number;
  page: number;
  next_cursor: string | null;
  total_is_estimate?: boolean;
}

interface Plan {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Actual Rows': number;
  Plans?: Plan[];
}

interface Statement {
  text: string;
  values?: unknown[];
}

interface Answer {
  tags: { name: string }[];
  tags_next_cursor: string | null;
}

const LARGE = ['contacts', 'contact_identities', 'conversations', 'messages'];
const PAGE = 50;

const list = async (by: Person, path: string): Promise<Listed> => (await by.get(path).expect(200)).body as Listed;

describe('lists of a large organization', () => {
  let w: World;
  let acme: Company;
  let explain: Client;
  let number_id: string;

  beforeAll(async () => {
    w = await world();
    acme = w.acme;
    await officialNumber(w, acme);
    const pool = new Pool({ connectionString: w.env.DATABASE_OWNER_URL, max: 1 });
    await seed(pool, acme.id, { contacts: 22_000, conversations: 24_000, messages: 105_000 }).finally(() => pool.end());
    const [number] = await w.sql<{ id: string }>('SELECT id FROM whatsapp_numbers WHERE organization_id = $1', [acme.id]);
    number_id = number.id;
    explain = new Client({ connectionString: w.env.DATABASE_OWNER_URL });
    await explain.connect();
  });

  afterAll(() => explain.end());

  /** The SELECTs on large tables that a request made, with the plans they have now. */
  async function plansOf(path: string): Promise<{ text: string; nodes: Plan[] }[]> {
    const said: Statement[] = [];
    const query = jest.spyOn(Client.prototype, 'query');
    await acme.agent.get(path).expect(200);
    for (const [statement, values] of query.mock.calls as unknown as [Statement | string, unknown[]?][])
      said.push(typeof statement === 'string' ? { text: statement, values } : { values, ...statement });
    query.mockRestore();
    const reads = said.filter(
      ({ text }) => /^(SELECT|WITH)\b/.test(text) && LARGE.some((table) => new RegExp(`\\b${table}\\b`).test(text)),
    );
    const plans: { text: string; nodes: Plan[] }[] = [];
    for (const { text, values } of reads) {
      const { rows } = await explain.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, values);
      plans.push({ text, nodes: nodesOf(rows[0]['QUERY PLAN'][0].Plan) });
    }
    return plans;
  }

  const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

  const wholeTables = (plans: { text: string; nodes: Plan[] }[]): string[] =>
    plans.flatMap(({ text, nodes }) =>
      nodes
        .filter((node) => node['Node Type'] === 'Seq Scan' && LARGE.includes(node['Relation Name'] ?? ''))
        .map((node) => `${node['Relation Name']}: ${text}`),
    );

  const LISTS = [
    '/conversations',
    '/conversations?page=300',
    '/conversations?sort=last_message_at:asc',
    '/conversations?sort=unread_count:desc',
    '/conversations?sort=unread_count:asc',
    '/conversations?sort=priority:desc',
    '/conversations?sort=priority:asc',
    '/conversations?status=open',
    '/conversations?status=pending',
    '/conversations?status=active',
    '/conversations?status=resolved',
    '/conversations?status=closed',
    '/conversations?status=queued',
    '/conversations?is_archived=true',
    '/conversations?assigned_to=me',
    '/conversations?assigned_to=none',
    '/conversations?assigned_to=none&status=active',
    '/conversations?assigned_to=AGENT',
    '/conversations?unread=true',
    '/conversations?unread=true&assigned_to=me&status=active',
    '/conversations?whatsapp_number_id=NUMBER',
    '/contacts',
    '/contacts?page=300',
    '/contacts?sort=created_at:asc',
    '/contacts?sort=name:asc',
    '/contacts?sort=name:desc',
    '/contacts?is_vip=true',
    '/contacts?is_blocked=true',
    '/contacts?assigned_agent_id=AGENT',
    '/whatsapp/messages',
    '/whatsapp/messages?page=300',
    '/whatsapp/messages?sort=created_at:asc',
    '/whatsapp/messages?message_type=text',
    '/whatsapp/messages?message_type=image',
    '/whatsapp/messages?message_type=sticker',
    '/conversations/THREAD/messages',
    '/conversations/THREAD/messages?sort=created_at:desc',
  ];

  /** Filters that are rarely rare have no index of their own: a page of them is read in order too, their number is counted as PostgreSQL likes. */
  const COMMON = [
    '/conversations?priority=urgent',
    '/contacts?opt_in=false',
    '/contacts?lifecycle_stage=customer',
    '/contacts?source=import',
  ];

  it.each([...LISTS, ...COMMON])('%s is read in the order of an index', async (path) => {
    const { items } = await list(acme.agent, '/conversations?limit=1');
    const asked = path.replace('AGENT', acme.admin.user.id).replace('NUMBER', number_id).replace('THREAD', items[0].id);

    const plans = (await plansOf(asked)).filter(({ text }) => LISTS.includes(path) || !text.startsWith('SELECT count'));

    expect(plans.length).toBeGreaterThan(0);
    expect(wholeTables(plans)).toEqual([]);
    const sorted = plans.flatMap(({ text, nodes }) =>
      // What an agent has at hand is few, however it is ordered to be counted.
      text.startsWith('SELECT count') && nodes.some((node) => node['Index Name'] === 'conversations_live_of_agent_idx')
        ? []
        : nodes.filter((node) => /Sort/.test(node['Node Type']) && node['Actual Rows'] > PAGE + 1).map(() => text),
    );
    expect(sorted).toEqual([]);
  });

  it.each([
    '/conversations/metrics?since=DAY',
    '/conversations/stats',
    '/conversations/stats?period=week',
    '/conversations/stats?period=week&department_id=THREAD',
    '/conversations/sla-alerts',
    '/conversations/THREAD/notes',
  ])('%s reads what it tells of, by an index', async (path) => {
    const { items } = await list(acme.agent, '/conversations?limit=1');

    const plans = await plansOf(path.replace('THREAD', items[0].id).replace('DAY', new Date(Date.now() - 86_400_000).toISOString()));

    expect(plans.length).toBeGreaterThan(0);
    expect(wholeTables(plans)).toEqual([]);
  });

  it.each(['/contacts', '/conversations'])('%s are searched by an index, also with two letters', async (path) => {
    const [{ name, phone, email }] = await w.sql<{ name: string; phone: string; email: string }>(
      `SELECT name, right(match_key, 8) AS phone, email FROM contacts k JOIN conversations c ON c.contact_id = k.id
        WHERE k.organization_id = $1 AND email IS NOT NULL AND NOT is_archived LIMIT 1`,
      [acme.id],
    );
    for (const search of [name, phone, email, 'zk', 'an']) {
      const asked = `${path}?search=${encodeURIComponent(search)}`;

      expect(wholeTables(await plansOf(asked))).toEqual([]);
      const { items } = await list(acme.agent, asked);
      if (search === name)
        expect(items.some((item) => (path === '/contacts' ? (item as unknown as { name: string }).name : item.contact.name) === name)).toBe(
          true,
        );
      expect(items.length > 0).toBe(search !== 'zk');
    }
  });

  it('find what is common as quickly: the newest of it, in order', async () => {
    const begins = `contact_words(k.name, k.whatsapp_name, k.username, k.email, k.company) ~ '(^| )c'`;
    const found = await w.sql<{ id: string }>(
      `SELECT id FROM contacts k WHERE organization_id = $1 AND (${begins}) ORDER BY created_at DESC, id DESC`,
      [acme.id],
    );
    expect(found.length).toBeGreaterThan(2000);

    const plans = [...(await plansOf('/contacts?search=c')), ...(await plansOf('/conversations?search=c'))];
    const contacts = await list(acme.agent, '/contacts?search=c&limit=20&page=2');
    const conversations = await list(acme.agent, '/conversations?search=c&limit=20');
    const next = await list(acme.agent, `/conversations?search=c&limit=20&cursor=${conversations.next_cursor}`);

    expect(wholeTables(plans.filter(({ text }) => !text.startsWith('SELECT count')))).toEqual([]);
    expect(contacts).toMatchObject({ total: 2000, total_is_estimate: true, page: 2 });
    expect(contacts.items.map(({ id }) => id)).toEqual(found.slice(20, 40).map(({ id }) => id));
    expect(conversations).toMatchObject({ total: 21, total_is_estimate: true });
    const threads = await w.sql<{ id: string }>(
      `SELECT c.id FROM conversations c JOIN contacts k ON k.id = c.contact_id LEFT JOIN messages l ON l.id = c.last_message_id
        WHERE c.organization_id = $1 AND NOT is_archived AND (${begins} OR fold(l.content) LIKE '%c%')
        ORDER BY c.last_message_at DESC NULLS LAST, c.id DESC LIMIT 40`,
      [acme.id],
    );
    expect([...conversations.items, ...next.items].map(({ id }) => id)).toEqual(threads.map(({ id }) => id));
  });

  it('find the words of messages by their index, whatever the planner takes them for', async () => {
    const query = jest.spyOn(Client.prototype, 'query');
    const lists = ['/whatsapp/messages/search?q', '/whatsapp/messages?search', '/whatsapp/messages?message_type=image&search'];
    for (const list of lists)
      for (const words of ['pedido', 'nota fiscal', 'xyz', 'pe'])
        await acme.agent.get(`${list}=${encodeURIComponent(words)}&limit=100`).expect(200);
    const asked = (query.mock.calls as unknown as [Statement | string, unknown[]?][]).map(([statement, values]): Statement =>
      typeof statement === 'string' ? { text: statement, values } : { values, ...statement },
    );
    query.mockRestore();
    expect(asked.filter(({ text }) => text.includes('@@') && /\bmessages\b/.test(text)).length).toBeGreaterThan(4);
    const whole: string[] = [];
    const used = new Set<string>();
    let limits = '';
    for (const { text, values } of asked) {
      if (text.includes('enable_seqscan')) limits = text;
      if (!text.includes('@@') || !/\bmessages\b/.test(text)) continue;
      await explain.query(`BEGIN; ${limits}`);
      const { rows } = await explain.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(`EXPLAIN (FORMAT JSON) ${text}`, values);
      await explain.query('ROLLBACK');
      const indexes = nodesOf(rows[0]['QUERY PLAN'][0].Plan).flatMap((node) => node['Index Name'] ?? []);
      for (const index of indexes) used.add(index);
      // The newest are read one by one as far as a time, all others by their words.
      const is_bounded = indexes.includes('messages_history_idx') && /"created_at" (?:>=|<) \$/.test(text);
      // Those of one kind by that, where they are fewer.
      const is_narrow = indexes.includes('messages_search_idx') || (indexes.includes('messages_kind_idx') && values?.includes('image'));
      if (!is_bounded && !is_narrow) whole.push(text);
    }
    expect(whole).toEqual([]);
    expect([...used]).toEqual(expect.arrayContaining(['messages_history_idx', 'messages_search_idx']));
  });

  it('go on where a page ended, to the last row, each once, forth and back', async () => {
    for (const [path, field] of [
      ['/conversations?is_archived=true', 'last_message_at'],
      ['/conversations?status=pending', 'last_message_at'],
      ['/conversations?status=pending', 'unread_count'],
      ['/conversations?status=pending', 'priority'],
      ['/contacts?is_vip=true', 'created_at'],
      ['/contacts?is_vip=true', 'name'],
      ['/contacts?source=import', 'created_at'],
    ]) {
      for (const sort of [`${field}:desc`, `${field}:asc`]) {
        const seen: string[] = [];
        let page = await list(acme.agent, `${path}&limit=100&sort=${sort}`);
        const { total } = page;
        for (seen.push(...page.items.map(({ id }) => id)); page.next_cursor !== null; seen.push(...page.items.map(({ id }) => id)))
          page = await list(acme.agent, `${path}&limit=100&sort=${sort}&cursor=${page.next_cursor}`);

        expect(total).toBeGreaterThan(100);
        expect(new Set(seen).size).toBe(seen.length);
        expect(seen.length).toBe(total);
      }
    }
  });

  it('reads a page by its cursor from the index, however deep', async () => {
    const deep = await list(acme.agent, '/conversations?page=200');
    const plans = await plansOf(`/conversations?cursor=${deep.next_cursor}`);

    const keys = plans.find(({ text }) => text.includes('last_message_at", "row"."id") <') || /\(.*last_message_at.*\) </.test(text));
    expect(keys?.nodes.map((node) => node['Actual Rows']).reduce((a, b) => Math.max(a, b))).toBeLessThanOrEqual(PAGE + 1);
    const { items } = await list(acme.agent, `/conversations?cursor=${deep.next_cursor}`);
    expect(items.map(({ id }) => id)).toEqual((await list(acme.agent, '/conversations?page=201')).items.map(({ id }) => id));
  });

  it('count to ten thousand and then say at least', async () => {
    expect(await list(acme.agent, '/contacts?limit=1')).toMatchObject({ total: 10_000, total_is_estimate: true });
    expect(await list(acme.agent, '/contacts?limit=1')).toMatchObject({ total: 10_000, total_is_estimate: true });
    const vip = await list(acme.agent, '/contacts?is_vip=true&limit=1');
    expect(vip.total).toBe(await vips());
    expect(vip).not.toHaveProperty('total_is_estimate');
  });

  const vips = (): Promise<number> => {
    const rows = w.app.get(Database).repository(Contact).query(Actor.system(acme.id), 'row') as SelectQueryBuilder<Contact>;
    return rows.andWhere('row.is_vip').getCount();
  };
});

describe('a list that many ask for at once', () => {
  it('has in it what was written before each of them asked, and tells nobody of another organization', async () => {
    const { acme, globex } = await world();
    await globex.agent.post('/contacts', { phone_number: '+5511987652000', name: 'Outra' }).expect(201);
    const total = async (by: Person, path: string): Promise<number> => ((await by.get(path).expect(200)).body as Listed).total;
    let over = false;
    const askers = Array.from({ length: 20 }, async () => {
      while (!over) await total(acme.agent, '/contacts');
    });
    try {
      for (let n = 1; n <= 15; n++) {
        await acme.agent.post('/contacts', { phone_number: `+55119876530${n + 10}` }).expect(201);
        const [mine, listed, theirs] = await Promise.all([
          total(acme.admin, '/contacts'),
          acme.agent.get('/contacts?limit=100').expect(200),
          total(globex.agent, '/contacts'),
        ]);
        expect([mine, (listed.body as Listed).items.length, theirs]).toEqual([n, n, 1]);
      }
    } finally {
      over = true;
      await Promise.all(askers);
    }
  });

  it('is each agent’s own where it is theirs', async () => {
    const { acme } = await world();
    const { body } = await acme.agent.post('/conversations', { contact_phone: '+5511987652001' }).expect(201);
    await acme.agent.post(`/conversations/${body.id}/assign`, { agent_id: acme.agent.user.id }).expect(200);
    const of = async (by: Person): Promise<number> =>
      ((await by.get('/conversations?assigned_to_me=true').expect(200)).body as Listed).total;
    expect(await Promise.all([acme.agent, acme.admin, acme.agent, acme.admin].map(of))).toEqual([1, 0, 1, 0]);
  });
});

describe('a cursor', () => {
  it('wins over page and skip, also among conversations without a message, and reaches no other organization', async () => {
    const { acme, globex, sql } = await world();
    const ids: string[] = [];
    for (let n = 0; n < 5; n++)
      ids.push((await acme.agent.post('/conversations', { contact_phone: `+551198765100${n}` }).expect(201)).body.id as string);
    await sql(`UPDATE conversations SET last_message_at = now() WHERE id = ANY($1)`, [ids.slice(3)]);
    const all = (await list(acme.agent, '/conversations')).items.map(({ id }) => id);
    expect(all).toEqual([ids[4], ids[3], ids[2], ids[1], ids[0]]);

    for (const [limit, sort, expected] of [
      [1, 'last_message_at:desc', all],
      [2, 'last_message_at:desc', all],
      [3, 'last_message_at:asc', all.toReversed()],
    ] as const) {
      const seen: string[] = [];
      for (let cursor: string | null = ''; cursor !== null;) {
        const page: Listed = await list(
          acme.agent,
          `/conversations?limit=${limit}&sort=${sort}${cursor && `&cursor=${cursor}&page=9&skip=7`}`,
        );
        seen.push(...page.items.map(({ id }) => id));
        expect(page).toMatchObject({ total: 5, page: 1 });
        cursor = page.next_cursor;
      }
      expect(seen).toEqual(expected);
    }
    const { next_cursor } = await list(acme.agent, '/conversations?limit=1');
    expect((await list(globex.agent, `/conversations?cursor=${next_cursor}`)).items).toEqual([]);
  });

  it('continues a thread and the history of messages, and keeps to before and after', async () => {
    const { acme, sql } = await world();
    const { body: conversation } = await acme.agent.post('/conversations', { contact_phone: '+5511987651010' }).expect(201);
    for (let n = 0; n < 5; n++)
      await acme.agent.post(`/conversations/${conversation.id}/messages`, { content: `${n}`, is_internal_note: true }).expect(201);
    const rows = await sql<{ id: string }>('SELECT id FROM messages WHERE conversation_id = $1 ORDER BY created_at, id', [conversation.id]);
    const ids = rows.map(({ id }) => id);
    const read = async (path: string): Promise<[string[], string | null]> => {
      const { items, next_cursor } = await list(acme.agent, path);
      return [items.map(({ id }) => id), next_cursor];
    };

    const thread = `/conversations/${conversation.id}/messages`;
    const [first, cursor] = await read(`${thread}?limit=3`);
    expect([...first, ...(await read(`${thread}?limit=3&cursor=${cursor}`))[0]]).toEqual(ids);
    const [newest, older] = await read('/whatsapp/messages?limit=2');
    expect([...newest, ...(await read(`/whatsapp/messages?limit=3&cursor=${older}`))[0]]).toEqual(ids.toReversed());
    expect(await read(`${thread}?limit=2&before=${ids[3]}`)).toEqual([[ids[1], ids[2]], null]);
    const [next, more] = await read(`${thread}?limit=1&after=${ids[2]}`);
    expect(next).toEqual([ids[3]]);
    expect(await read(`${thread}?limit=5&after=${ids[2]}&cursor=${more}`)).toEqual([[ids[4]], null]);
  });

  it('that is none, or of another order, is refused by its name', async () => {
    const { acme } = await world();
    for (const n of [1, 2]) await acme.agent.post('/contacts', { whatsapp_id: `+551198765110${n}`, name: `Ana ${n}` }).expect(201);
    const { next_cursor } = await list(acme.agent, '/contacts?limit=1');
    const forged = (value: unknown): string =>
      Buffer.from(JSON.stringify(['created_at:DESC', value, acme.agent.user.id])).toString('base64url');

    for (const cursor of [
      '',
      'x',
      '%00',
      forged('yesterday'),
      forged(null),
      forged(7),
      forged('2026-02-30T00:00:00.000Z'),
      forged('0000-01-01T00:00:00.000Z'),
      forged('+012345-01-01T00:00:00.000Z'),
      'x'.repeat(2001),
    ])
      for (const path of ['/contacts', '/conversations', '/whatsapp/messages', '/users'])
        await acme.agent.get(`${path}?cursor=${cursor}`).expect(wrongField('query', 'cursor'));
    await acme.agent.get(`/contacts?sort=name:asc&cursor=${next_cursor}`).expect(wrongField('query', 'cursor'));
    const { body } = await acme.agent
      .graphql('query ($cursor: String) { contacts(cursor: $cursor) { name } contacts_next_cursor(limit: 1) end: contacts_next_cursor }', {
        cursor: next_cursor,
      })
      .expect(200);
    expect(body.data).toEqual({ contacts: [{ name: 'Ana 1' }], contacts_next_cursor: next_cursor, end: null });
  });

  it('stands in GraphQL beside every list that takes one, and leads to what REST answers next', async () => {
    const { app, acme } = await world();
    const fields = Object.values(app.get(GraphQLSchemaHost).schema.getQueryType()?.getFields() ?? {});
    const paged = fields.filter(({ name, args }) => !name.endsWith('_next_cursor') && args.some((arg) => arg.name === 'cursor'));
    expect(paged.length).toBeGreaterThan(20);
    const answers = ({ name, type }: (typeof fields)[number]): boolean => {
      const answer = getNullableType(type);
      return isObjectType(answer) ? 'next_cursor' in answer.getFields() : fields.some((field) => field.name === `${name}_next_cursor`);
    };
    expect(paged.filter((field) => !answers(field)).map(({ name }) => name)).toEqual([]);
    for (const name of ['Bolo', 'Feira', 'Natal']) await acme.admin.post('/contacts/tags', { name }).expect(201);

    const ask = async (cursor?: string): Promise<Answer> => {
      const query = 'query ($cursor: String) { tags(limit: 2, cursor: $cursor) { name } tags_next_cursor(limit: 2, cursor: $cursor) }';
      const { body } = await acme.viewer.graphql(query, { cursor }).expect(200);
      return (body as { data: Answer }).data;
    };
    const first = await ask();
    const last = await ask(first.tags_next_cursor ?? '');

    expect([first, last]).toEqual([
      { tags: [{ name: 'Bolo' }, { name: 'Feira' }], tags_next_cursor: expect.any(String) },
      { tags: [{ name: 'Natal' }], tags_next_cursor: null },
    ]);
    expect((await acme.viewer.get('/contacts/tags?limit=2').expect(200)).body.next_cursor).toBe(first.tags_next_cursor);
    const closed = await acme.viewer.graphql('{ audit_logs_next_cursor }').expect(200);
    expect(closed.body).toMatchObject({ errors: [{ extensions: { status_code: 403 } }] });
  });
});

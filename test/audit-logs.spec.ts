import { newId } from '#common/uuid';
import { until } from './support/sockets';
import { type Company, type Person, type World, errorOf, world, wrongField } from './support/world';

interface Entry {
  id: string;
  organization_id: string | null;
  action: string;
  actor_email: string | null;
  resource_id: string | null;
  resource_name: string | null;
  request_id: string | null;
  result: string;
  changes: Record<string, { from?: unknown; to?: unknown }>;
  created_at: string;
}

interface Listed {
  items: Entry[];
  total: number;
  next_cursor: string | null;
}

const list = async (by: Person, query = ''): Promise<Listed> => (await by.get(`/audit-logs${query}`).expect(200)).body as Listed;
const actions = async (by: Person, query = ''): Promise<string[]> => (await list(by, query)).items.map(({ action }) => action);

let w: World;
let acme: Company;

/** A contact made, renamed and blocked by two people, and a refusal. */
async function aDay(): Promise<string> {
  const { body } = await acme.agent
    .post('/contacts', { whatsapp_id: '+5511987650001', name: 'Ana' })
    .set('X-Request-ID', 'r-made')
    .expect(201);
  await acme.admin.put(`/contacts/${body.id}`, { company: 'Padaria' }).expect(200);
  await acme.agent.post(`/contacts/${body.id}/block`).expect(200);
  await acme.viewer.post('/contacts', { whatsapp_id: '+5511987650002' }).expect(403);
  // A refusal is written down after its answer.
  await until(async () => (await list(acme.admin, '?result=failure')).total === 1);
  return body.id as string;
}

beforeEach(async () => {
  w = await world();
  ({ acme } = w);
});

it('is the administrators’ alone', async () => {
  for (const path of ['/audit-logs', '/audit-logs/export', `/audit-logs/${newId()}`]) {
    await w.guest.get(path).expect(401);
    await acme.agent.get(path).expect(403);
    await acme.viewer.get(path).expect(403);
  }
});

it('tells who did what, newest first, with the e-mail the user has today', async () => {
  const contact = await aDay();

  const { items, total } = await list(acme.admin);

  expect(items.map(({ action }) => action)).toEqual(['access.denied', 'contact.blocked', 'contact.updated', 'contact.created']);
  expect(total).toBe(4);
  const [, blocked, updated] = items;
  expect(blocked).toMatchObject({ resource_id: contact, actor_email: acme.agent.user.email, result: 'success', organization_id: acme.id });
  expect(Object.keys(updated.changes)).toEqual(['company']);
  await w.sql(`UPDATE users SET email = 'nova@acme.example' || left(id::text, 8) WHERE id = $1`, [acme.agent.user.id]);
  expect((await list(acme.admin)).items[1].actor_email).toMatch(/^nova@acme/);
  expect(JSON.stringify(await w.sql('SELECT * FROM audit_logs WHERE organization_id = $1', [acme.id]))).not.toContain('@');
});

it('filters by who, what, on what, how it ended, from where and by which request', async () => {
  const contact = await aDay();

  expect(await actions(acme.admin, `?actor_id=${acme.agent.user.id}`)).toEqual(['contact.blocked', 'contact.created']);
  expect(await actions(acme.admin, `?user_id=${acme.admin.user.id}`)).toEqual(['contact.updated']);
  expect(await actions(acme.admin, '?action=contact.blocked')).toEqual(['contact.blocked']);
  expect(await actions(acme.admin, '?resource_type=contact&sort=created_at:asc')).toEqual([
    'contact.created',
    'contact.updated',
    'contact.blocked',
    'access.denied',
  ]);
  expect(await actions(acme.admin, `?resource_id=${contact}`)).toHaveLength(3);
  expect(await actions(acme.admin, '?result=failure')).toEqual(['access.denied']);
  expect(await actions(acme.admin, '?ip_address=127.0.0.1')).toHaveLength(4);
  expect(await actions(acme.admin, '?ip_address=203.0.113.7')).toEqual([]);
  expect(await actions(acme.admin, '?request_id=r-made')).toEqual(['contact.created']);
  expect(await actions(acme.admin, '?search=BLOCK')).toEqual(['contact.blocked']);
  expect(await actions(acme.admin, '?start_date=2020-01-01&end_date=2020-01-02')).toEqual([]);
});

it('calls users what they are called today, finds them by it, and keeps neither name nor e-mail', async () => {
  const { id, email } = acme.agent.user;
  await acme.admin.put(`/users/${id}`, { full_name: 'Zuleica Prado', phone_number: '+5511987650077' }).expect(200);
  await w.sql(`UPDATE users SET full_name = 'Zuleica Reis' WHERE id = $1`, [id]);
  await acme.agent.post('/contacts', { whatsapp_id: '+5511987650001' }).expect(201);

  const { items } = await list(acme.admin, '?action=user.updated');
  expect(items).toMatchObject([
    {
      resource_id: id,
      resource_name: 'Zuleica Reis',
      changes: { full_name: { from: '***', to: '***' }, phone_number: { from: null, to: '***' } },
    },
  ]);
  expect(await actions(acme.admin, '?search=zuleica')).toEqual(['contact.created', 'user.updated']);
  expect(await actions(acme.admin, `?search=${email}`)).toEqual(['contact.created', 'user.updated']);
  expect(await actions(w.globex.admin, '?search=zuleica')).toEqual([]);
  expect(JSON.stringify(await w.sql('SELECT * FROM audit_logs WHERE organization_id = $1', [acme.id]))).not.toMatch(/Zuleica|98765|@/);
});

it('goes on where a page ended, either way', async () => {
  await aDay();
  for (const sort of ['created_at:desc', 'created_at:asc']) {
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Listed = await list(acme.admin, `?limit=1&sort=${sort}${cursor && `&cursor=${cursor}`}`);
      seen.push(...page.items.map(({ action }) => action));
      cursor = page.next_cursor;
    }
    const all = ['access.denied', 'contact.blocked', 'contact.updated', 'contact.created'];
    expect(seen).toEqual(sort.endsWith('desc') ? all : all.toReversed());
  }
});

it('sorts by its short fields, what is alike by time', async () => {
  await aDay();

  expect(await actions(acme.admin, '?sort=action:asc')).toEqual(['access.denied', 'contact.blocked', 'contact.created', 'contact.updated']);
  expect(await actions(acme.admin, '?sort=result:desc')).toEqual([
    'contact.blocked',
    'contact.updated',
    'contact.created',
    'access.denied',
  ]);
  for (const sort of ['resource_id:asc', 'resource_id:desc']) {
    const whole = await list(acme.admin, `?sort=${sort}`);
    const first = await list(acme.admin, `?limit=2&sort=${sort}`);
    const { items, next_cursor } = await list(acme.admin, `?limit=2&sort=${sort}&cursor=${String(first.next_cursor)}`);
    expect([...first.items, ...items]).toEqual(whole.items);
    expect(next_cursor).toBeNull();
    expect(whole.items.at(sort.endsWith('asc') ? 0 : -1)?.action).toBe('access.denied');
    await acme.admin.get(`/audit-logs?cursor=${String(first.next_cursor)}`).expect(wrongField('query', 'cursor'));
  }
});

it('names what is wrong with a question', async () => {
  for (const [query, field] of [
    ['actor_id=me', 'actor_id'],
    ['result=maybe', 'result'],
    ['ip_address=here', 'ip_address'],
    ['start_date=yesterday', 'start_date'],
    ['start_date=2026-02-02&end_date=2026-02-01', 'end_date'],
    ['sort=actor_email', 'sort'],
    ['cursor=bm9uZQ', 'cursor'],
  ])
    await acme.admin.get(`/audit-logs?${query}`).expect(422).expect(wrongField('query', field));
  await acme.admin.get('/audit-logs/export?format=xml').expect(422).expect(wrongField('query', 'format'));
  await acme.admin.get('/audit-logs/one').expect(422).expect(wrongField('path', 'audit_log_id'));
});

it('answers one entry, and another organization’s to nobody but an operator', async () => {
  await aDay();
  const [{ id }] = (await list(acme.admin)).items;

  expect((await acme.admin.get(`/audit-logs/${id}`).expect(200)).body).toMatchObject({ id, action: 'access.denied' });
  await w.globex.admin.get(`/audit-logs/${id}`).expect(404).expect(errorOf('not_found'));
  expect(await actions(w.globex.admin)).toEqual([]);

  const operator = await w.superAdmin();
  expect((await operator.get(`/audit-logs/${id}`).expect(200)).body).toMatchObject({ id, organization_id: acme.id });
  const all = new Set((await list(operator, '?limit=100')).items.map(({ organization_id }) => organization_id));
  expect(all.has(acme.id)).toBe(true);
  const { body } = await operator.get('/audit-logs').set('X-Organization-Id', w.globex.id).expect(200);
  expect((body as Listed).items).toEqual([]);
});

it('leaves as a table that runs nothing, and as JSON, and that it did is said', async () => {
  await acme.agent.post('/contacts', { whatsapp_id: '+5511987650001' }).set('User-Agent', '=cmd|calc').expect(201);

  const csv = await acme.admin
    .get('/audit-logs/export?action=contact.created')
    .expect(200)
    .expect('Content-Type', /text\/csv/);
  expect(csv.headers['content-disposition']).toBe('attachment; filename=audit-log.csv');
  const [header, row, ...rest] = csv.text.trim().split('\n');
  expect(header.replace(/^\uFEFF/, '')).toMatch(/^created_at,action,result,/);
  expect(row).toContain(acme.agent.user.email);
  expect(row).toContain("'=cmd|calc");
  expect(rest).toEqual([]);

  const { body } = await acme.admin.get('/audit-logs/export?format=json&action=contact.created').expect(200);
  expect(body).toMatchObject([{ action: 'contact.created' }]);
  expect((await w.globex.admin.get('/audit-logs/export?format=json&action=contact.created').expect(200)).body).toEqual([]);
  for (const none of ['result=failure', `resource_id=${newId()}`, 'ip_address=203.0.113.9', 'request_id=none'])
    expect((await acme.admin.get(`/audit-logs/export?format=json&${none}`).expect(200)).body).toEqual([]);
  expect(await actions(acme.admin)).toEqual([...Array<string>(6).fill('audit_log.exported'), 'contact.created']);
});

it('reads off an index, however many there are', async () => {
  await w.sql(
    `INSERT INTO audit_logs (id, organization_id, actor_type, action, resource_type, result, request_id, ip_address, created_at)
     SELECT gen_random_uuid(), $1, 'system', 'contact.updated', 'contact', 'success', 'r-' || n, '10.0.0.1', now() - n * interval '1 second'
       FROM generate_series(1, 50000) n`,
    [acme.id],
  );
  await w.sql('ANALYZE audit_logs');
  const page = await list(acme.admin, '?limit=2');
  expect(page).toMatchObject({ total: 10_000, total_is_estimate: true });
  const next = await list(acme.admin, `?limit=2&cursor=${page.next_cursor}`);
  expect(next.items.map(({ request_id }) => request_id)).toEqual(['r-3', 'r-4']);
  expect((await list(acme.admin, '?request_id=r-40000')).total).toBe(1);
  const who = `actor_id = '${acme.agent.user.id}'`;
  for (const filter of [who, "request_id = 'r-40000'", "result = 'failure'", "ip_address = '10.0.0.2'", "action = 'contact.updated'"]) {
    const plan = await w.sql<{ 'QUERY PLAN': string }>(
      `EXPLAIN SELECT * FROM audit_logs WHERE organization_id = '${acme.id}' AND ${filter} ORDER BY created_at DESC, id DESC LIMIT 51`,
    );
    expect(plan.map((line) => line['QUERY PLAN']).join('\n')).not.toContain('Seq Scan');
  }
});

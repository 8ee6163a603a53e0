import { randomUUID } from 'node:crypto';
import { newId } from '#common/uuid';
import { phone } from './support/acts';
import { type Row, inbox } from './support/inbox';
import { metaPayload } from './support/meta-payloads';
import { type Person, wrongField } from './support/world';

const CLOSED = { schedule: { monday: { enabled: false } } };
const ago = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);
const DAY = 1440;

/** An inbox, and rows in it as they came to be. */
async function shop() {
  const box = await inbox();
  const { w, company } = box;
  const { agent, admin } = company;
  const made = async (path: string, body: object): Promise<Row> => (await admin.post(path, body).expect(201)).body as Row;
  const insert = async (table: string, values: Record<string, unknown>): Promise<string> => {
    const row = { id: newId(), organization_id: company.id, ...values };
    const columns = Object.keys(row);
    const places = columns.map((_, n) => `$${n + 1}`).join(', ');
    await w.sql(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`, Object.values(row));
    return row.id;
  };
  const conversation = async (values: Record<string, unknown> = {}): Promise<string> =>
    insert('conversations', { contact_id: await insert('contacts', { name: 'Ana Souza', whatsapp_id: phone() }), ...values });
  const department = () => made('/departments', { name: `Vendas ${randomUUID()}` });
  const queue = (department_id: string, values: object = {}) =>
    made('/queues', { department_id, name: 'Pedidos', slug: randomUUID(), routing_mode: 'manual', ...values });
  const get = async (path: string, by: Person = agent): Promise<Row> => (await by.get(`/conversations/${path}`).expect(200)).body as Row;
  return { box, w, company, agent, admin, insert, conversation, department, queue, get };
}

describe('the room', () => {
  it('is closed without a token, open to a viewer, and each organization’s own', async () => {
    const { box, conversation } = await shop();
    await conversation();

    for (const path of ['metrics', 'stats', 'sla-alerts']) {
      await box.w.guest.get(`/conversations/${path}`).expect(401);
      await box.company.viewer.get(`/conversations/${path}`).expect(200);
    }
    expect((await box.w.globex.agent.get('/conversations/metrics').expect(200)).body).toMatchObject({ total: 0 });
    expect((await box.w.globex.agent.get('/conversations/stats?period=all').expect(200)).body).toMatchObject({ total_conversations: 0 });
  });

  it('names the wrong field', async () => {
    const { agent } = await shop();
    const ask = (path: string) => agent.get(`/conversations/${path}`);

    await ask('metrics?department_id=vendas').expect(wrongField('query', 'department_id'));
    await ask('metrics?since=ontem').expect(wrongField('query', 'since'));
    await ask('stats?period=fortnight').expect(wrongField('query', 'period'));
    await ask('stats?period=custom&from=2026-01-01').expect(wrongField('query', 'to'));
    await ask('stats?from=2026-01-02&to=2026-01-01').expect(wrongField('query', 'to'));
    await ask('stats?agent_id=42').expect(wrongField('query', 'agent_id'));
    await ask('sla-alerts?nearing_threshold=1.1').expect(wrongField('query', 'nearing_threshold'));
    await ask('sla-alerts?nearing_threshold=0').expect(wrongField('query', 'nearing_threshold'));
    await ask('sla-alerts?queue_id=42').expect(wrongField('query', 'queue_id'));
    for (const nobodys of ['', 'undefined', 'null']) await ask(`metrics?department_id=${nobodys}&queue_id=${nobodys}`).expect(200);
  });
});

describe('metrics', () => {
  it('count what is, of all or of a department, a queue, a time', async () => {
    const { conversation, department, queue, agent, get } = await shop();
    const { id: department_id } = await department();
    const { id: queue_id } = await queue(department_id);
    const mine = { current_agent_id: agent.user.id };
    await conversation({ ...mine, last_message_at: ago(5), first_response_time_seconds: 60 });
    await conversation({ status: 'pending', department_id, queue_id, queued_at: ago(20), sla_breached_at: ago(1) });
    await conversation({ department_id, queue_id, queued_at: ago(2), sla_ends_at: ago(-5), last_message_at: ago(2) });
    await conversation({ status: 'resolved', last_message_at: ago(3 * DAY), first_response_time_seconds: 120 });
    await conversation({ status: 'closed', is_archived: true, last_message_at: ago(3 * DAY), first_response_time_seconds: 9000 });

    expect(await get('metrics')).toMatchObject({
      total: 5,
      open: 2,
      pending: 1,
      resolved: 1,
      closed: 1,
      archived: 1,
      active: 1,
      queued: 2,
      unassigned: 2,
      avg_first_response_seconds: 90,
      overflow_count: 1,
      sla_violations: 1,
      generated_at: expect.any(String) as string,
    });
    const { avg_wait_seconds } = await get('metrics');
    expect(Math.abs(Number(avg_wait_seconds) - 660)).toBeLessThan(10);
    expect(await get(`metrics?queue_id=${queue_id}`)).toMatchObject({ total: 2, active: 0, avg_first_response_seconds: null });
    expect(await get(`metrics?department_id=${randomUUID()}`)).toMatchObject({ total: 0, avg_wait_seconds: null });
    // Without a message they count from when they began.
    expect(await get(`metrics?since=${ago(DAY).toISOString()}`)).toMatchObject({ total: 3, resolved: 0, avg_first_response_seconds: 60 });
  });
});

describe('stats', () => {
  it('tell of a period what went on in it', async () => {
    const { box, w, company, conversation, department, agent, get } = await shop();
    await w.sql(`UPDATE organizations SET settings = '{"timezone": "UTC"}' WHERE id = $1`, [company.id]);
    const { id: department_id, name } = await department();
    const midnight = new Date().setUTCHours(0, 0, 0, 0);
    const at = (days: number, minutes = 1): Date => new Date(midnight - days * DAY * 60_000 + minutes * 1000);
    const mine = { current_agent_id: agent.user.id };
    const begun = { created_at: at(40), first_message_at: at(40), last_message_at: at(0) };
    const today = await conversation({ ...mine, ...begun, department_id, reopened_at: at(0) });
    await conversation({
      ...mine,
      status: 'closed',
      created_at: at(1),
      last_message_at: at(1, 2),
      first_response_at: at(1, 2),
      first_response_time_seconds: 90,
      resolved_at: at(1, 2),
      closed_at: at(1, 2),
      resolution_time_seconds: 7200,
    });
    await conversation({ status: 'pending', created_at: at(0) });
    await conversation({ status: 'resolved', is_archived: true, created_at: at(60), last_message_at: at(50) });
    const [{ contact_id }] = await w.sql<{ contact_id: string }>('SELECT contact_id FROM conversations WHERE id = $1', [today]);
    const said = (created_at: Date, values: object) => box.outgoing({ id: today, contact_id }, { created_at, ...values });
    await said(at(0), { direction: 'incoming', sender_type: 'contact', status: 'received' });
    await said(at(0), { status: 'read' });
    await said(at(0), { status: 'failed' });
    await said(at(0), { direction: 'internal', message_type: 'note', status: 'received' });
    await said(at(20), { status: 'sent' });

    const now = await get('stats');
    expect(now).toMatchObject({
      period: 'today',
      from: new Date(midnight).toISOString(),
      total_conversations: 2,
      open_conversations: 1,
      pending_conversations: 1,
      closed_conversations: 0,
      new_conversations: 1,
      reopened_conversations: 1,
      total_messages: 3,
      messages_sent: 1,
      messages_received: 1,
      avg_response_time_minutes: null,
      by_agent: [{ agent_id: agent.user.id, agent_name: agent.user.full_name, conversations: 1, resolved: 0 }],
      by_department: [{ department_id, department_name: name, conversations: 1, resolved: 0 }],
    });
    expect(await get('stats?period=yesterday')).toMatchObject({
      from: at(1, 0).toISOString(),
      to: new Date(midnight - 1).toISOString(),
      // The other one lived then too: it began before, and has gone on since.
      total_conversations: 2,
      new_conversations: 1,
      total_messages: 0,
      avg_response_time_minutes: 1.5,
      avg_resolution_time_hours: 2,
      by_agent: [{ conversations: 2, resolved: 1 }],
    });
    expect(await get('stats?period=month')).toMatchObject({ total_conversations: 3, new_conversations: 2, total_messages: 4 });
    expect(await get('stats?period=all')).toMatchObject({
      from: null,
      total_conversations: 4,
      archived_conversations: 1,
      total_messages: 4,
    });
    const day = at(20).toISOString().slice(0, 10);
    expect(await get(`stats?period=custom&from=${day}&to=${day}`)).toMatchObject({
      period: 'custom',
      total_conversations: 1,
      messages_sent: 1,
    });
    expect(await get(`stats?period=month&agent_id=${agent.user.id}&department_id=${department_id}`)).toMatchObject({
      total_conversations: 1,
      total_messages: 4,
    });
    expect(await get(`stats?whatsapp_number_id=${randomUUID()}`)).toMatchObject({ total_conversations: 0, total_messages: 0 });
  });
});

describe('SLA alerts', () => {
  it('are of who waits, by the hours of the queue, those that are furthest first', async () => {
    const { conversation, department, queue, agent, get } = await shop();
    const { id: department_id } = await department();
    const [long, short, closed, none] = [
      await queue(department_id, { sla_minutes: 60, name: 'Trocas' }),
      await queue(department_id, { sla_minutes: 10 }),
      await queue(department_id, { sla_minutes: 1, settings: { business_hours: CLOSED } }),
      await queue(department_id),
    ];
    const waits = (of: Row, minutes: number, values: object = {}) =>
      conversation({ department_id, queue_id: of.id, queued_at: ago(minutes), ...values });
    const warned = await waits(long, 50);
    const breached = await waits(short, 30, { priority: 'high' });
    await waits(short, 5);
    await waits(closed, 500);
    await waits(none, 500);
    await waits(short, 500, { current_agent_id: agent.user.id });
    await waits(short, 500, { status: 'closed' });

    const { items, ...page } = await get('sla-alerts');

    expect(page).toMatchObject({ total: 2, page: 1, page_size: 100, total_pages: 1, next_cursor: null });
    expect(items).toMatchObject([
      {
        conversation_id: breached,
        contact_name: 'Ana Souza',
        contact_phone: expect.any(String) as string,
        queue_id: short.id,
        queue_name: 'Pedidos',
        department_id,
        sla_minutes: 10,
        severity: 'critical',
        priority: 'high',
      },
      { conversation_id: warned, queue_name: 'Trocas', severity: 'warning', priority: 'medium' },
    ]);
    const [first] = items as Row[];
    expect(Math.round(Number(first.waited_minutes))).toBe(30);
    expect(Number(first.progress)).toBeCloseTo(3, 0);
    expect(await get('sla-alerts?nearing_threshold=0.4')).toMatchObject({ total: 3 });
    expect(await get('sla-alerts?nearing_threshold=1')).toMatchObject({ total: 1 });
    expect(await get(`sla-alerts?queue_id=${long.id}`)).toMatchObject({ total: 1 });
    expect(await get(`sla-alerts?department_id=${randomUUID()}`)).toMatchObject({ total: 0, items: [] });
    expect(await get('sla-alerts?limit=1&page=2')).toMatchObject({ items: [{ conversation_id: warned }], total_pages: 2, page: 2 });
    expect(await get('sla-alerts?limit=1000')).toMatchObject({ page_size: 200 });
    const { body } = await agent.graphql('{ sla_alerts(nearing_threshold: 1) { conversation_id severity progress } }').expect(200);
    expect(body).toMatchObject({ data: { sla_alerts: [{ conversation_id: breached, severity: 'critical' }] } });
  });

  it('go on being read while messages come', async () => {
    const { box, department, queue, get, admin } = await shop();
    const { id: queue_id } = await queue((await department()).id, { sla_minutes: 1 });
    await admin.put(`/whatsapp/${box.number.id}`, { default_queue_id: queue_id }).expect(200);
    await box.receive(metaPayload.text(box.person()));
    await box.w.sql(`UPDATE conversations SET queued_at = now() - interval '1 minute' WHERE queue_id = $1`, [queue_id]);

    expect(await get('sla-alerts')).toMatchObject({ total: 1, items: [{ severity: 'critical' }] });
  });
});

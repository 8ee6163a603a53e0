import { randomInt } from 'node:crypto';
import { InboundWorker } from '#modules/conversations/filing/inbound.worker';
import { newId } from '#common/uuid';
import type { ContactOrganizationStats } from '#modules/contacts/contact-stats.dto';
import type { ContactView } from '#modules/contacts/contact.dto';
import type { ContactTimeline, TimelineEntry } from '#modules/contacts/timeline.dto';
import type { ContactStats } from '#modules/conversations/contact-stats/contact-stats.dto';
import { type FakeMeta, META_SECRET, fakeMeta, numberInput } from './support/fake-meta';
import { postWebhook } from './support/inbox';
import { metaPayload } from './support/meta-payloads';
import { digits } from './support/official-number';
import { type Person, type World, errorOf, world, wrongField } from './support/world';

// What is told of a contact: figures, what happened, who looks after them; and what is asked of them.

type Row = Record<string, unknown> & { id: string };

let meta: FakeMeta;

beforeAll(async () => {
  meta = await fakeMeta();
});

afterAll(() => meta.close());

const phone = (): string => `+55119${randomInt(60_000_000, 99_999_999)}`;

const create = async (by: Person, body: object = {}): Promise<ContactView> =>
  (await by.post('/contacts', { whatsapp_id: phone(), ...body }).expect(201)).body as ContactView;

const made = async (by: Person, path: string, body: object): Promise<Row> => (await by.post(path, body).expect(201)).body as Row;

const department = (by: Person): Promise<Row> => made(by, '/departments', { name: `Vendas ${newId()}` });

/** A message as the receipt or a send leaves it, `minutes` after noon. */
async function message(w: World, conversation: Row, sender_type: string, minutes: number): Promise<void> {
  await w.sql(
    `INSERT INTO messages (id, organization_id, conversation_id, contact_id, direction, sender_type, message_type, content, status, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, 'text', 'Oi', 'sent', $7)`,
    [
      newId(),
      w.acme.id,
      conversation.id,
      conversation.contact_id,
      sender_type === 'contact' ? 'incoming' : 'outgoing',
      sender_type,
      new Date(Date.UTC(2026, 9, 1, 12, minutes)),
    ],
  );
}

describe('the figures', () => {
  it('of all contacts count everybody once, and nobody who is gone or another organization’s', async () => {
    const { acme, globex, guest, sql } = await world(meta.env);
    const stats = async (by: Person): Promise<ContactOrganizationStats> =>
      (await by.get('/contacts/stats').expect(200)).body as ContactOrganizationStats;
    const nobody = await stats(acme.viewer);
    expect(nobody).toMatchObject({ total_contacts: 0, contacts_with_tags: 0, new_today: 0, by_lifecycle_stage: {}, by_source: {} });

    await create(acme.agent, { is_vip: true, lifecycle_stage: 'lead', tags: ['a', 'b'] });
    await create(acme.agent, { is_blocked: true, lifecycle_stage: 'lead', source: 'fair' });
    await create(acme.agent, { opt_in: false, source: '__proto__' });
    const [week, month] = [await create(acme.agent), await create(acme.agent)];
    const gone = await create(acme.agent, { is_vip: true, tags: ['a'] });
    await acme.agent.delete(`/contacts/${gone.id}`).expect(204);
    await create(globex.agent, { is_vip: true });
    for (const [id, days] of [
      [week.id, 6],
      [month.id, 29],
    ])
      await sql(`UPDATE contacts SET created_at = now() - make_interval(days => $2) WHERE id = $1`, [id, days]);

    const counted = await stats(acme.viewer);
    expect(counted).toMatchObject({
      total_contacts: 5,
      active_contacts: 3,
      blocked_contacts: 1,
      vip_contacts: 1,
      opted_out_contacts: 1,
      contacts_with_tags: 1,
      recent_contacts: 4,
      new_today: 3,
      new_this_week: 4,
      new_this_month: 5,
      by_lifecycle_stage: { lead: 2, unknown: 3 },
    });
    expect(Object.entries(counted.by_source).sort()).toEqual([
      ['__proto__', 1],
      ['api', 3],
      ['fair', 1],
    ]);
    const { body } = await acme.viewer.graphql('{ contact_organization_stats { total_contacts by_lifecycle_stage } }').expect(200);
    expect(body).toEqual({
      data: { contact_organization_stats: { total_contacts: 5, by_lifecycle_stage: { lead: 2, unknown: 3 } } },
    });
    await guest.get('/contacts/stats').expect(401);
  });

  it('of one say how long people took to answer, from the oldest question on, whatever bots said', async () => {
    const w = await world(meta.env);
    const { acme, globex, guest } = w;
    const { id } = await create(acme.agent);
    const conversation = await made(acme.agent, '/conversations', { contact_id: id });
    const stats = async (): Promise<ContactStats> => (await acme.viewer.get(`/contacts/${id}/stats`).expect(200)).body as ContactStats;
    expect(await stats()).toMatchObject({
      total_conversations: 1,
      open_conversations: 1,
      total_messages: 0,
      avg_response_time_minutes: null,
    });

    // 10 minutes, then 4; the bot, the second answer and what nobody answered do not count.
    const talk: [string, number][] = [
      ['agent', 0],
      ['contact', 1],
      ['bot', 2],
      ['contact', 3],
      ['agent', 11],
      ['agent', 12],
      ['contact', 20],
      ['device', 24],
      ['contact', 30],
    ];
    for (const [sender, minutes] of talk) await message(w, conversation, sender, minutes);
    await w.sql('UPDATE contacts SET total_messages_sent = 5, total_messages_received = 4, last_message_at = now() WHERE id = $1', [id]);
    await acme.agent.post(`/conversations/${conversation.id}/close`, {}).expect(200);

    expect(await stats()).toMatchObject({
      total_conversations: 1,
      open_conversations: 0,
      total_messages: 9,
      messages_sent: 5,
      messages_received: 4,
      avg_response_time_minutes: 7,
      last_interaction: expect.any(String) as string,
    });
    const { body } = await acme.viewer.graphql(`{ contact_stats(id: "${id}") { messages_sent avg_response_time_minutes } }`).expect(200);
    expect(body).toEqual({ data: { contact_stats: { messages_sent: 5, avg_response_time_minutes: 7 } } });
    await guest.get(`/contacts/${id}/stats`).expect(401);
    await globex.admin.get(`/contacts/${id}/stats`).expect(404).expect(errorOf('not_found'));
  });
});

describe('the timeline', () => {
  const timeline = async (by: Person, id: string, query = ''): Promise<ContactTimeline> =>
    (await by.get(`/contacts/${id}/timeline?${query}`).expect(200)).body as ContactTimeline;
  const told = ({ items }: ContactTimeline): string[] => items.map(({ type, action }) => `${type} ${action}`);

  /** A contact with some of everything. */
  async function story(w: World): Promise<{ id: string; conversation: Row }> {
    const { agent } = w.acme;
    const { id } = await create(agent, { name: 'Ana' });
    const conversation = await made(agent, '/conversations', { contact_id: id });
    await agent.put(`/contacts/${id}`, { company: 'Oficina', lead_score: 40 }).expect(200);
    await agent.post(`/contacts/${id}/tags`, ['a', 'b']).expect(200);
    await agent.put(`/contacts/${id}`, { opt_in: false }).expect(200);
    await agent.post(`/conversations/${conversation.id}/close`, { reason: 'done' }).expect(200);
    return { id, conversation };
  }

  it('says what happened, the newest first, whoever’s rows it is, and who did it', async () => {
    const w = await world(meta.env);
    const { acme } = w;
    const { id, conversation } = await story(w);
    const entries = await timeline(acme.admin, id);

    const [closed, resolved, ...before] = entries.items;
    expect([closed, resolved].map(({ action }) => action).sort()).toEqual(['conversation.closed', 'conversation.resolved']);
    expect(told({ ...entries, items: before })).toEqual([
      ...told({ ...entries, items: before.slice(0, 2) })
        .sort()
        .reverse(),
      'tag contact.tags_changed',
      'edit contact.updated',
      'conversation conversation.started',
      'edit contact.created',
    ]);
    expect(told({ ...entries, items: before.slice(0, 2) }).sort()).toEqual(['consent consent.recorded', 'edit contact.updated']);
    const of = (action: string): TimelineEntry[] => entries.items.filter((entry) => entry.action === action);
    expect(of('conversation.closed')).toMatchObject([{ data: { conversation_id: conversation.id, close_reason: 'done' }, user_id: null }]);
    expect(of('contact.tags_changed')).toMatchObject([
      { data: { added: [{ name: 'a' }, { name: 'b' }], removed: [] }, user_id: acme.agent.user.id, user_name: acme.agent.user.full_name },
    ]);
    // What says who it is, is told without its value.
    expect(of('contact.updated').at(-1)?.data).toEqual({
      changes: { company: { from: null, to: '***' }, lead_score: { from: 0, to: 40 } },
    });
    expect(of('consent.recorded')).toMatchObject([{ data: { purpose: 'marketing', granted: false } }]);
  });

  it('goes on where a page ended, each entry once, of all types or some', async () => {
    const w = await world(meta.env);
    const { acme, globex, guest } = w;
    const { id } = await story(w);
    const all = await timeline(acme.admin, id);
    const read: TimelineEntry[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: ContactTimeline = await timeline(acme.admin, id, `limit=2${cursor && `&cursor=${cursor}`}`);
      read.push(...page.items);
      cursor = page.next_cursor;
    }
    expect(all.next_cursor).toBeNull();
    expect(read).toEqual(all.items);
    expect(told(await timeline(acme.admin, id, 'type=tag,consent'))).toEqual(['consent consent.recorded', 'tag contact.tags_changed']);
    // A deleted tag has no name any more.
    const { body: tags } = await acme.agent.get('/contacts/tags?q=a').expect(200);
    await acme.agent.delete(`/contacts/tags/${(tags as { items: Row[] }).items[0].id}`).expect(204);
    const [entry] = (await timeline(acme.admin, id, 'type=tag')).items;
    expect(entry.data).toMatchObject({ added: [{ name: null }, { name: 'b' }] });

    for (const [query, field] of [
      ['type=sale', 'type'],
      ['type=a,,b', 'type'],
      ['cursor=abc', 'cursor'],
      [`cursor=${Buffer.from("2026-01-01T00:00:00Z ' OR 1=1").toString('base64url')}`, 'cursor'],
      ['limit=0', 'limit'],
    ])
      await acme.admin.get(`/contacts/${id}/timeline?${query}`).expect(wrongField('query', field));
    await globex.admin.get(`/contacts/${id}/timeline`).expect(404).expect(errorOf('not_found'));
    await guest.get(`/contacts/${id}/timeline`).expect(401);
    const { body } = await acme.admin
      .graphql(`{ contact_timeline(id: "${id}", limit: 1, type: "edit") { items { action user_name data } next_cursor } }`)
      .expect(200);
    expect(body).toMatchObject({
      data: { contact_timeline: { items: [{ action: 'contact.updated' }], next_cursor: expect.any(String) as string } },
    });
  });

  it('keeps from everybody what they may not read elsewhere', async () => {
    const w = await world(meta.env);
    const { acme } = w;
    const { id } = await story(w);
    const types = async (by: Person): Promise<string[]> => [...new Set((await timeline(by, id)).items.map(({ type }) => type))].sort();

    expect(await types(acme.agent)).toEqual(['consent', 'conversation', 'edit', 'tag']);
    expect(await types(acme.viewer)).toEqual(['conversation', 'edit', 'tag']);
    await acme.admin.put(`/users/${acme.agent.user.id}/permissions`, { permissions: ['read:contacts'] }).expect(200);
    expect(await types(acme.agent)).toEqual(['edit', 'tag']);
    expect((await timeline(acme.agent, id, 'type=conversation')).items).toEqual([]);
  });
});

describe('a VIP', () => {
  it('is one by one call and no longer by another, however often', async () => {
    const { acme, globex, sql } = await world(meta.env);
    const { id } = await create(acme.agent);
    for (const is_vip of [true, true]) {
      const { body } = await acme.agent.post(`/contacts/${id}/vip`).expect(200);
      expect(body).toMatchObject({ id, is_vip });
    }
    for (const is_vip of [false, false]) {
      const { body } = await acme.agent.delete(`/contacts/${id}/vip`).expect(200);
      expect(body).toMatchObject({ id, is_vip });
    }
    const said = await sql('SELECT action, changes FROM audit_logs WHERE organization_id = $1 AND resource_id = $2 ORDER BY id', [
      acme.id,
      id,
    ]);
    expect(said.slice(1)).toEqual([
      { action: 'contact.vip_changed', changes: { is_vip: { from: false, to: true } } },
      { action: 'contact.vip_changed', changes: { is_vip: { from: true, to: false } } },
    ]);
    await acme.viewer.post(`/contacts/${id}/vip`).expect(403);
    await acme.viewer.delete(`/contacts/${id}/vip`).expect(403);
    await globex.admin.post(`/contacts/${id}/vip`).expect(404);
    const { body } = await acme.agent.graphql(`mutation { markContactVip(id: "${id}") { is_vip } unmarkContactVip(id: "${id}") { id } }`);
    expect(body).toEqual({ data: { markContactVip: { is_vip: true }, unmarkContactVip: { id } } });
  });

  it('waits before everybody, in the VIP queue of the highest priority, and like everybody once it is none', async () => {
    const { acme } = await world(meta.env);
    const { id: department_id } = await department(acme.admin);
    const queue = (values: object): Promise<Row> => made(acme.admin, '/queues', { department_id, name: `Fila ${newId()}`, ...values });
    await queue({ priority: 60, settings: { is_vip_queue: true } });
    const best = await queue({ priority: 70, settings: { is_vip_queue: true } });
    const off = await queue({ priority: 90, settings: { is_vip_queue: true } });
    await acme.admin.put(`/queues/${off.id}`, { is_active: false }).expect(200);
    const { id } = await create(acme.agent);
    await acme.agent.post(`/contacts/${id}/vip`).expect(200);

    const first = await made(acme.agent, '/conversations', { contact_id: id });
    expect(first).toMatchObject({ queue_id: best.id, queue_priority: 100, is_queued: true });
    await acme.agent.post(`/conversations/${first.id}/close`, {}).expect(200);
    await acme.agent.delete(`/contacts/${id}/vip`).expect(200);
    expect(await made(acme.agent, '/conversations', { contact_id: id })).toMatchObject({ queue_id: null, queue_priority: 50 });
  });
});

describe('the department of a contact', () => {
  it('is one of the organization’s, narrows the list, and hands them on when it goes', async () => {
    const { acme, globex } = await world(meta.env);
    const [sales, help] = [await department(acme.admin), await department(acme.admin)];
    const theirs = await department(globex.admin);
    const { id } = await create(acme.agent, { assigned_department_id: sales.id });
    await create(acme.agent);
    const inDepartment = async (department_id: string): Promise<string[]> =>
      ((await acme.viewer.get(`/contacts?department_id=${department_id}`).expect(200)).body as { items: Row[] }).items.map((one) => one.id);

    for (const assigned_department_id of [theirs.id, newId()]) {
      await acme.agent.put(`/contacts/${id}`, { assigned_department_id }).expect(404);
      await acme.agent.post('/contacts', { whatsapp_id: phone(), assigned_department_id }).expect(404);
    }
    expect(await inDepartment(sales.id)).toEqual([id]);
    expect(await inDepartment(theirs.id)).toEqual([]);
    await acme.admin.delete(`/departments/${sales.id}?move_to_department_id=${help.id}`).expect(204);
    expect(await inDepartment(help.id)).toEqual([id]);
    await acme.admin.delete(`/departments/${help.id}`).expect(204);
    const { body } = await acme.viewer.get(`/contacts/${id}`).expect(200);
    expect(body).toMatchObject({ assigned_department_id: null });
  });
});

describe('a contact whose phone is hidden', () => {
  it('is asked for it with a button, and known by it once they tap', async () => {
    const w = await world(meta.env);
    const { acme, globex } = w;
    const line = meta.number(`+55 11 4${digits(7)}`);
    await made(acme.admin, '/whatsapp', numberInput(line));
    const user_id = `BR.${digits(16)}`;
    const to = { phone_number_id: line.phone_number_id, waba_id: line.waba_id };
    const receive = async (payload: object): Promise<void> => {
      await postWebhook(w, payload, { secret: META_SECRET }).expect(200);
      await w.app.get(InboundWorker).idle();
    };
    const hidden = { ...to, from: null, user_id, username: 'ana.souza', name: 'Ana' };
    await receive(metaPayload.text(hidden));
    const [ana] = ((await acme.agent.get('/contacts').expect(200)).body as { items: ContactView[] }).items;
    expect(ana).toMatchObject({ whatsapp_id: null, whatsapp_user_id: user_id });

    for (const by of [acme.viewer, w.guest]) await by.post(`/contacts/${ana.id}/request-phone`).expect(by === w.guest ? 401 : 403);
    await globex.admin.post(`/contacts/${ana.id}/request-phone`).expect(404);
    const key = newId();
    const ask = (): ReturnType<Person['post']> => acme.agent.post(`/contacts/${ana.id}/request-phone`).set('Idempotency-Key', key);
    const [sent, again] = [await ask().expect(201), await ask().expect(201)];
    expect(again.body).toEqual(sent.body);
    expect(sent.body).toMatchObject({ contact_id: ana.id, status: 'pending', message: { message_type: 'interactive' } });
    const status = async (): Promise<string> =>
      ((await acme.agent.get(`/whatsapp/messages/${sent.body.message_id}`).expect(200)).body as { status: string }).status;
    while ((await status()) === 'pending') await new Promise((resolve) => setTimeout(resolve, 20));
    const left = meta.simulator.sent().map(({ body }) => body as Record<string, unknown>);
    expect(left.filter(({ recipient }) => recipient === user_id)).toMatchObject([
      { type: 'interactive', interactive: { type: 'request_contact_info', action: { name: 'request_contact_info' } } },
    ]);

    const shared = `55119${digits(8).replace(/^./, '8')}`;
    await receive(metaPayload.contactRequest({ ...hidden, phone: shared }));
    const { body } = await acme.agent.get(`/contacts/${ana.id}`).expect(200);
    expect(body).toMatchObject({ id: ana.id, whatsapp_id: `+${shared}` });
  });

  it('is not asked outside of the window, nor when blocked', async () => {
    const { acme } = await world(meta.env);
    const { id } = await create(acme.agent);
    await acme.agent.post(`/contacts/${id}/request-phone`).expect(409).expect(errorOf('no_whatsapp_number'));
    const line = meta.number(`+55 11 4${digits(7)}`);
    await made(acme.admin, '/whatsapp', numberInput(line));
    await acme.agent.post(`/contacts/${id}/request-phone`).expect(409).expect(errorOf('window_closed'));
    expect(((await acme.agent.get(`/conversations?contact_id=${id}`).expect(200)).body as { total: number }).total).toBe(0);
    await acme.agent.post(`/contacts/${id}/block`).expect(200);
    await acme.agent.post(`/contacts/${id}/request-phone`).expect(409).expect(errorOf('contact_blocked'));
    const { body } = await acme.agent.graphql(`mutation { requestContactPhone(id: "${id}") { message_id } }`).expect(200);
    expect(body).toMatchObject({ errors: [{ extensions: { error_code: 'contact_blocked' } }] });
  });
});

import { EventBus, type Events } from '#common/events';
import { newId } from '#common/uuid';
import { Database } from '#database/database';
import { DueRows } from '#database/due-rows';
import { RouteQueues } from '#modules/queues/routing/route-queues';
import { phone } from './support/acts';
import { Inbox, type Row, inbox } from './support/inbox';
import { metaPayload } from './support/meta-payloads';
import { socketOf, until } from './support/sockets';
import { type Company, type Person, type World, errorOf, world, wrongField } from './support/world';

interface Queue {
  id: string;
  department_id: string;
  [field: string]: unknown;
}

const CLOSED = { schedule: { monday: { enabled: false } } };

/** A team of an organization and what happens in its queues. */
class Team {
  constructor(
    readonly w: World,
    readonly company: Company,
    readonly department_id: string,
  ) {}

  static async of(w: World, company = w.acme, agents: Person[] = [company.agent], values: object = {}): Promise<Team> {
    const input = { name: `Vendas ${newId()}`, agent_ids: agents.map(({ user }) => user.id), ...values };
    const { body } = await company.admin.post('/departments', input).expect(201);
    return new Team(w, company, (body as Row).id);
  }

  get admin(): Person {
    return this.company.admin;
  }

  get agent(): Person {
    return this.company.agent;
  }

  async queue(values: object = {}): Promise<Queue> {
    const input = { department_id: this.department_id, name: `Pedidos ${newId()}`, ...values };
    return (await this.admin.post('/queues', input).expect(201)).body as Queue;
  }

  /** Somebody waits in it. */
  async waits(queue_id: string, values: object = {}): Promise<Row> {
    return (await this.agent.post('/conversations', { contact_phone: phone(), queue_id, ...values }).expect(201)).body as Row;
  }

  /** Many at once, as entering leaves them; the first has waited longest. */
  async crowd(queue: Queue, count: number): Promise<string[]> {
    const rows = await this.w.sql<{ id: string }>(
      `WITH people AS (INSERT INTO contacts (id, organization_id, name)
         SELECT gen_random_uuid(), $1, 'Cliente ' || n FROM generate_series(1, $4) n RETURNING id)
       INSERT INTO conversations (id, organization_id, contact_id, queue_id, department_id, queued_at)
         SELECT gen_random_uuid(), $1, id, $2, $3, now() - interval '1 hour' + row_number() OVER () * interval '1 second' FROM people RETURNING id`,
      [this.company.id, queue.id, queue.department_id, count],
    );
    return rows.map(({ id }) => id);
  }

  /** They are online and want work, or not; nobody is told. */
  async set(people: Person[], values: { is_online?: boolean; agent_status?: string; ago?: string } = {}): Promise<void> {
    const { is_online = true, agent_status = 'available', ago = '0 s' } = values;
    await this.w.sql('UPDATE users SET is_online = $2, agent_status = $3, last_seen_at = now() - $4::interval WHERE id = ANY($1)', [
      people.map(({ user }) => user.id),
      is_online,
      agent_status,
      ago,
    ]);
  }

  async hire(count: number): Promise<Person[]> {
    const people = await Promise.all(Array.from({ length: count }, () => this.company.hire('agent')));
    await this.admin
      .put(`/departments/${this.department_id}`, { agent_ids: [this.agent, ...people].map(({ user }) => user.id) })
      .expect(200);
    return people;
  }

  /** What is due is done: routing, the SLA's clock, what agents left. */
  async settle(): Promise<void> {
    const rows = this.w.app.get(DueRows);
    await rows.idle();
    await rows.sweep();
    this.w.app.get(RouteQueues).wake(this.company.id);
    await rows.idle();
  }

  async conversation(id: string): Promise<Row> {
    return (await this.agent.get(`/conversations/${id}`).expect(200)).body as Row;
  }

  hear<K extends keyof Events>(name: K): Events[K][] {
    const heard: Events[K][] = [];
    this.w.app.get(EventBus).on(name, (event) => {
      if ((event as { organization_id?: string }).organization_id === this.company.id) heard.push(event);
    });
    return heard;
  }
}

/** No Graph API answers there: what leaves is not looked at. */
const team = async (): Promise<Team> => Team.of(await world({ META_GRAPH_BASE_URL: 'http://127.0.0.1:9' }));
const ids = (rows: { id: string }[]): string[] => rows.map(({ id }) => id);
const items = async (by: Person, path: string): Promise<Row[]> => ((await by.get(path).expect(200)).body as { items: Row[] }).items;

describe('the five firsts', () => {
  it('is closed without a token', async () => {
    const t = await team();
    const { id } = await t.queue();
    for (const path of ['/queues', `/queues/${id}`, `/queues/${id}/stats`, '/queue', '/queue/offers'])
      await t.w.guest.get(path).expect(401);
    await t.w.guest.post('/queues', {}).expect(401);
    await t.w.guest.post('/queue/pull').expect(401);
  });

  it('lets a viewer read and write nothing, and an agent change no queue', async () => {
    const t = await team();
    const { id, department_id } = await t.queue();
    const { viewer, agent } = t.company;
    await viewer.get(`/queues/${id}/agents`).expect(200);
    await viewer.post('/queue/pull').expect(403).expect(errorOf('insufficient_role'));
    for (const person of [viewer, agent]) {
      await person.post('/queues', { department_id, name: 'Trocas' }).expect(403);
      await person.put(`/queues/${id}`, { name: 'Trocas' }).expect(403);
      await person.delete(`/queues/${id}`).expect(403);
      await person.post('/queues/reorder', { reorders: [{ queue_id: id, new_priority: 1 }] }).expect(403);
    }
  });

  it("hides another organization's queue", async () => {
    const t = await team();
    const { id, department_id } = await t.queue();
    const { admin, agent } = t.w.globex;
    for (const path of ['', '/stats', '/metrics', '/agents', '/conversations']) await agent.get(`/queues/${id}${path}`).expect(404);
    await agent.get(`/queue?queue_id=${id}`).expect(404);
    await agent.post(`/queue/pull?department_id=${department_id}`).expect(404);
    await agent.post('/conversations', { contact_phone: phone(), queue_id: id }).expect(404);
    await admin.post('/queues', { department_id, name: 'Trocas' }).expect(404);
    await admin.delete(`/queues/${id}`).expect(404);
    const own = await (await Team.of(t.w, t.w.globex)).queue();
    await admin.put(`/queues/${own.id}`, { overflow_queue_id: id }).expect(404);
    await admin.put(`/queues/${own.id}`, { settings: { allowed_agent_ids: [t.agent.user.id] } }).expect(404);
    await admin.delete(`/queues/${own.id}?move_to_queue_id=${id}`).expect(404);
    expect(await items(agent, '/queues')).toHaveLength(1);
  });

  it.each<[object, (string | number)[]]>([
    [{ name: ' ' }, ['name']],
    [{ slug: 'Pedidos!' }, ['slug']],
    [{ color: 'green' }, ['color']],
    [{ priority: 101 }, ['priority']],
    [{ sla_minutes: 0 }, ['sla_minutes']],
    [{ sla_minutes: 10_081 }, ['sla_minutes']],
    [{ routing_mode: 'random' }, ['routing_mode']],
    [{ max_conversations_per_agent: 0 }, ['max_conversations_per_agent']],
    [{ max_queue_size: 0 }, ['max_queue_size']],
    [{ max_queue_size: 2 ** 31 }, ['max_queue_size']],
    [{ settings: { min_proficiency: 6 } }, ['body', 'settings', 'min_proficiency']],
    [{ settings: { business_hours: { funday: {} } } }, ['body', 'settings', 'business_hours']],
    [{ settings: { offline_message: 'x'.repeat(1025) } }, ['body', 'settings', 'offline_message']],
    [{ settings: { note: 'x'.repeat(17_000) } }, ['settings']],
  ])('refuses a wrong value, %#', async (wrong, loc) => {
    const t = await team();
    await t.admin.post('/queues', { department_id: t.department_id, name: 'Pedidos', ...wrong }).expect(wrongField(...loc));
  });

  it('lists: pages, filters, searches and sorts, those that are served first first', async () => {
    const t = await team();
    const low = await t.queue({ name: 'Trocas', priority: 10 });
    const high = await t.queue({ name: 'Urgências', priority: 90 });
    const other = await (await Team.of(t.w)).queue({ name: 'Dúvidas', is_active: false });

    expect(ids(await items(t.agent, '/queues'))).toEqual([high.id, other.id, low.id]);
    expect(ids(await items(t.agent, '/queues?limit=1&page=2'))).toEqual([other.id]);
    expect(ids(await items(t.agent, `/queues?department_id=${t.department_id}&sort=name:asc`))).toEqual([low.id, high.id]);
    expect(ids(await items(t.agent, '/queues?is_active=false'))).toEqual([other.id]);
    expect(ids(await items(t.agent, '/queues?search=urgencias'))).toEqual([high.id]);
    await t.agent.get('/queues?sort=settings').expect(422);
  });

  it('lists those of one priority by their names, from page to page too', async () => {
    const t = await team();
    const names = ['Delta', 'Bravo', 'Echo', 'Alfa', 'Charlie'];
    for (const name of names) await t.queue({ name, priority: name === 'Echo' ? 90 : 50 });

    const listed = ['Echo', 'Alfa', 'Bravo', 'Charlie', 'Delta'];
    expect((await items(t.agent, '/queues')).map(({ name }) => name)).toEqual(listed);
    const paged: unknown[] = [];
    for (let page = 1; page <= 3; page++) paged.push(...(await items(t.agent, `/queues?limit=2&page=${page}`)).map(({ name }) => name));
    expect(paged).toEqual(listed);
    const followed: unknown[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const answer: { body: unknown } = await t.agent.get(`/queues?limit=2${cursor && `&cursor=${cursor}`}`).expect(200);
      const page = answer.body as { items: { name: string }[]; next_cursor: string | null };
      followed.push(...page.items.map(({ name }) => name));
      cursor = page.next_cursor;
    }
    expect(followed).toEqual(listed);
  });
});

describe('a queue', () => {
  it('has defaults, and hours in one form', async () => {
    const t = await team();
    const queue = await t.queue({
      name: 'Trocas e Devoluções',
      settings: { business_hours: { monday: { start: '09:00', end: '18:00' } }, skills_required: ['Inglês'], own_key: 5 },
    });

    expect(queue).toMatchObject({
      slug: 'trocas-e-devolucoes',
      color: '#10B981',
      priority: 50,
      routing_mode: 'round_robin',
      is_active: true,
      auto_assign_conversations: true,
      max_conversations_per_agent: 10,
      max_queue_size: null,
      queued_conversations: 0,
      average_wait_time_seconds: null,
      is_overloaded: false,
      has_capacity: true,
      settings: {
        business_hours: { timezone: null, schedule: { monday: { enabled: true, start: '09:00', end: '18:00' } } },
        skills_required: ['Inglês'],
        own_key: 5,
      },
    });
    const { body } = await t.admin.put(`/queues/${queue.id}`, { settings: { skills_required: null, is_vip_queue: true } }).expect(200);
    expect((body as Queue).settings).toEqual({ business_hours: expect.anything() as unknown, own_key: 5, is_vip_queue: true });
  });

  it('has a slug of its own in its department, whoever comes first of fifty', async () => {
    const t = await team();
    const made = await Promise.all(
      Array.from({ length: 50 }, () => t.admin.post('/queues', { department_id: t.department_id, name: 'Pedidos' })),
    );
    expect(made.map(({ status }) => status).sort()).toEqual([201, ...Array<number>(49).fill(409)]);

    const there = await (await Team.of(t.w)).queue({ name: 'Pedidos' });
    await t.agent.get('/queues/by-slug/pedidos').expect(409).expect(errorOf('ambiguous_slug'));
    const { body } = await t.agent.get(`/queues/by-slug/pedidos?department_id=${there.department_id}`).expect(200);
    expect((body as Queue).id).toBe(there.id);
    await t.agent.get('/queues/by-slug/nowhere').expect(404);
  });

  it('overflows into no circle, whichever way it is closed', async () => {
    const t = await team();
    const a = await t.queue();
    const b = await t.queue({ overflow_queue_id: a.id });
    const c = await t.queue({ overflow_queue_id: b.id });
    await t.admin.put(`/queues/${a.id}`, { overflow_queue_id: a.id }).expect(422).expect(errorOf('overflow_cycle'));
    await t.admin.put(`/queues/${a.id}`, { overflow_queue_id: c.id }).expect(422).expect(errorOf('overflow_cycle'));

    const [x, y] = [await t.queue(), await t.queue()];
    const both = await Promise.all([
      t.admin.put(`/queues/${x.id}`, { overflow_queue_id: y.id }),
      t.admin.put(`/queues/${y.id}`, { overflow_queue_id: x.id }),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 422]);
  });

  it('is reordered with others, all or none', async () => {
    const t = await team();
    const [a, b] = [await t.queue(), await t.queue()];
    const reorders = [
      { queue_id: a.id, new_priority: 1 },
      { queue_id: b.id, new_priority: 99 },
    ];
    await t.admin.post('/queues/reorder', { reorders: [...reorders, { queue_id: newId(), new_priority: 5 }] }).expect(404);
    expect((await t.admin.get(`/queues/${a.id}`)).body).toMatchObject({ priority: 50 });

    const { body } = await t.admin.post('/queues/reorder', { reorders }).expect(200);
    expect((body as { items: Queue[] }).items.map(({ id }) => id)).toEqual([b.id, a.id]);
  });

  it('is deleted when nothing is open in it, else what is open goes on elsewhere', async () => {
    const t = await team();
    const [from, to, full] = [await t.queue(), await t.queue(), await t.queue()];
    await t.admin.put(`/queues/${full.id}`, { overflow_queue_id: from.id }).expect(200);
    const waiting = await t.waits(from.id);
    const { queued_at } = await t.conversation(waiting.id);
    await t.admin.delete(`/queues/${from.id}`).expect(409).expect(errorOf('queue_not_empty'));
    await t.admin.delete(`/queues/${from.id}?move_to_queue_id=${from.id}`).expect(422);
    await t.admin.post('/queues/bulk-delete', { queue_ids: [from.id, full.id] }).expect(409);
    await t.admin.get(`/queues/${full.id}`).expect(200);

    await t.admin.delete(`/queues/${from.id}?move_to_queue_id=${to.id}`).expect(204);
    await t.admin.get(`/queues/${from.id}`).expect(404);
    expect(await t.conversation(waiting.id)).toMatchObject({ queue_id: to.id, queued_at, is_queued: true });
    expect((await t.admin.get(`/queues/${full.id}`)).body).toMatchObject({ overflow_queue_id: null });
    await t.admin.post('/queues/bulk-delete', { queue_ids: [full.id, newId()] }).expect(204);
    await t.admin.post('/queues/bulk-delete', { queue_ids: [full.id, newId()] }).expect(404);
  });

  it('takes along what is open in it to another department', async () => {
    const t = await team();
    const other = await Team.of(t.w);
    const queue = await t.queue({ sla_minutes: 30 });
    const { id } = await t.waits(queue.id);
    const { queued_at } = await t.conversation(id);
    await t.admin.put(`/queues/${queue.id}`, { department_id: other.department_id }).expect(200);
    expect(await t.conversation(id)).toMatchObject({ queue_id: queue.id, department_id: other.department_id, queued_at, is_queued: true });
    expect(ids(await items(t.agent, `/queue?department_id=${other.department_id}`))).toEqual([id]);
    await t.admin.delete(`/departments/${t.department_id}`).expect(204);
  });

  it('is not made in a department that is deleted at the same time', async () => {
    const t = await team();
    const deletion = t.w.app.get(Database).source.createQueryRunner();
    await deletion.startTransaction();
    await deletion.query('UPDATE departments SET deleted_at = now() WHERE organization_id = $1 AND id = $2', [
      t.company.id,
      t.department_id,
    ]);
    const made = t.admin.post('/queues', { department_id: t.department_id, name: 'Pedidos' }).then(({ status }) => status);
    await Promise.race([made, until(async () => (await t.w.sql('SELECT 1 FROM pg_locks WHERE NOT granted')).length)]);
    await deletion.commitTransaction();
    await deletion.release();
    expect(await made).toBe(404);
  });

  it('keeps its slug to itself where its department becomes part of another', async () => {
    const t = await team();
    const other = await Team.of(t.w);
    const [queue, there] = [await t.queue({ name: 'Pedidos' }), await other.queue({ name: 'Pedidos' })];
    const remove = () => t.admin.delete(`/departments/${t.department_id}?move_to_department_id=${other.department_id}`);
    await remove().expect(409).expect(errorOf('already_exists'));
    expect((await t.admin.get(`/queues/${queue.id}`)).body).toMatchObject({ department_id: t.department_id });
    await t.admin.put(`/queues/${there.id}`, { slug: 'pedidos-2' }).expect(200);
    await remove().expect(204);
  });

  it('goes with its department to another one', async () => {
    const t = await team();
    const other = await Team.of(t.w);
    const queue = await t.queue();
    await t.admin.delete(`/departments/${t.department_id}`).expect(409).expect(errorOf('department_in_use'));

    await t.admin.delete(`/departments/${t.department_id}?move_to_department_id=${other.department_id}`).expect(204);
    expect((await t.admin.get(`/queues/${queue.id}`)).body).toMatchObject({ department_id: other.department_id });
  });
});

describe('hours of a queue', () => {
  it('that say special days alone are laid over those of its department', async () => {
    const t = await Team.of(await world(), undefined, undefined, { business_hours: CLOSED });
    const queue = await t.queue();
    const isOpen = async (business_hours: object): Promise<unknown> =>
      ((await t.admin.put(`/queues/${queue.id}`, { settings: { business_hours } }).expect(200)).body as Queue).is_open;

    for (const hours of [{ national_holidays: 'BR' }, { holidays: [{ date: '2026-12-25' }] }, { timezone: 'UTC' }])
      expect({ hours, is_open: await isOpen(hours) }).toEqual({ hours, is_open: false });
    expect(await isOpen({ always_open: true })).toBe(true);
  });
});

describe('entering a queue', () => {
  it('waits there, without an agent, and says so', async () => {
    const t = await team();
    const queue = await t.queue({ priority: 70 });
    const queued = t.hear('conversation.queued');

    const conversation = await t.waits(queue.id);

    expect(conversation).toMatchObject({
      status: 'open',
      queue_id: queue.id,
      department_id: t.department_id,
      queue_priority: 70,
      current_agent_id: null,
      is_queued: true,
      queued_at: expect.any(String) as string,
    });
    expect(queued).toEqual([expect.objectContaining({ conversation_id: conversation.id, queue_id: queue.id })]);
    expect((await t.agent.get(`/queues/${queue.id}/stats`)).body).toMatchObject({
      waiting: 1,
      queued_conversations: 1,
      active_conversations: 0,
    });
  });

  it('by the name of its department waits in the best queue of that, or in none', async () => {
    const t = await team();
    const bare = await Team.of(t.w);
    await t.queue({ priority: 10 });
    const best = await t.queue({ priority: 60 });
    await t.queue({ priority: 90, is_active: false });

    const start = (body: object) => t.agent.post('/conversations', { contact_phone: phone(), ...body });
    expect((await start({ department_id: t.department_id }).expect(201)).body).toMatchObject({ queue_id: best.id, is_queued: true });
    expect((await start({ department_id: bare.department_id }).expect(201)).body).toMatchObject({
      department_id: bare.department_id,
      queue_id: null,
      is_queued: false,
    });
    await start({ department_id: bare.department_id, queue_id: best.id }).expect(wrongField('queue_id'));
    await start({ department_id: newId() }).expect(404);
  });

  it('that is switched off is refused to who names it', async () => {
    const t = await team();
    const queue = await t.queue({ is_active: false });
    await t.agent.post('/conversations', { contact_phone: phone(), queue_id: queue.id }).expect(wrongField('queue_id'));
    const on = await t.queue();
    await t.admin.put(`/departments/${t.department_id}`, { is_active: false }).expect(200);
    await t.agent.post('/conversations', { contact_phone: phone(), queue_id: on.id }).expect(wrongField('queue_id'));
  });

  it('with an agent named is theirs at once', async () => {
    const t = await team();
    const queue = await t.queue();
    const conversation = await t.waits(queue.id, { assigned_agent_id: t.agent.user.id });
    expect(conversation).toMatchObject({ queue_id: queue.id, current_agent_id: t.agent.user.id, is_queued: false });
  });

  it('again by an update takes it from its agent; a department alone does not', async () => {
    const t = await team();
    const other = await Team.of(t.w);
    const [queue, next] = [await t.queue(), await other.queue()];
    const { id } = await t.waits(queue.id, { assigned_agent_id: t.agent.user.id });

    const put = async (body: object) => (await t.agent.put(`/conversations/${id}`, body).expect(200)).body as Row;
    expect(await put({ assigned_department_id: other.department_id })).toMatchObject({
      department_id: other.department_id,
      current_agent_id: t.agent.user.id,
    });
    expect(await put({ queue_id: next.id })).toMatchObject({ queue_id: next.id, current_agent_id: null, is_queued: true });
    expect(await put({ queue_id: null })).toMatchObject({ queue_id: null, queued_at: null, is_queued: false });
    await t.agent.post(`/conversations/${id}/close`, {}).expect(200);
    await t.agent.put(`/conversations/${id}`, { queue_id: queue.id }).expect(409).expect(errorOf('conversation_not_active'));
  });

  it('is told of the queue that is left as well', async () => {
    const t = await team();
    const [queue, next] = [await t.queue(), await t.queue()];
    const { id } = await t.waits(queue.id);
    const socket = await socketOf(t.agent);
    await t.agent.put(`/conversations/${id}`, { queue_id: next.id }).expect(200);
    await socket.hear('queue:updated', (data) => data.queue_id === queue.id && data.waiting === 0);
    await socket.hear('queue:updated', (data) => data.queue_id === next.id && data.waiting === 1);
    await t.agent.put(`/conversations/${id}`, { queue_id: null }).expect(200);
    await socket.hear('queue:updated', (data) => data.queue_id === next.id && data.waiting === 0);
  });

  it('that is full goes on to where there is room, hop by hop, and stays in the first where nowhere is', async () => {
    const t = await team();
    const last = await t.queue({ max_queue_size: 1 });
    const middle = await t.queue({ max_queue_size: 1, overflow_queue_id: last.id });
    const first = await t.queue({ max_queue_size: 1, overflow_queue_id: middle.id });
    const overflowed = t.hear('queue.overflowed');

    const entered = [];
    for (let n = 0; n < 5; n++) entered.push(await t.waits(first.id));

    expect(entered.map(({ queue_id }) => queue_id)).toEqual([first.id, middle.id, last.id, first.id, first.id]);
    expect((entered[2].extra_data as Row).overflow_history).toEqual([
      { original_queue_id: first.id, overflow_queue_id: middle.id, overflowed_at: expect.any(String) as string },
      { original_queue_id: middle.id, overflow_queue_id: last.id, overflowed_at: expect.any(String) as string },
    ]);
    expect(overflowed).toHaveLength(2);
    expect((await t.agent.get(`/queues/${first.id}`)).body).toMatchObject({
      is_overloaded: true,
      has_capacity: false,
      queued_conversations: 3,
    });
    await t.settle();
    const told = await t.w.sql('SELECT FROM notifications WHERE organization_id = $1 AND type = $2', [t.company.id, 'queue_overflow']);
    expect(told).toHaveLength(1);
    expect((await t.agent.get(`/queues/${first.id}/metrics`)).body).toMatchObject({
      overflow_events: 2,
      occupancy_trend: [expect.objectContaining({ queued: 3, capacity: 1, occupancy_percent: 300 })],
    });
  });

  it('again finds its own place free', async () => {
    const t = await team();
    const over = await t.queue();
    const queue = await t.queue({ max_queue_size: 1, overflow_queue_id: over.id });
    const { id } = await t.waits(queue.id);
    await t.agent.post(`/conversations/${id}/assign`, { agent_id: t.agent.user.id }).expect(200);
    await t.agent.post(`/conversations/${id}/assign`, { agent_id: null }).expect(200);
    expect(await t.conversation(id)).toMatchObject({ queue_id: queue.id, is_queued: true, extra_data: {} });
  });

  it('by fifty at once takes no more than it may hold', async () => {
    const t = await team();
    const over = await t.queue();
    const queue = await t.queue({ max_queue_size: 20, overflow_queue_id: over.id });
    await Promise.all(Array.from({ length: 50 }, () => t.waits(queue.id)));
    const waiting = async (id: string) => ((await t.agent.get(`/queues/${id}/stats`)).body as Row).waiting;
    expect([await waiting(queue.id), await waiting(over.id)]).toEqual([20, 30]);
  });

  it('of VIPs is theirs, before everybody', async () => {
    const t = await team();
    const plain = await t.queue();
    const vip = await t.queue({ settings: { is_vip_queue: true } });
    const { body } = await t.agent.post('/contacts', { whatsapp_id: phone(), is_vip: true }).expect(201);
    const contact_id = (body as Row).id;
    const start = (values: object) => t.agent.post('/conversations', { contact_id, ...values });
    const first = (await start({}).expect(201)).body as Row;
    expect(first).toMatchObject({ queue_id: vip.id, queue_priority: 100, is_queued: true });
    await t.agent.post(`/conversations/${first.id}/close`, {}).expect(200);
    expect((await start({ queue_id: plain.id }).expect(201)).body).toMatchObject({ queue_id: plain.id, queue_priority: 100 });
  });
});

describe('what comes in', () => {
  const busy = async (values: object = {}): Promise<{ box: Inbox; t: Team; queue: Queue }> => {
    const box = await inbox();
    const t = await Team.of(box.w);
    const queue = await t.queue(values);
    await t.admin.put(`/whatsapp/${box.number.id}`, { default_queue_id: queue.id }).expect(200);
    return { box, t, queue };
  };

  it("waits in the number's queue; answers of the number's are only its own organization's", async () => {
    const { box, t, queue } = await busy();
    await box.receive(metaPayload.text(box.person()));
    expect(await box.conversation()).toMatchObject({ queue_id: queue.id, department_id: t.department_id, is_queued: true, status: 'open' });
    const foreign = await (await Team.of(t.w, t.w.globex)).queue();
    await t.admin.put(`/whatsapp/${box.number.id}`, { default_queue_id: foreign.id }).expect(404);
    await t.admin.put(`/whatsapp/${box.number.id}`, { default_department_id: foreign.department_id }).expect(404);
  });

  it('waits beside where its queue is off, in the best of its department, else nowhere', async () => {
    const { box, t, queue } = await busy();
    const beside = await t.queue();
    await t.admin.put(`/queues/${queue.id}`, { is_active: false }).expect(200);
    await box.receive(metaPayload.text(box.person()));
    expect(await box.conversation()).toMatchObject({ queue_id: beside.id });

    await t.admin.put(`/departments/${t.department_id}`, { is_active: false }).expect(200);
    await box.receive(metaPayload.text(box.person()));
    expect((await box.conversations()).map(({ queue_id }) => queue_id).sort()).toEqual([beside.id, null].sort());
  });

  it('comes back to its agent while they may answer, else it waits anew', async () => {
    const { box, t, queue } = await busy();
    const person = box.person();
    await box.receive(metaPayload.text(person));
    const { id, queued_at } = await box.conversation();
    await t.agent.post(`/conversations/${id}/assign`, { agent_id: t.agent.user.id }).expect(200);
    await t.agent.post(`/conversations/${id}/close`, {}).expect(200);
    await box.receive(metaPayload.text(person));
    expect(await box.conversation()).toMatchObject({ id, status: 'open', current_agent_id: t.agent.user.id, is_queued: false });

    await t.agent.post(`/conversations/${id}/close`, {}).expect(200);
    await t.w.sql('UPDATE users SET is_active = false WHERE id = $1', [t.agent.user.id]);
    await box.receive(metaPayload.text(person));
    const [again] = await items(t.admin, '/conversations');
    expect(again).toMatchObject({ id, current_agent_id: null, queue_id: queue.id, is_queued: true, assigned_at: null });
    expect(again.queued_at).not.toBe(queued_at);
  });

  it('hears once whether somebody is there, and once from each agent who takes it', async () => {
    const { box, t, queue } = await busy({
      settings: { business_hours: CLOSED, offline_message: 'Voltamos amanhã.', welcome_message: 'Já vamos!' },
    });
    await t.admin.put(`/users/${t.agent.user.id}`, { agent_greeting_message: 'Oi, sou o Bruno.' }).expect(200);
    const person = box.person();
    await box.receive(metaPayload.text(person), metaPayload.text(person));
    await t.settle();
    const { id } = await box.conversation();
    await t.agent.post(`/conversations/${id}/assign`, { agent_id: t.agent.user.id }).expect(200);
    await t.agent.post(`/conversations/${id}/assign`, { agent_id: null }).expect(200);
    await t.settle();

    const said = (await box.messages(id)).filter(({ direction }) => direction === 'outgoing');
    expect(said.map(({ content, sender_type }) => [content, sender_type])).toEqual([
      ['Voltamos amanhã.', 'system'],
      ['Oi, sou o Bruno.', 'system'],
    ]);
    expect(await t.conversation(id)).toMatchObject({ queue_id: queue.id, is_queued: true });
  });

  it('is not spoken to when its window is closed', async () => {
    const { t, queue } = await busy({ settings: { welcome_message: 'Já vamos!' } });
    const { id } = await t.waits(queue.id);
    await t.settle();
    expect(await items(t.agent, `/conversations/${id}/messages`)).toEqual([]);
  });
});

describe('automatic assignment', () => {
  it('gives what waits to who is there, in turn, the longest wait first', async () => {
    const t = await team();
    const [ana, bia] = await t.hire(2);
    const queue = await t.queue();
    const waiting = await t.crowd(queue, 4);
    await t.set([ana, bia]);
    const assigned = t.hear('conversation.assigned');
    await t.settle();

    expect(assigned.map(({ conversation_id }) => conversation_id)).toEqual(waiting);
    const agents = assigned.map(({ agent_id }) => agent_id);
    expect(agents.slice(0, 2).sort()).toEqual([ana.user.id, bia.user.id].sort());
    expect(agents.slice(2)).toEqual(agents.slice(0, 2));
    expect(await t.conversation(waiting[0])).toMatchObject({ status: 'open', is_queued: false, assigned_at: expect.any(String) as string });
  });

  it('takes an agent who comes online, becomes available, joins, learns or is free, without waiting for the sweep', async () => {
    const t = await team();
    const queue = await t.queue({ max_conversations_per_agent: 1, settings: { skills_required: ['FRANCÊS'] } });
    const [first, second] = [await t.waits(queue.id), await t.waits(queue.id)];
    const rows = t.w.app.get(DueRows);
    const agentOf = async (id: string): Promise<unknown> => {
      await rows.idle();
      return (await t.conversation(id)).current_agent_id;
    };
    const newcomer = await t.company.hire('agent');
    const socket = await socketOf(newcomer);
    await until(async () => ((await t.agent.get(`/users/${newcomer.user.id}`)).body as Row).is_online, 'presence');
    await newcomer.put('/users/me', { agent_status: 'available' }).expect(200);
    expect(await agentOf(first.id)).toBeNull();
    await t.admin.post('/agent-skills', { user_id: newcomer.user.id, skill_name: 'Francês' }).expect(201);
    expect(await agentOf(first.id)).toBeNull();

    await t.admin.post(`/departments/${t.department_id}/agents/${newcomer.user.id}`).expect(200);
    expect(await agentOf(first.id)).toBe(newcomer.user.id);
    await socket.hear('conversation:assigned');
    await socket.hear('queue:updated', (data) => data.waiting === 1 && data.active === 1);
    expect(await agentOf(second.id)).toBeNull();

    await newcomer.post(`/conversations/${first.id}/close`, {}).expect(200);
    expect(await agentOf(second.id)).toBe(newcomer.user.id);
  });

  it.each<[string, object]>([
    ['manual', { routing_mode: 'manual' }],
    ['pull only', { auto_assign_conversations: false }],
    ['switched off', { is_active: false }],
    ['closed', { settings: { business_hours: CLOSED } }],
  ])('leaves a queue alone that is %s', async (_, values) => {
    const t = await team();
    const queue = await t.queue();
    const [id] = await t.crowd(queue, 1);
    await t.admin.put(`/queues/${queue.id}`, values).expect(200);
    await t.set([t.agent]);
    await t.settle();
    expect(await t.conversation(id)).toMatchObject({ current_agent_id: null, is_queued: true });
  });

  it('is not kept from a queue by how many wait in those that nobody serves', async () => {
    const t = await team();
    const away = await Team.of(t.w, t.company, [await t.company.hire('agent')]);
    for (const queue of [await t.queue({ priority: 90, routing_mode: 'manual' }), await away.queue({ priority: 90 })])
      await t.crowd(queue, 500);
    const [id] = await t.crowd(await t.queue({ priority: 10 }), 1);
    await t.w.sql('UPDATE conversations SET queue_priority = 10 WHERE id = $1', [id]);
    await t.set([t.agent]);
    await t.settle();
    expect(await t.conversation(id)).toMatchObject({ current_agent_id: t.agent.user.id });
  });

  it("keeps to the limits of the queue, the department and the agent's own, over all queues", async () => {
    const t = await team();
    const [ana, bia] = await t.hire(2);
    await t.admin.put(`/departments/${t.department_id}`, { max_conversations_per_agent: 5 }).expect(200);
    await t.admin.put(`/users/${bia.user.id}`, { max_conversations: 2 }).expect(200);
    const [a, b] = [await t.queue({ max_conversations_per_agent: 3 }), await t.queue()];
    await t.crowd(a, 20);
    await t.crowd(b, 20);
    await t.set([ana, bia]);
    await t.settle();

    const counts = await t.w.sql<{ agent: string; queue: string; count: number }>(
      `SELECT current_agent_id AS agent, queue_id AS queue, count(*)::int AS count FROM conversations
        WHERE organization_id = $1 AND current_agent_id IS NOT NULL GROUP BY 1, 2`,
      [t.company.id],
    );
    const of = (person: Person) => counts.filter(({ agent }) => agent === person.user.id).reduce((sum, { count }) => sum + count, 0);
    expect([of(ana), of(bia)]).toEqual([5, 2]);
    expect(Math.max(...counts.filter(({ queue }) => queue === a.id).map(({ count }) => count))).toBeLessThanOrEqual(3);
  });

  it('gives a contact who comes back to who had them last', async () => {
    const t = await team();
    const [ana, bia] = await t.hire(2);
    const queue = await t.queue({ settings: { sticky_agent_days: 7 } });
    const [old] = await t.crowd(queue, 1);
    await t.agent.post(`/conversations/${old}/assign`, { agent_id: bia.user.id }).expect(200);
    await t.agent.post(`/conversations/${old}/close`, {}).expect(200);
    const { contact_id } = await t.conversation(old);
    await t.w.sql(`INSERT INTO queue_turns (organization_id, queue_id, user_id) VALUES ($1, $2, $3)`, [
      t.company.id,
      queue.id,
      bia.user.id,
    ]);
    await t.set([ana, bia]);
    const { body } = await t.agent.post('/conversations', { contact_id, queue_id: queue.id }).expect(201);
    await t.settle();
    expect(await t.conversation((body as Row).id)).toMatchObject({ current_agent_id: bia.user.id });
  });

  it('takes back what an agent left who dropped off', async () => {
    const t = await team();
    const [ana, bia] = await t.hire(2);
    const queue = await t.queue({ settings: { reassign_after_minutes: 5 } });
    const [id] = await t.crowd(queue, 1);
    await t.agent.post(`/conversations/${id}/assign`, { agent_id: ana.user.id }).expect(200);
    await t.set([ana], { is_online: false, ago: '6 minutes' });
    await t.settle();
    expect(await t.conversation(id)).toMatchObject({ current_agent_id: ana.user.id });

    await t.w.sql(`UPDATE conversations SET assigned_at = now() - interval '6 minutes' WHERE id = $1`, [id]);
    await t.w.sql(`UPDATE organizations SET updated_at = now() - interval '6 minutes' WHERE id = $1`, [t.company.id]);
    await t.set([bia]);
    await t.settle();
    await t.settle();
    expect(await t.conversation(id)).toMatchObject({ current_agent_id: bia.user.id });
  });

  it('rests with the organization, and so does what agents had', async () => {
    const t = await team();
    const [ana, bia] = await t.hire(2);
    const queue = await t.queue({ settings: { reassign_after_minutes: 5 }, sla_minutes: 10 });
    const [had, waits] = await t.crowd(queue, 2);
    await t.agent.post(`/conversations/${had}/assign`, { agent_id: ana.user.id }).expect(200);
    await t.settle();
    await t.w.sql(`UPDATE conversations SET assigned_at = assigned_at - interval '1 hour', sla_due_at = now() WHERE id = ANY($1)`, [
      [had, waits],
    ]);
    const stand = (status: string, ago: string) =>
      t.w.sql('UPDATE organizations SET status = $2, updated_at = now() - $3::interval WHERE id = $1', [t.company.id, status, ago]);
    const agents = async () => {
      await t.settle();
      const rows = await t.w.sql<{ agent: string | null }>(
        'SELECT current_agent_id AS agent FROM conversations WHERE queue_id = $1 ORDER BY queued_at',
        [queue.id],
      );
      return rows.map(({ agent }) => agent);
    };
    const breaches = t.hear('sla.breached');
    await stand('suspended', '1 day');
    await t.set([ana], { is_online: false, ago: '1 hour' });
    await t.set([bia]);
    expect([await agents(), breaches.length]).toEqual([[ana.user.id, null], 0]);

    // Those who were shut out have the time to come back.
    await stand('active', '1 minute');
    expect(await agents()).toEqual([ana.user.id, bia.user.id]);
    await stand('active', '6 minutes');
    await agents();
    expect(await agents()).toEqual([bia.user.id, bia.user.id]);
  });

  it('lets what an agent had wait again when they leave the team; the log has both', async () => {
    const t = await team();
    const { id } = await t.waits((await t.queue()).id);
    await t.set([t.agent]);
    await t.settle();
    expect(await t.conversation(id)).toMatchObject({ current_agent_id: t.agent.user.id });
    await t.admin.put(`/users/${t.agent.user.id}`, { is_active: false }).expect(200);
    await t.settle();
    expect((await t.admin.get(`/conversations/${id}`)).body).toMatchObject({ current_agent_id: null, is_queued: true });
    const [given, taken] = await items(t.admin, `/audit-logs?action=conversation.assigned&resource_id=${id}&sort=created_at:asc`);
    const change = (from: string | null, to: string | null) => ({ actor_type: 'system', changes: { current_agent_id: { from, to } } });
    expect([given, taken]).toMatchObject([change(null, t.agent.user.id), change(t.agent.user.id, null)]);
  });

  it('opens with the queue', async () => {
    const t = await team();
    const queue = await t.queue({ settings: { business_hours: CLOSED } });
    const [id] = await t.crowd(queue, 1);
    await t.set([t.agent]);
    await t.settle();
    expect((await t.conversation(id)).current_agent_id).toBeNull();
    await t.admin.put(`/queues/${queue.id}`, { settings: { business_hours: { always_open: true } } }).expect(200);
    await t.w.app.get(DueRows).idle();
    expect((await t.conversation(id)).current_agent_id).toBe(t.agent.user.id);
  });

  it('routes a thousand that wait to fifty agents who come online', async () => {
    const t = await team();
    const people = await t.hire(50);
    await t.admin.put(`/departments/${t.department_id}`, { max_conversations_per_agent: 100 }).expect(200);
    const queue = await t.queue({ max_conversations_per_agent: 20, routing_mode: 'load_balance' });
    await t.crowd(queue, 1000);
    await t.set(people);
    const began = performance.now();
    t.w.app.get(RouteQueues).wake(t.company.id);
    await until(async () => {
      const [{ left }] = await t.w.sql<{ left: number }>(
        'SELECT count(*)::int AS left FROM conversations WHERE queue_id = $1 AND current_agent_id IS NULL',
        [queue.id],
      );
      return left === 0;
    }, 'everybody served');
    process.stdout.write(`1,000 waiting conversations routed to 50 agents in ${((performance.now() - began) / 1000).toFixed(2)} s\n`);
    const counts = await t.w.sql<{ count: number }>(
      'SELECT count(*)::int AS count FROM conversations WHERE queue_id = $1 GROUP BY current_agent_id',
      [queue.id],
    );
    expect(counts).toEqual(Array(50).fill({ count: 20 }));
  });
});

describe('an offer', () => {
  const offering = async (): Promise<{ t: Team; ana: Person; bia: Person; id: string; offers: (by: Person) => Promise<Row[]> }> => {
    const t = await team();
    const [ana, bia] = await t.hire(2);
    const queue = await t.queue({ settings: { offer_timeout_seconds: 60 } });
    const [id] = await t.crowd(queue, 1);
    await t.w.sql(`INSERT INTO queue_turns (organization_id, queue_id, user_id) VALUES ($1, $2, $3)`, [
      t.company.id,
      queue.id,
      bia.user.id,
    ]);
    await t.set([ana, bia]);
    await t.settle();
    return { t, ana, bia, id, offers: (by) => items(by, '/queue/offers') };
  };

  it('is made to one agent, who accepts', async () => {
    const { t, ana, bia, id, offers } = await offering();
    expect(await t.conversation(id)).toMatchObject({ current_agent_id: null, is_queued: true });
    const [offer] = await offers(ana);
    expect(offer).toMatchObject({ conversation_id: id, agent_id: ana.user.id, status: 'offered' });
    expect(await offers(bia)).toEqual([]);
    await bia.post(`/queue/offers/${offer.id}/accept`).expect(404);

    const answers = await Promise.all(Array.from({ length: 10 }, () => ana.post(`/queue/offers/${offer.id}/accept`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(9).fill(409)]);
    expect(await t.conversation(id)).toMatchObject({ current_agent_id: ana.user.id });
    await ana.post(`/queue/offers/${offer.id}/decline`).expect(409).expect(errorOf('offer_over'));
  });

  it('that is declined goes to the next, and never back', async () => {
    const { t, ana, bia, offers } = await offering();
    const [offer] = await offers(ana);
    await ana.post(`/queue/offers/${offer.id}/decline`).expect(200);
    await t.settle();
    const [next] = await offers(bia);
    await bia.post(`/queue/offers/${next.id}/decline`).expect(200);
    await t.settle();
    expect([await offers(ana), await offers(bia)]).toEqual([[], []]);
  });

  it('that nobody takes in time goes to the next, and round again', async () => {
    const { t, ana, bia, offers } = await offering();
    const late = () =>
      t.w.sql(`UPDATE queue_offers SET expires_at = now() WHERE organization_id = $1 AND status = 'offered'`, [t.company.id]);
    const [offer] = await offers(ana);
    await late();
    await ana.post(`/queue/offers/${offer.id}/accept`).expect(409).expect(errorOf('offer_over'));
    await t.settle();
    expect(await offers(bia)).toHaveLength(1);
    await late();
    await t.settle();
    expect([...(await offers(ana)), ...(await offers(bia))]).toHaveLength(1);
  });

  it('ends where its conversation goes on in another queue', async () => {
    const { t, ana, id, offers } = await offering();
    const other = await Team.of(t.w, t.company, [t.agent]);
    const [offer] = await offers(ana);
    await t.set([t.agent]);
    await t.agent.put(`/conversations/${id}`, { queue_id: (await other.queue()).id }).expect(200);
    await ana.post(`/queue/offers/${offer.id}/accept`).expect(409).expect(errorOf('offer_over'));
    await t.settle();
    expect(await offers(ana)).toEqual([]);
    expect(await t.conversation(id)).toMatchObject({ current_agent_id: t.agent.user.id });
  });

  it('is nobody else’s to pull, until it is over', async () => {
    const { t, ana, bia, id } = await offering();
    await bia.post('/queue/pull').expect(404).expect(errorOf('queue_empty'));
    const { body } = await ana.post('/queue/pull').expect(200);
    expect(body).toMatchObject({ id, current_agent_id: ana.user.id });
    expect(await t.w.sql('SELECT status FROM queue_offers WHERE organization_id = $1', [t.company.id])).toEqual([{ status: 'accepted' }]);
  });
});

describe('pulling', () => {
  it('takes the next in serving order that one may serve, whatever one’s status', async () => {
    const t = await team();
    const low = await t.queue({ routing_mode: 'manual', priority: 10 });
    const high = await t.queue({ routing_mode: 'manual', priority: 90 });
    const foreign = await (await Team.of(t.w, t.w.acme, [])).queue({ priority: 100, routing_mode: 'manual' });
    const [a, b, c] = [await t.waits(low.id), await t.waits(high.id), await t.waits(high.id)];
    await t.waits(foreign.id);
    expect(ids(await items(t.agent, `/queue?department_id=${t.department_id}`))).toEqual([b.id, c.id, a.id]);
    expect(ids(await items(t.agent, `/queues/${high.id}/conversations`))).toEqual([b.id, c.id]);
    expect(ids(await items(t.agent, `/queue?queue_id=${high.id}&limit=1&page=2`))).toEqual([c.id]);

    const pull = async (path: string, by = t.agent) => (await by.post(path).expect(200)).body as Row;
    expect(await pull('/queue/pull')).toMatchObject({ id: b.id, current_agent_id: t.agent.user.id, status: 'open', is_queued: false });
    expect(await pull(`/queues/${low.id}/pull`)).toMatchObject({ id: a.id });
    expect(await pull(`/queue/pull?department_id=${t.department_id}`)).toMatchObject({ id: c.id });
    await t.agent.post('/queue/pull').expect(404).expect(errorOf('queue_empty'));
    // An administrator serves every department.
    expect(await pull('/queue/pull', t.admin)).toMatchObject({ queue_id: foreign.id });
  });

  it('says why it cannot: closed, full, without the skill', async () => {
    const t = await team();
    const queue = await t.queue({ routing_mode: 'manual', max_conversations_per_agent: 1, settings: { business_hours: CLOSED } });
    await t.crowd(queue, 2);
    const set = (settings: object) => t.admin.put(`/queues/${queue.id}`, { settings }).expect(200);
    await t.agent.post('/queue/pull').expect(409).expect(errorOf('queue_closed'));
    await set({ business_hours: null, skills_required: ['Francês'] });
    await t.agent.post('/queue/pull').expect(404).expect(errorOf('queue_empty'));
    await set({ skills_required: null });
    await t.agent.post('/queue/pull').expect(200);
    await t.agent.post('/queue/pull').expect(409).expect(errorOf('agent_at_capacity'));
  });

  it('by fifty agents at once gives each a conversation of their own, or none', async () => {
    const t = await team();
    const people = await t.hire(50);
    const queue = await t.queue({ routing_mode: 'manual' });
    await t.crowd(queue, 40);
    const answers = await Promise.all(people.map((person) => person.post(`/queues/${queue.id}/pull`)));
    const pulled = answers.filter(({ status }) => status === 200).map(({ body }) => (body as Row).id);
    expect(new Set(pulled).size).toBe(pulled.length);
    expect(answers.filter(({ status }) => status !== 200).every(({ status }) => status === 404)).toBe(true);
    expect(pulled).toHaveLength(40);
  });

  it('by one agent fifty times at once never passes their limit, with the routing at work beside', async () => {
    const t = await team();
    const queue = await t.queue({ max_conversations_per_agent: 7 });
    await t.crowd(queue, 60);
    await t.set([t.agent]);
    t.w.app.get(RouteQueues).wake(t.company.id);
    await Promise.all(Array.from({ length: 50 }, () => t.agent.post('/queue/pull')));
    await t.settle();
    const [{ count }] = await t.w.sql<{ count: number }>('SELECT count(*)::int AS count FROM conversations WHERE current_agent_id = $1', [
      t.agent.user.id,
    ]);
    expect(count).toBe(7);
  });
});

describe('the SLA', () => {
  const waited = (t: Team, id: string, minutes: number) =>
    t.w.sql(`UPDATE conversations SET queued_at = now() - $2 * interval '1 minute', sla_due_at = now() WHERE id = $1`, [id, minutes]);

  it('warns at four fifths and tells the breach, each once a stay, to who is concerned', async () => {
    const t = await team();
    const queue = await t.queue({ sla_minutes: 30, routing_mode: 'manual' });
    await t.set([t.agent]);
    const { id, sla_due_at, sla_ends_at, queued_at } = await t.waits(queue.id);
    const minutes = (at: unknown): number => (Date.parse(String(at)) - Date.parse(String(queued_at))) / 60_000;
    expect(minutes(sla_due_at)).toBeCloseTo(24, 1);
    expect(minutes(sla_ends_at)).toBeCloseTo(30, 1);
    const socket = await socketOf(t.agent);
    const [warnings, breaches] = [t.hear('sla.warning'), t.hear('sla.breached')];
    const stats = async () => (await t.agent.get(`/queues/${queue.id}/stats`)).body as Row;

    await waited(t, id, 20);
    await t.settle();
    expect([warnings.length, breaches.length]).toEqual([0, 0]);
    await waited(t, id, 25);
    await t.settle();
    await t.settle();
    expect(warnings).toEqual([
      expect.objectContaining({ conversation_id: id, sla_minutes: 30, progress: expect.closeTo(0.83, 1) as number }),
    ]);
    expect(await stats()).toMatchObject({ sla_warning: 1, sla_breached: 0 });
    await waited(t, id, 31);
    await t.settle();
    await t.settle();
    expect([warnings.length, breaches.length]).toEqual([1, 1]);
    expect(await stats()).toMatchObject({ sla_warning: 0, sla_breached: 1, longest_wait_seconds: expect.any(Number) as number });
    await socket.hear('sla:warning', (data) => data.conversation_id === id);
    await socket.hear('sla:breached', (data) => data.conversation_id === id);
    const notices = await t.w.sql<{ type: string; user_id: string }>(
      'SELECT type, user_id FROM notifications WHERE organization_id = $1 ORDER BY type',
      [t.company.id],
    );
    expect(notices).toEqual([
      { type: 'sla_breached', user_id: t.admin.user.id },
      { type: 'sla_warning', user_id: t.agent.user.id },
    ]);
    expect((await t.conversation(id)).sla_due_at).toBeNull();
  });

  it('stands still while the queue is closed, and for who has an agent', async () => {
    const t = await team();
    const closed = await t.queue({ sla_minutes: 10, settings: { business_hours: CLOSED } });
    const served = await t.queue({ sla_minutes: 10, routing_mode: 'manual' });
    const [a, b] = [await t.waits(closed.id), await t.waits(served.id)];
    await t.agent.post(`/queues/${served.id}/pull`).expect(200);
    const breaches = t.hear('sla.breached');
    await waited(t, a.id, 60);
    await waited(t, b.id, 60);
    await t.settle();
    expect(breaches).toEqual([]);
    expect(await t.conversation(b.id)).toMatchObject({ sla_due_at: null, sla_ends_at: null });
    // It never opens.
    expect((await t.conversation(a.id)).sla_ends_at).toBeNull();
    const socket = await socketOf(t.agent);

    // Other hours count at once.
    await t.admin.put(`/queues/${closed.id}`, { settings: { business_hours: null }, routing_mode: 'manual' }).expect(200);
    await t.settle();
    expect(breaches).toEqual([expect.objectContaining({ conversation_id: a.id })]);
    await socket.hear('conversation:updated', (data) => data.id === a.id && data.sla_ends_at !== null);
  });

  it('ends by the hours of the queue', async () => {
    const t = await team();
    const tomorrow = { date: new Date(Date.now() + 86_400_000).toISOString().slice(0, 10) };
    const business_hours = { timezone: 'UTC', always_open: true, holidays: [tomorrow] };
    const queue = await t.queue({ sla_minutes: 24 * 60, routing_mode: 'manual', settings: { business_hours } });

    const { sla_ends_at, queued_at } = await t.waits(queue.id);
    expect((Date.parse(String(sla_ends_at)) - Date.parse(String(queued_at))) / 3600_000).toBeCloseTo(48, 2);
  });

  it('says at once how long the first waits, in the queue it came to and in the one it left', async () => {
    const t = await team();
    const [here, there] = [await t.queue({ routing_mode: 'manual' }), await t.queue({ routing_mode: 'manual' })];
    const socket = await socketOf(t.agent);
    const { id, queued_at } = await t.waits(here.id);
    await socket.hear('queue:updated', (data) => data.queue_id === here.id && data.waiting === 1 && data.waiting_since === queued_at);
    expect((await t.agent.get(`/queues/${here.id}`)).body).toMatchObject({ queued_conversations: 1, waiting_since: queued_at });

    await t.agent.put(`/conversations/${id}`, { queue_id: there.id }).expect(200);
    await socket.hear('queue:updated', (data) => data.queue_id === there.id && data.waiting === 1);
    await socket.hear('queue:updated', (data) => data.queue_id === here.id && data.waiting === 0 && data.waiting_since === null);
  });

  it('goes by other hours of the department, or of the organization, at once', async () => {
    const t = await team();
    const other = await Team.of(t.w);
    await t.admin.put(`/departments/${t.department_id}`, { business_hours: CLOSED }).expect(200);
    await t.admin.put('/organizations/me/settings', { business_hours: CLOSED }).expect(200);
    const slow = { sla_minutes: 10, routing_mode: 'manual' };
    const [a, b] = [await t.waits((await t.queue(slow)).id), await t.waits((await other.queue(slow)).id)];
    const breaches = t.hear('sla.breached');
    for (const { id } of [a, b]) await waited(t, id, 60);
    await t.settle();
    expect([breaches, Date.parse(String((await t.conversation(a.id)).sla_due_at)) > Date.now() + 3600_000]).toEqual([[], true]);

    await t.admin.put(`/departments/${t.department_id}`, { business_hours: { always_open: true } }).expect(200);
    await t.settle();
    expect(breaches).toEqual([expect.objectContaining({ conversation_id: a.id })]);
    await t.admin.put('/organizations/me/settings', { business_hours: { always_open: true } }).expect(200);
    await t.settle();
    expect(breaches).toEqual([a, b].map(({ id }) => expect.objectContaining({ conversation_id: id }) as unknown));
  });
});

describe('reports', () => {
  it('tell waits, medians, answers and compliance as they were', async () => {
    const t = await team();
    const queue = await t.queue({ sla_minutes: 5, routing_mode: 'manual' });
    const all = await t.crowd(queue, 4);
    const waits = [60, 120, 600];
    for (const [n, seconds] of waits.entries())
      await t.w.sql(
        `UPDATE conversations SET queued_at = now() - interval '1 minute' * 10, current_agent_id = $2, assigned_at = now() - interval '10 minutes' + $3 * interval '1 second',
                queue_answered_at = now() - interval '10 minutes' + $3 * interval '2 seconds', sla_breached_at = CASE WHEN $3 > 300 THEN now() END,
                status = CASE WHEN $3 = 60 THEN 'closed' ELSE 'open' END, resolution_time_seconds = CASE WHEN $3 = 60 THEN 90 END WHERE id = $1`,
        [all[n], t.agent.user.id, seconds],
      );
    const { body } = await t.agent.get(`/queues/${queue.id}/metrics?days=7`).expect(200);
    expect(body).toMatchObject({
      queue_id: queue.id,
      total_conversations: 4,
      conversations_last_7_days: 4,
      conversations_last_30_days: 4,
      queued_conversations: 1,
      active_conversations: 2,
      average_wait_time_seconds: 260,
      median_wait_time_seconds: 120,
      average_response_time_seconds: 520,
      average_resolution_time_seconds: 90,
      sla_minutes: 5,
      sla_violations: 1,
      sla_compliance_rate: 66.67,
      resolution_rate: 25,
      overflow_events: 0,
      overflow_rate: 0,
      occupancy_trend: [],
      customer_satisfaction_score: null,
    });
    const volume = (body as { volume_by_hour: { hour: number; count: number }[] }).volume_by_hour;
    expect(volume.map(({ hour }) => hour)).toEqual([...Array(24).keys()]);
    expect(volume.reduce((sum, { count }) => sum + count, 0)).toBe(4);
    expect((await t.agent.get(`/queues/${queue.id}`)).body).toMatchObject({
      total_conversations: 4,
      completed_conversations: 1,
      average_wait_time_seconds: 260,
    });
    await t.agent.get(`/queues/${queue.id}/metrics?days=91`).expect(422);
  });

  it('say of each agent whether they are eligible, and why not', async () => {
    const t = await team();
    const [ana] = await t.hire(1);
    await t.set([ana]);
    const queue = await t.queue();
    const agents = await items(t.agent, `/queues/${queue.id}/agents`);
    const of = (person: Person) => agents.find(({ id }) => id === person.user.id);
    expect(of(ana)).toMatchObject({ eligible: true, reasons: [], is_online: true, active_conversations: 0, skills: [] });
    expect(of(t.agent)).toMatchObject({ eligible: false, reasons: ['offline', 'not_available'] });
    expect((await t.agent.get(`/queues/${queue.id}/stats`)).body).toMatchObject({ agents_online: 1, agents_available: 1, is_open: true });
    await t.admin.put(`/queues/${queue.id}`, { settings: { allowed_agent_ids: [t.admin.user.id] } }).expect(200);
    const named = await items(t.agent, `/queues/${queue.id}/agents`);
    expect(named.find(({ id }) => id === ana.user.id)).toMatchObject({ eligible: false, reasons: ['not_allowed'] });
    expect(named.map(({ id }) => id)).toContain(t.admin.user.id);
  });
});

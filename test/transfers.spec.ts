import { randomUUID } from 'node:crypto';
import { type Row, inbox } from './support/inbox';
import { metaPayload } from './support/meta-payloads';
import { socketOf, until } from './support/sockets';
import { type Person, errorOf, wrongField } from './support/world';

/** An inbox with one customer who has just written, and a department with its queue. */
async function shop() {
  const box = await inbox();
  const { agent, admin } = box.company;
  await box.receive(metaPayload.text({ ...box.person({ name: 'Mariana Costa' }), body: 'Vocês entregam?' }));
  const { id } = await box.conversation();
  const made = async (path: string, body: object): Promise<Row> => (await admin.post(path, body).expect(201)).body as Row;
  const department = (values: object = {}) => made('/departments', { name: `Vendas ${randomUUID()}`, ...values });
  const queue = (department_id: string, values: object = {}) =>
    made('/queues', { department_id, name: `Pedidos ${randomUUID()}`, routing_mode: 'manual', ...values });
  const url = `/conversations/${id}`;
  const now = async (): Promise<Row> => (await agent.get(url).expect(200)).body as Row;
  const transfer = (body: object, by: Person = agent) => by.post(`${url}/transfer`, body);
  return { box, agent, admin, id, url, now, transfer, department, queue };
}

const asRow = ({ body }: { body: unknown }): Row => body as Row;

describe('the room', () => {
  it('is closed without a token, read by a viewer, and hidden from another organization', async () => {
    const { box, url } = await shop();
    const { viewer } = box.company;
    const foreign = box.w.globex.agent;
    const bodies: [action: string, body: object][] = [
      ['transfer', { to_agent_id: foreign.user.id }],
      ['tags', { tags: ['entrega'] }],
      ['notes', { note: 'Confere?' }],
    ];

    for (const [action, body] of bodies) {
      await box.w.guest.post(`${url}/${action}`, body).expect(401);
      await viewer.post(`${url}/${action}`, body).expect(403);
      await foreign.post(`${url}/${action}`, body).expect(404).expect(errorOf('not_found'));
    }
    await viewer.get(`${url}/notes`).expect(200);
    await foreign.get(`${url}/notes`).expect(404);
  });

  it('names the wrong field', async () => {
    const { agent, url, transfer } = await shop();

    await transfer({}).expect(wrongField('to_agent_id'));
    await transfer({ department_id: 'Vendas' }).expect(wrongField('department_id'));
    await transfer({ note: 'x'.repeat(501), queue_id: randomUUID() }).expect(wrongField('note'));
    await agent.post(`${url}/tags`, { tags: [] }).expect(wrongField('tags'));
    await agent.post(`${url}/tags`, { tags: ['  '] }).expect(wrongField('tags'));
    await agent.post(`${url}/notes`, {}).expect(wrongField('note'));
    await agent.post(`${url}/notes`, { note: ' \u200b ' }).expect(wrongField('note'));
    await agent.post(`${url}/notes`, { note: 'x'.repeat(4001) }).expect(wrongField('note'));
    await agent.get(`${url}/notes?sort=content:asc`).expect(wrongField('query', 'sort'));
  });
});

describe('a transfer', () => {
  it('to an agent is theirs at once, remembered, and told to them alone', async () => {
    const { box, agent, admin, url, id, transfer } = await shop();
    const bruno = await box.company.hire('agent', { full_name: 'Bruno Alves' });
    await agent.post(`${url}/assign`, { agent_id: agent.user.id }).expect(200);
    await agent.put(url, { status: 'pending' }).expect(200);
    const socket = await socketOf(admin);

    const { body } = await transfer({ agent_id: bruno.user.id, reason: '  Cliente VIP ' }).expect(200);

    expect(body).toMatchObject({ status: 'open', current_agent_id: bruno.user.id });
    expect(asRow({ body }).transfers).toEqual([
      {
        from_agent_id: agent.user.id,
        to_agent_id: bruno.user.id,
        from_department_id: null,
        to_department_id: null,
        to_queue_id: null,
        note: 'Cliente VIP',
        transferred_by: agent.user.id,
        transferred_at: expect.any(String) as string,
      },
    ]);
    const news = await socket.hear('conversation:transferred');
    expect(news).toMatchObject({ conversation_id: id, transfer: { to_agent_id: bruno.user.id }, conversation: { id, status: 'open' } });
    await socket.hear('conversation:assigned', (data) => (data.agent as Row).id === bruno.user.id);
    const notices = async (of: Person): Promise<string[]> =>
      ((await of.get('/notifications').expect(200)).body as { items: Row[] }).items.map(({ type }) => String(type));
    await until(async () => (await notices(bruno)).includes('conversation_transferred'));
    expect(await notices(agent)).toEqual([]);
    // Once more changes nothing.
    expect(asRow(await transfer({ to_agent_id: bruno.user.id }).expect(200)).transfers).toHaveLength(1);
  });

  it('from nobody is a transfer too, and no notice to oneself', async () => {
    const { box, agent, transfer } = await shop();
    const other = await box.company.hire('agent');
    const types = async (of: Person): Promise<unknown[]> =>
      ((await of.get('/notifications').expect(200)).body as { items: Row[] }).items.map(({ type }) => type);

    await transfer({ to_agent_id: agent.user.id }).expect(200);
    await transfer({ to_agent_id: other.user.id }, agent).expect(200);

    await until(async () => (await types(other)).length);
    expect(await types(other)).toEqual(['conversation_transferred']);
    expect(await types(agent)).toEqual([]);
  });

  it('to a department waits in its best queue, parked, without agent and bot', async () => {
    const { box, agent, url, now, transfer, department, queue } = await shop();
    const { id: department_id } = await department();
    await queue(department_id, { priority: 10 });
    const best = await queue(department_id, { priority: 60 });
    await queue(department_id, { priority: 90, is_active: false });
    await agent.post(`${url}/assign`, { agent_id: agent.user.id }).expect(200);
    await box.w.sql('UPDATE conversations SET is_bot_active = true WHERE id = $1', [(await now()).id]);
    const [moved, left] = [box.hear('conversation.status'), box.hear('conversation.assigned')];

    const { body } = await transfer({ to_department_id: department_id }).expect(200);

    expect(body).toMatchObject({
      status: 'pending',
      current_agent_id: null,
      department_id,
      queue_id: best.id,
      is_queued: true,
      queue_position: 1,
      is_bot_active: false,
      handoff_at: expect.any(String) as string,
      transfers: [{ from_agent_id: agent.user.id, to_agent_id: null, to_department_id: department_id, to_queue_id: best.id }],
    });
    expect(moved).toMatchObject([{ status: 'pending', previous_status: 'open' }]);
    expect(left).toMatchObject([{ agent_id: null, previous_agent_id: agent.user.id }]);
    const taken = asRow(await agent.post(`${url}/assign`, { agent_id: agent.user.id }).expect(200));
    expect(taken).toMatchObject({ status: 'open', queue_id: best.id, queue_position: null });
  });

  it('to a department without a queue is that department’s, and nobody’s', async () => {
    const { transfer, department, queue, now } = await shop();
    const [first, bare] = [await department(), await department({ routing_mode: 'manual' })];
    const { id: queue_id } = await queue(first.id);
    await transfer({ queue_id }).expect(200);

    await transfer({ department_id: bare.id }).expect(200);

    expect(await now()).toMatchObject({
      department_id: bare.id,
      queue_id: null,
      current_agent_id: null,
      is_queued: false,
      status: 'pending',
    });
    expect((await now()).transfers).toMatchObject([
      { to_queue_id: queue_id },
      { from_department_id: first.id, to_department_id: bare.id, to_queue_id: null },
    ]);
  });

  it('overflows as whoever else enters does', async () => {
    const { agent, transfer, department, queue } = await shop();
    const { id: department_id } = await department();
    const next = await queue(department_id);
    const full = await queue(department_id, { max_queue_size: 1, overflow_queue_id: next.id });
    await agent.post('/conversations', { contact_phone: '+5511912340001', queue_id: full.id }).expect(201);

    const { body } = await transfer({ queue_id: full.id }).expect(200);

    expect(body).toMatchObject({ queue_id: next.id, transfers: [{ to_queue_id: next.id }] });
  });

  it('keeps its place where it waits already', async () => {
    const { transfer, department, queue } = await shop();
    const { id: queue_id } = await queue((await department()).id);
    const { queued_at } = asRow(await transfer({ queue_id }).expect(200));

    expect(asRow(await transfer({ queue_id }).expect(200))).toMatchObject({ queued_at, transfers: [{ to_queue_id: queue_id }] });
  });

  it('to an agent and a department is both’s; the queue only says which department', async () => {
    const { agent, transfer, department, queue } = await shop();
    const [sales, care] = [await department(), await department()];
    const { id: queue_id } = await queue(care.id);

    expect(asRow(await transfer({ to_agent_id: agent.user.id, department_id: sales.id }).expect(200))).toMatchObject({
      current_agent_id: agent.user.id,
      department_id: sales.id,
      queue_id: null,
      status: 'open',
    });
    expect(asRow(await transfer({ to_agent_id: agent.user.id, queue_id }).expect(200))).toMatchObject({
      current_agent_id: agent.user.id,
      department_id: care.id,
      queue_id: null,
    });
    await transfer({ to_agent_id: agent.user.id, queue_id, department_id: sales.id }).expect(wrongField('queue_id'));
  });

  it('goes only where somebody may have it, and only while it lives', async () => {
    const { box, agent, admin, url, transfer, department, queue, now } = await shop();
    const { globex } = box.w;
    const { id: department_id } = await department();
    const { id: queue_id } = await queue(department_id);
    const other = await queue((await department()).id);
    const { body: foreign } = await globex.admin.post('/departments', { name: 'Deles' }).expect(201);

    await transfer({ to_agent_id: globex.agent.user.id }).expect(404);
    await transfer({ to_agent_id: box.company.viewer.user.id }).expect(422).expect(errorOf('invalid_agent'));
    await transfer({ department_id: asRow({ body: foreign }).id }).expect(404);
    await transfer({ to_agent_id: agent.user.id, department_id: asRow({ body: foreign }).id }).expect(404);
    await transfer({ queue_id: randomUUID() }).expect(404);
    await transfer({ department_id, queue_id: other.id }).expect(wrongField('queue_id'));
    await admin.put(`/queues/${queue_id}`, { is_active: false }).expect(200);
    await transfer({ queue_id }).expect(wrongField('queue_id'));
    await admin.put(`/departments/${department_id}`, { is_active: false }).expect(200);
    await transfer({ department_id }).expect(wrongField('department_id'));
    await transfer({ to_agent_id: agent.user.id, department_id }).expect(wrongField('department_id'));
    expect(await now()).toMatchObject({ status: 'open', current_agent_id: null, transfers: [] });

    await agent.post(`${url}/close`, {}).expect(200);
    await transfer({ to_agent_id: agent.user.id }).expect(409).expect(errorOf('conversation_not_active'));
  });

  it('and assignments by fifty at once leave one state, and the newest fifty of the history', async () => {
    const { box, agent, admin, id, now, url, transfer, department, queue } = await shop();
    const { id: department_id } = await department();
    const [one, two] = [await queue(department_id), await queue(department_id)];
    const targets = [{ queue_id: one.id }, { queue_id: two.id }, { to_agent_id: agent.user.id }, { to_agent_id: admin.user.id }];
    await box.w.sql(
      `UPDATE conversations SET transfers = (SELECT jsonb_agg(jsonb_build_object('note', n::text, 'transferred_at', now())) FROM generate_series(1, 49) n) WHERE id = $1`,
      [id],
    );

    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        n % 5 < 4 ? transfer(targets[n % 4], n % 2 ? agent : admin) : agent.post(`${url}/assign`, { agent_id: agent.user.id }),
      ),
    );

    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200));
    const { current_agent_id, queue_id, is_queued, status, ...last } = await now();
    expect(is_queued).toBe(current_agent_id === null);
    expect(status).toBe(current_agent_id === null ? 'pending' : 'open');
    const transfers = last.transfers as Row[];
    expect(transfers).toHaveLength(50);
    const [newest] = transfers.slice(-1);
    if (current_agent_id === null) expect(newest).toMatchObject({ to_agent_id: null, to_queue_id: queue_id });
    // Each began where the one before it ended, but for what was assigned between them.
    const queued = transfers.filter(({ to_queue_id }) => to_queue_id);
    expect(queued.every(({ to_agent_id }) => to_agent_id === null)).toBe(true);
  });
});

describe('labels', () => {
  it('are added, each once in whatever case, up to twenty', async () => {
    const { agent, url } = await shop();
    const add = (body: object) => agent.post(`${url}/tags`, body);

    expect(asRow(await add({ tags: ['Entrega', ' troca '] }).expect(200)).tags).toEqual(['Entrega', 'troca']);
    expect(asRow(await add(['ENTREGA', 'Reclamação']).expect(200)).tags).toEqual(['Entrega', 'troca', 'Reclamação']);
    await add(Array.from({ length: 18 }, (_, n) => `rótulo ${n}`)).expect(wrongField('tags'));
    await add(Array.from({ length: 17 }, (_, n) => `rótulo ${n}`)).expect(200);
    await agent.post(`${url}/archive`).expect(200);
    await add(['outra']).expect(wrongField('tags'));
  });

  it('of fifty at once are all there', async () => {
    const { agent, url, now } = await shop();

    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => agent.post(`${url}/tags`, [`rótulo ${n % 20}`])));

    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200));
    expect(new Set((await now()).tags as string[]).size).toBe(20);
  });
});

describe('notes', () => {
  it('are kept in any state, never sent, never counted, and listed apart', async () => {
    const { box, agent, url, now, id } = await shop();
    const before = await now();
    const heard = box.hear('conversation.note_added');
    await agent.post(`${url}/notes`, { content: 'Primeira' }).expect(201);
    await agent.post(`${url}/archive`).expect(200);

    const { body } = await agent.post(`${url}/notes`, { note: 'Segunda' }).expect(201);

    expect(body).toMatchObject({
      direction: 'internal',
      message_type: 'note',
      is_internal_note: true,
      content: 'Segunda',
      sender_user_id: agent.user.id,
    });
    const list = async (query = ''): Promise<unknown[]> =>
      ((await agent.get(`${url}/notes${query}`).expect(200)).body as { items: Row[] }).items.map(({ content }) => content);
    expect(await list()).toEqual(['Primeira', 'Segunda']);
    expect(await list('?sort=created_at:desc&limit=1')).toEqual(['Segunda']);
    expect(await list('?limit=1&page=2')).toEqual(['Segunda']);
    expect(await now()).toMatchObject({ total_messages: before.total_messages, last_message_at: before.last_message_at });
    expect(await box.w.sql('SELECT 1 FROM outbound_sends WHERE conversation_id = $1', [id])).toEqual([]);
    expect(heard).toMatchObject([{ mentions: [] }, { conversation_id: id, user_id: agent.user.id, message_id: asRow({ body }).id }]);
  });

  it('tell whom they mention, not oneself', async () => {
    const { box, agent, url } = await shop();
    const bruno = await box.company.hire('agent');
    await agent.post(`${url}/notes`, { note: 'Oi?', mentions: [box.w.globex.agent.user.id] }).expect(404);

    const { body } = await agent.post(`${url}/notes`, { note: 'Confere?', mentions: [bruno.user.id, agent.user.id] }).expect(201);

    expect(asRow({ body }).metadata).toEqual({ mentions: [bruno.user.id, agent.user.id] });
    const notices = async (of: Person): Promise<Row[]> => ((await of.get('/notifications').expect(200)).body as { items: Row[] }).items;
    await until(async () => (await notices(bruno)).length);
    expect(await notices(bruno)).toMatchObject([{ type: 'mention', data: { message_id: asRow({ body }).id } }]);
    expect(await notices(agent)).toEqual([]);
  });
});

describe('the place in a queue', () => {
  it('counts from the next one served, in lists too', async () => {
    const { agent, transfer, department, queue } = await shop();
    const { id: queue_id } = await queue((await department()).id);
    const second = asRow(await agent.post('/conversations', { contact_phone: '+5511912340002', queue_id }).expect(201));
    await agent.put(`/conversations/${second.id}`, { priority: 'urgent' }).expect(200);
    const last = asRow(await transfer({ queue_id }).expect(200));

    expect(last.queue_position).toBe(2);
    const { items } = (await agent.get(`/conversations?queue_id=${queue_id}&sort=queued_at:asc`).expect(200)).body as { items: Row[] };
    expect(items.map(({ id, queue_position }) => [id, queue_position])).toEqual([
      [second.id, 1],
      [last.id, 2],
    ]);
    const { body } = await agent.graphql(
      'query ($id: ID!) { conversation(id: $id) { queue_position transfers { to_queue_id transferred_at } } }',
      {
        id: last.id,
      },
    );
    expect(body).toEqual({
      data: { conversation: { queue_position: 2, transfers: [{ to_queue_id: queue_id, transferred_at: expect.any(String) as string }] } },
    });
  });
});

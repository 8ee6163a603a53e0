import { EventBus } from '#common/events';
import { newId } from '#common/uuid';
import { Conversation } from '#modules/conversations/conversation.entity';
import type { AgentSummaryPage, DepartmentPage, DepartmentView } from '#modules/departments/department.dto';
import { Queue } from '#modules/queues/queue.entity';
import { rowOf } from './support/rows';
import { socketOf } from './support/sockets';
import { selectsOf } from './support/statements';
import { type Company, type Person, type World, errorOf, world, wrongField } from './support/world';

let made = 0;

const create = async (by: Person, values: object = {}): Promise<DepartmentView> =>
  (await by.post('/departments', { name: `Vendas ${++made}`, ...values }).expect(201)).body as DepartmentView;

const get = async (by: Person, id: string): Promise<DepartmentView> =>
  (await by.get(`/departments/${id}`).expect(200)).body as DepartmentView;

const list = async (by: Person, query = ''): Promise<DepartmentPage> =>
  (await by.get(`/departments${query}`).expect(200)).body as DepartmentPage;

const namesIn = ({ items }: DepartmentPage): string[] => items.map(({ name }) => name);

const departmentsOf = async (by: Person, user_id: string): Promise<string[]> =>
  ((await by.get(`/users/${user_id}`).expect(200)).body as { department_ids: string[] }).department_ids;

const idOf = async (row: Promise<{ id?: unknown }>): Promise<string> => String((await row).id);

const conversationIn = (w: World, company: Company, department_id: string, values: object = {}): Promise<string> =>
  idOf(rowOf(w, company, Conversation, { department_id, ...values }));

const queueIn = (w: World, company: Company, department_id: string): Promise<string> => {
  const slug = `pedidos-${++made}`;
  return idOf(rowOf(w, company, Queue, { department_id, name: 'Pedidos', slug }));
};

const ago = (seconds: number): Date => new Date(Date.now() - seconds * 1000);

/** What the bus says of departments from now on. */
function listen({ app }: World, organization_id: string): [name: string, payload: object][] {
  const heard: [string, object][] = [];
  for (const name of ['department.created', 'department.updated', 'department.agents_changed', 'department.deleted'] as const)
    app.get(EventBus).on(name, (payload) => {
      if (payload.organization_id === organization_id) heard.push([name, payload]);
    });
  return heard;
}

describe('the five firsts', () => {
  it('is closed without a token', async () => {
    const { acme, guest } = await world();
    const { id } = await create(acme.admin);

    await guest.get('/departments').expect(401);
    await guest.get(`/departments/${id}`).expect(401);
    await guest.post('/departments', { name: 'Vendas' }).expect(401);
    await guest.delete(`/departments/${id}`).expect(401);
  });

  it('lets viewers and agents read and write nothing', async () => {
    const { acme } = await world();
    const { id } = await create(acme.admin);

    for (const person of [acme.viewer, acme.agent]) {
      await person.get('/departments').expect(200);
      await person.get(`/departments/${id}/stats`).expect(200);
      for (const call of [
        person.post('/departments', { name: 'Vendas' }),
        person.put(`/departments/${id}`, { name: 'Vendas' }),
        person.delete(`/departments/${id}`),
        person.post(`/departments/${id}/agents/${acme.agent.user.id}`),
        person.delete(`/departments/${id}/agents/${acme.agent.user.id}`),
      ])
        await call.expect(403).expect(errorOf('insufficient_role'));
    }
  });

  it('does not know what another organization has', async () => {
    const { acme, globex } = await world();
    const { id } = await create(acme.admin, { agent_ids: [acme.agent.user.id] });

    for (const call of [
      globex.admin.get(`/departments/${id}`),
      globex.admin.put(`/departments/${id}`, { name: 'Nossa' }),
      globex.admin.delete(`/departments/${id}`),
      globex.admin.get(`/departments/${id}/agents`),
      globex.admin.post(`/departments/${id}/agents/${globex.agent.user.id}`),
      globex.admin.post('/departments', { name: 'Vendas', agent_ids: [acme.agent.user.id] }),
      globex.admin.post('/users', { email: `${newId()}@globex.example`, full_name: 'Bia Lima', department_ids: [id] }),
    ])
      await call.expect(404).expect(errorOf('not_found'));
    expect((await list(globex.admin)).total).toBe(0);
    expect(await get(acme.admin, id)).toMatchObject({ agent_ids: [acme.agent.user.id] });
  });

  it('names the field that is wrong', async () => {
    const { acme } = await world();
    const { id } = await create(acme.admin);
    const long = 'x'.repeat(256);

    for (const [field, value] of Object.entries({
      name: long,
      slug: 'Com Espaço',
      color: 'azul',
      icon: long,
      timezone: 'Mars/Olympus',
      business_hours: { funday: { start: '09:00', end: '18:00' } },
      routing_mode: 'skills_based',
      max_conversations_per_agent: 0,
      is_active: 'talvez',
      settings: { notes: 'x'.repeat(17_000) },
      agent_ids: ['ninguém'],
    })) {
      await acme.admin.post('/departments', { name: 'Vendas', [field]: value }).expect(wrongField(field));
      await acme.admin.put(`/departments/${id}`, { [field]: value }).expect(wrongField(field));
    }
    await acme.admin.post('/departments', {}).expect(wrongField('name'));
    await acme.admin.put(`/departments/${id}`, { name: null }).expect(wrongField('name'));
    await acme.admin.put(`/departments/${id}`, { agent_ids: null }).expect(wrongField('agent_ids'));
    await acme.admin.get('/departments/vendas').expect(wrongField('path', 'department_id'));
  });

  it('lists by name, in pages, sorted, searched and filtered', async () => {
    const { acme } = await world();
    for (const name of ['Vendas', 'Água e esgoto', 'Suporte']) await create(acme.admin, { name });
    await create(acme.admin, { name: 'Cobrança', slug: 'boletos', description: 'Segunda via', is_active: false });

    const first = await list(acme.viewer, '?limit=3');
    expect(first).toMatchObject({ total: 4, page: 1, page_size: 3, total_pages: 2 });
    expect(namesIn(first)).toEqual([...namesIn(first)].sort());
    expect(namesIn(await list(acme.viewer, `?limit=3&cursor=${first.next_cursor}`))).toHaveLength(1);
    expect(namesIn(await list(acme.viewer, '?sort=slug:desc'))).toEqual(['Vendas', 'Suporte', 'Cobrança', 'Água e esgoto']);
    for (const word of ['agua', 'ESGOTO']) expect(namesIn(await list(acme.viewer, `?search=${word}`))).toEqual(['Água e esgoto']);
    for (const word of ['boleto', 'via']) expect(namesIn(await list(acme.viewer, `?search=${word}`))).toEqual(['Cobrança']);
    expect(namesIn(await list(acme.viewer, '?is_active=false'))).toEqual(['Cobrança']);
    expect((await acme.viewer.get('/departments/active').expect(200)).body).toEqual(await list(acme.viewer, '?is_active=true'));
    await acme.viewer.get('/departments?sort=deleted_at').expect(wrongField('query', 'sort'));
  });
});

describe('a department', () => {
  it('has its defaults, and a slug made of its name', async () => {
    const { acme } = await world();

    expect(await create(acme.admin, { name: '  Pós-venda & Trocas ' })).toMatchObject({
      organization_id: acme.id,
      name: 'Pós-venda & Trocas',
      slug: 'pos-venda-trocas',
      description: null,
      color: '#3B82F6',
      is_active: true,
      business_hours: {},
      routing_mode: 'round_robin',
      auto_assign_conversations: true,
      max_conversations_per_agent: 10,
      settings: {},
      agent_ids: [],
      total_agents: 0,
      total_conversations: 0,
      average_response_time_seconds: null,
    });
    expect(await create(acme.admin, { name: '営業' })).toMatchObject({ slug: 'department' });
  });

  it('keeps what an update leaves out, and clears what is null', async () => {
    const { acme } = await world();
    const { id } = await create(acme.admin, { name: 'Vendas', icon: 'cart', timezone: 'America/Manaus', settings: { theme: 1 } });

    const hours = { monday: { start: '09:00', end: '18:00' } };
    await acme.admin.put(`/departments/${id}`, { icon: null, business_hours: hours }).expect(200);

    expect(await get(acme.viewer, id)).toMatchObject({
      name: 'Vendas',
      slug: 'vendas',
      icon: null,
      timezone: 'America/Manaus',
      settings: { theme: 1 },
      business_hours: { monday: { enabled: true, start: '09:00', end: '18:00' } },
    });
  });

  it('has a slug of its own, which is free again once it is deleted', async () => {
    const { acme, globex } = await world();
    const { id } = await create(acme.admin, { slug: 'vendas' });
    const other = await create(acme.admin, { slug: 'suporte' });
    await create(globex.admin, { slug: 'vendas' });

    await acme.admin.post('/departments', { name: 'Vendas' }).expect(409).expect(errorOf('already_exists'));
    await acme.admin.put(`/departments/${other.id}`, { slug: 'vendas' }).expect(409).expect(errorOf('already_exists'));

    await acme.admin.delete(`/departments/${id}`).expect(204);
    await acme.admin.get(`/departments/${id}`).expect(404);
    await create(acme.admin, { slug: 'vendas' });
  });

  it('is made once, whoever makes it at the same time', async () => {
    const { acme } = await world();

    const answers = await Promise.all(Array.from({ length: 50 }, () => acme.admin.post('/departments', { name: 'Vendas' })));

    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([201, ...Array.from({ length: 49 }, () => 409)]);
    expect((await list(acme.admin)).total).toBe(1);
  });

  it('is one of as many as the plan allows, whoever makes them at the same time', async () => {
    const { organization } = await world();
    const small = await organization('Padaria', { plan_type: 'starter' });

    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => small.admin.post('/departments', { name: `Vendas ${n}` })));

    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
    for (const answer of answers.filter(({ status }) => status !== 201)) errorOf('plan_limit_exceeded')(answer);
    expect((await list(small.admin)).total).toBe(3);
    const { body } = await small.admin.get('/organizations/me').expect(200);
    expect(body).toMatchObject({ plan_limits: { max_departments: 3 }, plan_usage: { departments: 3 } });
  });
});

describe('agents', () => {
  it('are seen alike from the department and from the user', async () => {
    const { acme } = await world();
    const { admin, agent } = acme;
    const [sales, support] = [await create(admin), await create(admin)];

    await admin.post(`/departments/${sales.id}/agents/${agent.user.id}`).expect(200);
    await admin.put(`/departments/${support.id}`, { agent_ids: [agent.user.id, admin.user.id] }).expect(200);

    expect(await departmentsOf(admin, agent.user.id)).toEqual([sales.id, support.id]);
    expect(await get(admin, support.id)).toMatchObject({ total_agents: 2, agent_ids: [admin.user.id, agent.user.id].sort() });

    await admin.put(`/users/${agent.user.id}`, { department_ids: [support.id] }).expect(200);
    expect(await get(admin, sales.id)).toMatchObject({ total_agents: 0, agent_ids: [] });
    const { body } = await admin.get(`/users?department_id=${support.id}&sort=full_name:asc`).expect(200);
    expect((body as { items: { id: string; department_ids: string[] }[] }).items).toMatchObject([
      { id: agent.user.id, department_ids: [support.id] },
      { id: admin.user.id, department_ids: [support.id] },
    ]);
    const invited = await admin
      .post('/users', { email: `${newId()}@acme.example`, full_name: 'Bia Lima', department_ids: [sales.id] })
      .expect(201);
    expect(await get(admin, sales.id)).toMatchObject({ agent_ids: [(invited.body as { id: string }).id] });
  });

  it('come and go once, however often one says so', async () => {
    const w = await world();
    const { admin, agent } = w.acme;
    const { id } = await create(admin);
    const heard = listen(w, w.acme.id);
    const path = `/departments/${id}/agents/${agent.user.id}`;

    for (const call of [admin.post(path), admin.post(path), admin.delete(path), admin.delete(path)]) await call.expect(200);

    expect(heard.filter(([name]) => name === 'department.agents_changed').map(([, change]) => change)).toEqual([
      { organization_id: w.acme.id, department_id: id, added: [agent.user.id], removed: [] },
      { organization_id: w.acme.id, department_id: id, added: [], removed: [agent.user.id] },
    ]);
    const said = await w.sql<{ action: string }>('SELECT action FROM audit_logs WHERE resource_id = $1 ORDER BY created_at, id', [id]);
    expect(said.map(({ action }) => action)).toEqual(['department.created', 'department.agent_added', 'department.agent_removed']);
  });

  it('answer customers: nobody else is one', async () => {
    const { acme, superAdmin } = await world();
    const { admin, viewer } = acme;
    const { id } = await create(admin);
    const boss = await superAdmin();

    await admin.post(`/departments/${id}/agents/${viewer.user.id}`).expect(422).expect(errorOf('user_not_agent'));
    await admin
      .put(`/departments/${id}`, { agent_ids: [viewer.user.id] })
      .expect(422)
      .expect(wrongField('agent_ids'));
    await admin
      .post('/departments', { name: 'Outra', agent_ids: [viewer.user.id] })
      .expect(422)
      .expect(errorOf('user_not_agent'));
    await admin
      .put(`/users/${viewer.user.id}`, { department_ids: [id] })
      .expect(422)
      .expect(wrongField('department_ids'));
    await admin.post(`/departments/${id}/agents/${boss.user.id}`).expect(404);
    await admin.post(`/departments/${id}/agents/${newId()}`).expect(404);
    expect(await get(admin, id)).toMatchObject({ agent_ids: [] });
    expect((await list(admin, '?search=outra')).total).toBe(0);
  });

  it('who become viewers are in no department until they may answer again', async () => {
    const { acme } = await world();
    const { admin, agent } = acme;
    const { id } = await create(admin, { agent_ids: [agent.user.id] });

    await admin.put(`/users/${agent.user.id}`, { role: 'viewer' }).expect(200);
    expect(await get(admin, id)).toMatchObject({ agent_ids: [], total_agents: 0 });
    expect(await departmentsOf(admin, agent.user.id)).toEqual([]);

    await admin.put(`/users/${agent.user.id}`, { role: 'agent' }).expect(200);
    expect(await get(admin, id)).toMatchObject({ agent_ids: [agent.user.id] });
  });

  it('do not choose their own departments', async () => {
    const { acme } = await world();
    const { admin, agent } = acme;
    const { id } = await create(admin, { agent_ids: [agent.user.id] });

    await agent.put('/users/me', { department_ids: [] }).expect(403).expect(errorOf('cannot_modify_self'));
    await agent.put('/users/me', { department_ids: [id] }).expect(200);
    await admin
      .put(`/users/${admin.user.id}`, { department_ids: [id] })
      .expect(403)
      .expect(errorOf('cannot_modify_self'));
    await admin.put(`/users/${agent.user.id}`, { department_ids: null }).expect(wrongField('department_ids'));
    expect(await get(admin, id)).toMatchObject({ agent_ids: [agent.user.id] });
  });

  it('are replaced as a whole by fifty at once: what stays is what one of them said', async () => {
    const { acme } = await world();
    const people = await Promise.all(Array.from({ length: 5 }, () => acme.hire('agent')));
    const { id } = await create(acme.admin);
    const sets = Array.from({ length: 50 }, (_, n) => [people[n % 5], people[(n + 1) % 5]].map(({ user }) => user.id).sort());

    const calls = sets.map((agent_ids, n) =>
      n % 2 ? acme.admin.put(`/departments/${id}`, { agent_ids }) : acme.admin.put(`/users/${agent_ids[0]}`, { department_ids: [id] }),
    );
    for (const { status } of await Promise.all(calls)) expect(status).toBe(200);
    await Promise.all(sets.map((agent_ids) => acme.admin.put(`/departments/${id}`, { agent_ids }).expect(200)));

    const { agent_ids } = await get(acme.admin, id);
    expect(sets).toContainEqual(agent_ids);
  });

  it('are listed with what they do and can', async () => {
    const w = await world();
    const { acme } = w;
    const [ana, bia] = [await acme.hire('agent', { full_name: 'Ana Reis' }), await acme.hire('agent', { full_name: 'Bia Lima' })];
    const { id } = await create(acme.admin, { agent_ids: [ana.user.id, bia.user.id] });
    await w.sql(`UPDATE users SET is_online = true, agent_status = 'available' WHERE id = $1`, [ana.user.id]);
    await acme.admin
      .put(`/users/${ana.user.id}/skills`, [{ skill_name: 'Vendas' }, { skill_name: 'Árabe', proficiency_level: 5 }])
      .expect(200);
    for (const status of ['open', 'pending', 'closed']) await conversationIn(w, acme, id, { status, current_agent_id: ana.user.id });

    const agents = async (query = ''): Promise<AgentSummaryPage> =>
      (await acme.viewer.get(`/departments/${id}/agents?sort=full_name:asc${query}`).expect(200)).body as AgentSummaryPage;

    expect((await agents()).items).toEqual([
      {
        id: ana.user.id,
        full_name: 'Ana Reis',
        email: ana.user.email,
        avatar_url: null,
        role: 'agent',
        agent_status: 'available',
        is_online: true,
        active_conversations: 2,
        skills: [
          { skill_name: 'Árabe', proficiency_level: 5 },
          { skill_name: 'Vendas', proficiency_level: 3 },
        ],
      },
      expect.objectContaining({ id: bia.user.id, is_online: false, active_conversations: 0, skills: [] }),
    ]);
    for (const query of ['&is_online=true', '&agent_status=available', '&search=reis', '&limit=1'])
      expect((await agents(query)).items.map((agent) => agent.full_name)).toEqual(['Ana Reis']);
    expect((await agents('&limit=1&page=2')).items.map((agent) => agent.full_name)).toEqual(['Bia Lima']);
  });
});

describe('numbers', () => {
  it('are counted over the conversations of a department', async () => {
    const w = await world();
    const { acme } = w;
    const { id } = await create(acme.admin, { agent_ids: [acme.agent.user.id, acme.admin.user.id] });
    const other = await create(acme.admin, { agent_ids: [acme.agent.user.id], is_active: false });
    const queue_id = await queueIn(w, acme, id);
    const agent = { current_agent_id: acme.agent.user.id, queue_id };
    await conversationIn(w, acme, id, { queue_id, queued_at: ago(5) });
    await conversationIn(w, acme, id, { ...agent, queued_at: ago(100), assigned_at: ago(40), first_response_time_seconds: 10 });
    await conversationIn(w, acme, id, { ...agent, status: 'resolved', first_response_time_seconds: 21, resolution_time_seconds: 300 });
    await conversationIn(w, acme, id, { ...agent, status: 'closed', resolution_time_seconds: 100 });
    // Too long ago for an average.
    const old = { status: 'closed', created_at: ago(31 * 86_400), first_response_time_seconds: 9999, resolution_time_seconds: 9999 };
    await conversationIn(w, acme, id, old);
    await conversationIn(w, acme, other.id);
    await w.sql(`UPDATE users SET is_online = true WHERE id = ANY($1)`, [[acme.agent.user.id, acme.admin.user.id]]);
    await w.sql(`UPDATE users SET agent_status = 'available' WHERE id = $1`, [acme.agent.user.id]);

    const figures = {
      total_agents: 2,
      active_conversations: 2,
      queued_conversations: 1,
      average_response_time_seconds: 16,
      average_resolution_time_seconds: 200,
      customer_satisfaction_score: null,
    };
    expect(await get(acme.viewer, id)).toMatchObject({ ...figures, total_conversations: 5 });
    expect((await list(acme.viewer)).items).toMatchObject([
      { id, ...figures },
      { id: other.id, total_conversations: 1, active_conversations: 1 },
    ]);
    expect((await acme.viewer.get(`/departments/${id}/stats`).expect(200)).body).toEqual({
      department_id: id,
      ...figures,
      agents_online: 2,
      agents_available: 1,
      total_queues: 1,
      completed_conversations: 3,
      average_wait_time_seconds: 60,
      is_within_business_hours: true,
    });
    expect((await acme.viewer.get('/departments/stats').expect(200)).body).toEqual({
      total_departments: 2,
      active_departments: 1,
      total_agents: 2,
      total_queued_conversations: 1,
    });
  });

  it('say whether it is open, by its own hours, else the organization’s', async () => {
    const { acme } = await world();
    const { id } = await create(acme.admin);
    const isOpen = async (): Promise<unknown> =>
      ((await acme.viewer.get(`/departments/${id}/stats`).expect(200)).body as { is_within_business_hours: boolean })
        .is_within_business_hours;
    const closed = { monday: { enabled: false } };

    expect(await isOpen()).toBe(true);
    await acme.admin.put('/organizations/me/settings', { business_hours: closed }).expect(200);
    expect(await isOpen()).toBe(false);
    await acme.admin.put(`/departments/${id}`, { business_hours: { always_open: true } }).expect(200);
    expect(await isOpen()).toBe(true);
  });

  it('cost a list no more statements when it is longer', async () => {
    const { acme } = await world();
    const count = async (path: string): Promise<number> =>
      (await selectsOf(/\b(departments|department_agents|conversations|users)\b/, () => acme.admin.get(path).expect(200))).length;
    await create(acme.admin, { agent_ids: [acme.agent.user.id] });
    const [few, users] = [await count('/departments'), await count('/users')];
    for (let n = 0; n < 10; n++) {
      const { user } = await acme.hire('agent');
      await create(acme.admin, { agent_ids: [user.id] });
    }

    expect(await count('/departments')).toBe(few);
    expect(few).toBeLessThanOrEqual(6);
    expect(await count('/users')).toBe(users);
  });
});

describe('deleting', () => {
  it('is refused while somebody would be left', async () => {
    const w = await world();
    const { acme } = w;
    const [lined, talking] = [await create(acme.admin), await create(acme.admin)];
    const queue_id = await queueIn(w, acme, lined.id);
    const conversation = await conversationIn(w, acme, talking.id, { status: 'pending' });

    for (const { id } of [lined, talking]) await acme.admin.delete(`/departments/${id}`).expect(409).expect(errorOf('department_in_use'));
    await w.sql('UPDATE queues SET deleted_at = now() WHERE id = $1', [queue_id]);
    await w.sql(`UPDATE conversations SET status = 'closed' WHERE id = $1`, [conversation]);

    for (const { id } of [lined, talking]) await acme.admin.delete(`/departments/${id}`).expect(204);
    expect((await list(acme.admin)).total).toBe(0);
  });

  it('moves queues, conversations and agents', async () => {
    const w = await world();
    const { acme } = w;
    const from = await create(acme.admin, { agent_ids: [acme.agent.user.id, acme.admin.user.id] });
    const to = await create(acme.admin, { agent_ids: [acme.agent.user.id] });
    const queue_id = await queueIn(w, acme, from.id);
    const live = await conversationIn(w, acme, from.id, { queue_id, queued_at: new Date() });
    const over = await conversationIn(w, acme, from.id, { status: 'closed' });
    const heard = listen(w, acme.id);
    const moved: string[] = [];
    w.app.get(EventBus).on('conversation.updated', ({ conversation_id }) => void moved.push(conversation_id));

    await acme.admin.delete(`/departments/${from.id}?move_to_department_id=${to.id}`).expect(204);

    const ids = acme.admin.user.id;
    expect(await get(acme.admin, to.id)).toMatchObject({ agent_ids: [ids, acme.agent.user.id].sort(), queued_conversations: 1 });
    expect(await w.sql('SELECT id, department_id FROM conversations WHERE id = ANY($1) ORDER BY id', [[live, over]])).toEqual([
      { id: live, department_id: to.id },
      { id: over, department_id: from.id },
    ]);
    expect(await w.sql('SELECT department_id FROM queues WHERE id = $1', [queue_id])).toEqual([{ department_id: to.id }]);
    expect(await departmentsOf(acme.admin, acme.admin.user.id)).toEqual([to.id]);
    expect(moved).toEqual([live]);
    expect(heard).toEqual(
      expect.arrayContaining([
        ['department.agents_changed', { organization_id: acme.id, department_id: to.id, added: [ids], removed: [] }],
        ['department.deleted', { organization_id: acme.id, department_id: from.id, moved_to_department_id: to.id }],
      ]),
    );
  });

  it('moves to another department of the organization that is active', async () => {
    const { acme, globex } = await world();
    const { id } = await create(acme.admin);
    const [off, theirs] = [await create(acme.admin, { is_active: false }), await create(globex.admin)];
    const remove = (to: string) => acme.admin.delete(`/departments/${id}?move_to_department_id=${to}`);

    await remove(id).expect(422).expect(wrongField('query', 'move_to_department_id'));
    await remove(off.id).expect(422).expect(wrongField('query', 'move_to_department_id'));
    await remove(theirs.id).expect(404);
    await remove(newId()).expect(404);
    await remove('aqui').expect(422).expect(wrongField('query', 'move_to_department_id'));
    await get(acme.admin, id);
  });

  it('happens once, and leaves nobody in what is gone', async () => {
    const w = await world();
    const { acme } = w;
    const { id } = await create(acme.admin, { agent_ids: [acme.agent.user.id] });

    const calls = Array.from({ length: 50 }, (_, n) =>
      n % 2 ? acme.admin.delete(`/departments/${id}`) : acme.admin.put(`/users/${acme.agent.user.id}`, { department_ids: [id] }),
    );
    const statuses = (await Promise.all(calls)).map(({ status }) => status);

    expect(statuses.filter((status) => status === 204)).toHaveLength(1);
    expect(statuses.filter((status) => ![200, 204, 404].includes(status))).toEqual([]);
    expect(await w.sql('SELECT FROM department_agents WHERE department_id = $1', [id])).toEqual([]);
    expect(await departmentsOf(acme.admin, acme.agent.user.id)).toEqual([]);
  });
});

describe('what is told', () => {
  it('goes to the sockets of the organization and to nobody else', async () => {
    const { acme, globex } = await world();
    const [watcher, stranger] = await Promise.all([socketOf(acme.viewer), socketOf(globex.admin)]);

    const { id } = await create(acme.admin, { name: 'Vendas' });
    await watcher.hear('department:updated', (data) => data.id === id && data.name === 'Vendas');
    await acme.admin.put(`/departments/${id}`, { is_active: false }).expect(200);
    await watcher.hear('department:updated', (data) => data.id === id && data.is_active === false);
    await acme.admin.put(`/users/${acme.agent.user.id}`, { department_ids: [id] }).expect(200);
    await watcher.hear('department:updated', (data) => JSON.stringify(data.agent_ids) === JSON.stringify([acme.agent.user.id]));
    await acme.admin.delete(`/departments/${id}`).expect(204);
    await watcher.hear('department:deleted', (data) => data.department_id === id);

    expect(stranger.heard.filter(({ event }) => event.startsWith('department:'))).toEqual([]);
  });

  it('is nothing where nothing changed', async () => {
    const w = await world();
    const { id } = await create(w.acme.admin, { name: 'Vendas', agent_ids: [w.acme.agent.user.id] });
    const heard = listen(w, w.acme.id);

    await w.acme.admin.put(`/departments/${id}`, { name: 'Vendas', agent_ids: [w.acme.agent.user.id] }).expect(200);

    expect(heard).toEqual([]);
    const said = await w.sql<{ action: string }>('SELECT action FROM audit_logs WHERE resource_id = $1', [id]);
    expect(said.map(({ action }) => action)).toEqual(['department.created']);
  });
});

describe('GraphQL', () => {
  it('reads and writes the same', async () => {
    const { acme } = await world();
    const { admin, agent } = acme;
    const ask = async (by: Person, query: string, variables: object = {}): Promise<Record<string, unknown>> => {
      const { body } = await by.graphql(query, variables).expect(200);
      expect((body as { errors?: unknown }).errors).toBeUndefined();
      return (body as { data: Record<string, unknown> }).data;
    };

    const input = { name: 'Vendas', agent_ids: [agent.user.id] };
    const { createDepartment } = await ask(
      admin,
      'mutation ($input: DepartmentCreateInput!) { createDepartment(input: $input) { id slug agent_ids } }',
      {
        input,
      },
    );
    const { id } = createDepartment as { id: string };
    expect(createDepartment).toEqual({ id, slug: 'vendas', agent_ids: [agent.user.id] });
    expect(await ask(agent, '{ departments(search: "vend", is_active: true, limit: 5) { id total_agents settings } }')).toEqual({
      departments: [{ id, total_agents: 1, settings: {} }],
    });
    expect(
      await ask(
        agent,
        'query ($id: ID!) { department(id: $id) { name business_hours } department_stats(department_id: $id) { total_agents is_within_business_hours } }',
        { id },
      ),
    ).toEqual({
      department: { name: 'Vendas', business_hours: {} },
      department_stats: { total_agents: 1, is_within_business_hours: true },
    });
    expect(
      await ask(
        admin,
        `mutation ($id: ID!, $agent: ID!) {
          removeDepartmentAgent(department_id: $id, agent_id: $agent) { agent_ids }
          addDepartmentAgent(department_id: $id, agent_id: $agent) { total_agents }
          updateDepartment(id: $id, input: { color: "#10B981" }) { color }
        }`,
        { id, agent: agent.user.id },
      ),
    ).toEqual({
      removeDepartmentAgent: { agent_ids: [] },
      addDepartmentAgent: { total_agents: 1 },
      updateDepartment: { color: '#10B981' },
    });
    expect(await ask(agent, 'query ($id: ID!) { users(department_id: $id) { id department_ids } }', { id })).toEqual({
      users: [{ id: agent.user.id, department_ids: [id] }],
    });
    expect(await ask(admin, 'mutation ($id: ID!) { deleteDepartment(id: $id) { success } }', { id })).toEqual({
      deleteDepartment: { success: true },
    });
  });
});

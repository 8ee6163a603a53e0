import { Role } from '#common/actor';
import { newId } from '#common/uuid';
import { GENERAL_CHANNELS, type Publication, type RealtimeEvent, socketCatalogue } from '#realtime/realtime.events';
import { RealtimeHub } from '#realtime/realtime.hub';
import { LIMITS } from '#realtime/realtime.limits';
import { dial, rawOf, socketOf, tell, until } from './support/sockets';
import { type Company, type Person, errorOf, world, wrongField } from './support/world';

interface Connection {
  id: string;
  user_id: string;
  transport: string;
  rooms: string[];
}

const list = async (person: Person, query = ''): Promise<{ items: Connection[]; total: number }> =>
  (await person.get(`/websocket${query}`).expect(200)).body as { items: Connection[]; total: number };

const idsOf = async (person: Person, query = ''): Promise<string[]> => (await list(person, query)).items.map(({ id }) => id);

/** The agent's only socket. */
const only = async (company: Company): Promise<Connection> => (await list(company.admin, `?user_id=${company.agent.user.id}`)).items[0];

const acts = async (company: Company, action: string): Promise<Record<string, unknown>[]> => {
  const { body } = await company.admin.get(`/audit-logs?action=${action}`).expect(200);
  return (body as { items: Record<string, unknown>[] }).items;
};

const broadcast = async (person: Person, input: object): Promise<number> =>
  ((await person.post('/websocket/broadcast', input).expect(200)).body as { delivered: number }).delivered;

describe('the list of sockets', () => {
  it('is for administrators; numbers and who is online are for everybody', async () => {
    const { acme, guest } = await world();
    const id = newId();

    for (const path of ['', '/stats', '/online-users', `/${id}`]) await guest.get(`/websocket${path}`).expect(401);
    await guest.post('/websocket/broadcast', { message: 'Olá' }).expect(401);
    for (const person of [acme.viewer, acme.agent]) {
      for (const path of ['', `/${id}`]) await person.get(`/websocket${path}`).expect(403);
      for (const path of ['/stats', '/online-users']) await person.get(`/websocket${path}`).expect(200);
      await person.post('/websocket/broadcast', { message: 'Olá' }).expect(403);
      await person.delete(`/websocket/${id}`).expect(403);
    }
  });

  it('shows both kinds, the newest first, with who it is and what they hear; no other organization', async () => {
    const { acme, globex } = await world();
    const { user } = acme.agent;
    const raw = await rawOf(acme.agent);
    await raw.subscribe('messages');
    await socketOf(acme.admin, acme.admin.base_url, { extraHeaders: { 'user-agent': 'Tablet do balcão' } });
    await socketOf(globex.admin);

    const { items, total } = await list(acme.admin);

    const when = expect.stringMatching(/^\d{4}-.*Z$/) as string;
    const alike = { id: expect.any(String) as string, ip: '127.0.0.1', connected_at: when, last_seen_at: when };
    expect(total).toBe(2);
    expect(items).toEqual([
      {
        ...alike,
        user_id: acme.admin.user.id,
        user_name: acme.admin.user.full_name,
        role: 'org_admin',
        transport: 'socketio',
        rooms: [`organization:${acme.id}`, `user:${acme.admin.user.id}`, `role:${acme.id}:org_admin`],
        user_agent: 'Tablet do balcão',
      },
      { ...alike, user_id: user.id, user_name: user.full_name, role: 'agent', transport: 'ws', rooms: ['messages'], user_agent: null },
    ]);
    await acme.admin
      .get(`/websocket/${items[1].id.toUpperCase()}`)
      .expect(200)
      .expect(({ body }) => expect(body).toEqual(items[1]));
  });

  it('pages, narrows and sorts', async () => {
    const { acme, globex } = await world();
    await rawOf(acme.agent);
    await socketOf(acme.viewer);
    await socketOf(acme.agent);
    const [newest, middle, oldest] = await idsOf(acme.admin);

    expect(await idsOf(acme.admin, '?limit=1&page=2')).toEqual([middle]);
    expect(await idsOf(acme.admin, '?skip=2')).toEqual([oldest]);
    expect(await idsOf(acme.admin, '?sort=connected_at:asc')).toEqual([oldest, middle, newest]);
    expect(await idsOf(acme.admin, `?user_id=${acme.agent.user.id}`)).toEqual([newest, oldest]);
    expect(await idsOf(acme.admin, '?transport=ws')).toEqual([oldest]);
    expect(await idsOf(acme.admin, `?user_id=${globex.agent.user.id}`)).toEqual([]);
    await acme.admin.get('/websocket?transport=smoke').expect(wrongField('query', 'transport'));
    await acme.admin.get('/websocket?user_id=me').expect(wrongField('query', 'user_id'));
    await acme.admin.get('/websocket?sort=ip').expect(wrongField('query', 'sort'));
  });

  it("finds neither another organization's socket nor one that is gone", async () => {
    const { acme, globex, superAdmin } = await world();
    const raw = await rawOf(acme.agent);
    const { id } = await only(acme);
    const boss = await superAdmin();

    for (const person of [globex.admin, boss]) {
      await person.get(`/websocket/${id}`).expect(404).expect(errorOf('not_found'));
      await person.delete(`/websocket/${id}`).expect(404).expect(errorOf('not_found'));
    }
    await acme.admin.get('/websocket/first').expect(422);
    await boss.get(`/websocket/${id}`).set('X-Organization-Id', acme.id).expect(200);
    raw.ws.close();
    await until(async () => !(await list(acme.admin)).total, 'the end of the socket');
    await acme.admin.get(`/websocket/${id}`).expect(404);
    await acme.admin.delete(`/websocket/${id}`).expect(404);
  });

  it('does not show super admins to others', async () => {
    const { acme } = await world();
    const boss = await acme.hire('super_admin');
    await socketOf(boss);

    expect(await list(acme.admin)).toMatchObject({ total: 0 });
    const [id] = await idsOf(boss);
    await acme.admin.delete(`/websocket/${id}`).expect(404);
    await boss.delete(`/websocket/${id}`).expect(204);
  });

  it('counts what the organization has; for super admins all of them, or the one they name', async () => {
    const { acme, globex, superAdmin } = await world();
    const boss = await superAdmin();
    const raw = await rawOf(acme.agent);
    await raw.subscribe('messages', 'contacts');
    await Promise.all([socketOf(acme.agent), socketOf(acme.admin), socketOf(globex.admin)]);
    const own = {
      total_connections: 3,
      by_transport: { socketio: 2, ws: 1 },
      online_users: 2,
      total_rooms: 7,
      rooms: {
        [`organization:${acme.id}`]: 2,
        [`user:${acme.agent.user.id}`]: 1,
        [`user:${acme.admin.user.id}`]: 1,
        [`role:${acme.id}:agent`]: 1,
        [`role:${acme.id}:org_admin`]: 1,
        messages: 1,
        contacts: 1,
      },
    };

    const stats = async (person: Person, organization?: string): Promise<unknown> =>
      (await (organization ? person.get('/websocket/stats').set('X-Organization-Id', organization) : person.get('/websocket/stats'))).body;
    expect(await stats(acme.viewer)).toEqual(own);
    expect(await stats(boss, acme.id)).toEqual(own);
    expect(await stats(acme.viewer, globex.id)).toEqual(own);
    expect(await stats(boss)).toMatchObject({ total_connections: 4, online_users: 3 });
  });

  it('shows the hundred largest rooms and counts them all', async () => {
    const { acme, sql } = await world();
    const contact = newId();
    await sql('INSERT INTO contacts (id, organization_id) VALUES ($1, $2)', [contact, acme.id]);
    const ids = Array.from({ length: 120 }, newId);
    await sql(`INSERT INTO conversations (id, organization_id, contact_id, status) SELECT unnest($1::uuid[]), $2, $3, 'closed'`, [
      ids,
      acme.id,
      contact,
    ]);
    const [raw, other] = await Promise.all([rawOf(acme.agent), rawOf(acme.viewer)]);
    await raw.subscribe(...ids.map((id) => `conversation:${id}`));
    await other.subscribe(`conversation:${ids[119]}`);

    const { body } = await acme.agent.get('/websocket/stats').expect(200);

    const { total_rooms, rooms } = body as { total_rooms: number; rooms: Record<string, number> };
    expect(total_rooms).toBe(120);
    expect(Object.keys(rooms)).toHaveLength(100);
    expect(rooms[`conversation:${ids[119]}`]).toBe(2);
  });
});

describe('who is online', () => {
  it('is listed with their sockets, by role, department and state', async () => {
    const { acme, globex } = await world();
    const { user } = acme.agent;
    const { body: department } = await acme.admin.post('/departments', { name: 'Loja', agent_ids: [user.id] }).expect(201);
    const [first] = await Promise.all([socketOf(acme.agent), socketOf(acme.viewer), socketOf(globex.agent)]);
    await rawOf(acme.agent);
    await first.ask('agent:set_status', { status: 'busy' });
    const online = async (person: Person, query = ''): Promise<Record<string, unknown>[]> =>
      (await person.get(`/websocket/online-users${query}`).expect(200)).body.items as Record<string, unknown>[];
    await until(async () => (await online(acme.viewer)).length === 2, 'both online');

    const when = expect.stringMatching(/^\d{4}-.*Z$/) as string;
    const agent = {
      user_id: user.id,
      full_name: user.full_name,
      role: 'agent',
      agent_status: 'busy',
      connections: 2,
      connected_at: when,
      last_seen_at: when,
    };
    for (const query of ['?role=agent', `?department_id=${department.id}`, '?status=busy', '?sort=full_name:asc&limit=1'])
      expect(await online(acme.viewer, query)).toEqual([agent]);
    expect(await online(globex.viewer, `?department_id=${department.id}`)).toEqual([]);
    await acme.viewer.get('/websocket/online-users?role=boss').expect(wrongField('query', 'role'));
    await acme.viewer.get('/websocket/online-users?status=sleeping').expect(wrongField('query', 'status'));
  });

  it('is online still for a minute after the last socket dropped', async () => {
    const { acme } = await world();
    const client = await socketOf(acme.agent);
    const online = async (): Promise<Record<string, unknown>[]> =>
      (await acme.viewer.get('/websocket/online-users').expect(200)).body.items as Record<string, unknown>[];
    await until(async () => (await online()).length, 'being online');

    client.socket.disconnect();

    await until(async () => !(await list(acme.admin)).total, 'the end of the socket');
    expect(await online()).toMatchObject([{ user_id: acme.agent.user.id, connections: 0, connected_at: null }]);
  });
});

describe('an announcement', () => {
  it('reaches everybody of the organization who hears it, is counted and said', async () => {
    const { acme, globex } = await world();
    const [agent, viewer, foreign] = await Promise.all([socketOf(acme.agent), socketOf(acme.viewer), socketOf(globex.admin)]);
    const [raw, deaf, foreignRaw] = await Promise.all([rawOf(acme.agent), rawOf(acme.viewer), rawOf(globex.agent)]);
    for (const one of [raw, foreignRaw]) await one.subscribe('notifications');
    const { id, full_name } = acme.admin.user;

    expect(await broadcast(acme.admin, { message: '  Reinício às 22h.  ' })).toBe(3);

    const announcement = { message: 'Reinício às 22h.', level: 'info', from: { id, full_name } };
    for (const client of [agent, viewer]) expect(await client.hear('announcement')).toEqual(announcement);
    expect(await raw.hear('event')).toMatchObject({ channel: 'notifications', event: 'announcement', data: announcement });
    expect(await broadcast(globex.admin, { message: 'Ours', level: 'critical' })).toBe(2);
    expect(await foreign.hear('announcement')).toMatchObject({ message: 'Ours', level: 'critical' });
    expect((await foreignRaw.hear('event')).data).toMatchObject({ message: 'Ours' });
    expect(agent.all('announcement')).toHaveLength(1);
    expect(deaf.events()).toEqual([]);
    expect(await acts(acme, 'websocket.broadcast_sent')).toMatchObject([
      { resource_type: 'websocket', resource_id: acme.id, user_id: id, metadata: { level: 'info', delivered: 3 } },
    ]);
  });

  it('may be for one role alone', async () => {
    const { acme } = await world();
    const [admin, agent] = await Promise.all([socketOf(acme.admin), socketOf(acme.agent)]);
    const [adminRaw, agentRaw] = await Promise.all([rawOf(acme.admin), rawOf(acme.agent)]);
    for (const raw of [adminRaw, agentRaw]) await raw.subscribe('notifications');

    expect(await broadcast(acme.admin, { message: 'Só agentes', level: 'warning', role: 'agent' })).toBe(2);
    expect(await broadcast(acme.admin, { message: 'Todos' })).toBe(4);

    const said = (data: Record<string, unknown>[]): unknown[] => data.map(({ message }) => message);
    for (const client of [admin, agent]) await client.hear('announcement', ({ message }) => message === 'Todos');
    for (const raw of [adminRaw, agentRaw]) await raw.hear('event', ({ data }) => (data as { message: string }).message === 'Todos');
    expect(said(admin.all('announcement'))).toEqual(['Todos']);
    expect(said(agent.all('announcement'))).toEqual(['Só agentes', 'Todos']);
    expect(adminRaw.events()).toHaveLength(1);
    expect(agentRaw.events()).toHaveLength(2);
  });

  it('is heard by who may read little, too', async () => {
    const { acme, sql } = await world();
    const narrow = await acme.hire('agent');
    await sql(`UPDATE users SET custom_permissions = '{read:contacts}' WHERE id = $1`, [narrow.user.id]);
    const client = await socketOf(narrow);

    expect(await broadcast(acme.admin, { message: 'Todos' })).toBe(1);

    expect(await client.hear('announcement')).toMatchObject({ message: 'Todos' });
  });

  it('says something, in a known level, to a known role', async () => {
    const { acme } = await world();
    const refused = (input: object, field: string): unknown => acme.admin.post('/websocket/broadcast', input).expect(wrongField(field));

    await refused({}, 'message');
    await refused({ message: ' \u200b ' }, 'message');
    await refused({ message: 'x'.repeat(1001) }, 'message');
    await refused({ message: 'Olá', level: 'loud' }, 'level');
    await refused({ message: 'Olá', role: 'boss' }, 'role');
    expect(await acts(acme, 'websocket.broadcast_sent')).toEqual([]);
  });
});

describe('a socket that is dropped', () => {
  it('is closed, told why, and may come back', async () => {
    const { acme } = await world();
    const client = await socketOf(acme.agent);
    const { id } = await only(acme);

    await acme.admin.delete(`/websocket/${id}`).expect(204);

    await until(() => client.disconnects.length, 'the disconnect');
    expect(client.disconnects).toEqual(['io server disconnect']);
    expect(client.all('error')).toMatchObject([{ error_code: 'connection_dropped' }]);
    expect(await acts(acme, 'websocket.connection_dropped')).toMatchObject([
      { resource_id: id, user_id: acme.admin.user.id, metadata: { user_id: acme.agent.user.id, transport: 'socketio' } },
    ]);
    const raw = await rawOf(acme.agent);
    await acme.admin.delete(`/websocket/${(await only(acme)).id}`).expect(204);
    expect(await raw.end()).toEqual({ code: 1008, reason: 'connection_dropped' });
    await socketOf(acme.agent);
  });

  it('is dropped once, whoever asks at once, and hears nothing more even if it does not answer', async () => {
    const { acme } = await world();
    const raw = await rawOf(acme.agent);
    await raw.subscribe('notifications');
    const { id } = await only(acme);
    // A client that reads no more.
    raw.ws.pause();

    const statuses = await Promise.all(Array.from({ length: 50 }, async () => (await acme.admin.delete(`/websocket/${id}`)).status));

    expect(statuses.sort()).toEqual([204, ...Array<number>(49).fill(404)]);
    expect(await list(acme.admin)).toMatchObject({ total: 0 });
    expect(await broadcast(acme.admin, { message: 'Olá' })).toBe(0);
    expect(await acts(acme, 'websocket.connection_dropped')).toHaveLength(1);
    raw.ws.resume();
    await raw.end();
    expect(raw.events()).toEqual([]);
  });
});

describe('what is told to an organization', () => {
  it('is heard by nobody of another one, whatever the event, the transport and the channel', async () => {
    const { app, acme, globex, sql } = await world();
    const hub = app.get(RealtimeHub);
    const [contact, conversation_id] = [newId(), newId()];
    await sql('INSERT INTO contacts (id, organization_id) VALUES ($1, $2)', [contact, acme.id]);
    await sql(`INSERT INTO conversations (id, organization_id, contact_id, status) VALUES ($1, $2, $3, 'open')`, [
      conversation_id,
      acme.id,
      contact,
    ]);
    const ours = await socketOf(acme.admin);
    const theirs = await socketOf(globex.admin);
    const raw = await rawOf(globex.admin);
    const channels = [...GENERAL_CHANNELS];
    expect(await raw.subscribe(...channels, `conversation:${conversation_id}`)).toMatchObject({ channels });
    expect(await theirs.ask('join_conversation', { conversation_id })).toMatchObject({ ok: false, error_code: 'not_found' });

    const events = socketCatalogue().map(([name]) => name as RealtimeEvent);
    const audiences: Partial<Publication>[] = [{}, { conversation_id }, { org_admins_only: true }, { role: Role.org_admin }];
    for (const event of events) for (const audience of audiences) tell(hub, acme.id, event, { ours: true }, audience);
    tell(hub, globex.id, 'contact:updated', { end: true });

    await Promise.all([theirs.hear('contact:updated'), raw.hear('event', ({ event }) => event === 'contact:updated')]);
    expect(events.length).toBeGreaterThan(20);
    const told = (data: unknown): boolean => 'ours' in (data as object);
    for (const event of events) await until(() => ours.all(event).filter(told).length === audiences.length, `${event} at home`);
    expect(theirs.heard.filter(({ data }) => told(data))).toEqual([]);
    expect(raw.events().filter(({ data }) => told(data))).toEqual([]);
  });
});

describe('an organization', () => {
  const { connections_per_organization } = LIMITS;
  afterEach(() => Object.assign(LIMITS, { connections_per_organization }));

  it('has no more sockets on a node than it may, and leaves the others theirs', async () => {
    const { acme, globex } = await world();
    LIMITS.connections_per_organization = 2;
    await Promise.all([socketOf(acme.agent), rawOf(acme.agent)]);

    const refused = dial(acme.agent.base_url, { auth: { token: acme.agent.token } });

    await until(() => refused.refusals.length, 'the refusal');
    expect(refused.refusals[0]).toMatchObject({ message: 'unavailable', data: { error_code: 'service_unavailable' } });
    await socketOf(globex.agent);
  });
});

describe('the same in GraphQL', () => {
  const ask = async (person: Person, query: string, variables?: object): Promise<Record<string, unknown>> => {
    const { body } = await person.graphql(query, variables);
    return (body as { errors?: unknown; data: Record<string, unknown> }).data;
  };

  it('shows, announces and drops', async () => {
    const { acme } = await world();
    const client = await socketOf(acme.agent);
    const online = '{ online_users(role: "agent") { user_id connections connected_at } }';
    await until(async () => ((await ask(acme.viewer, online)).online_users as unknown[]).length, 'being online');
    const connection = await only(acme);

    const data = await ask(
      acme.admin,
      `query ($id: ID!) {
        websocket_connection(id: $id) { id user_id transport rooms connected_at }
        websocket_connections(transport: "socketio") { id }
        websocket_stats { total_connections by_transport online_users total_rooms rooms }
        online_users { user_id connections }
      }`,
      { id: connection.id },
    );

    expect(data).toMatchObject({
      websocket_connection: { id: connection.id, user_id: acme.agent.user.id, transport: 'socketio', rooms: connection.rooms },
      websocket_connections: [{ id: connection.id }],
      websocket_stats: { total_connections: 1, by_transport: { socketio: 1, ws: 0 }, online_users: 1, total_rooms: 3 },
      online_users: [{ user_id: acme.agent.user.id, connections: 1 }],
    });
    expect(await ask(acme.admin, 'mutation { sendAnnouncement(input: { message: "Olá" }) { delivered } }')).toEqual({
      sendAnnouncement: { delivered: 1 },
    });
    await client.hear('announcement');
    const drop = 'mutation ($id: ID!) { deleteWebsocketConnection(id: $id) { success } }';
    await ask(acme.agent, drop, { id: connection.id });
    expect(client.socket.connected).toBe(true);
    expect(await ask(acme.admin, drop, { id: connection.id })).toEqual({ deleteWebsocketConnection: { success: true } });
    await until(() => client.disconnects.length, 'the disconnect');
  });
});

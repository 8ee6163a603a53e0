import { JwtService } from '@nestjs/jwt';
import { Sessions } from '#access/sessions';
import type { Actor } from '#common/actor';
import { EventBus } from '#common/events';
import { newId } from '#common/uuid';
import { Database } from '#database/database';
import { Conversation } from '#modules/conversations/conversation.entity';
import { Metrics } from '#observability/metrics';
import { RealtimeHub } from '#realtime/realtime.hub';
import { LIMITS } from '#realtime/realtime.limits';
import { type PresenceChange, RealtimeRooms } from '#realtime/realtime.rooms';
import { dial, dialRaw, rawOf, socketOf, tell, until } from './support/sockets';
import { type Company, type Person, type World, errorOf, world } from './support/world';

// The waiting of the product, shorter.
Object.assign(LIMITS, { presence_tick_ms: 50, presence_grace_ms: 400, expiry_grace_ms: 300, typing_ms: 200, sweep_ms: 200 });

const presence: PresenceChange[] = [];
const statuses: [user_id: string | null, status: string][] = [];

async function start(): Promise<World & { hub: RealtimeHub }> {
  const w = await world({ TRUST_PROXY: '1' });
  const rooms = w.app.get(RealtimeRooms);
  rooms.admit('conversation', async (actor: Actor, ids: readonly string[]) =>
    (await w.app.get(Database).repository(Conversation).many(actor, ids)).map(({ id }) => id),
  );
  rooms.onAgentStatus((actor, status) => Promise.resolve(void statuses.push([actor.user_id, status])));
  rooms.onPresence({ changed: (change) => Promise.resolve(void presence.push(change)) });
  return { ...w, hub: w.app.get(RealtimeHub) };
}

async function conversationOf(w: World, company: Company): Promise<string> {
  const [contact_id, id] = [newId(), newId()];
  await w.sql('INSERT INTO contacts (id, organization_id) VALUES ($1, $2)', [contact_id, company.id]);
  await w.sql(`INSERT INTO conversations (id, organization_id, contact_id, status) VALUES ($1, $2, $3, 'open')`, [
    id,
    company.id,
    contact_id,
  ]);
  return id;
}

function tokenFor(w: World, person: Person, expires_in_seconds: number, claims: object = {}): string {
  const { id: sub, organization_id, role, session_id: sid } = person.user;
  return w.app
    .get(JwtService)
    .sign({ sub, organization_id, role, type: 'access', sid, tv: 1, jti: newId(), ...claims }, { expiresIn: expires_in_seconds });
}

describe('the Socket.IO handshake', () => {
  it('takes the token from auth, header or query, and says who connected', async () => {
    const { acme, base_url } = await start();
    const { token, user } = acme.agent;

    const clients = [
      dial(base_url, { auth: { token } }),
      dial(base_url, { extraHeaders: { authorization: `Bearer ${token}` } }),
      dial(base_url, { query: { token } }),
      dial(base_url, { auth: { token }, transports: ['polling'] }),
    ];

    for (const client of clients)
      expect(await client.hear('connected')).toMatchObject({ user_id: user.id, organization_id: acme.id, socket_id: client.socket.id });
  });

  it.each([
    ['no token', 'not_authenticated', () => Promise.resolve('')],
    ['garbage', 'not_authenticated', () => Promise.resolve('garbage.token.here')],
    ['an expired token', 'token_expired', (w: World) => Promise.resolve(tokenFor(w, w.acme.agent, -5))],
    ['a refresh token', 'not_authenticated', (w: World) => Promise.resolve(tokenFor(w, w.acme.agent, 60, { type: 'refresh' }))],
    ['an inactive user', 'token_revoked', async (w: World) => (await w.acme.hire('agent', { is_active: false })).token],
    [
      'a suspended organization',
      'organization_suspended',
      async (w: World) => (await w.organization('Hooli', { status: 'suspended' })).agent.token,
    ],
    [
      'an address outside the organization',
      'ip_not_allowed',
      async (w: World) => {
        const { agent, id } = await w.organization('Fortress');
        await w.sql(`UPDATE organizations SET settings = '{"security_settings":{"allowed_ip_ranges":["203.0.113.0/24"]}}' WHERE id = $1`, [
          id,
        ]);
        return agent.token;
      },
    ],
  ])('refuses %s', async (_what, error_code, tokenOf) => {
    const w = await start();

    const client = dial(w.base_url, { auth: { token: await tokenOf(w) } });

    await until(() => client.refusals.length, 'the refusal');
    expect(client.refusals[0]).toMatchObject({ message: 'unauthorized', data: { error_code } });
  });
});

describe('publishing', () => {
  it('reaches every socket of the organization once, also in several rooms and channels, and nobody else', async () => {
    const w = await start();
    const { acme, globex, hub } = w;
    const conversation_id = await conversationOf(w, acme);
    const [agent, raw, foreign, foreignRaw] = await Promise.all([
      socketOf(acme.agent),
      rawOf(acme.viewer),
      socketOf(globex.admin),
      rawOf(globex.admin),
    ]);
    expect(await agent.ask('join_conversation', { conversation_id })).toEqual({ ok: true, conversation_id });
    await raw.subscribe('messages', 'conversations', `conversation:${conversation_id}`);
    await foreignRaw.subscribe('messages', 'conversations', 'contacts');

    tell(hub, acme.id, 'message:new', { id: 'm1', content: 'Olá "você"' }, { conversation_id });
    for (const { id } of [acme, globex]) tell(hub, id, 'contact:created', { id });

    await agent.hear('contact:created');
    await foreign.hear('contact:created');
    await foreignRaw.hear('event');
    expect(agent.all('message:new')).toEqual([{ id: 'm1', content: 'Olá "você"' }]);
    expect(raw.events()).toEqual([
      {
        type: 'event',
        channel: `conversation:${conversation_id}`,
        event: 'message:new',
        data: { id: 'm1', content: 'Olá "você"' },
        timestamp: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      },
    ]);
    expect(foreign.heard.filter(({ event }) => event !== 'connected')).toEqual([{ event: 'contact:created', data: { id: globex.id } }]);
    expect(foreignRaw.events()).toMatchObject([{ event: 'contact:created', channel: 'contacts', data: { id: globex.id } }]);
  });

  it('reaches one user, or only the admins, or everybody but the one who caused it', async () => {
    const { acme, hub } = await start();
    const [admin, agent, adminRaw, agentRaw] = await Promise.all([
      socketOf(acme.admin),
      socketOf(acme.agent),
      rawOf(acme.admin),
      rawOf(acme.agent),
    ]);
    for (const raw of [adminRaw, agentRaw]) await raw.subscribe('whatsapp', 'contacts');

    tell(hub, acme.id, 'template:status', { n: 1 }, { user_id: acme.agent.user.id });
    tell(hub, acme.id, 'whatsapp:number_status', { q: 1 }, { org_admins_only: true });
    tell(hub, acme.id, 'contact:deleted', { c: 1 }, { exclude_connection: agent.socket.id });
    tell(hub, acme.id, 'contact:updated', { end: 1 });

    await Promise.all([admin.hear('contact:updated'), agent.hear('contact:updated')]);
    await Promise.all([adminRaw, agentRaw].map((raw) => raw.hear('event', ({ event }) => event === 'contact:updated')));
    const heard = (client: typeof admin): string[] => client.heard.map(({ event }) => event).filter((event) => event !== 'connected');
    expect(heard(admin)).toEqual(['whatsapp:number_status', 'contact:deleted', 'contact:updated']);
    expect(heard(agent)).toEqual(['template:status', 'contact:updated']);
    expect(adminRaw.events().map(({ event }) => event)).toEqual(['whatsapp:number_status', 'contact:deleted', 'contact:updated']);
    expect(agentRaw.events().map(({ event }) => event)).toEqual(['template:status', 'contact:deleted', 'contact:updated']);
  });

  it('serialises nothing when nobody can hear, and once for many', async () => {
    const { acme, globex, hub } = await start();
    for (const raw of await Promise.all([rawOf(globex.agent), rawOf(globex.agent)])) await raw.subscribe('messages');
    const toJSON = jest.fn(() => ({}));

    tell(hub, acme.id, 'message:new', { toJSON });
    expect(toJSON).not.toHaveBeenCalled();
    tell(hub, globex.id, 'message:new', { toJSON });
    expect(toJSON).toHaveBeenCalledTimes(1);
  });

  it('counts open sockets for the metrics', async () => {
    const { acme, app, hub } = await start();
    await until(() => hub.connectionCount === 0);

    await Promise.all([socketOf(acme.agent), rawOf(acme.agent)]);

    expect(await app.get(Metrics).scrape()).toMatch(/^websocket_connections_active 2$/m);
    expect(hub.list(acme.id).map(({ transport }) => transport)).toEqual(expect.arrayContaining(['socketio', 'ws']));
  });
});

describe('Socket.IO commands', () => {
  it('hides a conversation of another organization', async () => {
    const w = await start();
    const conversation_id = await conversationOf(w, w.acme);
    const [insider, outsider] = await Promise.all([socketOf(w.acme.agent), socketOf(w.globex.admin)]);

    for (const event of ['join_conversation', 'typing_start'])
      expect(await outsider.ask(event, { conversation_id })).toMatchObject({ ok: false, error_code: 'not_found' });
    expect(await outsider.ask('subscribe', { channels: [`conversation:${conversation_id}`, 'messages', 'secrets'] })).toEqual({
      ok: false,
      error_code: 'unknown_channel',
      message: 'Unknown, or not of your organization.',
      channels: ['messages'],
      unknown: [`conversation:${conversation_id}`, 'secrets'],
    });
    expect(await insider.ask('join_conversation', { conversation_id: newId() })).toMatchObject({ ok: false, error_code: 'not_found' });
    expect(await insider.ask('join_conversation', { conversation_id })).toEqual({ ok: true, conversation_id });
    expect(await insider.hear('joined_conversation')).toEqual({ conversation_id });
  });

  it('answers bad input in the ack, or as an error event without one', async () => {
    const { acme } = await start();
    const client = await socketOf(acme.agent);

    expect(await client.ask('join_conversation')).toMatchObject({ ok: false, error_code: 'validation_error' });
    expect(await client.ask('join_conversation', { conversation_id: 7 })).toMatchObject({ ok: false, error_code: 'validation_error' });
    expect(await client.ask('subscribe', { channels: 'messages' })).toMatchObject({ ok: false, error_code: 'validation_error' });
    expect(await client.ask('constructor', {})).toMatchObject({ ok: false, error_code: 'unknown_type' });
    expect(await client.ask(1 as never, {})).toMatchObject({ ok: false, error_code: 'unknown_type' });
    client.socket.emit('nonsense', { a: 1 });
    expect(await client.hear('error')).toMatchObject({ error_code: 'unknown_type' });
    expect(await client.ask('ping', { timestamp: 42 })).toEqual({ ok: true });
    expect(await client.hear('pong')).toEqual({ timestamp: 42 });
  });

  it('shows typing to the others in the conversation, stops it by itself, and refuses viewers', async () => {
    const w = await start();
    const { acme } = w;
    const conversation_id = await conversationOf(w, acme);
    const [agent, admin, viewer, elsewhere] = await Promise.all([
      socketOf(acme.agent),
      socketOf(acme.admin),
      socketOf(acme.viewer),
      socketOf(acme.admin),
    ]);
    for (const client of [agent, admin, viewer]) await client.ask('join_conversation', { conversation_id });

    expect(await viewer.ask('typing_start', { conversation_id })).toMatchObject({ ok: false, error_code: 'insufficient_role' });
    await agent.ask('typing_start', { conversation_id });
    await agent.ask('typing_start', { conversation_id });

    const { id: user_id, full_name: user_name } = acme.agent.user;
    const seen = { conversation_id, actor: 'agent', user_id, user_name };
    await admin.hear('typing', ({ typing }) => typing === false);
    expect(admin.all('typing')).toEqual([
      { ...seen, typing: true },
      { ...seen, typing: false },
    ]);
    expect(agent.all('typing')).toEqual([]);
    expect(elsewhere.all('typing')).toEqual([]);
  });

  it('hands an agent status to the users room', async () => {
    const { acme } = await start();
    const client = await socketOf(acme.agent);

    expect(await client.ask('agent:set_status', { status: 'sleeping' })).toMatchObject({ ok: false, error_code: 'validation_error' });
    expect(await client.ask('agent:set_status', { status: 'busy' })).toEqual({ ok: true, status: 'busy' });

    expect(statuses.at(-1)).toEqual([acme.agent.user.id, 'busy']);
  });

  it('slows a flood down and goes on', async () => {
    const { acme } = await start();
    const client = await socketOf(acme.agent);

    const answers = await Promise.all(Array.from({ length: LIMITS.socketio_frames + 1 }, () => client.ask('ping')));

    expect(answers.filter(({ ok }) => !ok)).toMatchObject([{ error_code: 'rate_limited' }]);
    expect(client.socket.connected).toBe(true);
  });

  it('cut who floods on all the same', async () => {
    const { acme } = await start();
    const client = await socketOf(acme.agent);

    for (let n = 0; n <= LIMITS.socketio_flood; n++) client.socket.emit('ping');

    await until(() => client.disconnects.length, 'the end');
  });

  it('ask for many channels at once, as for one', async () => {
    const w = await start();
    const { acme } = w;
    const theirs = await conversationOf(w, acme);
    const asked: (readonly string[])[] = [];
    w.app.get(RealtimeRooms).admit('conversation', (_actor, ids) => {
      asked.push(ids);
      return Promise.resolve([theirs]);
    });
    const strangers = Array.from({ length: 100 }, () => `conversation:${newId()}`);
    const channels = ['messages', `conversation:${theirs.toUpperCase()}`, ...strangers];

    const answer = await (await socketOf(acme.agent)).ask('subscribe', { channels: [...channels, ...strangers.slice(0, 90)] });

    expect(asked.map((ids) => ids.length)).toEqual([101]);
    expect(answer).toMatchObject({ channels: ['messages', `conversation:${theirs}`] });
    expect(answer.unknown).toHaveLength(190);
  });

  it('take no more channels than a connection may have, however many are asked for at once', async () => {
    const { app, hub, acme } = await start();
    app.get(RealtimeRooms).admit('conversation', (_actor, ids) => Promise.resolve(ids));
    const client = await socketOf(acme.agent);
    const some = (): string[] => Array.from({ length: LIMITS.channels / 2 }, () => `conversation:${newId()}`);

    const answers = await Promise.all([0, 1, 2, 3].map(() => client.ask('subscribe', { channels: some() })));

    expect(answers.filter(({ error_code }) => error_code === 'limit_reached')).toHaveLength(2);
    expect(hub.list(acme.id)[0].channels.size).toBe(LIMITS.channels);
  });

  it('let a user do so much, on however many sockets', async () => {
    const { acme } = await start();
    const clients = await Promise.all([socketOf(acme.agent), socketOf(acme.agent)]);
    const set = (n: number): Promise<Record<string, unknown>> => clients[n % 2].ask('agent:set_status', { status: 'busy' });

    const answers = await Promise.all(Array.from({ length: LIMITS.acts + 1 }, (_, n) => set(n)));

    expect(answers.filter(({ ok }) => !ok)).toMatchObject([{ error_code: 'rate_limited' }]);
  });

  it('show nobody who may not write as typing', async () => {
    const w = await start();
    const conversation_id = await conversationOf(w, w.acme);
    const reader = await w.acme.hire('agent');
    await w.acme.admin.put(`/users/${reader.user.id}/permissions`, { permissions: ['read:conversations', 'read:messages'] }).expect(200);
    const client = await socketOf(reader);

    expect(await client.ask('typing_start', { conversation_id })).toMatchObject({ ok: false, error_code: 'permission_denied' });
  });
});

/** A stranger's own client, which says what it likes. */
async function polling(base_url: string, token: string) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'text/plain;charset=UTF-8' };
  const path = `${base_url}/socket.io?EIO=4&transport=polling`;
  const open = await fetch(path, { headers });
  const { sid } = JSON.parse((await open.text()).slice(1)) as { sid: string };
  return {
    send: async (...packets: string[]) =>
      (await fetch(`${path}&sid=${sid}`, { method: 'POST', headers, body: packets.join('\x1e') })).status,
    read: async () => (await fetch(`${path}&sid=${sid}`, { headers })).status,
  };
}

describe('a Socket.IO connection', () => {
  const { socketio_per_user, strangers_per_address, stranger_ms } = LIMITS;
  afterEach(() => Object.assign(LIMITS, { socketio_per_user, strangers_per_address, stranger_ms }));

  it('has one socket, however often it asks to be let in', async () => {
    const { acme, hub, base_url } = await start();
    const client = await polling(base_url, acme.agent.token);

    await client.send(...Array.from({ length: 50 }, () => '40'));

    await until(() => !hub.list(acme.id).length, 'nobody there');
    expect(await client.read()).toBe(400);
  });

  it('is closed when its client leaves by it', async () => {
    const { acme, base_url } = await start();
    const client = await polling(base_url, acme.agent.token);
    await client.send('40');
    await client.read();

    await client.send('41');

    expect(await client.read()).toBe(400);
  });

  it('is cut when it floods before it is let in', async () => {
    const { base_url, app } = await start();
    const verify = jest.spyOn(app.get(Sessions), 'verify');
    const client = await polling(base_url, 'nobody');

    await client.send(...Array.from({ length: LIMITS.socketio_flood + 1 }, () => '40/elsewhere'));

    expect(await client.read()).toBe(400);
    expect(verify).not.toHaveBeenCalled();
    verify.mockRestore();
  });

  it('is one of so many a user has: the oldest ends', async () => {
    const { acme } = await start();
    LIMITS.socketio_per_user = 2;
    const clients = [await socketOf(acme.agent), await socketOf(acme.agent)];
    const other = await socketOf(acme.viewer);

    clients.push(await socketOf(acme.agent));

    expect(await clients[0].hear('error')).toMatchObject({ error_code: 'too_many_connections' });
    await until(() => clients[0].disconnects.length, 'the end of the oldest');
    expect([...clients.slice(1), other].every(({ socket }) => socket.connected)).toBe(true);
  });

  it('is refused where an address has too many nobody is let in by, which those are none of who are', async () => {
    const { acme, base_url } = await start();
    LIMITS.strangers_per_address = 3;
    for (let n = 0; n < 5; n++) await socketOf(acme.agent);

    for (let n = 0; n < 3; n++) await polling(base_url, 'nobody');

    expect((await fetch(`${base_url}/socket.io?EIO=4&transport=polling`)).status).toBe(403);
  });

  it('is refused so wherever in their /64 they come from, who have one of IPv6', async () => {
    const { base_url } = await start();
    LIMITS.strangers_per_address = 3;
    const from = async (address: string): Promise<number> =>
      (await fetch(`${base_url}/socket.io?EIO=4&transport=polling`, { headers: { 'x-forwarded-for': address } })).status;

    const seen: number[] = [];
    for (let host = 1; host <= 4; host++) seen.push(await from(`2001:db8:0:1:${host}::1`));

    expect(seen).toEqual([200, 200, 200, 403]);
    expect(await from('2001:db8:0:2::1')).toBe(200);
  });
});

describe('a session that ends', () => {
  const { recheck_ms } = LIMITS;
  afterEach(() => Object.assign(LIMITS, { recheck_ms }));

  it('warns when the token expires, then disconnects', async () => {
    const w = await start();
    const token = tokenFor(w, w.acme.agent, 1);
    const [client, raw] = await Promise.all([
      socketOf(w.acme.agent, w.base_url, { auth: { token } }),
      dialRaw(w.base_url, `/ws?token=${token}`),
    ]);

    await client.hear('auth:expired');
    await raw.hear('auth_expired');

    await until(() => client.disconnects.length, 'the disconnect');
    expect(client.disconnects).toEqual(['io server disconnect']);
    expect(await raw.end()).toEqual({ code: 1008, reason: 'token_expired' });
  });

  it('goes on with a new token of the same user only', async () => {
    const w = await start();
    const client = await socketOf(w.acme.agent, w.base_url, { auth: { token: tokenFor(w, w.acme.agent, 1) } });
    await client.hear('auth:expired');

    expect(await client.ask('auth:refresh', { token: w.acme.admin.token })).toMatchObject({ ok: false, error_code: 'validation_error' });
    expect(await client.ask('auth:refresh', { token: 'garbage' })).toMatchObject({ ok: false, error_code: 'not_authenticated' });
    expect(await client.ask('auth:refresh', { token: w.acme.agent.token })).toEqual({ ok: true });
    await new Promise((resolve) => setTimeout(resolve, LIMITS.expiry_grace_ms * 2));

    expect(client.socket.connected).toBe(true);
  });

  it('disconnects all of a user, or one session only, when told', async () => {
    const { acme, app } = await start();
    const [agent, raw, admin] = await Promise.all([socketOf(acme.agent), rawOf(acme.agent), socketOf(acme.admin)]);

    app.get(EventBus).emit('session.ended', { user_id: acme.admin.user.id, session_id: newId() });
    app.get(EventBus).emit('session.ended', { user_id: acme.agent.user.id, session_id: acme.agent.user.session_id });

    await until(() => agent.disconnects.length, 'the disconnect');
    expect(agent.disconnects).toEqual(['io server disconnect']);
    expect(agent.all('error')).toMatchObject([{ error_code: 'token_revoked' }]);
    expect(await raw.end()).toEqual({ code: 1008, reason: 'token_revoked' });
    expect(admin.socket.connected).toBe(true);
  });

  it('ends the sockets of an organization that is switched off', async () => {
    const { acme, globex, hub } = await start();
    const [agent, other] = await Promise.all([socketOf(acme.agent), socketOf(globex.agent)]);

    hub.disconnect({ organization_id: acme.id }, 'organization_suspended');

    await until(() => agent.disconnects.length, 'the disconnect');
    expect(agent.all('error')).toMatchObject([{ error_code: 'organization_suspended' }]);
    expect(other.socket.connected).toBe(true);
  });

  it('ends where the organization no longer allows the address, and REST with it', async () => {
    const { acme, globex, hub } = await start();
    const [client, raw, other] = [await socketOf(acme.agent), await rawOf(acme.agent), await socketOf(globex.agent)];
    await until(
      () => [acme, globex].flatMap(({ id }) => hub.list(id)).every(({ recheck_at }) => recheck_at === Infinity),
      'the look after the start',
    );
    await acme.agent.get('/users/me').expect(200);

    const security_settings = { allowed_ip_ranges: ['198.51.100.0/24'] };
    await acme.admin.put('/organizations/me/settings', { security_settings }).set('X-Forwarded-For', '198.51.100.7:443').expect(200);

    await acme.agent.get('/users/me').expect(403).expect(errorOf('ip_not_allowed'));
    await acme.agent.get('/users/me').set('X-Forwarded-For', '198.51.100.9:50123').expect(200);
    await until(() => client.disconnects.length, 'the disconnect');
    expect(client.all('error')).toMatchObject([{ error_code: 'ip_not_allowed' }]);
    expect(await raw.end()).toEqual({ code: 1008, reason: 'ip_not_allowed' });
    expect(other.socket.connected).toBe(true);
  }, 30_000);

  it('ends for who may other things by now, whoever says so, and comes again by those', async () => {
    const { acme, hub } = await start();
    LIMITS.recheck_ms = 0;
    const clients = [await socketOf(acme.agent), await rawOf(acme.agent)] as const;
    // Looked at once more after they came, and not again.
    await until(() => hub.list(acme.id).every(({ recheck_at }) => recheck_at === Infinity), 'both known');
    await acme.admin.put(`/users/${acme.agent.user.id}/permissions`, { permissions: ['read:contacts'] }).expect(200);

    await until(() => clients[0].disconnects.length && clients[1].closed, 'the ends');
    const again = await socketOf(acme.agent);
    tell(hub, acme.id, 'message:new', {});
    tell(hub, acme.id, 'contact:created', {});
    await again.hear('contact:created');
    expect(again.all('message:new')).toEqual([]);
  });

  it('ends when a fresh token brings other permissions than it came with', async () => {
    const w = await start();
    const client = await socketOf(w.acme.agent);
    // As where the word of the change is still on its way.
    await w.sql(`UPDATE users SET custom_permissions = '{read:contacts}' WHERE id = $1`, [w.acme.agent.user.id]);
    w.app.get(Sessions).forget(w.acme.agent.user.id);

    client.socket.emit('auth:refresh', { token: w.acme.agent.token });

    expect(await client.hear('error')).toMatchObject({ error_code: 'token_revoked' });
    await until(() => client.disconnects.length, 'the end');
  });

  it('is noticed even when it ended in the instant of connecting', async () => {
    const w = await start();
    const client = await socketOf(w.acme.agent);

    await w.sql('UPDATE sessions SET revoked_at = now() WHERE id = $1', [w.acme.agent.user.session_id]);

    await until(() => client.disconnects.length, 'the disconnect');
    expect(client.all('error')).toMatchObject([{ error_code: 'token_revoked' }]);
  });
});

describe('presence', () => {
  it('begins with the first socket of either kind and ends some time after the last', async () => {
    const { acme } = await start();
    const of = (): boolean[] => presence.filter(({ user_id }) => user_id === acme.viewer.user.id).map(({ is_online }) => is_online);

    const [client, raw] = await Promise.all([socketOf(acme.viewer), rawOf(acme.viewer)]);
    await until(() => of().length === 1);
    client.socket.disconnect();
    raw.ws.close();
    await raw.end();
    const again = await socketOf(acme.viewer);
    await new Promise((resolve) => setTimeout(resolve, LIMITS.presence_grace_ms * 2));
    expect(of()).toEqual([true]);

    again.socket.disconnect();
    await until(() => of().length === 2, 'going offline');
    expect(of()).toEqual([true, false]);
  });
});

describe('raw WebSockets', () => {
  it('say who connected, and close politely on who may not', async () => {
    const { acme, base_url } = await start();

    const welcome = await rawOf(acme.agent);
    const byQuery = await dialRaw(base_url, `/ws/?token=${acme.agent.token}`);
    const refused = await Promise.all(['/ws', '/ws?token=garbage', '/ws/conversations?token='].map((path) => dialRaw(base_url, path)));

    expect(welcome.frames[0]).toEqual({ type: 'connected', user_id: acme.agent.user.id, organization_id: acme.id });
    expect(await byQuery.hear('connected')).toEqual(welcome.frames[0]);
    for (const client of refused) {
      expect(await client.end()).toEqual({ code: 1008, reason: 'unauthorized' });
      expect(client.frames).toEqual([]);
    }
  });

  it('subscribe and unsubscribe, and name unknown and foreign channels', async () => {
    const w = await start();
    const [own, foreign] = await Promise.all([conversationOf(w, w.acme), conversationOf(w, w.globex)]);
    const raw = await rawOf(w.acme.agent);

    // Sent before the first answer is in: frames keep their order.
    raw.send({
      type: 'subscribe',
      channels: ['messages', `conversation:${own}`, `conversation:${foreign}`, 'conversation:', 'secrets', '7'],
    });
    raw.send({ type: 'unsubscribe', channels: ['messages', 'contacts'] });

    const error = await raw.hear('error');
    expect(error).toMatchObject({ error_code: 'unknown_channel', channels: [`conversation:${foreign}`, 'conversation:', 'secrets', '7'] });
    expect(raw.all('subscribed')).toEqual([{ type: 'subscribed', channels: ['messages', `conversation:${own}`] }]);
    expect(await raw.hear('unsubscribed')).toEqual({ type: 'unsubscribed', channels: [`conversation:${own}`] });

    tell(w.hub, w.acme.id, 'message:new', { n: 1 });
    tell(w.hub, w.acme.id, 'message:new', { n: 2 }, { conversation_id: own });
    await raw.hear('event');
    expect(raw.events()).toMatchObject([{ data: { n: 2 } }]);
  });

  it('answer ping and bad frames, and stay', async () => {
    const { acme } = await start();
    const raw = await rawOf(acme.agent);

    for (const frame of ['{', '[]', 'null', { type: 'subscribe' }, { type: 'subscribe', channels: 'messages' }, { type: 'shout' }, {}])
      raw.send(frame);
    raw.ws.send(Buffer.from('{"type":"ping"}'), { binary: true });
    raw.send({ type: 'ping' });

    expect(await raw.hear('pong')).toEqual({ type: 'pong', timestamp: expect.any(String) as string });
    expect(raw.all('error').map(({ error_code }) => error_code)).toEqual([
      ...Array.from({ length: 5 }, () => 'invalid_message'),
      'unknown_type',
      'unknown_type',
      'invalid_message',
    ]);
    expect(raw.closed).toBeNull();
  });

  it('are closed on long frames, floods and the eleventh connection', async () => {
    const { acme } = await start();

    const long = await rawOf(acme.agent);
    long.send({ type: 'ping', padding: 'x'.repeat(LIMITS.frame_bytes) });
    expect(await long.end()).toMatchObject({ code: 1009 });

    const flood = await rawOf(acme.agent);
    for (let i = 0; i <= LIMITS.frames; i++) flood.send({ type: 'ping' });
    expect(await flood.end()).toEqual({ code: 1008, reason: 'rate_limited' });

    const pinging = await rawOf(acme.agent);
    for (let i = 0; i <= LIMITS.frames; i++) pinging.ws.ping();
    expect(await pinging.end()).toEqual({ code: 1008, reason: 'rate_limited' });

    const first = await rawOf(acme.viewer);
    const others = [];
    for (let i = 0; i < LIMITS.connections_per_user; i++) others.push(await rawOf(acme.viewer));
    expect(await first.end()).toEqual({ code: 1008, reason: 'too_many_connections' });
    expect(others.every(({ closed }) => closed === null)).toBe(true);
  });

  it('/ws/conversations hears conversations and messages, or one conversation', async () => {
    const w = await start();
    const { acme, globex, hub } = w;
    const [own, other, foreign] = await Promise.all([conversationOf(w, acme), conversationOf(w, acme), conversationOf(w, globex)]);
    const all = await rawOf(acme.agent, '/ws/conversations');
    const narrow = await rawOf(acme.agent, `/ws/conversations?conversation_id=${own}`);
    const refused = await dialRaw(w.base_url, `/ws/conversations?conversation_id=${foreign}&token=${acme.agent.token}`);

    tell(hub, acme.id, 'message:new', { n: 1 }, { conversation_id: other });
    tell(hub, acme.id, 'contact:updated', { n: 2 });
    tell(hub, acme.id, 'conversation:updated', { n: 3 }, { conversation_id: own });

    await all.hear('event', ({ event }) => event === 'conversation:updated');
    await narrow.hear('event');
    expect(all.events().map(({ event, channel }) => [event, channel])).toEqual([
      ['message:new', 'messages'],
      ['conversation:updated', 'conversations'],
    ]);
    expect(narrow.events()).toMatchObject([{ channel: `conversation:${own}`, data: { n: 3 } }]);
    expect(await refused.end()).toEqual({ code: 1008, reason: 'not_found' });
  });

  it('leave other upgrades alone', async () => {
    const { base_url } = await start();

    await expect(dialRaw(base_url, '/wsx')).rejects.toThrow();
  });
});

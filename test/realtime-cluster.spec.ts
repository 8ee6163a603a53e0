import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import type { INestApplicationContext } from '@nestjs/common';
import Redis from 'ioredis';
import { Sessions } from '#access/sessions';
import { Config } from '#config/config';
import { Database } from '#database/database';
import { RealtimeHub } from '#realtime/realtime.hub';
import { LIMITS } from '#realtime/realtime.limits';
import { type PresenceChange, RealtimeRooms } from '#realtime/realtime.rooms';
import { createApp } from '../src/app';
import { AppModule } from '../src/app.module';
import { type TestRedis, startRedis } from './support/redis';
import { dial, rawOf, socketOf, tell, until } from './support/sockets';
import { Person, type World, world } from './support/world';

// The waiting of the product, shorter.
const SHORT = { presence_tick_ms: 50, presence_grace_ms: 400, sweep_ms: 200, roster_tick_ms: 100, roster_lease_ms: 2000 };
Object.assign(LIMITS, SHORT);

/** Two nodes with doors and a worker, on one PostgreSQL and one Redis. */
interface Cluster extends World {
  redis: TestRedis;
  near: RealtimeHub;
  far: RealtimeHub;
  far_url: string;
  worker: RealtimeHub;
}

let redis: TestRedis | null;
const others: INestApplicationContext[] = [];
const children: ChildProcess[] = [];
let made: Promise<Omit<Cluster, keyof World>> | undefined;
const presence: PresenceChange[] = [];

async function secondApp(env: Record<string, string>): Promise<{ app: INestApplicationContext; url: string }> {
  const app = await createApp(new Config(env));
  await app.listen(0, '127.0.0.1');
  return { app, url: `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}` };
}

/** A node that can be killed. */
async function thirdNode(env: Record<string, string>): Promise<{ child: ChildProcess; url: string }> {
  const child = fork(join(__dirname, 'support', 'node.js'), [JSON.stringify({ env, limits: SHORT })]);
  children.push(child);
  const [url] = (await once(child, 'message')) as [string];
  return { child, url };
}

const at = (url: string, { token, user }: Person): Person => new Person(url, token, user);

const listed = async (person: Person): Promise<{ id: string; transport: string; rooms: string[] }[]> =>
  (await person.get('/websocket').expect(200)).body.items as { id: string; transport: string; rooms: string[] }[];

/** All of them can talk to each other. */
const connected = async (...hubs: RealtimeHub[]): Promise<boolean> =>
  (await Promise.allSettled(hubs.map((hub) => hub.check()))).every(({ status }) => status === 'fulfilled');

async function cluster(): Promise<Cluster> {
  if (!redis) throw new Error('no Redis');
  const server = redis;
  const w = await world({ REDIS_URL: server.url, TRUST_PROXY: '1' });
  made ??= (async () => {
    const { app, url } = await secondApp(w.env);
    others.push(app);
    const worker = await NestFactory.createApplicationContext(AppModule.forRoot(new Config({ ...w.env, PROCESS_ROLE: 'worker' })), {
      logger: ['error'],
      abortOnError: false,
    });
    others.push(worker);
    for (const one of [w.app, app, worker])
      one.get(RealtimeRooms).onPresence({ changed: (change) => Promise.resolve(void presence.push(change)) });
    const [near, far, speaker] = [w.app, app, worker].map((one) => one.get(RealtimeHub));
    await until(() => connected(near, far, speaker), 'the connections to Redis');
    return { redis: server, near, far, far_url: url, worker: speaker };
  })();
  return { ...w, ...(await made) };
}

/** Runs where Redis is installed; startRedis says so where it is not. */
const onRedis = (name: string, test: () => Promise<void>): void => it(name, () => (redis ? test() : Promise.resolve()));

describe('several nodes on one Redis', () => {
  beforeAll(async () => {
    redis = await startRedis();
  });

  // Before world() drops the database under them; its own app must not mind that Redis is gone.
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    for (const other of others) await other.close();
    await redis?.destroy();
  });

  onRedis('an event published anywhere arrives once on the sockets of every node, of its organization only', async () => {
    const { acme, globex, near, far, worker, far_url } = await cluster();
    const clients = await Promise.all([socketOf(acme.agent), socketOf(acme.agent, far_url)]);
    const raws = await Promise.all([rawOf(acme.agent), rawOf(acme.agent, '/ws', far_url)]);
    const foreign = await Promise.all([socketOf(globex.admin), socketOf(globex.admin, far_url)]);
    for (const raw of raws) await raw.subscribe('messages', 'conversations');

    [near, far, worker].forEach((hub, n) => tell(hub, acme.id, 'message:new', { n }));

    for (const client of clients)
      await until(() => [0, 1, 2].every((n) => client.all('message:new').some((data) => data.n === n)), 'all three events');
    for (const raw of raws) await until(() => raw.events().length >= 3, 'all three frames');
    // Whatever came twice came before this.
    for (const { id } of [acme, globex]) tell(worker, id, 'conversation:updated', { end: true });
    for (const client of [...clients, ...foreign]) await client.hear('conversation:updated');
    for (const raw of raws) await raw.hear('event', ({ event }) => event === 'conversation:updated');
    for (const client of clients)
      expect(
        client
          .all('message:new')
          .map(({ n }) => n as number)
          .sort(),
      ).toEqual([0, 1, 2]);
    for (const raw of raws)
      expect(
        raw
          .events('message:new')
          .map(({ data }) => (data as { n: number }).n)
          .sort(),
      ).toEqual([0, 1, 2]);
    for (const client of foreign) expect(client.all('message:new')).toEqual([]);
  });

  onRedis('a session that ends on one node, or in a worker, ends its sockets and its cached token on the others', async () => {
    const { acme, app, far_url } = await cluster();
    const [client, raw] = await Promise.all([socketOf(acme.agent, far_url), rawOf(acme.agent, '/ws', far_url)]);
    const { id, session_id } = acme.agent.user;

    await app.get(Database).tx((tx) => app.get(Sessions).end(tx, id, session_id, 'logout'));

    await until(() => client.disconnects.length, 'the disconnect');
    expect(client.disconnects).toEqual(['io server disconnect']);
    expect(await raw.end()).toEqual({ code: 1008, reason: 'token_revoked' });
    const again = dial(far_url, { auth: { token: acme.agent.token } });
    await until(() => again.refusals.length, 'the refusal');
    expect(again.refusals[0].data).toEqual({ error_code: 'token_revoked' });
  });

  onRedis('addresses an organization no longer allows are cut on every node', async () => {
    const { acme, far, far_url } = await cluster();
    const client = await socketOf(acme.agent, far_url);
    await until(() => far.list(acme.id).every(({ recheck_at }) => recheck_at === Infinity), 'the look after the start');

    const security_settings = { allowed_ip_ranges: ['198.51.100.0/24'] };
    await acme.admin.put('/organizations/me/settings', { security_settings }).set('X-Forwarded-For', '198.51.100.7').expect(200);

    await until(() => client.disconnects.length, 'the disconnect');
    expect(client.all('error')).toMatchObject([{ error_code: 'ip_not_allowed' }]);
  });

  onRedis('a user is online until the last socket on any node has dropped, and leaves once', async () => {
    const { acme, far_url } = await cluster();
    const of = (): boolean[] => presence.filter(({ user_id }) => user_id === acme.agent.user.id).map(({ is_online }) => is_online);

    const near = await socketOf(acme.agent);
    await until(() => of().length, 'coming online');
    const far = await rawOf(acme.agent, '/ws', far_url);
    near.socket.disconnect();
    await new Promise((resolve) => setTimeout(resolve, LIMITS.presence_grace_ms * 2));
    expect(of()).toEqual([true]);

    far.ws.close();
    await until(() => of().length > 1, 'going offline');
    await new Promise((resolve) => setTimeout(resolve, LIMITS.presence_tick_ms * 4));
    expect(of()).toEqual([true, false]);
  });

  onRedis('users of a node that died without a word go offline when its lease ends', async () => {
    const { acme, redis: server } = await cluster();
    const of = (): boolean[] => presence.filter(({ user_id }) => user_id === acme.viewer.user.id).map(({ is_online }) => is_online);
    const client = new Redis(server.url);

    await client.zadd('realtime:online', Date.now() + 200, `${acme.id}:${acme.viewer.user.id}`);
    await until(() => of().length, 'going offline');
    await client.quit();

    expect(of()).toEqual([false]);
  });

  onRedis('sockets are listed, counted, announced to and dropped from any node', async () => {
    const { acme, globex, far_url } = await cluster();
    const asked = [acme.admin, at(far_url, acme.admin)];
    const client = await socketOf(acme.agent);
    const raw = await rawOf(acme.agent, '/ws', far_url);
    await socketOf(globex.agent, far_url);
    await raw.subscribe('notifications');

    for (const admin of asked) {
      await until(
        async () => (await listed(admin)).some(({ rooms }) => rooms.includes('notifications')),
        'the far socket and what it hears',
      );
      expect((await listed(admin)).map(({ transport }) => transport)).toEqual(['ws', 'socketio']);
      expect((await admin.get('/websocket/stats').expect(200)).body).toMatchObject({
        total_connections: 2,
        by_transport: { socketio: 1, ws: 1 },
        online_users: 1,
        rooms: { notifications: 1, [`organization:${acme.id}`]: 1 },
      });
      const { body } = await admin.post('/websocket/broadcast', { message: admin.base_url }).expect(200);
      expect(body).toEqual({ delivered: 2 });
      await client.hear('announcement', ({ message }) => message === admin.base_url);
      await raw.hear('event', ({ data }) => (data as { message: string }).message === admin.base_url);
    }
    const [{ id }] = await listed(acme.admin);
    await acme.admin.get(`/websocket/${id}`).expect(200);
    for (const url of [globex.admin.base_url, far_url]) await at(url, globex.admin).delete(`/websocket/${id}`).expect(404);
    const statuses = await Promise.all(Array.from({ length: 50 }, async (_, n) => (await asked[n % 2].delete(`/websocket/${id}`)).status));
    expect(statuses.sort()).toEqual([204, ...Array<number>(49).fill(404)]);
    expect(await raw.end()).toEqual({ code: 1008, reason: 'connection_dropped' });
    await until(async () => (await listed(acme.admin)).length === 1, 'the end of the far socket');
    expect(client.socket.connected).toBe(true);
  });

  onRedis('a node that is killed is forgotten with its sockets, and who was only there goes offline', async () => {
    const { acme, env } = await cluster();
    const of = (): boolean[] => presence.filter(({ user_id }) => user_id === acme.viewer.user.id).map(({ is_online }) => is_online);
    const { child, url } = await thirdNode(env);
    await Promise.all([socketOf(acme.viewer, url), rawOf(acme.agent, '/ws', url), rawOf(acme.agent)]);
    await until(async () => (await listed(acme.admin)).length === 3, 'the sockets of all nodes');
    // The killed node wrote it down.
    await until(async () => (await acme.admin.get(`/users/${acme.viewer.user.id}`)).body.is_online as boolean, 'being online');

    child.kill('SIGKILL');

    await until(async () => (await listed(acme.admin)).length === 1, 'the node is forgotten');
    await until(() => of().length, 'going offline');
    expect(of()).toEqual([false]);
    expect(presence.filter(({ user_id, is_online }) => user_id === acme.agent.user.id && !is_online)).toEqual([]);
  });

  onRedis('without Redis each node serves its own, says so, and joins again by itself', async () => {
    const { acme, app, near, far, far_url, redis: server, worker } = await cluster();
    const [here, there, doomed] = await Promise.all([socketOf(acme.agent), socketOf(acme.agent, far_url), socketOf(acme.viewer, far_url)]);

    await server.stop();
    await until(async () => !(await connected(near)), 'the degraded state');
    tell(near, acme.id, 'message:new', { n: 'down' });
    tell(worker, acme.id, 'message:new', { n: 'lost' });
    const { id, session_id } = acme.viewer.user;
    await app.get(Database).tx((tx) => app.get(Sessions).end(tx, id, session_id, 'logout'));

    await here.hear('message:new', ({ n }) => n === 'down');
    await expect(far.check()).rejects.toThrow();
    await until(async () => (await listed(acme.admin)).length === 1, 'its own sockets alone');
    // Nobody can tell the other node of the end: it looks for itself.
    await until(() => doomed.disconnects.length, 'the disconnect');

    await server.restart();
    await until(() => connected(near, far, worker), 'the recovery');
    // A subscription may be a moment behind its connection.
    await until(() => {
      tell(near, acme.id, 'message:new', { n: 'back' });
      return there.all('message:new').some(({ n }) => n === 'back');
    }, 'hearing each other again');
    expect(there.all('message:new').filter(({ n }) => n !== 'back')).toEqual([]);
    await until(async () => (await listed(acme.admin)).length === 2, 'the sockets of both nodes');
    expect(here.socket.connected && there.socket.connected).toBe(true);
  });

  onRedis('a node that stops lets its clients go so that they come back elsewhere', async () => {
    const { acme, env } = await cluster();
    const { app, url } = await secondApp(env);
    const [client, raw] = await Promise.all([socketOf(acme.agent, url), rawOf(acme.agent, '/ws', url)]);

    await app.close();

    await until(() => client.disconnects.length, 'the disconnect');
    expect(client.disconnects).toEqual(['transport close']);
    expect(await raw.end()).toEqual({ code: 1001, reason: 'server restarts' });
  });
});

import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NestExpressApplication } from '@nestjs/platform-express';
import request from 'supertest';
import { newId } from '#common/uuid';
import { Config } from '#config/config';
import { EraseOrganizations } from '#modules/organizations/erase-organizations';
import { createApp } from '../src/app';
import { type TestMongo, startTestMongo } from './support/mongo';
import { type Person, type World, close, world } from './support/world';

// Logs and traces of every process, where MongoDB keeps them.

interface Entry {
  level: string;
  service: string;
  message: string;
  request_id: string | null;
  context: Record<string, unknown>;
}

let mongo: TestMongo | null;
let w: World;
let boss: Person;
let other: NestExpressApplication;
let other_url: string;

beforeAll(async () => {
  mongo = await startTestMongo();
  if (!mongo) return;
  w = await world({ LOG_LEVEL: 'info', MONGODB_URL: mongo.url });
  boss = await w.superAdmin();
  other = await createApp(new Config(w.env));
  await other.listen(0, '127.0.0.1');
  other_url = `http://127.0.0.1:${(other.getHttpServer().address() as AddressInfo).port}`;
});
afterAll(async () => {
  await other?.close();
  await close();
  await mongo?.close();
});

const ask = (path: string, url = other_url): request.Test =>
  request(url).get(`/observability${path}`).set('Authorization', `Bearer ${boss.token}`).expect(200);

async function items<T>(path: string): Promise<T[]> {
  return ((await ask(path)).body as { items: T[] }).items;
}

/** What one process did, as the other one tells it. */
async function heard<T>(path: string): Promise<T[]> {
  for (let tries = 0; tries < 200; tries++) {
    const found = await items<T>(path);
    if (found.length) return found;
    await sleep(50);
  }
  throw new Error(`${path} stays empty`);
}

describe('another process', () => {
  it('tells of a request what was logged and done, without texts', async () => {
    if (!mongo) return;
    const request_id = newId();
    const { headers } = await w.acme.admin
      .post('/contacts', { whatsapp_id: '+5511987650177', name: 'Zulmira' })
      .set('X-Request-ID', request_id)
      .expect(201);

    const [line] = await heard<Entry>(`/logs?request_id=${request_id}`);
    expect(line).toMatchObject({
      level: 'info',
      service: 'backend',
      request_id,
      organization_id: w.acme.id,
      context: expect.objectContaining({ route: '/api/v1/contacts', status_code: 201 }),
    });
    const [trace] = await heard<{ spans: { started_at: string; attributes: object }[] }>(`/traces?request_id=${request_id}`);
    expect(trace).toMatchObject({
      trace_id: headers['x-trace-id'],
      name: 'POST /api/v1/contacts',
      status_code: 201,
      user_id: w.acme.admin.user.id,
    });
    expect(trace.spans.length).toBeGreaterThan(1);
    expect(new Date(trace.spans[0].started_at).toISOString()).toBe(trace.spans[0].started_at);
    expect(JSON.stringify([line, trace])).not.toMatch(/Zulmira|987650177/);
  });

  it('finds them by what they were, in pages', async () => {
    if (!mongo) return;
    const request_id = newId();
    for (let n = 0; n < 3; n++) await w.acme.admin.get(`/contacts/${newId()}`).set('X-Request-ID', request_id).expect(404);
    while ((await items(`/traces?request_id=${request_id}`)).length < 3) await sleep(50);
    while ((await items(`/logs?request_id=${request_id}`)).length < 3) await sleep(50);

    for (const [path, count] of Object.entries({
      '/traces?status_code=404': 3,
      '/traces?status_code=200': 0,
      '/traces?min_duration_ms=3600000': 0,
      '/traces?end_date=2020-01-01': 0,
      '/traces?service=worker': 0,
      '/logs?level=info': 3,
      '/logs?level=error': 0,
      [`/logs?organization_id=${w.globex.id}`]: 0,
      '/logs?start_date=2099-01-01': 0,
      '/logs?search=contacts': 3,
    }))
      expect({ path, found: (await items(`${path}&request_id=${request_id}`)).length }).toEqual({ path, found: count });
    const first = (await ask(`/logs?request_id=${request_id}&limit=2`)).body as { items: object[]; total: number; next_cursor: string };
    expect(first).toMatchObject({ total: 3, items: [{}, {}] });
    expect(await items(`/logs?request_id=${request_id}&limit=2&cursor=${first.next_cursor}`)).toHaveLength(1);
  });

  it('has nothing of an organization that was erased', async () => {
    if (!mongo) return;
    const gone = await w.organization('Adeus');
    await gone.admin.get('/contacts').expect(200);
    await heard(`/logs?organization_id=${gone.id}`);
    await w.sql("UPDATE organizations SET deleted_at = now() - interval '30 days' WHERE id = $1", [gone.id]);

    await w.app.get(EraseOrganizations).run();

    const left = await items<Entry>(`/logs?organization_id=${gone.id}`);
    expect(left.map(({ message }) => message)).toEqual(['organization erased']);
    expect((await items<{ organization_id: string }>('/traces')).filter(({ organization_id }) => organization_id === gone.id)).toEqual([]);
  });

  it('tells of itself alone while MongoDB is away, and of all when it is back', async () => {
    if (!mongo) return;
    const [here, there] = [newId(), newId()];
    await mongo.stop();
    await w.acme.admin.get('/users/me').set('X-Request-ID', here).expect(200);
    await request(other_url)
      .get('/api/v1/users/me')
      .set('Authorization', `Bearer ${w.acme.admin.token}`)
      .set('X-Request-ID', there)
      .expect(200);

    expect(await items(`/logs?request_id=${here}`)).toEqual([]);
    expect(await items(`/logs?request_id=${there}`)).toHaveLength(1);

    await mongo.start();
    for (;;) {
      const request_id = newId();
      await w.acme.admin.get('/users/me').set('X-Request-ID', request_id).expect(200);
      await sleep(1500);
      if ((await items(`/logs?request_id=${request_id}`)).length) break;
    }
  });
});

import type { AddressInfo } from 'node:net';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Logger } from '@nestjs/common';
import request from 'supertest';
import { newId } from '#common/uuid';
import { Config } from '#config/config';
import { Jobs } from '#jobs/jobs';
import { createApp } from '../src/app';
import { signMeta } from './support/meta-payloads';
import { type Person, type World, close, errorOf, world, wrongField } from './support/world';

// What the process did of late, as operators read it.

interface Span {
  span_id: string;
  parent_id: string | null;
  name: string;
  attributes: Record<string, unknown>;
}
interface Trace {
  trace_id: string;
  name: string;
  spans: Span[];
}
interface Entry {
  level: string;
  service: string;
  message: string;
  trace_id: string | null;
  context: Record<string, unknown>;
}

let w: World;
let boss: Person;
const others: NestExpressApplication[] = [];

beforeAll(async () => {
  w = await world({ LOG_LEVEL: 'info' });
  boss = await w.superAdmin();
});
afterAll(async () => {
  await Promise.all(others.map((app) => app.close()));
  await close();
});

const operator = (path: string, url = w.base_url): request.Test =>
  request(url).get(`/observability${path}`).set('Authorization', `Bearer ${boss.token}`);

async function items<T>(path: string, url?: string): Promise<T[]> {
  const { body } = await operator(path, url).expect(200);
  return (body as { items: T[] }).items;
}

describe('traces and logs', () => {
  it('are closed without a token and to everybody below super_admin', async () => {
    for (const path of ['/traces', '/logs']) {
      await request(w.base_url).get(`/observability${path}`).expect(401);
      for (const { token } of [w.acme.viewer, w.acme.agent, w.acme.admin])
        await request(w.base_url)
          .get(`/observability${path}`)
          .set('Authorization', `Bearer ${token}`)
          .expect(403)
          .expect(errorOf('insufficient_role'));
    }
  });

  it('page, sort and refuse what they do not know', async () => {
    for (let n = 0; n < 3; n++) await w.acme.admin.get('/contacts').expect(200);

    for (const path of ['/traces', '/logs']) {
      const { body } = await operator(`${path}?limit=2`).expect(200);
      expect(body).toMatchObject({ page: 1, page_size: 2, next_cursor: expect.any(String) });
      for (const [name, value] of Object.entries({ service: 'moon', trace_id: 'x', sort: 'nothing', start_date: 'soon', limit: '0' }))
        await operator(`${path}?${name}=${value}`).expect(wrongField('query', name));
      await operator(`${path}?start_date=2026-11-02&end_date=2026-11-01`).expect(wrongField('query', 'end_date'));
    }
    await operator('/logs?level=loud').expect(wrongField('query', 'level'));
    await operator('/logs?organization_id=x').expect(wrongField('query', 'organization_id'));
    await operator('/traces?status_code=7').expect(wrongField('query', 'status_code'));
  });
});

describe('a trace', () => {
  it('is of a request, with what was asked of the database for it, and without a value', async () => {
    const request_id = newId();
    const { headers } = await w.acme.admin
      .post('/contacts', { whatsapp_id: '+5511987650077', name: 'Zulmira' })
      .set('X-Request-ID', request_id)
      .expect(201);

    const [trace] = await items<Trace>(`/traces?request_id=${request_id}`);
    expect(trace).toMatchObject({
      trace_id: headers['x-trace-id'],
      request_id,
      name: 'POST /api/v1/contacts',
      service: 'backend',
      method: 'POST',
      route: '/api/v1/contacts',
      status_code: 201,
      organization_id: w.acme.id,
      user_id: w.acme.admin.user.id,
    });
    const root = trace.spans.find(({ parent_id }) => parent_id === null);
    const queries = trace.spans.filter(({ name }) => name === 'postgresql');
    expect(queries.length).toBeGreaterThan(0);
    expect(trace.spans.every((span) => span === root || span.parent_id !== null)).toBe(true);
    expect(String(queries[0].attributes['db.query.text'])).toMatch(/^[A-Z]/);
    expect(JSON.stringify(trace)).not.toContain('Zulmira');
  });

  it('is found by what it was', async () => {
    const { headers } = await w.acme.admin.get(`/contacts/${newId()}`).expect(404);
    const trace_id = headers['x-trace-id'];

    expect(await items(`/traces?trace_id=${trace_id}&status_code=404`)).toHaveLength(1);
    expect(await items(`/traces?trace_id=${trace_id}&status_code=200`)).toEqual([]);
    expect(await items(`/traces?trace_id=${trace_id}&min_duration_ms=3600000`)).toEqual([]);
    expect(await items(`/traces?trace_id=${trace_id}&service=worker`)).toEqual([]);
    expect(await items(`/traces?trace_id=${trace_id}&end_date=2020-01-01`)).toEqual([]);
    expect(await items(`/traces?trace_id=${trace_id}&search=contacts`)).toHaveLength(1);
  });

  it('goes on from a traceparent, and does not from what is none', async () => {
    const trace_id = '0af7651916cd43dd8448eb211c80319c';
    await w.acme.admin.get('/users/me').set('traceparent', `00-${trace_id}-b7ad6b7169203331-01`).expect('X-Trace-Id', trace_id).expect(200);

    const [trace] = await items<Trace>(`/traces?trace_id=${trace_id}`);
    expect(trace.spans.map(({ parent_id }) => parent_id)).toContain('b7ad6b7169203331');
    for (const wrong of ['x', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`, `00-${trace_id}-0-01`])
      await w.acme.admin
        .get('/users/me')
        .set('traceparent', wrong)
        .expect((answer) => expect(answer.headers['x-trace-id']).not.toBe(trace_id))
        .expect(200);
  });

  it('is of a job too', async () => {
    await w.app.get(Jobs).queue('sweeper').add('no-such-job', {});
    await w.app.get(Jobs).idle();

    const [trace] = await items<Trace>('/traces?service=worker&search=sweeper');
    expect(trace).toMatchObject({ service: 'worker', method: null, route: null, status_code: null });
  });

  it('of probes there is none', async () => {
    await request(w.base_url).get('/observability/live').expect(200);

    expect(await items('/traces?search=live')).toEqual([]);
  });

  it('of 5,000 requests the last 2,000 are kept', async () => {
    const { TraceRing } = await import('#observability/trace-ring');
    const ring = w.app.get(TraceRing);
    for (let n = 0; n < 25; n++) await Promise.all(Array.from({ length: 100 }, () => request(w.base_url).get('/api/v1/nowhere')));

    expect(ring.all()).toHaveLength(2000);
  });
});

describe('the log', () => {
  it('has a line of each request, which its trace finds', async () => {
    const { headers } = await w.acme.admin.get('/contacts').expect(200);

    const [entry] = await items<Entry>(`/logs?trace_id=${headers['x-trace-id']}`);
    expect(entry).toMatchObject({
      level: 'info',
      service: 'backend',
      message: 'GET /api/v1/contacts 200',
      request_id: headers['x-request-id'],
      organization_id: w.acme.id,
      context: { context: 'http', status_code: 200 },
    });
  });

  it('is read by level, organization and time', async () => {
    const logger = new Logger('spec');
    logger.warn('a warning of the spec');
    logger.error('an error of the spec');
    await w.globex.admin.get('/contacts').expect(200);

    const spec = async (level: string): Promise<string[]> =>
      (await items<Entry>(`/logs?level=${level}&search=of+the+spec`)).map(({ level: own }) => own);
    expect(await spec('debug')).toEqual(['error', 'warn']);
    expect(await spec('error')).toEqual(['error']);
    expect(await spec('fatal')).toEqual([]);
    const theirs = await items<{ organization_id: string }>(`/logs?organization_id=${w.globex.id}`);
    expect(new Set(theirs.map(({ organization_id }) => organization_id))).toEqual(new Set([w.globex.id]));
    expect(await items('/logs?end_date=2020-01-01')).toEqual([]);
  });

  it('has no token, no text of a message and no whole phone in it', async () => {
    new Logger('spec').log({
      msg: 'sent to +5511987654321 with Bearer s3cr3t-token',
      password: 's3cr3t',
      text: 'Bom dia canary',
      token: 's3cr3t',
    });

    const { text } = await operator('/logs?search=sent+to&limit=5').expect(200);
    expect(text).toContain('sent to');
    expect(text).not.toMatch(/s3cr3t|canary|987654321/);
  });

  it('keeps 5,000 lines', async () => {
    const logger = new Logger('spec');
    const { body: before } = await operator('/logs?limit=1').expect(200);
    for (let n = 0; n < 5200; n++) logger.log(`line ${n} of many`);

    const { body } = await operator('/logs?limit=1').expect(200);
    expect((before as { total: number }).total).toBeLessThanOrEqual(5000);
    expect(body).toMatchObject({ total: 5000 });
    expect(await items('/logs?search=line+0+of+many')).toEqual([]);
  });
});

describe('metrics', () => {
  it('time every SQL statement', async () => {
    const count = async (): Promise<number> => {
      const { text } = await request(w.base_url).get('/observability/metrics').expect(200);
      return Number(/^db_query_duration_seconds_count (\d+)$/m.exec(text)?.[1]);
    };
    const before = await count();
    await w.acme.admin.get('/contacts').expect(200);
    expect(await count()).toBeGreaterThan(before);
  });
});

// Last: other apps take Nest's logger.
describe('a wish to be recorded', () => {
  it('is granted once a second, whoever asks', async () => {
    const app = await createApp(new Config({ ...w.env, TRACE_SAMPLE_RATIO: '0.000001' }));
    others.push(app);
    await app.listen(0, '127.0.0.1');
    const url = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
    const ids = ['1', '2', '3'].map((digit) => digit.repeat(32));
    await Promise.all(
      ids.map((id) => request(url).get('/api/v1/nowhere').set('traceparent', `00-${id}-b7ad6b7169203331-01`).expect('X-Trace-Id', id)),
    );
    expect(await items('/traces', url)).toHaveLength(1);
  });
});

describe('nothing', () => {
  it('is not made where none is wanted: an id is answered, a webhook has not even one', async () => {
    const app = await createApp(new Config({ ...w.env, TRACE_SAMPLE_RATIO: '0' }));
    others.push(app);
    await app.listen(0, '127.0.0.1');
    const url = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;

    const { headers } = await request(url).get('/api/v1/users/me').set('Authorization', `Bearer ${boss.token}`).expect(200);
    expect(headers['x-trace-id']).toMatch(/^[0-9a-f]{32}$/);
    await request(url)
      .get('/api/v1/users/me')
      .set('traceparent', `00-${'a'.repeat(32)}-b7ad6b7169203331-01`)
      .expect('X-Trace-Id', 'a'.repeat(32));
    const raw = JSON.stringify({ object: 'whatsapp_business_account', entry: [] });
    const webhook = await request(url)
      .post('/api/v1/whatsapp/webhook')
      .set('Content-Type', 'application/json')
      .set('X-Hub-Signature-256', signMeta(raw, w.env.META_APP_SECRET))
      .send(raw)
      .expect(200);
    expect(webhook.headers).not.toHaveProperty('x-trace-id');
    expect(await items('/traces', url)).toEqual([]);
  });
});

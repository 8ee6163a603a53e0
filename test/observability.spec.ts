import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Body, Controller, Get, Global, HttpCode, Module, Param, Post, type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { Request, Response } from 'express';
import request from 'supertest';
import { ErrorsFilter } from '#api/errors.filter';
import { Conflict } from '#common/errors';
import { Config } from '#config/config';
import { HealthRegistry } from '#observability/health';
import { AppLogger, createLogger } from '#observability/logger';
import { Metrics } from '#observability/metrics';
import { ObservabilityModule } from '#observability/observability.module';
import { type RequestEntry, requestLog } from '#observability/request-log';
// The rooms declare their metrics.
import '../src/app.module';

@Controller()
class Rooms {
  @Get('api/v1/contacts/:id')
  contact(@Param('id') id: string): object {
    return { id };
  }

  @Get('api/v1/health')
  health(): object {
    return { status: 'healthy' };
  }

  @Post('api/v1/whatsapp/webhook')
  @HttpCode(200)
  webhook(@Body() body: { fail?: boolean }): object {
    if (body.fail) throw new Conflict('already_exists', 'Again.');
    return { ok: true };
  }

  @Get('api/v1/broken')
  broken(): object {
    throw new Error('secret host db.internal');
  }
}

const apps: INestApplication[] = [];
const base = { DATA_DIR: mkdtempSync(join(tmpdir(), 'pytake-')), NODE_ENV: 'test' };
const full = {
  DATABASE_URL: 'postgres://h/d',
  JWT_SECRET: 'q8Zr1vT6yPw3mK9sXb2dLf7hNc4gJa5e',
  ENCRYPTION_KEY: Buffer.from([...Array(32).keys()]).toString('base64'),
};

async function house(env: Record<string, string> = {}) {
  const lines: Record<string, unknown>[] = [];
  const entries: RequestEntry[] = [];
  const logger = createLogger({
    level: 'info',
    destination: { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  });
  const config = new Config({ ...base, ...env });

  @Global()
  @Module({ providers: [{ provide: Config, useValue: config }], exports: [Config] })
  class Settings {}

  const room = await Test.createTestingModule({ imports: [Settings, ObservabilityModule], controllers: [Rooms] }).compile();
  const app = room.createNestApplication({ logger: new AppLogger(logger) });
  app.use(requestLog({ logger, metrics: app.get(Metrics), listeners: [(entry) => entries.push(entry)] }));
  for (const mount of ['/graphql', '/files']) app.use(mount, (_request: Request, response: Response) => void response.sendStatus(404));
  app.useGlobalFilters(new ErrorsFilter(config));
  await app.init();
  apps.push(app);
  lines.length = 0;
  const http = request(app.getHttpServer() as never);
  const logged = (): Record<string, unknown>[] => lines.filter(({ context }) => context === 'http');
  return { http, lines, logged, entries, health: app.get(HealthRegistry), metrics: app.get(Metrics) };
}

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

describe('a request', () => {
  it('keeps a fit X-Request-ID and is given one otherwise', async () => {
    const { http } = await house();

    await http.get('/api/v1/contacts/1').set('X-Request-ID', 'order:42_a.b-c').expect('X-Request-ID', 'order:42_a.b-c');
    await http
      .get('/api/v1/contacts/1')
      .set('X-Request-ID', 'a'.repeat(65))
      .expect('X-Request-ID', /^[0-9a-f-]{36}$/);
    await http
      .get('/api/v1/contacts/1')
      .set('X-Request-ID', 'a b')
      .expect('X-Request-ID', /^[0-9a-f-]{36}$/);
    await http
      .get('/api/v1/nowhere')
      .expect(404)
      .expect('X-Request-ID', /^[0-9a-f-]{36}$/);
  });

  it('is one line with its route template, without query, path or headers', async () => {
    const { http, logged, entries } = await house();

    await http
      .get('/api/v1/contacts/+5511988887777?token=abc')
      .set('Authorization', 'Bearer abc')
      .set('User-Agent', 'curl')
      .set('X-Request-ID', 'r1');

    expect(logged()).toEqual([
      {
        level: 'info',
        time: expect.any(String),
        service: 'backend',
        context: 'http',
        msg: 'GET /api/v1/contacts/:id 200',
        method: 'GET',
        route: '/api/v1/contacts/:id',
        status_code: 200,
        response_time_ms: expect.any(Number),
        request_id: 'r1',
        organization_id: null,
        user_id: null,
      },
    ]);
    expect(entries).toEqual([expect.objectContaining({ route: '/api/v1/contacts/:id', user_agent: 'curl', ip: expect.any(String) })]);
  });

  it('is no line when it is a probe or a webhook that went well, but is counted', async () => {
    const { http, logged, entries } = await house();

    await http.get('/api/v1/health').expect(200);
    await http.get('/observability/live').expect(200);
    await http.post('/api/v1/whatsapp/webhook').send({}).expect(200);
    await http.post('/api/v1/whatsapp/webhook').send({ fail: true }).expect(409);

    expect(logged()).toEqual([expect.objectContaining({ status_code: 409 })]);
    expect(entries).toHaveLength(1);
    const { text } = await http.get('/observability/metrics').expect(200);
    expect(text).toContain('http_requests_total{method="POST",route="/api/v1/whatsapp/webhook",status="200"} 1');
    expect(text).toContain('http_requests_total{method="POST",route="/api/v1/whatsapp/webhook",status="409"} 1');
    expect(text).toContain('errors_total{type="http_error"} 1');
    expect(text).toContain('http_request_duration_seconds_count{method="GET",route="/api/v1/health"} 1');
  });

  it('to nowhere adds one label, not one per path', async () => {
    const { http } = await house();

    await http.get('/wp-admin/1');
    await http.get('/wp-admin/2');

    expect((await http.get('/observability/metrics')).text).toContain('http_requests_total{method="GET",route="unmatched",status="404"} 2');
  });

  it('below a mount adds its one label, however it is typed', async () => {
    const { http } = await house();

    for (const path of ['/graphql/1', '/gRaPhQl/2', '/GRAPHQL/3', '/files/4', '/Files/5']) await http.get(path).expect(404);
    await http.propfind('/graphql/6');

    const { text } = await http.get('/observability/metrics');
    const counted = [...text.matchAll(/^http_requests_total\{(.*)\} (\d+)$/gm)].map(([, labels, count]) => `${labels} ${count}`).sort();
    expect(counted).toEqual([
      'method="GET",route="/graphql",status="404" 3',
      'method="GET",route="unmatched",status="404" 2',
      'method="OTHER",route="/graphql",status="404" 1',
    ]);
  });
});

describe('the log', () => {
  it('has no secret and no whole phone in it', async () => {
    const { lines } = await house();
    const logger = new AppLogger(
      createLogger({ level: 'debug', destination: { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) } }),
    );
    const error = new Error('POST https://u:hunter2@host/x?access_token=s3cr3t failed for 5511988887777', {
      cause: new Error('Bearer s3cr3t'),
    });

    logger.error({
      msg: 'send to +5511988887777 failed with Bearer s3cr3t',
      err: error,
      headers: { authorization: 'Bearer s3cr3t', cookie: 's3cr3t', 'x-api-key': 's3cr3t', accept: 'json' },
      body: { password: 's3cr3t', refresh_token: 's3cr3t', deep: [{ client_secret: 's3cr3t', name: 'Ana' }] },
      url: '/socket.io/?EIO=4&token=s3cr3t&x=1',
    });
    logger.warn(error);
    logger.log('login of 5511988887777 with token=s3cr3t', 'auth');
    logger.error('boom', 'Error: Bearer s3cr3t\n    at x', 'auth');

    const text = JSON.stringify(lines);
    expect(lines).toHaveLength(4);
    expect(text).not.toMatch(/s3cr3t|hunter2|988887777/);
    expect(lines[0]).toMatchObject({
      headers: { accept: 'json' },
      body: { deep: [{ name: 'Ana' }] },
      err: { type: 'Error', stack: expect.any(String) },
    });
    expect(lines[2]).toMatchObject({ level: 'info', context: 'auth' });
    expect(lines[3]).toMatchObject({ level: 'error', context: 'auth', msg: 'boom', stack: expect.any(String) });
  });

  it('leaves ids and times readable', async () => {
    const { lines } = await house();
    const logger = createLogger({
      level: 'info',
      destination: { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
    });

    logger.info(
      { request_id: '0199aaaa-bbbb-7ccc-8ddd-123456789012', token_expires_at: '2026-01-01T00:00:00Z', took_ms: 12345678901 },
      'done in 1234 ms',
    );

    expect(lines.at(-1)).toMatchObject({
      request_id: '0199aaaa-bbbb-7ccc-8ddd-123456789012',
      token_expires_at: '2026-01-01T00:00:00Z',
      took_ms: 12345678901,
      msg: 'done in 1234 ms',
    });
  });
});

describe('health', () => {
  const fine = (): Promise<void> => Promise.resolve();
  const broken = (): Promise<void> => Promise.reject(new Error('connect ECONNREFUSED postgres://admin@10.0.0.5'));

  it('is healthy when every store is, and says which are not configured', async () => {
    const { http, health } = await house();
    health.register('postgresql', fine);
    health.register('queues', fine);

    const { body } = await http.get('/observability/health').expect(200);

    expect(body).toEqual({
      status: 'healthy',
      timestamp: expect.stringMatching(/Z$/),
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      environment: 'test',
      uptime_seconds: expect.any(Number),
      checks: {
        postgresql: { status: 'healthy', response_time_ms: expect.any(Number) },
        redis: { status: 'disabled', response_time_ms: 0 },
        mongodb: { status: 'disabled', response_time_ms: 0 },
        queues: { status: 'healthy', response_time_ms: expect.any(Number) },
        storage: { status: 'disabled', response_time_ms: 0 },
      },
    });
  });

  it('is degraded without Redis and unhealthy without PostgreSQL, in fixed words', async () => {
    const { http, health, lines } = await house();
    health.register('postgresql', fine);
    health.register('redis', broken);

    const degraded = await http.get('/observability/health').expect(200);
    health.register('postgresql', broken);
    const unhealthy = await http.get('/observability/health').expect(503);

    expect(degraded.body).toMatchObject({ status: 'degraded', checks: { redis: { status: 'unhealthy', message: 'Not reachable.' } } });
    expect(unhealthy.body).toMatchObject({
      status: 'unhealthy',
      checks: { postgresql: { status: 'unhealthy', message: 'Not reachable.' } },
    });
    expect(unhealthy.text).not.toContain('10.0.0.5');
    expect(lines.filter(({ context }) => context === 'health')).toHaveLength(2);
  });

  it('tells the log of a store that stays away once a minute, however often it is asked', async () => {
    const { http, health, lines } = await house();
    health.register('redis', broken);
    health.register('queues', broken);
    const clock = jest.spyOn(Date, 'now');
    const ask = async (second: number): Promise<void> => {
      clock.mockReturnValue(1_790_000_000_000 + second * 1000);
      await http.get('/observability/health');
    };

    for (const second of [0, 1, 30, 59, 60, 61, 119, 120]) await ask(second);
    clock.mockRestore();

    const told = lines.filter(({ context }) => context === 'health');
    expect(told).toHaveLength(3);
    expect(told[0].msg).toMatch(/^unhealthy: redis \(.+\), queues \(.+\)$/);
  });

  it('does not wait for a store that hangs', async () => {
    const { http, health } = await house();
    health.register('postgresql', fine);
    health.register('redis', () => new Promise(() => undefined));
    health.register('mongodb', () => new Promise(() => undefined));

    const { body } = await http.get('/observability/health').expect(200);

    expect(body).toMatchObject({
      status: 'degraded',
      checks: {
        redis: { status: 'unhealthy', message: 'No answer within 2 seconds.' },
        mongodb: { status: 'unhealthy' },
        postgresql: { status: 'healthy' },
      },
    });
  });

  it('is ready with PostgreSQL, Redis and no pending migration', async () => {
    const { http, health } = await house();
    health.register('postgresql', fine);
    health.register('migrations', fine);
    health.register('mongodb', broken);

    await http
      .get('/observability/ready')
      .expect(200)
      .expect(/"status":"ready"/);
    health.register('migrations', broken);
    const { body } = await http.get('/observability/ready').expect(503);

    expect(body).toMatchObject({
      status: 'not_ready',
      checks: { migrations: { message: 'Migrations are pending.' }, redis: { status: 'disabled' } },
    });
    expect(body).not.toHaveProperty('checks.mongodb');
  });

  it('is alive whatever the stores do', async () => {
    const { http, health } = await house();
    health.register('postgresql', broken);

    const { body } = await http.get('/observability/live').expect(200);

    expect(body).toEqual({ status: 'alive', timestamp: expect.any(String) });
  });
});

describe('metrics', () => {
  it('name everything of the contract', async () => {
    const { http } = await house();

    const { text, headers } = await http.get('/observability/metrics').expect(200);

    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    for (const name of [
      'process_resident_memory_bytes',
      'http_requests_total',
      'http_request_duration_seconds',
      'websocket_connections_active',
      'whatsapp_messages_total',
      'messages_processed_total',
      'active_conversations_total',
      'queue_waiting_total',
      'bull_jobs',
      'ai_requests_total',
      'errors_total',
      'db_query_duration_seconds',
      'inbound_events_ignored_total',
      'inbound_backlog',
    ])
      expect(text).toContain(`# TYPE ${name} `);
  });

  it('ask the owners of gauges at each scrape, and leave out what cannot be read', async () => {
    const { http, metrics } = await house();
    let waiting = 3;
    metrics.gauge('queue_waiting_total').collectFrom(() => waiting);
    metrics.gauge('bull_jobs').collectFrom(() => Promise.resolve([{ labels: { queue: 'send', state: 'active' }, value: 2 }]));
    metrics.gauge('inbound_backlog').collectFrom(() => Promise.reject(new Error('down')));

    await http.get('/observability/metrics').expect(/^queue_waiting_total 3$/m);
    waiting = 0;
    const { text } = await http.get('/observability/metrics').expect(200);

    expect(text).toMatch(/^queue_waiting_total 0$/m);
    expect(text).toContain('bull_jobs{queue="send",state="active"} 2');
    expect(text).not.toMatch(/^inbound_backlog /m);
  });

  it('want METRICS_TOKEN when it is set', async () => {
    const { http } = await house({ METRICS_TOKEN: 'a-metrics-token-of-length' });

    await http.get('/observability/metrics').expect(401);
    await http.get('/observability/metrics').set('Authorization', 'Bearer wrong').expect(401);
    await http.get('/observability/metrics').set('Authorization', 'Bearer a-metrics-token-of-length').expect(200);
  });

  it('do not exist in production without METRICS_TOKEN', async () => {
    const { http } = await house({ ...full, NODE_ENV: 'production' });

    await http.get('/observability/metrics').expect(404);
    await http.get('/observability/live').expect(200);
  });
});

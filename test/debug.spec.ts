import type { AddressInfo } from 'node:net';
import type { NestExpressApplication } from '@nestjs/platform-express';
import request from 'supertest';
import { newId } from '#common/uuid';
import { Config } from '#config/config';
import { Mailer } from '#mail/mailer';
import { createApp } from '../src/app';
import { openApiOf, routesOf } from './support/openapi';
import { rawOf, socketOf } from './support/sockets';
import { type Person, type World, close, errorOf, world, wrongField } from './support/world';

// What developers see of the process, and that nobody else does.

let w: World;
let boss: Person;
const others: NestExpressApplication[] = [];

beforeAll(async () => {
  w = await world({ SMTP_URL: 'smtp://robot:hunter2@mail.example', MAIL_DRIVER: 'memory', METRICS_TOKEN: 'a-metrics-token-of-length' });
  boss = await w.superAdmin();
});
afterAll(async () => {
  await Promise.all(others.map((app) => app.close()));
  await close();
});

async function house(env: Record<string, string>): Promise<string> {
  const app = await createApp(new Config({ ...w.env, ...env }));
  others.push(app);
  await app.listen(0, '127.0.0.1');
  return `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
}

const PATHS = ['info', 'config', 'routes', 'echo', 'jobs', 'emails'].map((name) => `/debug/${name}`);

describe('the debug room', () => {
  it('is closed without a token and to everybody below super_admin', async () => {
    for (const path of PATHS) {
      await w.guest.get(path).expect(401);
      for (const person of [w.acme.viewer, w.acme.agent, w.acme.admin])
        await person.get(path).expect(403).expect(errorOf('insufficient_role'));
    }
    await w.acme.admin.post('/debug/events', { event: 'x', payload: {} }).expect(403);
  });

  it.each([
    ['unless it is configured', { DEBUG_ENDPOINTS_ENABLED: 'false' }],
    ['in production, whatever the settings', { NODE_ENV: 'production', MAIL_FROM: 'a@example.com', CORS_ORIGINS: 'https://a.example' }],
  ])('is not there %s', async (_when, env) => {
    const url = await house(env);

    for (const path of PATHS)
      await request(url).get(`/api/v1${path}`).set('Authorization', `Bearer ${boss.token}`).expect(404).expect(errorOf('not_found'));
    await request(url)
      .post('/api/v1/debug/events')
      .set('Authorization', `Bearer ${boss.token}`)
      .send({ event: 'x', payload: {} })
      .expect(404);
  });

  it('says what runs here', async () => {
    const { body } = await boss.get('/debug/info').expect(200);

    expect(body).toMatchObject({
      version: expect.any(String),
      commit: null,
      node: process.version,
      features: { simulator: false, mail: true },
    });
  });

  it('shows the settings without a secret', async () => {
    const { body, text } = await boss.get('/debug/config').expect(200);

    const { values } = body as { values: Record<string, unknown> };
    expect(values).toMatchObject({
      node_env: 'test',
      log_level: 'error',
      jwt_secret: '***',
      metrics_token: '***',
      smtp_url: 'smtp://mail.example',
      refresh_token_ttl_days: 7,
      rate_limits: expect.objectContaining({
        auth_token: { limit: 10, seconds: 3600, by_address: true },
        api_key: { limit: 600, seconds: 60 },
      }) as unknown,
    });
    const { password } = new URL(w.env.DATABASE_URL);
    for (const secret of [
      w.env.JWT_SECRET,
      w.env.ENCRYPTION_KEY,
      w.env.META_APP_SECRET,
      w.env.META_WEBHOOK_VERIFY_TOKEN,
      'hunter2',
      `:${password}@`,
      'a-metrics-token',
    ])
      expect(text).not.toContain(secret);
  });

  it('lists the routes as the document has them', async () => {
    const found: { method: string; path: string; role: string }[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const { body } = await boss.get(`/debug/routes?limit=100${cursor && `&cursor=${cursor}`}`).expect(200);
      const page = body as { items: typeof found; next_cursor: string | null };
      found.push(...page.items);
      cursor = page.next_cursor;
    }

    const named = ({ method, path, role }: (typeof found)[number]): string => `${method} ${path.replace(/:(\w+)/g, '{$1}')} ${role}`;
    const documented = routesOf(openApiOf(w.app, w.env)).map(
      ({ method, path, operation }) => `${method.toUpperCase()} ${path} ${operation['x-role']}`,
    );
    expect(found.map(named)).toEqual(expect.arrayContaining(documented));
    const { body } = await boss.get('/debug/routes?search=departments&sort=path:desc&limit=1').expect(200);
    expect(body).toMatchObject({ items: [{ path: expect.stringContaining('/api/v1/departments') }], page_size: 1 });
    await boss.get('/debug/routes?sort=nothing').expect(wrongField('query', 'sort'));
  });

  it('echoes the request without its logins', async () => {
    const { body, text } = await boss
      .get('/debug/echo?a=1&b=two')
      .set('Cookie', 'session=abc')
      .set('X-API-Key', '')
      .set('X-Mine', 'yes')
      .expect(200);

    expect(body).toMatchObject({
      method: 'GET',
      path: '/api/v1/debug/echo',
      query: { a: '1', b: 'two' },
      headers: { authorization: '***', cookie: '***', 'x-mine': 'yes' },
      ip: '127.0.0.1',
      user: { id: boss.user.id, organization_id: boss.user.organization_id, role: 'super_admin' },
    });
    expect(text).not.toContain(boss.token);
  });

  it('counts jobs, and says why the last ones failed', async () => {
    await w.sql(
      `INSERT INTO jobs.job (name, data, state, completed_on, output)
       VALUES ('sweeper', '{"name": "retention", "data": {}}', 'failed', now(), '{"message": "no luck with Bearer s3cr3t.token"}')`,
    );

    const { body } = await boss.get('/debug/jobs').expect(200);
    const { queues } = body as { queues: { queue: string; failed: number; recent_failed: { name: string; failed_reason: string }[] }[] };
    const sweeper = queues.find(({ queue }) => queue === 'sweeper');
    expect(sweeper).toMatchObject({ waiting: expect.any(Number), completed: 0, failed: 1 });
    expect(sweeper?.recent_failed).toEqual([{ id: expect.any(String), name: 'retention', failed_reason: 'no luck with Bearer ***' }]);
    const failed = await boss.get('/debug/jobs?status=failed&limit=1').expect(200);
    expect((failed.body as { queues: { queue: string }[] }).queues.map(({ queue }) => queue)).toEqual(['sweeper']);
    const one = await boss.get('/debug/jobs?queue=number-health').expect(200);
    expect((one.body as { queues: object[] }).queues).toHaveLength(1);
    for (const [name, value] of Object.entries({ queue: 'none', status: 'lost', limit: '101' }))
      await boss.get(`/debug/jobs?${name}=${value}`).expect(wrongField('query', name));
  });

  it('lists the mails kept in memory, and is not there when they leave', async () => {
    const mailer = w.app.get(Mailer);
    for (const n of [1, 2, 3])
      await mailer.send({
        id: newId(),
        to: `ana${n}@padaria.example`,
        subject: `Convite ${n}`,
        text: `Entre: https://app.example/${n}`,
        html: '<p>Entre</p>',
      });

    const { body } = await boss.get('/debug/emails').expect(200).expect('X-Total-Count', '3');
    expect((body as { items: object[] }).items[0]).toMatchObject({
      to: 'ana3@padaria.example',
      links: ['https://app.example/3'],
      created_at: expect.any(String),
    });
    const mine = await boss.get('/debug/emails?to=ANA2@padaria.example').expect(200);
    expect((mine.body as { items: object[] }).items).toEqual([expect.objectContaining({ subject: 'Convite 2' })]);
    const found = await boss.get('/debug/emails?search=convite&sort=subject:asc&limit=1').expect(200);
    expect(found.body).toMatchObject({ items: [{ subject: 'Convite 1' }], total: 3 });
    const url = await house({ MAIL_DRIVER: 'none' });
    await request(url).get('/api/v1/debug/emails').set('Authorization', `Bearer ${boss.token}`).expect(404);
  });

  it('tells the caller’s own sockets alone', async () => {
    const [mine, raw, others] = await Promise.all([socketOf(boss), rawOf(boss), socketOf(w.acme.admin)]);
    await raw.subscribe('messages');

    await boss
      .post('/debug/events', { event: 'message:new', payload: { content: 'Olá' } })
      .expect(200)
      .expect({ success: true, message: 'Told to your sockets.' });
    await boss.post('/debug/events', { event: 'my.own:event', payload: { n: 1 } }).expect(200);

    expect(await mine.hear('message:new')).toEqual({ content: 'Olá' });
    expect(await mine.hear('my.own:event')).toEqual({ n: 1 });
    await raw.hear('event', ({ event }) => event === 'message:new');
    expect(others.all('message:new')).toEqual([]);
    const [entry] = await w.sql(
      `SELECT resource_name, changes FROM audit_logs WHERE action = 'debug.event_sent' ORDER BY created_at LIMIT 1`,
    );
    expect(entry).toEqual({ resource_name: 'message:new', changes: {} });
    for (const event of ['', 'x'.repeat(101), 'disconnect', 'connect_error', 'a b'])
      await boss.post('/debug/events', { event, payload: {} }).expect(wrongField('event'));
    for (const payload of [null, 'x', { big: 'x'.repeat(70_000) }])
      await boss.post('/debug/events', { event: 'x', payload }).expect(wrongField('payload'));
  });
});

import { randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Body, Controller, Get, Param, Patch, Post, type INestApplication, Req } from '@nestjs/common';
import { getModelToken } from '@nestjs/mongoose';
import { Test } from '@nestjs/testing';
import type { Model } from 'mongoose';
import { Client } from 'pg';
import request from 'supertest';
import type { AppRequest } from '#access/request';
import type { Session } from '#access/sessions';
import { ErrorsFilter } from '#api/errors.filter';
import { Actor, Role } from '#common/actor';
import { Conflict, Forbidden } from '#common/errors';
import { newId } from '#common/uuid';
import { Config } from '#config/config';
import { Database, type Tx } from '#database/database';
import type { Act } from '#database/tx';
import { Audit } from '#modules/audit/audit.interceptor';
import { AuditModule } from '#modules/audit/audit.module';
import { AuditService } from '#modules/audit/audit.service';
import { AuditStore } from '#modules/audit/audit-store';
import { AuditLog } from '#modules/audit/audit-log.entity';
import { type AuditDocument, AuditLogSchema, type RequestDocument } from '#modules/audit/audit-log.schema';
import { API_LOGS, ERROR_LOGS, RequestLogs } from '#modules/audit/request-logs';
import { HealthRegistry } from '#observability/health';
import { createLogger } from '#observability/logger';
import { Metrics } from '#observability/metrics';
import { requestLog } from '#observability/request-log';
import { ground } from '../src/ground';
import { type TestMongo, startTestMongo } from './support/mongo';
import { cloneDatabase, testEnv } from './support/world';

async function say(tx: Tx, { actor }: Pick<AppRequest, 'actor'>, action: string, act?: Act): Promise<void> {
  await tx.rows('SELECT 1');
  if (actor) tx.audit(actor, action, act);
}

@Controller('api/v1/agent-skills')
class AgentSkillsController {
  constructor(
    private readonly audit: AuditService,
    private readonly database: Database,
  ) {}

  @Get()
  list(): object[] {
    return [];
  }

  @Post()
  create(@Body() body: { name: string }): object {
    return { id: newId(), name: body.name };
  }

  @Patch(':id')
  update(@Param('id') id: string): object {
    return { id, name: 'Ana' };
  }

  @Post(':id/rename')
  async rename(@Param('id') id: string, @Req() http: AppRequest): Promise<object> {
    const [before, after] = [
      { name: 'Ana', age: 3, tags: ['a'], phone: '+5511987654321', updated_at: new Date(0) },
      { name: 'Bia', age: 3, tags: ['a'], phone: '+5511912345678', updated_at: new Date() },
    ];
    const may_tell = (field: string): boolean => field !== 'phone';
    await this.database.tx((tx) => say(tx, http, 'agent_skill.renamed', { resource: { id, name: 'Bia' }, before, after, may_tell }));
    return { id };
  }

  @Post(':id/activate')
  async activate(@Param('id') id: string, @Req() http: AppRequest): Promise<object> {
    const is_active = { is_active: true };
    await this.database.tx((tx) => say(tx, http, 'agent_skill.activated', { before: is_active, after: is_active }));
    return { id };
  }

  @Post('sweep')
  async sweep(@Req() http: AppRequest): Promise<object> {
    await this.database.tx((tx) => say(tx, { actor: Actor.system(http.actor?.organization_id ?? '') }, 'agent_skill.swept'));
    setTimeout(() => void this.database.tx((tx) => say(tx, http, 'agent_skill.swept_later')), 50);
    return {};
  }

  @Post('search')
  @Audit(false)
  search(): object {
    return {};
  }

  @Post('broken')
  broken(@Req() http: AppRequest): Promise<object> {
    return this.database.tx(async (tx) => {
      await say(tx, http, 'agent_skill.broken');
      throw new Conflict('conversation_not_active', 'Not now.');
    });
  }

  @Post('undone')
  async undone(@Req() http: AppRequest): Promise<object> {
    await this.database.tx(async (tx) => {
      await say(tx, http, 'agent_skill.kept');
      const undone = tx.attempt(async () => {
        await say(tx, http, 'agent_skill.undone');
        throw new Error('undone');
      });
      await undone.catch(() => undefined);
    });
    return {};
  }

  @Post('crash')
  crash(): object {
    throw new Error('crash');
  }

  @Post(':id/forbidden')
  forbidden(): object {
    throw new Forbidden('insufficient_role', 'No.');
  }

  @Post('login')
  async login(): Promise<object> {
    await this.audit.record(null, 'auth.login_failed', { actor_email: 'ana@acme.example', result: 'failure' });
    throw new Forbidden('account_locked', 'No.');
  }
}

interface House {
  app: INestApplication;
  http: ReturnType<typeof request.agent>;
  store: AuditStore;
  organization_id: string;
  user_id: string;
  entries(): Promise<AuditLog[]>;
  documents: Model<AuditDocument>;
  /** As the application. */
  sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  /** As the owner of the tables. */
  asOwner(text: string): Promise<Record<string, unknown>[]>;
}

const apps: INestApplication[] = [];
const databases: string[] = [];
let mongo: TestMongo | null = null;

const asAdmin = async (sql: string): Promise<void> => {
  const admin = new Client({ connectionString: process.env.TEST_DATABASE_URL });
  await admin.connect();
  await admin.query(sql).finally(() => admin.end());
};

/** The audit room with PostgreSQL, and MongoDB when a URL is given. */
async function house(mongodb_url?: string): Promise<House> {
  const name = `pytake_audit_${randomUUID().slice(0, 8)}`;
  databases.push(name);
  const env = testEnv(await cloneDatabase(name), mkdtempSync(join(tmpdir(), 'pytake-audit-')));
  // Each house its own database there too.
  const own = mongodb_url?.replace(/\/pytake$/, `/${name}`);
  const config = new Config(own ? { ...env, MONGODB_URL: own } : env);
  const room = await Test.createTestingModule({
    imports: [...ground(config), AuditModule],
    controllers: [AgentSkillsController],
  }).compile();
  const app = room.createNestApplication({ logger: false });
  const actor = new Actor(newId(), Role.agent, newId());
  const listeners = [app.get(AuditService).refusals, app.get(RequestLogs).listen];
  app.use(requestLog({ logger: createLogger({ level: 'silent' }), metrics: app.get(Metrics), listeners }));
  app.use((http: AppRequest, _response: unknown, next: () => void) => {
    if (http.get('authorization')) Object.assign(http, { actor, session: { email: 'rui@acme.example' } as Session });
    next();
  });
  app.useGlobalFilters(new ErrorsFilter(config));
  await app.listen(0, '127.0.0.1');
  apps.push(app);
  return {
    app,
    http: request.agent(app.getHttpServer() as never).set({ Authorization: 'Bearer x', 'User-Agent': 'curl/8', 'X-Request-ID': 'r-1' }),
    store: app.get(AuditStore),
    organization_id: actor.organization_id,
    user_id: actor.user_id ?? '',
    entries: () => app.get(AuditStore).find({ organization_id: actor.organization_id }, 10_000),
    documents: app.get(getModelToken(AuditLog.name)),
    sql: (text, values) => app.get(Database).source.query(text, values),
    asOwner: async (text) => {
      const owner = new Client({ connectionString: env.DATABASE_OWNER_URL });
      await owner.connect();
      return (await owner.query(text).finally(() => owner.end())).rows as Record<string, unknown>[];
    },
  };
}

const DAY_MS = 86_400_000;

/** What PostgreSQL refuses it for. */
const codeOf = (asked: Promise<unknown>): Promise<string | undefined> =>
  asked.then(
    () => 'done',
    (error: unknown) => (error as { code?: string }).code,
  );

const until = async (truth: () => Promise<boolean> | boolean): Promise<void> => {
  while (!(await truth())) await sleep(50);
};

const indexes = async ({ documents }: House): Promise<unknown[]> =>
  (await documents.collection.indexes().catch(() => [])).map(({ key }) => key as unknown);

/** Connected and set up: while the test server makes an index it refuses writes to the same collection. */
const connected = (there: House): Promise<void> =>
  until(
    async () =>
      (await there.app.get(HealthRegistry).run(['mongodb'])).mongodb.status === 'healthy' &&
      (await indexes(there)).length > AuditLogSchema.indexes().length,
  );

const row = (values: Partial<AuditLog> = {}): AuditLog => ({
  id: newId(),
  organization_id: null,
  actor_type: 'system',
  actor_id: null,
  user_id: null,
  actor_email: null,
  actor_role: null,
  action: 'contact.created',
  resource_type: 'contact',
  resource_id: null,
  resource_name: null,
  changes: {},
  metadata: {},
  result: 'success',
  ip_address: null,
  user_agent: null,
  request_id: null,
  created_at: new Date(),
  ...values,
});

beforeAll(async () => {
  mongo = await startTestMongo();
}, 300_000);

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
  for (const name of databases.splice(0)) await asAdmin(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
});

afterAll(() => mongo?.close());

/** A test that needs MongoDB; without a server it has said why (see startTestMongo) and passes over. */
const withMongo = (sentence: string, test: (server: TestMongo) => Promise<void>): void =>
  it(sentence, async () => {
    if (mongo) await test(mongo);
  });

describe('a write', () => {
  it('is told with who, what, when and from where', async () => {
    const { http, entries, organization_id, user_id } = await house();

    const { body } = await http.post('/api/v1/agent-skills').send({ name: 'Sales' }).expect(201);

    const { id } = body as { id: string };
    expect(await entries()).toEqual([
      {
        id: expect.any(String),
        organization_id,
        actor_type: 'user',
        actor_id: user_id,
        user_id,
        actor_email: null,
        actor_role: 'agent',
        action: 'agent_skill.create',
        resource_type: 'agent_skill',
        resource_id: id,
        resource_name: 'Sales',
        changes: {},
        metadata: {},
        result: 'success',
        ip_address: expect.stringContaining('127.0.0.1'),
        user_agent: 'curl/8',
        request_id: 'r-1',
        created_at: expect.any(Date),
      },
    ]);
  });

  it('is told once, in the words of its room when the room speaks', async () => {
    const { http, entries } = await house();

    await http.post(`/api/v1/agent-skills/${newId()}/rename`).expect(201);

    expect(await entries()).toEqual([
      expect.objectContaining({
        action: 'agent_skill.renamed',
        changes: { name: { from: 'Ana', to: 'Bia' }, phone: { from: '***', to: '***' } },
        request_id: 'r-1',
        actor_email: null,
      }),
    ]);
  });

  it('is told as far as it was not undone', async () => {
    const { http, entries } = await house();

    await http.post('/api/v1/agent-skills/undone').expect(201);

    expect((await entries()).map(({ action }) => action)).toEqual(['agent_skill.kept']);
  });

  it('is not said to come from the request that only woke who did it', async () => {
    const { http, entries } = await house();

    await http.post('/api/v1/agent-skills/sweep').expect(201);
    await until(async () => (await entries()).length === 2);

    expect(await entries()).toEqual([
      expect.objectContaining({ action: 'agent_skill.swept_later', actor_type: 'user', ip_address: null, request_id: null }),
      expect.objectContaining({ action: 'agent_skill.swept', actor_type: 'system', ip_address: null, request_id: null, actor_email: null }),
    ]);
  });

  it('is told without secrets and without what people wrote to each other', async () => {
    const { http, entries } = await house();

    await http
      .patch(`/api/v1/agent-skills/${newId()}`)
      .send({
        name: 'Ana\0',
        api_key: 'sk-secret',
        content: 'Hello Rui',
        password: null,
        settings: { smtp_password: 'hunter2', note: 'he is ill', size: 3 },
        odd: '\ud800x',
      })
      .expect(200);

    const [entry] = await entries();
    expect(entry?.changes).toEqual({
      name: { from: null, to: 'Ana' },
      api_key: { from: null, to: '***' },
      content: { from: null, to: '[text]' },
      settings: { from: null, to: { smtp_password: '***', note: '[text]', size: 3 } },
      odd: { from: null, to: '\ufffdx' },
    });
  });

  it('is not told when nothing was written', async () => {
    const { http, entries } = await house();

    await http.get('/api/v1/agent-skills').expect(200);
    await http.post('/api/v1/agent-skills/broken').expect(409);
    await http.post('/api/v1/agent-skills/search').expect(201);
    await http.post(`/api/v1/agent-skills/${newId()}/activate`).expect(201);

    expect(await entries()).toEqual([]);
  });
});

describe('a refusal', () => {
  it('is told with the route and the one who was refused', async () => {
    const { http, entries } = await house();
    const id = newId();

    await http.post(`/api/v1/agent-skills/${id}/forbidden`).expect(403);
    await until(async () => (await entries()).length > 0);

    expect(await entries()).toEqual([
      expect.objectContaining({
        action: 'access.denied',
        resource_type: 'agent_skill',
        resource_id: id,
        metadata: { method: 'POST', route: '/api/v1/agent-skills/:id/forbidden' },
        result: 'failure',
        actor_email: null,
        ip_address: expect.any(String),
      }),
    ]);
  });

  it('of somebody unknown is what the room says of it', async () => {
    const { app, store } = await house();

    await request(app.getHttpServer() as never)
      .post('/api/v1/agent-skills/login')
      .expect(403);

    expect(await store.find({ action: 'auth.login_failed' }, 10)).toEqual([
      expect.objectContaining({
        actor_email: 'ana@acme.example',
        organization_id: null,
        user_id: null,
        result: 'failure',
        ip_address: expect.any(String),
      }),
    ]);
    expect(await store.find({ action: 'access.denied' }, 10)).toEqual([]);
  });
});

describe('the log', () => {
  const CHANGES = ['UPDATE audit_logs SET action = $$x$$', 'DELETE FROM audit_logs', 'TRUNCATE audit_logs'];

  it('is read and added to by the application, and nothing else, whatever it tries', async () => {
    const { http, entries, sql } = await house();
    await http.post('/api/v1/agent-skills').send({ name: 'Sales' }).expect(201);
    const [{ owner }] = await sql(`SELECT relowner::regrole AS owner FROM pg_class WHERE relname = 'audit_logs'`);

    for (const statement of [
      ...CHANGES,
      ...CHANGES.map((change) => `DO $do$BEGIN PERFORM set_config('pytake.audit_retention', 'on', true); ${change}; END$do$`),
      'ALTER TABLE audit_logs DISABLE TRIGGER ALL',
      'ALTER TABLE audit_logs DISABLE TRIGGER audit_logs_rows',
      'ALTER TABLE audit_logs OWNER TO CURRENT_USER',
      'DROP TRIGGER audit_logs_rows ON audit_logs',
      'DROP TABLE audit_logs',
      'TRUNCATE organizations CASCADE',
      `SET session_replication_role = 'replica'`,
      'CREATE OR REPLACE FUNCTION audit_logs_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN OLD; END$$',
      'ALTER FUNCTION forget_audit_logs(integer, integer) SECURITY INVOKER',
      `COMMENT ON FUNCTION forget_audit_logs(integer, integer) IS '1'`,
      `UPDATE migrations SET name = 'Another'`,
      'DELETE FROM migrations',
      'CREATE ROLE another SUPERUSER',
      'ALTER ROLE CURRENT_USER SUPERUSER',
      `SET ROLE ${String(owner)}`,
    ])
      expect({ statement, code: await codeOf(sql(statement)) }).toEqual({ statement, code: '42501' });

    expect(await entries()).toHaveLength(1);
  });

  it.each(CHANGES)('refuses %s to its owner too', async (statement) => {
    const { http, entries, asOwner } = await house();
    await http.post('/api/v1/agent-skills').send({ name: 'Sales' }).expect(201);

    await expect(asOwner(statement)).rejects.toThrow('append-only');
    await expect(asOwner(`DO $do$BEGIN PERFORM set_config('pytake.audit_retention', 'on', true); ${statement}; END$do$`)).rejects.toThrow(
      'append-only',
    );

    expect(await entries()).toHaveLength(1);
  });

  it('gives no entry away before its retention has passed, whoever asks', async () => {
    const there = await house();
    const rows = [row(), row({ created_at: new Date(Date.now() - 729 * DAY_MS) })];
    await Promise.all(rows.map((one) => there.store.keep(one)));

    expect(await there.store.prune(730)).toBe(0);
    for (const days of [729, 1, 0, -1]) expect(await codeOf(there.sql('SELECT forget_audit_logs($1, 1)', [days]))).toBe('42501');
    expect(await codeOf(there.asOwner('SELECT forget_audit_logs(729, 1)'))).toBe('42501');

    expect(await there.store.find({}, 10)).toHaveLength(2);
  });

  it('of a living organization is not erased, whatever the application says of its deletion', async () => {
    const { store, sql, asOwner } = await house();
    const organization_id = newId();
    const set = (value: string): Promise<string | undefined> =>
      codeOf(sql(`UPDATE organizations SET ${value} WHERE id = $1`, [organization_id]));
    const add = (deleted_at: string): Promise<string | undefined> =>
      codeOf(
        sql(`INSERT INTO organizations (id, name, slug, deleted_at) VALUES ($1, 'Padaria', 'padaria', ${deleted_at})`, [organization_id]),
      );
    const long_ago = "now() - interval '31 days'";

    expect(await add(long_ago)).toBe('42501');
    expect(await add('NULL')).toBe('done');
    await store.keep(row({ organization_id }));
    for (const value of [`deleted_at = ${long_ago}`, `deleted_at = now() + interval '1 day'`, `id = '${newId()}'`])
      expect({ value, code: await set(value) }).toEqual({ value, code: '42501' });
    for (const value of ['deleted_at = now()', 'deleted_at = deleted_at', 'deleted_at = NULL', 'deleted_at = now()'])
      expect({ value, code: await set(value) }).toEqual({ value, code: 'done' });
    expect(await set(`deleted_at = ${long_ago}`)).toBe('42501');
    const erase = (): Promise<string | undefined> => codeOf(sql('SELECT erase_audit_logs($1, 100)', [organization_id]));
    expect(await erase()).toBe('42501');
    expect(await store.find({}, 10)).toHaveLength(1);

    // As a backup of then, and the tests, put it back.
    await asOwner(`UPDATE organizations SET deleted_at = ${long_ago} WHERE id = '${organization_id}'`);
    expect(await erase()).toBe('done');
    expect(await store.find({}, 10)).toEqual([]);
  });

  const retention = async ({ store }: House): Promise<void> => {
    const old = row({ created_at: new Date('2020-01-01') });
    const young = row();
    await Promise.all([store.keep(old), store.keep(young)]);

    expect(await store.prune(730)).toBe(1);

    expect(await store.find({}, 10)).toEqual([young]);
  };

  it('forgets what is past its retention', async () => retention(await house()));

  withMongo('forgets it in MongoDB too', async ({ url }) => {
    const there = await house(url);
    await connected(there);
    await retention(there);
  });

  withMongo('forgets it in MongoDB also while PostgreSQL keeps to a longer retention', async ({ url }) => {
    const there = await house(url);
    await connected(there);
    const young = row();
    await Promise.all([young, row({ created_at: new Date(Date.now() - 60 * DAY_MS) })].map((entry) => there.store.keep(entry)));

    expect(await codeOf(there.store.prune(30))).toBe('42501');

    expect(await there.store.find({}, 10)).toEqual([young]);
  });

  const listing = async ({ store }: House): Promise<void> => {
    const organization_id = newId();
    const rows = Array.from({ length: 25 }, (_, n) =>
      row({
        organization_id,
        action: n % 2 ? 'contact.updated' : 'contact.created',
        ip_address: [null, '10.0.0.1', '10.0.0.10', '9.0.0.1'][n % 4],
        created_at: new Date(Date.UTC(2026, 0, 1, 0, 0, n)),
        changes: { 'a.b': { to: { $set: n } } },
      }),
    );
    await Promise.all([...rows, row({ organization_id: newId() })].map((entry) => store.keep(entry)));
    const newest = rows.toReversed();

    expect(await store.find({ organization_id }, 10)).toEqual(newest.slice(0, 10));
    expect(await store.find({ organization_id }, 10, 20)).toEqual(newest.slice(20));
    expect(await store.find({ organization_id, action: 'contact.updated' }, 100)).toEqual(
      newest.filter(({ action }) => action === 'contact.updated'),
    );
    expect(await store.find({ organization_id, from: newest[4]?.created_at, to: newest[2]?.created_at }, 100)).toEqual(newest.slice(2, 5));
    expect(await store.find({}, 100)).toHaveLength(26);
    const rank = ({ ip_address }: AuditLog): string => ip_address ?? '';
    const sorted = rows.toSorted((a, b) => (rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : rows.indexOf(a) - rows.indexOf(b)));
    for (const ascending of [true, false]) {
      const walked: AuditLog[] = [];
      for (let after: AuditLog | undefined, ended = false; !ended; after = walked.at(-1)) {
        const found = await store.find({ organization_id, sort_by: 'ip_address', ascending, after }, 4);
        walked.push(...found);
        ended = found.length < 4;
      }
      expect(walked).toEqual(ascending ? sorted : sorted.toReversed());
    }
  };

  it('lists newest first, by organization, filter and time', async () => listing(await house()));

  withMongo('lists the same from MongoDB', async ({ url }) => {
    const there = await house(url);
    await connected(there);
    await listing(there);
    expect(await there.sql('SELECT count(*)::int AS n FROM audit_logs')).toEqual([{ n: 0 }]);
  });

  it('keeps the neighbours of an entry that no store can hold', async () => {
    const { store } = await house();
    const [before, after] = [row(), row()];

    await Promise.all([store.keep(before), store.keep(row({ user_id: 'not a uuid' })), store.keep(after)]);

    expect((await store.find({}, 10)).map(({ id }) => id).toSorted()).toEqual([before.id, after.id].toSorted());
  });
});

describe('while MongoDB comes and goes', () => {
  const write = async ({ http }: House, entries: number): Promise<string[]> => {
    const answers = await Promise.all(
      Array.from({ length: entries }, (_, n) => http.post('/api/v1/agent-skills').send({ name: `Skill ${n}` })),
    );
    expect(answers.filter(({ status }) => status !== 201)).toEqual([]);
    return answers.map(({ body }) => (body as { id: string }).id);
  };

  withMongo('nothing is lost and nothing doubled', async (server) => {
    await server.stop();
    const there = await house(server.url);
    const written: string[] = [];

    written.push(...(await write(there, 20)));
    expect(there.documents.db.readyState).not.toBe(1);
    await server.start();
    await connected(there);
    // It is left alone for some seconds after a failure.
    await until(async () => {
      written.push(...(await write(there, 5)));
      return (await there.documents.countDocuments()) > 0;
    });
    const going = write(there, 100);
    await server.stop();
    written.push(...(await going), ...(await write(there, 20)));
    const away = await there.entries();
    await server.start();
    await connected(there);
    written.push(...(await write(there, 20)));

    expect(away.length).toBeGreaterThan(0);
    const told = (await there.entries()).map(({ resource_id }) => resource_id);
    expect(told.toSorted()).toEqual(written.toSorted());
  });

  withMongo('health says so', async (server) => {
    const there = await house(server.url);
    const health = async (): Promise<string> => (await there.app.get(HealthRegistry).run(['mongodb'])).mongodb.status;

    await connected(there);
    await server.stop();
    await until(async () => (await health()) === 'unhealthy');
    await server.start();

    await until(async () => (await health()) === 'healthy');
  });

  it('health says it is not configured', async () => {
    const { app } = await house();

    expect(await app.get(HealthRegistry).run(['mongodb'])).toEqual({ mongodb: { status: 'disabled', response_time_ms: 0 } });
  });

  withMongo('its indexes are made', async ({ url }) => {
    const there = await house(url);
    await connected(there);

    expect(await indexes(there)).toEqual(
      expect.arrayContaining([
        { organization_id: 1, created_at: -1 },
        { user_id: 1, created_at: -1 },
        { actor_id: 1, created_at: -1 },
        { action: 1, created_at: -1 },
      ]),
    );
  });

  withMongo('requests and failures are logged there', async ({ url }) => {
    const there = await house(url);
    await connected(there);
    const requests = there.app.get<Model<RequestDocument>>(getModelToken(API_LOGS));
    const errors = there.app.get<Model<RequestDocument>>(getModelToken(ERROR_LOGS));

    await there.http.get('/api/v1/agent-skills').expect(200);
    await there.http.post('/api/v1/agent-skills/crash').expect(500);
    await until(async () => (await requests.countDocuments()) === 2 && (await errors.countDocuments()) === 1);

    expect(await requests.find({ method: 'GET' }).lean()).toEqual([
      expect.objectContaining({
        route: '/api/v1/agent-skills',
        status_code: 200,
        organization_id: there.organization_id,
        user_id: there.user_id,
        request_id: 'r-1',
        user_agent: 'curl/8',
        response_time_ms: expect.any(Number),
        created_at: expect.any(Date),
      }),
    ]);
    expect(await errors.find().lean()).toEqual([expect.objectContaining({ route: '/api/v1/agent-skills/crash', status_code: 500 })]);
  });
});

describe('while every store is away', () => {
  const connections = (allowed: boolean): Promise<void> => {
    const name = databases.at(-1) ?? '';
    return asAdmin(`ALTER DATABASE ${name} ALLOW_CONNECTIONS ${allowed}`).then(() =>
      allowed ? undefined : asAdmin(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`),
    );
  };

  it('entries wait, and are kept when one is back', async () => {
    const { store } = await house();
    const entry = row();

    await connections(false);
    const kept = store.keep(entry);
    const early = await Promise.race([kept.then(() => 'kept'), sleep(1000, 'waiting')]);
    await connections(true);
    await kept;

    expect(early).toBe('waiting');
    expect(await store.find({}, 10)).toEqual([entry]);
  });

  it('a request is answered all the same', async () => {
    const { http, entries } = await house();

    await connections(false);
    await http.post('/api/v1/agent-skills').send({ name: 'Sales' }).expect(201);
    await connections(true);

    await until(async () => (await entries().catch(() => [])).length === 1);
  });

  it('a stop waits for what waits', async () => {
    const { app, store } = await house();
    const url = Object.assign(new URL(process.env.TEST_DATABASE_URL ?? ''), { pathname: `/${databases.at(-1)}` }).toString();

    for (let n = 0; n < 50; n++) void store.keep(row());
    await app.close();

    const later = new Client({ connectionString: url });
    await later.connect();
    const { rows } = await later.query('SELECT count(*)::int AS n FROM audit_logs').finally(() => later.end());
    expect(rows).toEqual([{ n: 50 }]);
  });
});

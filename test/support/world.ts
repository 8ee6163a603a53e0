import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JwtService } from '@nestjs/jwt';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { hash } from '@node-rs/argon2';
import { Client as Postgres, escapeIdentifier } from 'pg';
import request from 'supertest';
import { DataSource } from 'typeorm';
import { Role } from '#common/actor';
import { newId } from '#common/uuid';
import { Config } from '#config/config';
import { Database } from '#database/database';
import { dataSourceOptions } from '#database/database.module';
import { settleRights } from '#database/rights';
import { createApp } from '../../src/app';
import { applicationUrl } from './postgres';

/** Every person of the test world has this password. */
export const PASSWORD = 'correct-horse-1';

/** A person with a session: REST under /api/v1 with their token, and GraphQL. */
export class Person {
  constructor(
    readonly base_url: string,
    readonly token: string,
    readonly user: { id: string; organization_id: string; email: string; full_name: string; role: Role; session_id: string },
  ) {}

  get(path: string): request.Test {
    return this.as(request(this.base_url).get(`/api/v1${path}`));
  }

  post(path: string, body?: object): request.Test {
    const call = this.as(request(this.base_url).post(`/api/v1${path}`));
    return body === undefined ? call : call.send(body);
  }

  put(path: string, body?: object): request.Test {
    return this.as(request(this.base_url).put(`/api/v1${path}`)).send(body ?? {});
  }

  delete(path: string): request.Test {
    return this.as(request(this.base_url).delete(`/api/v1${path}`));
  }

  graphql(query: string, variables: object = {}): request.Test {
    return this.as(request(this.base_url).post('/graphql')).send({ query, variables });
  }

  private as(call: request.Test): request.Test {
    return this.token ? call.set('Authorization', `Bearer ${this.token}`) : call;
  }
}

/** An organization with its people. */
export interface Company {
  id: string;
  name: string;
  slug: string;
  admin: Person;
  agent: Person;
  viewer: Person;
  /** One more member. */
  hire(role: `${Role}`, values?: { full_name?: string; email?: string; is_active?: boolean }): Promise<Person>;
}

export interface World {
  app: NestExpressApplication;
  base_url: string;
  /** The settings the app runs with; for a second process on the same database. */
  env: Record<string, string>;
  /** Two organizations of this call alone: nothing is truncated between tests. */
  acme: Company;
  globex: Company;
  /** Nobody: no token. */
  guest: Person;
  organization(name?: string, values?: { plan_type?: string; is_trial?: boolean; status?: string }): Promise<Company>;
  /** A super admin, in an organization of their own. */
  superAdmin(): Promise<Person>;
  /** The owner of the tables, who may do more than the app. */
  owner: DataSource;
  /** As the owner. */
  sql<T = Record<string, unknown>>(text: string, values?: unknown[]): Promise<T[]>;
}

interface Running {
  app: NestExpressApplication;
  owner: DataSource;
  base_url: string;
  env: Record<string, string>;
  overrides: string;
}

let running: Promise<Running> | undefined;
let database: string | undefined;
let data_dir: string | undefined;

/** One app per spec file, on its own copy of a migrated database; each call makes its own organizations. `env` counts at the first call. */
export async function world(env: Record<string, string> = {}): Promise<World> {
  const overrides = JSON.stringify(env);
  running ??= start(env, overrides).catch((error: unknown) => {
    running = undefined;
    throw error;
  });
  const { app, owner, base_url, env: settings, overrides: started } = await running;
  if (overrides !== '{}' && overrides !== started) throw new Error('The app of this spec file runs already, with other settings');
  const make = (name?: string, values?: Parameters<World['organization']>[1]): Promise<Company> => company(app, base_url, name, values);
  const [acme, globex] = await Promise.all([make('Acme'), make('Globex')]);
  return {
    app,
    base_url,
    env: settings,
    acme,
    globex,
    guest: new Person(base_url, '', { id: '', organization_id: '', email: '', full_name: '', role: Role.viewer, session_id: '' }),
    organization: make,
    owner,
    superAdmin: async () => (await make('PyTake Operations')).hire('super_admin'),
    sql: <T>(text: string, values: unknown[] = []) => owner.query<T[]>(text, values),
  };
}

/** Stops the app and drops its database; runs by itself after the spec file. */
export async function close(): Promise<void> {
  const { app, owner } = (await running?.catch(() => undefined)) ?? {};
  await app?.close();
  await owner?.destroy();
  if (database) await asAdmin(`DROP DATABASE IF EXISTS ${escapeIdentifier(database)} WITH (FORCE)`);
  if (data_dir) await rm(data_dir, { recursive: true, force: true });
  running = database = data_dir = undefined;
}

afterAll(close);

/** For `.expect(errorOf('not_found'))`: the error's machine word, and the one shape around it. */
export function errorOf(error_code: string): (response: request.Response) => void {
  return ({ status, body }) => {
    expect(body).toMatchObject({ error_code, status_code: status, error: { code: status, message: expect.any(String) as string } });
  };
}

/** For `.expect(wrongField('email'))`: a 422 whose details name the field. */
export function wrongField(...loc: (string | number)[]): (response: request.Response) => void {
  return ({ status, body }) => {
    expect({ status, details: (body as { error?: { details?: { loc: unknown[] }[] } }).error?.details }).toEqual({
      status: 422,
      details: expect.arrayContaining([expect.objectContaining({ loc: loc.length > 1 ? loc : ['body', ...loc] })]) as unknown,
    });
  };
}

/** The settings of an app under test, on a database of `cloneDatabase`. */
export function testEnv(owner_url: string, dir: string, env: Record<string, string> = {}): Record<string, string> {
  return {
    NODE_ENV: 'test',
    DATABASE_URL: applicationUrl(owner_url),
    DATABASE_OWNER_URL: owner_url,
    DATA_DIR: dir,
    JWT_SECRET: randomBytes(48).toString('base64'),
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    META_APP_SECRET: randomBytes(16).toString('hex'),
    META_WEBHOOK_VERIFY_TOKEN: randomBytes(16).toString('hex'),
    RATE_LIMIT_ENABLED: 'false',
    LOG_LEVEL: 'error',
    DEBUG_ENDPOINTS_ENABLED: 'true',
    DATABASE_POOL_SIZE: process.env.TEST_POOL_SIZE ?? '5',
    ...env,
  };
}

async function start(env: Record<string, string>, overrides: string): Promise<Running> {
  database = `pytake_spec_${randomUUID().slice(0, 13)}`;
  const owner_url = await cloneDatabase(database);
  data_dir = await mkdtemp(join(tmpdir(), 'pytake-spec-'));
  const settings = testEnv(owner_url, data_dir, env);
  const app = await createApp(new Config(settings));
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  const owner = await ownerOf(owner_url);
  return { app, owner, base_url: `http://127.0.0.1:${port}`, env: settings, overrides };
}

// --- databases

const adminUrl = (): string => {
  const url = process.env.TEST_DATABASE_URL;
  if (!url) throw new Error('TEST_DATABASE_URL is missing: a PostgreSQL whose user may create databases and roles');
  return url;
};

const ownerOf = (database_url: string): Promise<DataSource> =>
  new DataSource({ ...dataSourceOptions({ database_url, database_pool_size: 2 }), entities: [], migrations: [] }).initialize();

const urlOf = (name: string): string => Object.assign(new URL(adminUrl()), { pathname: `/${encodeURIComponent(name)}` }).toString();

async function withAdmin<T>(work: (admin: Postgres) => Promise<T>): Promise<T> {
  const admin = new Postgres({ connectionString: adminUrl() });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

const asAdmin = (sql: string): Promise<unknown> => withAdmin((admin) => admin.query(sql));

/** A fresh database with the shape of the migrations, in tens of milliseconds; answers its owner's URL. */
export async function cloneDatabase(name: string): Promise<string> {
  const template = await templateDatabase();
  await asAdmin(`CREATE DATABASE ${escapeIdentifier(name)} TEMPLATE ${escapeIdentifier(template)}`);
  return urlOf(name);
}

/** Migrated once per set of migrations and server, however many Jest workers ask at once. */
function templateDatabase(): Promise<string> {
  const cwd = join(__dirname, '..', '..', 'migrations');
  const files = globSync('*.js', { cwd }).sort();
  const digest = createHash('sha256');
  for (const file of files) digest.update(file).update(readFileSync(join(cwd, file)));
  const name = `pytake_template_${digest.digest('hex').slice(0, 12)}`;
  return withAdmin(async (admin) => {
    // Released when this connection ends.
    await admin.query('SELECT pg_advisory_lock(hashtext($1))', [name]);
    const found = await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (found.rowCount) return name;
    const draft = `${name}_draft`;
    await admin.query(`DROP DATABASE IF EXISTS ${escapeIdentifier(draft)} WITH (FORCE)`);
    await admin.query(`CREATE DATABASE ${escapeIdentifier(draft)}`);
    const source = await new DataSource(dataSourceOptions({ database_url: urlOf(draft), database_pool_size: 2 })).initialize();
    try {
      await source.runMigrations();
      const database_url = applicationUrl(urlOf(draft));
      await settleRights(source, { database_url, database_owner_url: urlOf(draft), audit_retention_days: 730, redis_url: null });
    } finally {
      await source.destroy();
    }
    // Renamed last: a run that was killed half-way leaves no template behind.
    await admin.query(`ALTER DATABASE ${escapeIdentifier(draft)} RENAME TO ${escapeIdentifier(name)}`);
    return name;
  });
}

// --- people and companies: rows at once, so that a test pays for what it tests

let passwordHash: Promise<string> | undefined;

async function company(
  app: NestExpressApplication,
  base_url: string,
  name = 'Initech',
  { plan_type = 'professional', is_trial = false, status = 'active' }: Parameters<World['organization']>[1] = {},
): Promise<Company> {
  const id = newId();
  const slug = `${name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}-${randomBytes(4).toString('hex')}`;
  const { source } = app.get(Database);
  await source.query('INSERT INTO organizations (id, name, slug, plan_type, is_trial, status) VALUES ($1, $2, $3, $4, $5, $6)', [
    id,
    name,
    slug,
    plan_type,
    is_trial,
    status,
  ]);
  const hire: Company['hire'] = async (role, values = {}) => {
    const user = {
      id: newId(),
      organization_id: id,
      full_name: values.full_name ?? `${name} ${role}`,
      email: values.email ?? `${role}-${randomBytes(8).toString('hex')}@${slug}.example`,
      role: Role[role],
      session_id: newId(),
    };
    passwordHash ??= hash(PASSWORD);
    await source.query(
      `WITH person AS (INSERT INTO users (id, organization_id, email, full_name, role, is_active, email_verified)
                       VALUES ($1, $2, $3, $4, $5, $6, true)),
            credential AS (INSERT INTO credentials (user_id, organization_id, password_hash) VALUES ($1, $2, $7))
       INSERT INTO sessions (id, organization_id, user_id, expires_at) VALUES ($8, $2, $1, now() + interval '30 days')`,
      [user.id, id, user.email, user.full_name, role, values.is_active ?? true, await passwordHash, user.session_id],
    );
    const claims = { sub: user.id, organization_id: id, role, type: 'access', sid: user.session_id, tv: 1, jti: newId() };
    return new Person(base_url, app.get(JwtService).sign(claims, { expiresIn: 3600 }), user);
  };
  const [admin, agent, viewer] = await Promise.all([hire('org_admin'), hire('agent'), hire('viewer')]);
  return { id, name, slug, admin, agent, viewer, hire };
}

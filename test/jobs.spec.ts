import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { JobKind } from '#jobs/job-kinds';
import type { JobsOptions } from '#jobs/jobs';
import { startJobsApp, type JobsApp } from './support/jobs-app';
import { createDatabase, dropDatabase, startTestPostgres, type TestPostgres } from './support/postgres';
import { startRedis, type TestRedis } from './support/redis';

const FAST: JobKind = { attempts: 3, backoff: { base_seconds: 1, max_seconds: 1 }, concurrency: 4, timeout_seconds: 60 };

let redis: TestRedis | null;
/** Null where the whole run already has one. */
let postgres: TestPostgres | null = null;
let adminUrl: string;
let stores = 0;
const databases: string[] = [];
const apps: JobsApp[] = [];

beforeAll(async () => {
  redis = await startRedis();
  if (!process.env.TEST_DATABASE_URL) postgres = await startTestPostgres();
  adminUrl = process.env.TEST_DATABASE_URL ?? postgres?.url ?? '';
});

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

afterAll(async () => {
  await redis?.destroy();
  for (const name of databases) await dropDatabase(adminUrl, name);
  await postgres?.stop();
});

async function newDatabase(): Promise<{ name: string; url: string }> {
  const name = `jobs_${process.pid}_${databases.length}`;
  const url = await createDatabase(adminUrl, name);
  databases.push(name);
  return { name, url };
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(10);
}

async function start(options: JobsOptions, extras?: { sweeps?: boolean }): Promise<JobsApp> {
  const app = await startJobsApp(options, extras);
  apps.push(app);
  return app;
}

describe.each(['bull', 'pg-boss'])('jobs on %s', (driver) => {
  let options: JobsOptions;

  /** A store no other test writes to. */
  beforeEach(async () => {
    const common = { role: 'all', kinds: { 'whatsapp-receipts': FAST } } satisfies Partial<JobsOptions>;
    if (driver === 'pg-boss') options = { ...common, redis_url: null, database_url: (await newDatabase()).url };
    else options = { ...common, redis_url: `${redis?.url}/${stores++}`, database_url: null };
  });

  const on = (name: string, test: () => Promise<void>) =>
    it(name, async () => {
      if (driver === 'bull' && !redis) return;
      await test();
    });

  on('runs a job once, with what was given', async () => {
    const { outbound, desk, jobs } = await start(options);

    await outbound.add('work', { key: 'a' });
    await jobs.idle();

    expect(desk.runs).toEqual([
      expect.objectContaining({ name: 'work', queue: 'whatsapp-receipts', data: { key: 'a' }, attempt: 1, attempts: 3 }),
    ]);
    expect(await outbound.counts()).toEqual({ waiting: 0, delayed: 0, active: 0, dead: 0 });
  });

  on('runs every job of a bulk, and hands an unknown name to the handler without one', async () => {
    const { outbound, desk, jobs } = await start(options);
    const keys = Array.from({ length: 1_200 }, (_, i) => `k${i}`);

    await outbound.addBulk([...keys.map((key) => ({ name: 'work', data: { key } })), { name: 'other', data: { key: 'other' } }]);
    await jobs.idle();

    expect(new Set(desk.runs.map((job) => job.data.key)).size).toBe(1_201);
    expect(desk.runs).toHaveLength(1_201);
    expect(desk.of('other')[0].name).toBe('any other');
  });

  on('keeps to the concurrency of the queue', async () => {
    const { outbound, desk, jobs } = await start(options);
    const release = desk.hold('slow');

    await outbound.addBulk(Array.from({ length: 6 }, () => ({ name: 'work', data: { key: 'slow' } })));
    await until(() => desk.runs.length === 4);
    await until(async () => (await outbound.counts()).waiting === 2);

    expect(await jobs.counts()).toMatchObject({ 'whatsapp-receipts': { waiting: 2, active: 4 } });
    expect(desk.runs).toHaveLength(4);
    release();
    await jobs.idle();
    expect(desk.runs).toHaveLength(6);
  });

  on('retries with a backoff until it succeeds', async () => {
    const { outbound, desk } = await start(options);

    await outbound.add('work', { key: 'shaky', fails: 1 });
    await until(async () => (await outbound.counts()).delayed === 1);
    await until(() => desk.runs.length === 2);
    await until(async () => (await outbound.counts()).active === 0);

    expect(desk.runs.map((job) => job.attempt)).toEqual([1, 2]);
    expect(await outbound.counts()).toEqual({ waiting: 0, delayed: 0, active: 0, dead: 0 });
  });

  on('keeps a job that used up its attempts, and says so without its payload', async () => {
    const { outbound, desk } = await start({ ...options, kinds: { 'whatsapp-receipts': { ...FAST, attempts: 2 } } });

    await outbound.add('work', { key: 'poison', fails: 2 });
    await until(async () => (await outbound.counts()).dead === 1);

    const line = desk.lines.find((text) => text.includes('dead letter'));
    expect(JSON.parse(line ?? '')).toMatchObject({ queue: 'whatsapp-receipts', job_id: desk.runs[0].id, error: 'poison broke' });
    expect(line).not.toContain('fails');
    expect(desk.runs.map((job) => job.attempt)).toEqual([1, 2]);
    expect(await outbound.counts()).toEqual({ waiting: 0, delayed: 0, active: 0, dead: 1 });
  });

  on('fails a run that exceeds its timeout and aborts its signal', async () => {
    const { outbound, desk } = await start({ ...options, kinds: { 'whatsapp-receipts': { ...FAST, attempts: 1, timeout_seconds: 0.3 } } });
    const release = desk.hold('stuck');

    await outbound.add('work', { key: 'stuck' });
    await until(async () => (await outbound.counts()).dead === 1);

    expect(desk.runs[0].signal.aborted).toBe(true);
    release();
  });

  on('lets one job of an id wait', async () => {
    const adder = await start({ ...options, role: 'api' });
    await adder.outbound.add('work', { key: 'first' }, { job_id: 'c1' });
    await adder.outbound.add('work', { key: 'second' }, { job_id: 'c1' });
    await adder.outbound.addBulk([1, 2, 3].map(() => ({ name: 'work', data: { key: 'bulk' }, job_id: 'c2' })));
    await Promise.all(Array.from({ length: 10 }, () => adder.outbound.add('work', { key: 'race' }, { job_id: 'c4' })));

    expect(await adder.outbound.counts()).toEqual({ waiting: 3, delayed: 0, active: 0, dead: 0 });
    const { desk } = await start(options);
    await adder.jobs.idle();
    expect(desk.runs.map((job) => job.data.key).sort()).toEqual(['bulk', 'first', 'race']);
  });

  on('does not lose an add while the job of that id runs', async () => {
    const { outbound, desk, jobs } = await start({ ...options, kinds: { 'whatsapp-receipts': { ...FAST, concurrency: 1 } } });
    const release = desk.hold('wake');

    await outbound.add('work', { key: 'wake' }, { job_id: 'c1' });
    await until(() => desk.runs.length === 1);
    for (let i = 0; i < 3; i++) await outbound.add('work', { key: 'wake' }, { job_id: 'c1' });
    expect(await outbound.counts()).toEqual({ waiting: 1, delayed: 0, active: 1, dead: 0 });
    release();
    await jobs.idle();

    expect(desk.runs).toHaveLength(2);
  });

  on('queues an id again after it is done, and while it waits for a retry or is a dead letter', async () => {
    const { outbound, desk, jobs } = await start(options);

    await outbound.add('work', { key: 'done' }, { job_id: 'c1' });
    await jobs.idle();
    await outbound.add('work', { key: 'done' }, { job_id: 'c1' });
    await outbound.add('work', { key: 'dead', fails: 3 }, { job_id: 'c2' });
    await until(async () => (await outbound.counts()).dead === 1);
    await outbound.add('work', { key: 'after' }, { job_id: 'c2' });
    await outbound.add('work', { key: 'shaky', fails: 1 }, { job_id: 'c3' });
    await until(async () => desk.of('shaky').length > 0 && (await outbound.counts()).active === 0);
    await outbound.add('work', { key: 'fresh' }, { job_id: 'c3' });
    await until(() => desk.of('shaky').length === 2);
    await jobs.idle();

    expect([desk.of('done'), desk.of('after'), desk.of('fresh')].map((runs) => runs.length)).toEqual([2, 1, 1]);
  });

  on('starts a run after every add, whatever the moment', async () => {
    const { outbound, desk, jobs } = await start(options);
    const worker = await start({ ...options, role: 'worker' });
    let written = 0;
    let seen = 0;
    for (const {
      desk: { runs },
    } of [{ desk }, worker]) {
      // The handler "reads the rows" when it begins.
      runs.push = (...jobs) => {
        seen = written;
        return Array.prototype.push.apply(runs, jobs);
      };
    }

    for (let i = 0; i < 300; i++) {
      written++;
      await outbound.add('work', { key: 'row' }, { job_id: 'c1' });
      if (i % 3 === 0) await sleep(i % 5);
    }
    await jobs.idle();

    expect(seen).toBe(300);
  });

  on('repeats once in the cluster, however many processes register it', async () => {
    const first = Math.floor(Date.now() / 1000);
    const cluster = await Promise.all([1, 2, 3].map(() => start(options, { sweeps: true })));
    const runsOf = (key: string) => cluster.flatMap(({ desk }) => desk.of(key)).length;

    await until(() => runsOf('often') >= 4);
    cluster.push(await start(options, { sweeps: true }));
    await cluster[0].jobs.idle();

    expect(runsOf('hourly')).toBe(1);
    expect(runsOf('often')).toBeLessThanOrEqual(Math.floor(Date.now() / 1000) - first + 1);
  });

  on('only adds in an api process', async () => {
    const api = await start({ ...options, role: 'api' }, { sweeps: true });
    await api.outbound.add('work', { key: 'a' });
    await sleep(1_200);
    expect(api.desk.runs).toHaveLength(0);
    expect(await api.outbound.counts()).toMatchObject({ waiting: 1 });

    const worker = await start({ ...options, role: 'worker' });
    await api.jobs.idle();
    expect(worker.desk.of('a')).toHaveLength(1);
    expect(api.desk.runs).toHaveLength(0);
  });

  on('finishes what runs before it stops, and takes nothing more', async () => {
    const app = await start({ ...options, kinds: { 'whatsapp-receipts': { ...FAST, concurrency: 1 } } });
    const release = app.desk.hold('running');
    await app.outbound.add('work', { key: 'running' });
    await until(() => app.desk.runs.length === 1);
    await app.outbound.add('work', { key: 'next' });

    const closing = app.close();
    setTimeout(release, 200);
    await closing;
    apps.splice(apps.indexOf(app), 1);

    expect(app.desk.runs).toHaveLength(1);
    const { desk, jobs } = await start(options);
    await jobs.idle();
    expect(desk.runs.map((job) => job.data.key)).toEqual(['next']);
  });

  on('gives back what does not end in time, as if it had never run', async () => {
    const app = await start({ ...options, stop_grace_seconds: 0.2, lease_seconds: 600 });
    const release = app.desk.hold('endless');
    await app.outbound.add('work', { key: 'endless' }, { job_id: 'c1' });
    await until(() => app.desk.runs.length === 1);

    await app.close();
    apps.splice(apps.indexOf(app), 1);
    expect(app.desk.runs[0].signal.aborted).toBe(true);
    release();

    const { desk, jobs, outbound } = await start(options);
    await until(() => desk.runs.length === 1);
    await jobs.idle();
    expect(desk.runs.map((job) => job.attempt)).toEqual([1]);
    expect(await outbound.counts()).toEqual({ waiting: 0, delayed: 0, active: 0, dead: 0 });
  });

  on('runs the job of a killed process again', async () => {
    const leased = { ...options, lease_seconds: 2 };
    const api = await start({ ...leased, role: 'api' });
    await api.outbound.add('work', { key: 'lost' });
    const child = spawn(process.execPath, [join(__dirname, 'support/jobs-worker.js'), JSON.stringify(leased)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');

    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    expect(await api.outbound.counts()).toMatchObject({ active: 1 });

    const { desk } = await start(leased);
    await until(() => desk.of('lost').length === 1);
    await api.jobs.idle();
    expect(desk.of('lost')).toHaveLength(1);
  });

  on('keeps the lease of a job that runs longer than it', async () => {
    const { desk, outbound, jobs } = await start({ ...options, lease_seconds: 1 });
    const release = desk.hold('long');

    await outbound.add('work', { key: 'long' });
    await sleep(3_500);
    release();
    await jobs.idle();

    expect(desk.runs).toHaveLength(1);
  });
});

describe('jobs when Redis goes away', () => {
  it('refuses to add at once, does not crash, says it once, and goes on when it is back', async () => {
    if (!redis) return;
    const options: JobsOptions = { redis_url: `${redis.url}/62`, database_url: null, role: 'all', kinds: { 'whatsapp-receipts': FAST } };
    const { outbound, desk, jobs } = await start(options);
    await outbound.add('work', { key: 'before' });
    await jobs.idle();
    const release = desk.hold('during');
    await outbound.add('work', { key: 'during' });
    await until(() => desk.of('during').length === 1);

    await redis.stop();
    await until(() => desk.lines.some((line) => line.includes('Redis is away')));
    await expect(outbound.add('work', { key: 'refused' })).rejects.toMatchObject({ name: 'Unavailable', status: 503 });
    await expect(outbound.counts()).rejects.toMatchObject({ name: 'Unavailable' });
    release();
    await sleep(500);
    await redis.restart();
    await until(() => desk.lines.some((line) => line.includes('Redis is back')));
    await outbound.add('work', { key: 'after' });
    await until(() => desk.of('after').length === 1);
    await jobs.idle();

    expect(desk.of('refused')).toHaveLength(0);
    expect(desk.of('during')).toHaveLength(1);
    expect(desk.lines.filter((line) => line.includes('Redis is away'))).toHaveLength(1);
    expect(await outbound.counts()).toEqual({ waiting: 0, delayed: 0, active: 0, dead: 0 });
  });

  it('does the rounds that need no store here meanwhile, each once at a time', async () => {
    if (!redis) return;
    const options: JobsOptions = { redis_url: `${redis.url}/61`, database_url: null, role: 'all', kinds: { 'whatsapp-receipts': FAST } };
    const { desk } = await start(options, { sweeps: true });
    await redis.stop();
    await until(() => desk.lines.some((line) => line.includes('Redis is away')));
    desk.runs.length = 0;

    await until(() => desk.of('faithful').length >= 2);
    const release = desk.hold('faithful');
    const before = desk.of('faithful').length;
    await sleep(2_500);
    expect(desk.of('faithful').length).toBeLessThanOrEqual(before + 1);
    release();
    expect(desk.of('often')).toHaveLength(0);

    await redis.restart();
    await until(() => desk.lines.some((line) => line.includes('Redis is back')));
  });

  it('starts without it and works when it comes', async () => {
    if (!redis) return;
    await redis.stop();
    const { outbound, desk } = await start({ redis_url: `${redis.url}/63`, database_url: null, role: 'all' });
    await expect(outbound.add('work', { key: 'a' })).rejects.toMatchObject({ name: 'Unavailable' });

    await redis.restart();
    await until(() =>
      outbound.add('work', { key: 'b' }).then(
        () => true,
        () => false,
      ),
    );
    await until(() => desk.of('b').length === 1);
  });
});

describe('jobs when PostgreSQL goes away', () => {
  it('refuses to add, says it once, and goes on when it is back, without a second run of what ran', async () => {
    const { name, url } = await newDatabase();
    const admin = new Client({ connectionString: adminUrl });
    await admin.connect();
    const { outbound, desk, jobs } = await start({ redis_url: null, database_url: url, role: 'all', lease_seconds: 1 });
    const release = desk.hold('during');
    await outbound.add('work', { key: 'during' });
    await until(() => desk.of('during').length === 1);

    await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`);
    await expect(outbound.add('work', { key: 'refused' })).rejects.toMatchObject({ name: 'Unavailable', status: 503 });
    await expect(outbound.counts()).rejects.toMatchObject({ name: 'Unavailable' });
    release();
    await until(() => desk.lines.some((line) => line.includes('store is away')));
    await sleep(1_500);
    await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
    await admin.end();
    await until(() => desk.lines.some((line) => line.includes('store is back')));
    await outbound.add('work', { key: 'after' });
    await jobs.idle();

    expect(desk.runs.map((job) => job.data.key)).toEqual(['during', 'after']);
    expect(desk.lines.filter((line) => line.includes('store is away'))).toHaveLength(1);
    expect(await outbound.counts()).toEqual({ waiting: 0, delayed: 0, active: 0, dead: 0 });
  });
});

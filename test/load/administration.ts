import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hash } from '@node-rs/argon2';
import { Agent, request } from 'undici';
import { percentile } from './generator';
import { seed } from './seed';
import { type PyTake, type Stage, figure, play, setting, table } from './stage';

/**
 * What contract 10 costs at size: logins, the audit log and its entries, notices, SLA clocks, an export, a purge beside the inbox. LOGINS, ENTRIES, WRITES, USERS, CLOCKS,
 * EXPORTED, PURGED; a size of 0 leaves its part out.
 */
const LOGINS = setting('LOGINS', 200);
const ENTRIES = setting('ENTRIES', 1_000_000);
const WRITES = setting('WRITES', 2000);
const USERS = setting('USERS', 500);
const CLOCKS = setting('CLOCKS', 100_000);
const EXPORTED = setting('EXPORTED', 10_000);
const PURGED = setting('PURGED', 1_000_000);
/** How long the house is watched while it has nothing to do but its clocks. */
const WATCH_SECONDS = setting('WATCH_SECONDS', 60);
const PASSWORD = 'Correct-horse-battery-1';
/** Writes of a turn. */
const TURN = 100;
const TICKS_PER_SECOND = 100;
/** utime and stime of /proc/PID/stat after the name, and those of children that are gone. */
const OWN_TICKS = [11, 12];
const ENDED_TICKS = [13, 14];

interface Answer {
  status: number;
  ms: number;
  body: Record<string, unknown>;
}

type Rows = [what: string, ms: number[]][];
type Check = (holds: boolean, promise: string) => void;

interface People {
  guest: Caller;
  admin: Caller;
}

/** One person's calls. */
class Caller {
  private readonly connections = new Agent({ connections: 256, pipelining: 1 });

  constructor(
    private readonly port: number,
    private readonly token: string | null = null,
  ) {}

  async call(method: 'GET' | 'POST' | 'PUT', path: string, input?: object): Promise<Answer> {
    const since = performance.now();
    const { statusCode: status, body } = await request(`http://127.0.0.1:${this.port}/api/v1${path}`, {
      method,
      dispatcher: this.connections,
      headers: { ...(this.token && { authorization: `Bearer ${this.token}` }), ...(input && { 'content-type': 'application/json' }) },
      body: input && JSON.stringify(input),
    });
    const text = await body.text();
    return { status, ms: performance.now() - since, body: (text.startsWith('{') ? JSON.parse(text) : {}) as Record<string, unknown> };
  }

  /** @throws when it is not answered by 2xx. */
  async took(method: 'GET' | 'POST' | 'PUT', path: string, input?: object): Promise<number> {
    const { status, ms, body } = await this.call(method, path, input);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(body)}`);
    return ms;
  }
}

/** Processor seconds a process has had, its children and those that have ended among them. */
function cpuSeconds(pid: number | undefined): number {
  const ticks = (one: string, fields: readonly number[]): number => {
    const all = readFileSync(`/proc/${one}/stat`, 'utf8').split(') ')[1].split(' ');
    return fields.reduce((sum, field) => sum + Number(all[field]), 0);
  };
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  const own = ticks(String(pid), [...OWN_TICKS, ...ENDED_TICKS]);
  return children.reduce((sum, child) => sum + ticks(child, OWN_TICKS), own) / TICKS_PER_SECOND;
}

/** Asks again and again until `over`. */
async function whileNot(over: () => boolean | Promise<boolean>, probe: () => Promise<number>): Promise<number[]> {
  const times: number[] = [];
  for (; !(await over()); await sleep(20)) times.push(await probe());
  return times;
}

const during = (seconds: number, probe: () => Promise<number>): Promise<number[]> => {
  const end = Date.now() + seconds * 1000;
  return whileNot(() => Date.now() > end, probe);
};

/** People log in at once while an administrator works on; then wrong passwords of people there are, and of nobody. */
async function logins(stage: Stage, { guest, admin }: People): Promise<Rows> {
  const password_hash = await hash(PASSWORD);
  const people = await stage.recruit(LOGINS);
  await stage.sql.query('UPDATE credentials SET password_hash = $1 WHERE user_id = ANY($2)', [
    password_hash,
    people.map(({ user_id }) => user_id),
  ]);
  const login = (email: string, password: string): Promise<Answer> => guest.call('POST', '/auth/login', { email, password });
  const probe = (): Promise<number> => admin.took('GET', '/users/me');
  const alone = await during(3, probe);
  let over = false;
  const all = Promise.all(people.map(({ user_id }) => login(`${user_id}@carga.example`, PASSWORD))).finally(() => (over = true));
  const meanwhile = await whileNot(() => over, probe);
  const answers = await all;
  const refused = answers.filter(({ status }) => status !== 200);
  if (refused.length) console.log('logins refused:', refused[0].status, refused.length);
  const [known, unknown]: [number[], number[]] = [[], []];
  for (const { user_id } of people) {
    known.push((await login(`${user_id}@carga.example`, 'Wrong-horse-battery-1')).ms);
    unknown.push((await login(`nobody-${user_id}@carga.example`, 'Wrong-horse-battery-1')).ms);
  }
  return [
    [`${LOGINS} logins at once`, answers.map(({ ms }) => ms)],
    ['  a read before', alone],
    ['  a read meanwhile', meanwhile],
    ['wrong password of somebody', known],
    ['the same of nobody', unknown],
  ];
}

/** Millions of rows are written sooner without the indexes of their table, and those made after it. */
async function withoutIndexes(stage: Stage, table: string, fill: () => Promise<unknown>): Promise<void> {
  const { rows } = await stage.sql.query<{ name: string; made: string; is_primary: boolean }>(
    `SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS made, i.indisprimary AS is_primary
       FROM pg_index i WHERE i.indrelid = $1::regclass`,
    [table],
  );
  for (const { name, is_primary } of rows)
    await stage.sql.query(is_primary ? `ALTER TABLE ${table} DROP CONSTRAINT ${name}` : `DROP INDEX ${name}`);
  await fill();
  for (const { name, made, is_primary } of rows) {
    await stage.sql.query(made);
    if (is_primary) await stage.sql.query(`ALTER TABLE ${table} ADD PRIMARY KEY USING INDEX ${name}`);
  }
}

/** Pages of a log of years, and what an entry costs the request that wrote it. */
async function audit(stage: Stage, { admin }: People, check: Check): Promise<Rows> {
  const { organization_id, user_id } = stage.bakery;
  await withoutIndexes(stage, 'audit_logs', () =>
    stage.sql.query(
      `INSERT INTO audit_logs (id, organization_id, actor_type, actor_id, user_id, actor_role, action, resource_type, resource_id, resource_name, changes, metadata, result,
            ip_address, request_id, created_at)
     SELECT gen_random_uuid(), $1, 'user', $2, $2, 'agent', (ARRAY['conversation.assigned', 'message.sent', 'contact.updated', 'conversation.closed'])[1 + n % 4],
            (ARRAY['conversation', 'message', 'contact', 'conversation'])[1 + n % 4], gen_random_uuid(), 'Maria ' || n, '{"name": {"from": "Maria", "to": "Maria S."}}', '{}',
            CASE WHEN n % 100 = 0 THEN 'failure' ELSE 'success' END, '203.0.113.7', gen_random_uuid(), now() - n * interval '3 seconds'
       FROM generate_series(1, $3) n`,
      [organization_id, user_id, ENTRIES],
    ),
  );
  await stage.sql.query('VACUUM ANALYZE audit_logs');
  const pages = async (query: string): Promise<number[]> => {
    const times: number[] = [];
    let cursor = '';
    for (let page = 0; page < 60; page++) {
      const { status, ms, body } = await admin.call('GET', `/audit-logs?limit=50${query}${cursor && `&cursor=${cursor}`}`);
      if (status !== 200) throw new Error(`audit-logs?${query}: ${status} ${JSON.stringify(body)}`);
      times.push(ms);
      if (body.next_cursor === null) break;
      cursor = String(body.next_cursor);
    }
    return times;
  };
  const old = new Date(Date.now() - ENTRIES * 2000).toISOString();
  const figures: Rows = [
    [`audit log of ${ENTRIES}, by cursor`, await pages('')],
    ['  of an action', await pages('&action=contact.updated')],
    ['  of a resource type, far back', await pages(`&resource_type=message&end_date=${old}`)],
    ['  what failed', await pages('&result=failure')],
  ];
  const slowest = Math.max(...figures.map(([, times]) => percentile(sorted(times), 0.95)));
  check(slowest <= 50, `a page of ${ENTRIES} audit entries: p95 at most 50 ms (${figure(slowest)} ms)`);
  return figures;
}

async function notices(stage: Stage, { admin }: People): Promise<Rows> {
  const people = await stage.hire(USERS);
  const times: number[] = [];
  for (let n = 0; n < 10; n++) {
    times.push(
      await admin.took('POST', '/notifications', {
        title: 'Reunião',
        message: 'Às 15h na sala da frente.',
        role: 'agent',
        channels: ['in_app', 'websocket'],
      }),
    );
    await sleep(500);
  }
  return [[`a notice to ${people.length} users`, times]];
}

/** Seconds of a processor in WATCH_SECONDS in which nothing is asked. */
async function idleCost(stage: Stage, pytake: PyTake): Promise<number> {
  const spent = (): number => cpuSeconds(pytake.process.pid) + cpuSeconds(stage.database_pid);
  await sleep(5000);
  const before = spent();
  await sleep(WATCH_SECONDS * 1000);
  return spent() - before;
}

/** Conversations that wait under an SLA of a week. */
async function clocks(stage: Stage, pytake: PyTake, { admin }: People, check: Check): Promise<void> {
  const without = await idleCost(stage, pytake);
  const { body: department } = await admin.call('POST', '/departments', { name: 'Vendas' });
  const week = 7 * 24 * 60;
  const { body: queue } = await admin.call('POST', '/queues', { department_id: department.id, name: 'Balcão', sla_minutes: week });
  if (!queue.id) throw new Error(JSON.stringify(queue));
  const { rowCount } = await stage.sql.query(
    `UPDATE conversations SET status = 'open', queue_id = $2, department_id = $3, current_agent_id = NULL, assigned_at = NULL, queued_at = now(), is_archived = false,
            resolved_at = NULL, closed_at = NULL, sla_due_at = now() + random() * $4 * interval '1 minute'
      WHERE organization_id = $1`,
    [stage.bakery.organization_id, queue.id, department.id, week * 0.8],
  );
  await stage.sql.query('VACUUM ANALYZE conversations');
  const cost = await idleCost(stage, pytake);
  const share = ((cost - without) / WATCH_SECONDS) * 100;
  console.log(
    `${rowCount} conversations under an SLA: ${figure(cost)} s of a core in ${WATCH_SECONDS} s, ${figure(without)} s without; the clocks ${share.toFixed(2)} %`,
  );
  check(share < 1, 'SLA clocks cost less than 1 % of a core');
}

/** One contact with many messages. */
async function exported(stage: Stage, pytake: PyTake, { admin }: People, check: Check): Promise<void> {
  const { rows } = await stage.sql.query<{ id: string; contact_id: string }>(
    'SELECT id, contact_id FROM messages WHERE organization_id = $1 LIMIT 1',
    [stage.bakery.organization_id],
  );
  const [{ id, contact_id }] = rows;
  await stage.sql.query(
    `INSERT INTO messages SELECT (jsonb_populate_record(m, jsonb_build_object('id', gen_random_uuid(), 'whatsapp_message_id', 'wamid.export.' || n,
            'created_at', now() - n * interval '1 minute'))).* FROM messages m, generate_series(1, $2) n WHERE m.id = $1`,
    [id, EXPORTED],
  );
  const before = pytake.rss();
  let highest = before;
  const started = performance.now();
  const { status, body } = await admin.call('POST', `/privacy/data/${contact_id}/export`, {});
  for (let answer = status; answer !== 200; await sleep(50)) {
    const got = await admin.call('GET', `/privacy/requests/${String(body.request_id)}/download`);
    answer = got.status;
    highest = Math.max(highest, pytake.rss());
    if (![200, 409].includes(answer)) throw new Error(`${answer} ${JSON.stringify(got.body)} ${JSON.stringify(body)}`);
  }
  const seconds = (performance.now() - started) / 1000;
  console.log(`export of a contact with ${EXPORTED} messages: ${figure(seconds)} s, RSS ${figure(before)} -> ${figure(highest)} MB`);
  check(seconds <= 600 && highest - before <= 300, 'an export takes at most 10 minutes and 300 MB');
}

/** The night's purge beside the list of conversations. */
async function purge(stage: Stage, { admin }: People, check: Check): Promise<Rows> {
  const { organization_id } = stage.bakery;
  const probe = (): Promise<number> => admin.took('GET', '/conversations?limit=50');
  const stored = async (): Promise<number> => {
    const { rows } = await stage.sql.query<{ count: number }>('SELECT count(*)::int AS count FROM messages WHERE organization_id = $1', [
      organization_id,
    ]);
    return rows[0].count;
  };
  const before = await during(20, probe);
  await admin.took('PUT', '/organizations/me/settings', { privacy_settings: { message_retention_days: 30 } });
  const at_first = await stored();
  await stage.sql.query(`INSERT INTO jobs.job (name, data) VALUES ('sweeper', '{"name": "privacy.retention", "data": {}}')`);
  const started = Date.now();
  let looked = 0;
  let left = at_first;
  const times = await whileNot(async () => {
    if (Date.now() - looked < 10_000) return false;
    looked = Date.now();
    const was = left;
    left = await stored();
    return left === was && looked - started > 15_000;
  }, probe);
  const seconds = (Date.now() - started) / 1000;
  console.log(`${at_first - left} messages purged in ${figure(seconds)} s, ${left} are left`);
  const [quiet, busy] = [before, times].map((all) => percentile(sorted(all), 0.95));
  check(busy < quiet * 1.1, `the inbox's p95 changes by less than 10 % while it purges (${figure(quiet)} -> ${figure(busy)} ms)`);
  return [
    ['list of 50 conversations', before],
    ['  while messages are purged', times],
  ];
}

/** What its audit entry costs a write: as many with one as without, in turns. */
async function entries({ process: pytake }: PyTake, { admin }: People, check: Check): Promise<Rows> {
  const { body } = await admin.call('POST', '/contacts', { whatsapp_id: '+5511990001234', name: 'Maria' });
  const times: [number[], number[]] = [[], []];
  for (let n = 0; n < WRITES; n++) {
    if (n % TURN === 0) {
      pytake.kill('SIGUSR2');
      await sleep(50);
    }
    times[Math.floor(n / TURN) % 2].push(await admin.took('PUT', `/contacts/${String(body.id)}`, { name: `Maria ${n}` }));
  }
  const [without, with_it] = times.map((some) => percentile(sorted(some), 0.5));
  check(with_it - without <= 1, `an audit entry costs a write at most 1 ms (${figure(with_it - without)})`);
  return [
    ['a write and its audit entry', times[1]],
    ['  the same without an entry', times[0]],
  ];
}

const sorted = (times: number[]): number[] => times.sort((a, b) => a - b);

play(async (stage, check) => {
  const pytake = await stage.pytake({ node: ['--require', join(__dirname, 'no-entries.js')] });
  await stage.sql.query(`UPDATE users SET role = 'org_admin' WHERE id = $1`, [stage.bakery.user_id]);
  const guest = new Caller(pytake.port);
  const people: People = { guest, admin: new Caller(pytake.port, stage.token()) };
  const figures: Rows = [];
  if (LOGINS) figures.push(...(await logins(stage, people)));
  if (ENTRIES) figures.push(...(await audit(stage, people, check)));
  if (WRITES) figures.push(...(await entries(pytake, people, check)));
  if (USERS) figures.push(...(await notices(stage, people)));
  if (CLOCKS || EXPORTED || PURGED) {
    const conversations = Math.max(CLOCKS, 1000);
    // A twelfth of the seed's year is younger than the 30 days that stay.
    await seed(stage.sql, stage.bakery.organization_id, {
      contacts: conversations,
      conversations,
      messages: Math.max(conversations, Math.ceil(PURGED * 1.15)),
    });
  }
  if (CLOCKS) await clocks(stage, pytake, people, check);
  if (EXPORTED) await exported(stage, pytake, people, check);
  if (PURGED) figures.push(...(await purge(stage, people, check)));
  const parts = [0.5, 0.95, 1];
  console.log(
    table(
      ['milliseconds', 'times', 'p50', 'p95', 'worst'],
      figures.map(([what, times]) => [what, times.length, ...parts.map((part) => percentile(sorted(times), part))]),
    ),
  );
  console.log(`RSS ${figure(pytake.rss())} MB, peak ${figure(pytake.peak())} MB`);
});

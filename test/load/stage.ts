import { type ChildProcess, fork, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { JwtService } from '@nestjs/jwt';
import { Pool } from 'pg';
import { WebSocket } from 'ws';
import { Encryption, encryptionKey } from '#common/encryption';
import { newId } from '#common/uuid';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '#database/embedded-postgres';
import { placeOfKeys } from '#modules/whatsapp/numbers/whatsapp-number-secret.entity';
import { freePort } from '../support/ports';
import { applicationUrl } from '../support/postgres';
import type { Webhooks } from './webhooks';

export const WEBHOOK_PATH = '/api/v1/whatsapp/webhook';
const ACCESS_TOKEN = 'EAAG-load';
/** How much longer than this machine's the disk takes for a flush, microseconds; default: nothing. What is told in parts of the floor depends on it. */
const FLUSH_US = process.env.FLUSH_US;

/** PyTake as a process, as `npm run start:prod` runs it. */
export interface PyTake {
  port: number;
  process: ChildProcess;
  /** Megabytes now, and the most since the last call. */
  rss(): number;
  peak(): number;
}

interface Login {
  organization_id: string;
  user_id: string;
  session_id: string;
}

/** An organization with a number and an agent. */
export interface Tenant extends Login {
  name: string;
  phone_number: string;
  phone_number_id: string;
  waba_id: string;
}

const tenant = (name: string, n: number): Tenant => ({
  name,
  organization_id: newId(),
  user_id: newId(),
  session_id: newId(),
  phone_number: `+55115039900${n}`,
  phone_number_id: `10654035224292${n}`,
  waba_id: `10229012934039${n}`,
});

/** A stage for load and chaos: one PostgreSQL with fsync on, PyTake and the floor as processes beside it. All on loopback; `end` leaves nothing behind. */
export class Stage {
  private readonly children = new Set<ChildProcess>();
  private postgres: EmbeddedPostgres;
  /** What PostgreSQL says while statements are counted. */
  private heard: string[] | null = null;
  readonly secrets = {
    JWT_SECRET: randomBytes(48).toString('base64'),
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    META_APP_SECRET: randomBytes(24).toString('hex'),
    META_WEBHOOK_VERIFY_TOKEN: randomBytes(24).toString('hex'),
  };
  readonly bakery = tenant('Padaria Carga', 1);
  readonly neighbour = tenant('Vizinha', 2);
  sql: Pool;

  private constructor(
    private readonly dir: string,
    readonly database_port: number,
  ) {}

  static async open(): Promise<Stage> {
    const dir = await mkdtemp(join(tmpdir(), 'pytake-load-'));
    // Started as root the server runs as another user, who passes here on its way.
    await chmod(dir, 0o711);
    const stage = new Stage(dir, await freePort());
    await stage.startDatabase();
    return stage;
  }

  get database_url(): string {
    return this.postgres.url;
  }

  /** As PyTake connects. */
  get application_url(): string {
    return applicationUrl(this.postgres.url);
  }

  get database_pid(): number {
    return this.postgres.pid;
  }

  async startDatabase(): Promise<void> {
    const { dir, database_port: port } = this;
    const log = (line: string): void => void this.heard?.push(line);
    const settings: Record<string, string> = FLUSH_US ? { commit_delay: FLUSH_US, commit_siblings: '0' } : {};
    this.postgres = await startEmbeddedPostgres({ dir: join(dir, 'postgres'), password: 'load', database: 'pytake', port, log, settings });
    this.sql = new Pool({ connectionString: this.postgres.url, max: 2 });
    this.sql.on('error', () => undefined);
  }

  async stopDatabase(): Promise<void> {
    await this.sql.end().catch(() => undefined);
    await this.postgres.stop();
  }

  /** Every process of the database stops in the middle of what it does, or goes on: a hung disk, a paused machine. */
  freezeDatabase(signal: 'SIGSTOP' | 'SIGCONT'): void {
    const { pid } = this.postgres;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
    for (const one of [pid, ...children]) process.kill(one, signal);
  }

  /** Starts PyTake and waits until it answers; the first time also makes the organizations. */
  async pytake(options: { port?: number; env?: Record<string, string>; node?: string[] } = {}): Promise<PyTake> {
    const port = options.port ?? (await freePort());
    const main = join(__dirname, '..', '..', 'src', 'main.js');
    const child = spawn(process.execPath, [...(options.node ?? []), main], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        PATH: process.env.PATH,
        NODE_ENV: 'production',
        PROCESS_ROLE: 'all',
        HOST: '127.0.0.1',
        PORT: String(port),
        DATABASE_URL: this.application_url,
        DATABASE_OWNER_URL: this.database_url,
        DATA_DIR: join(this.dir, 'data'),
        RATE_LIMIT_ENABLED: 'false',
        LOG_LEVEL: 'error',
        ...this.secrets,
        ...options.env,
      },
    });
    this.watch(child);
    for (let tries = 0; ; tries++) {
      if (child.exitCode !== null) throw new Error(`PyTake ended with ${child.exitCode} at its start`);
      const answer = await fetch(`http://127.0.0.1:${port}/api/v1/health`).catch(() => null);
      await answer?.body?.cancel();
      if (answer?.ok) break;
      if (tries > 600) throw new Error('PyTake does not answer');
      await sleep(100);
    }
    for (const each of [this.bakery, this.neighbour]) await this.make(each);
    const memory = (line: string): number => {
      try {
        return Number(new RegExp(`${line}:\\s+(\\d+)`).exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
      } catch {
        return 0;
      }
    };
    return { port, process: child, rss: () => memory('VmRSS'), peak: () => memory('VmHWM') };
  }

  /** The floor server; answers its port. */
  async floor(): Promise<number> {
    const env = { PATH: process.env.PATH, NODE_ENV: 'production', DATABASE_URL: this.database_url, SECRET: this.secrets.META_APP_SECRET };
    const child = fork(join(__dirname, 'floor.js'), { env });
    this.watch(child);
    const [port] = (await once(child, 'message')) as [number];
    return port;
  }

  webhooks(prefix: string, contacts = 2000, { phone_number_id, waba_id } = this.bakery): Webhooks {
    return { secret: this.secrets.META_APP_SECRET, phone_number_id, waba_id, contacts, prefix };
  }

  /** An access token of an agent, by default of the one there always is. */
  token({ user_id, organization_id, session_id }: Login = this.bakery): string {
    const claims = { sub: user_id, organization_id, role: 'agent', type: 'access', sid: session_id, tv: 1, jti: newId() };
    return new JwtService({ secret: this.secrets.JWT_SECRET }).sign(claims, { algorithm: 'HS256', expiresIn: 3600 });
  }

  /** One more organization. */
  async found(name: string): Promise<Tenant> {
    const { rows } = await this.sql.query<{ count: number }>('SELECT count(*)::int AS count FROM organizations');
    const founded = tenant(name, rows[0].count + 1);
    await this.make(founded);
    return founded;
  }

  /** So many more agents, of the bakery unless said otherwise; answers their tokens. */
  async hire(count: number, tenant?: Tenant): Promise<string[]> {
    return (await this.recruit(count, tenant)).map((person) => this.token(person));
  }

  /** The same; answers who they are. */
  async recruit(count: number, { organization_id }: Tenant = this.bakery): Promise<Login[]> {
    const people = Array.from({ length: count }, () => ({ organization_id, user_id: newId(), session_id: newId() }));
    for (const person of people) await this.makeAgent(person, `${person.user_id}@carga.example`);
    return people;
  }

  /** An agent's socket; counts what it hears. */
  async listen(port: number, person: Login = this.bakery): Promise<Listener> {
    return Listener.connect(port, this.token(person));
  }

  /** Meta's place, as bare as can be: takes every message and tells nothing of it later. Gives the number a token; answers how many it took. */
  async meta(port: number): Promise<() => number> {
    let taken = 0;
    const server = createHttpServer((request, response) => {
      request.resume().on('end', () => {
        // The round that asks how numbers are comes here too.
        if (!request.url?.endsWith('/messages')) return void response.end('{}');
        const id = `wamid.load.${++taken}`;
        response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ messaging_product: 'whatsapp', messages: [{ id }] }));
      });
    });
    await once(server.listen(port, '127.0.0.1'), 'listening');
    server.unref();
    const { organization_id } = this.bakery;
    const encryption = new Encryption([encryptionKey(this.secrets.ENCRYPTION_KEY)].filter((key) => key !== null));
    const { rows } = await this.sql.query<{ id: string }>('SELECT id FROM whatsapp_numbers WHERE organization_id = $1', [organization_id]);
    for (const { id } of rows)
      await this.sql.query(
        'INSERT INTO whatsapp_number_secrets (whatsapp_number_id, organization_id, access_token, webhook_verify_token) VALUES ($1, $2, $3, $4)',
        [id, organization_id, encryption.encrypt(ACCESS_TOKEN, placeOfKeys(organization_id, id)), newId()],
      );
    return () => taken;
  }

  /** Messages stored of a run, how many of them twice, and what waits. */
  async stored(prefix: string): Promise<{ messages: number; doubled: number }> {
    const { rows } = await this.sql.query<{ messages: number; doubled: number }>(
      `SELECT count(*)::int AS messages, (count(*) - count(DISTINCT whatsapp_message_id))::int AS doubled FROM messages WHERE whatsapp_message_id LIKE $1`,
      [`wamid.${prefix}.%`],
    );
    return rows[0];
  }

  async backlog(): Promise<number> {
    const { rows } = await this.sql.query<{ count: number }>(`SELECT count(*)::int AS count FROM inbound_events WHERE state = 'received'`);
    return rows[0].count;
  }

  /** Conversations and contacts whose counters do not say what is stored. */
  async wrongCounters(): Promise<number> {
    const { rows } = await this.sql.query<{ count: number }>(
      `SELECT (SELECT count(*) FROM conversations c
                WHERE c.total_messages <> (SELECT count(*) FROM messages m WHERE m.organization_id = c.organization_id AND m.conversation_id = c.id)
                   OR c.messages_from_contact <> c.total_messages OR c.unread_count <> c.total_messages)::int
            + (SELECT count(*) FROM contacts k
                WHERE k.total_messages_received <> (SELECT coalesce(sum(c.total_messages), 0) FROM conversations c WHERE c.contact_id = k.id))::int AS count`,
    );
    return rows[0].count;
  }

  /** How many statements reach PostgreSQL while this is done, those of PyTake's clocks too. */
  async statements(work: () => Promise<unknown>): Promise<number> {
    const log = async (which: string): Promise<void> => {
      await this.sql.query(`ALTER SYSTEM SET log_statement = '${which}'`);
      await this.sql.query('SELECT pg_reload_conf()');
      await sleep(150);
    };
    await log('all');
    const heard = (this.heard = []);
    await work();
    await sleep(100);
    this.heard = null;
    await log('none');
    return heard.filter((line) => /^LOG:\s+(statement|execute)/.test(line)).length;
  }

  /** Waits until nothing waits. @throws after `seconds`. */
  async drained(seconds: number): Promise<void> {
    for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(200)) if (!(await this.backlog())) return;
    throw new Error(`${await this.backlog()} webhooks still wait after ${seconds} s`);
  }

  /** The process is gone. */
  async kill(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
    return child.exitCode;
  }

  async end(): Promise<void> {
    for (const child of this.children) child.kill('SIGKILL');
    await this.stopDatabase().catch(() => undefined);
    await rm(this.dir, { recursive: true, force: true });
  }

  private watch(child: ChildProcess): void {
    this.children.add(child);
    child.once('exit', () => this.children.delete(child));
  }

  private async makeAgent({ organization_id, user_id, session_id }: Login, email: string): Promise<void> {
    await this.sql.query(
      `WITH person AS (INSERT INTO users (id, organization_id, email, full_name, role, is_active, email_verified) VALUES ($1, $2, $4, 'Ana', 'agent', true, true)),
            credential AS (INSERT INTO credentials (user_id, organization_id, password_hash) VALUES ($1, $2, 'none'))
       INSERT INTO sessions (id, organization_id, user_id, expires_at) VALUES ($3, $2, $1, now() + interval '1 day')`,
      [user_id, organization_id, session_id, email],
    );
  }

  private async make({ name, phone_number, phone_number_id, waba_id, ...login }: Tenant): Promise<void> {
    const { organization_id } = login;
    const { rowCount } = await this.sql.query('SELECT 1 FROM organizations WHERE id = $1', [organization_id]);
    if (rowCount) return;
    await this.sql.query(
      `INSERT INTO organizations (id, name, slug, plan_type, is_trial, status) VALUES ($1, $2, $3, 'enterprise', false, 'active')`,
      [organization_id, name, organization_id],
    );
    await this.makeAgent(login, `agent@${organization_id}.example`);
    await this.sql.query(
      `INSERT INTO whatsapp_numbers (id, organization_id, phone_number, display_name, connection_type, phone_number_id, whatsapp_business_account_id, throughput, proved_at, is_default)
       VALUES ($1, $2, $5, $6, 'official', $3, $4, 'HIGH', now(), true)`,
      [newId(), organization_id, phone_number_id, waba_id, phone_number, name],
    );
  }
}

/** Engine.IO's and Socket.IO's packet types in front of the frames. */
const PING = '2';
const PONG = '3';
const CONNECT = '40';
const NEW_MESSAGE = '42["message:new"';
const ANNOUNCEMENT = '42["announcement"';
const ID = '"whatsapp_message_id":"';

/** A Socket.IO client that reads of each `message:new` the message's id, of an announcement that it came, and no more: it shares two cores with what it measures. */
export class Listener {
  /** Message ids and when they were first heard. */
  readonly heard = new Map<string, number>();
  doubled = 0;
  /** When each announcement was heard. */
  readonly announced: number[] = [];
  last = 0;
  closed = false;

  private constructor(private readonly ws: WebSocket) {}

  static async connect(port: number, token: string): Promise<Listener> {
    const ws = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`);
    const listener = new Listener(ws);
    ws.on('close', () => (listener.closed = true));
    ws.on('error', () => undefined);
    await new Promise<void>((resolve, reject) => {
      ws.once('close', () => reject(new Error('the socket was refused')));
      ws.on('message', (data: Buffer) => {
        const text = data.toString();
        if (text.startsWith(NEW_MESSAGE)) listener.take(text);
        else if (text.startsWith(ANNOUNCEMENT)) listener.announced.push(performance.now());
        else if (text === PING) ws.send(PONG);
        else if (text.startsWith('0')) ws.send(`${CONNECT}${JSON.stringify({ token })}`);
        else if (text.startsWith(CONNECT)) resolve();
        else if (text.startsWith('44')) reject(new Error(text));
      });
    });
    return listener;
  }

  /** Waits until so many are heard. Answers whether they were, before `seconds` passed. */
  async hears(count: number, seconds: number): Promise<boolean> {
    for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(20)) if (this.heard.size >= count) return true;
    return false;
  }

  forget(): void {
    this.heard.clear();
    this.doubled = 0;
  }

  end(): void {
    this.ws.terminate();
  }

  private take(text: string): void {
    const at = text.indexOf(ID) + ID.length;
    const id = text.slice(at, text.indexOf('"', at));
    this.last = performance.now();
    if (this.heard.has(id)) this.doubled++;
    else this.heard.set(id, this.last);
  }
}

/** Rows under a head, columns aligned. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const all = [head, ...rows].map((row) => row.map((cell) => (typeof cell === 'number' ? figure(cell) : cell)));
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column].length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (column ? cell.padStart(widths[column]) : cell.padEnd(widths[column]))).join('  ');
  return [line(all[0]), widths.map((width) => '-'.repeat(width)).join('  '), ...all.slice(1).map(line)].join('\n');
}

export const figure = (value: number): string => (Math.abs(value) >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1));

/** A number from the environment. */
export const setting = (name: string, fallback: number): number => Number(process.env[name] ?? fallback);

/** A script of figures: ends with 1 and the words when a promise is broken. */
export function play(script: (stage: Stage, check: (holds: boolean, promise: string) => void) => Promise<void>): void {
  const broken: string[] = [];
  void (async () => {
    const stage = await Stage.open();
    const stop = (): void => void stage.end().finally(() => process.exit(130));
    process.once('SIGINT', stop).once('SIGTERM', stop);
    try {
      await script(stage, (holds, promise) => {
        console.log(`${holds ? 'kept  ' : 'BROKEN'}  ${promise}`);
        if (!holds) broken.push(promise);
      });
    } finally {
      await stage.end();
    }
  })().then(
    () => process.exit(broken.length ? 1 : 0),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
}

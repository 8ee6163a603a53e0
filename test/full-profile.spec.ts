import { createHmac, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { type Socket, io } from 'socket.io-client';
import { type FakeMeta, META_SECRET, META_TOKEN, fakeMeta } from './support/fake-meta';
import { applicationUrl, createDatabase, dropDatabase } from './support/postgres';
import { Product } from './support/product';
import { type TestRedis, startRedis } from './support/redis';

/** Two APIs and a worker, as processes, on one PostgreSQL and one Redis; the fake Meta stands in this process. */
describe('the full profile', () => {
  const name = `pytake_full_${randomBytes(5).toString('hex')}`;
  let redis: TestRedis | null;
  let meta: FakeMeta;
  let sql: Client;
  let first: Product;
  let second: Product;
  let worker: Product;
  let other: Product | undefined;
  let env: Record<string, string>;
  let token: string;
  let socket: Socket;
  let phone_number_id: string;
  let waba_id: string;
  const heard: { event: string; data: Record<string, unknown> }[] = [];
  let count = 0;

  beforeAll(async () => {
    redis = await startRedis();
    if (!redis) return;
    meta = await fakeMeta();
    const database_url = await createDatabase(process.env.TEST_DATABASE_URL ?? '', name);
    sql = new Client({ connectionString: database_url });
    await sql.connect();
    env = {
      NODE_ENV: 'test',
      DATABASE_URL: applicationUrl(database_url),
      DATABASE_OWNER_URL: database_url,
      DATABASE_POOL_SIZE: '5',
      REDIS_URL: redis.url,
      JWT_SECRET: randomBytes(48).toString('base64'),
      ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      META_APP_SECRET: META_SECRET,
      ...meta.env,
    };
    // All at once on an empty database: migrations take turns.
    [first, second, worker] = await Promise.all([
      Product.start({ ...env, PROCESS_ROLE: 'api' }),
      Product.start({ ...env, PROCESS_ROLE: 'api' }),
      Product.start({ ...env, PROCESS_ROLE: 'worker' }),
    ]);
    const session = await call(first, 'POST', '/auth/register', {
      email: 'ana@padaria.example',
      password: 'pao-de-queijo-1',
      full_name: 'Ana Souza',
      organization_name: 'Padaria Central',
    });
    token = String(session.access_token);
    const number = meta.number();
    ({ phone_number_id, waba_id } = number);
    const { id } = await call(first, 'POST', '/whatsapp', {
      phone_number: number.display_phone_number,
      phone_number_id,
      whatsapp_business_account_id: waba_id,
      access_token: META_TOKEN,
    });
    // Meta's platform secret speaks for a number once its connection test has proved it.
    await until(async () => (await call(first, 'GET', `/whatsapp/${String(id)}`)).connection_status === 'connected');
    socket = io(second.url, { auth: { token }, transports: ['websocket'], reconnectionDelay: 100 });
    socket.onAny((event: string, data: Record<string, unknown>) => heard.push({ event, data }));
    await new Promise((connected) => socket.once('connected', connected));
  }, 180_000);

  afterAll(async () => {
    socket?.disconnect();
    await Promise.all([first?.end(), second?.end(), worker?.end(), other?.end()]);
    await sql?.end();
    await meta?.close();
    await redis?.destroy();
    if (sql) await dropDatabase(process.env.TEST_DATABASE_URL ?? '', name);
  });

  const call = (product: Product, method: string, path: string, body?: object): Promise<Record<string, unknown>> =>
    product.call(method, path, body, token);

  /** One customer's message, signed as Meta signs; answers its text once PyTake has acknowledged it. */
  async function customerWrites(product: Product, from = '5511987650001', to = { phone_number_id, waba_id }): Promise<string> {
    const text = `mensagem ${++count}`;
    const raw = JSON.stringify({
      object: 'whatsapp_business_account',
      entry: [
        {
          id: to.waba_id,
          changes: [
            {
              field: 'messages',
              value: {
                messaging_product: 'whatsapp',
                metadata: { display_phone_number: '551140000001', phone_number_id: to.phone_number_id },
                contacts: [{ profile: { name: 'Mariana' }, wa_id: from }],
                messages: [
                  { from, id: `wamid.full.${count}`, timestamp: String(Math.floor(Date.now() / 1000)), type: 'text', text: { body: text } },
                ],
              },
            },
          ],
        },
      ],
    });
    const answer = await fetch(`${product.url}/api/v1/whatsapp/webhook`, {
      method: 'POST',
      headers: { 'x-hub-signature-256': `sha256=${createHmac('sha256', META_SECRET).update(raw).digest('hex')}` },
      body: raw,
    });
    if (answer.status !== 200) throw new Error(`webhook answered ${answer.status}`);
    return text;
  }

  async function until<T>(look: () => Promise<T | null | undefined | false> | T | null | undefined | false): Promise<T> {
    for (;;) {
      const found = await look();
      if (found) return found;
      await sleep(50);
    }
  }

  const stored = (text: string): Promise<number> =>
    sql
      .query<{ count: number }>('SELECT count(*)::int AS count FROM messages WHERE content = $1', [text])
      .then(({ rows }) => rows[0].count);

  const live = (text: string): Promise<unknown> =>
    until(() => heard.find(({ event, data }) => event === 'message:new' && data.content === text));

  const conversationId = (): Promise<string> =>
    until(
      async () =>
        (await sql.query<{ id: string }>("SELECT id FROM conversations WHERE status = 'open' ORDER BY created_at LIMIT 1")).rows[0]?.id,
    );

  /** How often the fake Meta accepted the message. */
  const accepted = (id: string): number => meta.simulator.acceptedPerReference().get(id) ?? 0;

  const left = (id: string): Promise<unknown> => until(() => accepted(id) > 0);

  const health = async (product: Product): Promise<{ status: string; checks: { redis: { status: string } } }> =>
    (await (await fetch(`${product.url}/observability/health`)).json()) as never;

  it('shows on the second what the first took, and sends once what the second was given', async () => {
    if (!redis) return;
    const text = await customerWrites(first);
    await live(text);

    const reply = await call(second, 'POST', `/conversations/${await conversationId()}/messages`, { content: 'Bom dia!' });
    await left(String(reply.id));

    await until(() =>
      heard.find(({ event, data }) => event === 'message:status' && data.message_id === reply.id && data.status === 'sent'),
    );
    expect(accepted(String(reply.id))).toBe(1);
    expect(await stored(text)).toBe(1);
  });

  it.each(['worker', 'first', 'second'] as const)(
    'loses nothing when the %s is killed',
    async (who) => {
      if (!redis) return;
      const products = { worker, first, second };
      const victim = products[who];
      const other = who === 'first' ? second : first;
      const before = await customerWrites(victim === worker ? first : victim);
      const replyBefore = await call(other, 'POST', `/conversations/${await conversationId()}/messages`, { content: `antes de ${who}` });
      await victim.stop('SIGKILL');
      const during = await customerWrites(other);
      const replyDuring = await call(other, 'POST', `/conversations/${await conversationId()}/messages`, { content: `sem ${who}` });
      await victim.boot();

      for (const text of [before, during]) await until(async () => (await stored(text)) === 1);
      for (const { id } of [replyDuring, replyBefore]) {
        // A worker killed between the call and its commit leaves the message unknown; it is never sent again.
        await until(async () => {
          const { status } = await call(other, 'GET', `/whatsapp/messages/${String(id)}`);
          return status !== 'pending';
        });
        expect(accepted(String(id))).toBeLessThanOrEqual(1);
      }
      if (who === 'second') await until(() => socket.connected);
    },
    180_000,
  );

  it("keeps a number's limit over two workers, and over kill -9 while messages wait", async () => {
    if (!redis) return;
    other = await Product.start({ ...env, PROCESS_ROLE: 'worker' });
    const known = meta.number();
    const { id } = await call(first, 'POST', '/whatsapp', {
      phone_number: known.display_phone_number,
      phone_number_id: known.phone_number_id,
      whatsapp_business_account_id: known.waba_id,
      access_token: META_TOKEN,
      settings: { rate_limits: { hourly: 12 } },
    });
    await until(async () => (await call(first, 'GET', `/whatsapp/${String(id)}`)).connection_status === 'connected');
    for (let n = 0; n < 30; n++) await customerWrites(first, `55119876510${String(n).padStart(2, '0')}`, known);
    const threads = async (): Promise<{ id: string }[]> =>
      (await sql.query<{ id: string }>('SELECT id FROM conversations WHERE whatsapp_number_id = $1', [id])).rows;
    await until(async () => (await threads()).length === 30);
    const taken = (): number => meta.simulator.sent().filter((sent) => sent.phone_number_id === known.phone_number_id).length;

    // Said while nothing leaves: what the hour would keep for long is refused.
    await sql.query("UPDATE whatsapp_numbers SET paused_until = now() + interval '1 hour' WHERE id = $1", [id]);
    const answers = await Promise.all(
      (await threads()).map((thread, n) => call(n % 2 ? first : second, 'POST', `/conversations/${thread.id}/messages`, { content: 'Oi' })),
    );
    await sql.query('UPDATE whatsapp_numbers SET paused_until = NULL WHERE id = $1', [id]);
    await until(() => taken() === 12);
    await Promise.all([worker.stop('SIGKILL'), other.stop('SIGKILL')]);
    await Promise.all([worker.boot(), other.boot()]);
    // Both have looked at the line again by the time another number's message has left.
    await left(String((await call(first, 'POST', `/conversations/${await conversationId()}/messages`, { content: 'Bom dia!' })).id));
    const before = taken();
    await call(first, 'PUT', `/whatsapp/${String(id)}`, { settings: { rate_limits: null } });
    await until(() => taken() === 30);

    expect(before).toBe(12);
    expect(answers.map((answer) => accepted(String(answer.id)))).toEqual(answers.map(() => 1));
    const { rows } = await sql.query("SELECT 1 FROM messages WHERE whatsapp_number_id = $1 AND status = 'failed'", [id]);
    expect(rows).toEqual([]);
  }, 180_000);

  it('goes on without Redis, also sending, says so, loses nothing and sends nothing twice', async () => {
    if (!redis) return;
    await redis.stop();
    await until(async () => (await health(first)).status === 'degraded');

    const text = await customerWrites(first);
    const conversation_id = await conversationId();
    const replies: string[] = [];
    for (const product of [first, second, first, second])
      replies.push(String((await call(product, 'POST', `/conversations/${conversation_id}/messages`, { content: 'sem Redis' })).id));
    await until(async () => (await stored(text)) === 1);
    // Both workers look by the clock; the claim says whose it is.
    for (const id of replies) await left(id);
    // By outage, not by message.
    const told = worker.output.match(/the limits of WhatsApp numbers hold for each process/g) ?? [];
    expect(told.length).toBeGreaterThan(0);
    expect(told.length).toBeLessThan(replies.length);
    await redis.restart();

    await until(async () => (await health(first)).status === 'healthy');
    const after = await customerWrites(first);
    await live(after);
    const reply = String((await call(first, 'POST', `/conversations/${conversation_id}/messages`, { content: 'com Redis' })).id);
    await left(reply);
    expect([...replies, reply].map(accepted)).toEqual([1, 1, 1, 1, 1]);
  }, 180_000);

  it('ends a session everywhere', async () => {
    if (!redis) return;
    await call(first, 'POST', '/auth/logout', {});

    await until(
      async () => (await fetch(`${second.url}/api/v1/auth/me`, { headers: { authorization: `Bearer ${token}` } })).status === 401,
    );

    expect(socket.connected).toBe(false);
  });

  it('stops in order', async () => {
    if (!redis) return;
    expect(await Promise.all([first, second, worker, other].map(async (product) => product?.stop()))).toEqual([0, 0, 0, 0]);
  });
});

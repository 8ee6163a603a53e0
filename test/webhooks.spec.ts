import { type AddressInfo, createServer } from 'node:net';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { newId } from '#common/uuid';
import { Database } from '#database/database';
import { DueRows } from '#database/due-rows';
import { Facts } from '#events/facts';
import type { ContactView } from '#modules/contacts/contact.dto';
import { DeliverWebhooks } from '#modules/webhooks/deliver-webhooks';
import type {
  DeliveryPage,
  DeliveryView,
  WebhookEventInfo,
  WebhookReplayResult,
  WebhookTestResult,
  WebhookWithSecret,
} from '#modules/webhooks/webhook.dto';
import type { Webhook } from '#modules/webhooks/webhook.entity';
import { metaPayload } from './support/meta-payloads';
import { Inbox } from './support/inbox';
import { officialNumber } from './support/official-number';
import { type Arrived, type Behaviour, Receiver, answers, cuts, endless, failsFirst, hangs, trickles } from './support/receiver';
import { until } from './support/sockets';
import { selectsOf } from './support/statements';
import { type Company, type Person, type World, close, errorOf, world, wrongField } from './support/world';

const PENDING_MAX = 250;

let receiver: Receiver;
/** Never ends what it begins. */
let slow: Receiver;
let trickling: { company: Company; id: string };
let w: World;
let acme: Company;
let globex: Company;
let paths = 0;

/** An endpoint's path that nobody else has. */
const somewhere = (): string => `endpoint-${++paths}`;

const anybody = (): Promise<World> =>
  world({
    EGRESS_ALLOWED_HOSTS: `${receiver.host},${slow.host}`,
    META_GRAPH_BASE_URL: 'http://127.0.0.1:9',
    WEBHOOK_PENDING_MAX: String(PENDING_MAX),
  });

beforeAll(async () => {
  [receiver, slow] = await Promise.all([Receiver.open(), Receiver.open()]);
  // It takes its fifteen seconds while the others are tested.
  w = await anybody();
  const company = w.acme;
  const { id } = await create({ url: slow.endpoint('slow', trickles) }, company.admin);
  await contact('Ana', company.agent);
  trickling = { company, id };
});
beforeEach(async () => {
  w = await anybody();
  ({ acme, globex } = w);
});
/** Nobody waits for what hangs, nor tries it again. */
afterEach(async () => {
  await w.sql('UPDATE webhooks SET is_active = false WHERE organization_id = ANY($1)', [[acme.id, globex.id]]);
  receiver.hangUp();
});
afterAll(async () => {
  await close();
  await Promise.all([receiver.close(), slow.close()]);
});

const create = async (body: object, by: Person = acme.admin): Promise<WebhookWithSecret> =>
  (await by.post('/webhooks', { events: ['contact.*'], ...body }).expect(201)).body as WebhookWithSecret;

const read = async (id: string, by: Person = acme.admin): Promise<Webhook> => (await by.get(`/webhooks/${id}`).expect(200)).body as Webhook;

const log = async (id: string, query = '', by: Person = acme.admin): Promise<DeliveryView[]> =>
  ((await by.get(`/webhooks/${id}/logs?${query}`).expect(200)).body as DeliveryPage).items;

const contact = async (name = 'Ana Souza', by: Person = acme.agent): Promise<string> =>
  ((await by.post('/contacts', { name, whatsapp_id: `+55119${String(80_000_000 + ++paths)}` }).expect(201)).body as { id: string }).id;

/** The only delivery there is, once it is as wanted. */
async function delivery(id: string, is: (one: DeliveryView) => boolean): Promise<DeliveryView> {
  let found: DeliveryView | undefined;
  await until(async () => (found = (await log(id)).find(is)), 'a delivery that is so');
  return found as DeliveryView;
}

const settled = (id: string, status: string): Promise<DeliveryView> => delivery(id, (one) => one.status === status);

/** Time goes by until what waits is due. */
async function later(id: string): Promise<void> {
  await w.sql('UPDATE webhook_deliveries SET next_retry_at = now() WHERE webhook_id = $1 AND next_retry_at IS NOT NULL', [id]);
  await w.app.get(DueRows).sweep();
}

/** All that happened is told, or waits for another try. */
const quiet = (): Promise<void> =>
  until(async () => {
    const [{ count }] = await w.sql<{ count: number }>(
      `SELECT (SELECT count(*) FROM facts WHERE organization_id = $1)::int
            + (SELECT count(*) FROM webhook_deliveries WHERE organization_id = $1 AND (is_sending OR next_retry_at <= now()))::int AS count`,
      [acme.id],
    );
    return count === 0;
  }, 'quiet');

const eventsAt = (path: string): string[] =>
  receiver
    .at(path)
    .map(({ body: { event } }) => event)
    .sort();

const verify = (secret: string, { text, headers }: Arrived): unknown => new StandardWebhook(secret).verify(text, headers);

describe('the five firsts', () => {
  it('is closed without a token, and to everybody below an administrator', async () => {
    const { id } = await create({ url: receiver.endpoint(somewhere()) });

    for (const path of ['', '/events', `/${id}`, `/${id}/logs`]) {
      await w.guest.get(`/webhooks${path}`).expect(401);
      for (const person of [acme.agent, acme.viewer]) await person.get(`/webhooks${path}`).expect(403).expect(errorOf('insufficient_role'));
    }
    await acme.agent.post('/webhooks', { url: 'https://example.com', events: ['*'] }).expect(403);
    await acme.viewer.delete(`/webhooks/${id}`).expect(403);
  });

  it('hides a webhook of another organization on every route', async () => {
    const { id } = await create({ url: receiver.endpoint(somewhere()) });
    const { admin } = globex;

    for (const call of [
      admin.get(`/webhooks/${id}`),
      admin.put(`/webhooks/${id}`, { name: 'mine' }),
      admin.get(`/webhooks/${id}/logs`),
      admin.post(`/webhooks/${id}/test`, {}),
      admin.post(`/webhooks/${id}/retry`, { status: 'failed' }),
      admin.delete(`/webhooks/${id}`),
    ])
      await call.expect(404).expect(errorOf('not_found'));
    const theirs = await officialNumber(w, globex);
    await acme.admin.post('/webhooks', { url: 'https://example.com', events: ['*'], whatsapp_number_id: theirs.id }).expect(404);
    await acme.admin.put(`/webhooks/${id}`, { whatsapp_number_id: theirs.id }).expect(404);
    expect(await read(id)).toMatchObject({ name: null, whatsapp_number_id: null });
  });

  it('names every wrong field', async () => {
    const good = { url: 'https://example.com/hook', events: ['contact.created'] };
    const wrong: [string, object][] = [
      ['url', { events: ['*'] }],
      ['events', { url: good.url }],
      ['events', { ...good, events: [] }],
      ['events', { ...good, events: Array.from({ length: 51 }, () => '*') }],
      ['events', { ...good, events: '*' }],
      ['url', { ...good, url: 'ftp://example.com' }],
      ['url', { ...good, url: 'https://user:pass@example.com' }],
      ['url', { ...good, url: 'https://' }],
      ['url', { ...good, url: `https://example.com/${'x'.repeat(2048)}` }],
      ['name', { ...good, name: 'x'.repeat(101) }],
      ['description', { ...good, description: 'x'.repeat(501) }],
      ['secret', { ...good, secret: '1234567' }],
      ['secret', { ...good, secret: 'x'.repeat(257) }],
      ['secret', { ...good, secret: 'whsec_%%%%' }],
      ['headers', { ...good, headers: { Host: 'elsewhere' } }],
      ['headers', { ...good, headers: { 'content-length': '1' } }],
      ['headers', { ...good, headers: { 'X-PyTake-Event': 'mine' } }],
      ['headers', { ...good, headers: { 'webhook-id': 'mine' } }],
      ['headers', { ...good, headers: { 'X-Line': 'a\r\nX-Other: b' } }],
      ['headers', { ...good, headers: { 'a b': 'c' } }],
      ['headers', { ...good, headers: { X: 5 } }],
      ['headers', { ...good, headers: ['X'] }],
      ['headers', { ...good, headers: Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`X-${n}`, 'x'])) }],
      ['is_active', { ...good, is_active: 'perhaps' }],
      ['whatsapp_number_id', { ...good, whatsapp_number_id: 'mine' }],
    ];
    for (const [field, body] of wrong) await acme.admin.post('/webhooks', body).expect(wrongField(field));
    for (const events of [['moon.landed'], ['*', 'moon.*'], ['contact.'], ['.*'], ['contact*']])
      await acme.admin.post('/webhooks', { ...good, events }).expect(wrongField('body', 'events', events.length - 1));
    const { id } = await create(good);
    await acme.admin.put(`/webhooks/${id}`, { url: null }).expect(wrongField('url'));
    await acme.admin.put(`/webhooks/${id}`, { secret: null }).expect(wrongField('secret'));
    await acme.admin.post(`/webhooks/${id}/retry`, {}).expect(wrongField('event_id'));
    await acme.admin.post(`/webhooks/${id}/retry`, { status: 'pending' }).expect(wrongField('status'));
    await acme.admin.post(`/webhooks/${id}/test`, { event: 'moon.landed' }).expect(wrongField('event'));
  });

  it('refuses addresses of ours, however they are written', async () => {
    for (const host of [
      '127.0.0.1',
      '10.0.0.1',
      '169.254.169.254',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '[fc00::1]',
      '0.0.0.0',
      '2130706433',
      '0x7f.1',
      '0177.0.0.1',
    ])
      await acme.admin.post('/webhooks', { url: `http://${host}/`, events: ['*'] }).expect(wrongField('url'));
    const { id } = await create({ url: 'https://example.com/' });
    await acme.admin.put(`/webhooks/${id}`, { url: 'http://192.168.0.1/' }).expect(errorOf('url_not_allowed'));
    const number = await officialNumber(w, acme);
    await acme.admin.put(`/whatsapp/${number.id}`, { webhook_url: 'http://192.168.0.1/' }).expect(wrongField('webhook_url'));
  });

  it('lists in pages, sorted, searched and filtered', async () => {
    const names = async (query: string): Promise<(string | null)[]> =>
      ((await acme.admin.get(`/webhooks?${query}`).expect(200)).body as { items: Webhook[] }).items.map(({ name }) => name);
    await create({ url: 'https://example.com/a', name: 'Alpha', events: ['message.received'] });
    await create({ url: 'https://example.com/b', name: 'Beta', events: ['message.*'], description: 'Do armazém' });
    await create({ url: 'https://example.com/c', name: 'Gamma', events: ['contact.*'], is_active: false });
    await create({ url: 'https://example.com/d', name: 'Delta' }, globex.admin);

    expect(await names('')).toEqual(['Gamma', 'Beta', 'Alpha']);
    expect(await names('sort=name:asc&limit=2')).toEqual(['Alpha', 'Beta']);
    expect(await names('sort=name:asc&limit=2&page=2')).toEqual(['Gamma']);
    expect(await names('search=ARMAZEM')).toEqual(['Beta']);
    expect(await names('is_active=false')).toEqual(['Gamma']);
    expect(await names('event=message.received')).toEqual(['Beta', 'Alpha']);
    await acme.admin.get('/webhooks?sort=secret_hint:asc').expect(wrongField('query', 'sort'));
  });
});

describe('a secret', () => {
  it('is shown once, and stands nowhere', async () => {
    const path = somewhere();
    const headers = { 'X-Api-Key': 'key-of-theirs-0123' };
    const { id, secret, secret_hint } = await create({ url: receiver.endpoint(path), headers });
    await contact();
    const [arrived] = await receiver.heard(path);
    await settled(id, 'success');

    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(secret_hint).toBe(secret.slice(-4));
    expect(arrived.headers['x-api-key']).toBe('key-of-theirs-0123');
    const seen = await Promise.all([
      acme.admin.get('/webhooks'),
      acme.admin.get(`/webhooks/${id}`),
      acme.admin.put(`/webhooks/${id}`, { name: 'ERP', secret: 'another-secret' }),
      acme.admin.get(`/webhooks/${id}/logs`),
      acme.admin.get('/audit-logs?limit=100'),
    ]);
    const texts = seen.map(({ text }) => text).join();
    for (const hidden of [secret, secret.slice(6), 'another-secret', 'key-of-theirs', arrived.headers['webhook-signature']])
      expect(texts).not.toContain(hidden);
    expect((await read(id)).headers).toEqual({ 'X-Api-Key': '***' });
    const rows = JSON.stringify(
      await Promise.all(
        ['webhooks', 'webhook_secrets', 'webhook_events', 'webhook_deliveries'].map((table) =>
          w.sql(`SELECT * FROM ${table} WHERE organization_id = $1`, [acme.id]),
        ),
      ),
    );
    for (const hidden of [secret.slice(6), 'another-secret', 'key-of-theirs']) expect(rows).not.toContain(hidden);
  });

  it('that the endpoint answers us with stands in no log and no test', async () => {
    const path = somewhere();
    const echo: Behaviour = (response, _n, { headers }) => void response.end(JSON.stringify(headers) + 'é'.repeat(3000));
    const headers = { Authorization: 'Bearer key-of-theirs-0123', 'X-Floor': '2' };
    const { id } = await create({ url: receiver.endpoint(path, echo), headers });

    const test = await acme.admin.post(`/webhooks/${id}/test`, {}).expect(200);
    await contact();
    const one = await settled(id, 'success');

    const [arrived] = receiver.at(path);
    expect(arrived.headers.authorization).toBe('Bearer key-of-theirs-0123');
    for (const text of [test.text, JSON.stringify(one)]) {
      for (const hidden of ['key-of-theirs', ...receiver.at(path).map((each) => each.headers['webhook-signature'])])
        expect(text).not.toContain(hidden);
      expect(text).toContain('PyTake-Webhooks/1.0');
    }
    expect(one.response_body).toHaveLength(2048);
  });

  it('that was rotated signs for a day more beside the new one', async () => {
    const path = somewhere();
    const { id, secret } = await create({ url: receiver.endpoint(path) });
    const second = 'a-second-secret-of-ours';
    await acme.admin.put(`/webhooks/${id}`, { secret: second }).expect(200);
    await contact();
    const [both] = await receiver.heard(path);
    await w.sql(`UPDATE webhook_secrets SET previous_until = now() WHERE webhook_id = $1`, [id]);
    await contact();
    const [, alone] = await receiver.heard(path, 2);

    const key = `whsec_${Buffer.from(second).toString('base64')}`;
    expect(both.headers['webhook-signature'].split(' ')).toHaveLength(2);
    for (const one of [secret, key]) expect(verify(one, both)).toEqual(both.body);
    expect(verify(key, alone)).toEqual(alone.body);
    expect(() => verify(secret, alone)).toThrow('No matching signature');
  });

  it('and a header that come back as they are shown stay as they were', async () => {
    const path = somewhere();
    const { id } = await create({ url: receiver.endpoint(path), headers: { 'X-Api-Key': 'first', 'X-Shop': 'centro' } });
    await acme.admin.put(`/webhooks/${id}`, { headers: { 'X-Api-Key': '***', 'X-Floor': '2' } }).expect(200);
    await contact();

    const [{ headers }] = await receiver.heard(path);
    expect([headers['x-api-key'], headers['x-shop'], headers['x-floor']]).toEqual(['first', undefined, '2']);
  });
});

describe('what is sent', () => {
  it('passes the verification of Standard Webhooks, byte by byte', async () => {
    const path = somewhere();
    const { id, secret } = await create({ url: receiver.endpoint(path), events: ['contact.created'] });
    const contact_id = await contact('Zoë "Ação" \u2028 😀');

    const [arrived] = await receiver.heard(path);
    expect(verify(secret, arrived)).toEqual(arrived.body);
    expect(() => verify(secret, { ...arrived, text: arrived.text.replace('Zo', 'zo') })).toThrow('No matching signature');
    const { headers, body } = arrived;
    const one = await settled(id, 'success');
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': 'PyTake-Webhooks/1.0',
      'webhook-id': body.id,
      'x-pytake-event': 'contact.created',
      'x-pytake-delivery-id': one.id,
    });
    expect(body).toEqual({
      id: one.event_id,
      event: 'contact.created',
      created_at: expect.stringMatching(/Z$/) as string,
      organization_id: acme.id,
      api_version: 'v1',
      is_test: false,
      data: { contact: (await acme.agent.get(`/contacts/${contact_id}`).expect(200)).body as unknown },
    });
    expect(one).toMatchObject({
      event: 'contact.created',
      attempt: 1,
      max_attempts: 10,
      response_status: 204,
      request_body: arrived.text,
      error: null,
    });
    expect(one.request_headers).toMatchObject({ 'webhook-id': body.id, 'webhook-signature': '***' });
    expect(await read(id)).toMatchObject({ total_deliveries: 1, successful_deliveries: 1, failed_deliveries: 0, last_status_code: 204 });
  });

  it('of a message has all there is around it, once, however often the provider repeats it', async () => {
    const box = new Inbox(w, acme, await officialNumber(w, acme));
    const other = await officialNumber(w, acme);
    const [all, mine, others] = [somewhere(), somewhere(), somewhere()];
    await create({ url: receiver.endpoint(all), events: ['message.*', 'message.received', 'message.received'] });
    await create({ url: receiver.endpoint(mine), events: ['*'], whatsapp_number_id: box.number.id });
    await create({ url: receiver.endpoint(others), events: ['*'], whatsapp_number_id: other.id });
    const payload = metaPayload.text(box.person());
    await Promise.all(Array.from({ length: 5 }, () => box.post(payload).expect(200)));
    await box.idle();

    const [{ body }] = await receiver.heard(all);
    await receiver.heard(mine, 2);
    await quiet();
    expect(receiver.at(all)).toHaveLength(1);
    expect(eventsAt(mine)).toEqual(['conversation.created', 'message.received']);
    expect(receiver.at(others)).toEqual([]);
    const [message, conversation] = [await box.message(), await box.conversation()];
    expect(Object.keys(body.data).sort()).toEqual(['contact', 'conversation', 'message', 'whatsapp_number']);
    expect(body.data).toMatchObject({
      message: { id: message.id, content: message.content },
      conversation: { id: conversation.id, unread_count: 1 },
      contact: { id: message.contact_id },
      whatsapp_number: { id: box.number.id, phone_number: box.number.phone_number, webhook_verify_token: null },
    });
    // One id for all who hear of it.
    const same = receiver.at(mine).find(({ body: { event } }) => event === 'message.received');
    expect(same?.text).toBe(receiver.at(all)[0].text);
  });

  it('says what changed, and which of the things a message can go through it was', async () => {
    const box = new Inbox(w, acme, await officialNumber(w, acme));
    const person = box.person();
    await box.receive(metaPayload.text(person));
    const conversation = await box.conversation();
    const path = somewhere();
    await create({
      url: receiver.endpoint(path),
      events: ['conversation.*', 'message.delivered', 'message.read', 'message.failed', 'message.reaction'],
    });
    const sent = await box.outgoing(conversation, { status: 'sent' });
    await box.receive(
      metaPayload.status('delivered', {
        ...person,
        recipient_id: person.from,
        recipient_user_id: person.user_id,
        id: sent.whatsapp_message_id,
      }),
    );
    await acme.agent.post(`/conversations/${conversation.id}/close`, {}).expect(200);

    const arrived = (await receiver.heard(path, 2)).map(({ body: { event, data } }) => ({ event, data }));
    expect(arrived).toContainEqual({
      event: 'message.delivered',
      data: expect.objectContaining({
        message: expect.objectContaining({ id: sent.id }) as unknown,
        changes: { status: { from: 'sent', to: 'delivered' } },
      }) as unknown,
    });
    expect(arrived).toContainEqual({
      event: 'conversation.closed',
      data: expect.objectContaining({
        conversation: expect.objectContaining({ id: conversation.id, status: 'closed' }) as unknown,
        contact: expect.objectContaining({ id: conversation.contact_id }) as unknown,
        changes: { status: { from: 'open', to: 'closed' } },
      }) as unknown,
    });
  });

  it('says that a first message failed which could not leave', async () => {
    await officialNumber(w, acme);
    const path = somewhere();
    await create({ url: receiver.endpoint(path), events: ['message.failed'] });

    const { body } = await acme.agent.post('/conversations', { contact_phone: '+5511987654325', initial_message: 'Olá!' }).expect(201);

    const [{ body: failed }] = await receiver.heard(path, 1);
    expect(failed).toMatchObject({
      event: 'message.failed',
      data: { message: { id: (body as { last_message: { id: string } }).last_message.id, status: 'failed', error_code: 'window_closed' } },
    });
  });

  it('is read by the kind of row, not event by event', async () => {
    const path = somewhere();
    await create({ url: receiver.endpoint(path), events: ['contact.updated'] });
    const ids = await Promise.all(Array.from({ length: 60 }, () => contact()));
    const contacts = (await acme.agent.get('/contacts?limit=100').expect(200)).body as { items: ContactView[] };

    const asked = await selectsOf(/\b(FROM contacts|JOIN contact_identities)\b/, async () => {
      await w.app.get(Database).tx(async (tx) => {
        for (const one of contacts.items) tx.tell('contact.updated', { organization_id: acme.id, contact: one });
      });
      await receiver.heard(path, ids.length);
    });

    expect(asked).toHaveLength(2);
  });
});

describe('a delivery', () => {
  it('that fails is tried again by the schedule: the same body and id, a new time, and every try is in the log', async () => {
    const path = somewhere();
    const { id, secret } = await create({ url: receiver.endpoint(path, failsFirst(2)) });
    await contact();
    const first = await delivery(id, ({ attempts }) => attempts.length === 1);
    expect(first).toMatchObject({ status: 'retrying', response_status: 500, error: 'It answered 500.', delivered_at: null });
    expect(secondsUntil(first)).toBeGreaterThan(3);
    expect(secondsUntil(first)).toBeLessThan(6);
    await later(id);
    const second = await delivery(id, ({ attempts }) => attempts.length === 2);
    expect(secondsUntil(second)).toBeGreaterThan(300 * 0.9 - 5);
    expect(secondsUntil(second)).toBeLessThan(300 * 1.1 + 1);
    expect(await read(id)).toMatchObject({ consecutive_failures: 2, total_deliveries: 0, last_success_at: null });
    await later(id);
    const done = await settled(id, 'success');

    expect(done.attempts.map(({ number, response_status }) => [number, response_status])).toEqual([
      [1, 500],
      [2, 500],
      [3, 204],
    ]);
    const arrived = receiver.at(path);
    expect(new Set(arrived.map(({ text, headers }) => `${headers['webhook-id']} ${text}`)).size).toBe(1);
    for (const one of arrived) expect(verify(secret, one)).toEqual(one.body);
    expect(await read(id)).toMatchObject({ consecutive_failures: 0, total_deliveries: 1, successful_deliveries: 1 });
  });

  it('whose receiver names a time waits for it, an hour at most', async () => {
    const [soon, far, date] = [somewhere(), somewhere(), somewhere()];
    const hooks = await Promise.all([
      create({ url: receiver.endpoint(soon, answers(429, { 'Retry-After': '120' })) }),
      create({ url: receiver.endpoint(far, answers(503, { 'Retry-After': '86400' })) }),
      create({ url: receiver.endpoint(date, answers(502, { 'Retry-After': new Date(Date.now() + 1800_000).toUTCString() })) }),
    ]);
    await contact();

    const waits = await Promise.all(hooks.map(async ({ id }) => secondsUntil(await settled(id, 'retrying'))));
    expect(waits.map((seconds) => Math.round(seconds / 60))).toEqual([2, 60, 30]);
  });

  it('fails on redirects, cut connections, closed ports and private addresses, and takes what others send without end', async () => {
    const closed = createServer();
    await new Promise<void>((done) => closed.listen(0, '127.0.0.1', done));
    const { port } = closed.address() as AddressInfo;
    await new Promise((done) => closed.close(done));
    const target = somewhere();
    receiver.endpoint(target);
    const hooks = {
      redirect: await create({ url: receiver.endpoint(somewhere(), answers(302, { Location: receiver.endpoint(target) })) }),
      cut: await create({ url: receiver.endpoint(somewhere(), cuts) }),
      private: await create({ url: 'https://rebinding.example/' }),
      endless: await create({ url: receiver.endpoint(somewhere(), endless) }),
    };
    // As a name that leads elsewhere by now.
    await w.sql('UPDATE webhooks SET url = $2 WHERE id = $1', [hooks.private.id, `http://127.0.0.1:${port}/`]);
    await contact();

    expect((await settled(hooks.redirect.id, 'retrying')).error).toBe('It answered 302: redirects are not followed.');
    expect((await settled(hooks.cut.id, 'retrying')).error).toMatch(/^provider_unavailable: /);
    expect((await settled(hooks.private.id, 'retrying')).error).toMatch(/^egress_blocked: /);
    expect((await settled(hooks.endless.id, 'success')).response_body).toBe('x'.repeat(2048));
    expect(receiver.at(target)).toEqual([]);
  });

  it('is given up after the last try', async () => {
    const path = somewhere();
    const { id } = await create({ url: receiver.endpoint(path, answers(400)) });
    await contact();
    await settled(id, 'retrying');
    await w.sql('UPDATE webhook_deliveries SET attempt = 9 WHERE webhook_id = $1', [id]);
    await later(id);

    expect(await settled(id, 'failed')).toMatchObject({ attempt: 10, next_retry_at: null, response_status: 400 });
    expect(await read(id)).toMatchObject({ total_deliveries: 1, failed_deliveries: 1 });
  });

  it('whose process died before it said how it went is sent again, under the same id', async () => {
    const path = somewhere();
    const { id } = await create({ url: receiver.endpoint(path) });
    await contact();
    await settled(id, 'success');
    await w.sql(
      `UPDATE webhook_deliveries SET status = 'pending', is_sending = true, next_retry_at = now() + interval '1 minute', attempts = '[]', delivered_at = NULL WHERE webhook_id = $1`,
      [id],
    );
    // Until then others of the webhook are sent, and not this one.
    await contact();
    const [first, other] = await receiver.heard(path, 2);
    expect(other.headers['webhook-id']).not.toBe(first.headers['webhook-id']);
    await settled(id, 'success');

    await later(id);
    const [, , again] = await receiver.heard(path, 3);
    expect([again.headers['webhook-id'], again.text]).toEqual([first.headers['webhook-id'], first.text]);
    await delivery(id, ({ status, attempt }) => status === 'success' && attempt === 2);
  });

  it('waits while its organization is suspended', async () => {
    const path = somewhere();
    const { id } = await create({ url: receiver.endpoint(path) });
    await contact();
    await receiver.heard(path);
    const event = await delivery(id, ({ status }) => status === 'success');
    await w.sql(`UPDATE organizations SET status = 'suspended' WHERE id = $1`, [acme.id]);
    await w.sql(`UPDATE webhook_deliveries SET status = 'pending', next_retry_at = now() WHERE id = $1`, [event.id]);
    await w.app.get(DueRows).sweep();
    // Woken by hand it waits too.
    w.app.get(DeliverWebhooks).wake({ organization_id: acme.id, id });
    await contact('Ana', globex.agent);
    expect(receiver.at(path)).toHaveLength(1);

    await w.sql(`UPDATE organizations SET status = 'active' WHERE id = $1`, [acme.id]);
    await w.app.get(DueRows).sweep();
    await receiver.heard(path, 2);
  });

  it('is delayed by no other webhook: neither of its organization nor of another', async () => {
    const dead = await Promise.all(Array.from({ length: 19 }, () => create({ url: receiver.endpoint(somewhere(), hangs) })));
    await Promise.all(Array.from({ length: 20 }, () => create({ url: receiver.endpoint(somewhere(), hangs) }, globex.admin)));
    const [path, theirs] = [somewhere(), somewhere()];
    await create({ url: receiver.endpoint(path) });
    const third = await w.organization('Initech');
    await create({ url: receiver.endpoint(theirs) }, third.admin);
    await Promise.all(Array.from({ length: 10 }, () => contact('Ana', globex.agent)));
    await Promise.all(Array.from({ length: 10 }, () => contact()));
    await contact('Ana', third.agent);

    await receiver.heard(theirs);
    await receiver.heard(path, 10);
    // Those that hang hang still, five at a time each.
    const sending = await w.sql<{ count: number }>(
      'SELECT count(*)::int AS count FROM webhook_deliveries WHERE is_sending AND webhook_id = ANY($1) GROUP BY webhook_id',
      [dead.map(({ id }) => id)],
    );
    expect(sending.map(({ count }) => count)).toEqual(dead.map(() => 5));
  });
});

describe('a webhook that is not there any more', () => {
  it('is switched off by hand: what waits for it has failed at once', async () => {
    const { id } = await create({ url: receiver.endpoint(somewhere(), answers(500)) });
    await contact();
    await settled(id, 'retrying');
    await acme.admin.put(`/webhooks/${id}`, { is_active: false }).expect(200);

    expect(await settled(id, 'failed')).toMatchObject({ next_retry_at: null, error: 'The webhook is off.' });
    expect(await read(id)).toMatchObject({ disabled_reason: null, failed_deliveries: 1 });
  });

  it('is switched off at once where it says so, and administrators are told', async () => {
    const { id } = await create({ url: receiver.endpoint(somewhere(), answers(410)), name: 'ERP' });
    await contact();
    await settled(id, 'failed');

    expect(await read(id)).toMatchObject({ is_active: false, disabled_reason: 'gone', failed_deliveries: 1 });
    const { body } = await acme.admin.get('/notifications').expect(200);
    expect((body as { items: object[] }).items).toContainEqual(expect.objectContaining({ type: 'webhook_disabled' }));
    await contact();
    await quiet();
    expect(await log(id)).toHaveLength(1);
  });

  it('is switched off after five days of failures; what waits has failed, and is repeated once it is on again', async () => {
    const path = somewhere();
    let is_down = true;
    const { id } = await create({ url: receiver.endpoint(path, (response) => void response.writeHead(is_down ? 500 : 200).end()) });
    await contact();
    await settled(id, 'retrying');
    await w.sql(`UPDATE webhooks SET failing_since = now() - interval '5 days' - interval '1 minute' WHERE id = $1`, [id]);
    await contact();
    await until(async () => !(await read(id)).is_active, 'the webhook is off');
    await until(async () => (await log(id, 'status=failed')).length === 2, 'what waits has failed');
    expect(await read(id)).toMatchObject({ disabled_reason: 'failing', failed_deliveries: 2 });
    await acme.admin.post(`/webhooks/${id}/retry`, { status: 'failed' }).expect(409).expect(errorOf('webhook_inactive'));
    const [{ event_id }] = await log(id);
    await acme.admin.post(`/webhooks/${id}/retry`, { event_id }).expect(409).expect(errorOf('webhook_inactive'));

    is_down = false;
    await acme.admin.put(`/webhooks/${id}`, { is_active: true }).expect(200);
    expect(await read(id)).toMatchObject({ disabled_reason: null, consecutive_failures: 0 });
    const before = receiver.at(path).map(({ headers }) => headers['webhook-id']);
    const { body } = await acme.admin.post(`/webhooks/${id}/retry`, { status: 'failed' }).expect(200);
    expect(body as WebhookReplayResult).toMatchObject({ queued: 2, has_more: false });
    await until(async () => (await log(id, 'status=success')).length === 2, 'both are delivered');
    expect(new Set(receiver.at(path).map(({ headers }) => headers['webhook-id']))).toEqual(new Set(before));
  });

  it('is switched off once more waits for it than may; nothing is lost, and as much as may wait is repeated at once', async () => {
    const path = somewhere();
    let is_down = true;
    const url = receiver.endpoint(path, (response) => void response.writeHead(is_down ? 500 : 200).end());
    const { id } = await create({ url });
    // What grew in days without an answer.
    await w.sql(
      `WITH told AS (INSERT INTO webhook_events (organization_id, id, body) SELECT $1, gen_random_uuid(), '{}' FROM generate_series(1, $4::int) RETURNING id)
       INSERT INTO webhook_deliveries (organization_id, id, webhook_id, event_id, event, url, max_attempts, next_retry_at)
       SELECT $1, gen_random_uuid(), $2, told.id, 'contact.created', $3, 10, now() + interval '1 hour' FROM told`,
      [acme.id, id, url, PENDING_MAX],
    );
    await contact();
    await settled(id, 'retrying');
    await w.app.get(DueRows).sweep();

    await until(async () => !(await read(id)).is_active, 'the webhook is off');
    await until(async () => (await read(id)).failed_deliveries === PENDING_MAX + 1, 'what waits has failed');
    expect(await read(id)).toMatchObject({ disabled_reason: 'backlog' });
    const { body: told } = await acme.admin.get('/notifications').expect(200);
    expect((told as { items: object[] }).items).toContainEqual(expect.objectContaining({ type: 'webhook_disabled' }));
    is_down = false;
    await acme.admin.put(`/webhooks/${id}`, { is_active: true }).expect(200);
    const { body } = await acme.admin.post(`/webhooks/${id}/retry`, { status: 'failed' }).expect(200);
    expect(body as WebhookReplayResult).toMatchObject({ queued: PENDING_MAX, has_more: true });
    await w.app.get(DueRows).sweep();
    await until(async () => (await read(id)).successful_deliveries === PENDING_MAX, 'they are told');
    const { body: rest } = await acme.admin.post(`/webhooks/${id}/retry`, { status: 'failed' }).expect(200);
    expect(rest as WebhookReplayResult).toMatchObject({ queued: 1, has_more: false });
    expect(await read(id)).toMatchObject({ is_active: true, disabled_reason: null });
  });

  it('and was deleted leaves nothing behind', async () => {
    const { id } = await create({ url: receiver.endpoint(somewhere(), answers(500)) });
    await contact();
    await settled(id, 'retrying');
    await acme.admin.delete(`/webhooks/${id}`).expect(204);

    await acme.admin.get(`/webhooks/${id}`).expect(404);
    await acme.admin.get(`/webhooks/${id}/logs`).expect(404);
    expect(await w.sql('SELECT 1 FROM webhook_secrets WHERE webhook_id = $1', [id])).toEqual([]);
    await until(async () => (await w.sql('SELECT 1 FROM webhooks WHERE id = $1', [id])).length === 0, 'it is gone, with its log');
  });
});

describe('the log', () => {
  it('is read newest first, filtered, in pages', async () => {
    const { id } = await create({ url: receiver.endpoint(somewhere()), events: ['contact.created', 'contact.blocked'] });
    const contact_id = await contact();
    await acme.agent.post(`/contacts/${contact_id}/block`, {}).expect(200);
    await until(async () => (await log(id, 'status=success')).length === 2, 'both are told');

    const [blocked, created] = await log(id);
    expect([blocked.event, created.event]).toEqual(['contact.blocked', 'contact.created']);
    expect((await log(id, 'event=contact.created')).map((one) => one.id)).toEqual([created.id]);
    expect((await log(id, `event_id=${blocked.event_id}`)).map((one) => one.id)).toEqual([blocked.id]);
    expect(await log(id, 'status=failed')).toEqual([]);
    expect((await log(id, 'limit=1&page=2')).map((one) => one.id)).toEqual([created.id]);
    expect((await log(id, 'sort=created_at:asc')).map((one) => one.id)).toEqual([created.id, blocked.id]);
    expect(await log(id, 'to=2020-01-01')).toEqual([]);
    expect(await log(id, 'from=2020-01-01')).toHaveLength(2);
    await acme.admin.get(`/webhooks/${id}/logs?status=moon`).expect(wrongField('query', 'status'));
  });

  it('repeats one event, once, however many ask', async () => {
    const path = somewhere();
    const { id } = await create({ url: receiver.endpoint(path) });
    await contact();
    const { event_id } = await settled(id, 'success');
    await acme.admin.post(`/webhooks/${id}/retry`, { event_id: newId() }).expect(404);
    const other = await create({ url: receiver.endpoint(somewhere()) });
    await acme.admin.post(`/webhooks/${other.id}/retry`, { event_id }).expect(404);
    // While one is on its way nobody else sends it.
    receiver.endpoint(path, hangs);
    const asked = await Promise.all(Array.from({ length: 50 }, () => acme.admin.post(`/webhooks/${id}/retry`, { event_id })));

    expect(asked.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 49 }, () => 409)]);
    expect(asked.find(({ status }) => status === 409)?.body).toMatchObject({ error_code: 'delivery_in_flight' });
    expect(asked.find(({ status }) => status === 200)?.body).toMatchObject({ event_id, status: 'retrying' });
    const [first, second] = await receiver.heard(path, 2);
    expect(receiver.at(path)).toHaveLength(2);
    expect([second.text, second.headers['webhook-id']]).toEqual([first.text, event_id]);
  });

  it('repeats a range: what ended in it, by its bounds and status, under the same ids', async () => {
    const path = somewhere();
    const { id } = await create({ url: receiver.endpoint(path) });
    for (let n = 0; n < 4; n++) await contact();
    await until(async () => (await log(id, 'status=success')).length === 4, 'all are told');
    const [, , second, first] = await log(id);
    await w.sql(`UPDATE webhook_deliveries SET created_at = '2026-01-01T10:00:00Z', status = 'failed' WHERE id = $1`, [first.id]);
    await w.sql(`UPDATE webhook_deliveries SET created_at = '2026-01-01T11:00:00Z' WHERE id = $1`, [second.id]);
    const replay = async (range: object): Promise<WebhookReplayResult> => {
      const { body } = await acme.admin.post(`/webhooks/${id}/retry`, range).expect(200);
      await until(async () => (await log(id, 'status=success')).length >= 3, 'they are told again');
      await quiet();
      return body as WebhookReplayResult;
    };

    expect(await replay({ to: '2026-01-01', status: 'success' })).toEqual({
      queued: 1,
      has_more: false,
      last_created_at: '2026-01-01T11:00:00.000Z',
    });
    expect(await replay({ from: '2026-01-01T09:00:00Z', to: '2026-01-01T10:30:00Z' })).toMatchObject({ queued: 1 });
    expect(await replay({ status: 'failed' })).toEqual({ queued: 0, has_more: false, last_created_at: null });
    expect(await replay({ from: '2026-01-01', status: null })).toMatchObject({ queued: 4 });
    const ids = receiver.at(path).map(({ headers }) => headers['webhook-id']);
    expect([ids.length, new Set(ids).size]).toEqual([10, 4]);
    await acme.admin.post(`/webhooks/${id}/retry`, { from: '2026-01-02', to: '2026-01-01' }).expect(wrongField('to'));
  });

  it('goes with the person it speaks of', async () => {
    const path = somewhere();
    const { id } = await create({ url: receiver.endpoint(path, answers(500)), events: ['contact.created'] });
    const [canary, other] = [await contact('Canário Nunca Visto'), await contact('Outra Pessoa')];
    await until(async () => (await log(id, 'status=retrying')).length === 2, 'both were tried');
    await acme.admin.delete(`/privacy/data/${canary}`).expect(200);
    await until(async () => (await log(id)).length === 1, 'one is gone');

    const rows = JSON.stringify(
      await Promise.all(
        ['webhook_events', 'webhook_deliveries'].map((table) => w.sql(`SELECT * FROM ${table} WHERE organization_id = $1`, [acme.id])),
      ),
    );
    expect(rows).not.toContain('Canário');
    expect(rows).toContain(other);
  });
});

describe('a test', () => {
  it('answers 200 with how it went, whatever that is, in figures of nobody', async () => {
    const [good, bad] = [somewhere(), somewhere()];
    const { id, secret } = await create({ url: receiver.endpoint(good, answers(200, {}, 'obrigado')), is_active: false });
    const down = await create({ url: receiver.endpoint(bad, answers(500, {}, 'não')) });
    const test = async (hook: string, body = {}): Promise<WebhookTestResult> =>
      (await acme.admin.post(`/webhooks/${hook}/test`, body).expect(200)).body as WebhookTestResult;

    const done = await test(id, { event: 'message.received' });
    expect(done).toMatchObject({ success: true, status_code: 200, response_body: 'obrigado', error: null });
    expect(await test(down.id)).toMatchObject({ success: false, status_code: 500, response_body: 'não', error: 'It answered 500.' });
    const [arrived] = receiver.at(good);
    expect(verify(secret, arrived)).toMatchObject({
      id: done.event_id,
      event: 'message.received',
      is_test: true,
      data: { message: { direction: 'incoming' } },
    });
    expect(receiver.at(bad)[0].body).toMatchObject({ event: 'webhook.test', is_test: true });
    expect(await log(id)).toEqual([expect.objectContaining({ event_id: done.event_id, is_test: true, status: 'success' })]);
    expect(await read(down.id)).toMatchObject({ consecutive_failures: 0, total_deliveries: 0, last_delivery_at: null });
  });
});

describe('an organization', () => {
  it('has 20 webhooks at most, however many are made at once', async () => {
    const url = receiver.endpoint(somewhere());
    const made = await Promise.all(Array.from({ length: 50 }, () => acme.admin.post('/webhooks', { url, events: ['contact.*'] })));

    expect(made.filter(({ status }) => status === 201)).toHaveLength(20);
    for (const { body, status } of made) if (status !== 201) expect(body).toMatchObject({ error_code: 'limit_reached' });
  });

  it('without a webhook that is on costs no row', async () => {
    const facts = async (): Promise<number> => {
      const kept = jest.spyOn(w.app.get(Facts), 'isKept');
      await contact();
      const answers = kept.mock.results.map(({ value }) => value as boolean);
      kept.mockRestore();
      return answers.filter(Boolean).length;
    };
    expect(await facts()).toBe(0);
    await create({ url: receiver.endpoint(somewhere()) });
    expect(await facts()).toBe(1);
  });

  it('is told what there is to hear, every event of the contract with a body as it is sent', async () => {
    const { body } = await acme.admin.get('/webhooks/events?limit=100').expect(200);
    const { items } = body as { items: WebhookEventInfo[] };
    const names = items.map(({ name }) => name);

    expect(names).toEqual(expect.arrayContaining(EVENTS));
    expect(names).toEqual([...names].sort());
    for (const { name, description, sample } of items) {
      expect(description).toMatch(/^[A-Z].*\.$/);
      expect(sample).toMatchObject({ event: name, api_version: 'v1', is_test: false });
      expect(Object.keys(sample['data'] as object).length).toBeGreaterThan(0);
    }
    const received = items.find(({ name }) => name === 'message.received');
    expect(Object.keys(received?.sample['data'] as object).sort()).toEqual(['contact', 'conversation', 'message', 'whatsapp_number']);
    const { body: found } = await acme.admin.get('/webhooks/events?search=opted').expect(200);
    expect((found as { items: WebhookEventInfo[] }).items.map(({ name }) => name)).toEqual(['contact.opted_in', 'contact.opted_out']);
  });
});

describe("a number's webhook_url", () => {
  it('is a webhook of its own, that comes, changes and goes with the number', async () => {
    const box = new Inbox(w, acme, await officialNumber(w, acme));
    const [path, other] = [somewhere(), somewhere()];
    const hooks = async (): Promise<Webhook[]> => ((await acme.admin.get('/webhooks').expect(200)).body as { items: Webhook[] }).items;
    await acme.admin.put(`/whatsapp/${box.number.id}`, { webhook_url: receiver.endpoint(path) }).expect(200);
    await until(async () => (await hooks()).length === 1, 'the webhook is there');
    const person = box.person();
    await box.receive(metaPayload.text(person));

    const [arrived] = await receiver.heard(path);
    expect(arrived.body).toMatchObject({ event: 'message.received', data: { whatsapp_number: { id: box.number.id } } });
    expect(verify(`whsec_${Buffer.from(box.number.webhook_verify_token).toString('base64')}`, arrived)).toEqual(arrived.body);
    const [hook] = await hooks();
    expect(hook).toMatchObject({
      is_of_number: true,
      whatsapp_number_id: box.number.id,
      events: ['message.*', 'whatsapp.*'],
      secret_hint: null,
    });
    await acme.admin.put(`/webhooks/${hook.id}`, { url: 'https://example.com' }).expect(409).expect(errorOf('webhook_of_number'));
    await acme.admin.delete(`/webhooks/${hook.id}`).expect(409).expect(errorOf('webhook_of_number'));
    await acme.admin.put(`/whatsapp/${box.number.id}`, { webhook_url: receiver.endpoint(other) }).expect(200);
    await until(async () => (await hooks())[0]?.url.endsWith(other), 'it is another address');
    await box.receive(metaPayload.text(person));
    await receiver.heard(other);
    expect(eventsAt(path)).toEqual(['message.received']);
    await acme.admin.delete(`/whatsapp/${box.number.id}`).expect(204);
    await until(async () => (await hooks()).length === 0, 'it is gone');
  });
});

describe('an answer that comes letter by letter', () => {
  it('is cut', async () => {
    const { company, id } = trickling;
    await until(async () => (await log(id, 'status=retrying', company.admin)).length === 1, 'it is given up');

    const [one] = await log(id, '', company.admin);
    expect(one).toMatchObject({ response_status: null, error: expect.stringMatching(/^provider_timeout: /) as string });
  });
});

const secondsUntil = ({ next_retry_at }: DeliveryView): number => (new Date(next_retry_at ?? 0).getTime() - Date.now()) / 1000;

/** Contract 20, 9, as far as the rooms that tell them are there. */
const EVENTS = [
  ...['received', 'sent', 'delivered', 'read', 'failed', 'deleted', 'reaction'].map((verb) => `message.${verb}`),
  ...['created', 'updated', 'assigned', 'resolved', 'closed', 'reopened', 'archived', 'note_added'].map((verb) => `conversation.${verb}`),
  ...['created', 'updated', 'deleted', 'blocked', 'unblocked', 'opted_in', 'opted_out'].map((verb) => `contact.${verb}`),
  'sla.breached',
  'template.status_updated',
  ...['connected', 'disconnected', 'quality_updated'].map((verb) => `whatsapp.number.${verb}`),
  'webhook.test',
];

import { randomBytes, randomInt } from 'node:crypto';
import request from 'supertest';
import { DueRows } from '#database/due-rows';
import type { Effect } from '#database/tx';
import { Filing } from '#modules/conversations/filing/filing';
import { InboundStore, type Lane } from '#modules/whatsapp/receipt/inbound-store';
import { Inbox, type Row, inbox, postWebhook } from './support/inbox';
import { type MetaPayload, metaJson, metaPayload, signMeta, wamid } from './support/meta-payloads';
import { digits, officialNumber } from './support/official-number';
import { socketOf, until } from './support/sockets';
import { errorOf, wrongField } from './support/world';

const kept = async ({ w, number }: Inbox): Promise<number> =>
  (await w.sql<{ count: number }>('SELECT count(*)::int FROM inbound_events WHERE whatsapp_number_id = $1', [number.id]))[0].count;

const allKept = async ({ w }: Inbox): Promise<number> =>
  (await w.sql<{ count: number }>('SELECT count(*)::int FROM inbound_events'))[0].count;

const now = (): number => Math.floor(Date.now() / 1000);

function permutations<T>(items: T[]): T[][] {
  if (items.length < 2) return [items];
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}

describe('verifying the webhook (R13)', () => {
  const verify = ({ w }: Inbox, query: Record<string, string>): request.Test =>
    request(w.base_url).get('/api/v1/whatsapp/webhook').query(query);

  it('answers the bare challenge as text to the token of META_WEBHOOK_VERIFY_TOKEN', async () => {
    const box = await inbox();

    const { text, type } = await verify(box, {
      'hub.mode': 'subscribe',
      'hub.verify_token': box.w.env.META_WEBHOOK_VERIFY_TOKEN,
      'hub.challenge': '1158201444',
    }).expect(200);

    expect({ text, type }).toEqual({ text: '1158201444', type: 'text/plain' });
  });

  it("knows a number's own token until the number is deleted", async () => {
    const box = await inbox();
    const query = { 'hub.mode': 'subscribe', 'hub.verify_token': box.number.webhook_verify_token, 'hub.challenge': 'a?b&c "d"' };

    await verify(box, query).expect(200, 'a?b&c "d"');
    await box.w.sql('UPDATE whatsapp_numbers SET deleted_at = now() WHERE id = $1', [box.number.id]);

    await verify(box, query).expect(403).expect(errorOf('invalid_verify_token'));
  });

  it.each([
    ['a wrong token', { 'hub.verify_token': 'guess' }],
    ['a token of the right length', (token: string) => ({ 'hub.verify_token': 'é'.repeat(token.length) })],
    ['a token with a null character', { 'hub.verify_token': 'a\0b' }],
    ['another mode', (token: string) => ({ 'hub.mode': 'unsubscribe', 'hub.verify_token': token })],
  ])('refuses %s', async (_, change) => {
    const box = await inbox();
    const token = box.w.env.META_WEBHOOK_VERIFY_TOKEN;
    const changed: Record<string, string> = typeof change === 'function' ? change(token) : change;

    await verify(box, { 'hub.mode': 'subscribe', 'hub.verify_token': token, 'hub.challenge': '1', ...changed })
      .expect(403)
      .expect(errorOf('invalid_verify_token'));
  });

  it.each(['hub.mode', 'hub.verify_token', 'hub.challenge'])('names a missing %s', async (name) => {
    const box = await inbox();
    const query: Record<string, string> = {
      'hub.mode': 'subscribe',
      'hub.verify_token': box.w.env.META_WEBHOOK_VERIFY_TOKEN,
      'hub.challenge': '1',
    };
    delete query[name];

    await verify(box, query).expect(422).expect(wrongField('query', name));
  });
});

describe('signatures (R1)', () => {
  it('stores what META_APP_SECRET signed and says ok', async () => {
    const box = await inbox();

    await box.post(metaPayload.text(box.person())).expect(200, { status: 'ok' });

    expect(await kept(box)).toBe(1);
  });

  it.each<[string, (right: string, raw: string) => { signature: string | null; raw?: string }]>([
    ['no signature', () => ({ signature: null })],
    ['an empty signature', () => ({ signature: '' })],
    ['a wrong signature', (right) => ({ signature: right.replace(/.$/, (last) => (last === '0' ? '1' : '0')) })],
    ['a truncated signature', (right) => ({ signature: right.slice(0, -2) })],
    ['a longer signature', (right) => ({ signature: `${right}00` })],
    ['a signature without its scheme', (right) => ({ signature: right.slice(7) })],
    ['sha1 by name', (right) => ({ signature: right.replace('sha256', 'sha1') })],
    ['another secret', (_, raw) => ({ signature: signMeta(raw, 'guess') })],
    ['the verify token as secret', (_, raw) => ({ signature: signMeta(raw, 'token') })],
    ['a body altered by one byte', (right, raw) => ({ signature: right, raw: raw.replace('Ana', 'Bna') })],
    ['a body with one more space', (right, raw) => ({ signature: right, raw: `${raw} ` })],
  ])('refuses %s and stores nothing', async (_, forge) => {
    const box = await inbox();
    const raw = metaJson(metaPayload.text(box.person()));
    const before = await allKept(box);

    await box
      .post(null, { raw, ...forge(signMeta(raw, box.w.env.META_APP_SECRET), raw) })
      .expect(403)
      .expect(errorOf('invalid_signature'));

    expect(await allKept(box)).toBe(before);
  });

  it("takes a number's own secret, and META_APP_SECRET for that number no more", async () => {
    const box = await inbox({ app_secret: 'its-own-secret' });
    const payload = metaPayload.text(box.person());

    await box.post(payload).expect(200);
    await box.post(payload, { secret: box.w.env.META_APP_SECRET }).expect(403);

    expect(await kept(box)).toBe(1);
  });

  it('skips the entries of numbers whose own secret did not verify', async () => {
    const box = await inbox();
    const stranger = await officialNumber(box.w, box.w.globex, { app_secret: 'globex-secret' });
    const forged = metaPayload.text({ phone_number_id: stranger.phone_number_id, waba_id: stranger.waba_id });

    await box.post(metaPayload.batch([metaPayload.text(box.person()), forged])).expect(200);
    await box.idle();

    expect(await box.messages()).toHaveLength(1);
    const { body } = await box.w.globex.agent.get('/conversations').expect(200);
    expect((body as { total: number }).total).toBe(0);
  });

  it('takes and drops what still comes for a number that was deleted', async () => {
    const box = await inbox({ app_secret: 'its-own-secret' });
    const stored = (): Promise<unknown[]> => box.w.sql('SELECT 1 FROM inbound_events');
    const before = await stored();
    await box.company.admin.delete(`/whatsapp/${box.number.id}`).expect(204);

    await box.post(metaPayload.text(box.person())).expect(200);
    await box.post(metaPayload.text(box.person()), { secret: box.w.env.META_APP_SECRET }).expect(200);

    expect(await stored()).toHaveLength(before.length);
    await box.post(metaPayload.text(box.person({ phone_number_id: '999000999000999' }))).expect(403);
  });

  it.each([['its-own-secret'], [null]])('tells nobody who cannot sign that a number was here (its app_secret: %s)', async (app_secret) => {
    const box = await inbox({ app_secret });
    await box.company.admin.delete(`/whatsapp/${box.number.id}`).expect(204);

    const forged = { secret: 'a-guess' };
    await box.post(metaPayload.text(box.person()), forged).expect(403).expect(errorOf('invalid_signature'));
    await box.post(metaPayload.text(box.person({ phone_number_id: digits(15) })), forged).expect(403);
    await box.post(metaPayload.text(box.person())).expect(200);
  });

  it('passes a thousand bodies by their raw bytes (R2)', async () => {
    const box = await inbox();
    const secret = box.w.env.META_APP_SECRET;
    const letters = ['é', '😀', '👩‍👩‍👧', '\u0000', '"', '\\', '/', '\u2028', 'ã', '\ud800', '中', 'a', ' '];
    const word = (): string => Array.from({ length: randomInt(1, 30) }, () => letters[randomInt(letters.length)]).join('');
    const shuffled = (payload: object): string => {
      const keys = (value: unknown): unknown =>
        Array.isArray(value)
          ? value.map(keys)
          : value && typeof value === 'object'
            ? Object.fromEntries(
                Object.entries(value)
                  .sort(() => randomInt(3) - 1)
                  .map(([key, item]) => [key, keys(item)]),
              )
            : value;
      const json = JSON.stringify(keys(payload), null, randomInt(3));
      return randomInt(2) ? json : json.replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
    };

    const codes: number[] = [];
    for (let round = 0; round < 20; round++) {
      const answers = await Promise.all(
        Array.from({ length: 50 }, () => {
          const raw = Buffer.from(
            shuffled(metaPayload.text({ ...box.to, from: '5511988887777', body: word(), name: word(), id: wamid() })),
          );
          return fetch(`${box.w.base_url}/api/v1/whatsapp/webhook`, {
            method: 'POST',
            headers: { 'content-type': 'application/json', 'x-hub-signature-256': signMeta(raw, secret) },
            body: raw,
          });
        }),
      );
      codes.push(...answers.map((answer) => answer.status));
    }
    await box.idle();

    expect(codes.filter((code) => code !== 200)).toEqual([]);
    expect((await box.conversation()).total_messages).toBe(1000);
    expect(await box.parked()).toEqual([]);
  });
});

describe('what is no message of ours (R10)', () => {
  it('keeps a signed webhook of an unknown number as ignored', async () => {
    const box = await inbox();
    const before = await box.w.sql<{ count: number }>(`SELECT count(*)::int FROM inbound_events WHERE reason = 'unknown_number'`);

    await box.post(metaPayload.text({ phone_number_id: digits(15), waba_id: digits(15) })).expect(200, { status: 'ok' });

    const after = await box.w.sql<{ count: number }>(
      `SELECT count(*)::int FROM inbound_events WHERE reason = 'unknown_number' AND state = 'ignored'`,
    );
    expect(after[0].count).toBe(before[0].count + 1);
  });

  it('keeps another object as ignored', async () => {
    const box = await inbox();

    await box.receive({ ...metaPayload.text(box.person()), object: 'page' });

    expect(await box.events()).toEqual([{ state: 'ignored', reason: 'other_object' }]);
  });

  it('keeps a field it does not use as ignored, with the reason', async () => {
    const box = await inbox();

    await box.receive(metaPayload.unknownField('future_thing', box.to), metaPayload.calls(box.to));

    expect(await box.events()).toEqual([
      { state: 'ignored', reason: 'field_not_used: future_thing' },
      { state: 'ignored', reason: 'field_not_used: calls' },
    ]);
  });

  it('keeps a message of a kind that Meta invents next', async () => {
    const box = await inbox();

    await box.receive(metaPayload.unknownType(box.person({ type: 'hologram' } as never)));

    expect(await box.message()).toMatchObject({ message_type: 'unsupported', payload: { raw_type: 'hologram' } });
    expect(await box.events()).toEqual([{ state: 'processed', reason: null }]);
  });

  it('counts what it ignores', async () => {
    const box = await inbox();
    const read = async (): Promise<number> => {
      const { text } = await request(box.w.base_url).get('/observability/metrics');
      return Number(/inbound_events_ignored_total\{[^}]*reason="field_not_used"[^}]*\} (\d+)/.exec(text)?.[1] ?? 0);
    };
    const before = await read();

    await box.receive(metaPayload.unknownField('future_thing', box.to));

    expect(await read()).toBe(before + 1);
  });

  it('refuses JSON that is none, but only who signed it learns so', async () => {
    const box = await inbox();

    await box.post(null, { raw: '{"object":' }).expect(400).expect(errorOf('invalid_json'));
    await box.post(null, { raw: '{"object":', secret: 'guess' }).expect(403);
  });

  it('refuses more than three megabytes', async () => {
    const box = await inbox();

    await box.post(metaPayload.text({ ...box.person(), body: 'x'.repeat(2_900_000) })).expect(200);
    await box.post(metaPayload.text({ ...box.person(), body: 'x'.repeat(3_300_000) })).expect(413);
  });

  it('writes no audit entry for a webhook', async () => {
    const box = await inbox();
    const count = async (): Promise<number> => (await box.w.sql<{ count: number }>('SELECT count(*)::int FROM audit_logs'))[0].count;
    const before = await count();

    await box.receive(metaPayload.unknownField('future_thing', box.to));

    expect(await count()).toBe(before);
  });
});

describe('batches and repeats', () => {
  it('files one message for five deliveries at once, and tells of it once (R5)', async () => {
    const box = await inbox();
    const socket = await socketOf(box.company.agent);
    const told = box.hear('message.received');
    const payload = metaPayload.text(box.person());

    await Promise.all(Array.from({ length: 5 }, () => box.post(payload).expect(200)));
    await box.idle();
    await box.receive(payload);

    const conversation = await box.conversation();
    expect(conversation).toMatchObject({ total_messages: 1, messages_from_contact: 1, unread_count: 1 });
    expect(await box.messages()).toHaveLength(1);
    expect(told).toHaveLength(1);
    await socket.hear('message:new');
    expect(socket.all('message:new')).toHaveLength(1);
    expect((await box.contact()).total_messages_received).toBe(1);
  });

  it('applies 53 of 54 and parks the poisonous one (R6)', async () => {
    const box = await inbox();
    const ana = box.person();
    await box.receive(metaPayload.text(ana));
    const conversation = await box.conversation();
    const sent: string[] = [];
    const entry = async (): Promise<MetaPayload['entry'][number]> => {
      const changes = [];
      for (let c = 0; c < 3; c++) {
        const statuses = [];
        for (let s = 0; s < 3; s++) {
          const { whatsapp_message_id } = await box.outgoing(conversation);
          sent.push(whatsapp_message_id);
          statuses.push(
            metaPayload.status('delivered', { ...ana, recipient_id: ana.from, recipient_user_id: ana.user_id, id: whatsapp_message_id }),
          );
        }
        const messages = Array.from({ length: 3 }, () => metaPayload.text(ana));
        changes.push(metaPayload.merge([...messages, ...statuses]).entry[0].changes[0]);
      }
      return { id: box.number.waba_id, changes };
    };
    const payload: MetaPayload = { object: 'whatsapp_business_account', entry: [await entry(), await entry(), await entry()] };
    const poisoned = (payload.entry[1].changes[1].value.messages as { timestamp: unknown }[])[1];
    poisoned.timestamp = { not: 'a time' };

    await box.post(payload).expect(200, { status: 'ok' });
    await box.idle();

    expect((await box.conversation()).messages_from_contact).toBe(1 + 26);
    const [{ delivered }] = await box.w.sql<{ delivered: number }>(
      `SELECT count(*)::int AS delivered FROM messages WHERE whatsapp_message_id = ANY($1) AND status = 'delivered'`,
      [sent],
    );
    expect(delivered).toBe(27);
    expect(await box.parked()).toEqual([{ kind: 'poison', error: 'bad_timestamp', waits_for: null }]);
  });

  it('parks one that the database refuses, and files its neighbours', async () => {
    const box = await inbox();
    // Stands for whatever we did not think of.
    await box.w.sql(`CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$`);
    await box.w.sql(
      `CREATE TRIGGER refuse BEFORE INSERT ON messages FOR EACH ROW WHEN (NEW.content = 'arsenic') EXECUTE FUNCTION refuse()`,
    );
    try {
      const ana = box.person();
      await box.receive(
        metaPayload.merge(['one', 'arsenic', 'two'].map((body) => metaPayload.text({ ...ana, body }))),
        metaPayload.text({ ...ana, body: 'three' }),
      );
    } finally {
      await box.w.sql('DROP TRIGGER refuse ON messages');
    }

    expect((await box.messages()).map((message) => message.content)).toEqual(['one', 'two', 'three']);
    expect(await box.parked()).toEqual([{ kind: 'poison', error: 'refused', waits_for: null }]);
    expect(await box.conversation()).toMatchObject({ total_messages: 3, unread_count: 3 });
  });

  it('gives each organization of one payload its own', async () => {
    const box = await inbox();
    const theirs = await officialNumber(box.w, box.w.globex);

    await box.receive(
      metaPayload.batch([
        metaPayload.text({ ...box.person(), body: 'for Acme' }),
        metaPayload.text({ phone_number_id: theirs.phone_number_id, waba_id: theirs.waba_id, body: 'for Globex' }),
      ]),
    );

    expect((await box.message()).content).toBe('for Acme');
    const { body } = await box.w.globex.agent.get('/conversations').expect(200);
    expect((body as { items: Row[] }).items).toMatchObject([{ last_message: { content: 'for Globex' } }]);
  });

  it('keeps twenty messages of one person in order, in one conversation (R9)', async () => {
    const box = await inbox();
    const ana = box.person();
    const told = box.hear('message.received');
    const bodies = Array.from({ length: 20 }, (_, i) => `message ${i}`);

    await Promise.all(bodies.map((body) => box.post(metaPayload.text({ ...ana, body, timestamp: now() })).expect(200)));
    await box.idle();

    expect(await box.conversation()).toMatchObject({ total_messages: 20, unread_count: 20 });
    expect((await box.messages()).map((message) => message.content).sort()).toEqual([...bodies].sort());
    // Listeners (flows) hear them in the order they were stored.
    expect(told.map(({ message }) => message.id)).toEqual((await box.messages()).map((message) => message.id));
    expect(await box.contacts()).toHaveLength(1);
  });

  it('keeps the order over six workers at once', async () => {
    const box = await inbox();
    const store = box.w.app.get(InboundStore);
    const filing = box.w.app.get(Filing);
    const people = Array.from({ length: 4 }, () => box.person());
    const effects: Effect[] = [];
    const told = box.hear('message.received');
    // Each takes one webhook at a time, so that all have to do with the same people.
    const worker = async (lane: Lane): Promise<void> => {
      for (let idle = 0; idle < 20;) {
        const { finished: taken, effects: more } = await store.take(lane, 1, (tx, events) => filing.file(tx, events));
        effects.push(...more);
        idle = taken ? 0 : idle + 1;
        if (!taken) await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    const workers = ([0, 1, 0, 1] as const).map(worker);

    for (let i = 0; i < 20; i++)
      await Promise.all(people.map((person) => box.post(metaPayload.text({ ...person, body: String(i), timestamp: now() })).expect(200)));
    await Promise.all(workers);
    await box.idle();
    for (const effect of effects) effect();

    const conversations = await box.conversations();
    expect(conversations).toHaveLength(4);
    for (const conversation of conversations)
      expect((await box.messages(conversation.id)).map((message) => message.content)).toEqual(
        Array.from({ length: 20 }, (_, i) => String(i)),
      );
    expect(told).toHaveLength(80);
    expect(await box.contacts()).toHaveLength(4);
  });

  it('says 503 while the store does not take it, and takes it afterwards (R11)', async () => {
    const box = await inbox();
    const payload = metaPayload.text(box.person());
    await box.w.sql('ALTER TABLE inbound_events RENAME TO inbound_events_away');
    try {
      await box.post(payload).expect(503).expect(errorOf('service_unavailable'));
    } finally {
      await box.w.sql('ALTER TABLE inbound_events_away RENAME TO inbound_events');
    }

    await box.receive(payload);

    expect(await box.messages()).toHaveLength(1);
  });
});

describe('statuses', () => {
  async function sentMessage(
    values: Record<string, unknown> = {},
  ): Promise<{ box: Inbox; ana: ReturnType<Inbox['person']>; message: Row & { whatsapp_message_id: string } }> {
    const box = await inbox();
    const ana = box.person();
    await box.receive(metaPayload.text(ana));
    return { box, ana, message: await box.outgoing(await box.conversation(), values) };
  }

  it('end in one state in all 24 orders (R7)', async () => {
    const { box, ana } = await sentMessage();
    const conversation = await box.conversation();
    const at = now() - 100;
    const steps = ['sent', 'delivered', 'read', 'failed'].map((status, i) => ({ status, timestamp: at + i }));
    const orders = permutations(steps);
    const messages = await Promise.all(orders.map(() => box.outgoing(conversation)));

    for (let step = 0; step < 4; step++)
      await box.receive(
        metaPayload.batch(
          orders.map((order, i) =>
            metaPayload.status(order[step].status, {
              ...ana,
              recipient_id: ana.from,
              id: messages[i].whatsapp_message_id,
              timestamp: order[step].timestamp,
            }),
          ),
        ),
      );

    const rows = await Promise.all(messages.map((message) => box.stored(message.id)));
    const end = ({ status, sent_at, delivered_at, read_at, failed_at, error_code }: Row): string =>
      JSON.stringify({ status, sent_at, delivered_at, read_at, failed_at, error_code });
    expect(new Set(rows.map(end)).size).toBe(1);
    expect(rows[0]).toMatchObject({
      status: 'read',
      error_code: null,
      sent_at: new Date(at * 1000),
      delivered_at: new Date((at + 1) * 1000),
      read_at: new Date((at + 2) * 1000),
      failed_at: new Date((at + 3) * 1000),
    });
    const [{ count }] = await box.w.sql<{ count: number }>('SELECT count(*)::int FROM message_status_events WHERE message_id = ANY($1)', [
      messages.map((message) => message.id),
    ]);
    expect(count).toBe(24 * 4);
  });

  it('tell the sockets, once for each change', async () => {
    const { box, ana, message } = await sentMessage();
    const socket = await socketOf(box.company.agent);
    const status = (name: string): MetaPayload =>
      metaPayload.status(name, { ...ana, recipient_id: ana.from, id: message.whatsapp_message_id });

    await box.receive(status('sent'), status('sent'));
    await box.receive(status('delivered'));
    await box.receive(status('sent'));

    await socket.hear('message:status', ({ status: name }) => name === 'delivered');
    expect(socket.all('message:status').map(({ message_id, status: name }) => [message_id, name])).toEqual([
      [message.id, 'sent'],
      [message.id, 'delivered'],
    ]);
  });

  it('find our message by its own id when they overtake the answer to the send', async () => {
    const { box, ana, message } = await sentMessage({ whatsapp_message_id: null });
    const id = wamid();

    await box.receive(metaPayload.status('sent', { ...ana, recipient_id: ana.from, id, callback_data: message.id }));

    expect(await box.stored(message.id)).toMatchObject({ status: 'sent', whatsapp_message_id: id });
  });

  it("do not find another number's message by its id", async () => {
    const { box, message } = await sentMessage({ whatsapp_message_id: null });
    const theirs = await officialNumber(box.w, box.w.globex);

    await box.receive(
      metaPayload.status('sent', { phone_number_id: theirs.phone_number_id, waba_id: theirs.waba_id, callback_data: message.id }),
    );

    expect((await box.stored(message.id)).status).toBe('pending');
  });

  it('keep the pricing', async () => {
    const { box, ana, message } = await sentMessage();
    const pricing = { billable: true, pricing_model: 'PMP', category: 'utility', type: 'regular' };

    await box.receive(
      metaPayload.status('sent', { ...ana, recipient_id: ana.from, id: message.whatsapp_message_id, pricing }),
      metaPayload.status('read', { ...ana, recipient_id: ana.from, id: message.whatsapp_message_id }),
    );

    expect(await box.stored(message.id)).toMatchObject({ status: 'read', pricing });
  });

  it('count played as read', async () => {
    const { box, ana, message } = await sentMessage();

    await box.receive(metaPayload.status('played', { ...ana, recipient_id: ana.from, id: message.whatsapp_message_id, timestamp: now() }));

    const stored = await box.stored(message.id);
    expect(stored.status).toBe('read');
    expect(stored.played_at).toEqual(stored.read_at);
  });

  it('nobody knows are passed over', async () => {
    const { box, ana, message } = await sentMessage();

    await box.receive(
      metaPayload.status('warning', { ...ana, recipient_id: ana.from, id: message.whatsapp_message_id }),
      metaPayload.callStatus({ ...ana, recipient_id: ana.from }),
    );

    expect((await box.stored(message.id)).status).toBe('pending');
    expect(await box.parked()).toEqual([]);
  });

  it('overrule our own time-out', async () => {
    const { box, ana, message } = await sentMessage({ status: 'failed', error_code: 'provider_timeout', failed_at: new Date() });

    await box.receive(metaPayload.status('delivered', { ...ana, recipient_id: ana.from, id: message.whatsapp_message_id }));

    expect(await box.stored(message.id)).toMatchObject({ status: 'delivered', error_code: null, failed_at: null });
  });

  it('wait for their message (R8)', async () => {
    const box = await inbox();
    const ana = box.person();
    await box.receive(metaPayload.text(ana));
    const id = wamid();

    await box.receive(
      metaPayload.status('delivered', { ...ana, recipient_id: ana.from, id, timestamp: now() }),
      metaPayload.status('sent', { ...ana, recipient_id: ana.from, id, timestamp: now() - 5 }),
    );
    expect(await box.parked()).toMatchObject([
      { kind: 'orphan', waits_for: id },
      { kind: 'orphan', waits_for: id },
    ]);
    const message = await box.outgoing(await box.conversation(), { whatsapp_message_id: id, status: 'sent' });

    // The sweep finds them by itself.
    await until(async () => (await box.stored(message.id)).status === 'delivered', 'the parked status');
    expect(await box.parked()).toEqual([]);
  });

  const failed = (ana: object, from: string, id: string, code: number, timestamp = now()): MetaPayload =>
    metaPayload.status('failed', {
      ...ana,
      recipient_id: from,
      id,
      timestamp,
      error: { code, title: 'Refused', details: 'Meta refused it' },
    });

  it.each([
    [131026, 'undeliverable'],
    [131047, 'window_closed'],
    [131050, '131050'],
    [132000, 'template_parameter_error'],
    [131053, 'media_error'],
    [999999, '999999'],
  ])('failed with %i say %s', async (code, error_code) => {
    const { box, ana, message } = await sentMessage({ status: 'sent' });

    await box.receive(failed(ana, ana.from, message.whatsapp_message_id, code));

    expect(await box.stored(message.id)).toMatchObject({ status: 'failed', error_code, error_message: 'Meta refused it' });
  });

  it('failed with 131047 close the window, unless the customer wrote since', async () => {
    const { box, ana, message } = await sentMessage({ status: 'sent' });
    const late = await box.outgoing(await box.conversation(), { status: 'sent' });

    await box.receive(failed(ana, ana.from, late.whatsapp_message_id, 131047, now() - 60));
    expect((await box.conversation()).is_window_open).toBe(true);

    await box.receive(failed(ana, ana.from, message.whatsapp_message_id, 131047, now() + 5));
    expect(await box.conversation()).toMatchObject({ is_window_open: false, requires_template: true });

    // Told twice, with a new message in between: nothing closes again.
    await box.receive(
      metaPayload.text({ ...ana, timestamp: now() }),
      failed(ana, ana.from, message.whatsapp_message_id, 131047, now() + 5),
    );
    expect((await box.conversation()).is_window_open).toBe(true);
  });

  it('failed with 131050 are an opt-out, told to whom it concerns', async () => {
    const { box, ana, message } = await sentMessage({ status: 'sent' });
    const [opted_out, updated] = [box.hear('contact.opted_out'), box.hear('contact.updated')];

    await box.receive(failed(ana, ana.from, message.whatsapp_message_id, 131050));

    await until(() => opted_out.length && updated.length);
    const contact = await box.contact();
    expect(contact).toMatchObject({ opt_in: false, can_receive_marketing: false, opt_out_date: expect.any(String) as string });
    expect(opted_out).toMatchObject([{ contact: { id: contact.id, opt_in: false } }]);
  });

  it('failed with 131048 pause the number for an hour, which its administrators hear once and may end', async () => {
    const { box, ana, message } = await sentMessage({ status: 'sent' });
    const { admin, agent, viewer } = box.company;
    const line = `/whatsapp/${box.number.id}/rate-limit`;
    const usage = async (): Promise<Row> => (await viewer.get(`${line}/usage`).expect(200)).body as Row;
    const refuse = ({ whatsapp_message_id }: { whatsapp_message_id: string }): Promise<void> =>
      box.receive(failed(ana, ana.from, whatsapp_message_id, 131048));
    expect(await usage()).toMatchObject({ can_send_now: true, paused_until: null });

    await refuse(message);
    await refuse(await box.outgoing(await box.conversation(), { status: 'sent' }));

    const paused = await usage();
    expect(paused).toMatchObject({ can_send_now: false, rate_limit_reason: 'paused' });
    expect(paused.retry_after_seconds).toBeGreaterThan(58 * 60);
    expect(paused.retry_after_seconds).toBeLessThanOrEqual(3600);
    expect(Date.parse(paused.paused_until as string) - Date.now()).toBeGreaterThan(58 * 60_000);
    await box.w.app.get(DueRows).idle();
    const { body: notices } = await admin.get('/notifications?type=whatsapp_restricted').expect(200);
    expect(notices).toMatchObject({ total: 1, items: [{ data: { whatsapp_number_id: box.number.id } }] });

    const { body: kept } = await admin.post(`${line}/reset`).expect(200);
    expect(kept).toMatchObject({ paused_until: paused.paused_until, message: expect.stringContaining('lift_pause') as string });
    await agent.post(`${line}/reset`, { lift_pause: true }).expect(403);
    await admin.post(`${line}/reset`, { lift_pause: 'yes' }).expect(wrongField('lift_pause'));
    expect((await admin.post(`${line}/reset`, { lift_pause: true }).expect(200)).body).toMatchObject({ paused_until: null });
    expect(await usage()).toMatchObject({ can_send_now: true, rate_limit_reason: null, paused_until: null });
  });

  it('failed with 190 mark the number', async () => {
    const { box, ana, message } = await sentMessage({ status: 'sent' });

    const socket = await socketOf(box.company.agent);
    await box.receive(failed(ana, ana.from, message.whatsapp_message_id, 190));

    const [number] = await box.w.sql('SELECT connection_status, last_error FROM whatsapp_numbers WHERE id = $1', [box.number.id]);
    expect(number).toEqual({ connection_status: 'error', last_error: 'Meta refused it' });
    await socket.hear('whatsapp:number_status', ({ id, connection_status }) => id === box.number.id && connection_status === 'error');
  });

  it('failed with 132015 pause the template', async () => {
    const box = await inbox();
    const ana = box.person();
    await box.receive(metaPayload.text(ana));
    const template_id = await template(box);
    const message = await box.outgoing(await box.conversation(), { status: 'sent', message_type: 'template', template_id });
    const told = box.hear('template.status_updated');

    await box.receive(failed(ana, ana.from, message.whatsapp_message_id, 132015));

    const [{ status }] = await box.w.sql<{ status: string }>('SELECT status FROM whatsapp_templates WHERE id = $1', [template_id]);
    expect(status).toBe('PAUSED');
    expect(told).toMatchObject([{ template: { id: template_id, status: 'PAUSED' }, previous_status: 'PENDING' }]);
  });
});

describe('templates and accounts', () => {
  const statusOf = async (box: Inbox, id: string): Promise<Row> =>
    (await box.w.sql<Row>('SELECT * FROM whatsapp_templates WHERE id = $1', [id]))[0];

  it.each([
    ['APPROVED', 'APPROVED'],
    ['REJECTED', 'REJECTED'],
    ['PAUSED', 'PAUSED'],
    ['DISABLED', 'DISABLED'],
    ['REINSTATED', 'APPROVED'],
    ['UNARCHIVED', 'APPROVED'],
    ['PENDING_DELETION', 'PENDING_DELETION'],
  ])('%s makes a template %s', async (event, status) => {
    const box = await inbox();
    const id = await template(box);

    await box.receive(metaPayload.templateStatus(event, { ...box.to, name: 'pedido_pronto', language: 'pt-BR', template_id: digits(16) }));

    expect(await statusOf(box, id)).toMatchObject({ status, rejected_reason: null });
  });

  it('finds a template by its id beyond 2^53 and keeps the reason of a refusal', async () => {
    const box = await inbox();
    const meta_template_id = '9007199254740993123';
    const id = await template(box, { name: 'outro', meta_template_id });
    const other = await template(box, { name: 'mais_um', meta_template_id: '9007199254740992123' });
    const payload = metaPayload.templateStatus('REJECTED', {
      ...box.to,
      name: 'renamed',
      template_id: meta_template_id,
      reason: 'INVALID_FORMAT',
      extra: { rejection_info: { reason: 'x'.repeat(2000) } },
    });
    const raw = metaJson(payload).replace(`"${meta_template_id}"`, meta_template_id);

    await box.post(null, { raw }).expect(200);
    await box.idle();

    expect(await statusOf(box, id)).toMatchObject({ status: 'REJECTED', rejected_reason: 'x'.repeat(500) });
    expect((await statusOf(box, other)).status).toBe('PENDING');
  });

  it('takes the new category and the new quality', async () => {
    const box = await inbox();
    const id = await template(box);

    await box.receive(
      metaPayload.templateCategory({ ...box.to, category: 'MARKETING' }),
      metaPayload.templateQuality({ ...box.to, quality: 'RED' }),
    );

    expect(await statusOf(box, id)).toMatchObject({ status: 'PENDING', category: 'MARKETING', quality_score: 'RED' });
  });

  it('tells the sockets of a template once', async () => {
    const box = await inbox();
    const id = await template(box);
    const socket = await socketOf(box.company.agent);
    const approved = metaPayload.templateStatus('APPROVED', box.to);

    await box.receive(approved, approved);

    await socket.hear('template:status');
    expect(socket.all('template:status')).toEqual([{ template_id: id, name: 'pedido_pronto', language: 'pt_BR', status: 'APPROVED' }]);
  });

  it("leaves another organization's template alone", async () => {
    const box = await inbox();
    const theirs = await officialNumber(box.w, box.w.globex);
    const id = await template({ ...box, w: box.w, number: theirs, company: box.w.globex } as Inbox);
    await template(box);

    await box.receive(metaPayload.templateStatus('APPROVED', box.to));

    expect((await statusOf(box, id)).status).toBe('PENDING');
  });

  const numberOf = async (box: Inbox): Promise<Row> =>
    (await box.w.sql<Row>('SELECT * FROM whatsapp_numbers WHERE id = $1', [box.number.id]))[0];

  it.each(['DISABLED_UPDATE', 'ACCOUNT_RESTRICTION', 'ACCOUNT_VIOLATION', 'ACCOUNT_DELETED'])(
    '%s stops the numbers of the account',
    async (event) => {
      const box = await inbox();

      await box.receive(metaPayload.accountUpdate(event, box.to));

      expect(await numberOf(box)).toMatchObject({ connection_status: 'error', last_error: `Meta: ${event}` });
    },
  );

  it('starts them again when Meta reinstates the account', async () => {
    const box = await inbox();

    await box.receive(
      metaPayload.accountUpdate('DISABLED_UPDATE', box.to),
      metaPayload.accountUpdate('DISABLED_UPDATE', { ...box.to, extra: { ban_info: { waba_ban_state: 'REINSTATE' } } }),
    );

    expect((await numberOf(box)).connection_status).toBe('connected');
  });

  it('tells the sockets of a number that stops', async () => {
    const box = await inbox();
    const socket = await socketOf(box.company.agent);
    const [lost, updated] = [box.hear('whatsapp_number.disconnected'), box.hear('whatsapp_number.updated')];
    const banned = metaPayload.accountUpdate('ACCOUNT_VIOLATION', box.to);

    await box.receive(banned, banned, metaPayload.accountUpdate('PARTNER_ADDED', box.to));

    expect(await socket.hear('whatsapp:number_status')).toMatchObject({ id: box.number.id, connection_status: 'error' });
    expect([lost.length, updated.length]).toEqual([1, 2]);
  });

  it('only notes the other account updates', async () => {
    const box = await inbox();

    await box.receive(
      metaPayload.accountUpdate('PARTNER_ADDED', box.to),
      metaPayload.accountAlert(box.to),
      metaPayload.accountReview(box.to),
    );

    expect(await numberOf(box)).toMatchObject({ connection_status: 'connected', last_error: null });
  });

  it('takes the limit of one number, the limit of all, and the approved name', async () => {
    const box = await inbox();
    const second = await officialNumber(box.w, box.company, { waba_id: box.number.waba_id });
    const tiers = async (): Promise<unknown[]> =>
      (
        await box.w.sql<Row>('SELECT messaging_limit_tier FROM whatsapp_numbers WHERE organization_id = $1 ORDER BY id', [box.company.id])
      ).map((row) => row.messaging_limit_tier);

    await box.receive(metaPayload.phoneQuality({ ...box.to, current_limit: 'TIER_10K' }));
    expect(await tiers()).toEqual(['TIER_10K', null]);

    await box.receive(metaPayload.capability({ ...box.to, limit: 2000 }));
    expect(await tiers()).toEqual(['TIER_2K', 'TIER_2K']);

    await box.receive(
      metaPayload.phoneName({ ...box.to, display_phone_number: second.phone_number.slice(1), name: 'Padaria Lima' }),
      metaPayload.phoneName({ ...box.to, decision: 'DECLINED', name: 'Refused' }),
    );
    expect((await box.w.sql<Row>('SELECT display_name FROM whatsapp_numbers WHERE id = $1', [second.id]))[0].display_name).toBe(
      'Padaria Lima',
    );
    expect((await numberOf(box)).display_name).toBe('Acme');
  });

  it('keeps the trouble Meta tells of a number', async () => {
    const box = await inbox();

    await box.receive(metaPayload.valueErrors({ ...box.to, code: 130429 }));

    expect((await numberOf(box)).last_error).toContain('130429');
  });
});

async function template(
  box: Pick<Inbox, 'w' | 'company' | 'number'>,
  values: { name?: string; meta_template_id?: string } = {},
): Promise<string> {
  const [{ id }] = await box.w.sql<{ id: string }>(
    `INSERT INTO whatsapp_templates (id, organization_id, whatsapp_number_id, meta_template_id, name, language, category, status)
     VALUES (gen_random_uuid(), $1, $2, $3, $4, 'pt_BR', 'UTILITY', 'PENDING') RETURNING id`,
    [box.company.id, box.number.id, values.meta_template_id ?? null, values.name ?? 'pedido_pronto'],
  );
  return id;
}

it('tells the sockets of a message as the contract words it', async () => {
  const box = await inbox();
  const [ours, theirs] = await Promise.all([socketOf(box.company.agent), socketOf(box.w.globex.agent)]);
  const ana = box.person({ name: 'Ana Souza' });

  await box.receive(metaPayload.text({ ...ana, body: 'Oi' }));

  const told = await ours.hear('message:new');
  const { id } = await box.conversation();
  expect(told).toMatchObject({
    conversation_id: id,
    direction: 'incoming',
    content: 'Oi',
    status: 'received',
    contact: { name: 'Ana Souza', phone_number: `+${ana.from}` },
    conversation: { id, status: 'open', unread_count: 1, current_agent_id: null },
  });
  await ours.hear('conversation:new', (conversation) => conversation.id === id);
  await ours.hear('contact:created', (contact) => contact.phone_number === `+${ana.from}`);
  expect(theirs.all('message:new')).toEqual([]);
});

it('refuses a webhook for a number without any secret', async () => {
  const box = await inbox();

  await postWebhook(box.w, metaPayload.text(box.person()), { secret: randomBytes(8).toString('hex') }).expect(403);
});

it('loses nothing when tables get a column meanwhile', async () => {
  const box = await inbox();
  const told = async (): Promise<void> => {
    const [ana, id] = [box.person(), wamid()];
    await box.receive(metaPayload.text({ ...ana, id }), metaPayload.reaction({ ...ana, target: id, emoji: '👍' }));
    const [{ reactions }] = await box.w.sql<Row>('SELECT reactions FROM messages WHERE whatsapp_message_id = $1', [id]);
    expect(reactions).toHaveLength(1);
  };
  const tables = ['contacts', 'messages', 'conversations', 'whatsapp_numbers', 'inbound_events', 'contact_identities'];
  // On both of the connections that file.
  for (let n = 0; n < 4; n++) await told();

  for (const table of tables) await box.w.sql(`ALTER TABLE ${table} ADD COLUMN of_an_operator text`);
  try {
    for (let n = 0; n < 4; n++) await told();
  } finally {
    for (const table of tables) await box.w.sql(`ALTER TABLE ${table} DROP COLUMN of_an_operator`);
  }

  expect(await box.parked()).toEqual([]);
});

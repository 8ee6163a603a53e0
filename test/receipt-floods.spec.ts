import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { Client } from 'pg';
import { EventBus } from '#common/events';
import { NumberDirectory } from '#modules/whatsapp/numbers/number-directory';
import { LANE_LOCKS } from '#modules/whatsapp/receipt/inbound-store';
import { Inbox, inbox, postWebhook } from './support/inbox';
import { type MetaPayload, metaPayload, wamid } from './support/meta-payloads';
import { digits, officialNumber } from './support/official-number';
import { until } from './support/sockets';
import { type World, errorOf } from './support/world';

const now = (): number => Math.floor(Date.now() / 1000);

describe('a flood', () => {
  /** Many texts of one webhook, as Meta batches them. */
  const texts = (box: Inbox, ids: string[], from = box.person()): MetaPayload => {
    const payload = metaPayload.text(from);
    const [first] = payload.entry[0].changes[0].value.messages as object[];
    payload.entry[0].changes[0].value.messages = ids.map((id) => ({ ...first, id, text: { body: id } }));
    return payload;
  };

  /** What waits stays where it is, as while another worker is at it. */
  async function held<T>({ w }: Inbox, companies: { id: string }[], work: () => Promise<T>): Promise<T> {
    const worker = new Client({ connectionString: w.env.DATABASE_URL });
    await worker.connect();
    try {
      for (const { id } of companies)
        for (const lock of LANE_LOCKS) await worker.query('SELECT pg_advisory_lock($1, hashtext($2))', [lock, id]);
      return await work();
    } finally {
      await worker.end();
    }
  }

  it('keeps the place of a webhook about several people among those about one', async () => {
    const box = await inbox();
    // Of both lanes.
    const people = Array.from({ length: 6 }, () => box.person());
    const timestamp = now();
    const of = (body: string, ...about: typeof people): MetaPayload => {
      const [first, ...more] = about.map((person) => metaPayload.text({ ...person, body, timestamp }));
      first.entry.push(...more.flatMap(({ entry }) => entry));
      return first;
    };

    await held(box, [box.company], async () => {
      for (let round = 0; round < 5; round++) {
        await box.post(of(`${round} together`, ...people)).expect(200);
        for (const person of people) await box.post(of(`${round} alone`, person)).expect(200);
      }
    });
    await box.idle();

    const conversations = await box.conversations();
    expect(conversations).toHaveLength(people.length);
    for (const { id } of conversations)
      expect((await box.messages(id)).map(({ content }) => content)).toEqual(
        Array.from({ length: 5 }, (_, round) => [`${round} together`, `${round} alone`]).flat(),
      );
  });

  it('of one organization lets the next one have its turn', async () => {
    const box = await inbox();
    const theirs = new Inbox(box.w, box.w.globex, await officialNumber(box.w, box.w.globex));
    const told: string[] = [];
    box.w.app.get(EventBus).on('message.received', ({ organization_id }) => void told.push(organization_id));

    await held(box, [box.company, theirs.company], async () => {
      for (let n = 0; n < 3; n++)
        await box
          .post(
            texts(
              box,
              Array.from({ length: 700 }, () => wamid()),
            ),
          )
          .expect(200);
      await theirs.post(metaPayload.text(theirs.person())).expect(200);
    });
    await until(() => told.filter((id) => id === box.company.id).length === 2100, 'the flood');

    expect(told.filter((id) => id === theirs.company.id)).toHaveLength(1);
    // With the first part of the flood, not behind it.
    expect(told.indexOf(theirs.company.id)).toBeLessThan(700);
    expect((await theirs.conversation()).total_messages).toBe(1);
  });

  it('of one webhook is filed in order, each message once, and goes on where it was when it broke off', async () => {
    const box = await inbox();
    const ids = Array.from({ length: 1200 }, () => wamid());
    const told = box.hear('message.received');

    await held(box, [box.company], async () => {
      await box.post(texts(box, ids)).expect(200);
      await box.w.sql('UPDATE inbound_events SET items_done = 700 WHERE whatsapp_number_id = $1', [box.number.id]);
    });
    await until(async () => (await box.events())[0].state === 'processed', 'the rest');
    await box.idle();

    expect(told.map(({ message }) => message.content)).toEqual(ids.slice(700));
    expect((await box.conversation()).total_messages).toBe(500);
    const [{ items_done }] = await box.w.sql<{ items_done: number }>(
      'SELECT items_done FROM inbound_events WHERE whatsapp_number_id = $1',
      [box.number.id],
    );
    expect(items_done).toBe(1200);
  });

  it('files the rest of a webhook of thousands when one of them is poison', async () => {
    const box = await inbox();
    const ids = Array.from({ length: 1200 }, () => wamid());
    await box.w.sql(`CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$`);
    await box.w.sql(
      `CREATE TRIGGER refuse BEFORE INSERT ON messages FOR EACH ROW WHEN (NEW.content = '${ids[730]}') EXECUTE FUNCTION refuse()`,
    );
    try {
      await box.receive(texts(box, ids));
    } finally {
      await box.w.sql('DROP TRIGGER refuse ON messages');
    }

    expect(await box.conversation()).toMatchObject({ total_messages: 1199, unread_count: 1199 });
    expect(await box.parked()).toEqual([{ kind: 'poison', error: 'refused', waits_for: null }]);
    expect(await box.events()).toEqual([{ state: 'processed', reason: null }]);
  });

  it('of reactions to a message that comes later is applied in parts', async () => {
    const box = await inbox();
    const ana = box.person();
    const id = wamid();
    const reaction = (n: number): MetaPayload =>
      metaPayload.reaction({ ...ana, target: id, emoji: n === 449 ? '❤️' : '👍', timestamp: now() - 500 + n });
    await box.receive(metaPayload.merge(Array.from({ length: 450 }, (_, n) => reaction(n))));
    expect(await box.parked()).toHaveLength(450);

    await box.receive(metaPayload.text({ ...ana, id }));
    await until(async () => (await box.parked()).length === 0, 'the last part');

    expect((await box.message()).reactions).toEqual([expect.objectContaining({ from: 'contact', emoji: '❤️' })]);
  });

  it('that leaves too much waiting is told 503 until it is filed; its neighbours are not', async () => {
    const box = await inbox();
    const theirs = new Inbox(box.w, box.w.globex, await officialNumber(box.w, box.w.globex));
    const large = (): MetaPayload => metaPayload.text({ ...box.person(), body: 'x'.repeat(2_900_000) });
    const both = (): MetaPayload => metaPayload.batch([metaPayload.text(box.person()), metaPayload.text(theirs.person())]);

    await held(box, [box.company], async () => {
      // A gigabyte as PyTake counts it; PostgreSQL compresses it once and copies.
      await box.w.sql(
        `INSERT INTO inbound_events (id, organization_id, whatsapp_number_id, provider, state, body)
         VALUES (gen_random_uuid(), $1, $2, 'meta', 'received', convert_to('{"object":"page"' || repeat(' ', 3000000) || '}', 'UTF8'))`,
        [box.company.id, box.number.id],
      );
      await box.w.sql(
        `INSERT INTO inbound_events (id, organization_id, whatsapp_number_id, provider, state, body)
         SELECT gen_random_uuid(), organization_id, whatsapp_number_id, provider, state, body FROM inbound_events, generate_series(1, 360)
          WHERE organization_id = $1`,
        [box.company.id],
      );
      // Measured now and then, so that it costs the door no query for each.
      await until(async () => (await box.post(large())).status === 503, 'the refusal');

      const { headers } = await box.post(metaPayload.text(box.person())).expect(503).expect(errorOf('service_unavailable'));
      expect(headers['retry-after']).toBe('60');
      await theirs.receive(metaPayload.text(theirs.person()));
      await box.post(both()).expect(503);
      await theirs.idle();
      expect(await theirs.conversations()).toHaveLength(2);
      await box.w.sql(`UPDATE inbound_events SET state = 'processed' WHERE organization_id = $1`, [box.company.id]);
    });

    await until(async () => (await box.post(both())).status === 200, 'the door to open again');
  });
});

describe('bodies of strangers', () => {
  /** A webhook of which only the head and `sent` bytes come; what the door says to it. */
  function begin(
    w: World,
    headers: string[],
    sent = 0,
    announced = 2_900_000,
  ): { told: () => string; isOver: () => boolean; end: () => void } {
    const socket = connect(Number(new URL(w.base_url).port), '127.0.0.1').setEncoding('latin1');
    let told = '';
    socket.on('data', (data) => (told += String(data))).on('error', () => undefined);
    const head = ['POST /api/v1/whatsapp/webhook HTTP/1.1', 'Host: localhost', `Content-Length: ${announced}`, ...headers];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    socket.write(Buffer.alloc(sent, 0x20));
    return { told: () => told, isOver: () => socket.destroyed, end: () => void socket.destroy() };
  }
  const forged = (): string => `X-Hub-Signature-256: sha256=${randomBytes(32).toString('hex')}`;

  it.each([
    ['no signature', []],
    ['half a signature', ['X-Hub-Signature-256: sha256=abc']],
  ])('with %s are refused unread, and the connection ends', async (_, headers) => {
    const { w } = await inbox();

    const { told, isOver } = begin(w, headers);

    await until(() => told().startsWith('HTTP/1.1 403'), 'the refusal');
    await until(isOver, 'the end of the connection');
  });

  it('are read within a bound, and keep no webhook of Meta out', async () => {
    const box = await inbox();
    const strangers = Array.from({ length: 14 }, () => begin(box.w, [forged()], 2_800_000));

    await until(() => strangers.some(({ told }) => told().startsWith('HTTP/1.1 503')), 'a refusal');
    await box.receive(metaPayload.text(box.person()));

    expect(await box.messages()).toHaveLength(1);
    for (const { end } of strangers) end();
    await until(
      async () => (await box.post(metaPayload.text({ ...box.person(), body: 'x'.repeat(2_900_000) }))).status === 200,
      'room again',
    );
  });

  it('that are compressed are not read: the signature is over what was sent', async () => {
    const box = await inbox();

    await box.post(metaPayload.text(box.person())).set('Content-Encoding', 'gzip').expect(415).expect(errorOf('unsupported_media_type'));
  });

  it('are not parsed, also where they name a number that is here', async () => {
    const box = await inbox();
    const parse = jest.spyOn(JSON, 'parse');
    const marked = (): number => parse.mock.calls.filter(([text]) => String(text).includes('a stranger wrote this')).length;
    const payload = metaPayload.text({ ...box.person(), body: 'a stranger wrote this' });

    await box.post(payload, { secret: 'guess' }).expect(403);
    expect(marked()).toBe(0);
    await box.receive(payload);
    expect(marked()).toBeGreaterThan(0);
    parse.mockRestore();
  });

  it('name no more numbers than an app may have, unless the platform signed', async () => {
    const box = await inbox({ app_secret: 'its-own-secret' });
    const many = (count: number): MetaPayload =>
      metaPayload.batch([
        metaPayload.text(box.person()),
        ...Array.from({ length: count - 1 }, () => metaPayload.text({ phone_number_id: digits(15), waba_id: digits(15) })),
      ]);

    await box.post(many(100)).expect(200);
    await box.post(many(101)).expect(403).expect(errorOf('invalid_signature'));
    await postWebhook(
      box.w,
      metaPayload.batch([...Array(101)].map(() => metaPayload.text({ phone_number_id: digits(15), waba_id: digits(15) }))),
    ).expect(200);

    expect(await box.events()).toHaveLength(1);
  });
});

describe('who only claims Meta’s ids', () => {
  it('hears nothing the platform signs for them; who proved them does', async () => {
    const box = await inbox();
    const squatter = await officialNumber(box.w, box.w.globex);
    await box.w.sql('UPDATE whatsapp_numbers SET proved_at = NULL, phone_number_id = $2, whatsapp_business_account_id = $3 WHERE id = $1', [
      squatter.id,
      box.number.phone_number_id,
      box.number.waba_id,
    ]);
    await officialNumber(box.w, box.w.globex);

    await box.receive(metaPayload.text(box.person()), metaPayload.accountUpdate('ACCOUNT_VIOLATION', box.to));

    expect(await box.messages()).toHaveLength(1);
    expect(await box.w.sql('SELECT 1 FROM inbound_events WHERE whatsapp_number_id = $1', [squatter.id])).toEqual([]);
    const [{ connection_status }] = await box.w.sql('SELECT connection_status FROM whatsapp_numbers WHERE id = $1', [squatter.id]);
    expect(connection_status).toBe('connected');
  });

  it('is not heard of either: the provider repeats until somebody proves them', async () => {
    const box = await inbox();
    await box.w.sql('UPDATE whatsapp_numbers SET proved_at = NULL WHERE id = $1', [box.number.id]);
    const payload = metaPayload.text(box.person());

    await box.post(payload).expect(403).expect(errorOf('invalid_signature'));
    await box.w.sql('UPDATE whatsapp_numbers SET proved_at = now() WHERE id = $1', [box.number.id]);
    box.w.app.get(NumberDirectory).forget();

    await box.receive(payload);
    expect(await box.messages()).toHaveLength(1);
  });
});

import type { ContactView } from '#modules/contacts/contact.dto';
import { InboundWorker } from '#modules/conversations/filing/inbound.worker';
import { Desk, type Row } from './support/desk';
import { type FakeMeta, META_SECRET, fakeMeta, numberInput } from './support/fake-meta';
import { postWebhook } from './support/inbox';
import { type From, type MetaPayload, metaPayload } from './support/meta-payloads';
import { digits } from './support/official-number';
import { until } from './support/sockets';
import { type Company, type World, errorOf, world } from './support/world';

let meta: FakeMeta;

beforeAll(async () => {
  meta = await fakeMeta();
});

afterAll(() => meta.close());

const wa_id = (): string => `55119${digits(8).replace(/^./, '8')}`;
const bsuid = (): string => `BR.${digits(16)}`;
/** Unix seconds, from now. */
const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;

class Shop extends Desk {
  constructor(
    w: World,
    company: Company,
    readonly number: { id: string; phone_number_id: string; waba_id: string },
  ) {
    super(w, company);
  }

  async receive(...payloads: MetaPayload[]): Promise<void> {
    await Promise.all(payloads.map((payload) => postWebhook(this.w, payload, { secret: META_SECRET }).expect(200)));
    await this.idle();
  }

  idle(): Promise<void> {
    return this.w.app.get(InboundWorker).idle();
  }

  /** Written after whatever happened before, unless another time is told. */
  text(who: Partial<From> & { body: string }): MetaPayload {
    const { phone_number_id, waba_id } = this.number;
    if (who.from) meta.simulator.customer({ wa_id: who.from, name: who.name ?? 'Ana' });
    return metaPayload.text({ phone_number_id, waba_id, user_id: null, timestamp: inSeconds(2), ...who });
  }

  changedNumber(who: object): MetaPayload {
    const { phone_number_id, waba_id } = this.number;
    return metaPayload.changedNumber({ phone_number_id, waba_id, ...who } as Parameters<typeof metaPayload.changedNumber>[0]);
  }

  /** The live conversation a text stands in. */
  async threadOf(content: string): Promise<Row> {
    const [row] = await this.w.sql<Row>(
      'SELECT v.* FROM messages m JOIN conversations v ON v.id = m.conversation_id WHERE m.organization_id = $1 AND m.content = $2',
      [this.company.id, content],
    );
    return row;
  }

  async sent(id: string): Promise<Row> {
    return (await this.company.agent.get(`/whatsapp/messages/${id}`).expect(200)).body as Row;
  }

  /** Sent into the conversation of a text; answers whom it went to. */
  async answer(content: string): Promise<string> {
    const text = `re: ${content} ${digits(4)}`;
    const { id } = await this.threadOf(content);
    await this.company.agent.post(`/conversations/${String(id)}/messages`, { content: text }).expect(201);
    return this.receiverOf(text);
  }

  async receiverOf(text: string): Promise<string> {
    const find = (): Record<string, unknown> | undefined =>
      meta.simulator
        .sent()
        .map(({ body }) => body)
        .find((body) => (body.text as { body?: string } | undefined)?.body === text);
    await until(() => Promise.resolve(find() !== undefined), `"${text}" to leave`);
    return String(find()?.to).replace('+', '');
  }
}

async function shop(): Promise<Shop> {
  const w = await world(meta.env);
  const known = meta.number(`+55 11 4${digits(7)}`);
  const { body: number } = await w.acme.admin.post('/whatsapp', numberInput(known)).expect(201);
  return new Shop(w, w.acme, { ...number, ...known });
}

const active = ({ identities }: Pick<ContactView, 'identities'>): string[] =>
  identities
    .filter(({ kind, is_active }) => kind === 'phone' && is_active)
    .map(({ value }) => value)
    .sort();

/** Without Brazil's ninth digit, as it is matched. */
const key = (phone: string): string => phone.slice(0, 4) + phone.slice(5);

describe('a phone that was given up', () => {
  it('by a correction is whose writes from it since; what was written before is still the one’s', async () => {
    const box = await shop();
    const [typo, right] = [wa_id(), wa_id()];
    await box.receive(box.text({ from: typo, body: 'first', timestamp: inSeconds(-60) }));
    const ana = await box.contact();
    await box.company.agent.put(`/contacts/${ana.id}`, { whatsapp_id: `+${right}` }).expect(200);

    await box.receive(box.text({ from: typo, body: 'late', timestamp: inSeconds(-30) }));
    await box.receive(box.text({ from: typo, user_id: bsuid(), name: 'Zeca', body: 'who is there?' }));

    const contacts = await box.contacts();
    expect(contacts.map(({ whatsapp_id }) => whatsapp_id).sort()).toEqual([`+${right}`, `+${typo}`].sort());
    expect((await box.threadOf('late')).contact_id).toBe(ana.id);
    expect((await box.threadOf('who is there?')).contact_id).not.toBe(ana.id);
    expect(await box.answer('who is there?')).toBe(typo);
    expect(await box.answer('first')).toBe(right);
    expect(active((await box.company.agent.get(`/contacts/${ana.id}`).expect(200)).body as ContactView)).toEqual([key(right)]);
  });

  it('wrongly is their own again once an id proves who writes, and answers go there', async () => {
    const box = await shop();
    const [phone, wrong, id] = [wa_id(), wa_id(), bsuid()];
    await box.receive(box.text({ from: phone, user_id: id, body: 'first', timestamp: inSeconds(-60) }));
    const ana = await box.contact();
    await box.company.agent.put(`/contacts/${ana.id}`, { whatsapp_id: `+${wrong}` }).expect(200);

    await box.receive(box.text({ from: phone, user_id: id, body: 'it is me' }));

    expect(active((await box.contact()) as unknown as ContactView)).toEqual([key(phone), key(wrong)].sort());
    expect(await box.answer('it is me')).toBe(phone);
  });

  it('by user_changed_number has a next owner, new or known, who is never made one with the first', async () => {
    const box = await shop();
    const [old, moved, zeca] = [wa_id(), wa_id(), bsuid()];
    await box.receive(box.text({ from: old, user_id: bsuid(), body: 'first', timestamp: inSeconds(-60) }));
    const ana = await box.contact();
    await box.receive(box.text({ from: null, user_id: zeca, name: 'Zeca', body: 'without a phone', timestamp: inSeconds(-50) }));
    await box.receive(box.changedNumber({ from: old, user_id: null, new_wa_id: moved }));

    await box.receive(box.text({ from: old, user_id: zeca, name: 'Zeca', body: 'my new phone' }));

    expect(await box.contacts()).toHaveLength(2);
    const thread = await box.threadOf('my new phone');
    expect(thread.contact_id).toBe((await box.threadOf('without a phone')).contact_id);
    expect(thread.contact_id).not.toBe(ana.id);
    expect(await box.answer('my new phone')).toBe(old);
    expect(await box.answer('first')).toBe(moved);
  });

  it('has its next owner since it changed, not since we heard of it', async () => {
    const box = await shop();
    const [old, moved] = [wa_id(), wa_id()];
    await box.receive(box.text({ from: old, user_id: bsuid(), body: 'first', timestamp: inSeconds(-7200) }));
    const ana = await box.contact();

    await box.receive(box.changedNumber({ from: old, user_id: null, new_wa_id: moved, timestamp: inSeconds(-3600) }));
    await box.receive(box.text({ from: old, user_id: bsuid(), name: 'Zeca', body: 'my new phone', timestamp: inSeconds(-1800) }));
    await box.receive(box.text({ from: old, body: 'hers, late', timestamp: inSeconds(-5000) }));

    expect((await box.threadOf('my new phone')).contact_id).not.toBe(ana.id);
    expect(await box.answer('my new phone')).toBe(old);
    expect(await box.answer('first')).toBe(moved);
  });

  it('finds one next owner, however many messages of theirs come at once', async () => {
    const box = await shop();
    const [typo, right, id] = [wa_id(), wa_id(), bsuid()];
    await box.receive(box.text({ from: typo, body: 'first', timestamp: inSeconds(-60) }));
    const ana = await box.contact();
    await box.company.agent.put(`/contacts/${ana.id}`, { whatsapp_id: `+${right}` }).expect(200);

    await box.receive(...Array.from({ length: 50 }, (_, n) => box.text({ from: typo, user_id: id, name: 'Zeca', body: `text ${n}` })));

    expect(await box.contacts()).toHaveLength(2);
    const { contact_id, total_messages } = await box.threadOf('text 7');
    expect([contact_id === ana.id, total_messages]).toEqual([false, 50]);
    expect(await box.w.sql('SELECT error FROM parked_items WHERE organization_id = $1', [box.company.id])).toEqual([]);
  });

  it('may be entered as somebody else’s', async () => {
    const box = await shop();
    const [typo, right] = [wa_id(), wa_id()];
    await box.receive(box.text({ from: typo, body: 'first', timestamp: inSeconds(-60) }));
    const ana = await box.contact();
    await box.company.agent.put(`/contacts/${ana.id}`, { whatsapp_id: `+${right}` }).expect(200);

    const { body: bia } = await box.company.agent.post('/contacts', { name: 'Bia', whatsapp_id: `+${typo}` }).expect(201);
    await box.receive(box.text({ from: typo, body: 'hello' }));

    expect((await box.threadOf('hello')).contact_id).toBe((bia as Row).id);
  });
});

describe('a person with two phones', () => {
  async function merged(): Promise<{ box: Shop; ana: ContactView; first: string; second: string; ids: string[] }> {
    const box = await shop();
    const [first, second] = [wa_id(), wa_id()];
    const ids = [bsuid(), bsuid()];
    await box.receive(box.text({ from: first, user_id: ids[0], body: 'from the first', timestamp: inSeconds(-60) }));
    await box.receive(box.text({ from: second, user_id: ids[1], name: 'Bia', body: 'from the second', timestamp: inSeconds(-30) }));
    const [one, other] = await box.contacts();
    const { body } = await box.company.agent.post(`/contacts/${one.id}/merge`, { other_contact_id: other.id }).expect(200);
    return { box, ana: body as ContactView, first, second, ids };
  }

  it('is answered on the phone that wrote last', async () => {
    const { box, ana, first, second } = await merged();
    expect(ana).toMatchObject({ whatsapp_id: `+${first}`, alternative_phone: `+${second}` });
    expect(active(ana)).toEqual([key(first), key(second)].sort());

    expect(await box.answer('from the second')).toBe(second);
    await box.receive(box.text({ from: first, body: 'first again' }));
    expect(await box.answer('first again')).toBe(first);
    await box.receive(box.text({ from: second, body: 'second again', timestamp: inSeconds(3) }));
    expect(await box.answer('second again')).toBe(second);
    // Told late, it moves nothing.
    await box.receive(box.text({ from: first, body: 'late', timestamp: inSeconds(-10) }));
    expect(await box.answer('late')).toBe(second);

    expect(await box.contacts()).toHaveLength(1);
    expect((await box.threadOf('late')).id).toBe((await box.threadOf('from the first')).id);
  });

  it('is sent to on the phone that is named', async () => {
    const { box, first, second } = await merged();
    const send = async (to: string, more: object = {}): Promise<string> => {
      const message = `to ${to} ${digits(4)}`;
      await box.company.agent.post('/whatsapp/send', { to: `+${to}`, message, ...more }).expect(201);
      return box.receiverOf(message);
    };

    expect(await send(first)).toBe(first);
    expect(await send(second)).toBe(second);
    const { id } = await box.threadOf('from the first');
    expect(await send(first, { conversation_id: id })).toBe(first);
    expect(await send(second, { conversation_id: id })).toBe(second);
    expect(await box.contacts()).toHaveLength(1);
  });

  it('is written to on the phone each message names, however many wait', async () => {
    const { box, first, second } = await merged();
    await box.w.sql(`UPDATE whatsapp_numbers SET paused_until = now() + interval '2 seconds' WHERE id = $1`, [box.number.id]);
    const sends = Array.from({ length: 50 }, (_, n) => ({ to: n % 2 ? first : second, message: `waits ${n} ${digits(4)}` }));

    await Promise.all(sends.map(({ to, message }) => box.company.agent.post('/whatsapp/send', { to: `+${to}`, message }).expect(201)));

    for (const { to, message } of sends) expect([message, await box.receiverOf(message)]).toEqual([message, to]);
    // What others send by name leaves the conversation where the customer wrote.
    expect(await box.answer('from the second')).toBe(second);
  });

  it('is answered where they wrote when a message tells no phone, and a window that one phone has not is not shut for the other', async () => {
    const { box, first, second, ids } = await merged();
    await box.receive(box.text({ from: null, user_id: ids[1], body: 'no phone told' }));
    expect(await box.answer('no phone told')).toBe(second);

    const { body } = await box.company.agent.post('/whatsapp/send', { to: `+${first}`, message: 'too late' }).expect(201);
    const message_id = (body as { message_id: string }).message_id;
    await box.receiverOf('too late');
    await until(async () => (await box.sent(message_id)).status !== 'pending', 'the send to be accepted');
    const { whatsapp_message_id: id } = await box.sent(message_id);
    await box.receive(
      metaPayload.status('failed', {
        ...box.number,
        recipient_id: first,
        id: String(id),
        timestamp: inSeconds(5),
        error: { code: 131047 },
      }),
    );

    expect(await box.sent(message_id)).toMatchObject({ status: 'failed' });
    expect(await box.answer('no phone told')).toBe(second);
  });

  it('is first written to on the phone a conversation is opened for, later on the one it was with', async () => {
    const { box, ana, second } = await merged();
    const { id } = await box.threadOf('from the first');
    await box.company.agent.post(`/conversations/${String(id)}/close`, {}).expect(200);
    const open = async (input: object): Promise<string> => {
      const initial_message = `begin ${digits(6)}`;
      const { body } = await box.company.agent.post('/conversations', { ...input, initial_message }).expect(201);
      await box.company.agent.post(`/conversations/${(body as Row).id as string}/close`, {}).expect(200);
      return box.receiverOf(initial_message);
    };

    expect(await open({ contact_phone: `+${second}` })).toBe(second);
    expect(await open({ contact_id: ana.id })).toBe(second);
  });

  it('keeps both when the other becomes their number', async () => {
    const { box, ana, first, second } = await merged();

    const { body } = await box.company.agent.put(`/contacts/${ana.id}`, { whatsapp_id: `+${second}` }).expect(200);

    expect(body).toMatchObject({ whatsapp_id: `+${second}`, alternative_phone: `+${first}` });
    await box.receive(box.text({ from: first, body: 'me again' }));
    expect(await box.contacts()).toHaveLength(1);
    expect(await box.answer('me again')).toBe(first);
  });

  it('is forgotten whole: nothing is left in the contact that became part of the other', async () => {
    const { box, ana, second } = await merged();

    await box.company.admin.post(`/privacy/data/${ana.id}/anonymize`, {}).expect(200);

    const left = await box.w.sql<{ text: string }>('SELECT c::text AS text FROM contacts c WHERE organization_id = $1', [box.company.id]);
    expect(left).toHaveLength(2);
    for (const { text } of left) expect(text).not.toMatch(new RegExp(`${second}|${key(second)}|Bia`));
  });

  it('is one contact under both, whoever enters them', async () => {
    const { box, ana, second } = await merged();
    const { body: bia } = await box.company.agent.post('/contacts', { name: 'Bia', whatsapp_id: `+${wa_id()}` }).expect(201);

    const taken = await box.company.agent.post('/contacts', { whatsapp_id: `+${second}` }).expect(409);
    expect(taken.body).toMatchObject({ error_code: 'contact_already_exists', error: { details: [{ existing_id: ana.id }] } });
    await box.company.agent
      .put(`/contacts/${(bia as Row).id as string}`, { whatsapp_id: `+${second}` })
      .expect(409)
      .expect(errorOf('contact_already_exists'));
    // Their own number may become the other one.
    await box.company.agent.put(`/contacts/${ana.id}`, { whatsapp_id: `+${second}` }).expect(200);
    expect(await box.answer('from the second')).toBe(second);
  });
});

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DueRows } from '#database/due-rows';
import { Jobs } from '#jobs/jobs';
import { type Row } from './support/inbox';
import { PNG } from './support/files';
import { QrcodeShop, type Street, qrcodeShop, street } from './support/qrcode-shop';
import { socketOf, until } from './support/sockets';
import { close, errorOf } from './support/world';

const PDF = '%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n';

let place: Street;
/** Somebody's site, and what it was asked for. */
const site = createServer((request, answer) => {
  asked.push(request.url ?? '');
  if (request.url === '/nota.pdf') answer.end(PDF);
  else if (request.url === '/voz.ogg')
    answer.end(Buffer.concat([Buffer.from('OggS\0\x02', 'latin1'), Buffer.alloc(20), Buffer.from('\x01\x13OpusHead'), Buffer.alloc(64)]));
  else if (request.url === '/moved') answer.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data' }).end();
  else answer.writeHead(404).end();
});
const asked: string[] = [];
let site_url = '';

beforeAll(async () => {
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  const { port } = site.address() as AddressInfo;
  site_url = `http://127.0.0.1:${port}`;
  place = await street({ EGRESS_ALLOWED_HOSTS: `127.0.0.1:${port}` });
});
afterEach(() => {
  const { faults, evolution, options } = place.evolution.simulator;
  faults.clear();
  evolution.webhooks.weather = { late_ms: 0, doubled: false, shuffled_ms: 0 };
  Object.assign(options.evolution, { addressing: 'pn', edit_says_deleted: false, upsert_own_sends: false });
});
afterAll(async () => {
  await close();
  await place.close();
  site.close();
});

const MENU = {
  kind: 'buttons',
  body: 'O que deseja?',
  buttons: [
    { id: 'pao', title: 'Pão' },
    { id: 'bolo', title: 'Bolo' },
  ],
};

const shop = (body?: object): Promise<QrcodeShop> => qrcodeShop(place, body);

/** A customer's conversation that is open. */
async function talk(s: QrcodeShop, who = s.customer()) {
  const id = await s.text(who, 'Bom dia');
  const conversation = (await s.conversations()).at(-1) as Row;
  return { who, conversation, id };
}

const faultOf = (s: QrcodeShop, fault: object): void =>
  place.evolution.simulator.faults.add({ phone_number_id: s.number.instance, ...fault });

describe('what customers write to a qrcode number', () => {
  it('is a conversation, live, with no window', async () => {
    const s = await shop();
    const agent = await socketOf(s.company.agent);
    const who = s.customer();

    const id = await s.text(who, 'Bom dia! Têm pão?');

    expect(await s.message()).toMatchObject({
      direction: 'incoming',
      message_type: 'text',
      content: 'Bom dia! Têm pão?',
      status: 'received',
      whatsapp_message_id: id,
      sender_name: 'Ana Souza',
    });
    const conversation = await s.conversation();
    expect(conversation).toMatchObject({ is_window_open: true, requires_template: false, unread_count: 1, status: 'open' });
    expect((await s.contacts())[0]).toMatchObject({ whatsapp_id: `+${who.from}`, whatsapp_name: 'Ana Souza' });
    await agent.hear('message:new', ({ content }) => content === 'Bom dia! Têm pão?');
    // Long after their last message everything may still be sent.
    await s.w.sql("UPDATE conversations SET window_expires_at = now() - interval '3 days' WHERE id = $1", [conversation.id]);
    await s.send(conversation.id, { content: 'Ainda aí?' }).expect(201);
  });

  it.each([
    ['their phone', { addressing: 'pn' }],
    ['their phone and a device', { addressing: 'plain', device: 12 }],
    ['their LID and their phone', { addressing: 'lid' }],
  ])('is one person’s, named by %s', async (_, manner) => {
    const s = await shop();
    const who = s.customer();
    await s.text(who, 'Primeira');

    await s.text(who, 'Segunda', manner);

    expect((await s.messages()).map(({ content }) => content)).toEqual(['Primeira', 'Segunda']);
    expect(await s.contacts()).toHaveLength(1);
  });

  it('is of a person without a phone, whom we answer by their LID, until both are told', async () => {
    const s = await shop();
    const who = s.customer();

    await s.text(who, 'Quem sou?', { addressing: 'lid_only' });

    const [contact] = await s.contacts();
    expect(contact).toMatchObject({ whatsapp_id: null, whatsapp_user_id: expect.stringMatching(/^\d+@lid$/) });
    const conversation = await s.conversation();
    const { body } = await s.send(conversation.id, { content: 'Olá!' }).expect(201);
    await s.settled(body.id, ({ status }) => status === 'delivered');
    expect(place.evolution.simulator.sent().at(-1)?.to).toBe(contact.whatsapp_user_id);

    await s.text(who, 'Sou eu', { addressing: 'lid' });
    expect(await s.contacts()).toMatchObject([{ id: contact.id, whatsapp_id: `+${who.from}` }]);
    expect(await s.conversations()).toHaveLength(1);
  });

  it('is nobody’s in a group, a status or a channel', async () => {
    const s = await shop();
    const key = { fromMe: false, participant: '5511987654321@s.whatsapp.net' };
    for (const remoteJid of ['120363041234567890@g.us', 'status@broadcast', '120363041234567890@newsletter'])
      await s
        .tell('messages.upsert', { key: { ...key, id: `3EB0${remoteJid.length}`, remoteJid }, message: { conversation: 'Oi' } })
        .expect(200);
    await s.idle();

    expect(await s.conversations()).toEqual([]);
  });

  it('is kept once and in order, told twice, late and in any order', async () => {
    const s = await shop();
    const who = s.customer();
    place.evolution.simulator.evolution.webhooks.weather = { late_ms: 0, doubled: true, shuffled_ms: 60 };
    const now = Math.floor(Date.now() / 1000) - 60;

    await Promise.all(Array.from({ length: 10 }, (_, n) => s.text(who, `Mensagem ${n}`, { timestamp: now + n })));
    await s.idle();

    expect((await s.messages()).map(({ content }) => content)).toEqual(Array.from({ length: 10 }, (_, n) => `Mensagem ${n}`));
    expect(await s.conversation()).toMatchObject({ total_messages: 10, unread_count: 10 });
  });

  it('may be several in one webhook', async () => {
    const s = await shop();
    const remoteJid = '5511987654321@s.whatsapp.net';
    const item = (id: string, text: string) => ({
      key: { remoteJid, fromMe: false, id },
      pushName: 'Ana',
      message: { conversation: text },
      messageTimestamp: 1795176000,
    });

    await s.tell('messages.upsert', [item('3EB0A', 'um'), { key: {} }, item('3EB0B', 'dois')]).expect(200);
    await s.idle();

    expect((await s.messages()).map(({ content }) => content)).toEqual(['um', 'dois']);
  });

  it('quotes, is reacted to, edited and deleted', async () => {
    const s = await shop();
    const who = s.customer();
    const id = await s.text(who, 'Quero dois');
    const quoting = await s.text(who, 'digo, três', { context: { message_id: id } });
    const [first] = await s.messages();
    expect((await s.messages())[1]).toMatchObject({ whatsapp_message_id: quoting, reply_to_message_id: first.id });

    place.evolution.simulator.options.evolution.edit_says_deleted = true;
    await s.writes(who, { type: 'edit', edit: { original_message_id: id, message: { type: 'text', text: { body: 'Quero quatro' } } } });
    await s.writes(who, { type: 'reaction', reaction: { message_id: id, emoji: '👍' } });
    expect((await s.messages())[0]).toMatchObject({
      content: 'Quero quatro',
      is_deleted: false,
      edited_at: expect.any(String),
      reactions: [{ from: 'contact', emoji: '👍' }],
    });

    await s.writes(who, { type: 'revoke', revoke: { original_message_id: quoting } });
    expect((await s.messages())[1]).toMatchObject({ is_deleted: true, content: null });
    await s.tell('messages.update', { keyId: id, remoteJid: `${who.from}@s.whatsapp.net`, fromMe: false, status: 'READ' }).expect(200);
    await s.idle();
    expect(await s.w.sql('SELECT 1 FROM parked_items WHERE whatsapp_number_id = $1', [s.number.id])).toEqual([]);
  });

  it.each([
    ['in its webhook', true],
    ['by asking for it', false],
  ])('brings its file, %s', async (_, base64) => {
    const s = await shop();
    const { instance } = s;
    if (instance.webhook) instance.webhook.base64 = base64;
    const asked = place.evolution.calls.length;

    await s.writes(s.customer(), { type: 'image', image: { caption: 'o bolo', base64: PNG.toString('base64'), mime_type: 'image/png' } });
    await s.w.app.get(DueRows).idle();

    const message = await s.message();
    expect(message).toMatchObject({
      message_type: 'image',
      content: 'o bolo',
      media: { status: 'ready', mime_type: 'image/png', size_bytes: PNG.length },
    });
    const { body } = await s.company.agent.get(`/whatsapp/messages/${message.id}/media`).buffer(true).expect(200);
    expect(Buffer.compare(body as Buffer, PNG)).toBe(0);
    expect(place.evolution.calls.slice(asked).filter((call) => call.includes('getBase64')).length).toBe(base64 ? 0 : 1);
    const [kept] = await s.w.sql<{ count: number }>(
      "SELECT count(*)::int FROM inbound_events WHERE whatsapp_number_id = $1 AND encode(body, 'escape') LIKE $2",
      [s.number.id, `%${PNG.toString('base64').slice(0, 40)}%`],
    );
    expect(kept.count).toBe(0);
  });

  it('becomes known by name and picture, and writes at this moment', async () => {
    const s = await shop();
    const { who, conversation } = await talk(s);
    const agent = await socketOf(s.company.agent);

    await s.control('profile', { ...who, name: 'Ana S.', picture_url: 'https://pps.whatsapp.net/ana.jpg' });
    await s.control('presence', { ...who, presence: 'composing' });

    await agent.hear('typing', (data) => data.actor === 'contact' && data.typing === true && data.conversation_id === conversation.id);
    await s.control('presence', { ...who, presence: 'paused' });
    await agent.hear('typing', (data) => data.actor === 'contact' && data.typing === false);
    expect((await s.contacts())[0]).toMatchObject({ avatar_url: 'https://pps.whatsapp.net/ana.jpg' });
  });
});

describe('what is sent by a qrcode number', () => {
  it('leaves once and is followed to read', async () => {
    const s = await shop();
    const agent = await socketOf(s.company.agent);
    const { conversation, who, id: quoted } = await talk(s);
    const [incoming] = await s.messages();

    const { body } = await s.send(conversation.id, { content: 'Temos!', reply_to_message_id: incoming.id }).expect(201);
    await s.settled(body.id, ({ status }) => status === 'delivered');
    const message = await s.settled(body.id);
    await place.evolution.simulator.setStatus(String(message.whatsapp_message_id), 'read');
    const read = await s.settled(body.id, ({ status }) => status === 'read');

    expect(read).toMatchObject({
      whatsapp_message_id: expect.stringMatching(/^3EB0/),
      sent_at: expect.any(String),
      read_at: expect.any(String),
    });
    expect(s.sent()).toEqual([{ type: 'text', text: { body: 'Temos!' } }]);
    const [, answer] = place.evolution.simulator.threads.get(s.number.instance, who.from).messages;
    expect(answer).toMatchObject({ context_message_id: quoted });
    await agent.hear('message:status', (data) => data.message_id === body.id && data.status === 'read');
    expect(await s.messages()).toHaveLength(2);
  });

  it('is of every kind WhatsApp Web has', async () => {
    const s = await shop();
    const { conversation } = await talk(s);
    const { body: image } = await s.company.agent.post('/whatsapp/media').attach('file', PNG, 'bolo.png').expect(201);
    const drafts: object[] = [
      { media_id: image.id, media_caption: 'o bolo' },
      { message_type: 'document', media_id: image.id, filename: 'bolo.png' },
      { message_type: 'document', media_url: `${site_url}/nota.pdf`, filename: 'nota.pdf' },
      { message_type: 'audio', media_url: `${site_url}/voz.ogg` },
      { location: { latitude: -23.5, longitude: -46.6 } },
      { contacts: [{ name: 'Bia', phone: '+5511987654321' }] },
    ];

    for (const draft of drafts) {
      const { body } = await s.send(conversation.id, draft).expect(201);
      expect(await s.settled(body.id)).toMatchObject({ status: expect.stringMatching(/^(sent|delivered)$/), error_code: null });
    }
    await s.idle();

    expect(s.sent()).toMatchObject([
      { type: 'image', image: { caption: 'o bolo', mime_type: 'image/png' } },
      { type: 'document', document: { filename: 'bolo.png' } },
      { type: 'document', document: { filename: 'nota.pdf', mime_type: 'application/pdf' } },
      { type: 'audio', audio: { mime_type: expect.stringContaining('audio/ogg') } },
      { type: 'location', location: { latitude: -23.5, name: '-', address: '-' } },
      { type: 'contacts', contacts: [{ name: { formatted_name: 'Bia' }, phones: [{ wa_id: '5511987654321' }] }] },
    ]);
    // None of its echoes is a message typed on the phone.
    expect((await s.messages()).filter(({ sender_type }) => sender_type === 'agent')).toHaveLength(drafts.length);
    expect(await s.messages()).toHaveLength(1 + drafts.length);
  });

  it('whose file is at an address is fetched by us: its server would follow it into the operator’s network', async () => {
    const s = await shop();
    const { conversation } = await talk(s);
    asked.length = 0;
    const sent = async (media_url: string): Promise<Row> => {
      const { body } = await s.send(conversation.id, { message_type: 'document', media_url }).expect(201);
      return s.settled(body.id);
    };

    expect(await sent(`${site_url}/nota.pdf?a=1`)).toMatchObject({ status: 'failed', error_code: 'media_error' });
    expect(await sent(`${site_url}/moved`)).toMatchObject({ status: 'failed', error_code: 'media_error' });
    for (const inside of ['http://127.0.0.1:1/', 'http://169.254.169.254/latest/meta-data', 'http://[::1]/', 'http://10.0.0.1/a.pdf'])
      expect(await sent(inside)).toMatchObject({ status: 'failed', error_code: 'egress_blocked' });
    expect(await sent(`${site_url}/nota.pdf`)).toMatchObject({ status: expect.stringMatching(/^(sent|delivered)$/) });

    expect(s.sent()).toMatchObject([{ type: 'document', document: { filename: 'nota.pdf', mime_type: 'application/pdf' } }]);
    expect(asked).toEqual(['/nota.pdf?a=1', '/moved', '/nota.pdf']);
  });

  it('is a numbered text where it is a choice, and its answer the choice', async () => {
    const s = await shop();
    const { conversation, who } = await talk(s);
    const { body: menu } = await s.send(conversation.id, { interactive: MENU }).expect(201);
    await s.settled(menu.id, ({ status }) => status === 'delivered');

    await s.text(who, '2');
    await s.text(who, 'pao');
    await s.text(who, '7');

    expect(s.sent()).toEqual([{ type: 'text', text: { body: 'O que deseja?\n\n1. Pão\n2. Bolo' } }]);
    expect((await s.incoming()).slice(-3)).toMatchObject([
      {
        message_type: 'interactive',
        content: 'Bolo',
        payload: { kind: 'button_reply', id: 'bolo', title: 'Bolo' },
        reply_to_message_id: menu.id,
      },
      { message_type: 'interactive', content: 'Pão', payload: { id: 'pao' } },
      { message_type: 'text', content: '7' },
    ]);
    expect(await s.messages()).toHaveLength(5);
    await s.w.sql("UPDATE messages SET created_at = created_at - interval '25 hours' WHERE id = $1", [menu.id]);
    await s.text(who, '1');
    expect((await s.incoming()).at(-1)).toMatchObject({ message_type: 'text', content: '1' });
  });

  it('is answered no more once a person has written after it, unless it is quoted', async () => {
    const s = await shop();
    const { conversation, who } = await talk(s);
    const { body: menu } = await s.send(conversation.id, { interactive: MENU }).expect(201);
    const { whatsapp_message_id } = await s.settled(menu.id, ({ status }) => status === 'delivered');
    const { body: question } = await s.send(conversation.id, { content: 'Quantos pães?' }).expect(201);
    const asked = await s.settled(question.id, ({ status }) => status === 'delivered');
    const later = Math.floor(Date.now() / 1000) + 2;

    await s.text(who, '2', { timestamp: later });
    await s.text(who, '2', { timestamp: later, context: { message_id: asked.whatsapp_message_id } });
    await s.text(who, '2', { timestamp: later, context: { message_id: whatsapp_message_id } });

    expect((await s.incoming()).slice(-3)).toMatchObject([
      { message_type: 'text', content: '2', reply_to_message_id: null },
      { message_type: 'text', content: '2', reply_to_message_id: question.id },
      { message_type: 'interactive', content: 'Bolo', reply_to_message_id: menu.id },
    ]);
  });

  it('is answered though a machine wrote after it, or what a person wrote did not arrive', async () => {
    const s = await shop();
    const { conversation, who } = await talk(s);
    const interactive = { kind: 'buttons', body: 'O que deseja?', buttons: [{ id: 'pao', title: 'Pão' }] };
    const { body: menu } = await s.send(conversation.id, { interactive }).expect(201);
    await s.settled(menu.id, ({ status }) => status === 'delivered');
    const { body: more } = await s.send(conversation.id, { content: 'Abrimos às 8 h.' }).expect(201);
    await s.settled(more.id, ({ status }) => status === 'delivered');
    const timestamp = Math.floor(Date.now() / 1000) + 2;

    await s.w.sql("UPDATE messages SET sender_type = 'automation' WHERE id = $1", [more.id]);
    await s.text(who, '1', { timestamp });
    await s.w.sql("UPDATE messages SET sender_type = 'agent', status = 'failed' WHERE id = $1", [more.id]);
    await s.text(who, '1', { timestamp });

    expect((await s.incoming()).slice(-2)).toMatchObject([
      { message_type: 'interactive', content: 'Pão' },
      { message_type: 'interactive', content: 'Pão' },
    ]);
  });

  it('is a list as WhatsApp has it where the number says so', async () => {
    const s = await shop({ settings: { native_interactive: true } });
    const { conversation, who } = await talk(s);
    const list = { kind: 'list', body: 'O que deseja?', button_text: 'Ver', sections: [{ rows: [{ id: 'a', title: 'Pão' }] }] };
    const { body } = await s.send(conversation.id, { interactive: list }).expect(201);
    expect(await s.settled(body.id)).toMatchObject({ error_code: null });

    const list_reply = { id: 'a', title: 'Pão' };
    await s.writes(who, { type: 'interactive', interactive: { type: 'list_reply', list_reply } });

    expect(s.sent()).toMatchObject([{ type: 'interactive', interactive: { type: 'list' } }]);
    expect((await s.incoming()).at(-1)).toMatchObject({ message_type: 'interactive', payload: { kind: 'list_reply', ...list_reply } });
  });

  it('is asked for first: no WhatsApp, no message; and the spelling WhatsApp has is kept', async () => {
    const s = await shop();
    // Area code 31: WhatsApp leaves the ninth digit out.
    const rui = '5531987654321';
    const { body: sent } = await s.company.agent.post('/whatsapp/send', { to: `+${rui}`, message: 'Olá' }).expect(201);
    await s.settled(sent.message_id);
    expect(place.evolution.simulator.sent().at(-1)).toMatchObject({ to: '553187654321' });
    const asked = (): number => place.evolution.calls.filter((call) => call.includes(`whatsappNumbers/${s.number.instance}`)).length;
    const before = asked();
    const { body: next } = await s.company.agent.post('/whatsapp/send', { to: `+${rui}`, message: 'De novo' }).expect(201);
    await s.settled(next.message_id);
    expect(asked()).toBe(before);

    const nobody = s.customer().from;
    await s.control('absent', { number: nobody });
    const { body: lost } = await s.company.agent.post('/whatsapp/send', { to: `+${nobody}`, message: 'Olá' }).expect(201);
    expect(await s.settled(lost.message_id)).toMatchObject({ status: 'failed', error_code: 'undeliverable' });
  });

  it('leaves in order, one after the other', async () => {
    const s = await shop({ settings: { rate_limits: { hourly: 100_000 } } });
    const { conversation, who } = await talk(s);

    for (let n = 0; n < 5; n++) await s.send(conversation.id, { content: `Resposta ${n}` }).expect(201);
    await until(async () => (await s.messages()).every(({ status }) => status !== 'pending'));

    const { messages } = place.evolution.simulator.threads.get(s.number.instance, who.from);
    expect(messages.slice(1).map(({ content }) => (content as { body: string }).body)).toEqual(
      Array.from({ length: 5 }, (_, n) => `Resposta ${n}`),
    );
  });

  it('is sent once though our answer is lost, and its echo says so', async () => {
    const s = await shop();
    const { conversation } = await talk(s);
    faultOf(s, { route: 'messages', reset: true, accepted: true });

    const { body } = await s.send(conversation.id, { content: 'Uma vez só' }).expect(201);
    const message = await s.settled(body.id, ({ status }) => status === 'delivered');

    expect(message).toMatchObject({ error_code: null, whatsapp_message_id: expect.stringMatching(/^3EB0/) });
    await s.idle();
    expect(s.sent()).toHaveLength(1);
    expect(await s.messages()).toHaveLength(2);
  });

  it('is never doubled by its echoes, whichever comes first', async () => {
    const s = await shop();
    const { conversation } = await talk(s);
    place.evolution.simulator.options.evolution.upsert_own_sends = true;
    faultOf(s, { route: 'messages', latency_ms: 150 });

    const { body } = await s.send(conversation.id, { content: 'Eco' }).expect(201);
    await s.settled(body.id, ({ status }) => status === 'delivered');
    await s.idle();

    expect(await s.messages()).toHaveLength(2);
    expect((await s.messages()).map(({ sender_type }) => sender_type).sort()).toEqual(['agent', 'contact']);
  });

  it('stands beside what is typed on the phone itself', async () => {
    const s = await shop();
    const { who } = await talk(s);

    await s.text(who, 'Já respondo, do celular', { from_me: true });

    expect((await s.messages()).find(({ direction }) => direction === 'outgoing')).toMatchObject({
      sender_type: 'device',
      content: 'Já respondo, do celular',
      status: expect.stringMatching(/^(sent|delivered)$/),
    });
    expect(await s.conversation()).toMatchObject({ unread_count: 0, total_messages: 2 });
  });

  it('is tried again where nothing left, and not where WhatsApp refused it', async () => {
    const s = await shop();
    const { conversation } = await talk(s);
    faultOf(s, { route: 'messages', http_status: 503 });
    const { body: again } = await s.send(conversation.id, { content: 'De novo' }).expect(201);
    expect(await s.settled(again.id)).toMatchObject({ error_code: null });

    faultOf(s, { route: 'messages', code: 131049, as: 'status' });
    const { body: refused } = await s.send(conversation.id, { content: 'Não' }).expect(201);
    expect(await s.settled(refused.id, ({ status }) => status === 'failed')).toMatchObject({ error_code: 'provider_error' });

    expect(s.sent()).toHaveLength(2);
  });

  it('says what is wrong with the number', async () => {
    const s = await shop();
    const { conversation } = await talk(s);
    faultOf(s, { route: 'messages', code: 190 });
    const { body: closed } = await s.send(conversation.id, { content: 'Chave' }).expect(201);
    expect(await s.settled(closed.id)).toMatchObject({ status: 'failed', error_code: '401' });
    expect(await s.status()).toMatchObject({ connection_status: 'error' });

    const other = await shop();
    const { conversation: second } = await talk(other);
    place.evolution.simulator.evolution.instances.delete(other.number.instance);
    const { body: gone } = await other.send(second.id, { content: 'Sumiu' }).expect(201);
    expect(await other.settled(gone.id)).toMatchObject({ status: 'failed', error_code: 'number_not_connected' });
    expect(await other.status()).toMatchObject({ connection_status: 'disconnected' });
  });

  it('is no template', async () => {
    const s = await shop();
    const { conversation } = await talk(s);

    await s
      .send(conversation.id, { template: { template_name: 'pedido_pronto' } })
      .expect(409)
      .expect(errorOf('not_supported_for_connection_type'));
  });

  it('shows what was read, and that an answer is written', async () => {
    const s = await shop();
    const { who, conversation } = await talk(s);
    await s.text(who, 'E bolo?');
    const [, newest] = await s.incoming();
    const phone = () => place.evolution.simulator.threads.get(s.number.instance, who.from).messages;

    await s.company.agent.put(`/whatsapp/messages/${newest.id}/read`).expect(200);
    await s.w.app.get(Jobs).idle();
    expect(phone().map(({ status }) => status)).toEqual(['read', 'read']);

    const agent = await socketOf(s.company.agent);
    await agent.ask('join_conversation', { conversation_id: conversation.id });
    await agent.ask('typing_start', { conversation_id: conversation.id });
    await until(() => place.evolution.calls.includes(`POST /chat/sendPresence/${s.number.instance}`));
  });
});

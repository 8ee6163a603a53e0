import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import request from 'supertest';
import type { SimulatorSettings } from '#modules/simulator/simulator-options';
import { EVOLUTION_KEY, fakeEvolution } from './support/fake-evolution';

const NAME = 'pytake_1a2b3c4d_551140000042';
const ANA = '5511987654321';
const ANA_JID = `${ANA}@s.whatsapp.net`;
/** Area code 31: WhatsApp leaves out the ninth digit. */
const RUI = '5531987654321';
const RUI_JID = '553187654321@s.whatsapp.net';
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

interface Envelope {
  event: string;
  instance: string;
  data: Record<string, unknown> & { key: Record<string, unknown>; message: Record<string, unknown> };
  destination: string;
  date_time: string;
  sender?: string;
  server_url: string;
  apikey: string | null;
}
interface Received {
  path: string;
  headers: Record<string, unknown>;
  body: Envelope;
}

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Evolution's side, and a receiver of its webhooks; both on free ports. */
async function world(settings: SimulatorSettings = {}) {
  const received: Received[] = [];
  const answers: number[] = [];
  const receiver = express()
    .use(express.json({ limit: '30mb' }))
    .post('/*hook', (req, res) => {
      received.push({ path: req.path, headers: req.headers, body: req.body as Envelope });
      res.sendStatus(answers.shift() ?? 200);
    });
  const receiving = await listening(receiver);
  const evolution = await fakeEvolution(settings);
  const { simulator } = evolution;
  closing.push(async () => {
    await evolution.close();
    receiving.closeAllConnections();
    await new Promise((done) => receiving.close(done));
  });

  const call = (method: 'get' | 'post' | 'delete', path: string, apikey = EVOLUTION_KEY) =>
    request(evolution.url)[method](path).set('apikey', apikey);
  const webhook = { enabled: true, url: `${urlOf(receiving)}/hook`, events: [] as string[] };
  const create = (more: object = {}) =>
    call('post', '/instance/create').send({ instanceName: NAME, integration: 'WHATSAPP-BAILEYS', qrcode: true, webhook, ...more });
  return {
    evolution,
    simulator,
    received,
    answers,
    webhook,
    call,
    create,
    control: (path: string, body: object = {}) => request(evolution.url).post(`/api${path}`).send(body),
    send: (name: string, body: object) => call('post', `/message/${name}/${NAME}`).send({ number: ANA, ...body }),
    writes: (message: object) =>
      request(evolution.url)
        .post('/api/control/customer-message')
        .send({ phone_number_id: NAME, from: ANA, name: 'Ana', wait: true, ...message }),
    events: (name: string) => received.filter(({ body }) => body.event === name).map(({ body }) => body),
    /** An instance that a phone is linked to. */
    linked: async (more: object = {}) => {
      await create(more).expect(201);
      await evolution.scan(NAME, '+551140000042');
      await simulator.settled();
      received.length = 0;
    },
  };
}

async function listening(app: express.Express): Promise<Server> {
  const server = app.listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  return server;
}

const urlOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const text = (body = 'Bom dia') => ({ type: 'text', text: { body } });
const saying = (status: number, error: string, message: unknown) => ({ status, error, response: { message } });

describe('an instance of the simulator', () => {
  it('is created with a QR code, which a phone scans', async () => {
    const { evolution, simulator, create, call, events } = await world();

    const { body } = await create({ groupsIgnore: true }).expect(201);
    await evolution.scan(NAME, '+551140000042', 'Padaria Central');
    await simulator.settled();

    expect(body).toMatchObject({
      instance: { instanceName: NAME, integration: 'WHATSAPP-BAILEYS', status: 'connecting' },
      hash: expect.stringMatching(/^[\dA-F-]{36}$/),
      settings: { groupsIgnore: true },
      qrcode: {
        pairingCode: null,
        code: expect.stringMatching(/^2@/),
        base64: expect.stringMatching(/^data:image\/png;base64,iVBOR/),
        count: 1,
      },
    });
    await call('get', `/instance/connectionState/${NAME}`).expect(200, { instance: { instanceName: NAME, state: 'open' } });
    expect(events('qrcode.updated')).toMatchObject([{ data: { qrcode: { instance: NAME, base64: body.qrcode.base64 } } }]);
    expect(events('connection.update').map(({ data }) => data)).toMatchObject([
      { instance: NAME, state: 'connecting', statusReason: 200 },
      { state: 'open', statusReason: 200, wuid: '551140000042@s.whatsapp.net', profileName: 'Padaria Central' },
    ]);
  });

  it('has a name of its own: of fifty who create it at once, one does', async () => {
    const { create, call } = await world();

    const answers = await Promise.all(Array.from({ length: 50 }, () => create({ qrcode: false })));

    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    for (const { body } of answers.filter(({ status }) => status !== 201))
      expect(body).toEqual(saying(403, 'Forbidden', [`This name "${NAME}" is already in use.`]));
    const { body } = await call('get', '/instance/fetchInstances').expect(200);
    expect(body).toMatchObject([{ name: NAME, connectionStatus: 'close', ownerJid: null, integration: 'WHATSAPP-BAILEYS' }]);
  });

  it('opens by the global key and by its own, and is looked for before the key', async () => {
    const { create, call } = await world();
    const { hash } = (await create({ qrcode: false }).expect(201)).body as { hash: string };
    await create({ instanceName: 'outra', qrcode: false }).expect(201);
    const unauthorized = saying(401, 'Unauthorized', 'Unauthorized');

    await call('get', `/instance/connectionState/${NAME}`, hash).expect(200);
    await call('get', '/instance/connectionState/outra', hash).expect(401, unauthorized);
    await call('get', `/instance/connectionState/${NAME}`, 'guess').expect(401, unauthorized);
    await call('get', `/instance/connectionState/${NAME}`, '').expect(401, unauthorized);
    await call('post', '/instance/create', hash).send({ instanceName: 'mais' }).expect(401, unauthorized);
    await call('get', '/instance/fetchInstances', 'guess').expect(401, unauthorized);
    const own = (await call('get', '/instance/fetchInstances', hash).expect(200)).body as { name: string }[];
    expect(own.map(({ name }) => name)).toEqual([NAME]);
    await call('get', '/instance/connectionState/nada', 'guess').expect(
      404,
      saying(404, 'Not Found', ['The "nada" instance does not exist']),
    );
    await call('get', '/instance/fetchInstances?instanceName=nada').expect(404, saying(404, 'Not Found', ['Instance "nada" not found']));
    await call('post', `/message/constructor/${NAME}`).send({}).expect(404);
    await call('get', '/instance/qrcode/x').expect(404, saying(404, 'Not Found', ['Cannot GET /instance/qrcode/x']));
  });

  it.each<[string, object, unknown[]]>([
    ['no integration', { integration: undefined }, ['Invalid integration']],
    ['an unknown one', { integration: 'FAX' }, [['integration is not one of enum values: WHATSAPP-BAILEYS,WHATSAPP-BUSINESS,EVOLUTION']]],
    ['a name that is empty', { instanceName: '' }, [['The "instanceName" cannot be empty']]],
    ['an address that is none', { webhook: { enabled: true, url: 'ftp://a' } }, ['Invalid "url" property']],
    [
      'an unknown event',
      { webhook: { enabled: true, url: 'http://a.example', events: ['FAX'] } },
      [[expect.stringContaining('webhook.events[0]')]],
    ],
  ])('is not created with %s', async (_what, more, message) => {
    const { create, call } = await world();

    const { body } = await create(more).expect(400);

    expect(body).toEqual(saying(400, 'Bad Request', message));
    await call('get', '/instance/fetchInstances').expect(200, []);
  });

  it('shows another code after a while, and stops at the limit', async () => {
    const { simulator, create, call, events, control } = await world({ delays: { qr_life_ms: 10 }, evolution: { qr_limit: 3 } });

    await create().expect(201);
    while (simulator.evolution.find(NAME)?.state !== 'close') await new Promise((next) => setTimeout(next, 5));
    await simulator.settled();

    // Nothing keeps their order on the way.
    const told = events('qrcode.updated').map(({ data }) => data as { qrcode?: { code: string } });
    expect(new Set(told.flatMap(({ qrcode }) => qrcode?.code ?? [])).size).toBe(3);
    expect(told).toContainEqual({ message: 'QR code limit reached, please login again', statusCode: 500 });
    const states = events('connection.update').map(({ data }) => data);
    expect(states).toContainEqual(expect.objectContaining({ instance: NAME, state: 'refused', statusReason: 428 }));
    await control(`/control/evolution/${NAME}/scan`).expect(422);
    expect((await call('get', `/instance/connect/${NAME}`).expect(200)).body.count).toBeLessThanOrEqual(3);
  });

  it('answers a connect with the code, later with its state; a number asks for a pairing code', async () => {
    const { create, call, control } = await world();
    await create({ qrcode: false }).expect(201);

    const first = (await call('get', `/instance/connect/${NAME}?number=551140000042`).expect(200)).body as object;
    const again = (await call('get', `/instance/connect/${NAME}`).expect(200)).body as object;
    await control(`/control/evolution/${NAME}/next-qr`).expect(200);
    const next = (await call('get', `/instance/connect/${NAME}`).expect(200)).body as object;
    const { body: line } = await control(`/control/evolution/${NAME}/scan`).expect(200);

    expect(first).toMatchObject({ pairingCode: expect.stringMatching(/^[\dA-Z]{8}$/), code: expect.stringMatching(/^2@/), count: 1 });
    expect(again).toEqual(first);
    expect(next).toMatchObject({ count: 2 });
    // Nobody said which phone: the one the instance is named after.
    expect(line).toMatchObject({ phone_number_id: NAME, display_phone_number: '+551140000042', qrcode: { state: 'open', count: 0 } });
    await call('get', `/instance/connect/${NAME}`).expect(200, { instance: { instanceName: NAME, state: 'open' } });
  });

  it('may be scanned by another phone than it is meant for', async () => {
    const { simulator, create, control, events } = await world();
    await create({ number: '551140000042' }).expect(201);

    await control(`/control/evolution/${NAME}/scan`, { number: '+55 31 98765-4321', name: 'Rui' }).expect(200);
    await simulator.settled();

    expect(events('connection.update').at(-1)?.data).toMatchObject({ state: 'open', wuid: RUI_JID, profileName: 'Rui' });
  });

  it.each(['logged out by the API', 'logged out on the phone'])('closes with 401 when it is %s', async (how) => {
    const { simulator, linked, call, control, events } = await world();
    await linked();

    if (how.endsWith('API'))
      await call('delete', `/instance/logout/${NAME}`).expect(200, {
        status: 'SUCCESS',
        error: false,
        response: { message: 'Instance logged out' },
      });
    else await control(`/control/evolution/${NAME}/unlink`).expect(200);
    await simulator.settled();

    expect(events('connection.update').map(({ data }) => data)).toEqual([{ instance: NAME, state: 'close', statusReason: 401 }]);
    expect(events('status.instance')).toMatchObject([{ data: { status: 'closed', disconnectionReasonCode: 401 } }]);
    expect(events('logout.instance')).toMatchObject([{ data: null }]);
    await call('delete', `/instance/logout/${NAME}`).expect(400, saying(400, 'Bad Request', [`The "${NAME}" instance is not connected`]));
    await call('post', `/instance/restart/${NAME}`).expect(200, { error: true, message: '[object Object]' });
    await control(`/control/evolution/${NAME}/unlink`).expect(422);
  });

  it('comes back by itself after a restart and a broken connection, and says nothing of a close', async () => {
    const { simulator, linked, call, control, events } = await world();
    await linked();
    const states = () => events('connection.update').map(({ data }) => data['state']);
    const open = async () => {
      while (simulator.evolution.find(NAME)?.state !== 'open') await new Promise((next) => setTimeout(next, 5));
      await simulator.settled();
    };

    await call('post', `/instance/restart/${NAME}`).expect(200);
    await open();
    await control(`/control/evolution/${NAME}/drop`).expect(200);
    await open();

    expect(states()).toEqual(['connecting', 'open', 'connecting', 'open']);
  });

  it('is deleted with its key, and its name is free', async () => {
    const { simulator, linked, create, call, events } = await world();
    await linked();

    await call('delete', `/instance/delete/${NAME}`).expect(200, {
      status: 'SUCCESS',
      error: false,
      response: { message: 'Instance deleted' },
    });
    await simulator.settled();

    expect(events('instance.delete')).toMatchObject([{ data: { instanceName: NAME } }]);
    expect(events('connection.update')).toMatchObject([{ data: { state: 'close' } }]);
    await call('get', `/instance/connectionState/${NAME}`).expect(404);
    await create({ qrcode: false }).expect(201);
  });

  it('keeps its webhook, which may be set anew', async () => {
    const { create, call, webhook } = await world();
    await create({ qrcode: false, webhook: undefined }).expect(201);
    await call('get', `/webhook/find/${NAME}`)
      .expect(200)
      .expect((res) => expect(res.body).toBeNull());

    const set = { ...webhook, headers: { 'X-PyTake-Token': 'abc' }, byEvents: true, base64: true, events: ['MESSAGES_UPSERT'] };
    await call('post', `/webhook/set/${NAME}`).send({ webhook: set }).expect(201);
    await call('post', `/webhook/set/${NAME}`)
      .send({ webhook: { enabled: true } })
      .expect(400, saying(400, 'Bad Request', [['webhook requires property "url"']]));
    await call('post', `/webhook/set/${NAME}`)
      .send(webhook)
      .expect(400, saying(400, 'Bad Request', [['instance requires property "webhook"']]));

    const { body } = await call('get', `/webhook/find/${NAME}`).expect(200);
    expect(body).toMatchObject({
      enabled: true,
      url: webhook.url,
      headers: { 'X-PyTake-Token': 'abc' },
      webhookByEvents: true,
      webhookBase64: true,
      events: ['MESSAGES_UPSERT'],
    });
  });
});

describe('what the product sends through it', () => {
  it('is answered as pending, and told on its way', async () => {
    const { simulator, linked, send, events } = await world();
    await linked();

    const { body } = await send('sendText', { text: 'Olá' }).expect(201);
    await simulator.settled();

    expect(body).toMatchObject({
      key: { remoteJid: ANA_JID, fromMe: true, id: expect.stringMatching(/^3EB0[\dA-F]{18}$/) },
      pushName: 'Você',
      status: 'PENDING',
      message: { conversation: 'Olá' },
      messageType: 'conversation',
      messageTimestamp: expect.any(Number),
      source: 'web',
    });
    const { id } = body.key;
    expect(events('send.message')).toMatchObject([{ data: { key: { id }, status: 'PENDING' } }]);
    expect(events('messages.upsert')).toEqual([]);
    expect(events('messages.update').map(({ data }) => data)).toMatchObject([
      { keyId: id, remoteJid: ANA_JID, fromMe: true, status: 'SERVER_ACK' },
      { keyId: id, status: 'DELIVERY_ACK' },
    ]);
    expect(simulator.threads.get(NAME, ANA).messages).toMatchObject([
      { id, direction: 'business', type: 'text', content: { body: 'Olá' }, status: 'delivered' },
    ]);
  });

  it.each<[string, string, object, string, object]>([
    [
      'image',
      'sendMedia',
      { mediatype: 'image', media: PNG, caption: 'Foto' },
      'imageMessage',
      { type: 'image', content: { caption: 'Foto' } },
    ],
    [
      'document',
      'sendMedia',
      { mediatype: 'document', media: PNG, fileName: 'nf.pdf', mimetype: 'application/pdf' },
      'documentMessage',
      { type: 'document', content: { filename: 'nf.pdf' } },
    ],
    [
      'link',
      'sendMedia',
      { mediatype: 'video', media: 'https://a.example/a.mp4' },
      'videoMessage',
      { type: 'video', content: { link: 'https://a.example/a.mp4' } },
    ],
    ['voice note', 'sendWhatsAppAudio', { audio: PNG }, 'audioMessage', { type: 'audio', content: { voice: true } }],
    ['sticker', 'sendSticker', { sticker: PNG }, 'stickerMessage', { type: 'sticker' }],
    [
      'location',
      'sendLocation',
      { latitude: -23.5, longitude: -46.6, name: 'Loja', address: '-' },
      'locationMessage',
      { type: 'location', content: { name: 'Loja' } },
    ],
    [
      'contact',
      'sendContact',
      { contact: [{ fullName: 'Rui', wuid: RUI, phoneNumber: `+${RUI}` }] },
      'contactMessage',
      { type: 'contacts', content: [{ name: { formatted_name: 'Rui' } }] },
    ],
    ['poll', 'sendPoll', { name: 'Sabor?', selectableCount: 1, values: ['Doce', 'Sal'] }, 'pollCreationMessageV3', { type: 'poll' }],
    [
      'list',
      'sendList',
      {
        title: 'Menu',
        description: 'Escolha',
        footerText: '-',
        buttonText: 'Ver',
        sections: [{ title: 'A', rows: [{ title: 'Pão', description: '-', rowId: 'p' }] }],
      },
      'listMessage',
      { type: 'interactive', content: { type: 'list', action: { button: 'Ver', sections: [{ rows: [{ id: 'p' }] }] } } },
    ],
    [
      'buttons',
      'sendButtons',
      { title: 'Confirma?', description: 'Pedido 7', footer: '-', buttons: [{ type: 'reply', displayText: 'Sim', id: 's' }] },
      'viewOnceMessage',
      { type: 'interactive', content: { type: 'button', action: { buttons: [{ reply: { id: 's', title: 'Sim' } }] } } },
    ],
  ])('reaches the phone: %s', async (_what, route, body, messageType, shown) => {
    const { simulator, linked, send } = await world();
    await linked();

    const answer = await send(route, body).expect(201);

    expect(answer.body).toMatchObject({ messageType, status: 'PENDING', message: { [messageType]: expect.anything() } });
    expect(simulator.threads.get(NAME, ANA).messages).toMatchObject([{ id: answer.body.key.id, direction: 'business', ...shown }]);
  });

  it.each<[string, string, object, unknown[]]>([
    ['no text', 'sendText', {}, [['instance requires property "text"']]],
    ['a text that is none', 'sendText', { text: 7 }, [['text is not of a type(s) string']]],
    ['white space', 'sendText', { text: ' ' }, ['Text is required']],
    ['a number that is none', 'sendText', { number: 7, text: 'a' }, [['Invalid format']]],
    ['a delay in words', 'sendText', { text: 'a', delay: '1s' }, [['Enter a value in milliseconds']]],
    ['two mistakes', 'sendText', { number: 7, text: 7 }, [['Invalid format', 'text is not of a type(s) string']]],
    [
      'an unknown kind of file',
      'sendMedia',
      { mediatype: 'fax', media: PNG },
      [[expect.stringMatching(/^mediatype is not one of enum values/)]],
    ],
    [
      'a file as a data URL',
      'sendMedia',
      { mediatype: 'image', media: `data:image/png;base64,${PNG}` },
      ['Owned media must be a url or base64'],
    ],
    ['a document without a name', 'sendMedia', { mediatype: 'document', media: PNG }, ['For base64 the file name must be informed.']],
    ['a voice note from nowhere', 'sendWhatsAppAudio', { audio: 'a' }, ['Owned media must be a url, base64, or valid file with buffer']],
    [
      'a place without a name',
      'sendLocation',
      { latitude: 1, longitude: 1 },
      [['instance requires property "name"', 'instance requires property "address"']],
    ],
    ['no contact', 'sendContact', { contact: [] }, [['contact does not meet minimum length of 1']]],
    [
      'words for an emoji',
      'sendReaction',
      { key: { id: 'A', remoteJid: ANA_JID, fromMe: false }, reaction: 'ok' },
      [expect.stringContaining('emoji')],
    ],
    ['one choice', 'sendPoll', { name: 'a', selectableCount: 1, values: ['a'] }, [['values does not meet minimum length of 2']]],
    ['more than WhatsApp carries', 'sendText', { text: 'x'.repeat(140_000) }, ['Error: not-acceptable']],
    ['no buttons', 'sendButtons', { title: 'a', buttons: [] }, ['At least one button is required']],
    [
      'four buttons',
      'sendButtons',
      { title: 'a', buttons: ['1', '2', '3', '4'].map((id) => ({ type: 'reply', displayText: id, id })) },
      ['Maximum of 3 reply buttons allowed'],
    ],
    [
      'a list without rows',
      'sendList',
      { title: 'a', footerText: '', buttonText: 'b', sections: [{ title: 'c', rows: [] }] },
      [[expect.stringContaining('rows')]],
    ],
  ])('is refused: %s', async (_what, route, body, message) => {
    const { simulator, linked, send } = await world();
    await linked();

    const answer = await send(route, body).expect(400);

    expect(answer.body).toEqual(saying(400, 'Bad Request', message));
    expect(simulator.sent()).toEqual([]);
  });

  it('is refused where nobody has WhatsApp, and before a phone is linked', async () => {
    const { create, evolution, send, call, control } = await world();
    await create().expect(201);

    const early = await send('sendText', { text: 'a' }).expect(500);
    await evolution.scan(NAME, '+551140000042');
    await control(`/control/evolution/${NAME}/absent`, { number: ANA }).expect(200);
    const absent = await send('sendText', { text: 'a' }).expect(400);
    const magic = await send('sendText', { number: '5511900131026', text: 'a' }).expect(400);
    const group = await send('sendText', { number: '120363041234567890@g.us', text: 'a' }).expect(400);
    await call('delete', `/instance/logout/${NAME}`).expect(200);
    const late = await send('sendText', { text: 'a' }).expect(500);

    expect(early.body).toEqual(saying(500, 'Internal Server Error', "Cannot read properties of undefined (reading 'onWhatsApp')"));
    expect(absent.body).toEqual(saying(400, 'Bad Request', [{ jid: ANA_JID, exists: false, number: ANA }]));
    expect(magic.body).toMatchObject(saying(400, 'Bad Request', [{ exists: false, number: '5511900131026' }]));
    expect(group.body).toEqual(saying(400, 'Bad Request', ['[object Object]']));
    expect(late.body).toEqual(saying(500, 'Internal Server Error', 'Connection Closed'));
  });

  it('reacts, answers, and goes on when a person has a LID only', async () => {
    const { linked, writes, send, simulator, events } = await world();
    await linked();
    const { message_id } = (await writes({ ...text(), addressing: 'lid_only' })).body as { message_id: string };
    const remoteJid = String(events('messages.upsert')[0]?.data.key['remoteJid']);

    const answer = await send('sendText', { number: remoteJid, text: 'Oi, Ana', quoted: { key: { id: message_id } } }).expect(201);
    await send('sendReaction', { key: { id: message_id, remoteJid, fromMe: false }, reaction: '👍' }).expect(201);

    expect(answer.body).toMatchObject({
      key: { remoteJid },
      contextInfo: { stanzaId: message_id, quotedMessage: { conversation: 'Bom dia' } },
    });
    expect(simulator.threads.get(NAME, ANA).messages).toMatchObject([
      { id: message_id, reaction: { by: 'business', emoji: '👍' } },
      { content: { body: 'Oi, Ana' }, context_message_id: message_id },
    ]);
  });

  it('is read and played by the customer, or fails with an error that nobody explains', async () => {
    const { simulator, linked, send, control, events } = await world();
    await linked();
    const steps = (id: string) =>
      events('messages.update')
        .filter(({ data }) => data['keyId'] === id)
        .map(({ data }) => data['status']);

    const { id } = (await send('sendWhatsAppAudio', { audio: PNG }).expect(201)).body.key as { id: string };
    await simulator.settled();
    await control('/phone/read', { phone_number_id: NAME, from: ANA }).expect(200, { read: 1 });
    await simulator.settled();
    await control(`/control/evolution/${NAME}/status`, { message_id: id, status: 'played' }).expect(200);
    const failing = (await send('sendText', { number: '5511901131047', text: 'a' }).expect(201)).body.key as { id: string };
    await simulator.settled();

    expect(steps(id)).toEqual(['SERVER_ACK', 'DELIVERY_ACK', 'READ', 'PLAYED']);
    expect(steps(failing.id)).toEqual(['ERROR']);
    await control(`/control/evolution/${NAME}/status`, { message_id: 'nada', status: 'read' }).expect(422);
  });

  it.each<[string, object, string[]]>([
    ['nothing', { statuses: 'dropped' }, []],
    ['the end first', { statuses: 'reversed' }, ['DELIVERY_ACK', 'SERVER_ACK']],
    ['each twice', { statuses: 'doubled' }, ['SERVER_ACK', 'SERVER_ACK', 'DELIVERY_ACK', 'DELIVERY_ACK']],
  ])('tells %s of its way when that is ordered', async (_what, fault, statuses) => {
    const { simulator, linked, send, control, events } = await world();
    await linked();

    await control('/control/faults', fault).expect(201);
    await send('sendText', { text: 'a' }).expect(201);
    await simulator.settled();

    expect(events('messages.update').map(({ data }) => data['status'])).toEqual(statuses);
  });

  it.each<[string, object, number, boolean]>([
    ['an outage', { http_status: 503, retry_after_seconds: 2 }, 503, false],
    ['an error of its own', { http_status: 500 }, 500, false],
    ['an outage after it was taken', { http_status: 502, accepted: true }, 502, true],
    ['a refusal', { code: 130429 }, 400, false],
    ['another key', { code: 190 }, 401, false],
    ['a slow answer', { latency_ms: 30 }, 201, true],
  ])('meets %s', async (_what, fault, status, taken) => {
    const { simulator, linked, send, control } = await world();
    await linked();

    await control('/control/faults', { ...fault, phone_number_id: NAME }).expect(201);
    await send('sendText', { text: 'a' }).expect(status);
    await send('sendText', { text: 'b' }).expect(201);

    expect(simulator.sent().map(({ body }) => body['text'])).toEqual([...(taken ? [{ body: 'a' }] : []), { body: 'b' }]);
  });

  it('has its file in the answer where the webhook has it', async () => {
    const { simulator, linked, send, webhook, events } = await world();
    await linked({ webhook: { ...webhook, base64: true } });

    const { body } = await send('sendMedia', { mediatype: 'image', media: PNG }).expect(201);
    await simulator.settled();

    expect(body).toMatchObject({ messageType: 'imageMessage', message: { base64: PNG } });
    expect(events('send.message')).toMatchObject([{ data: { message: { base64: PNG } } }]);
  });

  it('loses answers, of sends and of what is done to an instance', async () => {
    const { simulator, linked, send, create, call, control } = await world();
    await linked();

    await control('/control/faults', { hang: true, accepted: true }).expect(201);
    await expect(send('sendText', { text: 'a' }).timeout(300)).rejects.toThrow(/Timeout/);
    expect(simulator.sent()).toHaveLength(1);
    for (const http_status of [500, 502]) {
      await control('/control/faults', { route: 'number', http_status, accepted: true }).expect(201);
      await create({ instanceName: `outra${http_status}`, qrcode: false }).expect(http_status);
      await call('get', `/instance/connectionState/outra${http_status}`).expect(200);
    }
  });

  it('breaks off, with the message taken or not', async () => {
    const { simulator, linked, send, control } = await world();
    await linked();

    for (const accepted of [false, true]) {
      await control('/control/faults', { reset: true, accepted }).expect(201);
      await expect(send('sendText', { text: String(accepted) })).rejects.toThrow(/hang up|ECONNRESET/);
    }

    expect(simulator.sent().map(({ body }) => body['text'])).toEqual([{ body: 'true' }]);
  });

  it('comes back as a message where that is the version’s way', async () => {
    const { simulator, linked, send, control, events } = await world();
    await linked();
    await control('/control/evolution', { upsert_own_sends: true }).expect(204);

    const { id } = (await send('sendText', { text: 'a' }).expect(201)).body.key as { id: string };
    await simulator.settled();

    expect(events('messages.upsert')).toMatchObject([{ data: { key: { id, fromMe: true } } }]);
  });

  it('knows who has WhatsApp, under which number, and who has a picture', async () => {
    const { linked, call, control } = await world();
    await linked();
    await control(`/control/evolution/${NAME}/profile`, { from: ANA, name: 'Ana', picture_url: 'https://a.example/ana.jpg' }).expect(200);
    const chat = (route: string, body: object) => call('post', `/chat/${route}/${NAME}`).send(body);

    const { body } = await chat('whatsappNumbers', { numbers: [ANA, `+${RUI}`, '5215512345678', '5511900131026', '123@lid'] }).expect(200);

    expect(body).toEqual([
      { jid: ANA_JID, exists: true, number: ANA, name: 'Ana' },
      { jid: RUI_JID, exists: true, number: `+${RUI}`, name: expect.any(String) },
      { jid: '525512345678@s.whatsapp.net', exists: true, number: '5215512345678', name: expect.any(String) },
      { jid: '5511900131026@s.whatsapp.net', exists: false, number: '5511900131026' },
      { jid: '123@lid', exists: true, number: '123@lid', lid: 'lid' },
    ]);
    await chat('whatsappNumbers', { numbers: [] }).expect(400);
    await chat('fetchProfilePictureUrl', { number: ANA }).expect(200, { wuid: ANA_JID, profilePictureUrl: 'https://a.example/ana.jpg' });
    await chat('fetchProfilePictureUrl', { number: RUI }).expect(200, { wuid: RUI_JID, profilePictureUrl: null });
    await chat('sendPresence', { number: ANA, presence: 'composing', delay: 1 }).expect(201, { presence: 'composing' });
    await chat('sendPresence', { number: ANA, presence: 'asleep', delay: 1 }).expect(400);
  });
});

describe('what customers write to it', () => {
  it('comes in the envelope of Evolution, with the instance’s own headers', async () => {
    const { linked, webhook, writes, received, evolution } = await world();
    await linked({ webhook: { ...webhook, headers: { 'X-PyTake-Token': 'abc' } } });

    const { body } = await writes(text()).expect(202);

    expect(body).toMatchObject({ status_code: 200, attempts: 1 });
    const [{ body: envelope, headers }] = received as [Received];
    expect(headers).toMatchObject({ 'x-pytake-token': 'abc' });
    expect(envelope).toMatchObject({
      event: 'messages.upsert',
      instance: NAME,
      destination: webhook.url,
      sender: '551140000042@s.whatsapp.net',
      server_url: evolution.url,
      apikey: expect.any(String),
      data: {
        key: {
          remoteJid: ANA_JID,
          remoteJidAlt: expect.stringMatching(/^\d{15}@lid$/),
          fromMe: false,
          id: body.message_id,
          addressingMode: 'pn',
        },
        pushName: 'Ana',
        status: 'DELIVERY_ACK',
        message: { conversation: 'Bom dia' },
        messageType: 'conversation',
        source: 'android',
      },
    });
    // Local time that calls itself UTC.
    expect(Date.now() - Date.parse(envelope.date_time)).toBeGreaterThan(2.9 * 3_600_000);
  });

  it.each<[string, object, object]>([
    [
      'its LID and its phone',
      { addressing: 'lid' },
      { remoteJid: expect.stringMatching(/@lid$/), remoteJidAlt: ANA_JID, addressingMode: 'lid' },
    ],
    ['its phone alone', { addressing: 'plain' }, { remoteJid: ANA_JID }],
    ['a device', { addressing: 'plain', device: 12 }, { remoteJid: `${ANA}:12@s.whatsapp.net` }],
    [
      'a group',
      { chat: '120363041234567890@g.us' },
      { remoteJid: '120363041234567890@g.us', participant: ANA_JID, participantAlt: expect.stringMatching(/@lid$/) },
    ],
    ['a status', { chat: 'status@broadcast' }, { remoteJid: 'status@broadcast', participant: ANA_JID }],
  ])('names a person by %s', async (_what, manner, key) => {
    const { linked, writes, events } = await world();
    await linked({ readStatus: true });

    await writes({ ...text(), ...manner }).expect(202);

    expect(events('messages.upsert')[0]?.data.key).toMatchObject(key);
  });

  it('names a person by the LID alone where no phone is shown', async () => {
    const { linked, writes, events } = await world();
    await linked();

    await writes({ ...text(), addressing: 'lid_only' }).expect(202);
    await writes({ ...text(), from: { user_id: 'BR.7301956482' } }).expect(202);
    await writes({ ...text(), addressing: 'fax' }).expect(422);

    const keys = events('messages.upsert').map(({ data }) => data.key);
    expect(keys).toHaveLength(2);
    for (const key of keys) {
      expect(key).toMatchObject({ remoteJid: expect.stringMatching(/^\d{15}@lid$/), addressingMode: 'lid' });
      expect(key).not.toHaveProperty('remoteJidAlt');
    }
  });

  it('is not heard from groups, statuses and newsletters where the instance is told so', async () => {
    const { linked, writes, received } = await world();
    await linked({ groupsIgnore: true });

    for (const chat of ['120363041234567890@g.us', 'status@broadcast', '120363041234567890@newsletter'])
      expect((await writes({ ...text(), chat }).expect(202)).body).toMatchObject({ attempts: 0 });
    await writes({ ...text(), chat: 'praça' }).expect(422);

    expect(received).toEqual([]);
  });

  it.each<[string, object, string, object]>([
    [
      'image',
      { type: 'image', image: { base64: PNG, mime_type: 'image/png', caption: 'Bolo' } },
      'imageMessage',
      { mimetype: 'image/png', caption: 'Bolo' },
    ],
    ['voice note', { type: 'audio', audio: { base64: PNG, voice: true } }, 'audioMessage', { ptt: true }],
    ['document', { type: 'document', document: { base64: PNG, filename: 'nf.pdf' } }, 'documentMessage', { fileName: 'nf.pdf' }],
    [
      'place',
      { type: 'location', location: { latitude: -23.5, longitude: -46.6, name: 'Casa' } },
      'locationMessage',
      { degreesLatitude: -23.5, name: 'Casa' },
    ],
    [
      'moving place',
      { type: 'location', location: { latitude: 1, longitude: 2, live: true } },
      'liveLocationMessage',
      { degreesLatitude: 1 },
    ],
    [
      'contact',
      { type: 'contacts', contacts: [{ name: { formatted_name: 'Rui' }, phones: [{ phone: `+${RUI}` }] }] },
      'contactMessage',
      { displayName: 'Rui', vcard: expect.stringContaining(`waid=553187654321:+${RUI}`) },
    ],
    [
      'contacts',
      { type: 'contacts', contacts: [{ phones: [{ phone: '+1' }] }, { phones: [{ phone: '+2' }] }] },
      'contactsArrayMessage',
      { displayName: '2 contacts' },
    ],
    [
      'list answer',
      { type: 'interactive', interactive: { type: 'list_reply', list_reply: { id: 'p', title: 'Pão' } } },
      'listResponseMessage',
      { title: 'Pão', singleSelectReply: { selectedRowId: 'p' } },
    ],
    [
      'button answer',
      { type: 'interactive', interactive: { type: 'button_reply', button_reply: { id: 's', title: 'Sim' } } },
      'templateButtonReplyMessage',
      { selectedId: 's', selectedDisplayText: 'Sim' },
    ],
    [
      'old button answer',
      { type: 'interactive', interactive: { type: 'button_reply', wire: 'buttons', button_reply: { id: 's', title: 'Sim' } } },
      'buttonsResponseMessage',
      { selectedButtonId: 's' },
    ],
    [
      'native answer',
      { type: 'interactive', interactive: { type: 'button_reply', wire: 'native', button_reply: { id: 's', title: 'Sim' } } },
      'interactiveResponseMessage',
      { nativeFlowResponseMessage: { paramsJson: expect.stringContaining('"id":"s"') } },
    ],
    [
      'poll',
      { type: 'poll', poll: { name: 'Sabor?', options: ['Doce', 'Sal'] } },
      'pollCreationMessageV3',
      { name: 'Sabor?', options: [{ optionName: 'Doce' }, { optionName: 'Sal' }] },
    ],
    [
      'view-once photo',
      { type: 'image', image: { base64: PNG }, wrapper: 'viewOnceMessageV2' },
      'viewOnceMessageV2',
      { message: { imageMessage: { mimetype: 'image/jpeg' } } },
    ],
    ['disappearing text', { ...text(), wrapper: 'ephemeralMessage' }, 'ephemeralMessage', { message: { conversation: 'Bom dia' } }],
    ['unknown', { type: 'unsupported' }, 'eventMessage', {}],
  ])('is in WhatsApp’s own words: %s', async (_what, message, messageType, inside) => {
    const { linked, writes, events } = await world();
    await linked();

    await writes(message).expect(202);

    expect(events('messages.upsert')).toMatchObject([{ data: { messageType, message: { [messageType]: inside } } }]);
  });

  it.each<[string, object]>([
    ['of an unknown kind', { type: 'fax', fax: {} }],
    ['of a kind only Meta has', { type: 'order', order: {} }],
    ['without its object', { type: 'text' }],
    ['without text', { type: 'text', text: { body: '' } }],
    ['without cards', { type: 'contacts', contacts: [] }],
    ['that edits nothing', { type: 'edit', edit: {} }],
    ['in an unknown wrapper', { ...text(), wrapper: 'gift' }],
    ['larger than WhatsApp carries', text('x'.repeat(140_000))],
  ])('is nothing %s', async (_what, message) => {
    const { linked, writes, received, simulator } = await world();
    await linked();

    await writes(message).expect(422);
    await simulator.settled();

    expect(received).toEqual([]);
  });

  it('needs a linked phone', async () => {
    const { create, writes, control } = await world();
    await create({ qrcode: false }).expect(201);

    await writes(text()).expect(422);
    await control('/control/evolution/nada/scan').expect(404);
    await control(`/control/evolution/${NAME}/dance`).expect(404);
  });

  it('carries its file in base64 where the webhook wants it; else the file is asked for', async () => {
    const { linked, writes, call, webhook, events } = await world();
    await linked();
    const photo = { type: 'image', image: { base64: PNG, mime_type: 'image/png', caption: 'Bolo' } };
    const fetch64 = (id: string) => call('post', `/chat/getBase64FromMediaMessage/${NAME}`).send({ message: { key: { id } } });

    const first = (await writes(photo).expect(202)).body as { message_id: string };
    await call('post', `/webhook/set/${NAME}`)
      .send({ webhook: { ...webhook, base64: true } })
      .expect(201);
    await writes(photo).expect(202);
    const words = (await writes(text()).expect(202)).body as { message_id: string };

    const [without, whole] = events('messages.upsert').map(({ data }) => data.message);
    expect(without).not.toHaveProperty('base64');
    expect(whole).toMatchObject({ base64: PNG });
    const { body } = await fetch64(first.message_id).expect(201);
    expect(body).toMatchObject({ mediaType: 'imageMessage', mimetype: 'image/png', caption: 'Bolo', base64: PNG, buffer: null });
    await fetch64('nada').expect(400, saying(400, 'Bad Request', ['Message not found']));
    await fetch64(words.message_id).expect(400, saying(400, 'Bad Request', ['The message is not of the media type']));
  });

  it('is edited and deleted; an edit may claim to be a deletion, as in 2.3', async () => {
    const { simulator, linked, writes, control, events } = await world();
    await linked();
    const { message_id: id } = (await writes(text()).expect(202)).body as { message_id: string };
    const edit = { type: 'edit', edit: { original_message_id: id, message: { type: 'text', text: { body: 'Boa tarde' } } } };

    await writes(edit).expect(202);
    expect(events('messages.update')).toEqual([]);
    await control('/control/evolution', { edit_says_deleted: true }).expect(204);
    await writes(edit).expect(202);
    await simulator.settled();
    expect(simulator.threads.get(NAME, ANA).messages).toMatchObject([{ id, content: { body: 'Boa tarde' }, edited: true }]);
    await writes({ type: 'revoke', revoke: { original_message_id: id } }).expect(202);
    await simulator.settled();

    expect(events('messages.edited').map(({ data }) => data)).toMatchObject([
      { key: { id, fromMe: false }, type: 'MESSAGE_EDIT', editedMessage: { conversation: 'Boa tarde' } },
      { type: 'MESSAGE_EDIT' },
      { key: { id }, type: 'REVOKE' },
    ]);
    expect(events('messages.update')).toMatchObject([{ data: { keyId: id, status: 'DELETED' } }]);
    expect(events('messages.delete')).toMatchObject([{ data: { id, fromMe: false, remoteJid: ANA_JID } }]);
    expect(simulator.threads.get(NAME, ANA).messages).toMatchObject([{ id, deleted: true }]);
  });

  it('reacts, quotes and votes by the keys of what was sent', async () => {
    const { linked, writes, send, events } = await world();
    await linked();
    const sent = (await send('sendPoll', { name: 'Sabor?', selectableCount: 1, values: ['Doce', 'Sal'] }).expect(201)).body.key as {
      id: string;
    };

    await writes({ type: 'reaction', reaction: { message_id: sent.id, emoji: '❤️' } }).expect(202);
    await writes({ ...text('Doce!'), context: { message_id: sent.id } }).expect(202);
    await writes({ type: 'poll_vote', poll_vote: { message_id: sent.id, options: ['Doce'] } }).expect(202);

    expect(events('messages.upsert').map(({ data }) => data)).toMatchObject([
      {
        messageType: 'reactionMessage',
        message: { reactionMessage: { key: { id: sent.id, fromMe: true, remoteJid: ANA_JID }, text: '❤️' } },
      },
      { message: { conversation: 'Doce!' }, contextInfo: { stanzaId: sent.id, participant: '551140000042@s.whatsapp.net' } },
      {
        messageType: 'pollUpdateMessage',
        pollUpdates: [
          { name: 'Doce', voters: [ANA_JID] },
          { name: 'Sal', voters: [] },
        ],
      },
    ]);
  });

  it('may be the owner’s own words, typed on the phone', async () => {
    const { simulator, linked, writes, events } = await world();
    await linked();

    const { body } = await writes({ ...text('Já te respondo'), from_me: true }).expect(202);
    await simulator.settled();

    expect(events('messages.upsert')).toMatchObject([
      {
        data: {
          key: { remoteJid: ANA_JID, fromMe: true, id: body.message_id },
          pushName: 'Você',
          message: { conversation: 'Já te respondo' },
        },
      },
    ]);
    expect(events('send.message')).toEqual([]);
    expect(events('messages.update').map(({ data }) => data['status'])).toEqual(['SERVER_ACK', 'DELIVERY_ACK']);
    expect(simulator.threads.get(NAME, ANA).messages).toMatchObject([{ id: body.message_id, direction: 'business' }]);
  });

  it('is announced by typing, and its writer by a profile', async () => {
    const { simulator, linked, writes, control, events } = await world();
    await linked();

    await control(`/control/evolution/${NAME}/presence`, { from: ANA, presence: 'composing' }).expect(200);
    await writes(text()).expect(202);
    await writes(text()).expect(202);
    await control(`/control/evolution/${NAME}/profile`, { from: ANA, name: 'Ana Souza', picture_url: 'https://a.example/ana.jpg' }).expect(
      200,
    );
    await simulator.settled();

    expect(events('presence.update')).toMatchObject([
      { data: { id: ANA_JID, presences: { [ANA_JID]: { lastKnownPresence: 'composing' } } } },
    ]);
    expect(events('contacts.upsert')).toMatchObject([{ data: { remoteJid: ANA_JID, pushName: 'Ana' } }]);
    expect(events('contacts.update').map(({ data }) => data)).toMatchObject([
      { remoteJid: ANA_JID, pushName: 'Ana' },
      [{ remoteJid: ANA_JID, pushName: 'Ana Souza', profilePicUrl: 'https://a.example/ana.jpg' }],
    ]);
  });

  it('is marked read on the phone when the business read it', async () => {
    const { simulator, linked, writes, call } = await world();
    await linked();
    const { message_id: id } = (await writes(text()).expect(202)).body as { message_id: string };
    const mark = (body: object) => call('post', `/chat/markMessageAsRead/${NAME}`).send(body);

    await mark({ readMessages: [{ id, fromMe: false, remoteJid: ANA_JID }] }).expect(201, { message: 'Read messages', read: 'success' });
    await mark({ readMessages: [{ id }] }).expect(400);

    expect(simulator.threads.get(NAME, ANA).messages).toMatchObject([{ id, status: 'read' }]);
  });
});

describe('the webhooks of an instance', () => {
  it('go to an address per event, with what was subscribed only, and a signed token for a key', async () => {
    const { linked, webhook, writes, received } = await world();
    await linked({ webhook: { ...webhook, byEvents: true, events: ['MESSAGES_UPSERT'], headers: { jwt_key: 'segredo' } } });

    await writes(text()).expect(202);

    expect(received).toMatchObject([{ path: '/hook/messages-upsert', headers: { authorization: expect.stringMatching(/^Bearer ey/) } }]);
    expect(received[0]?.headers).not.toHaveProperty('jwt_key');
  });

  it('are not sent while the instance has none, or has them switched off', async () => {
    const { linked, webhook, writes, received, call } = await world();
    await linked({ webhook: undefined });

    await writes(text()).expect(202);
    await call('post', `/webhook/set/${NAME}`)
      .send({ webhook: { ...webhook, enabled: false } })
      .expect(201);
    expect((await writes(text()).expect(202)).body).toMatchObject({ attempts: 0 });

    expect(received).toEqual([]);
  });

  it.each([
    [500, 3],
    [429, 3],
    [302, 3],
    [400, 1],
    [401, 1],
    [403, 1],
    [404, 1],
    [422, 1],
    [204, 1],
  ])('answered with %i are tried %i times', async (status, attempts) => {
    const { linked, writes, answers, webhook } = await world();
    await linked({ webhook: { ...webhook, events: ['MESSAGES_UPSERT'] } });

    answers.push(status, status, status);

    expect((await writes(text()).expect(202)).body).toMatchObject({ status_code: status, attempts });
  });

  it('come late, twice and in another order when that is the weather', async () => {
    const { simulator, linked, writes, control, events } = await world();
    await linked();
    const ids = () => events('messages.upsert').map(({ data }) => data.key['id']);

    await control('/control/evolution', { weather: { doubled: true } }).expect(204);
    await writes({ ...text(), id: 'A1' }).expect(202);
    expect(ids()).toEqual(['A1', 'A1']);

    await control('/control/evolution', { weather: { doubled: false } }).expect(204);
    await writes({ ...text(), id: 'B1', late_ms: 60, wait: false }).expect(202);
    await writes({ ...text(), id: 'B2' }).expect(202);
    await simulator.settled();

    expect(ids().slice(2)).toEqual(['B2', 'B1']);
    await control('/control/evolution', { weather: { late_ms: -1 } }).expect(422);
  });
});

describe('the same simulator', () => {
  it('shows Meta’s numbers and linked ones on the same phones, and a QR code as a picture', async () => {
    const number = {
      phone_number_id: '999000000000042',
      waba_id: '999100000000042',
      display_phone_number: '+55 11 4000-0042',
      verified_name: 'Padaria',
    };
    const { evolution, create, writes, send, simulator } = await world({ numbers: [number] });
    await create().expect(201);
    const qr = await request(evolution.url).get(`/api/phone/qr/${NAME}`).expect(200).expect('content-type', 'image/png');
    await evolution.scan(NAME, '+551140000042');

    await writes(text('Pelo QR')).expect(202);
    await writes({ ...text('Pela Meta'), phone_number_id: number.phone_number_id, wait: false }).expect(202);
    await send('sendText', { text: 'Oi' }).expect(201);

    expect((qr.body as Buffer).subarray(1, 4).toString()).toBe('PNG');
    await request(evolution.url).get(`/api/phone/qr/${NAME}`).expect(404);
    const thread = async (line: string) =>
      (await request(evolution.url).get(`/api/phone/${line}/${ANA}/thread`).expect(200)).body as { messages: object[] };
    expect((await thread(NAME)).messages).toMatchObject([{ content: { body: 'Pelo QR' } }, { content: { body: 'Oi' } }]);
    expect((await thread(number.phone_number_id)).messages).toMatchObject([{ content: { body: 'Pela Meta' } }]);
    expect(simulator.sent({ phone_number_id: NAME })).toMatchObject([{ to: ANA, type: 'text' }]);
  });

  it('keeps instances and chats over a restart; a shown code is gone', async () => {
    const data_dir = mkdtempSync(join(tmpdir(), 'pytake-evolution-'));
    closing.push(async () => rmSync(data_dir, { recursive: true }));
    const before = await world({ data_dir });
    await before.linked();
    await before.create({ instanceName: 'outra' }).expect(201);
    await before.writes({ ...text(), id: 'A1' }).expect(202);
    await before.send('sendText', { text: 'Oi' }).expect(201);
    await before.simulator.settled();
    await before
      .call('post', `/webhook/set/${NAME}`)
      .send({ webhook: { ...before.webhook, events: ['QRCODE_UPDATED'] } })
      .expect(201);
    await before.evolution.close();

    const { simulator, send, call } = await world({ data_dir });

    const { body } = await call('get', '/instance/fetchInstances').expect(200);
    expect(body).toMatchObject([
      { name: NAME, connectionStatus: 'open' },
      { name: 'outra', connectionStatus: 'close' },
    ]);
    expect(simulator.threads.get(NAME, ANA).messages).toMatchObject([{ id: 'A1' }, { content: { body: 'Oi' } }]);
    const answer = await send('sendText', { text: 'De novo', quoted: { key: { id: 'A1' } } }).expect(201);
    expect(answer.body).toMatchObject({ contextInfo: { stanzaId: 'A1' } });
    expect((await call('get', `/webhook/find/${NAME}`).expect(200)).body).toMatchObject({ events: ['QRCODE_UPDATED'] });
  });

  it('inside a product posts to the receipt of its own product only', async () => {
    const { create, webhook, call } = await world({ locked: true, webhook_url: 'http://127.0.0.1:9/api/v1/whatsapp/webhook' });
    const at = (url: string) => create({ qrcode: false, webhook: { ...webhook, url } });

    for (const url of [
      webhook.url,
      'http://169.254.169.254/',
      'https://pytake.example/api/v1/users',
      'https://a.example/api/v1/whatsapp/webhook',
    ])
      await at(url).expect(400, saying(400, 'Bad Request', ['Invalid "url" property']));
    await at('https://pytake.example/api/v1/whatsapp/webhook/evolution/0b8f').expect(201);
    await call('post', `/webhook/set/${NAME}`).send({ webhook }).expect(400);
  });

  it('gives no instance the name of a number of Meta', async () => {
    const { create } = await world({ accepts: (id) => id === '999000000000042' });

    await create({ instanceName: '999000000000042' }).expect(403);
  });
});

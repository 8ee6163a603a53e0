import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
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
    expect(events('messages.update').map(({ data }) => data)).toMatchObject([
      { keyId: id, remoteJid: ANA_JID, fromMe: true, status: 'SERVER_ACK' },
      { keyId: id, status: 'DELIVERY_ACK' },
    ]);
    expect(simulator.threads.get(NAME, ANA).messages).toMatchObject([
      { id, direction: 'business', type: 'text', content: { body: 'Olá' }, status: 'delivered' },
    ]);
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
      date_time: expect.stringMatching(/Z$/),
      sender: '551140000042@s.whatsapp.net',
      server_url: evolution.url,
      apikey: expect.any(String),
      data: {
        key: { remoteJid: ANA_JID, fromMe: false, id: body.message_id, addressingMode: 'pn' },
        pushName: 'Ana',
        status: 'DELIVERY_ACK',
        message: { conversation: 'Bom dia' },
        messageType: 'conversation',
        source: 'android',
      },
    });
  });
});

export { RUI, RUI_JID, PNG, saying };

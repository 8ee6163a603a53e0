import { createHmac } from 'node:crypto';
import type { Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Global, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import express from 'express';
import request from 'supertest';
import { Config } from '#config/config';
import { GraphSimulator } from '#modules/simulator/graph-simulator';
import {
  isSimulatorAccount,
  isSimulatorNumber,
  SIMULATOR_DEMO_NUMBER,
  simulatorGraphUrl,
  simulatorToken,
} from '#modules/simulator/simulator-number';
import { SimulatorModule } from '#modules/simulator/simulator.module';
import { SimulatorService } from '#modules/simulator/simulator.service';

const SECRET = 'meta-app-secret';
const TOKEN = 'business-token';
const NUMBER = {
  phone_number_id: '999000000000042',
  waba_id: '999100000000042',
  display_phone_number: '+55 11 4000-0042',
  verified_name: 'Padaria Central',
};
const ANA = '5511987654321';

interface Received {
  raw: string;
  signature: string | undefined;
  payload: Payload;
}
interface Status {
  id: string;
  status: string;
  recipient_id?: string;
  recipient_user_id?: string;
  biz_opaque_callback_data?: string;
  errors?: { code: number }[];
}
interface Payload {
  entry: {
    id: string;
    changes: {
      field: string;
      value: {
        metadata?: { phone_number_id: string };
        contacts?: { wa_id?: string; user_id: string; profile: { name: string; username?: string } }[];
        messages?: Record<string, unknown>[];
        statuses?: Status[];
        event?: string;
      };
    }[];
  }[];
}

/** Meta's side, and a receiver that keeps what came; both on free ports. */
async function world(options: ConstructorParameters<typeof GraphSimulator>[0] = {}) {
  const received: Received[] = [];
  const answers: number[] = [];
  const receiver = express().post('/webhook', express.raw({ type: '*/*' }), (req, res) => {
    const raw = (req.body as Buffer).toString();
    received.push({ raw, signature: req.get('x-hub-signature-256'), payload: JSON.parse(raw) as Payload });
    res.sendStatus(answers.shift() ?? 200);
  });
  const receiving = await listening(receiver);
  const simulator = new GraphSimulator({
    app_secret: SECRET,
    access_token: TOKEN,
    webhook_url: `${urlOf(receiving)}/webhook`,
    numbers: [NUMBER],
    ...options,
    delays: { sent_ms: 1, delivered_ms: 2, failed_ms: 1, template_review_ms: 1, ...options.delays },
  });
  simulator.webhooks.retry_delays_ms = [0, 1];
  const serving = await listening(express().use('/graph', simulator.graph).use('/api', simulator.api));
  closing.push(async () => {
    await simulator.close();
    for (const server of [receiving, serving]) {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
  });

  const graph = (method: 'get' | 'post' | 'delete', path: string) =>
    request(serving)[method](`/graph/v25.0${path}`).set('Authorization', `Bearer ${TOKEN}`);
  return {
    simulator,
    received,
    answers,
    url: urlOf(serving),
    graph,
    api: request(serving),
    send: (body: object) =>
      graph('post', `/${NUMBER.phone_number_id}/messages`).send({ messaging_product: 'whatsapp', to: `+${ANA}`, ...body }),
    statuses: () => changes(received).flatMap((change) => change.value.statuses ?? []),
    messages: () => changes(received).flatMap((change) => change.value.messages ?? []),
  };
}

const text = (body = 'Bom dia') => ({ type: 'text', text: { body } });
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

describe('the Graph API of the simulator', () => {
  it('accepts a message, answers as Meta does and tells how it went', async () => {
    const { simulator, send, statuses } = await world({ window: 'off' });

    const { body } = await send({ ...text(), biz_opaque_callback_data: 'm-1' }).expect(200);
    await simulator.settled();

    expect(body).toEqual({
      messaging_product: 'whatsapp',
      contacts: [{ input: `+${ANA}`, wa_id: ANA }],
      messages: [{ id: expect.stringMatching(/^wamid\./) }],
    });
    const [{ id }] = body.messages as [{ id: string }];
    expect(statuses().map((s) => s.status)).toEqual(['sent', 'delivered']);
    expect(statuses()[0]).toMatchObject({
      id,
      recipient_id: ANA,
      recipient_user_id: expect.stringMatching(/^BR\./),
      biz_opaque_callback_data: 'm-1',
    });
    expect(simulator.sent()).toMatchObject([{ id, to: `+${ANA}`, biz_opaque_callback_data: 'm-1', status: 'delivered' }]);
  });

  it('refuses a missing or wrong token with 190', async () => {
    const { url } = await world();

    const path = `/graph/v25.0/${NUMBER.phone_number_id}`;
    for (const token of [undefined, 'Bearer other']) {
      const call = request(url).get(path);
      const { body } = await (token ? call.set('Authorization', token) : call).expect(401);
      expect(body.error).toMatchObject({ code: 190, type: 'OAuthException', fbtrace_id: expect.any(String) });
    }
  });

  it.each<[string, object, number]>([
    ['no messaging_product', { messaging_product: undefined, ...text() }, 100],
    ['no recipient', { to: undefined, ...text() }, 100],
    ['a name for a number', { to: 'Ana', ...text() }, 131009],
    ['a recipient that is no BSUID', { to: undefined, recipient: '5511987654321', ...text() }, 131009],
    ['an invented recipient_type', { recipient_type: 'business_scoped_user_id', ...text() }, 100],
    ['an unknown type', { type: 'fax', fax: {} }, 100],
    ['a type without its object', { type: 'text' }, 131008],
    ['an empty text', text(''), 131008],
    ['a text of 4097', text('x'.repeat(4097)), 131009],
    ['a key Meta does not know', { type: 'text', text: { body: 'a', colour: 'red' } }, 100],
    ['an image without id or link', { type: 'image', image: {} }, 131008],
    ['a link that is none', { type: 'image', image: { link: 'photo.jpg' } }, 131009],
    ['a caption on audio', { type: 'audio', audio: { link: 'https://a.example/a.ogg', caption: 'x' } }, 100],
    ['a caption of 1025', { type: 'image', image: { link: 'https://a.example/a.png', caption: 'x'.repeat(1025) } }, 131009],
    ['an unknown media id', { type: 'image', image: { id: '1' } }, 100],
    ['a latitude of 91', { type: 'location', location: { latitude: 91, longitude: 0 } }, 131009],
    ['a contact with formatted_name alone', { type: 'contacts', contacts: [{ name: { formatted_name: 'Ana' } }] }, 131009],
    ['four buttons', buttons(4), 131009],
    ['a button title of 21', buttons(1, 'x'.repeat(21)), 131009],
    [
      'two buttons of one id',
      { type: 'interactive', interactive: { ...buttons(1).interactive, action: { buttons: [button('a', 'A'), button('a', 'B')] } } },
      131009,
    ],
    ['eleven rows', list([6, 5]), 131009],
    ['two sections without titles', list([1, 1], ''), 131008],
    ['a template nobody made', { type: 'template', template: { name: 'nada', language: { code: 'pt_BR' } } }, 132001],
    ['a template without its parameters', { type: 'template', template: { name: 'pedido_pronto', language: { code: 'pt_BR' } } }, 132000],
    ['a callback data of 513', { ...text(), biz_opaque_callback_data: 'x'.repeat(513) }, 131009],
    ['its own number', { to: '+551140000042', ...text() }, 131021],
  ])('refuses %s', async (_what, body, code) => {
    const { simulator, send } = await world({ window: 'off' });

    const answer = await send(body).expect((res) => {
      if (res.status < 400) throw new Error(`accepted: ${JSON.stringify(res.body)}`);
    });

    expect(answer.body.error).toMatchObject({ code, error_data: { messaging_product: 'whatsapp' }, fbtrace_id: expect.any(String) });
    expect(simulator.sent()).toEqual([]);
  });

  it.each<[string, object]>([
    ['text', text('x'.repeat(4096))],
    ['image', { type: 'image', image: { link: 'https://a.example/a.png', caption: 'Foto' } }],
    ['voice note', { type: 'audio', audio: { link: 'https://a.example/a.ogg', voice: true } }],
    ['document', { type: 'document', document: { link: 'https://a.example/nf.pdf', filename: 'nf.pdf' } }],
    ['location', { type: 'location', location: { latitude: -23.55, longitude: -46.63, name: 'Loja' } }],
    [
      'contacts',
      { type: 'contacts', contacts: [{ name: { formatted_name: 'Ana', first_name: 'Ana' }, phones: [{ phone: '+5511988887777' }] }] },
    ],
    ['buttons', buttons(3)],
    ['list', list([5, 5])],
    ['cta_url', interactive('cta_url', { name: 'cta_url', parameters: { display_text: 'Abrir', url: 'https://a.example' } })],
    ['location request', interactive('location_request_message', { name: 'send_location' })],
    ['reply', { ...text(), context: { message_id: 'wamid.X' } }],
    ['template', template('pedido_pronto', ['Ana', '42'])],
  ])('accepts %s', async (_what, body) => {
    const { send } = await world({ window: 'off' });

    await send(body).expect(200);
  });

  it('sends to a BSUID by recipient, and loses it when it stands in to', async () => {
    const { simulator, send, statuses } = await world({ window: 'off' });

    const { body } = await send({ to: undefined, recipient: 'BR.1502abc', ...text() }).expect(200);
    await simulator.settled();
    await send({ to: 'BR.15021234', ...text() }).expect(200);
    await simulator.settled();

    expect(body.contacts).toEqual([{ input: 'BR.1502abc', user_id: 'BR.1502abc' }]);
    expect(statuses().map((s) => [s.status, s.recipient_user_id, s.recipient_id])).toEqual([
      ['sent', 'BR.1502abc', undefined],
      ['delivered', 'BR.1502abc', undefined],
    ]);
  });

  it('answers with the number the customer really has: the ninth digit comes and goes', async () => {
    const { simulator, send } = await world();
    await simulator.customer({ wa_id: '551187654321', name: 'Ana' }).writes(text());

    const { body } = await send(text()).expect(200);

    expect(body.contacts).toEqual([{ input: `+${ANA}`, wa_id: '551187654321' }]);
  });

  it('keeps the 24-hour window: 131047 by status or at once, templates pass', async () => {
    const { simulator, send, statuses } = await world();

    await send(text()).expect(200);
    await send(template('hello_world', [], 'en_US')).expect(200);
    await simulator.settled();
    expect(statuses().map((s) => [s.status, s.errors?.[0]?.code])).toEqual(
      expect.arrayContaining([
        ['failed', 131047],
        ['sent', undefined],
        ['delivered', undefined],
      ]),
    );

    simulator.options.window = 'sync';
    expect((await send(text()).expect(400)).body.error.code).toBe(131047);
    const ana = simulator.customer({ wa_id: ANA });
    await ana.writes({ ...text(), timestamp: Math.floor(Date.now() / 1000) - 24 * 3600 - 1 });
    await send(text()).expect(400);
    await ana.writes(text());
    await send(text()).expect(200);
  });

  it('takes media in, gives its URL to the bearer, and forgets it when told', async () => {
    const { graph, send, url, simulator } = await world({ window: 'off' });
    const bytes = Buffer.from('89504e470d0a1a0a', 'hex');
    const upload = (type: string) =>
      graph('post', `/${NUMBER.phone_number_id}/media`)
        .field('messaging_product', 'whatsapp')
        .attach('file', bytes, { filename: 'a.png', contentType: type });

    const { id } = (await upload('image/png').expect(200)).body as { id: string };
    const info = (await graph('get', `/${id}`).expect(200)).body as { url: string; sha256: string; file_size: number; mime_type: string };
    const download = await fetch(info.url, { headers: { authorization: `Bearer ${TOKEN}` } });

    expect(info).toMatchObject({ id, mime_type: 'image/png', file_size: 8, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(info.url.startsWith(`${url}/graph/`)).toBe(true);
    expect(Buffer.from(await download.arrayBuffer())).toEqual(bytes);
    expect((await fetch(info.url)).status).toBe(401);
    for (const forged of [info.url.replace(/ext=\d/, 'ext=9'), info.url.replace(/hash=./, 'hash=é')])
      expect((await fetch(forged, { headers: { authorization: `Bearer ${TOKEN}` } })).status).toBe(404);
    await send({ type: 'image', image: { id } }).expect(200);
    expect((await upload('text/html').expect(400)).body.error.code).toBe(131053);
    await graph('delete', `/${id}`).expect(200);
    expect((await graph('get', `/${id}`).expect(400)).body.error).toMatchObject({ code: 100, error_subcode: 33 });
    await simulator.settled();
  });

  it('creates, reviews, edits and deletes templates', async () => {
    const { graph, simulator, received } = await world();
    const path = `/${NUMBER.waba_id}/message_templates`;
    const body = {
      name: 'cobranca_2',
      language: 'pt_BR',
      category: 'UTILITY',
      components: [{ type: 'BODY', text: 'Olá {{1}}!', example: { body_text: [['Ana']] } }],
    };

    const { id, status } = (await graph('post', path).send(body).expect(200)).body as { id: string; status: string };
    expect(status).toBe('PENDING');
    await simulator.settled();
    expect(changes(received)).toMatchObject([
      { field: 'message_template_status_update', value: { event: 'APPROVED', message_template_name: 'cobranca_2' } },
    ]);
    expect((await graph('get', `${path}?name=cobranca_2&fields=id,status`).expect(200)).body.data).toEqual([{ id, status: 'APPROVED' }]);
    await graph('post', path).send(body).expect(400);
    await graph('post', path)
      .send({ ...body, name: 'Com Espaço' })
      .expect(400);
    await graph('post', path)
      .send({ ...body, name: 'a', components: [{ type: 'BODY', text: '{{1}} no começo', example: {} }] })
      .expect(400);
    await graph('post', `/${id}`)
      .send({ components: [{ type: 'BODY', text: 'Novo' }] })
      .expect(200);
    await graph('delete', `${path}?name=cobranca_2`).expect(200);
    const page = (await graph('get', `${path}?limit=1`).expect(200)).body as { data: unknown[]; paging: { next: string } };
    expect(page.data).toHaveLength(1);
    expect((await (await fetch(page.paging.next, { headers: { authorization: `Bearer ${TOKEN}` } })).json()) as object).toMatchObject({
      data: [{ name: 'pedido_pronto' }],
    });
    await simulator.settled();
  });

  it('tells a number, its account and what the token may', async () => {
    const { graph } = await world();

    const number = await graph('get', `/${NUMBER.phone_number_id}?fields=display_phone_number,quality_rating`).expect(200);
    expect(number.body).toEqual({ id: NUMBER.phone_number_id, display_phone_number: NUMBER.display_phone_number, quality_rating: 'GREEN' });
    await graph('get', `/${NUMBER.phone_number_id}?fields=shoe_size`).expect(400);
    expect((await graph('get', `/${NUMBER.waba_id}/phone_numbers`).expect(200)).body.data).toMatchObject([{ id: NUMBER.phone_number_id }]);
    expect((await graph('get', '/debug_token?input_token=x').expect(200)).body.data.granular_scopes[0].target_ids).toEqual([
      NUMBER.waba_id,
    ]);
    await graph('post', `/${NUMBER.phone_number_id}/whatsapp_business_profile`)
      .send({ messaging_product: 'whatsapp', about: 'Pão quente' })
      .expect(200);
    expect((await graph('get', `/${NUMBER.phone_number_id}/whatsapp_business_profile?fields=about`).expect(200)).body.data).toEqual([
      { about: 'Pão quente' },
    ]);
    expect((await graph('get', '/123456/phone_numbers').expect(400)).body.error).toMatchObject({ code: 100, error_subcode: 33 });
  });

  it('posts nothing to an account that is not subscribed', async () => {
    const { graph, simulator, received } = await world();
    const path = `/${NUMBER.waba_id}/subscribed_apps`;

    await graph('delete', path).expect(200);
    expect((await graph('get', path)).body.data).toEqual([]);
    await simulator.customer({ wa_id: ANA }).writes(text());
    expect(received).toEqual([]);

    await graph('post', path).expect(200);
    await simulator.customer({ wa_id: ANA }).writes(text());
    expect(received).toHaveLength(1);
  });
});

describe('trouble on demand', () => {
  it.each([130429, 131000, 131026, 131047, 131049, 131050, 131056])(
    'answers %i to its magic recipient, or fails by status',
    async (code) => {
      const { simulator, send, statuses } = await world({ window: 'off' });

      const refused = await send({ to: `+5511900${code}`, ...text() });
      expect(refused.status).toBeGreaterThanOrEqual(400);
      expect(refused.body.error.code).toBe(code);
      expect(simulator.sent()).toEqual([]);

      await send({ to: `+5511901${code}`, ...text() }).expect(200);
      await simulator.settled();
      expect(statuses()).toMatchObject([{ status: 'failed', errors: [{ code, title: expect.any(String) }] }]);
    },
  );

  it('answers outages in HTML and with Retry-After', async () => {
    const { send } = await world({ window: 'off' });

    await send({ to: '+551100000500', ...text() })
      .expect(500)
      .expect('content-type', /html/);
    await send({ to: '+551100000503', ...text() })
      .expect(503)
      .expect('retry-after', '2');
  });

  it.each([
    ['hangs without taking the message', '+551100000408', 0],
    ['takes the message and hangs', '+551100000504', 1],
    ['breaks the connection without taking the message', '+551100000444', 0],
    ['takes the message and breaks the connection', '+551100000445', 1],
  ])('%s', async (_what, to, accepted) => {
    const { simulator, url, statuses } = await world({ window: 'off' });

    const call = fetch(`${url}/graph/v25.0/${NUMBER.phone_number_id}/messages`, {
      method: 'POST',
      signal: AbortSignal.timeout(300),
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ messaging_product: 'whatsapp', to, ...text(), biz_opaque_callback_data: 'once' }),
    });
    await expect(call).rejects.toThrow();
    await simulator.settled();

    expect(simulator.sent({ biz_opaque_callback_data: 'once' })).toHaveLength(accepted);
    expect(statuses().map((s) => s.status)).toEqual(accepted ? ['sent', 'delivered'] : []);
  });

  it('fails the next N sends, then goes on', async () => {
    const { api, send } = await world({ window: 'off' });

    await api.post('/api/control/faults').send({ times: 2, code: 130429 }).expect(201);

    await send(text()).expect(400);
    await send(text()).expect(400);
    await send(text()).expect(200);
  });

  it.each<[string, object, string[]]>([
    ['reversed', { statuses: 'reversed' }, ['read', 'delivered', 'sent']],
    ['doubled', { statuses: 'doubled' }, ['sent', 'sent', 'delivered', 'delivered', 'read', 'read']],
    ['dropped', { statuses: 'dropped' }, []],
    ['exactly these', { statuses: ['delivered', 'sent', 'read', 'read'] }, ['delivered', 'sent', 'read', 'read']],
  ])('posts the statuses %s', async (_order, fault, expected) => {
    const { api, simulator, send, statuses } = await world({ window: 'off', delays: { sent_ms: 1, delivered_ms: 30, read_after_ms: 30 } });
    await api.post('/api/control/faults').send(fault).expect(201);

    await send(text()).expect(200);
    await simulator.settled();

    expect(statuses().map((s) => s.status)).toEqual(expected);
  });

  it('shuffles the statuses without losing one', async () => {
    const { simulator, send, statuses } = await world({ window: 'off', statuses: 'shuffled', delays: { read_after_ms: 1 } });

    await send(text()).expect(200);
    await simulator.settled();

    expect(
      statuses()
        .map((s) => s.status)
        .sort(),
    ).toEqual(['delivered', 'read', 'sent']);
  });

  it('keeps to the throughput and the pair rate it is given', async () => {
    const { simulator, send } = await world({ window: 'off', pair_limit: true });
    for (let i = 0; i < 45; i++) await send(text()).expect(200);
    expect((await send(text()).expect(400)).body.error.code).toBe(131056);
    await send({ ...text(), to: '+5511988887777' }).expect(200);

    simulator.options.messages_per_second = 0;
    expect((await send({ ...text(), to: '+5511988887777' }).expect(400)).body.error.code).toBe(130429);
    await simulator.settled();
  });

  it('counts acceptances per reference, so that a doubled message shows', async () => {
    const { api, send } = await world({ window: 'off' });
    for (const reference of ['a', 'b', 'b']) await send({ ...text(), biz_opaque_callback_data: reference });

    const { body } = await api.get('/api/control/sent').expect(200);
    expect(body).toMatchObject({ total: 3, references: 2, doubled: { b: 2 } });
    await api.post('/api/control/reset').expect(204);
    expect((await api.get('/api/control/sent')).body).toMatchObject({ total: 0, references: 0, items: [] });
  });
});

describe('the webhooks of the simulator', () => {
  it('signs the bytes it posts, escaped as Meta escapes them', async () => {
    const { simulator, received } = await world();

    await simulator.customer({ wa_id: ANA, name: 'Conceição' }).writes(text('Ação às 10h 🙂 https://a.example'));

    const [{ raw, signature, payload }] = received as [Received];
    expect(signature).toBe(`sha256=${createHmac('sha256', SECRET).update(raw).digest('hex')}`);
    expect(raw).toMatch(/^[\x20-\x7e]+$/);
    expect(raw).toContain('A\\u00e7\\u00e3o');
    expect(raw).toContain('https:\\/\\/');
    expect(createHmac('sha256', SECRET).update(JSON.stringify(payload)).digest('hex')).not.toBe(signature?.slice(7));
    expect(payload.entry[0]?.changes[0]?.value).toMatchObject({
      metadata: { phone_number_id: NUMBER.phone_number_id },
      contacts: [{ wa_id: ANA, user_id: expect.stringMatching(/^BR\./), profile: { name: 'Conceição' } }],
      messages: [{ from: ANA, type: 'text', text: { body: 'Ação às 10h 🙂 https://a.example' } }],
    });
  });

  it.each<[string, object]>([
    ['image', { id: '1', mime_type: 'image/jpeg', caption: 'Foto' }],
    ['video', { id: '1', mime_type: 'video/mp4' }],
    ['audio', { id: '1', mime_type: 'audio/ogg; codecs=opus', voice: true }],
    ['document', { id: '1', filename: 'nf.pdf' }],
    ['sticker', { id: '1', animated: false }],
    ['location', { latitude: -23.5, longitude: -46.6 }],
    ['contacts', [{ name: { formatted_name: 'Rui' }, phones: [{ phone: '+5511' }] }]],
    ['interactive', { type: 'button_reply', button_reply: { id: 'ok', title: 'Sim' } }],
    ['interactive', { type: 'list_reply', list_reply: { id: 'fin', title: 'Financeiro' } }],
    ['interactive', { type: 'nfm_reply', nfm_reply: { name: 'flow', body: 'Sent', response_json: '{}' } }],
    ['button', { payload: 'ok', text: 'Sim' }],
    ['reaction', { message_id: 'wamid.X', emoji: '👍' }],
    ['order', { catalog_id: '1', product_items: [] }],
    ['system', { type: 'user_changed_number', wa_id: '5511911112222', body: 'changed' }],
    ['edit', { original_message_id: 'wamid.X', message: { type: 'text', text: { body: 'novo' } } }],
    ['revoke', { original_message_id: 'wamid.X' }],
    ['unsupported', { type: 'poll' }],
  ])('posts what a customer sends: %s', async (type, content) => {
    const { api, messages } = await world();

    await api
      .post('/api/control/customer-message')
      .send({ from: `+${ANA}`, name: 'Ana', wait: true, type, [type]: content })
      .expect(202);

    expect(messages()).toMatchObject([
      { from: ANA, type, [type]: content, ...(type === 'unsupported' ? { errors: [{ code: 131051 }] } : {}) },
    ]);
  });

  it('leaves the phone out of a hidden customer, adds context and referral', async () => {
    const { api, received } = await world();
    const message = { ...text(), context: { message_id: 'wamid.Q' }, referral: { source_type: 'ad', source_id: '7' }, wait: true };

    await api
      .post('/api/control/customer-message')
      .send({ from: { wa_id: ANA, username: 'ana.b', phone_hidden: true }, name: 'Ana', ...message });
    await api.post('/api/control/customer-message').send({ from: 'BR.77aB', name: 'Bia', ...message, context: { forwarded: true } });

    const [first, second] = changes(received).map((change) => change.value);
    expect(Object.keys(first?.contacts?.[0] ?? {})).toEqual(['profile', 'user_id']);
    expect(first?.messages?.[0]).not.toHaveProperty('from');
    expect(first?.messages?.[0]).toMatchObject({
      from_user_id: first?.contacts?.[0]?.user_id,
      context: { from: '551140000042', id: 'wamid.Q' },
      referral: { source_id: '7' },
    });
    expect(second?.messages?.[0]).toMatchObject({ from_user_id: 'BR.77aB', context: { forwarded: true } });
  });

  it('carries a file from the customer to the bearer', async () => {
    const { simulator, messages, graph } = await world();
    const bytes = Buffer.from('ffd8ffe0', 'hex');

    await simulator
      .customer({ wa_id: ANA })
      .writes({ type: 'image', image: { base64: bytes.toString('base64'), mime_type: 'image/jpeg', caption: 'Comprovante' } });

    const [{ image }] = messages() as [{ image: { id: string; sha256: string; caption: string } }];
    const { url } = (await graph('get', `/${image.id}`).expect(200)).body as { url: string };
    expect(image).not.toHaveProperty('base64');
    expect(image.caption).toBe('Comprovante');
    expect(Buffer.from(await (await fetch(url, { headers: { authorization: `Bearer ${TOKEN}` } })).arrayBuffer())).toEqual(bytes);
  });

  it('posts again until 200, and gives up at last', async () => {
    const { simulator, received, answers } = await world();
    const ana = simulator.customer({ wa_id: ANA });

    answers.push(500, 204);
    expect(await ana.writes(text())).toMatchObject({ status_code: 200, attempts: 3 });
    expect(new Set(received.map((r) => r.raw)).size).toBe(1);

    answers.push(503, 503, 503);
    expect(await ana.writes(text())).toMatchObject({ status_code: 503, attempts: 3 });
    expect(simulator.webhooks.counts).toMatchObject({ acknowledged: 1, given_up: 1 });
  });

  it('batches when asked', async () => {
    const { simulator, received, messages } = await world();
    simulator.webhooks.batch = { max: 3, wait_ms: 10_000 };
    const ana = simulator.customer({ wa_id: ANA });

    await Promise.all(['1', '2', '3'].map((body) => ana.writes(text(body))));

    expect(received).toHaveLength(1);
    expect(messages().map((m) => m['text'])).toEqual([{ body: '1' }, { body: '2' }, { body: '3' }]);
  });

  it.each<[string, object]>([
    ['another number in its metadata', { field: 'messages', value: { metadata: { phone_number_id: '106540352242922' }, messages: [] } }],
    ['another number in an echo', { field: 'smb_message_echoes', value: { metadata: { display_phone_number: '551133334444' } } }],
    ['another number of a status', { field: 'messages', value: { metadata: {}, statuses: [] } }],
    ['another phone', { field: 'phone_number_quality_update', value: { display_phone_number: '551133334444', event: 'DOWNGRADE' } }],
    ['another account', { field: 'account_update', value: { waba_info: { waba_id: '102290129340398' }, event: 'PARTNER_REMOVED' } }],
    ['a number that is none of the simulator', { phone_number_id: '106540352242922', field: 'account_update', value: {} }],
  ])('speaks for its own numbers only: %s is refused', async (_what, change) => {
    const { api, received } = await world();

    await api.post('/api/control/change').send(change).expect(422);
    expect(received).toEqual([]);

    for (const field of ['account_update', 'user_preferences'])
      await api
        .post('/api/control/change')
        .send({ waba_id: '102290129340398', field, value: { event: 'X' } })
        .expect(200);
    expect(received.map(({ payload }) => payload.entry.map(({ id }) => id))).toEqual([[NUMBER.waba_id], [NUMBER.waba_id]]);
    expect(changes(received).map(({ value }) => value.metadata?.phone_number_id)).toEqual([undefined, NUMBER.phone_number_id]);
  });

  it('refuses a customer message WhatsApp could not carry', async () => {
    const { api, received } = await world();

    for (const body of [
      { from: `+${ANA}`, type: 'fax' },
      { from: `+${ANA}`, type: 'text' },
      { from: 'Ana', ...text() },
      { from: `+${ANA}`, type: 'location' },
      { phone_number_id: '1', from: `+${ANA}`, ...text() },
      { from: `+${ANA}`, ...text('x'.repeat(200_000)) },
      { from: `+${ANA}`, name: 'x'.repeat(300), ...text() },
      { from: `+${ANA}`, id: 'x'.repeat(300), ...text() },
    ]) {
      expect((await api.post('/api/control/customer-message').send(body).expect(422)).body.error_code).toBe('validation_error');
    }
    expect(received).toEqual([]);
  });
});

describe("the customer's phone", () => {
  it('shows both sides, becomes read when opened, and marks what the business read', async () => {
    const { simulator, send, api, graph, statuses } = await world();
    const { message_id } = await simulator.customer({ wa_id: ANA, name: 'Ana' }).writes(text('Oi'));
    const { body: answer } = await send({ ...text('Olá!'), context: { message_id } }).expect(200);
    await simulator.settled();

    await graph('post', `/${NUMBER.phone_number_id}/messages`)
      .send({ messaging_product: 'whatsapp', status: 'read', message_id, typing_indicator: { type: 'text' } })
      .expect(200);
    await graph('post', `/${NUMBER.phone_number_id}/messages`)
      .send({ messaging_product: 'whatsapp', status: 'read', message_id: 'wamid.no' })
      .expect(400);
    await api.post('/api/phone/read').send({ customer: ANA }).expect(200, { read: 1 });
    await simulator.settled();

    const { body } = await api.get(`/api/phone/${NUMBER.phone_number_id}/${ANA}/thread`).expect(200);
    expect(body.messages).toMatchObject([
      { id: message_id, direction: 'customer', content: { body: 'Oi' }, status: 'read' },
      { id: answer.messages[0].id, direction: 'business', content: { body: 'Olá!' }, context_message_id: message_id, status: 'read' },
    ]);
    expect(statuses().map((s) => s.status)).toEqual(['sent', 'delivered', 'read']);
    await api.post('/api/phone/read').send({ customer: ANA }).expect(200, { read: 0 });
  });

  it('reads what is still on its way as soon as it is delivered', async () => {
    const { simulator, send, statuses } = await world({ window: 'off', delays: { sent_ms: 20, delivered_ms: 40 } });
    await send(text()).expect(200);

    simulator.customer({ wa_id: ANA }).reads();
    await simulator.settled();

    expect(statuses().map((s) => s.status)).toEqual(['sent', 'delivered', 'read']);
  });

  it('streams what happens', async () => {
    const { simulator, url } = await world();
    const stream = await fetch(`${url}/api/phone/events`);
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();

    await simulator.customer({ wa_id: ANA }).writes(text('Oi'));
    let heard = '';
    while (!heard.includes('event: message')) heard += (await reader?.read())?.value ?? '';

    expect(stream.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(heard).toContain('"body":"Oi"');
    await reader?.cancel();
  });

  it('drops a reader who does not read, and goes on', async () => {
    const { simulator, url, api } = await world();
    const { hostname, port } = new URL(url);
    const deaf = connect(Number(port), hostname).pause();
    deaf.write('GET /api/phone/events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const readers = async (): Promise<unknown> => (await api.get('/api/control/state').expect(200)).body.readers;
    while ((await readers()) !== 1) await new Promise((soon) => setTimeout(soon, 5));

    // More than any socket holds.
    for (let sent = 0; sent < 400 && (await readers()) === 1; sent++)
      await simulator.customer({ wa_id: ANA }).writes(text('x'.repeat(65_536)));

    expect(await readers()).toBe(0);
    deaf.destroy();
  });

  it('keeps no more than so many bytes of what was said, the oldest threads go first', async () => {
    const { simulator } = await world({ webhook_url: null });
    const customers = Array.from({ length: 30 }, (_, i) => simulator.customer({ wa_id: `55119876500${String(i).padStart(2, '0')}` }));

    for (const customer of customers) for (let n = 0; n < 50; n++) await customer.writes(text('x'.repeat(65_536)));

    const kept = customers.filter(({ thread }) => thread.messages.length > 0);
    expect(kept.length).toBeLessThan(25);
    expect(kept).toEqual(customers.slice(-kept.length));
  });

  it('renders a template as the customer reads it', async () => {
    const { simulator, send } = await world();
    await send(template('pedido_pronto', ['Ana', '42'])).expect(200);

    expect(simulator.customer({ wa_id: ANA }).thread.messages[0]?.rendered).toMatchObject({
      body: 'Olá Ana, seu pedido 42 está pronto para retirada.',
      buttons: [{ text: 'Estou a caminho' }, { text: 'Falar com atendente' }],
    });
  });
});

describe('inside the product', () => {
  async function product(env: NodeJS.ProcessEnv): Promise<NestExpressApplication> {
    const data_dir = mkdtempSync(join(tmpdir(), 'pytake-simulator-'));
    closing.push(async () => rmSync(data_dir, { recursive: true }));
    const config = new Config({
      NODE_ENV: 'test',
      DATA_DIR: data_dir,
      META_APP_SECRET: 'a-long-enough-app-secret-0123456789',
      ...env,
    });
    @Global()
    @Module({ providers: [{ provide: Config, useValue: config }], exports: [Config] })
    class ConfigOfTest {}
    @Module({ imports: [ConfigOfTest, SimulatorModule] })
    class Product {}
    const app = await NestFactory.create<NestExpressApplication>(Product, { logger: false });
    app.setGlobalPrefix('api/v1');
    await app.listen(0, '127.0.0.1');
    closing.push(() => app.close());
    return app;
  }

  it('opens page, Graph API and phone, locked to its own numbers', async () => {
    const app = await product({ SIMULATOR_ENABLED: 'true' });
    const server = app.getHttpServer();
    app.get(SimulatorService).demo_email = 'demo@pytake.example';

    for (const path of ['/simulator', '/simulator/'])
      await request(server)
        .get(path)
        .expect(200)
        .expect('content-type', /html/)
        .expect('content-security-policy', /default-src 'none'/);
    await request(server)
      .get('/simulator/app.js')
      .expect(200)
      .expect('content-type', /javascript/);
    await request(server)
      .get('/simulator/socket.io.js')
      .expect(200)
      .expect('content-type', /javascript/);
    expect((await request(server).get('/simulator/api/hello').expect(200)).body).toMatchObject({
      demo_email: 'demo@pytake.example',
      numbers: [SIMULATOR_DEMO_NUMBER],
    });
    const graph = request(server)
      .get(`/simulator/graph/v25.0/999000000000777`)
      .set('Authorization', `Bearer ${simulatorToken(app.get(Config))}`);
    expect((await graph.expect(200)).body.id).toBe('999000000000777');

    await request(server).post('/simulator/api/control/options').send({ webhook_url: 'http://169.254.169.254/' }).expect(422);
    await request(server).post('/simulator/api/control/webhook').send({ object: 'whatsapp_business_account' }).expect(403);
    await request(server)
      .post('/simulator/api/control/customer-message')
      .send({ phone_number_id: '106540352242922', from: `+${ANA}`, ...text() })
      .expect(422);
    const { body: state } = await request(server).get('/simulator/api/control/state').expect(200);
    expect(Object.keys(state.options as object)).not.toEqual(expect.arrayContaining([expect.stringMatching(/secret|token|url|dir/)]));
  });

  it('is not there when switched off', async () => {
    const app = await product({ SIMULATOR_ENABLED: 'false' });

    for (const path of ['/simulator', '/simulator/api/hello', '/simulator/graph/v25.0/999000000000001'])
      await request(app.getHttpServer()).get(path).expect(404);
  });

  it('knows its own numbers', () => {
    expect([SIMULATOR_DEMO_NUMBER.waba_id, '102290129340398'].map(isSimulatorAccount)).toEqual([true, false]);
    expect([SIMULATOR_DEMO_NUMBER.phone_number_id, '106540352242922', '99900000000000', '9990000000000012'].map(isSimulatorNumber)).toEqual(
      [true, false, false, false],
    );
    expect(simulatorGraphUrl({ port: 8000, process_role: 'all', public_base_url: 'https://pytake.example' })).toBe(
      'http://127.0.0.1:8000/simulator/graph',
    );
    expect(simulatorGraphUrl({ port: 8000, process_role: 'worker', public_base_url: 'https://pytake.example' })).toBe(
      'https://pytake.example/simulator/graph',
    );
  });
});

function changes(received: Received[]) {
  return received.flatMap(({ payload }) => payload.entry.flatMap((entry) => entry.changes));
}

function button(id: string, title: string) {
  return { type: 'reply', reply: { id, title } };
}

function buttons(count: number, title?: string) {
  return interactive('button', { buttons: Array.from({ length: count }, (_, i) => button(`b${i}`, title ?? `Botão ${i}`)) });
}

function list(sizes: number[], title = 'Setores') {
  const sections = sizes.map((size, s) => ({
    title,
    rows: Array.from({ length: size }, (_, r) => ({ id: `${s}.${r}`, title: `Linha ${s}.${r}` })),
  }));
  return interactive('list', { button: 'Escolher', sections });
}

function interactive(type: string, action: object) {
  return { type: 'interactive', interactive: { type, body: { text: 'Escolha' }, action } };
}

function template(name: string, parameters: string[], code = 'pt_BR') {
  const components = parameters.length ? [{ type: 'body', parameters: parameters.map((value) => ({ type: 'text', text: value })) }] : [];
  return { type: 'template', template: { name, language: { code }, components } };
}

function listening(app: ReturnType<typeof express>): Promise<Server> {
  return new Promise((done) => {
    const server = app.listen(0, '127.0.0.1', () => done(server));
  });
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

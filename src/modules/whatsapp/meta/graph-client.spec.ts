import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { type AddressInfo, type Socket, connect } from 'node:net';
import { text as read } from 'node:stream/consumers';
import { GraphClient } from './graph-client';
import { GraphError, type GraphTarget } from './graph-http';

const TOKEN = 'EAAGsecret0123456789';

/** A Graph API that answers what the test says and remembers what it was asked. */
class Graph {
  readonly asked: { method: string; url: string; authorization: string | undefined; type: string; body: string }[] = [];
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void = (_, response) => void response.end('{}');
  readonly server: Server = createServer((request, response) => void this.serve(request, response));

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await read(request);
    const { method = '', url = '', headers } = request;
    this.asked.push({ method, url, authorization: headers.authorization, type: headers['content-type'] ?? '', body });
    this.answer(request, response, body);
  }

  json(answer: unknown, status = 200, headers: Record<string, string> = {}): void {
    this.answer = (_, response) =>
      void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(answer));
  }

  get base(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }
}

describe('GraphClient', () => {
  let graph: Graph;
  let client: GraphClient;
  let target: GraphTarget;

  beforeEach(async () => {
    graph = new Graph();
    await new Promise<void>((done) => graph.server.listen(0, '127.0.0.1', done));
    client = new GraphClient({ base_url: graph.base, version: 'v25.0', timeout_ms: 5_000 });
    target = { phone_number_id: '106540352242922', access_token: TOKEN };
  });

  afterEach(async () => {
    graph.server.closeAllConnections();
    await new Promise((done) => graph.server.close(done));
    await client.onModuleDestroy();
  });

  async function failure(promise: Promise<unknown>): Promise<GraphError> {
    const error: unknown = await promise.then(
      () => null,
      (reason: unknown) => reason,
    );
    if (!(error instanceof GraphError)) throw new Error(`expected a GraphError, got ${String(error)}`);
    expect(JSON.stringify([error, error.message, error.stack])).not.toContain(TOKEN);
    return error;
  }

  it('sends with the token in the header only and reads the answer', async () => {
    graph.json({
      messaging_product: 'whatsapp',
      contacts: [{ input: '+5511', wa_id: '5511988887777' }],
      messages: [{ id: 'wamid.A', message_status: 'accepted' }],
    });
    expect(await client.send(target, { type: 'text', text: { body: 'olá 👋' } })).toEqual({
      provider_id: 'wamid.A',
      wa_id: '5511988887777',
      user_id: null,
      message_status: 'accepted',
    });
    expect(graph.asked).toEqual([
      {
        method: 'POST',
        url: '/v25.0/106540352242922/messages',
        authorization: `Bearer ${TOKEN}`,
        type: 'application/json',
        body: '{"type":"text","text":{"body":"olá 👋"}}',
      },
    ]);
  });

  it('talks to the server of the number when it has its own', async () => {
    graph.json({ messages: [{ id: 'wamid.A' }] });
    const elsewhere = new GraphClient({ base_url: 'http://127.0.0.1:1', version: 'v25.0', timeout_ms: 5_000 });
    await elsewhere.send({ ...target, base_url: `${graph.base}/simulator/` }, {});
    expect(graph.asked[0]?.url).toBe('/simulator/v25.0/106540352242922/messages');
    await elsewhere.onModuleDestroy();
  });

  it('judges Meta’s refusal', async () => {
    graph.json({ error: { code: 131047, message: '(#131047) Re-engagement message', error_data: { details: 'More than 24 hours' } } }, 400);
    expect(await failure(client.send(target, {}))).toMatchObject({
      http_status: 400,
      message: 'More than 24 hours',
      decision: { class: 'window', effect: 'close_window' },
    });
  });

  it('honours Retry-After', async () => {
    graph.json({ error: { code: 130429, message: 'slow' } }, 429, { 'retry-after': '17' });
    expect((await failure(client.send(target, {}))).decision).toMatchObject({ class: 'retry', scope: 'number', delay_seconds: 17 });
  });

  it('never repeats the token Meta quotes', async () => {
    graph.json({ error: { code: 190, message: `Malformed access token ${TOKEN}` } }, 401);
    expect(await failure(client.send(target, {}))).toMatchObject({
      message: 'Malformed access token [token]',
      decision: { effect: 'number_error' },
    });
  });

  it('does not even call with a token no header can carry', async () => {
    expect((await failure(client.send({ ...target, access_token: 'a\r\nb' }, {}))).decision).toMatchObject({
      effect: 'number_error',
      attempts: 1,
    });
    expect(graph.asked).toEqual([]);
  });

  it.each(['../admin', '1/2', '', '..', '1?x=1', 'é'])('does not call with the id %j', async (phone_number_id) => {
    expect((await failure(client.send({ ...target, phone_number_id }, {}))).decision).toMatchObject({ class: 'final', attempts: 1 });
    expect(graph.asked).toEqual([]);
  });

  describe('without an answer', () => {
    const lost = { class: 'unknown', error_code: 'provider_timeout', attempts: 1 };
    const unreached = { class: 'retry', error_code: 'connection_failed', attempts: 5 };

    it('retries when nobody listens', async () => {
      const port = await freePort();
      expect((await failure(client.send({ ...target, base_url: `http://127.0.0.1:${port}` }, {}))).decision).toMatchObject(unreached);
    });

    it('retries when the name is unknown', async () => {
      expect((await failure(client.send({ ...target, base_url: 'http://graph.invalid' }, {}))).decision).toMatchObject(unreached);
    });

    it('retries when the connection stands but never becomes one (TLS)', async () => {
      const secure = graph.base.replace('http:', 'https:');
      expect((await failure(client.send({ ...target, base_url: secure }, {}))).decision).toMatchObject(unreached);
    });

    it('does not resend what was read and never answered', async () => {
      const impatient = new GraphClient({ base_url: graph.base, version: 'v25.0', timeout_ms: 200 });
      graph.answer = () => undefined;
      expect((await failure(impatient.send(target, {}))).decision).toMatchObject(lost);
      expect(graph.asked).toHaveLength(1);
      graph.server.closeAllConnections();
      await impatient.onModuleDestroy();
    });

    it('does not resend when the other side hangs up', async () => {
      graph.answer = (request) => void request.socket.destroy();
      expect((await failure(client.send(target, {}))).decision).toMatchObject(lost);
      graph.answer = (request) => void (request.socket as Socket).resetAndDestroy();
      expect((await failure(client.send(target, {}))).decision).toMatchObject(lost);
      expect(graph.asked).toHaveLength(2);
    });

    it('does not resend when the answer breaks off', async () => {
      graph.answer = (request, response) => {
        response.writeHead(200, { 'content-length': '1000' }).write('{"messages":');
        setTimeout(() => request.socket.destroy(), 10);
      };
      expect((await failure(client.send(target, {}))).decision).toMatchObject(lost);
    });

    it.each(['not json', '{}', '{"messages":[]}', '[]'])('does not resend after 200 %j', async (answer) => {
      graph.answer = (_, response) => void response.end(answer);
      expect((await failure(client.send(target, {}))).decision).toMatchObject(lost);
    });

    it('retries 5xx of a proxy, whatever it says', async () => {
      graph.answer = (_, response) => void response.writeHead(502).end('<html>');
      expect((await failure(client.send(target, {}))).decision).toMatchObject({ class: 'retry', error_code: 'http_502' });
    });
  });

  it('marks read', async () => {
    graph.json({ success: true });
    await client.markRead(target, 'wamid.A', true);
    expect(JSON.parse(graph.asked[0]?.body ?? '')).toEqual({
      messaging_product: 'whatsapp',
      status: 'read',
      message_id: 'wamid.A',
      typing_indicator: { type: 'text' },
    });
  });

  it('finds and downloads a file, with the token', async () => {
    const file = Buffer.alloc(300_000, 'a');
    graph.answer = (request, response) => {
      if (request.url?.startsWith('/v25.0/77'))
        response.end(
          JSON.stringify({ url: `${graph.base}/files/77?x=1`, mime_type: 'image/png', sha256: 'ab', file_size: file.length, id: '77' }),
        );
      else response.writeHead(200, { 'content-type': 'image/png', 'content-length': file.length }).end(file);
    };
    const media = await client.getMediaUrl(target, '77');
    expect(media).toEqual({ url: `${graph.base}/files/77?x=1`, mime_type: 'image/png', sha256: 'ab', size_bytes: 300_000 });
    const download = await client.downloadMedia(target, media.url);
    expect(download).toMatchObject({ mime_type: 'image/png', size_bytes: 300_000 });
    expect((await read(download.stream)).length).toBe(300_000);
    expect(graph.asked.map(({ url, authorization }) => [url, authorization])).toEqual([
      ['/v25.0/77?phone_number_id=106540352242922', `Bearer ${TOKEN}`],
      ['/files/77?x=1', `Bearer ${TOKEN}`],
    ]);
  });

  it('shuts down after the answers under way, over a download that nobody reads', async () => {
    graph.answer = (request, response) => {
      if (request.method === 'POST') setTimeout(() => response.end('{"messages":[{"id":"wamid.A"}]}'), 50);
      else response.writeHead(200).write(Buffer.alloc(1_000_000));
    };
    const { stream } = await client.downloadMedia(target, `${graph.base}/files/77`);
    const broken = new Promise((done) => stream.on('error', done));
    const sent = client.send(target, {});
    await client.onModuleDestroy();
    expect(await sent).toMatchObject({ provider_id: 'wamid.A' });
    expect(await broken).toBeInstanceOf(Error);
  });

  it('says when a file’s address has died', async () => {
    graph.json({}, 404);
    expect(await failure(client.downloadMedia(target, `${graph.base}/files/77`))).toMatchObject({ http_status: 404 });
  });

  it('does not follow a redirect', async () => {
    graph.answer = (_, response) => void response.writeHead(302, { location: 'http://169.254.169.254/' }).end();
    expect(await failure(client.downloadMedia(target, `${graph.base}/files/77`))).toMatchObject({ http_status: 302 });
  });

  it.each([
    'http://169.254.169.254/latest',
    'https://evil.example/file',
    'https://facebook.com.evil.example/file',
    'https://notfacebook.com/file',
    'http://lookaside.fbsbx.com/file',
    'https://user:pass@lookaside.fbsbx.com/file',
    'https://lookaside.fbsbx.com:8443/file',
    'file:///etc/passwd',
    'nonsense',
  ])('shows the token to nobody else: %s', async (url) => {
    expect(await failure(client.downloadMedia(target, url))).toMatchObject({
      message: 'The media address is not one of Meta.',
      http_status: null,
    });
  });

  it('uploads a file as a form', async () => {
    graph.json({ id: '1203' });
    const blob = new Blob(['%PDF-1.7']);
    expect(await client.uploadMedia(target, { blob, filename: 'nf é.pdf', mime_type: 'application/pdf' })).toBe('1203');
    const [asked] = graph.asked;
    expect(asked).toMatchObject({ url: '/v25.0/106540352242922/media', authorization: `Bearer ${TOKEN}` });
    expect(asked?.type).toMatch(/^multipart\/form-data; boundary=/);
    expect(asked?.body).toMatch(/name="messaging_product"\r\n\r\nwhatsapp\r\n/);
    expect(asked?.body).toMatch(/name="type"\r\n\r\napplication\/pdf\r\n/);
    expect(asked?.body).toMatch(/name="file"; filename="nf é.pdf"\r\nContent-Type: application\/pdf\r\n\r\n%PDF-1.7\r\n/);
  });

  it('reads a number', async () => {
    graph.json({
      id: '106540352242922',
      display_phone_number: '+55 11 5039-9000',
      verified_name: 'Padaria',
      quality_rating: 'GREEN',
      code_verification_status: 'VERIFIED',
      whatsapp_business_manager_messaging_limit: 'TIER_2K',
      throughput: { level: 'STANDARD' },
    });
    expect(await client.getNumber(target)).toEqual({
      id: '106540352242922',
      display_phone_number: '+55 11 5039-9000',
      verified_name: 'Padaria',
      quality_rating: 'GREEN',
      code_verification_status: 'VERIFIED',
      messaging_limit: 'TIER_2K',
      throughput: 'STANDARD',
    });
    expect(graph.asked[0]?.url).toContain('fields=display_phone_number');
  });

  it('learns the WABAs of a token', async () => {
    const granular_scopes = [
      { scope: 'whatsapp_business_management', target_ids: ['1', '2'] },
      { scope: 'whatsapp_business_messaging', target_ids: ['2'] },
      { scope: 'public_profile' },
    ];
    graph.json({ data: { app_id: '138', is_valid: true, expires_at: 0, scopes: ['whatsapp_business_management'], granular_scopes } });
    expect(await client.debugToken(target)).toEqual({
      app_id: '138',
      is_valid: true,
      expires_at: null,
      scopes: ['whatsapp_business_management'],
      waba_ids: ['1', '2'],
    });
    graph.json({ error: { code: 190, message: `bad ${TOKEN}` } }, 400);
    await failure(client.debugToken(target));
  });

  it('follows the pages of numbers and templates by cursor', async () => {
    graph.answer = (request, response) => {
      const after = new URL(request.url ?? '', graph.base).searchParams.get('after');
      const paging =
        after === null ? { cursors: { after: 'c1' }, next: `https://evil.example/?access_token=${TOKEN}` } : { cursors: { after: 'c2' } };
      response.end(JSON.stringify({ data: [{ id: after === null ? '1' : '2', name: 'x' }], paging }));
    };
    expect((await client.phoneNumbers(target, '55')).map(({ id }) => id)).toEqual(['1', '2']);
    const templates: unknown[] = [];
    for await (const template of client.allTemplates(target, '55')) templates.push(template.id);
    expect(templates).toEqual(['1', '2']);
    expect(graph.asked).toHaveLength(4);
  });

  it('subscribes the app, writes the business profile', async () => {
    graph.json({ success: true });
    await client.subscribeApp(target, '55');
    await client.updateBusinessProfile(target, { about: 'Pão quente' });
    expect(graph.asked.map(({ method, url }) => `${method} ${url.split('?')[0] ?? ''}`)).toEqual([
      'POST /v25.0/55/subscribed_apps',
      'POST /v25.0/106540352242922/whatsapp_business_profile',
    ]);
    expect(JSON.parse(graph.asked[1]?.body ?? '')).toEqual({ about: 'Pão quente', messaging_product: 'whatsapp' });
  });
});

/** A port on which, a moment ago, nobody listened. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  await new Promise<void>((done) => connect(port, '127.0.0.1').on('error', () => done()));
  return port;
}

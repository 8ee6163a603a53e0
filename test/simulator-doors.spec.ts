import { readdirSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import request from 'supertest';
import { Config } from '#config/config';
import { simulatorAppSecret, simulatorToken } from '#modules/simulator/simulator-number';
import { createApp } from '../src/app';
import { type Inbox, inbox, postWebhook } from './support/inbox';
import { metaPayload } from './support/meta-payloads';
import { digits, officialNumber } from './support/official-number';
import { errorOf, world } from './support/world';

const ENV = { META_GRAPH_BASE_URL: 'http://127.0.0.1:9', SIMULATOR_ENABLED: 'true' };

/** An organization with a number at Meta. */
const atMeta = (): Promise<Inbox> => inbox({}, ENV);
/** An organization with a number of the simulator. */
const atSimulator = (): Promise<Inbox> => {
  const tail = digits(11);
  return inbox({ phone_number_id: `9990${tail}`, waba_id: `9991${tail}` }, ENV);
};
const api = ({ w }: Pick<Inbox, 'w'>) => request(`${w.base_url}/simulator/api`);
const tokenOf = ({ w }: Pick<Inbox, 'w'>): string => simulatorToken(w.app.get(Config));
const text = { type: 'text', text: { body: 'Bom dia' } };
const ANA = '+5511987654321';

describe('what the simulator signs', () => {
  it('reaches the inbox of its own numbers', async () => {
    const box = await atSimulator();
    const { phone_number_id } = box.number;

    const { body } = await api(box)
      .post('/control/customer-message')
      .send({ phone_number_id, from: ANA, ...text, wait: true })
      .expect(202);
    await box.idle();

    expect(body).toMatchObject({ status_code: 200 });
    expect(await box.message()).toMatchObject({ content: 'Bom dia', direction: 'incoming' });
  });

  it('is acknowledged and dropped where nobody has the number', async () => {
    const box = await atMeta();

    const { body } = await api(box)
      .post('/control/customer-message')
      .send({ phone_number_id: `9990${digits(11)}`, from: ANA, ...text, wait: true })
      .expect(202);

    expect(body).toMatchObject({ status_code: 200, attempts: 1 });
  });

  it('never lands in the inbox of a real number, whatever the caller names', async () => {
    const box = await atMeta();
    const { phone_number_id, waba_id, phone_number } = box.number;
    const value = metaPayload.text(box.person()).entry[0]?.changes[0]?.value;

    const attempts: [string, object][] = [
      ['/control/change', { field: 'messages', value }],
      ['/control/change', { phone_number_id, field: 'messages', value: {} }],
      ['/control/change', { field: 'smb_message_echoes', value: { metadata: { phone_number_id } } }],
      ['/control/change', { field: 'account_update', value: { waba_info: { waba_id }, event: 'ACCOUNT_DELETED' } }],
      ['/control/change', { field: 'phone_number_quality_update', value: { display_phone_number: phone_number.slice(1) } }],
      ['/control/customer-message', { phone_number_id, from: ANA, ...text }],
      ['/control/numbers', { phone_number_id: `9990${digits(11)}`, waba_id, display_phone_number: phone_number, verified_name: 'A' }],
    ];
    for (const [path, body] of attempts) await api(box).post(path).send(body).expect(422).expect(errorOf('validation_error'));
    await box.idle();

    expect(await box.conversations()).toEqual([]);
    expect(await box.events()).toEqual([]);
  });

  it('has a secret that is good for its numbers only, and theirs is no other', async () => {
    const [real, simulated] = [await atMeta(), await atSimulator()];
    const secret = simulatorAppSecret(real.w.app.get(Config));

    await real.post(metaPayload.text(real.person()), { secret }).expect(403).expect(errorOf('invalid_signature'));
    await real.post(metaPayload.text({ phone_number_id: digits(15), waba_id: digits(15) }), { secret }).expect(403);
    await simulated.post(metaPayload.text(simulated.person())).expect(403).expect(errorOf('invalid_signature'));
    const both = metaPayload.batch([metaPayload.text(real.person()), metaPayload.text(simulated.person())]);
    await postWebhook(real.w, both, { secret }).expect(200);
    await simulated.idle();

    expect(await real.conversations()).toEqual([]);
    expect(await simulated.conversations()).toHaveLength(1);
  });

  it('is not for who only claims a number of it', async () => {
    const box = await atSimulator();
    const { phone_number_id } = box.number;
    await box.company.admin.put(`/whatsapp/${box.number.id}`, { phone_number_id: null }).expect(200);
    await box.company.admin.put(`/whatsapp/${box.number.id}`, { phone_number_id }).expect(200);

    await api(box)
      .post('/control/customer-message')
      .send({ phone_number_id, from: ANA, ...text })
      .expect(202);
    await box.post(metaPayload.text(box.person()), { secret: simulatorAppSecret(box.w.app.get(Config)) }).expect(403);

    expect(await box.events()).toEqual([]);
  });

  it('does not speak for a real number that claims an account of the simulator', async () => {
    const simulated = await atSimulator();
    const claimed = await officialNumber(simulated.w, simulated.w.globex, { waba_id: simulated.number.waba_id });
    const { phone_number_id } = simulated.number;

    await api(simulated)
      .post('/control/change')
      .send({ phone_number_id, field: 'account_update', value: { event: 'DISABLED_UPDATE' } })
      .expect(200);

    const rows = await simulated.w.sql('SELECT 1 FROM inbound_events WHERE whatsapp_number_id = $1', [claimed.id]);
    expect(rows).toEqual([]);
  });
});

describe('who may come to the simulator', () => {
  const doors: [string, 'get' | 'post', string][] = [
    ['page', 'get', '/simulator'],
    ['script', 'get', '/simulator/app.js'],
    ['hello', 'get', '/simulator/api/hello'],
    ['threads', 'get', '/simulator/api/phone/999000000000001/5511987654321/thread'],
    ['events', 'get', '/simulator/api/phone/events'],
    ['media', 'get', '/simulator/api/phone/media/1'],
    ['upload', 'post', '/simulator/api/phone/media'],
    ['customer', 'post', '/simulator/api/control/customer-message'],
    ['reset', 'post', '/simulator/api/control/reset'],
    ['Graph API', 'post', '/simulator/graph/v25.0/999000000000001/messages'],
    ['Graph file', 'get', '/simulator/graph/whatsapp_business/attachments'],
    ['Evolution API', 'post', '/simulator/evolution/instance/create'],
    ['QR code', 'get', '/simulator/api/phone/qr/pytake_1a2b3c4d'],
    ['scan', 'post', '/simulator/api/control/evolution/pytake_1a2b3c4d/scan'],
  ];

  it.each(doors)('%s: nobody from another place, name or page', async (_what, method, path) => {
    const { base_url } = await world(ENV);
    const { port } = new URL(base_url);
    const strangers: [Record<string, string>, string][] = [
      [{ 'X-Forwarded-For': '127.0.0.1' }, 'simulator_token_required'],
      [{ Forwarded: 'for=127.0.0.1' }, 'simulator_token_required'],
      [{ Host: 'evil.example' }, 'simulator_token_required'],
      [{ Host: `evil.example:${port}` }, 'simulator_token_required'],
      [{ Host: 'localhost.evil.example' }, 'simulator_token_required'],
      [{ Host: 'evil.example', 'X-Forwarded-Host': 'localhost' }, 'simulator_token_required'],
      [{ Host: 'localhost@evil.example' }, 'simulator_token_required'],
      [{ Host: 'evil.example@localhost' }, 'simulator_token_required'],
      [{ Authorization: 'Bearer simulator-access-token', 'X-Real-IP': '127.0.0.1' }, 'simulator_token_required'],
      [{ Cookie: 'pytake_simulator=', Via: '1.1 proxy' }, 'simulator_token_required'],
      [{ Origin: 'https://evil.example' }, 'cross_origin'],
      [{ Origin: 'null' }, 'cross_origin'],
      [{ Origin: `http://127.0.0.1:${Number(port) + 1}` }, 'cross_origin'],
      [{ Host: 'evil.example', Origin: 'http://evil.example' }, 'simulator_token_required'],
      [{ 'Sec-Fetch-Site': 'cross-site' }, 'cross_origin'],
      [{ 'Sec-Fetch-Site': 'same-site' }, 'cross_origin'],
    ];

    for (const [headers, error_code] of strangers)
      await request(base_url)[method](path).set(headers).expect(403).expect(errorOf(error_code));
  });

  it('this machine by its names, from its own page', async () => {
    const { base_url } = await world(ENV);
    const { port, host } = new URL(base_url);
    const hello = () => request(base_url).get('/simulator/api/hello');

    for (const name of ['localhost', `localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`])
      await hello().set('Host', name).expect(200);
    await hello()
      .set({ Origin: `http://${host}`, 'Sec-Fetch-Site': 'same-origin' })
      .expect(200);
    await hello().set('Sec-Fetch-Site', 'none').expect(200);
  });

  it('anybody with the token: once in the address, then as a cookie no script reads', async () => {
    const w = await world(ENV);
    const elsewhere = { 'X-Forwarded-For': '203.0.113.7', Host: '192.168.1.5:8000' };
    const token = tokenOf({ w });

    await request(w.base_url).get('/simulator?token=guess').set(elsewhere).expect(403);
    const { headers } = await request(w.base_url)
      .get(`/simulator?token=${token}`)
      .set(elsewhere)
      .expect(302)
      .expect('Location', '/simulator');
    const [cookie] = headers['set-cookie'] as unknown as [string];
    expect(cookie).toMatch(/^pytake_simulator=[\w-]{32}; Path=\/simulator; HttpOnly; SameSite=Strict$/);

    const [pair] = cookie.split(';') as [string];
    const visit = () => request(w.base_url).get('/simulator/api/hello').set(elsewhere);
    await visit().set('Cookie', `theme=dark; ${pair}`).expect(200);
    await visit().set('Authorization', `Bearer ${token}`).expect(200);
    // As PyTake's worker comes to the Evolution API.
    await request(w.base_url).get('/simulator/evolution/instance/fetchInstances').set(elsewhere).set('apikey', token).expect(200, []);
    await visit().set('Cookie', pair).set('Origin', 'http://192.168.1.5:3000').expect(403).expect(errorOf('cross_origin'));
    await visit().set('Cookie', `${pair}x`).expect(403);
  });

  it('nobody with a form of another site', async () => {
    const box = await atSimulator();
    const { phone_number_id } = box.number;
    const post = (path: string) => api(box).post(path);

    for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'application/octet-stream'])
      await post('/control/customer-message')
        .set('Content-Type', type)
        .send(JSON.stringify({ phone_number_id, from: ANA, ...text }))
        .expect(415)
        .expect(errorOf('unsupported_media_type'));
    await post('/phone/media').field('phone_number_id', phone_number_id).attach('file', Buffer.from('a'), 'a.txt').expect(415);
    await post('/control/reset').set('Content-Type', 'multipart/form-data; boundary=x').send('--x--').expect(415);
    await post('/control/reset').expect(204);

    expect(await box.conversations()).toEqual([]);
  });
});

describe('the Evolution API inside the product', () => {
  it('takes files in its JSON, from who has its key', async () => {
    const w = await world(ENV);
    const evolution = (path: string, apikey: string, body: object) =>
      request(w.base_url).post(`/simulator/evolution${path}`).set('apikey', apikey).send(body);
    const instanceName = `loja_${digits(11)}`;
    const photo = { number: '5511987654321', mediatype: 'image', media: Buffer.alloc(2 * 1024 * 1024).toString('base64') };
    await evolution('/instance/create', tokenOf({ w }), { instanceName, integration: 'WHATSAPP-BAILEYS', qrcode: true }).expect(201);
    await api({ w }).post(`/control/evolution/${instanceName}/scan`).send({}).expect(200);

    await evolution(`/message/sendMedia/${instanceName}`, 'guess', photo).expect(401);
    const { body } = await evolution(`/message/sendMedia/${instanceName}`, tokenOf({ w }), photo).expect(201);

    expect(body).toMatchObject({ messageType: 'imageMessage', status: 'PENDING' });
    await api({ w }).post(`/control/evolution/${instanceName}/event`).send({ event: 'messages.upsert', data: {} }).expect(403);
    const { body: hello } = await api({ w }).get('/hello').expect(200);
    expect(hello.numbers).toContainEqual(expect.objectContaining({ phone_number_id: instanceName, qrcode: expect.anything() }));
    expect(JSON.stringify(hello)).not.toMatch(/token|hash|apikey/i);
  });
});

describe('files of the simulator', () => {
  const HTML = Buffer.from('<!doctype html><script>fetch("/api/v1/users")</script>');
  const upload = (box: Inbox, bytes: Buffer, filename: string, contentType: string) =>
    api(box)
      .post('/phone/media')
      .set('X-PyTake-Simulator', '1')
      .field('phone_number_id', box.number.phone_number_id)
      .attach('file', bytes, { filename, contentType });

  it.each([
    ['an image that is a page', 'foto.png', 'image/png'],
    ['a page', 'pagina.html', 'text/html'],
    ['a drawing', 'logo.svg', 'image/svg+xml'],
    ['XML', 'nota.xml', 'application/xml'],
    ['a video that is none', 'a.mp4', 'video/mp4'],
  ])('%s is never run on this origin', async (_what, filename, type) => {
    const box = await atSimulator();
    const { id } = (await upload(box, HTML, filename, type).expect(201)).body as { id: string };

    const fromPhone = await api(box).get(`/phone/media/${id}`).buffer(true).expect(200);
    const bearer = { Authorization: `Bearer ${tokenOf(box)}` };
    const graph = request(`${box.w.base_url}/simulator/graph`);
    const { url } = (await graph.get(`/v25.0/${id}`).set(bearer).expect(200)).body as { url: string };
    const fromGraph = await request(url).get('').set(bearer).buffer(true).expect(200);

    for (const { headers } of [fromPhone, fromGraph])
      expect(headers).toMatchObject({
        'content-disposition': expect.stringMatching(new RegExp(`^attachment; filename="?${filename}`)) as unknown,
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; sandbox",
        'content-length': String(HTML.length),
      });
  });

  it('are on the disk while somebody has them, and nothing of what was refused', async () => {
    const box = await atSimulator();
    const dir = join(box.w.env.DATA_DIR ?? '', 'simulator', 'media');
    await api(box).post('/control/reset').expect(204);

    const { id } = (await upload(box, HTML, 'olá.txt', 'text/plain').expect(201)).body as { id: string };
    expect(readdirSync(dir)).toHaveLength(1);
    await upload({ ...box, number: { ...box.number, phone_number_id: digits(15) } } as Inbox, HTML, 'a.txt', 'text/plain').expect(422);
    await upload(box, Buffer.alloc(100 * 1024 * 1024 + 1), 'a.pdf', 'application/pdf').expect(422);

    expect(readdirSync(dir)).toHaveLength(1);
    await api(box).get(`/phone/media/${id}`).set('Range', 'bytes=0-8').buffer(true).expect(206, '<!doctype');
    await api(box).post('/control/reset').expect(204);
    expect(readdirSync(dir)).toEqual([]);
    await api(box).get(`/phone/media/${id}`).expect(404).expect(errorOf('not_found'));
  });
});

// Last: the second app takes passport's one strategy with it when it closes.
describe('behind a proxy that tells nothing', () => {
  it.each([{ TRUST_PROXY: '1' }, { PUBLIC_BASE_URL: 'https://pytake.example' }])('nobody enters without the token: %j', async (proxied) => {
    const w = await world(ENV);
    const app = await createApp(new Config({ ...w.env, ...proxied }));
    await app.listen(0, '127.0.0.1');
    // As nginx asks with a bare proxy_pass.
    const hello = () =>
      request(app.getHttpServer() as Server)
        .get('/simulator/api/hello')
        .set('Host', '127.0.0.1');

    await hello().expect(403).expect(errorOf('simulator_token_required'));
    await hello()
      .set('Authorization', `Bearer ${tokenOf({ w })}`)
      .expect(200);
    await app.close();
  });
});

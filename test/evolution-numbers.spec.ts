import request from 'supertest';
import { Jobs } from '#jobs/jobs';
import { DueRows } from '#database/due-rows';
import { EraseOrganizations } from '#modules/organizations/erase-organizations';
import { NumberJobs } from '#modules/whatsapp/numbers/numbers.jobs';
import { QrcodeShop, type Street, nobodysToken, qrcodeNumber, qrcodeShop, street } from './support/qrcode-shop';
import { type Row } from './support/inbox';
import { digits, officialNumber } from './support/official-number';
import { socketOf, until } from './support/sockets';
import { type Company, type World, close, errorOf, wrongField } from './support/world';

let place: Street;

beforeAll(async () => {
  place = await street({ EGRESS_ALLOWED_HOSTS: 'evolution.own.example' });
});
afterAll(async () => {
  await close();
  await place.close();
});

/** A number of Acme's that is not paired yet. */
async function unpaired(body: object = {}) {
  const w = await place.world();
  const number = await qrcodeNumber(w, w.acme, body);
  return { w, number, shop: new QrcodeShop(w, w.acme, place.evolution, number), admin: w.acme.admin };
}

const callsOf = (instance: string): string[] => place.evolution.calls.filter((call) => call.endsWith(instance));

describe('the doors of pairing', () => {
  it('are closed without a token, to who may not, and to other organizations', async () => {
    const { w, number } = await unpaired();
    const { guest, acme, globex } = w;

    await guest.post(`/whatsapp/${number.id}/qrcode`).expect(401);
    for (const person of [acme.viewer, acme.agent]) {
      await person.post(`/whatsapp/${number.id}/qrcode`).expect(403);
      await person.get(`/whatsapp-configs/${number.id}/qrcode`).expect(403);
      await person.post(`/whatsapp/${number.id}/disconnect`).expect(403);
    }
    await acme.viewer.get(`/whatsapp/${number.id}/qrcode/status`).expect(403);
    await acme.agent.get(`/whatsapp/${number.id}/qrcode/status`).expect(200);
    for (const call of [
      globex.admin.post(`/whatsapp/${number.id}/qrcode`),
      globex.admin.get(`/whatsapp-configs/${number.id}/qrcode`),
      globex.admin.get(`/whatsapp/${number.id}/qrcode/status`),
      globex.admin.post(`/whatsapp/${number.id}/disconnect`),
    ])
      await call.expect(404).expect(errorOf('not_found'));
    await acme.admin.post('/whatsapp/nobody/qrcode').expect(422);
  });

  it('are for numbers by QR code; an official one is switched off', async () => {
    const w = await place.world();
    const { id } = await officialNumber(w, w.acme);
    const refusal = errorOf('not_supported_for_connection_type');

    await w.acme.admin.post(`/whatsapp/${id}/qrcode`).expect(409).expect(refusal);
    await w.acme.admin.get(`/whatsapp-configs/${id}/qrcode`).expect(409).expect(refusal);
    await w.acme.agent.get(`/whatsapp/${id}/qrcode/status`).expect(409).expect(refusal);
    const { body } = await w.acme.admin.post(`/whatsapp/${id}/disconnect`).expect(200);

    expect(body).toEqual({ status: 'success', message: expect.any(String), connection_status: 'disconnected' });
    expect((await w.acme.admin.get(`/whatsapp/${id}`).expect(200)).body).toMatchObject({
      is_active: false,
      connection_status: 'disconnected',
      connected_at: null,
    });
  });
});

describe('a number by QR code', () => {
  it('has an instance of its own name and tells nobody its keys', async () => {
    const { w, number, admin } = await unpaired({ evolution_api_key: 'a-key-of-our-own-server' });

    const { body } = await admin.get(`/whatsapp/${number.id}`).expect(200);

    expect(body).toMatchObject({
      connection_type: 'qrcode',
      status: 'pending',
      evolution_instance_name: `pytake_${w.acme.id.slice(0, 8)}_${number.phone_number.slice(1)}`,
      has_evolution_api_key: true,
      webhook_callback_url: expect.stringMatching(/\/api\/v1\/whatsapp\/webhook\/evolution\/[\da-f-]{36}$/),
    });
    expect(JSON.stringify(body)).not.toContain('a-key-of-our-own-server');
    expect((await w.acme.agent.get(`/whatsapp/${number.id}`).expect(200)).body.webhook_callback_url).toBeNull();
    const [kept] = await w.sql<{ evolution_api_key: string }>(
      'SELECT evolution_api_key FROM whatsapp_number_secrets WHERE whatsapp_number_id = $1',
      [number.id],
    );
    expect(kept.evolution_api_key).toMatch(/^v1:/);
  });

  it('names an instance and a server only with a key of its own, and no private address', async () => {
    const { w, number, admin } = await unpaired();
    const phone_number = `+55119${digits(8)}`;
    const asked = (body: object) => admin.post('/whatsapp', { phone_number, connection_type: 'qrcode', ...body });

    await asked({ evolution_instance_name: number.instance }).expect(422).expect(wrongField('evolution_instance_name'));
    await asked({ evolution_api_url: 'http://evolution.own.example' }).expect(422).expect(wrongField('evolution_api_url'));
    await asked({ evolution_api_url: 'http://10.0.0.1:8080', evolution_api_key: 'our-own-key' })
      .expect(422)
      .expect(errorOf('url_not_allowed'));
    await asked({ evolution_api_url: 'ftp://evolution.own.example', evolution_api_key: 'our-own-key' }).expect(422);
    await asked({ evolution_instance_name: 'a/b', evolution_api_key: 'our-own-key' })
      .expect(422)
      .expect(wrongField('evolution_instance_name'));
    await asked({ evolution_instance_name: number.instance, evolution_api_key: 'our-own-key' })
      .expect(409)
      .expect(errorOf('already_exists'));
    await admin
      .put(`/whatsapp/${number.id}`, { evolution_instance_name: 'somebody-elses' })
      .expect(422)
      .expect(wrongField('evolution_instance_name'));
    const own = { evolution_api_url: 'http://evolution.own.example', evolution_instance_name: 'loja-1', evolution_api_key: 'our-own-key' };
    const { body: created } = await asked(own).expect(201);
    expect(created).toMatchObject({ evolution_api_url: own.evolution_api_url, evolution_instance_name: 'loja-1' });

    // Without the key the server and the name go too.
    const { body: changed } = await admin.put(`/whatsapp/${created.id}`, { evolution_api_key: null }).expect(200);
    expect(changed).toMatchObject({
      evolution_api_url: null,
      has_evolution_api_key: false,
      evolution_instance_name: `pytake_${w.acme.id.slice(0, 8)}_${phone_number.slice(1)}`,
    });
  });

  it('is paired by the code that administrators get', async () => {
    const { w, number, admin, shop } = await unpaired();
    const [boss, agent] = await Promise.all([socketOf(w.acme.admin), socketOf(w.acme.agent)]);
    expect((await w.acme.agent.get(`/whatsapp/${number.id}/qrcode/status`).expect(200)).body).toMatchObject({
      status: 'not_created',
      qr_code: null,
    });

    const { body: asked } = await admin.post(`/whatsapp/${number.id}/qrcode`).expect(200);

    expect(asked).toMatchObject({
      status: 'pending',
      qr_code: expect.stringMatching(/^data:image\/png;base64,iVBOR/),
      code: expect.stringMatching(/^2@/),
    });
    expect(Date.parse(asked.expires_at) - Date.now()).toBeGreaterThan(30_000);
    expect(await boss.hear('whatsapp:qrcode')).toMatchObject({ number_id: number.id, qr_code: asked.qr_code });
    expect((await admin.get(`/whatsapp-configs/${number.id}/qrcode`).expect(200)).body).toEqual(asked);
    expect((await admin.get(`/whatsapp/${number.id}/qrcode/status`).expect(200)).body).toMatchObject({
      status: 'pending',
      qr_code: asked.qr_code,
    });
    expect((await w.acme.agent.get(`/whatsapp/${number.id}/qrcode/status`).expect(200)).body).toMatchObject({
      status: 'pending',
      qr_code: null,
    });
    expect(await shop.status()).toMatchObject({ connection_status: 'connecting', status: 'pending' });
    // Nobody asked for another one.
    expect(callsOf(number.instance).filter((call) => call.startsWith('GET /instance/connect/'))).toHaveLength(0);

    await place.evolution.scan(number.instance, number.phone_number, 'Padaria');
    await shop.idle();

    expect((await admin.get(`/whatsapp/${number.id}`).expect(200)).body).toMatchObject({
      connection_status: 'connected',
      status: 'active',
      verified: true,
      display_name: 'Padaria',
      connected_at: expect.any(String),
    });
    await agent.hear('whatsapp:number_status', (data) => data.connection_status === 'connected');
    expect(agent.all('whatsapp:qrcode')).toEqual([]);
    expect((await admin.post(`/whatsapp/${number.id}/qrcode`).expect(200)).body).toMatchObject({ status: 'connected', qr_code: null });
    expect((await w.acme.agent.get(`/whatsapp/${number.id}/qrcode/status`).expect(200)).body).toMatchObject({ status: 'connected' });
    expect((await w.acme.agent.post(`/whatsapp/${number.id}/test`).expect(200)).body).toMatchObject({ status: 'connected', success: true });
  });

  it('has one instance, however many ask at once', async () => {
    const { number, admin } = await unpaired();

    const answers = await Promise.all(Array.from({ length: 50 }, () => admin.post(`/whatsapp/${number.id}/qrcode`)));

    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ body }) => body.code)).size).toBe(1);
    expect(place.evolution.simulator.evolution.instances.all().filter(({ name }) => name === number.instance)).toHaveLength(1);
    expect(callsOf(number.instance).filter((call) => call.includes('connectionState'))).toHaveLength(1);
  });

  it('takes an instance of its name for its own, and has it tell us', async () => {
    const { number, admin, shop } = await unpaired();
    await request(place.evolution.url)
      .post('/instance/create')
      .set('apikey', place.evolution.env.EVOLUTION_API_KEY)
      .send({ instanceName: number.instance, integration: 'WHATSAPP-BAILEYS' })
      .expect(201);

    const { body } = await admin.post(`/whatsapp/${number.id}/qrcode`).expect(200);

    expect(body).toMatchObject({ status: 'pending', qr_code: expect.any(String) });
    expect(shop.instance.webhook).toMatchObject({
      url: number.webhook_callback_url,
      base64: true,
      headers: { 'X-PyTake-Token': number.webhook_verify_token },
    });
  });

  it('says what the server said when that does not help', async () => {
    const { number, admin } = await unpaired();
    place.evolution.simulator.faults.add({ route: 'number', phone_number_id: number.instance, http_status: 503, times: 2 });

    await admin.post(`/whatsapp/${number.id}/qrcode`).expect(502).expect(errorOf('provider_unavailable'));
    expect((await admin.get(`/whatsapp/${number.id}`).expect(200)).body.last_error).toMatch(/503/);
    place.evolution.simulator.faults.clear();

    await admin.post(`/whatsapp/${number.id}/qrcode`).expect(200);
    place.evolution.simulator.faults.add({ route: 'number', phone_number_id: number.instance, reset: true });
    expect((await admin.get(`/whatsapp/${number.id}/qrcode/status`).expect(200)).body).toMatchObject({ status: 'error' });
    place.evolution.simulator.faults.clear();
  });

  it('gets no further without a server', async () => {
    const { w, number, admin } = await unpaired({ evolution_api_key: 'our-own-key', evolution_api_url: 'http://evolution.own.example' });
    await w.sql('UPDATE whatsapp_number_secrets SET evolution_api_key = NULL WHERE whatsapp_number_id = $1', [number.id]);

    await admin.post(`/whatsapp/${number.id}/qrcode`).expect(409).expect(errorOf('number_not_configured'));
  });

  it('shows each code until nobody scanned the last', async () => {
    const { number, admin, shop } = await unpaired();
    await admin.post(`/whatsapp/${number.id}/qrcode`).expect(200);

    await shop.control('next-qr');
    const { body } = await admin.post(`/whatsapp/${number.id}/qrcode`).expect(200);
    expect(body.qr_code).toBe(shop.instance.qr?.base64);
    await shop.tell('qrcode.updated', { message: 'QR code limit reached, please login again', statusCode: 500 }).expect(200);
    await shop.idle();

    expect(await shop.status()).toMatchObject({ connection_status: 'disconnected' });
    const { body: status } = await admin.get(`/whatsapp/${number.id}/qrcode/status`).expect(200);
    expect(status.qr_code).toBeNull();
  });

  it('becomes the phone that scanned, while nothing was said and nobody has it', async () => {
    const { number, admin, shop } = await unpaired();
    const other = `5511977${digits(6)}`;
    await admin.post(`/whatsapp/${number.id}/qrcode`).expect(200);

    await place.evolution.scan(number.instance, other);
    await shop.idle();

    expect((await admin.get(`/whatsapp/${number.id}`).expect(200)).body).toMatchObject({
      phone_number: `+${other}`,
      connection_status: 'connected',
    });
  });

  it('refuses the phone of another number, and lets it go', async () => {
    const { w, number, admin, shop } = await unpaired();
    const taken = await officialNumber(w, w.globex);
    await admin.post(`/whatsapp/${number.id}/qrcode`).expect(200);

    await place.evolution.scan(number.instance, taken.phone_number);
    await until(async () => {
      await shop.idle();
      await w.app.get(Jobs).idle();
      return shop.instance.state === 'close';
    });
    await shop.idle();

    expect((await admin.get(`/whatsapp/${number.id}`).expect(200)).body).toMatchObject({
      phone_number: number.phone_number,
      connection_status: 'error',
      last_error: 'phone_mismatch',
    });
    const { body } = await admin.post(`/whatsapp/${number.id}/qrcode`).expect(200);
    expect(body.status).toBe('pending');
  });
});

describe('a connection by QR code', () => {
  it('that the phone ends is told to administrators, and sends wait for another', async () => {
    const shop = await qrcodeShop(place);
    const { w, number } = shop;
    const boss = await socketOf(w.acme.admin);
    const who = shop.customer();
    await shop.text(who, 'Oi');
    const conversation = await shop.conversation();

    await shop.control('unlink');

    expect(await shop.status()).toMatchObject({ connection_status: 'disconnected', connected_at: null });
    await boss.hear('whatsapp:number_status', (data) => data.connection_status === 'disconnected');
    await shop.send(conversation.id, { content: 'Olá' }).expect(409).expect(errorOf('number_not_connected'));
    await until(async () => {
      const { body } = await w.acme.admin.get('/notifications?limit=100').expect(200);
      return (body.items as Row[]).some(({ type }) => type === 'whatsapp_disconnected');
    });
    await w.app.get(Jobs).idle();
    expect((await w.acme.agent.post(`/whatsapp/${number.id}/test`).expect(200)).body).toMatchObject({
      status: 'disconnected',
      success: false,
    });
  });

  it('that comes back by itself was never lost', async () => {
    const shop = await qrcodeShop(place);
    const { connected_at } = await shop.status();

    await shop.control('drop');
    await until(async () => {
      await shop.idle();
      return (await shop.status()).connection_status === 'connected';
    });

    expect(await shop.status()).toMatchObject({ connection_status: 'connected', connected_at });
    const { body } = await shop.w.acme.admin.get('/notifications?limit=100').expect(200);
    expect((body.items as Row[]).filter(({ type }) => type === 'whatsapp_disconnected')).toEqual([]);
  });

  it('is ended by an administrator, twice as well as once, and audited', async () => {
    const shop = await qrcodeShop(place);
    const { w, number } = shop;

    await w.acme.admin.post(`/whatsapp/${number.id}/disconnect`).expect(200);
    const again = await w.acme.admin.graphql('mutation ($id: ID!) { disconnectWhatsappNumber(id: $id) { success } }', { id: number.id });
    await shop.idle();

    expect(again.body.data).toEqual({ disconnectWhatsappNumber: { success: true } });
    expect(shop.instance.state).toBe('close');
    expect(await shop.status()).toMatchObject({ connection_status: 'disconnected' });
    const { body } = await w.acme.admin.get('/audit-logs?limit=100').expect(200);
    const actions = (body.items as Row[]).map(({ action }) => action);
    expect(actions).toEqual(
      expect.arrayContaining(['whatsapp_number.disconnected', 'whatsapp_number.connected', 'whatsapp_number.qrcode_generated']),
    );
    const { body: qr } = await w.acme.admin.graphql('mutation ($id: ID!) { generateWhatsappQrcode(id: $id) { status qr_code } }', {
      id: number.id,
    });
    expect(qr.data.generateWhatsappQrcode).toMatchObject({ status: 'pending', qr_code: expect.any(String) });
  });

  it('ends here when nobody there can be asked', async () => {
    const shop = await qrcodeShop(place);
    place.evolution.simulator.faults.add({ route: 'number', phone_number_id: shop.number.instance, http_status: 503 });

    const { body } = await shop.w.acme.admin.post(`/whatsapp/${shop.number.id}/disconnect`).expect(200);

    expect(body).toMatchObject({ status: 'success', connection_status: 'disconnected' });
    expect((await shop.status()).last_error).toMatch(/503/);
  });

  it('is looked after: what nobody told is found by the round', async () => {
    const shop = await qrcodeShop(place);
    const { w, instance } = shop;
    instance.webhook = null;
    await shop.control('unlink');
    expect(await shop.status()).toMatchObject({ connection_status: 'connected' });

    await w.app.get(NumberJobs).round();
    await w.app.get(Jobs).idle();

    expect(await shop.status()).toMatchObject({ connection_status: 'disconnected' });
  });

  it('goes with its number: the instance is deleted, now or when its server is back', async () => {
    const shop = await qrcodeShop(place);
    const { w, number, evolution } = shop;
    evolution.simulator.faults.add({ route: 'number', phone_number_id: number.instance, http_status: 503, times: 1 });

    await w.acme.admin.delete(`/whatsapp/${number.id}`).expect(204);
    await shop.tell('messages.upsert', {}).expect(404);
    await w.app.get(Jobs).idle();
    await w.app.get(NumberJobs).round();
    await w.app.get(Jobs).idle();

    expect(evolution.simulator.evolution.find(number.instance)).toBeUndefined();
    expect(await w.sql('SELECT 1 FROM whatsapp_number_secrets WHERE whatsapp_number_id = $1', [number.id])).toEqual([]);
    const { body } = await w.acme.admin.post('/whatsapp', { phone_number: number.phone_number, connection_type: 'qrcode' }).expect(201);
    expect(body.evolution_instance_name).toBe(number.instance);
  });
});

describe('an organization that is deleted', () => {
  const gone = (w: World, { id }: Company, days: number): Promise<unknown> =>
    w.sql('UPDATE organizations SET deleted_at = now() - make_interval(days => $2) WHERE id = $1', [id, days]);
  const isThere = async (w: World, { id }: Company): Promise<boolean> =>
    (await w.sql('SELECT FROM organizations WHERE id = $1', [id])).length === 1;
  const round = async (w: World): Promise<void> => {
    await w.app.get(NumberJobs).round();
    await w.app.get(Jobs).idle();
  };

  it('is paired as before when it comes back, and leaves no instance behind when it is erased', async () => {
    const shop = await qrcodeShop(place);
    const { w, number, company, evolution } = shop;
    const boss = await w.superAdmin();
    await boss.delete(`/organizations/${company.id}`).expect(204);
    await round(w);
    await boss.post(`/organizations/${company.id}/restore`).expect(200);
    await w.app.get(Jobs).idle();
    expect(await w.sql('SELECT connection_status FROM whatsapp_numbers WHERE id = $1', [number.id])).toEqual([
      { connection_status: 'connected' },
    ]);

    await boss.delete(`/organizations/${company.id}`).expect(204);
    await gone(w, company, 30);
    evolution.simulator.faults.add({ route: 'number', phone_number_id: number.instance, http_status: 503, times: 1 });
    await w.app.get(EraseOrganizations).run();
    await round(w);
    await w.app.get(EraseOrganizations).run();
    expect(await isThere(w, company)).toBe(true);
    await round(w);
    expect(evolution.simulator.evolution.find(number.instance)).toBeUndefined();
    await w.app.get(EraseOrganizations).run();
    expect(await isThere(w, company)).toBe(false);
  });

  it('is erased all the same, after a week, when nobody lets go of its instance; others do not wait for it', async () => {
    const w = await place.world();
    await qrcodeNumber(w, w.acme, { evolution_api_url: 'http://evolution.own.example', evolution_api_key: 'key-of-their-own-server' });
    const boss = await w.superAdmin();
    for (const { id } of [w.acme, w.globex]) await boss.delete(`/organizations/${id}`).expect(204);
    await gone(w, w.acme, 36);
    await gone(w, w.globex, 31);
    await round(w);
    await w.app.get(EraseOrganizations).run();
    expect([await isThere(w, w.acme), await isThere(w, w.globex)]).toEqual([true, false]);

    await gone(w, w.acme, 38);
    await w.app.get(EraseOrganizations).run();
    expect(await isThere(w, w.acme)).toBe(false);
  });
});

describe('the door of its webhooks', () => {
  const kept = (shop: QrcodeShop): Promise<{ provider: string; state: string; reason: string | null; body: Buffer }[]> =>
    shop.w.sql('SELECT provider, state, reason, body FROM inbound_events WHERE whatsapp_number_id = $1 ORDER BY id', [shop.number.id]);
  const upsert = (id: string, text = 'Oi') => ({
    key: { remoteJid: '5511987654321@s.whatsapp.net', fromMe: false, id },
    pushName: 'Ana',
    message: { conversation: text },
    messageTimestamp: Math.floor(Date.now() / 1000),
  });

  it('knows its token and its header, and nobody else’s', async () => {
    const { shop, w } = await unpaired();
    const url = `/api/v1/whatsapp/webhook/evolution`;

    await request(w.base_url).post(`${url}/${nobodysToken()}`).send({}).expect(404).expect(errorOf('not_found'));
    await request(w.base_url).post(`${url}/no-token`).send({}).expect(404);
    await shop.tell('messages.upsert', upsert('3EB001'), { token: 'guess' }).expect(403).expect(errorOf('invalid_signature'));
    expect(await kept(shop)).toEqual([]);
    await shop.tell('messages.upsert', upsert('3EB002'), { token: null }).expect(200, { status: 'ok' });
    await shop.tell('messages.upsert', upsert('3EB003')).expect(200, { status: 'ok' });

    expect(await kept(shop)).toMatchObject([{ provider: 'evolution' }, { provider: 'evolution' }]);
  });

  it('ignores another instance, keeps what it does not read, and no key', async () => {
    const { shop } = await unpaired();

    await shop.tell('messages.upsert', upsert('3EB001'), { instance: 'another' }).expect(200, { status: 'ok' });
    await shop.tell('chats.update', [{ remoteJid: '5511987654321@s.whatsapp.net' }]).expect(200);
    await shop.idle();

    const all = await kept(shop);
    expect(all).toMatchObject([{ state: 'ignored', reason: 'field_not_used: chats.update' }]);
    expect(all[0].body.toString()).not.toContain('of-the-instance');
  });

  it.each([
    ['the event in the address', undefined, '/messages-upsert'],
    ['capitals', 'MESSAGES_UPSERT', ''],
    ['dots', 'messages.upsert', '/messages-upsert'],
  ])('reads %s', async (_, event, path) => {
    const { shop } = await unpaired();

    await shop.tell('', upsert('3EB001'), { event, path }).expect(200);
    await shop.idle();

    expect(await shop.message()).toMatchObject({ content: 'Oi', whatsapp_message_id: '3EB001' });
  });

  it('refuses what is no JSON, and too much of it; a file may be large', async () => {
    const { shop, w } = await unpaired();
    const { pathname } = new URL(shop.number.webhook_callback_url);
    const post = (raw: string) => request(w.base_url).post(pathname).set('Content-Type', 'application/json').send(raw);

    await post('{"event":').expect(400).expect(errorOf('invalid_json'));
    await post('[1]').expect(400);
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const { instance } = shop.number;
    await post(`{"event":"messages.upsert","instance":"${instance}","data":${deep}}`).expect(400).expect(errorOf('invalid_json'));
    await shop
      .tell('messages.upsert', upsert('3EB001', 'x'.repeat(1_100_000)))
      .expect(413)
      .expect(errorOf('payload_too_large'));
    const base64 = Buffer.alloc(3_000_000, 7).toString('base64');
    const image = { imageMessage: { mimetype: 'image/png' }, base64 };
    await shop.tell('messages.upsert', { ...upsert('3EB002'), message: image }).expect(200);

    const [{ body }] = await kept(shop);
    expect(body.length).toBeLessThan(2000);
  });

  it.each([
    ['a blank', '"base64" : "aGVsbG8="'],
    ['a number that is no file', '"base64" : "7"'],
    ['an escape', '"bas\\u006564":"../../escaped"'],
  ])('keeps a message whose file has a key with %s: the file is asked for', async (_, field) => {
    const { shop, w } = await unpaired();
    const { pathname } = new URL(shop.number.webhook_callback_url);
    const { message: _text, ...message } = upsert('3EB003');
    const body = JSON.stringify({ event: 'messages.upsert', instance: shop.number.instance, data: message });
    const image = `"message":{"imageMessage":{"mimetype":"image/png"},${field}}`;

    await request(w.base_url)
      .post(pathname)
      .set('Content-Type', 'application/json')
      .send(`${body.slice(0, -2)},${image}}}`)
      .expect(200);
    await shop.idle();

    expect(await shop.message()).toMatchObject({ message_type: 'image', media: { status: expect.any(String) } });
  });

  it('keeps each of many at once, and files each once', async () => {
    const { shop } = await unpaired();

    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => shop.tell('messages.upsert', upsert(`3EB0${n % 25}`))));
    await shop.idle();

    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await shop.messages()).toHaveLength(25);
    await shop.w.app.get(DueRows).idle();
  });
});

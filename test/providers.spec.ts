import { type FakeMeta, META_TOKEN, fakeMeta } from './support/fake-meta';
import { digits, officialNumber } from './support/official-number';
import { type World, errorOf, world } from './support/world';

// What a number can depends on who stands behind it; who calls it does not ask.

let meta: FakeMeta;
let w: World;

beforeAll(async () => {
  meta = await fakeMeta();
  w = await world(meta.env);
});

afterAll(() => meta.close());

const phone = (): string => `+55119${digits(8)}`;

async function qrcodeNumber(): Promise<string> {
  const { body } = await w.acme.admin.post('/whatsapp', { phone_number: phone(), connection_type: 'qrcode' }).expect(201);
  return body.id as string;
}

it('by QR code is not connected yet: nothing leaves by it, and its test says why', async () => {
  const whatsapp_number_id = await qrcodeNumber();

  await w.acme.agent
    .post('/whatsapp/send', { to: phone(), whatsapp_number_id, message_type: 'text', content: 'Oi' })
    .expect(409)
    .expect(errorOf('number_not_connected'));
  const { body } = await w.acme.admin.post(`/whatsapp/${whatsapp_number_id}/test`).expect(200);
  expect(body).toMatchObject({ success: false, status: 'error', message: 'No Evolution server is set for this number.' });
});

it('by QR code has no templates, neither to send nor to read', async () => {
  const whatsapp_number_id = await qrcodeNumber();

  await w.acme.agent
    .post('/whatsapp/send-template', { to: phone(), whatsapp_number_id, template_name: 'entrega', language: 'pt_BR' })
    .expect(409)
    .expect(errorOf('not_supported_for_connection_type'));
  await w.acme.admin
    .post(`/whatsapp/${whatsapp_number_id}/templates/sync`)
    .expect(409)
    .expect(errorOf('not_supported_for_connection_type'));
});

it('by QR code has no window, an official one has', async () => {
  const qrcode = await qrcodeNumber();
  const official = await officialNumber(w, w.acme);
  const open = async (whatsapp_number_id: string): Promise<unknown> => {
    const { body } = await w.acme.agent.post('/conversations', { contact_phone: phone(), whatsapp_number_id }).expect(201);
    return body;
  };

  expect(await open(qrcode)).toMatchObject({ is_window_open: true, requires_template: false });
  expect(await open(official.id)).toMatchObject({ is_window_open: false, requires_template: true });
});

it('has an address of its kind for what its provider tells: by QR code one of its own, at Meta that of all', async () => {
  const { body: qrcode } = await w.acme.admin.get(`/whatsapp/${await qrcodeNumber()}`).expect(200);
  const { body: official } = await w.acme.admin.get(`/whatsapp/${(await officialNumber(w, w.acme)).id}`).expect(200);

  expect(qrcode.webhook_callback_url).toMatch(/\/api\/v1\/whatsapp\/webhook\/evolution\/[0-9a-f-]{36}$/);
  expect(official.webhook_callback_url).toMatch(/\/api\/v1\/whatsapp\/webhook$/);
});

it('that is official sends only with its keys, and finds the ids it was not given by its token', async () => {
  const known = meta.number(`+55 11 4${digits(7)}`);
  const { body: number } = await w.globex.admin.post('/whatsapp', { phone_number: known.display_phone_number }).expect(201);
  const text = { to: phone(), whatsapp_number_id: number.id as string, message_type: 'text', content: 'Oi' };
  await w.globex.agent.post('/whatsapp/send', text).expect(409).expect(errorOf('number_not_configured'));

  await w.globex.admin.put(`/whatsapp/${number.id}`, { access_token: META_TOKEN }).expect(200);
  await w.globex.admin.post(`/whatsapp/${number.id}/test`).expect(200);

  expect((await w.globex.admin.get(`/whatsapp/${number.id}`)).body).toMatchObject({
    status: 'active',
    phone_number_id: known.phone_number_id,
    whatsapp_business_account_id: known.waba_id,
  });
  await w.globex.agent.post('/whatsapp/send', text).expect(409).expect(errorOf('window_closed'));
});

import { NotFound } from '#common/errors';
import { Actor } from '#common/actor';
import { EventBus } from '#common/events';
import type { TemplateView } from '#modules/whatsapp/templates/template.dto';
import { TemplatesService } from '#modules/whatsapp/templates/templates.service';
import { type FakeMeta, META_TOKEN, fakeMeta, tried } from './support/fake-meta';
import { Inbox } from './support/inbox';
import { metaPayload } from './support/meta-payloads';
import type { OfficialNumber } from './support/official-number';
import { until } from './support/sockets';
import { type Company, type World, close, errorOf, world } from './support/world';

let meta: FakeMeta;
let house: World;
let acme: Company;
let globex: Company;

beforeAll(async () => {
  meta = await fakeMeta();
});
afterAll(async () => {
  await close();
  await meta.close();
});
beforeEach(async () => {
  house = await world(meta.env);
  ({ acme, globex } = house);
});

/** A connected number with the starter templates of the fake Meta. */
async function line(company = acme): Promise<OfficialNumber> {
  const { phone_number_id, waba_id, display_phone_number } = meta.number();
  const { body } = await company.admin
    .post('/whatsapp', { phone_number: display_phone_number, phone_number_id, waba_id, access_token: META_TOKEN })
    .expect(201);
  await tried(house, body.id as string, company);
  const { id, phone_number, webhook_verify_token } = body as OfficialNumber;
  return { id, organization_id: company.id, phone_number, phone_number_id, waba_id, app_secret: null, webhook_verify_token };
}

const atMeta = (waba_id: string, name: string, language = 'pt_BR', text = 'Olá {{1}}, tudo bem?') =>
  meta.simulator.createTemplate(waba_id, {
    name,
    language,
    category: 'UTILITY',
    components: [{ type: 'BODY', text, example: { body_text: [['Ana']] } }],
  });

async function local(id: string, query = ''): Promise<TemplateView[]> {
  return (await acme.viewer.get(`/whatsapp/${id}/templates/local?limit=100&${query}`).expect(200)).body.items as TemplateView[];
}

it('brings the templates of every page of Meta here, and counts what is new', async () => {
  const number = await line();
  const before = meta.simulator.templates(number.waba_id).length;
  for (let n = 0; n < 120; n++) atMeta(number.waba_id, `aviso_${n}`);

  const { body: first } = await acme.admin.post(`/whatsapp/${number.id}/templates/sync`).expect(200);
  const { body: second } = await acme.admin.post(`/whatsapp/${number.id}/templates/sync`).expect(200);

  expect(first).toEqual({ synced: 120 + before, created: 120 + before, updated: 0, deleted: 0, errors: [] });
  expect(second).toEqual({ synced: 0, created: 0, updated: 0, deleted: 0, errors: [] });
  expect((await acme.viewer.get(`/whatsapp/${number.id}/templates/local`)).body.total).toBe(120 + before);
});

it('follows what Meta decides, and tells it', async () => {
  const number = await line();
  const template = atMeta(number.waba_id, 'entrega');
  const gone = atMeta(number.waba_id, 'antigo');
  await acme.admin.post(`/whatsapp/${number.id}/templates/sync`).expect(200);
  const told: string[] = [];
  house.app
    .get(EventBus)
    .on(
      'template.status_updated',
      ({ template: { name, status }, previous_status }) => void told.push(`${name} ${previous_status} ${status}`),
    );
  await meta.simulator.setTemplateStatus(template, 'PAUSED');
  meta.simulator.deleteTemplates(number.waba_id, gone.name);

  const { body } = await acme.admin.post(`/whatsapp/${number.id}/templates/sync`).expect(200);

  expect(body).toMatchObject({ created: 0, updated: 1, deleted: 1 });
  expect(await local(number.id, 'name=entrega')).toEqual([expect.objectContaining({ status: 'PAUSED', is_enabled: true })]);
  expect(await local(number.id, 'name=antigo')).toEqual([expect.objectContaining({ status: 'DELETED', is_enabled: false })]);
  expect(told).toEqual(
    expect.arrayContaining([expect.stringMatching(/^entrega \w+ PAUSED$/), expect.stringMatching(/^antigo \w+ DELETED$/)]),
  );
});

it('are read again when Meta says that the text of one changed', async () => {
  const number = await line();
  atMeta(number.waba_id, 'entrega');
  await acme.admin.post(`/whatsapp/${number.id}/templates/sync`).expect(200);
  atMeta(number.waba_id, 'retirada');
  const inbox = new Inbox(house, acme, number);

  await inbox.receive(metaPayload.templateComponents({ ...inbox.to, name: 'entrega' }));

  await until(async () => (await local(number.id, 'name=retirada')).length, 'the new sync');
});

it('leaves alone what was deleted here, unless forced', async () => {
  const number = await line();
  atMeta(number.waba_id, 'entrega');
  await acme.admin.post(`/whatsapp/${number.id}/templates/sync`).expect(200);
  await house.sql(`UPDATE whatsapp_templates SET deleted_at = now() WHERE whatsapp_number_id = $1 AND name = 'entrega'`, [number.id]);

  await acme.admin.post(`/whatsapp/${number.id}/templates/sync`).expect(200);
  expect(await local(number.id, 'name=entrega')).toEqual([]);
  await acme.admin.post(`/whatsapp/${number.id}/templates/sync?force=true`).expect(200);
  expect(await local(number.id, 'name=entrega')).toHaveLength(1);
});

it('changes nothing when Meta cannot be read to the end', async () => {
  const number = await line();
  await acme.admin.post(`/whatsapp/${number.id}/templates/sync`).expect(200);
  const before = await local(number.id);
  for (let n = 0; n < 120; n++) atMeta(number.waba_id, `aviso_${n}`);
  meta.simulator.faults.add({ route: 'templates', times: 1, latency_ms: 1 });
  meta.simulator.faults.add({ route: 'templates', times: 1, http_status: 503 });

  const { text } = await acme.admin.post(`/whatsapp/${number.id}/templates/sync`).expect(502).expect(errorOf('provider_unavailable'));

  expect(text).not.toContain(META_TOKEN);
  expect(await local(number.id)).toEqual(before);
});

it('syncs a number once at a time', async () => {
  const number = await line();
  meta.simulator.faults.add({ route: 'templates', times: 1, latency_ms: 400 });

  const answers = await Promise.all([1, 2, 3].map(() => acme.admin.post(`/whatsapp/${number.id}/templates/sync`)));

  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
  expect(answers.find(({ status }) => status === 409)?.body).toMatchObject({ error_code: 'sync_in_progress' });
  await acme.admin.post(`/whatsapp/${number.id}/templates/sync`).expect(200);
});

it('needs an official number with credentials, an admin, and the right organization', async () => {
  const { body: qr } = await acme.admin.post('/whatsapp', { phone_number: '+5511977776666', connection_type: 'qrcode' });
  const { body: bare } = await acme.admin.post('/whatsapp', { phone_number: '+5511977776667' });
  const number = await line();

  await acme.admin.post(`/whatsapp/${qr.id}/templates/sync`).expect(409).expect(errorOf('not_supported_for_connection_type'));
  await acme.admin.post(`/whatsapp/${bare.id}/templates/sync`).expect(409).expect(errorOf('number_not_configured'));
  await acme.agent.post(`/whatsapp/${number.id}/templates/sync`).expect(403);
  await globex.admin.post(`/whatsapp/${number.id}/templates/sync`).expect(404);
  await globex.admin.get(`/whatsapp/${number.id}/templates/local`).expect(404);
  await house.guest.get(`/whatsapp/${number.id}/templates/local`).expect(401);
});

it('is found by its id here, Meta’s id, or its name and language', async () => {
  const number = await line();
  const other = await line();
  const portuguese = atMeta(number.waba_id, 'entrega');
  const english = atMeta(number.waba_id, 'entrega', 'en_US', 'Hello {{1}}, all well?');
  await acme.admin.post(`/whatsapp/${number.id}/templates/sync`).expect(200);
  const get = async (path: string): Promise<TemplateView> =>
    (await acme.viewer.get(`/whatsapp/${number.id}/templates/${path}`).expect(200)).body as TemplateView;

  const byName = await get('entrega');
  expect(byName).toMatchObject({
    meta_template_id: portuguese.id,
    language: 'pt_BR',
    body_text: 'Olá {{1}}, tudo bem?',
    body_variables_count: 1,
    variables: [{ component: 'body', key: '1', button_index: null, example: 'Ana' }],
    parameter_format: 'positional',
  });
  expect((await get('entrega?language=en_US')).meta_template_id).toBe(english.id);
  expect((await get(english.id)).language).toBe('en_US');
  expect((await get(byName.id)).id).toBe(byName.id);
  await acme.viewer.get(`/whatsapp/${number.id}/templates/entrega?language=es`).expect(404);
  await acme.viewer.get(`/whatsapp/${other.id}/templates/${byName.id}`).expect(404);

  const service = house.app.get(TemplatesService);
  const actor = Actor.system(acme.id);
  expect((await service.findForSend(actor, number.id, { template_name: 'entrega', language: 'en_US' })).meta_template_id).toBe(english.id);
  expect((await service.findForSend(actor, number.id, { template_id: portuguese.id })).id).toBe(byName.id);
  await expect(service.findForSend(actor, number.id, { template_name: 'nope' })).rejects.toMatchObject({
    status: 404,
    message: expect.stringContaining('sync'),
  });
  await expect(service.get(Actor.system(globex.id), number.id, 'entrega')).rejects.toBeInstanceOf(NotFound);
});

it('does the same in GraphQL', async () => {
  const number = await line();
  atMeta(number.waba_id, 'entrega');
  const synced = await acme.admin.graphql('mutation($id: ID!) { syncWhatsappTemplates(number_id: $id) { created errors } }', {
    id: number.id,
  });
  expect(synced.body.data.syncWhatsappTemplates.created).toBeGreaterThan(0);

  const listed = await acme.viewer.graphql(
    'query($id: ID!) { whatsapp_templates(number_id: $id) { id name components variables { key } } }',
    { id: number.id },
  );
  const template = (listed.body.data.whatsapp_templates as TemplateView[]).find(({ name }) => name === 'entrega');
  expect(template?.variables).toEqual([{ key: '1' }]);
  const one = await acme.viewer.graphql('query($id: ID!) { whatsapp_template(id: $id) { name } }', { id: template?.id });
  expect(one.body.data.whatsapp_template).toEqual({ name: 'entrega' });
});

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Actor } from '#common/actor';
import { NotFound } from '#common/errors';
import { EventBus } from '#common/events';
import { DueRows } from '#database/due-rows';
import { Jobs } from '#jobs/jobs';
import type { Template as TemplateAtMeta } from '#modules/simulator/template';
import { TemplateJobs } from '#modules/whatsapp/templates/templates.jobs';
import type { TemplateView } from '#modules/whatsapp/templates/template.dto';
import { TemplatesService } from '#modules/whatsapp/templates/templates.service';
import { type FakeMeta, META_TOKEN, fakeMeta, tried } from './support/fake-meta';
import { Inbox } from './support/inbox';
import { metaPayload } from './support/meta-payloads';
import type { OfficialNumber } from './support/official-number';
import { PNG } from './support/files';
import { socketOf, until } from './support/sockets';
import { type Company, type World, close, errorOf, world, wrongField } from './support/world';

let meta: FakeMeta;
let house: World;
let acme: Company;
let globex: Company;
/** Somebody's web server, with a picture. */
let web: Server;

beforeAll(async () => {
  meta = await fakeMeta();
  web = createServer((_request, response) => void response.end(PNG)).listen(0, '127.0.0.1');
  await new Promise((listening) => web.once('listening', listening));
});
afterAll(async () => {
  await close();
  await meta.close();
  web.close();
});
beforeEach(async () => {
  house = await world({ ...meta.env, EGRESS_ALLOWED_HOSTS: `127.0.0.1:${(web.address() as AddressInfo).port}` });
  ({ acme, globex } = house);
});
afterEach(() => meta.simulator.faults.clear());

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

it('read one again when Meta says that its text changed', async () => {
  const number = await line();
  const template = atMeta(number.waba_id, 'entrega');
  await acme.admin.post(`/whatsapp/${number.id}/templates/sync`).expect(200);
  await meta.simulator.changeTemplate(template, {
    components: [{ type: 'BODY', text: 'Oi {{1}}, chegou.', example: { body_text: [['Ana']] } }],
  });
  atMeta(number.waba_id, 'retirada');
  const inbox = new Inbox(house, acme, number);

  await inbox.receive(metaPayload.templateComponents({ ...inbox.to, template_id: template.id, name: 'entrega' }));
  await house.app.get(Jobs).idle();

  expect(await local(number.id, 'name=entrega')).toEqual([
    expect.objectContaining({ body_text: 'Oi {{1}}, chegou.', rendered_text: 'Oi Ana, chegou.' }),
  ]);
  expect(await local(number.id, 'name=retirada')).toEqual([]);
});

it('read one again when what Meta says of it comes late: it may have been decided otherwise since', async () => {
  const number = await line();
  const template = atMeta(number.waba_id, 'entrega');
  await meta.simulator.setTemplateStatus(template, 'APPROVED');
  await acme.admin.post(`/whatsapp/${number.id}/templates/sync`).expect(200);
  const inbox = new Inbox(house, acme, number);
  const paused = metaPayload.templateStatus('PAUSED', { ...inbox.to, template_id: template.id, name: 'entrega' });
  paused.entry[0].time = Math.floor(Date.now() / 1000) - 3600;

  await inbox.receive(paused);
  await house.app.get(Jobs).idle();

  expect(await local(number.id, 'name=entrega')).toEqual([expect.objectContaining({ status: 'APPROVED' })]);
});

it('leaves alone what was deleted here, unless forced', async () => {
  const number = await line();
  atMeta(number.waba_id, 'entrega');
  await acme.admin.post(`/whatsapp/${number.id}/templates/sync`).expect(200);
  await acme.admin.delete(`/whatsapp/${number.id}/templates/entrega`).expect(204);
  expect(await local(number.id, 'name=entrega')).toEqual([]);

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

// --- made here

const DRAFT = {
  name: 'pedido_a_caminho',
  category: 'utility',
  body_text: 'Olá {{1}}, seu pedido {{2}} saiu para entrega.',
  examples: { body: ['Ana', '1042'] },
};

const at = ({ id }: { id: string }, path = ''): string => `/whatsapp/${id}/templates${path}`;

async function made(number: { id: string }, values: object = {}, query = ''): Promise<TemplateView> {
  return (await acme.admin.post(`${at(number)}${query}`, { ...DRAFT, ...values }).expect(201)).body as TemplateView;
}

/** What Meta has of it. */
function known(template: Pick<TemplateView, 'meta_template_id'>): TemplateAtMeta {
  const found = meta.simulator.template(template.meta_template_id ?? '');
  if (!found) throw new Error('Meta has no such template');
  return found;
}

/** Meta decides, and tells it. */
async function decided(inbox: Inbox, template: TemplateView, event: string, reason?: string): Promise<void> {
  await meta.simulator.setTemplateStatus(known(template), event, reason);
  const { meta_template_id, name, language } = template;
  await inbox.receive(metaPayload.templateStatus(event, { ...inbox.to, template_id: meta_template_id ?? '', name, language, reason }));
}

async function approved(number: OfficialNumber, values: object = {}): Promise<TemplateView> {
  const template = await made(number, values);
  await decided(new Inbox(house, acme, number), template, 'APPROVED');
  return template;
}

const calls = (method: string): number => meta.calls.filter((call) => call.startsWith(`${method} `)).length;

describe('a new template', () => {
  it('is handed to Meta at once, and is what Meta says', async () => {
    const number = await line();
    const track = { type: 'URL', text: 'Acompanhar', url: 'https://padaria.example/p/{{1}}', example: ['https://padaria.example/p/7'] };

    const template = await made(number, { buttons: [track] });

    expect(template.variables).toEqual([
      { component: 'body', key: '1', button_index: null, example: 'Ana' },
      { component: 'body', key: '2', button_index: null, example: '1042' },
      { component: 'button', key: '1', button_index: 0, example: '7' },
    ]);
    expect(template).toMatchObject({
      name: 'pedido_a_caminho',
      language: 'pt_BR',
      category: 'UTILITY',
      status: 'PENDING',
      submission_error: null,
      parameter_format: 'positional',
      rendered_text: 'Olá Ana, seu pedido 1042 saiu para entrega.',
      is_enabled: true,
      sent_count: 0,
    });
    expect(template.submitted_at).not.toBeNull();
    expect(known(template)).toMatchObject({ waba_id: number.waba_id, name: 'pedido_a_caminho', components: template.components });
    expect(template).not.toHaveProperty('busy_until');
  });

  it('keeps what is its own of Meta’s form: names, buttons, codes, carousels', async () => {
    const number = await line();
    const body = { type: 'body', text: 'Olá {{nome}}!', example: { body_text_named_params: [{ param_name: 'nome', example: 'Ana' }] } };
    const card = { components: [{ type: 'BODY', text: 'Pão' }] };

    const named = await made(number, {
      ...{ body_text: null, examples: null, name: 'oferta', category: 'MARKETING', language: 'en-US' },
      components: [
        body,
        { type: 'BUTTONS', buttons: [{ type: 'COPY_CODE', example: 'BOLO10' }] },
        { type: 'CAROUSEL', cards: [card, card] },
      ],
    });
    const code = await made(number, {
      ...{ body_text: null, examples: null, name: 'codigo', category: 'AUTHENTICATION' },
      components: [{ type: 'BODY' }, { type: 'BUTTONS', buttons: [{ type: 'OTP', otp_type: 'copy_code' }] }],
    });

    expect(named).toMatchObject({ status: 'PENDING', language: 'en_US', parameter_format: 'named', rendered_text: 'Olá Ana!' });
    expect(known(named)).toMatchObject({
      parameter_format: 'NAMED',
      components: [{ type: 'BODY' }, {}, { type: 'CAROUSEL', cards: [card, card] }],
    });
    expect(code).toMatchObject({ status: 'PENDING', rendered_text: null, buttons: [{ type: 'OTP', otp_type: 'COPY_CODE' }] });
  });

  it('stays a draft where Meta refuses it, cannot be reached, or the number is not complete; and can be submitted again', async () => {
    const number = await line();
    atMeta(number.waba_id, 'pedido_a_caminho');
    const { body: bare } = await acme.admin.post('/whatsapp', { phone_number: '+5511977776655' }).expect(201);

    const refused = await made(number);
    meta.simulator.faults.add({ route: 'templates', http_status: 503 });
    const unreached = await made(number, { name: 'aviso' });
    const unready = await made(bare as OfficialNumber);

    expect(refused).toMatchObject({
      status: 'DRAFT',
      meta_template_id: null,
      submission_error: { code: '100', message: expect.stringContaining('already') },
    });
    expect(unreached).toMatchObject({ status: 'DRAFT', submission_error: { code: 'http_503' } });
    expect(unready).toMatchObject({ status: 'DRAFT', submission_error: { code: 'number_not_configured' } });
    await acme.admin.post(at(number), DRAFT).expect(409).expect(errorOf('template_already_exists'));

    await acme.admin
      .post(at(number, `/${refused.id}/submit`))
      .expect(422)
      .expect(errorOf('template_rejected_by_meta'));
    await acme.admin
      .post(at(bare as OfficialNumber, `/${unready.id}/submit`))
      .expect(409)
      .expect(errorOf('number_not_configured'));
    meta.simulator.faults.add({ route: 'templates', http_status: 503 });
    const { text } = await acme.admin.post(at(number, '/aviso/submit')).expect(502).expect(errorOf('provider_unavailable'));
    expect(text).not.toContain(META_TOKEN);
    const { body: sent } = await acme.admin.post(at(number, '/aviso/submit')).expect(200);
    expect(sent).toMatchObject({ id: unreached.id, status: 'PENDING', submission_error: null });
    await acme.admin.post(at(number, '/aviso/submit')).expect(409).expect(errorOf('template_not_submittable'));
  });

  it('whose answer was lost is found by the next sync', async () => {
    const number = await line();
    const lost = await made(number, {}, '?submit=false');
    // Meta took it, and the connection broke.
    const there = atMeta(number.waba_id, DRAFT.name);
    meta.simulator.faults.add({ route: 'templates', reset: true });
    await acme.admin.post(at(number, `/${lost.id}/submit`)).expect(502);

    await acme.admin.post(at(number, '/sync')).expect(200);

    expect(await local(number.id, `name=${DRAFT.name}`)).toEqual([
      expect.objectContaining({ id: lost.id, status: 'PENDING', meta_template_id: there.id, submission_error: null }),
    ]);
  });

  it('wants examples to be submitted, and none to be kept', async () => {
    const number = await line();
    const bare = { name: 'aviso', category: 'UTILITY', body_text: 'Olá {{1}}!' };

    await acme.admin
      .post(at(number), bare)
      .expect(422)
      .expect(errorOf('template_example_required'))
      .expect(wrongField('body', 'examples', 'body'));
    const draft = await made(number, { ...bare, examples: null }, '?submit=false');
    expect(draft).toMatchObject({
      status: 'DRAFT',
      submitted_at: null,
      variables: [{ key: '1', example: null }],
      rendered_text: 'Olá {{1}}!',
    });
    await acme.admin
      .post(at(number, `/${draft.id}/submit`))
      .expect(422)
      .expect(errorOf('template_example_required'))
      .expect(wrongField('body', 'components', 0, 'example', 'body_text'));
  });

  it('is refused where it is wrong, with the field named', async () => {
    const number = await line();
    const wrong = (values: object, ...loc: (string | number)[]) =>
      acme.admin.post(at(number), { ...DRAFT, ...values }).expect(wrongField('body', ...loc));

    await wrong({ name: 'Pedido' }, 'name');
    await wrong({ name: 'x'.repeat(513) }, 'name');
    await wrong({ category: 'SALES' }, 'category');
    await wrong({ language: 'português' }, 'language');
    await wrong({ body_text: null }, 'body_text');
    await wrong({ body_text: '{{1}} olá' }, 'body_text');
    await wrong({ header_type: 'AUDIO' }, 'header_type');
    await wrong({ buttons: [{ type: 'URL', text: 'Ver', url: 'nada' }] }, 'buttons', 0, 'url');
    await wrong({ components: [{ type: 'BODY', text: 'Oi' }] }, 'body_text');
    await wrong({ body_text: null, examples: null, components: [{ type: 'BODY' }] }, 'components', 0, 'text');
    await wrong({ body_text: null, examples: null, components: 'BODY' }, 'components');
    await wrong({ examples: { body: 'x'.repeat(70_000) } }, 'examples');
    expect(await local(number.id)).toEqual([]);
  });

  it('is there once, however many make it at once, and is submitted once', async () => {
    const number = await line();
    const count = 50;

    const all = await Promise.all(Array.from({ length: count }, () => acme.admin.post(`${at(number)}?submit=false`, DRAFT)));
    const before = calls('POST');
    const submissions = await Promise.all(Array.from({ length: count }, () => acme.admin.post(at(number, `/${DRAFT.name}/submit`))));

    expect(all.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(all.filter(({ body }) => (body as { error_code?: string }).error_code === 'template_already_exists')).toHaveLength(count - 1);
    expect(submissions.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(submissions.filter(({ body }) => (body as { error_code?: string }).error_code === 'template_not_submittable')).toHaveLength(
      count - 1,
    );
    expect(calls('POST') - before).toBe(1);
  });

  it('is one of 250 drafts at most', async () => {
    const number = await line();
    await house.sql(
      `INSERT INTO whatsapp_templates (id, organization_id, whatsapp_number_id, name, category, status)
       SELECT gen_random_uuid(), $1, $2, 'rascunho_' || n, 'UTILITY', 'DRAFT' FROM generate_series(1, 250) n`,
      [acme.id, number.id],
    );

    await acme.admin.post(at(number), DRAFT).expect(409).expect(errorOf('limit_reached'));
    await acme.admin.delete(at(number, '/rascunho_7')).expect(204);
    await acme.admin.post(at(number), DRAFT).expect(201);
  });

  it('shows Meta a file as its header’s example: an upload of ours, or an address', async () => {
    const number = await line();
    const { body: media } = await acme.agent.post('/whatsapp/media').attach('file', PNG, { filename: 'bolo.png' }).expect(201);
    const { body: theirs } = await globex.agent.post('/whatsapp/media').attach('file', PNG, { filename: 'bolo.png' }).expect(201);
    const link = `http://127.0.0.1:${(web.address() as AddressInfo).port}/bolo.png`;
    const flat = { header_type: 'IMAGE', examples: { ...DRAFT.examples, header: { media_id: (media as { id: string }).id } } };

    const uploaded = await made(number, { ...flat, name: 'com_arquivo' });
    const linked = await made(number, { ...flat, name: 'com_link', examples: { ...DRAFT.examples, header: { link } } });

    for (const template of [uploaded, linked]) {
      expect(template).toMatchObject({ status: 'PENDING', submission_error: null });
      expect(known(template).components[0]).toMatchObject({ example: { header_handle: [expect.stringMatching(/^4::/)] } });
    }
    expect(uploaded.components[0]).toMatchObject({ example: { media_id: (media as { id: string }).id } });

    const other = (header: object, values: object = {}) =>
      acme.admin.post(at(number), { ...DRAFT, ...flat, name: 'outro', ...values, examples: { ...DRAFT.examples, header } });
    await other({ media_id: (theirs as { id: string }).id }).expect(404);
    await other({ media_id: (media as { id: string }).id }, { header_type: 'VIDEO' })
      .expect(422)
      .expect(errorOf('unsupported_file'));
    await other({ link: 'http://169.254.169.254/latest' }).expect(422).expect(errorOf('url_not_allowed'));
    const { body: unfetched } = await other({ link: 'http://nobody.invalid/a.png' }).expect(201);
    expect(unfetched).toMatchObject({ status: 'DRAFT', submission_error: { code: 'provider_unavailable' } });
    expect(await local(number.id, 'name=outro')).toHaveLength(1);
  });
});

describe('a template', () => {
  it('is switched off and on at any time', async () => {
    const number = await line();
    const { id } = await made(number);

    const { body } = await acme.admin.put(at(number, `/${id}`), { is_enabled: false }).expect(200);

    expect(body).toMatchObject({ is_enabled: false, status: 'PENDING' });
    await acme.admin.put(at(number, `/${id}`), { is_enabled: null }).expect(wrongField('is_enabled'));
    await acme.admin.put(at(number, `/${id}`), { is_enabled: true }).expect(200);
  });

  it('is changed freely while it is a draft, and not while Meta looks at it', async () => {
    const number = await line();
    const draft = await made(number, {}, '?submit=false');
    const components = [{ type: 'BODY', text: 'Oi {{nome}}!' }];

    const { body } = await acme.admin.put(at(number, `/${draft.id}`), { components, category: 'marketing' }).expect(200);

    expect(body).toMatchObject({ status: 'DRAFT', category: 'MARKETING', parameter_format: 'named', body_text: 'Oi {{nome}}!' });
    await acme.admin
      .put(at(number, `/${draft.id}`), { components: [{ type: 'BODY', text: '' }] })
      .expect(wrongField('body', 'components', 0, 'text'));
    const example = { body_text_named_params: [{ param_name: 'nome', example: 'Ana' }] };
    await acme.admin.put(at(number, `/${draft.id}`), { components: [{ ...components[0], example }] }).expect(200);
    await acme.admin.post(at(number, `/${draft.id}/submit`)).expect(200);
    await acme.admin
      .put(at(number, `/${draft.id}`), { components: [{ type: 'BODY', text: 'Oi!' }] })
      .expect(409)
      .expect(errorOf('template_not_editable'));
  });

  it('is changed field by field as it was made: what is not said stays, null takes a part away', async () => {
    const number = await line();
    const draft = await made(number, { footer_text: 'Padaria', header_text: 'Pedido' }, '?submit=false');
    const put = (input: object) => acme.admin.put(at(number, `/${draft.id}`), input);

    const { body } = await put({ body_text: 'Oi {{1}}, o pedido {{2}} chegou.', header_text: null }).expect(200);
    expect(body).toMatchObject({ header_type: null, footer_text: 'Padaria', rendered_text: 'Oi Ana, o pedido 1042 chegou.' });
    const named = await put({ body_text: 'Oi {{nome}}, chegou.', examples: { body: { nome: 'Bia' } }, footer_text: null }).expect(200);
    expect(named.body).toMatchObject({ parameter_format: 'named', rendered_text: 'Oi Bia, chegou.', footer_text: null });

    await put({ body_text: '' }).expect(wrongField('body', 'body_text'));
    await put({ body_text: 'Oi!', components: [{ type: 'BODY', text: 'Oi!' }] })
      .expect(422)
      .expect(wrongField('body', 'body_text'));
    const [kept] = await local(number.id, `name=${draft.name}`);
    expect(kept.components).toHaveLength(1);
  });

  it('that is approved goes to Meta again with another text, once a day and ten times a month, in its category', async () => {
    const number = await line();
    const inbox = new Inbox(house, acme, number);
    const template = await approved(number);
    const put = (text: string, values: object = {}) =>
      acme.admin.put(at(number, `/${template.id}`), { components: [{ type: 'BODY', text }], ...values });

    await put('Olá!', { category: 'MARKETING' }).expect(422).expect(wrongField('category'));
    const before = calls('POST');
    await acme.admin.put(at(number, `/${template.id}`), { components: template.components, category: 'UTILITY' }).expect(200);
    expect(calls('POST')).toBe(before);
    const { body } = await put('Olá, seu pedido saiu.').expect(200);
    expect(body).toMatchObject({ status: 'PENDING', body_text: 'Olá, seu pedido saiu.' });
    expect(known(template)).toMatchObject({ status: 'PENDING', components: [{ text: 'Olá, seu pedido saiu.' }] });

    await decided(inbox, template, 'APPROVED');
    await put('Olá de novo.').expect(409).expect(errorOf('template_edit_limit'));
    const days = (count: number): string =>
      JSON.stringify(Array.from({ length: count }, (_, n) => new Date(Date.now() - (n + 2) * 86_400_000)));
    await house.sql('UPDATE whatsapp_templates SET approved_edits = $2 WHERE id = $1', [template.id, days(10)]);
    await put('Olá de novo.').expect(409).expect(errorOf('template_edit_limit'));
    // Meta counts too, and says so.
    await house.sql('UPDATE whatsapp_templates SET approved_edits = $2 WHERE id = $1', [template.id, days(9)]);
    await put('Olá de novo.').expect(422).expect(errorOf('template_rejected_by_meta'));
    expect(await local(number.id, `name=${template.name}`)).toEqual([
      expect.objectContaining({ status: 'APPROVED', body_text: 'Olá, seu pedido saiu.' }),
    ]);
  });

  it('is edited once, however many do at once, and stays as it is where Meta is not reached', async () => {
    const number = await line();
    const template = await approved(number);
    const put = (n: number) =>
      acme.admin.put(at(number, `/${template.id}`), { components: [{ type: 'BODY', text: `Olá, pedido da vez ${n}!` }] });
    meta.simulator.faults.add({ route: 'templates', http_status: 500 });
    await put(0).expect(502).expect(errorOf('provider_unavailable'));
    expect(await local(number.id, `name=${template.name}`)).toEqual([
      expect.objectContaining({ status: 'APPROVED', body_text: DRAFT.body_text }),
    ]);
    const before = calls('POST');

    const all = await Promise.all(Array.from({ length: 20 }, (_, n) => put(n + 1)));

    expect(all.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(all.filter(({ status }) => status === 409)).toHaveLength(19);
    expect(calls('POST') - before).toBe(1);
  });

  it('that Meta rejected is submitted again, as it is or with another text', async () => {
    const number = await line();
    const inbox = new Inbox(house, acme, number);
    const template = await made(number);
    await decided(inbox, template, 'REJECTED', 'INCORRECT_CATEGORY');
    expect(await local(number.id)).toEqual([expect.objectContaining({ status: 'REJECTED', rejected_reason: 'INCORRECT_CATEGORY' })]);

    const { body: again } = await acme.admin.post(at(number, `/${template.id}/submit`)).expect(200);
    expect(again).toMatchObject({ status: 'PENDING', rejected_reason: null, meta_template_id: template.meta_template_id });
    await decided(inbox, template, 'REJECTED', 'PROMOTIONAL');
    const { body: changed } = await acme.admin.put(at(number, `/${template.id}`), { category: 'MARKETING' }).expect(200);

    expect(changed).toMatchObject({ status: 'PENDING', category: 'MARKETING' });
    expect(known(template)).toMatchObject({ category: 'MARKETING', status: 'PENDING' });
    expect((await local(number.id))[0].rejected_at).not.toBeNull();
  });

  it('is deleted at Meta in its language alone, or not at all', async () => {
    const number = await line();
    const template = await approved(number);
    const english = await approved(number, { language: 'en_US' });
    meta.simulator.faults.add({ route: 'templates', http_status: 503 });
    await acme.admin
      .delete(at(number, `/${template.id}?delete_from_meta=true`))
      .expect(502)
      .expect(errorOf('provider_unavailable'));
    expect(await local(number.id)).toHaveLength(2);

    await acme.admin.delete(at(number, `/${template.id}?delete_from_meta=true`)).expect(204);

    expect(meta.simulator.template(template.meta_template_id ?? '')).toBeUndefined();
    expect(known(english).status).toBe('APPROVED');
    await acme.viewer.get(at(number, `/${template.id}`)).expect(404);
    // Its name is Meta's for a month.
    expect(await made(number)).toMatchObject({ status: 'DRAFT', submission_error: { message: expect.stringContaining('4 weeks') } });
    await acme.admin.delete(at(number, `/${DRAFT.name}?language=en_US&delete_from_meta=true`)).expect(204);
    expect(meta.simulator.template(english.meta_template_id ?? '')).toBeUndefined();
  });

  it('that is gone at Meta can be deleted, one of Meta’s own cannot', async () => {
    const number = await line();
    const template = await made(number);
    meta.simulator.deleteTemplates(number.waba_id, template.name);
    await acme.admin.delete(at(number, `/${template.id}?delete_from_meta=true`)).expect(204);

    await acme.admin.post(at(number, '/sync')).expect(200);
    const [own] = await local(number.id, 'name=hello_world');
    expect(own.is_system_template).toBe(true);
    await acme.admin
      .delete(at(number, `/${own.id}`))
      .expect(409)
      .expect(errorOf('system_template'));
    await acme.admin
      .put(at(number, `/${own.id}`), { components: [{ type: 'BODY', text: 'Hi!' }] })
      .expect(409)
      .expect(errorOf('system_template'));
    await acme.admin.put(at(number, `/${own.id}`), { is_enabled: false }).expect(200);
  });

  it('that Meta never had leaves no trace', async () => {
    const number = await line();
    const draft = await made(number, {}, '?submit=false');
    await acme.admin.delete(at(number, `/${draft.id}`)).expect(204);

    expect(await house.sql('SELECT 1 FROM whatsapp_templates WHERE id = $1', [draft.id])).toEqual([]);
    expect(await made(number)).toMatchObject({ status: 'PENDING' });
  });

  it('that another came after at Meta is no tombstone of that one', async () => {
    const number = await line();
    const first = atMeta(number.waba_id, 'entrega');
    await acme.admin.post(at(number, '/sync')).expect(200);
    await acme.admin.delete(at(number, '/entrega')).expect(204);
    meta.simulator.deleteTemplates(number.waba_id, 'entrega', first.id);
    const second = atMeta(number.waba_id, 'entrega');

    await acme.admin.post(at(number, '/sync')).expect(200);

    expect(await local(number.id, 'name=entrega')).toEqual([expect.objectContaining({ meta_template_id: second.id })]);
  });
});

it('lists what Meta has, page by page, as it is', async () => {
  const number = await line();
  for (let n = 0; n < 5; n++) atMeta(number.waba_id, `aviso_${n}`);
  await meta.simulator.setTemplateStatus(atMeta(number.waba_id, 'entrega', 'en_US'), 'REJECTED', 'SCAM');
  const total = meta.simulator.templates(number.waba_id).length;

  const seen: string[] = [];
  for (let after: string | null = ''; after !== null;) {
    const { body } = await acme.viewer.get(`${at(number)}?limit=3${after && `&after=${after}`}`).expect(200);
    const page = body as { items: { id: string }[]; paging: { after: string | null }; next_cursor: string | null };
    expect(page.next_cursor).toBe(page.paging.after);
    seen.push(...page.items.map(({ id }) => id));
    after = page.paging.after;
  }

  expect(seen).toEqual(meta.simulator.templates(number.waba_id).map(({ id }) => id));
  expect(seen).toHaveLength(total);
  const { body: rejected } = await acme.viewer.get(`${at(number)}?status=rejected&language=en_US&name=entrega`).expect(200);
  expect(rejected).toMatchObject({ total: 1, items: [{ name: 'entrega', rejected_reason: 'SCAM', quality_score: { score: 'UNKNOWN' } }] });
  expect(await local(number.id)).toEqual([]);
  await acme.viewer.get(`${at(number)}?limit=101`).expect(wrongField('query', 'limit'));
  await acme.viewer.get(`${at(number)}?after=%22x`).expect(wrongField('query', 'after'));
  meta.simulator.faults.add({ route: 'templates', code: 190 });
  const { text } = await acme.viewer.get(at(number)).expect(502).expect(errorOf('provider_unavailable'));
  expect(text).not.toContain(META_TOKEN);
});

it('is no matter of numbers that have none, of other people, or of who may not', async () => {
  const { body: qr } = await acme.admin.post('/whatsapp', { phone_number: '+5511977776644', connection_type: 'qrcode' }).expect(201);
  const number = await line();
  const { id } = await made(number);
  const doors = (place: { id: string }, name: string): [method: 'get' | 'post' | 'put' | 'delete', path: string, body?: object][] => [
    ['get', at(place)],
    ['post', at(place), DRAFT],
    ['put', at(place, `/${name}`), { is_enabled: false }],
    ['delete', at(place, `/${name}`)],
    ['post', at(place, `/${name}/submit`)],
  ];

  for (const [method, path, body] of doors(qr as { id: string }, 'entrega'))
    await acme.admin[method](path, body as object)
      .expect(409)
      .expect(errorOf('not_supported_for_connection_type'));
  await acme.viewer.get(at(qr as { id: string }, '/local')).expect(200);
  for (const [method, path, body] of doors(number, id)) {
    await house.guest[method](path, body as object).expect(401);
    await globex.admin[method](path, body as object).expect(404);
    if (method !== 'get') await acme.agent[method](path, body as object).expect(403);
  }
});

// --- what becomes of them

it('hears Meta for every number of the account: when, why, in which category, how well', async () => {
  const number = await line();
  const { phone_number_id, display_phone_number } = meta.simulator.addNumber({
    phone_number_id: `${number.phone_number_id}9`,
    waba_id: number.waba_id,
    display_phone_number: '+55 11 4999-0001',
    verified_name: 'Padaria Norte',
  });
  const { body: other } = await acme.admin
    .post('/whatsapp', { phone_number: display_phone_number, phone_number_id, waba_id: number.waba_id, access_token: META_TOKEN })
    .expect(201);
  await tried(house, (other as { id: string }).id);
  const template = await made(number);
  await acme.admin.post(at(other as { id: string }, '/sync')).expect(200);
  const inbox = new Inbox(house, acme, number);
  const socket = await socketOf(acme.viewer);
  const categories = inbox.hear('template.category_updated');
  const qualities = inbox.hear('template.quality_updated');
  const about = { ...inbox.to, template_id: template.meta_template_id ?? '', name: template.name };

  await decided(inbox, template, 'APPROVED');
  await inbox.receive(
    metaPayload.templateCategory({ ...about, previous: 'UTILITY', category: 'MARKETING' }),
    metaPayload.templateQuality({ ...about, quality: 'RED' }),
    metaPayload.templateStatus('PAUSED', { ...about, reason: 'NONE' }),
  );

  for (const { id } of [number, other as { id: string }])
    expect(await local(id, `name=${template.name}`)).toEqual([
      expect.objectContaining({
        status: 'PAUSED',
        category: 'MARKETING',
        quality_score: 'RED',
        approved_at: expect.any(String),
        paused_at: expect.any(String),
        disabled_at: null,
      }),
    ]);
  expect(categories.map(({ previous_category }) => previous_category)).toEqual(['UTILITY', 'UTILITY']);
  expect(qualities.map((told) => told.template.quality_score)).toEqual(['RED', 'RED']);
  await socket.hear('template:status', ({ template_id, status }) => template_id === template.id && status === 'PAUSED');

  await house.app.get(DueRows).idle();
  const { body: notices } = await acme.admin.get('/notifications?limit=10').expect(200);
  const told = (notices as { items: { type: string; title: string }[] }).items.filter(({ type }) => type === 'template_stopped');
  expect(told).toEqual([expect.objectContaining({ title: expect.stringContaining(template.name) })]);
});

it('does not take one of the same name for the one Meta speaks of: a draft, or another id', async () => {
  const number = await line();
  const draft = await made(number, {}, '?submit=false');
  const there = await made(number, { name: 'aviso' });
  const inbox = new Inbox(house, acme, number);

  await inbox.receive(
    metaPayload.templateStatus('APPROVED', { ...inbox.to, name: draft.name }),
    metaPayload.templateStatus('DELETED', { ...inbox.to, name: there.name, template_id: '150209301750209' }),
  );

  expect((await local(number.id, 'sort=name:asc')).map(({ name, status }) => [name, status])).toEqual([
    ['aviso', 'PENDING'],
    [draft.name, 'DRAFT'],
  ]);
});

it('counts what became of its messages, once each, whatever the order of the statuses', async () => {
  const number = await line();
  const template = await approved(number);
  const inbox = new Inbox(house, acme, number);
  const send = async (): Promise<string> => {
    const sending = { to: '+5511988887766', template_name: template.name, parameters: ['Ana', '7'], whatsapp_number_id: number.id };
    const { body } = await acme.agent.post('/whatsapp/send-template', sending).expect(201);
    await house.app.get(DueRows).idle();
    const { id } = (body as { message: { id: string } }).message;
    return String((await inbox.stored(id)).whatsapp_message_id);
  };
  const counts = async (): Promise<number[]> => {
    const { sent_count, delivered_count, read_count, failed_count } = (await local(number.id, `name=${template.name}`))[0];
    return [sent_count, delivered_count, read_count, failed_count];
  };

  const [first, second, third] = [await send(), await send(), await send()];
  expect(await counts()).toEqual([3, 0, 0, 0]);
  await inbox.receive(
    metaPayload.status('read', { ...inbox.to, id: first }),
    metaPayload.status('delivered', { ...inbox.to, id: first }),
    metaPayload.status('delivered', { ...inbox.to, id: second }),
    metaPayload.status('delivered', { ...inbox.to, id: second }),
    metaPayload.status('failed', { ...inbox.to, id: third }),
  );

  expect(await counts()).toEqual([3, 2, 1, 1]);
  expect(await house.sql('SELECT * FROM template_counts WHERE organization_id = $1', [acme.id])).toHaveLength(1);
});

it('stays when it was made while Meta was read', async () => {
  const number = await line();
  atMeta(number.waba_id, 'entrega');
  meta.simulator.faults.add({ route: 'templates', latency_ms: 500 });
  const syncing = acme.admin.post(at(number, '/sync')).then(({ status }) => status);
  await until(
    async () => (await house.sql('SELECT 1 FROM whatsapp_numbers WHERE id = $1 AND templates_sync_until IS NOT NULL', [number.id])).length,
  );
  await until(() => !meta.simulator.faults.list().length, 'the reading');

  // In the order of Meta's answers: the list was made before it.
  const template = await made(number);
  await house.sql(`UPDATE whatsapp_templates SET status = 'APPROVED', busy_until = NULL, updated_at = now() WHERE id = $1`, [template.id]);
  meta.simulator.deleteTemplates(number.waba_id, template.name);

  expect(await syncing).toBe(200);
  expect(await local(number.id, `name=${template.name}`)).toEqual([expect.objectContaining({ status: 'APPROVED', is_enabled: true })]);
});

it('reads every active number once an hour, in rounds', async () => {
  const [number, second, off] = [await line(), await line(), await line()];
  await acme.admin.post(`/whatsapp/${off.id}/deactivate`).expect(200);
  for (const { waba_id } of [number, second, off]) atMeta(waba_id, 'entrega');
  const jobs = house.app.get(TemplateJobs);
  const synced = async (): Promise<number> =>
    (
      await house.sql(
        'SELECT DISTINCT whatsapp_number_id FROM whatsapp_templates WHERE organization_id = $1 AND last_synced_at IS NOT NULL',
        [acme.id],
      )
    ).length;

  for (let round = 0; round < 12; round++) await jobs.syncRound(round);
  await house.app.get(Jobs).idle();
  await until(async () => (await synced()) === 2, 'the sync of both numbers');

  expect(await local(off.id)).toEqual([]);
  expect((await local(second.id, 'name=entrega'))[0].status).toBe('PENDING');
});

it('is made, changed, submitted and deleted in GraphQL', async () => {
  const number = await line();
  const ask = async (query: string, variables: object): Promise<Record<string, unknown>> => {
    const { body } = await acme.admin.graphql(query, variables).expect(200);
    expect((body as { errors?: unknown }).errors).toBeUndefined();
    return Object.values((body as { data: Record<string, Record<string, unknown>> }).data)[0];
  };

  const draft = await ask(
    'mutation($id: ID!, $input: WhatsAppTemplateCreateInput!) { createWhatsappTemplate(number_id: $id, input: $input, submit: false) { id status rendered_text } }',
    { id: number.id, input: DRAFT },
  );
  expect(draft).toMatchObject({ status: 'DRAFT', rendered_text: 'Olá Ana, seu pedido 1042 saiu para entrega.' });
  const changed = await ask(
    'mutation($id: ID!, $input: WhatsAppTemplateUpdateInput!) { updateWhatsappTemplate(id: $id, input: $input) { category is_enabled } }',
    { id: draft.id, input: { category: 'MARKETING', is_enabled: false } },
  );
  expect(changed).toEqual({ category: 'MARKETING', is_enabled: false });
  expect(await ask('mutation($id: ID!) { submitWhatsappTemplate(id: $id) { status } }', { id: draft.id })).toEqual({ status: 'PENDING' });
  const gone = await ask('mutation($id: ID!) { deleteWhatsappTemplate(id: $id, delete_from_meta: true) { success } }', { id: draft.id });
  expect(gone).toEqual({ success: true });
  expect(await local(number.id)).toEqual([]);
});

import type request from 'supertest';
import { Encryption } from '#common/encryption';
import { EventBus } from '#common/events';
import { Jobs } from '#jobs/jobs';
import { InboundWorker } from '#modules/conversations/filing/inbound.worker';
import { NumberJobs } from '#modules/whatsapp/numbers/numbers.jobs';
import { placeOfKeys } from '#modules/whatsapp/numbers/whatsapp-number-secret.entity';
import type { WhatsAppNumberView } from '#modules/whatsapp/numbers/whatsapp-number.dto';
import { type FakeMeta, META_SECRET, META_TOKEN, fakeMeta, numberInput, tried } from './support/fake-meta';
import { postWebhook } from './support/inbox';
import { type MetaPayload, metaPayload } from './support/meta-payloads';
import { ProvedNumbers1795000040100 } from '../migrations/1795000040100-proved-numbers';
import { type Company, type World, close, errorOf, world, wrongField } from './support/world';

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

const complete = (display_phone_number?: string) => numberInput(meta.number(display_phone_number));

let next = 0;
const somePhone = (): string => `+55119${String(80_000_000 + ++next)}`;

async function add(body: object = {}, company = acme): Promise<WhatsAppNumberView> {
  const { body: number } = await company.admin.post('/whatsapp', { phone_number: somePhone(), ...body }).expect(201);
  return number as WhatsAppNumberView;
}

async function read(id: string, person = acme.admin): Promise<WhatsAppNumberView> {
  return (await person.get(`/whatsapp/${id}`).expect(200)).body as WhatsAppNumberView;
}

describe('numbers', () => {
  it('are closed without a token, and only an admin changes them', async () => {
    const { id } = await add();

    await house.guest.get('/whatsapp').expect(401);
    await acme.viewer.get('/whatsapp').expect(200);
    for (const person of [acme.viewer, acme.agent]) {
      await person.post('/whatsapp', { phone_number: somePhone() }).expect(403);
      await person.put(`/whatsapp/${id}`, { display_name: 'Loja' }).expect(403);
      await person.delete(`/whatsapp/${id}`).expect(403);
      await person.post(`/whatsapp/${id}/deactivate`).expect(403);
    }
    await acme.viewer.post(`/whatsapp/${id}/test`).expect(403);
  });

  it('of another organization do not exist', async () => {
    const { id } = await add();

    await globex.admin.get(`/whatsapp/${id}`).expect(404).expect(errorOf('not_found'));
    await globex.admin.put(`/whatsapp/${id}`, { display_name: 'mine' }).expect(404);
    await globex.admin.delete(`/whatsapp/${id}`).expect(404);
    await globex.admin.post(`/whatsapp/${id}/test`).expect(404);
    await globex.admin.get(`/whatsapp/${id}/status?refresh=true`).expect(404);
    expect((await globex.admin.get('/whatsapp')).body.total).toBe(0);
  });

  it('with wrong fields are refused, naming them', async () => {
    await acme.admin.post('/whatsapp', {}).expect(wrongField('phone_number'));
    await acme.admin.post('/whatsapp', { phone_number: 'call me' }).expect(wrongField('phone_number'));
    await acme.admin.post('/whatsapp', { phone_number: somePhone(), connection_type: 'telegram' }).expect(wrongField('connection_type'));
    await acme.admin.post('/whatsapp', { phone_number: somePhone(), phone_number_id: '../me' }).expect(wrongField('phone_number_id'));
    await acme.admin
      .post('/whatsapp', { phone_number: somePhone(), business_profile: { about: 'x'.repeat(140) } })
      .expect(wrongField('body', 'business_profile', 'about'));
    await acme.admin
      .post('/whatsapp', { phone_number: somePhone(), settings: { rate_limits: { daily: 0 } } })
      .expect(wrongField('body', 'settings', 'rate_limits', 'daily'));
    await acme.admin.get('/whatsapp/not-an-id').expect(422);
    expect((await acme.admin.get('/whatsapp')).body.total).toBe(0);
  });

  it('take the names of the sources, on every path of theirs', async () => {
    const { body: number } = await acme.admin
      .post('/whatsapp-configs', {
        phone_number: '(11) 98888-7777'.replace('(11)', '55 11'),
        name: 'Loja',
        api_type: 'cloud',
        waba_id: '1022901293403',
      })
      .expect(201);

    expect(number).toMatchObject({
      phone_number: '+5511988887777',
      display_name: 'Loja',
      connection_type: 'official',
      whatsapp_business_account_id: '1022901293403',
      status: 'pending',
      connection_status: 'disconnected',
      settings: { mark_as_read: true, native_interactive: false },
    });
    for (const path of ['/whatsapp', '/whatsapp/numbers', '/whatsapp-configs'])
      expect((await acme.agent.get(path).expect(200)).body.items).toEqual([expect.objectContaining({ id: number.id })]);
    const qr = await add({ api_type: 'evolution' });
    expect(qr.connection_type).toBe('qrcode');
    expect((await acme.agent.get('/whatsapp?connection_type=qr_code')).body.items).toEqual([expect.objectContaining({ id: qr.id })]);
  });

  it('are listed, filtered, searched and sorted', async () => {
    const first = await add({ display_name: 'Suporte São Paulo' });
    const second = await add({ display_name: 'Vendas' });
    await acme.admin.post(`/whatsapp/${second.id}/deactivate`).expect(200);
    const ids = async (query: string): Promise<string[]> => {
      const { body } = await acme.viewer.get(`/whatsapp?${query}`).expect(200);
      return (body.items as WhatsAppNumberView[]).map(({ id }) => id);
    };

    expect(await ids('sort=display_name:desc')).toEqual([second.id, first.id]);
    expect(await ids('search=sao paulo')).toEqual([first.id]);
    expect(await ids('status=inactive')).toEqual([second.id]);
    expect(await ids('status=pending')).toEqual([first.id]);
    expect(await ids('status=active')).toEqual([]);
    expect(await ids('is_active=true')).toEqual([first.id]);
    await acme.viewer.get('/whatsapp?sort=paused_until:asc').expect(422);
  });

  it('never show a key, and the webhook set-up to admins only', async () => {
    const texts: string[] = [];
    const keep = <T extends { text: string }>(response: T): T => {
      texts.push(response.text);
      return response;
    };
    const { body: created } = keep(
      await acme.admin.post('/whatsapp', { ...complete(), webhook_verify_token: 'verify-me-please' }).expect(201),
    );
    await tried(house, created.id as string);
    const { body: seen } = keep(await acme.admin.get(`/whatsapp/${created.id}`));
    const { body: agents } = keep(await acme.agent.get(`/whatsapp/${created.id}`));
    keep(await acme.agent.get('/whatsapp'));
    keep(await acme.admin.put(`/whatsapp/${created.id}`, { access_token: META_TOKEN }));
    keep(await acme.agent.post(`/whatsapp/${created.id}/test`));

    expect(seen).toMatchObject({
      has_access_token: true,
      has_app_secret: true,
      access_token_hint: META_TOKEN.slice(-4),
      webhook_verify_token: 'verify-me-please',
      webhook_callback_url: expect.stringMatching(/\/api\/v1\/whatsapp\/webhook$/),
    });
    expect(agents).toMatchObject({ has_access_token: true, webhook_verify_token: null, webhook_callback_url: null });
    for (const text of texts) {
      expect(text).not.toContain(META_TOKEN);
      expect(text).not.toContain(META_SECRET);
    }
    const [row] = await house.sql('SELECT * FROM whatsapp_number_secrets WHERE whatsapp_number_id = $1', [created.id]);
    expect(JSON.stringify(row)).not.toContain(META_TOKEN);
    expect(JSON.stringify(row)).not.toContain(META_SECRET);
    const logs = await house.sql("SELECT * FROM audit_logs WHERE organization_id = $1 AND action LIKE 'whatsapp_number.%'", [acme.id]);
    expect(logs.map(({ action }) => action)).toEqual(expect.arrayContaining(['whatsapp_number.created', 'whatsapp_number.updated']));
    expect(JSON.stringify(logs)).not.toContain(META_TOKEN);
  });

  it('verify the webhook by their own token', async () => {
    const { webhook_verify_token } = await add();
    expect(webhook_verify_token).toMatch(/^[0-9a-f]{32}$/);

    const { text } = await house.guest
      .get(`/whatsapp/webhook?hub.mode=subscribe&hub.verify_token=${webhook_verify_token}&hub.challenge=1158201444`)
      .expect(200);

    expect(text).toBe('1158201444');
  });

  it('are changed in part: absent keeps, null clears, phone and kind stay', async () => {
    const { id, phone_number } = await add({
      ...complete(),
      display_name: 'Loja',
      settings: { mark_as_read: false, rate_limits: { daily: 100 } },
    });
    await tried(house, id);

    const { body } = await acme.admin
      .put(`/whatsapp/${id}`, { display_name: null, settings: { mark_as_read: null, native_interactive: true }, phone_number })
      .expect(200);

    expect(body).toMatchObject({
      display_name: null,
      has_access_token: true,
      settings: { mark_as_read: true, native_interactive: true, rate_limits: { daily: 100 } },
    });
    await acme.admin.put(`/whatsapp/${id}`, { phone_number: somePhone() }).expect(wrongField('phone_number'));
    await acme.admin.put(`/whatsapp/${id}`, { connection_type: 'qrcode' }).expect(wrongField('connection_type'));
    await acme.admin.put(`/whatsapp/${id}`, { is_active: null }).expect(wrongField('is_active'));
    const cleared = await acme.admin.put(`/whatsapp/${id}`, { access_token: null }).expect(200);
    expect(cleared.body).toMatchObject({
      has_access_token: false,
      access_token_hint: null,
      connection_status: 'disconnected',
      status: 'pending',
    });
  });

  it('are unique: the phone in the organization, the phone_number_id wherever it is proved', async () => {
    const body = complete();
    const { id } = await add(body);
    await tried(house, id);

    await acme.admin.post('/whatsapp', { phone_number: body.phone_number }).expect(409).expect(errorOf('number_already_registered'));
    const refused = await globex.admin.post('/whatsapp', body).expect(409).expect(errorOf('phone_number_id_in_use'));
    expect(refused.text).not.toContain(acme.id);
    await add({ phone_number: body.phone_number }, globex);
    const other = await add();
    await acme.admin
      .put(`/whatsapp/${other.id}`, { phone_number_id: body.phone_number_id })
      .expect(409)
      .expect(errorOf('phone_number_id_in_use'));
  });

  it('of the same phone added at once become one', async () => {
    const phone_number = somePhone();

    const answers = await Promise.all(Array.from({ length: 4 }, () => acme.admin.post('/whatsapp', { phone_number })));

    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
  });

  it('stop at the plan', async () => {
    const small = await house.organization('Small', { plan_type: 'free' });
    const answers = await Promise.all([1, 2, 3].map(() => small.admin.post('/whatsapp', { phone_number: somePhone() })));

    expect(answers.map(({ status }) => status).sort()).toEqual([201, 403, 403]);
    expect(answers.find(({ status }) => status === 403)?.body).toMatchObject({ error_code: 'plan_limit_exceeded' });
  });
});

describe('the default number', () => {
  it('is the first, then the one chosen, then the oldest active one left', async () => {
    const first = await add();
    const second = await add();
    const third = await add();
    expect([first, second, third].map(({ is_default }) => is_default)).toEqual([true, false, false]);

    await acme.admin.put(`/whatsapp/${third.id}`, { is_default: true }).expect(200);
    expect((await read(first.id)).is_default).toBe(false);
    await acme.admin.post(`/whatsapp/${first.id}/deactivate`).expect(200);
    await acme.admin.delete(`/whatsapp/${third.id}`).expect(204);

    expect((await read(second.id)).is_default).toBe(true);
    expect((await read(first.id)).is_default).toBe(false);
  });

  it('is one, however many are chosen at once', async () => {
    const numbers = [await add(), await add(), await add(), await add()];

    await Promise.all(numbers.map(({ id }) => acme.admin.put(`/whatsapp/${id}`, { is_default: true }).expect(200)));

    const { body } = await acme.admin.get('/whatsapp');
    expect((body.items as WhatsAppNumberView[]).filter(({ is_default }) => is_default)).toHaveLength(1);
  });
});

describe('one number is always the default', () => {
  const defaults = async (): Promise<string[]> =>
    ((await acme.admin.get('/whatsapp?limit=100')).body.items as WhatsAppNumberView[]).filter((row) => row.is_default).map(({ id }) => id);

  it('when the default is switched off, another that is on takes its place', async () => {
    const [first, second] = [await add(), await add()];

    await acme.admin.post(`/whatsapp/${first.id}/deactivate`).expect(200);
    expect(await defaults()).toEqual([second.id]);
    // Nobody else is on: it stays.
    const { body } = await acme.admin.post(`/whatsapp/${second.id}/deactivate`).expect(200);
    expect(body.is_default).toBe(true);
    // The first that comes back can be sent from, the default cannot.
    await acme.admin.post(`/whatsapp/${first.id}/activate`).expect(200);
    expect(await defaults()).toEqual([first.id]);
  });

  it('when the default shall be none, and when the last one that is on is deleted', async () => {
    const [first, second] = [await add(), await add()];

    await acme.admin.put(`/whatsapp/${first.id}`, { is_default: false }).expect(200);
    expect(await defaults()).toEqual([second.id]);
    await acme.admin.post(`/whatsapp/${first.id}/deactivate`).expect(200);
    const { body } = await acme.admin.put(`/whatsapp/${second.id}`, { is_default: false }).expect(200);
    expect(body.is_default).toBe(true);
    await acme.admin.delete(`/whatsapp/${second.id}`).expect(204);
    expect(await defaults()).toEqual([first.id]);
  });

  it('when fifty are added at once, and all but one go at once', async () => {
    acme = await house.organization('Rede', { plan_type: 'enterprise' });
    const all = await Promise.all(Array.from({ length: 50 }, () => add()));
    expect(await defaults()).toHaveLength(1);

    await Promise.all(all.slice(1).map(({ id }) => acme.admin.delete(`/whatsapp/${id}`).expect(204)));
    expect(await defaults()).toEqual([all[0].id]);
  });
});

describe('deleting', () => {
  it('frees phone and ids, and forgets the keys but for what verifies late webhooks', async () => {
    const body = complete();
    const { id } = await add(body);
    await tried(house, id);

    await acme.admin.delete(`/whatsapp/${id}`).expect(204);

    await acme.admin.get(`/whatsapp/${id}`).expect(404);
    await acme.admin.delete(`/whatsapp/${id}`).expect(404);
    expect(await house.sql('SELECT * FROM whatsapp_number_secrets WHERE whatsapp_number_id = $1', [id])).toMatchObject([
      { access_token: null, access_token_hint: null, webhook_verify_token: '', app_secret: expect.any(String) },
    ]);
    await add(body);
  });
});

describe('Meta’s ids', () => {
  /** As the platform's app gets it, when it is subscribed to everybody's accounts. */
  const fromMeta = (payload: MetaPayload): request.Test => postWebhook(house, payload);
  /** Signed for by the platform: no secret of its own. */
  const platformNumber = (): Omit<ReturnType<typeof complete>, 'app_secret'> => {
    const { app_secret, ...body } = complete();
    return body;
  };
  const claims = ({ phone_number, phone_number_id, whatsapp_business_account_id }: ReturnType<typeof platformNumber>): object => ({
    phone_number,
    phone_number_id,
    whatsapp_business_account_id,
  });
  const text = ({ phone_number_id, whatsapp_business_account_id }: ReturnType<typeof platformNumber>): MetaPayload =>
    metaPayload.text({ phone_number_id, waba_id: whatsapp_business_account_id });
  /** As Meta does it: the token a number has is none any more. */
  const revoke = async (id: string): Promise<void> => {
    const [{ organization_id }] = await house.sql<{ organization_id: string }>(
      'SELECT organization_id FROM whatsapp_numbers WHERE id = $1',
      [id],
    );
    await house.sql('UPDATE whatsapp_number_secrets SET access_token = $2 WHERE whatsapp_number_id = $1', [
      id,
      house.app.get(Encryption).encrypt('EAAG-revoked', placeOfKeys(organization_id, id)),
    ]);
  };
  const conversations = async (company: Company): Promise<number> => {
    await house.app.get(InboundWorker).idle();
    return ((await company.agent.get('/conversations').expect(200)).body as { total: number }).total;
  };

  it('may be claimed by anybody, and are whose token reaches them', async () => {
    const body = platformNumber();
    await add(claims(body), globex);
    await fromMeta(text(body)).expect(403);

    const { id } = await add(body);
    await tried(house, id);
    await fromMeta(text(body)).expect(200);

    expect([await conversations(acme), await conversations(globex)]).toEqual([1, 0]);
  });

  it('are proved together: an account of somebody else is refused', async () => {
    const own = platformNumber();
    const theirs = platformNumber();
    const { id } = await add({ ...own, whatsapp_business_account_id: theirs.whatsapp_business_account_id });
    await tried(house, id);

    expect(await read(id)).toMatchObject({ connection_status: 'error', last_error: expect.stringContaining('account') });
    await fromMeta(text(own)).expect(403);
  });

  it('are proved anew when they or the token change', async () => {
    const own = platformNumber();
    const theirs = platformNumber();
    const { id } = await add(own);
    await tried(house, id);
    await fromMeta(text(own)).expect(200);

    await acme.admin.put(`/whatsapp/${id}`, { phone_number_id: theirs.phone_number_id }).expect(200);
    await house.app.get(Jobs).idle();
    await fromMeta(text(theirs)).expect(403);
    await acme.admin.put(`/whatsapp/${id}`, { phone_number_id: own.phone_number_id, access_token: 'EAAG-guess' }).expect(200);
    await house.app.get(Jobs).idle();
    await fromMeta(text(own)).expect(403);
    await acme.admin.put(`/whatsapp/${id}`, { access_token: META_TOKEN }).expect(200);
    await house.app.get(Jobs).idle();

    await fromMeta(text(own)).expect(200);
  });

  it('that two organizations reach are the first one’s', async () => {
    const body = platformNumber();
    const second = await add(claims(body), globex);
    const { id } = await add(body);
    await tried(house, id);

    await globex.admin.put(`/whatsapp/${second.id}`, { access_token: META_TOKEN }).expect(200);
    const { body: tested } = await globex.admin.post(`/whatsapp/${second.id}/test`).expect(200);

    expect(tested).toMatchObject({ success: false, message: expect.stringContaining('in use') });
    await fromMeta(text(body)).expect(200);
    expect([await conversations(acme), await conversations(globex)]).toEqual([1, 0]);
  });

  it('are another’s who proves them, once they are refused to the token that held them', async () => {
    const body = platformNumber();
    const former = await add(body);
    await tried(house, former.id);
    await revoke(former.id);
    const { body: refused } = await acme.admin.post(`/whatsapp/${former.id}/test`).expect(200);
    expect(refused).toMatchObject({ success: false });
    // Perhaps it only expired: nothing is dropped.
    await fromMeta(text(body)).expect(200);
    expect([await conversations(acme), await conversations(globex)]).toEqual([1, 0]);

    const { id } = await add(body, globex);
    await tried(house, id, globex);
    await fromMeta(text(body)).expect(200);

    expect(await read(id, globex.admin)).toMatchObject({ connection_status: 'connected', last_error: null });
    expect([await conversations(acme), await conversations(globex)]).toEqual([1, 1]);
  });

  it('are lost a day after the token was, also of a number that is switched off', async () => {
    const body = platformNumber();
    const { id } = await add(body);
    await tried(house, id);
    await acme.admin.post(`/whatsapp/${id}/deactivate`).expect(200);
    await revoke(id);
    await house.sql(`UPDATE whatsapp_numbers SET last_seen_at = now() - interval '25 hours' WHERE id = $1`, [id]);
    await acme.admin.post(`/whatsapp/${id}/test`).expect(200);
    await fromMeta(text(body)).expect(200);

    await house.app.get(NumberJobs).round();
    await house.app.get(Jobs).idle();

    await fromMeta(text(body)).expect(403);
  });

  it('of numbers that were connected before stay proved by the upgrade', async () => {
    const upgrade = new ProvedNumbers1795000040100();
    const body = platformNumber();
    const connected = await add(body);
    await add({ phone_number_id: '1234567890' });
    await tried(house, connected.id);

    const runner = house.owner.createQueryRunner();
    await runner.startTransaction();
    try {
      await upgrade.down(runner);
      await upgrade.up(runner);
      const proved = (await runner.query('SELECT id FROM whatsapp_numbers WHERE proved_at IS NOT NULL AND organization_id = $1', [
        acme.id,
      ])) as { id: string }[];
      expect(proved.map(({ id }) => id)).toEqual([connected.id]);
    } finally {
      await runner.rollbackTransaction();
      await runner.release();
    }
  });
});

describe('the connection', () => {
  it('is tried in the background once the credentials are complete, and the account’s webhooks are subscribed', async () => {
    const body = complete();
    meta.simulator.subscribe(body.whatsapp_business_account_id, false);
    const { id, status } = await add(body);
    expect(status).toBe('pending');
    await tried(house, id);

    expect(await read(id)).toMatchObject({
      status: 'active',
      connection_status: 'connected',
      verified: true,
      display_name: 'Padaria Central',
      quality_rating: 'GREEN',
      messaging_limit_tier: 'TIER_2K',
      messaging_limit: 'TIER_2K',
      last_error: null,
    });
    expect(meta.simulator.subscription(body.whatsapp_business_account_id).subscribed).toBe(true);
  });

  it('finds Meta’s ids by the token and the digits, with or without the ninth', async () => {
    const { phone_number_id, waba_id } = meta.number('+55 11 98765-4321');
    const { id } = await add({ phone_number: '+551187654321', access_token: META_TOKEN });
    await tried(house, id);

    expect(await read(id)).toMatchObject({ phone_number_id, whatsapp_business_account_id: waba_id, connection_status: 'connected' });
  });

  it('refused by Meta is an answer, not an error, and the reason is kept without the token', async () => {
    const token = 'EAAG-a-token-Meta-does-not-know';
    const { id } = await add({ ...complete(), access_token: token });
    await tried(house, id);

    const { body, text } = await acme.agent.post(`/whatsapp/${id}/test`).expect(200);

    expect(body).toMatchObject({ status: 'error', success: false, connection_type: 'official', message: expect.any(String) });
    expect(text).not.toContain(token);
    const number = await read(id);
    expect(number).toMatchObject({ connection_status: 'error', status: 'pending', connected_at: null });
    expect(number.last_error).toBeTruthy();
    expect(number.last_error).not.toContain(token);
  });

  it('stays as it was when Meta cannot be reached', async () => {
    const { id } = await add(complete());
    await tried(house, id);
    meta.simulator.faults.add({ route: 'number', http_status: 502, times: 1 });

    const { body } = await acme.agent.post(`/whatsapp/${id}/test`).expect(200);

    expect(body).toMatchObject({ status: 'error', success: false });
    const number = await read(id);
    expect(number.connection_status).toBe('connected');
    expect(number.last_error).toContain('502');
    await acme.agent.post(`/whatsapp/${id}/test`).expect(200);
    expect((await read(id)).last_error).toBeNull();
  });

  it('without credentials is an error that says what is missing', async () => {
    const { id } = await add();

    const { body } = await acme.agent.post(`/whatsapp/${id}/test`).expect(200);

    expect(body).toMatchObject({ status: 'error', success: false, message: expect.stringContaining('access_token') });
  });

  it('is told by status: from what is known, or by asking', async () => {
    const { id, phone_number } = await add();
    const before = meta.calls.length;
    const { body: known } = await acme.viewer.get(`/whatsapp/${id}/status`).expect(200);
    await acme.viewer.get(`/whatsapp-configs/${id}`).expect(200);
    await acme.viewer.get('/whatsapp').expect(200);
    expect(meta.calls).toHaveLength(before);
    expect(known).toMatchObject({
      id,
      phone_number,
      status: 'pending',
      connection_status: 'disconnected',
      checked_at: null,
    });

    const { body: asked } = await acme.viewer.get(`/whatsapp/${id}/status?refresh=true`).expect(200);

    expect(asked).toMatchObject({ connection_status: 'error', checked_at: expect.any(String) });
  });

  it('that is gained or switched off is told to the sockets and the rooms above', async () => {
    const told: string[] = [];
    const bus = house.app.get(EventBus);
    for (const name of ['whatsapp_number.created', 'whatsapp_number.connected', 'whatsapp_number.status'] as const)
      bus.on(name, ({ organization_id, number }) => {
        if (organization_id === acme.id) told.push(`${name} ${number.connection_status} ${number.is_active}`);
      });

    const { id } = await add(complete());
    await tried(house, id);
    await acme.admin.post(`/whatsapp/${id}/deactivate`).expect(200);
    await acme.admin.post(`/whatsapp/${id}/deactivate`).expect(200);

    expect(told).toEqual([
      'whatsapp_number.created disconnected true',
      'whatsapp_number.status connected true',
      'whatsapp_number.connected connected true',
      'whatsapp_number.status connected false',
    ]);
    expect((await read(id)).status).toBe('inactive');
    expect((await acme.admin.post(`/whatsapp-configs/${id}/activate`).expect(200)).body.status).toBe('active');
  });

  it('shows the business profile at Meta', async () => {
    const body = complete();
    await add({ ...body, business_profile: { about: 'Pão quente às 7', websites: ['https://padaria.example'] } });
    while (!meta.simulator.profile(body.phone_number_id).websites) await new Promise((soon) => setTimeout(soon, 10));

    expect(meta.simulator.profile(body.phone_number_id)).toMatchObject({ about: 'Pão quente às 7', websites: ['https://padaria.example'] });
  });
});

describe('GraphQL', () => {
  it('does the same for numbers', async () => {
    const body = complete();
    const created = await acme.admin
      .graphql(
        'mutation($input: WhatsAppNumberCreateInput!) { createWhatsappNumber(input: $input) { id status has_access_token settings } }',
        { input: body },
      )
      .expect(200);
    const { id } = created.body.data.createWhatsappNumber as { id: string };
    await tried(house, id);

    const tested = await acme.agent.graphql('mutation($id: ID!) { testWhatsappNumber(id: $id) { success status } }', { id });
    expect(tested.body.data.testWhatsappNumber).toEqual({ success: true, status: 'connected' });
    const updated = await acme.admin.graphql(
      'mutation($id: ID!, $input: WhatsAppNumberUpdateInput!) { updateWhatsappNumber(id: $id, input: $input) { display_name } }',
      {
        id,
        input: { display_name: 'Balcão' },
      },
    );
    expect(updated.body.data.updateWhatsappNumber).toEqual({ display_name: 'Balcão' });
    const listed = await acme.viewer.graphql('{ whatsapp_numbers(is_active: true) { id display_name status webhook_verify_token } }');
    expect(listed.body.data.whatsapp_numbers).toEqual([{ id, display_name: 'Balcão', status: 'active', webhook_verify_token: null }]);
    const foreign = await globex.admin.graphql('query($id: ID!) { whatsapp_number(id: $id) { id } }', { id });
    expect(foreign.body.errors[0].extensions).toMatchObject({ code: 'NOT_FOUND', status_code: 404 });
    const refused = await acme.agent.graphql('mutation($id: ID!) { deleteWhatsappNumber(id: $id) { success } }', { id });
    expect(refused.body.errors[0].extensions.code).toBe('FORBIDDEN');
    const deleted = await acme.admin.graphql('mutation($id: ID!) { deleteWhatsappNumber(id: $id) { success } }', { id });
    expect(deleted.body.data.deleteWhatsappNumber).toEqual({ success: true });
  });
});

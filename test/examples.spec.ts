import { randomInt } from 'node:crypto';
import request from 'supertest';
import { Actor, Role } from '#common/actor';
import { DEMO } from '#common/demo';
import { newId } from '#common/uuid';
import { DueRows } from '#database/due-rows';
import { Jobs } from '#jobs/jobs';
import { SIMULATOR_ACCESS_TOKEN } from '#modules/simulator/simulator-number';
import { furnish } from '../src/demo';
import { type FakeEvolution, fakeEvolution } from './support/fake-evolution';
import { type FakeMeta, META_SECRET, fakeMeta } from './support/fake-meta';
import { mailedToken } from './support/mailed-token';
import { signMeta } from './support/meta-payloads';
import { type Route, openApiOf, routesOf } from './support/openapi';
import { connectionOf } from './support/sockets';
import { challenge, codeOf, enrol } from './support/two-factor';
import { type Company, PASSWORD, type Person, type World, close, world } from './support/world';

let meta: FakeMeta;
let evolution: FakeEvolution;
let house: World;
/** Somebody's; it is good for one example. */
let refresh_token: string;

/** A super admin, at home elsewhere. */
let boss: Person;

beforeAll(async () => {
  // The demo's number has the simulator's token.
  meta = await fakeMeta(SIMULATOR_ACCESS_TOKEN);
  evolution = await fakeEvolution();
  house = await world({ ...meta.env, ...evolution.env, META_APP_SECRET: META_SECRET });
  const { body } = await house.guest.post('/auth/login', { email: house.acme.admin.user.email, password: PASSWORD }).expect(200);
  ({ refresh_token } = body as { refresh_token: string });
  boss = await house.superAdmin();
});
afterAll(async () => {
  await close();
  await evolution.close();
  await meta.close();
});

/** An organization furnished as the demo is, and what its rows are called there. */
interface Demo {
  company: Company;
  /** A text of an example as it is said in this organization. */
  real(text: string): string;
}

async function demo(): Promise<Demo> {
  const company = await house.organization('Padaria Demo');
  const ids = new Map<string, string>();
  const id = (named: string): string => {
    const own = ids.get(named) ?? newId();
    ids.set(named, own);
    return own;
  };
  const line = meta.number();
  await furnish(house.app, new Actor(company.id, Role.org_admin, company.admin.user.id), id, line);
  const [{ webhook_token }] = await house.sql<{ webhook_token: string }>(
    'SELECT webhook_token FROM whatsapp_number_secrets WHERE organization_id = $1 AND whatsapp_number_id = $2',
    [company.id, id(DEMO.qrcode_number_id)],
  );
  const said: Record<string, string> = {
    [DEMO.webhook_token]: webhook_token,
    [DEMO.email]: company.admin.user.email,
    'the one printed at the first start': PASSWORD,
    'the refresh_token of your login': refresh_token,
    'the token of the mailed link': await mailedToken(house.app, company.admin.user, 'password_reset'),
    'the token of the mail to confirm': await mailedToken(house.app, company.admin.user, 'email_verification'),
    [DEMO.session_id]: company.viewer.user.session_id,
    'the-token-of-your-system-user': SIMULATOR_ACCESS_TOKEN,
    'your META_WEBHOOK_VERIFY_TOKEN': house.env.META_WEBHOOK_VERIFY_TOKEN,
    '999000000000001': line.phone_number_id,
    '999100000000001': line.waba_id,
    // What may be there once only, in every organization together.
    '106540352242922': `1${randomInt(1e13, 9e13)}`,
    'carla@confeitaria.example': `carla@${company.slug}.example`,
    'carla@padaria.example': `carla2@${company.slug}.example`,
    [DEMO.organization_id]: company.id,
    'dora@confeitaria.example': `dora@${company.slug}.example`,
    'davi@padaria.example': `davi@${company.slug}.example`,
  };
  for (const [named, own] of ids) said[named] = own;
  return { company, real: (text) => Object.entries(said).reduce((now, [there, here]) => now.replaceAll(there, here), text) };
}

const ROLES: Record<string, (company: Company) => Person> = {
  public: () => house.guest,
  viewer: ({ viewer }) => viewer,
  agent: ({ agent }) => agent,
  org_admin: ({ admin }) => admin,
  super_admin: () => boss,
};

/** Whose examples these are: what is one's own is the administrator's in the demo, who alone can sign in there. */
const askerOf = ({ path, operation }: Route, company: Company): Person =>
  /^\/api\/v1\/(notifications|queue)/.test(path) ? company.admin : ROLES[operation['x-role-for-others'] ?? operation['x-role']](company);

/** The way to a route with its examples in it. */
function pathOf({ path, operation }: Route, real: Demo['real']): string {
  const query = new URLSearchParams();
  let way = path;
  for (const { in: place, name, example, schema, required } of operation.parameters ?? []) {
    const value = real(String(example ?? schema?.example));
    if (place === 'path') way = way.replace(`{${name}}`, value);
    if (place === 'query' && required) query.set(name, value);
  }
  return `${way}${query.size ? `?${query.toString()}` : ''}`;
}

/** A copy of one's own data, ready to be fetched. */
async function exported({ viewer }: Company): Promise<Record<string, string>> {
  const { body } = await viewer.post(`/privacy/data/${viewer.user.id}/export?subject_type=user`, { format: 'csv' }).expect(202);
  await house.app.get(DueRows).idle();
  return { [DEMO.data_request_id]: (body as { request_id: string }).request_id };
}

const connected = async ({ admin }: Company): Promise<Record<string, string>> => ({ [DEMO.connection_id]: await connectionOf(admin) });

/** What has to be done before an example is true, and what it says then. */
const BEFORE: Record<string, (company: Company) => Promise<Record<string, string>>> = {
  'POST /auth/2fa/enable': async ({ viewer }) => {
    const { body } = await viewer.post('/auth/2fa/setup', { password: PASSWORD }).expect(200);
    return { '123456': codeOf((body as { secret: string }).secret) };
  },
  'POST /auth/2fa/setup': () => Promise.resolve({ 'your password': PASSWORD }),
  'POST /auth/2fa/disable': async ({ viewer }) => {
    const { secret, recovery_codes } = await enrol(viewer);
    return { '123456': codeOf(secret), '0a1b-2c3d-4e5f-6g7h': recovery_codes[0], 'your password': PASSWORD };
  },
  'POST /users/{user_id}/reset-two-factor': async ({ id }) => {
    await house.sql(
      `INSERT INTO two_factors (organization_id, user_id, secret, enabled_at)
       SELECT organization_id, id, '', now() FROM users WHERE organization_id = $1 AND full_name = 'Bruno Alves'`,
      [id],
    );
    return {};
  },
  'GET /audit-logs/{audit_log_id}': async ({ admin }) => {
    await admin.put('/users/me', { bio: 'Padeira' }).expect(200);
    const { body } = await admin.get('/audit-logs?limit=1').expect(200);
    return { [DEMO.audit_log_id]: (body as { items: { id: string }[] }).items[0].id };
  },
  'DELETE /privacy/consent/{id}': async ({ admin }) => {
    const { body: contact } = await admin.post('/contacts', { whatsapp_id: '+5511987659876' }).expect(201);
    const asked = { contact_id: (contact as { id: string }).id, purpose: 'marketing', granted: true };
    const { body } = await admin.post('/privacy/consent', asked).expect(201);
    return { [DEMO.consent_id]: (body as { id: string }).id };
  },
  'GET /websocket/{connection_id}': connected,
  'DELETE /websocket/{connection_id}': connected,
  'GET /privacy/requests/{request_id}': exported,
  'GET /privacy/requests/{request_id}/download': exported,
  'POST /auth/2fa/verify': async ({ viewer }) => {
    const { secret, recovery_codes } = await enrol(viewer);
    const mfa_token = await challenge(house, viewer.user.email);
    return { '123456': codeOf(secret), '0a1b-2c3d-4e5f-6g7h': recovery_codes[0], 'the mfa_token of your login': mfa_token };
  },
};

async function ask(route: Route, demo: Demo, body?: object): Promise<request.Response> {
  const { company } = demo;
  const then = Object.entries((await BEFORE[route.name]?.(company)) ?? {});
  const real = (text: string): string => then.reduce((now, [there, here]) => now.replaceAll(there, here), demo.real(text));
  const person = askerOf(route, company);
  const call = request(house.base_url)[route.method](pathOf(route, real));
  if (person.token) call.set('Authorization', `Bearer ${person.token}`);
  if (route.operation.requestBody?.content['multipart/form-data'])
    return route.path.endsWith('/import')
      ? call.attach('file', Buffer.from('telefone;nome\n+5511987650077;Elisa Prado\n'), 'contatos.csv')
      : call.attach('file', Buffer.from('%PDF-1.4\n%%EOF\n'), 'cardapio.pdf');
  // An empty body may as well be none.
  if (!body || !Object.keys(body).length) return call;
  const raw = real(JSON.stringify(body));
  if (route.path.endsWith('/webhook')) call.set('X-Hub-Signature-256', signMeta(raw, META_SECRET));
  return call.set('Content-Type', 'application/json').send(raw);
}

/** A success of those the route may answer with. */
const isSuccess = ({ operation }: Route, status: number): boolean => status < 300 && String(status) in operation.responses;

describe('the examples of the documents', () => {
  it('are there for every body, small and by hand', () => {
    const poor = routesOf(openApiOf(house.app, house.env)).filter(
      ({ operation: { requestBody } }) => requestBody?.content['application/json'] && !requestBody.content['application/json'].examples,
    );

    expect(poor.map(({ name }) => name)).toEqual([]);
  });

  it('work as they stand in an organization like the demo', async () => {
    const wrong: string[] = [];
    let asked = 0;
    for (const route of routesOf(openApiOf(house.app, house.env))) {
      const examples = route.operation.requestBody?.content['application/json']?.examples ?? { '': { value: undefined } };
      for (const [name, { value }] of Object.entries(examples)) {
        const { status, text } = await ask(route, await demo(), value);
        asked++;
        if (!isSuccess(route, status)) wrong.push(`${route.name} ${name}: ${status} ${text.slice(0, 300)}`);
      }
    }
    await Promise.all([house.app.get(Jobs).idle(), house.app.get(DueRows).idle()]);

    expect(wrong).toEqual([]);
    expect(asked).toBeGreaterThan(100);
  }, 300_000);
});

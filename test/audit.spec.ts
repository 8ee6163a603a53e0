import { randomUUID } from 'node:crypto';
import { GraphQLSchemaHost } from '@nestjs/graphql';
import { getNamedType, isLeafType } from 'graphql';
import type { AuditLog } from '#modules/audit/audit-log.entity';
import { type Act, type Given, Stage } from './support/acts';
import { type FakeMeta, fakeMeta } from './support/fake-meta';
import { ACTS } from './support/rooms';
import { type World, close, world } from './support/world';

// What the audit log says of every act, at each of its doors.

let meta: FakeMeta;

beforeAll(async () => {
  meta = await fakeMeta();
});
afterAll(async () => {
  await close();
  await meta.close();
});

const stage = async (): Promise<Stage> => Stage.of(await world(meta.env), meta);

type Answer = { status: number; body: { errors?: { extensions: { status_code?: number } }[] } };
type Door = (w: World, act: Act, given: Given, request_id: string) => PromiseLike<Answer>;

const throughRest: Door = (
  { acme },
  { rest },
  { person = acme.admin, id = '', ids = {}, body, file, filename = 'foto.png' },
  request_id,
) => {
  const [method, path] = rest.split(' ');
  const call = person[method.toLowerCase() as 'post' | 'put' | 'delete'](
    `/${path.replace(/:(\w+)/g, (_, name: string) => ids[name] ?? id)}`,
  ).set('X-Request-ID', request_id);
  if (file) return call.attach('file', file, filename);
  return body ? call.send(body) : call;
};

const throughGraphql: Door = ({ app, acme }, { mutation = '' }, { person = acme.admin, id, ids = {}, body = {} }, request_id) => {
  const field = app.get(GraphQLSchemaHost).schema.getMutationType()?.getFields()[mutation];
  if (!field) throw new Error(`No mutation ${mutation}`);
  const sent: Record<string, unknown> = { ...body, input: body };
  const values = Object.fromEntries(
    field.args.map(({ name, type }) => [name, sent[name] ?? ids[name] ?? (name === 'id' || type.toString() === 'ID!' ? id : undefined)]),
  );
  const given = field.args.filter(({ name }) => values[name] !== undefined);
  const declared = given.map(({ name, type }) => `$${name}: ${type.toString()}`).join(', ');
  const passed = given.map(({ name }) => `${name}: $${name}`).join(', ');
  const query = `mutation ${declared && `(${declared})`} { ${mutation} ${passed && `(${passed})`} ${isLeafType(getNamedType(field.type)) ? '' : '{ __typename }'} }`;
  return person.graphql(query, values).set('X-Request-ID', request_id);
};

const doorsOf = ({ mutation }: Act): Door[] => (mutation ? [throughRest, throughGraphql] : [throughRest]);

/** The doors at which it may be about somebody else. */
const othersDoorsOf = (act: Act): Door[] => (act.mutation_is_own ? [throughRest] : doorsOf(act));

const statusOf = ({ status, body }: Answer): number => body.errors?.[0]?.extensions.status_code ?? status;

/** Does an act; answers its status and what the log says of that request, with `w` it was done in. */
async function done(act: Act, door: Door, change: (given: Given, w: World) => Given = (given) => given) {
  const there = await stage();
  const w = there.world;
  const given = change(await act.given(there), w);
  const request_id = randomUUID();
  const status = statusOf(await door(w, act, given, request_id));
  const said = await w.sql<AuditLog>('SELECT * FROM audit_logs WHERE request_id = $1 ORDER BY id', [request_id]);
  return { w, given, status, said };
}

const nameOf = ({ rest, said }: Act): string => `${rest}: ${said.join(', ')}`;
const named = (acts: Act[]): [string, Act][] => acts.map((act) => [nameOf(act), act]);
const actionsOf = (said: AuditLog[]): string[] => said.map(({ action }) => action);

describe('an act', () => {
  it.each(named(ACTS))('is said once, alike at each door: %s', async (_name, act) => {
    const entries: object[] = [];
    for (const door of doorsOf(act)) {
      const { w, given, status, said } = await done(act, door);

      expect({ status: status < 300 ? 'done' : status, said: actionsOf(said) }).toEqual({ status: 'done', said: act.said });
      const [{ changes, metadata, ...entry }] = said;
      expect(Object.keys(changes)).toEqual(expect.arrayContaining(act.changes ?? []));
      for (const one of said) {
        expect(Object.keys(one.changes).length === 0).toBe(act.changes_nothing !== undefined);
        for (const sides of Object.values(one.changes)) expect(Object.keys(sides).sort()).toEqual(['from', 'to']);
      }
      const { user } = given.person ?? w.acme.admin;
      expect(entry).toMatchObject({
        actor_type: 'user',
        ...(user.id && {
          organization_id: given.elsewhere ? (expect.any(String) as string) : w.acme.id,
          user_id: user.id,
          actor_role: user.role,
          actor_email: null,
        }),
        result: 'success',
        resource_id: expect.any(String),
        ip_address: '127.0.0.1',
        user_agent: null,
      });
      entries.push({ resource_type: entry.resource_type, changes: Object.keys(changes).sort(), metadata: Object.keys(metadata).sort() });
    }
    expect(new Set(entries.map((entry) => JSON.stringify(entry))).size).toBe(1);
  });

  it.each(named(ACTS.filter(({ wrong }) => wrong)))('that is 422 is not said: %s', async (_name, act) => {
    for (const door of doorsOf(act)) {
      const { status, said } = await done(act, door, (given) => ({ ...given, body: { ...given.body, ...act.wrong } }));

      expect({ status, said }).toEqual({ status: 422, said: [] });
    }
  });

  it.each(named(ACTS.filter(({ rest, crosses }) => rest.includes('/:') && !crosses)))(
    'on what another organization has is 404 and not said: %s',
    async (_name, act) => {
      for (const door of othersDoorsOf(act)) {
        const { status, said } = await done(act, door, (given, w) => ({ ...given, person: w.globex.admin }));

        expect({ status, said }).toEqual({ status: 404, said: [] });
      }
    },
  );

  // One's own account, and what one is told, are open to viewers too.
  const closed = ACTS.filter(({ rest }) => !/^(?:POST|DELETE) auth|users\/me$|notifications\/|^DELETE notifications/.test(rest));
  it.each(named(closed))('that is 403 is an access denied and nothing else: %s', async (_name, act) => {
    for (const door of othersDoorsOf(act)) {
      const { status, said } = await done(act, door, (given, w) => ({ ...given, person: w.acme.viewer }));

      expect(status).toBe(403);
      expect(actionsOf(said).filter((action) => action !== 'access.denied')).toEqual([]);
    }
  });
});

describe('what changed', () => {
  it('is told from what to what', async () => {
    const { world: w } = await stage();
    const { body: contact } = await w.acme.admin
      .post('/contacts', { whatsapp_id: '+5511987650009', lead_score: 10, is_vip: true })
      .expect(201);
    await w.acme.admin.put(`/contacts/${contact.id}`, { lead_score: 40, is_vip: true, lifecycle_stage: 'lead' }).expect(200);

    const [{ changes }] = await w.sql<AuditLog>(`SELECT * FROM audit_logs WHERE organization_id = $1 AND action = 'contact.updated'`, [
      w.acme.id,
    ]);

    expect(changes).toEqual({ lead_score: { from: 10, to: 40 }, lifecycle_stage: { from: null, to: 'lead' } });
  });

  it('of a person is told without their values, and of secrets that they were set', async () => {
    const there = await stage();
    const { world: w } = there;
    const name = 'Zulmira Quaresma';
    const { body: contact } = await w.acme.admin
      .post('/contacts', { whatsapp_id: '+5511987650009', name, email: 'zulmira@quaresma.example', attributes: { cpf: '52998224725' } })
      .expect(201);
    await w.acme.admin
      .put(`/contacts/${contact.id}`, { name: `${name} Neta`, email: null, attributes: { cpf: null }, phone_number: '+5511987650010' })
      .expect(200);
    await w.acme.admin.post(`/contacts/${contact.id}/block`, { reason: `${name} insulted us` }).expect(200);
    await w.acme.admin.delete(`/contacts/${contact.id}`).expect(204);
    const number = await there.number();
    await w.acme.admin.put(`/whatsapp/${number}`, { access_token: null, app_secret: 'another-secret-of-theirs' }).expect(200);

    const rows = await w.sql<AuditLog>('SELECT * FROM audit_logs WHERE organization_id = $1 ORDER BY id', [w.acme.id]);

    const changesOf = (action: string): AuditLog['changes'] | undefined => rows.find((row) => row.action === action)?.changes;
    expect(changesOf('contact.updated')).toMatchObject({ name: { from: '***', to: '***' }, email: { from: '***', to: null } });
    expect(changesOf('whatsapp_number.updated')).toMatchObject({
      access_token: { from: '***', to: null },
      app_secret: { from: '***', to: '***' },
    });
    expect(JSON.stringify(rows)).not.toMatch(/Zulmira|quaresma|98765|52998224725|secret-of-theirs/i);
  });

  it('is told by its size where it is large: an entry is kept for years', async () => {
    const { acme, sql } = (await stage()).world;
    const many = Object.fromEntries(Array.from({ length: 2000 }, (_, n) => [`draft_${n}`, n]));
    await acme.admin.put('/organizations/me/settings', { drafts: Array<string>(9000).fill('ab') }).expect(200);
    await acme.admin.put('/organizations/me/settings', { ...many, drafts: null }).expect(200);

    const entries = await sql<AuditLog>(
      `SELECT * FROM audit_logs WHERE organization_id = $1 AND action = 'organization.settings_updated'`,
      [acme.id],
    );

    expect(entries).toHaveLength(2);
    expect(JSON.stringify(entries)).toMatch(/\[\d+ characters\]/);
    for (const entry of entries) expect(JSON.stringify(entry).length).toBeLessThan(20_000);
  });

  it('and was nothing is not told', async () => {
    const there = await stage();
    const { acme, sql } = there.world;
    const contact = await there.contact({ lead_score: 10 });
    const conversation = await there.conversation();
    const number = await there.number();
    const count = async (): Promise<unknown> =>
      (await sql('SELECT count(*) FROM audit_logs WHERE organization_id = $1', [acme.id]))[0].count;
    const before = await count();

    await acme.admin.put(`/contacts/${contact}`, { lead_score: 10 }).expect(200);
    await acme.admin.post(`/contacts/${contact}/unblock`).expect(200);
    await acme.admin.post(`/whatsapp/${number}/activate`).expect(200);
    await acme.admin.put(`/whatsapp/${number}`, {}).expect(200);
    await acme.admin.put('/organizations/me', { name: acme.name }).expect(200);
    await acme.admin.put(`/users/${acme.agent.user.id}`, { role: 'agent' }).expect(200);
    await acme.admin.post(`/conversations/${conversation.id}/assign`, { agent_id: null }).expect(200);
    await acme.admin.put(`/conversations/${conversation.id}`, { status: 'active' }).expect(200);
    await acme.admin.post(`/conversations/${conversation.id}/read`).expect(200);
    await acme.admin
      .graphql('mutation ($id: ID!) { markConversationRead(conversation_id: $id) { id } }', { id: conversation.id })
      .expect(200);

    expect(await count()).toBe(before);
  });
});

it('what follows from an act is the act’s: a blocked contact’s conversations, a send’s contact', async () => {
  const there = await stage();
  const { acme, sql } = there.world;
  const { contact_id } = await there.conversation();

  await acme.admin.post(`/contacts/${String(contact_id)}/block`, {}).expect(200);
  await acme.admin.post('/conversations', { contact_phone: '+5511987650009' }).expect(201);

  const rows = await sql<AuditLog>('SELECT action FROM audit_logs WHERE organization_id = $1 ORDER BY id', [acme.id]);
  expect(actionsOf(rows)).toEqual(['contact.blocked', 'conversation.created']);
});

it('a first message is an act of its own, and what could not be sent is none', async () => {
  const there = await stage();
  const { acme, sql } = there.world;
  const to = await there.customer();
  const [{ id }] = await sql<{ id: string }>('SELECT id FROM conversations WHERE organization_id = $1', [acme.id]);
  await acme.admin.post(`/conversations/${id}/close`, {}).expect(200);

  // The window of the pair is open still; a stranger's is not.
  await acme.admin.post('/conversations', { contact_phone: to, initial_message: { content: 'Oi' } }).expect(201);
  await acme.admin.post('/conversations', { contact_phone: '+5511987650009', initial_message: { content: 'Oi' } }).expect(201);

  const rows = await sql<AuditLog>('SELECT action FROM audit_logs WHERE organization_id = $1 ORDER BY id', [acme.id]);
  expect(actionsOf(rows)).toEqual(['conversation.closed', 'conversation.created', 'message.sent', 'conversation.created']);
});

it('a send repeated under its Idempotency-Key is said once', async () => {
  const there = await stage();
  const { acme, sql } = there.world;
  const { id } = await there.conversation();

  for (let n = 0; n < 2; n++)
    await acme.agent.post(`/conversations/${id}/messages`, { content: 'Já vai' }).set('Idempotency-Key', 'once').expect(201);

  const rows = await sql<AuditLog>('SELECT action FROM audit_logs WHERE organization_id = $1', [acme.id]);
  expect(actionsOf(rows)).toEqual(['message.sent']);
});

it('an act that is undone after it was said is not said', async () => {
  const there = await stage();
  const { acme, sql } = there.world;
  await there.contact({ whatsapp_id: '+5511987650009' });
  const other = await there.contact();
  const { length } = await sql('SELECT 1 FROM audit_logs WHERE organization_id = $1', [acme.id]);

  await acme.admin.put(`/contacts/${other}`, { whatsapp_id: '+5511987650009' }).expect(409);
  await acme.admin.put(`/users/${acme.admin.user.id}`, { role: 'agent' }).expect(403);

  const rows = await sql<AuditLog>('SELECT action FROM audit_logs WHERE organization_id = $1 ORDER BY id', [acme.id]);
  expect(actionsOf(rows.slice(length)).filter((action) => action !== 'access.denied')).toEqual([]);
});

it('an act whose entry cannot be kept is not done', async () => {
  const there = await stage();
  const { acme, sql } = there.world;
  const id = await there.contact();
  await acme.admin.put(`/contacts/${id}`, { name: 'Ana' }).expect(200);
  // Written together with what it tells of: at the moment of the commit neither stands without the other.
  await sql(`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no space left'; END$$`);
  await sql(`CREATE TRIGGER full_disk BEFORE INSERT ON audit_logs FOR EACH ROW EXECUTE FUNCTION full_disk()`);

  await acme.admin.put(`/contacts/${id}`, { name: 'Bia' }).expect(500);
  expect((await acme.admin.get(`/contacts/${id}`)).body).toMatchObject({ name: 'Ana' });

  await sql('DROP TRIGGER full_disk ON audit_logs');
  await acme.admin.put(`/contacts/${id}`, { name: 'Bia' }).expect(200);
});

it('a question to Meta by a GET is said too, with where it came from', async () => {
  const there = await stage();
  const number = await there.number();
  const request_id = randomUUID();

  await there.agent.get(`/whatsapp/${number}/status?refresh=true`).set('X-Request-ID', request_id).expect(200);

  const rows = await there.world.sql<AuditLog>('SELECT * FROM audit_logs WHERE request_id = $1', [request_id]);
  expect(rows).toMatchObject([
    { action: 'whatsapp_number.tested', resource_id: number, user_id: there.agent.user.id, ip_address: '127.0.0.1' },
  ]);
});

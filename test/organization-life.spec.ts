import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Config } from '#config/config';
import { Database } from '#database/database';
import { DueRows } from '#database/due-rows';
import { erasedTables } from '#database/erasure';
import { EndTerms } from '#modules/organizations/end-terms';
import { EraseOrganizations } from '#modules/organizations/erase-organizations';
import { NumberDirectory } from '#modules/whatsapp/numbers/number-directory';
import { type FakeMeta, META_SECRET, META_TOKEN, fakeMeta, tried } from './support/fake-meta';
import { PNG } from './support/files';
import { Inbox } from './support/inbox';
import { type Mailbox, mailbox, tokenIn } from './support/mailbox';
import { metaPayload } from './support/meta-payloads';
import { socketOf, until } from './support/sockets';
import { type Company, PASSWORD, type Person, type World, close, errorOf, world, wrongField } from './support/world';

let meta: FakeMeta;
let mails: Mailbox;
let w: World;
let boss: Person;

beforeAll(async () => {
  [meta, mails] = [await fakeMeta(), await mailbox()];
  w = await world({ ...meta.env, ...mails.env });
  boss = await w.superAdmin();
});

afterAll(async () => {
  await close();
  await meta.close();
  await mails.close();
});

/** A company whose number Meta knows, and a customer who has just written. */
async function shop(): Promise<{ company: Company; inbox: Inbox; conversation_id: string; phone: string }> {
  const company = await w.organization('Padaria');
  const known = meta.number();
  const { phone_number_id, waba_id, display_phone_number: phone_number } = known;
  const { body: number } = await company.admin
    .post('/whatsapp', { phone_number, phone_number_id, waba_id, access_token: META_TOKEN, app_secret: META_SECRET })
    .expect(201);
  await tried(w, number.id as string, company);
  const inbox = new Inbox(w, company, { ...(number as Inbox['number']), phone_number_id, waba_id, app_secret: META_SECRET });
  const person = inbox.person();
  meta.simulator.customer({ wa_id: person.from, name: 'Ana' });
  await inbox.receive(metaPayload.text(person));
  return { company, inbox, conversation_id: (await inbox.conversation()).id, phone: person.from };
}

const say = (person: Person, conversation_id: string, content = 'Já vai!'): ReturnType<Person['post']> =>
  person.post(`/conversations/${conversation_id}/messages`, { content });

const sentTo = (to: string): unknown[] => meta.simulator.sent({ to });

const statusOf = async ({ id }: Company): Promise<unknown> => (await w.sql('SELECT status FROM organizations WHERE id = $1', [id]))[0];

const actionsOf = async ({ id }: Company): Promise<string[]> =>
  (
    await w.sql<{ action: string }>(
      "SELECT action FROM audit_logs WHERE organization_id = $1 AND resource_type = 'organization' ORDER BY id",
      [id],
    )
  ).map(({ action }) => action);

describe('the first administrator of a new organization', () => {
  it('is invited by mail where no password was given, and named by no address in the audit log', async () => {
    const email = `ana-${Date.now()}@nova.example`;

    const { body } = await boss.post('/organizations', { name: 'Nova', admin_email: email }).expect(201);

    const mail = await mails.newest(email);
    expect(mail.subject).toBe('Convite para a equipe de Nova');
    await w.guest.post('/auth/reset-password', { token: tokenIn(mail), new_password: PASSWORD }).expect(200);
    await w.guest.post('/auth/login', { email, password: PASSWORD }).expect(200);
    const entries = await w.sql('SELECT action, resource_name, changes, metadata, actor_email FROM audit_logs WHERE organization_id = $1', [
      body.id,
    ]);
    expect(JSON.stringify(entries)).toContain('user.invited');
    expect(JSON.stringify(entries)).not.toContain(email);
  });

  it('has a password of the length the organization asks for', async () => {
    const admin = { admin_email: `rui-${Date.now()}@nova.example`, admin_password: 'oito-ou-9' };
    const settings = { security_settings: { password_min_length: 12 } };

    await boss.post('/organizations', { name: 'Nova', settings, ...admin }).expect(wrongField('admin_password'));
  });
});

describe('an organization that is suspended', () => {
  it('shuts its people out everywhere, and lets them in again', async () => {
    const company = await w.organization('Padaria');
    const { admin } = company;
    const socket = await socketOf(admin);

    const { body } = await boss.post(`/organizations/${company.id}/suspend`, { reason: ' Invoice 10 ' }).expect(200);

    expect(body).toMatchObject({
      status: 'suspended',
      is_active: false,
      suspension_reason: 'Invoice 10',
      suspended_at: expect.any(String) as string,
    });
    await until(() => socket.disconnects.length, 'the end of the socket');
    expect(socket.all('error')).toEqual([expect.objectContaining({ error_code: 'organization_suspended' })]);
    await admin.get('/users').expect(403).expect(errorOf('organization_suspended'));
    const { body: graph } = await admin.graphql('{ users { id } }').expect(200);
    expect(graph.errors[0].extensions.error_code).toBe('organization_suspended');
    await admin.get('/auth/me').expect(200);
    await admin.get('/organizations/me').expect(200);
    await w.guest
      .post('/auth/login', { email: admin.user.email, password: PASSWORD })
      .expect(403)
      .expect(errorOf('organization_suspended'));

    await boss.post(`/tenants/${company.id}/reactivate`).expect(200);

    await admin.get('/users').expect(200);
    const { body: again } = await admin.get('/organizations/me').expect(200);
    expect(again).toMatchObject({ status: 'active', suspended_at: null, suspension_reason: null });
    expect(await actionsOf(company)).toEqual(['organization.suspended', 'organization.activated']);
  });

  it('keeps what customers write and sends nothing, and sends what waited once it is at work again', async () => {
    const { company, inbox, conversation_id, phone } = await shop();
    const before = sentTo(phone).length;
    await boss.post(`/organizations/${company.id}/suspend`, {}).expect(200);

    const { body: message } = await say(boss, conversation_id).set('X-Organization-Id', company.id).expect(201);
    await w.app.get(DueRows).sweep();
    await w.app.get(DueRows).idle();
    await inbox.receive(metaPayload.text({ ...inbox.person(), from: phone, user_id: `BR.${phone}` }));

    const statuses = async (): Promise<object[]> =>
      w.sql('SELECT direction, status FROM messages WHERE organization_id = $1 ORDER BY direction', [company.id]);
    expect(await statuses()).toEqual([
      { direction: 'incoming', status: 'received' },
      { direction: 'incoming', status: 'received' },
      { direction: 'outgoing', status: 'pending' },
    ]);
    expect(sentTo(phone)).toHaveLength(before);

    await boss.post(`/organizations/${company.id}/activate`).expect(200);
    await w.sql(`UPDATE outbound_sends SET due_at = now() - interval '10 seconds' WHERE organization_id = $1`, [company.id]);
    await w.app.get(DueRows).sweep();

    await until(async () => (await w.sql("SELECT 1 FROM messages WHERE id = $1 AND status <> 'pending'", [message.id])).length, 'the send');
    expect(sentTo(phone)).toHaveLength(before + 1);
  });

  it.each([
    ['activate', 'suspended', 'active'],
    ['activate', 'inactive', 'active'],
    ['deactivate', 'active', 'inactive'],
    ['deactivate', 'suspended', 'inactive'],
    ['suspend', 'active', 'suspended'],
    ['suspend', 'inactive', 'suspended'],
  ])('can be moved: %s from %s leads to %s, and again does nothing', async (verb, from, to) => {
    const company = await w.organization('Padaria', { status: from });

    for (let times = 0; times < 2; times++)
      expect((await boss.post(`/organizations/${company.id}/${verb}`).expect(200)).body.status).toBe(to);

    expect(await actionsOf(company)).toHaveLength(1);
  });

  it('is neither one’s own nor PyTake’s', async () => {
    const [system] = await w.sql<{ id: string }>(
      `INSERT INTO organizations (id, name, slug) VALUES (gen_random_uuid(), 'PyTake', 'pytake-system') RETURNING id`,
    );
    for (const id of [boss.user.organization_id, system.id])
      for (const call of [
        boss.post(`/organizations/${id}/suspend`),
        boss.post(`/organizations/${id}/deactivate`),
        boss.delete(`/organizations/${id}`),
        boss.delete(`/tenants/${id}`).set('X-Organization-Id', w.acme.id),
      ])
        await call.expect(409).expect(errorOf('invalid_state'));
    await boss.put(`/organizations/${system.id}`, { slug: 'another' }).expect(409);
    await w.sql('DELETE FROM organizations WHERE id = $1', [system.id]);
  });

  it('is moved by one of those who move it at once, and then by the other', async () => {
    const company = await w.organization('Padaria');

    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => boss.post(`/organizations/${company.id}/${n % 2 ? 'suspend' : 'deactivate'}`)),
    );

    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const told = await actionsOf(company);
    // Each entry follows another one: nobody was told of a step that led nowhere.
    expect(told.filter((action, n) => action === told[n - 1])).toEqual([]);
    expect([{ status: 'suspended' }, { status: 'inactive' }]).toContainEqual(await statusOf(company));
  });

  it('tells its administrators by mail, each in their language', async () => {
    const company = await w.organization('Padaria');
    const other = await company.hire('org_admin');
    await w.sql("UPDATE users SET language = 'en' WHERE id = $1", [other.user.id]);

    await boss.post(`/organizations/${company.id}/suspend`, { reason: 'Fatura 10' }).expect(200);
    await boss.post(`/organizations/${company.id}/activate`).expect(200);

    const portuguese = await mails.newest(company.admin.user.email, 2);
    const english = await mails.newest(other.user.email, 2);
    const first = mails.of(company.admin.user.email).map(({ subject }) => subject);
    expect(first).toEqual(expect.arrayContaining([expect.stringContaining('foi suspensa'), expect.stringContaining('está ativa de novo')]));
    expect(mails.of(company.admin.user.email).some(({ text }) => text.includes('Fatura 10'))).toBe(true);
    expect([portuguese.subject, english.subject].every((subject) => subject?.includes('Padaria'))).toBe(true);
    expect(mails.of(other.user.email).map(({ subject }) => subject)).toEqual(
      expect.arrayContaining([expect.stringContaining('was suspended'), expect.stringContaining('is active again')]),
    );
    expect(mails.of(company.agent.user.email)).toEqual([]);
  });
});

describe('an organization that is deleted', () => {
  it('is nowhere, its names are free, and it comes back as it was', async () => {
    const { company, phone, inbox } = await shop();
    const { admin, id } = company;
    await boss.put(`/organizations/${id}`, { domain: 'padaria.example' }).expect(200);
    const socket = await socketOf(company.agent);

    await boss.delete(`/organizations/${id}`).expect(204);

    await until(() => socket.disconnects.length, 'the end of the socket');
    await admin.get('/auth/me').expect(401).expect(errorOf('token_revoked'));
    await w.guest.post('/auth/login', { email: admin.user.email, password: PASSWORD }).expect(401);
    for (const path of [`/organizations/${id}`, `/tenants/${id}`, `/organizations/${id}/stats`]) await boss.get(path).expect(404);
    await boss.get('/contacts').set('X-Organization-Id', id).expect(404);
    for (const call of [
      boss.delete(`/organizations/${id}`),
      boss.post(`/organizations/${id}/activate`),
      boss.put(`/organizations/${id}`, {}),
    ])
      await call.expect(404);
    const listed = async (query = ''): Promise<string[]> =>
      ((await boss.get(`/organizations?search=${company.slug}${query}`).expect(200)).body as { items: { id: string }[] }).items.map(
        (item) => item.id,
      );
    expect(await listed()).toEqual([]);
    expect(await listed('&is_deleted=true')).toEqual([id]);
    expect((await mails.newest(admin.user.email)).subject).toContain('foi excluída');
    expect(await w.sql('SELECT connection_status FROM whatsapp_numbers WHERE organization_id = $1', [id])).toEqual([
      { connection_status: 'disconnected' },
    ]);
    // What customers go on writing is kept.
    await inbox.receive(metaPayload.text({ ...inbox.person(), from: phone, user_id: `BR.${phone}` }));

    const { body: restored } = await boss.post(`/organizations/${id}/restore`).expect(200);

    expect(restored).toMatchObject({ id, slug: company.slug, domain: 'padaria.example', status: 'active', restorable_until: null });
    const { body: login } = await w.guest.post('/auth/login', { email: admin.user.email, password: PASSWORD }).expect(200);
    expect(login.user).toMatchObject({ id: admin.user.id, organization: { id } });
    expect(await w.sql('SELECT count(*)::int AS count FROM messages WHERE organization_id = $1', [id])).toEqual([{ count: 2 }]);
    await until(
      async () =>
        (await w.sql("SELECT 1 FROM whatsapp_numbers WHERE organization_id = $1 AND connection_status = 'connected'", [id])).length,
      'the connection',
    );
    await boss.post(`/organizations/${id}/restore`).expect(200);
    expect(await actionsOf(company)).toEqual(['organization.updated', 'organization.deleted', 'organization.restored']);
  });

  it('gives its slug, domain and e-mails to whoever comes, and comes back without them', async () => {
    const company = await w.organization('Padaria', { status: 'suspended' });
    const former = await company.hire('agent');
    await company.admin.get('/organizations/me').expect(200);
    await w.sql("UPDATE users SET deleted_at = now() - interval '1 day' WHERE id = $1", [former.user.id]);
    await w.sql("UPDATE organizations SET domain = 'taken.example' WHERE id = $1", [company.id]);
    await boss.delete(`/organizations/${company.id}`).expect(204);
    const { body: heir } = await boss
      .post('/organizations', {
        name: 'Heir',
        slug: company.slug,
        domain: 'taken.example',
        admin_email: company.agent.user.email,
        admin_password: PASSWORD,
      })
      .expect(201);

    const { body: restored } = await boss.post(`/organizations/${company.id}/restore`).expect(200);

    expect(heir).toMatchObject({ slug: company.slug, domain: 'taken.example' });
    expect(restored).toMatchObject({ slug: `${company.slug}-1`, domain: null, status: 'suspended' });
    const people = await w.sql<{ id: string }>('SELECT id FROM users WHERE organization_id = $1 AND deleted_at IS NULL', [company.id]);
    expect(people.map(({ id }) => id).sort()).toEqual([company.admin.user.id, company.viewer.user.id].sort());
    const { id, email, role } = company.agent.user;
    expect(restored.users_left_out).toEqual([{ id, email, role, full_name: expect.any(String) as string, reason: 'email_in_use' }]);
  });

  it('does not come back without anybody who administers it', async () => {
    const company = await w.organization('Padaria');
    const { email } = company.admin.user;
    await boss.delete(`/organizations/${company.id}`).expect(204);
    await w.acme.admin.post('/users', { email, full_name: 'Bia Lima', role: 'agent', password: PASSWORD }).expect(201);
    const { body: bias } = await w.acme.admin.get(`/users?search=${email}`).expect(200);

    const { body: refused } = await boss.post(`/organizations/${company.id}/restore`).expect(409).expect(errorOf('last_admin'));
    expect(refused.detail).toContain(email);
    expect(await w.sql('SELECT 1 FROM users WHERE organization_id = $1 AND deleted_at IS NULL', [company.id])).toEqual([]);

    await w.acme.admin.delete(`/users/${(bias as { items: { id: string }[] }).items[0].id}`).expect(204);
    const { body } = await boss.graphql('mutation ($id: ID!) { restoreOrganization(id: $id) { id users_left_out { id } } }', {
      id: company.id,
    });
    expect(body.data.restoreOrganization).toEqual({ id: company.id, users_left_out: [] });
  });

  it('leaves its number to whoever proves to have it', async () => {
    const { company, inbox } = await shop();
    const { phone_number_id, waba_id } = inbox.number;
    await boss.delete(`/organizations/${company.id}`).expect(204);

    const { body: taken } = await w.acme.admin
      .post('/whatsapp', { phone_number: '+551140001234', phone_number_id, waba_id, access_token: META_TOKEN, app_secret: META_SECRET })
      .expect(201);
    await tried(w, taken.id as string);

    expect(await w.app.get(NumberDirectory).holderOf(phone_number_id)).toMatchObject({ organization_id: w.acme.id });
  });

  it('is deleted or restored by one of many at once', async () => {
    const company = await w.organization('Padaria');

    const deleted = await Promise.all(Array.from({ length: 50 }, () => boss.delete(`/organizations/${company.id}`)));
    const restored = await Promise.all(Array.from({ length: 50 }, () => boss.post(`/organizations/${company.id}/restore`)));

    expect(deleted.filter(({ status }) => status === 204)).toHaveLength(1);
    expect(deleted.filter(({ status }) => status === 404)).toHaveLength(49);
    expect(new Set(restored.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await actionsOf(company)).toEqual(['organization.deleted', 'organization.restored']);
  });

  it('is erased after 30 days, from every table, with its files; others stay', async () => {
    const { company, conversation_id, inbox } = await shop();
    const { id } = company;
    const canary = `canario-${id.slice(-12)}`;
    await company.admin.put('/organizations/me/settings', { my_app: canary }).expect(200);
    await company.agent.post('/contacts', { whatsapp_id: '+5511987650123', name: canary, notes: canary }).expect(201);
    await company.agent
      .post('/whatsapp/media')
      .attach('file', PNG, { filename: `${canary}.png` })
      .expect(201);
    const { body: sent } = await say(company.agent, conversation_id, canary).expect(201);
    await until(async () => (await w.sql("SELECT 1 FROM messages WHERE id = $1 AND status <> 'pending'", [sent.id])).length, 'the send');
    await w.guest.post('/auth/login', { email: company.agent.user.email, password: PASSWORD }).expect(200);
    await inbox.receive(metaPayload.text({ ...inbox.person(), body: canary, name: canary }));
    // A message that was sent again: two rows that hold each other.
    await w.sql(
      `UPDATE messages SET resent_as_id = (SELECT id FROM messages WHERE organization_id = $1 AND direction = 'incoming' LIMIT 1) WHERE id = $2`,
      [id, sent.id],
    );
    const files = join(w.app.get(Config).media_storage, id);
    expect(existsSync(files)).toBe(true);
    await boss.delete(`/organizations/${id}`).expect(204);
    const erase = (): Promise<void> => w.app.get(EraseOrganizations).run();
    await w.sql("UPDATE organizations SET deleted_at = now() - interval '29 days 23 hours' WHERE id = $1", [id]);
    await erase();
    await boss.post(`/organizations/${id}/restore`).expect(200);
    await boss.delete(`/organizations/${id}`).expect(204);

    await w.sql("UPDATE organizations SET deleted_at = now() - interval '30 days' WHERE id = $1", [id]);
    await boss.post(`/organizations/${id}/restore`).expect(404);
    await erase();

    expect(await placesOf(id, canary)).toEqual([]);
    expect(existsSync(files)).toBe(false);
    expect(
      await w.sql(
        "SELECT metadata->'rows'->>'messages' AS messages FROM audit_logs WHERE action = 'organization.erased' AND resource_id = $1",
        [id],
      ),
    ).toEqual([{ messages: '3' }]);
    await w.acme.admin.get('/organizations/me').expect(200);
    await boss.post(`/organizations/${id}/restore`).expect(404);
  });
});

/** Tables with a row that says the id or the word, but for the proof of the erasure and what the simulator and super admins keep. */
async function placesOf(id: string, word: string): Promise<string[]> {
  const tables = await w.sql<{ name: string }>(
    "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const [row] = await w.sql(
      `SELECT t FROM ${name} t WHERE (t::text LIKE '%' || $1 || '%' OR t::text LIKE '%' || $2 || '%')
          ${name === 'audit_logs' ? "AND t.action <> 'organization.erased'" : ''} LIMIT 1`,
      [id, word],
    );
    if (row) found.push(name);
  }
  return found;
}

describe('the erasure', () => {
  it('knows every table that holds an organization’s rows, and what goes before what', () => {
    const entities = w.app.get(Database).source.entityMetadatas;

    const tables = erasedTables(entities).map(({ table }) => table);

    const owned = entities.filter(({ columns }) => columns.some(({ databaseName }) => databaseName === 'organization_id'));
    expect(tables).toEqual(expect.arrayContaining(owned.map(({ tableName }) => tableName)));
    for (const { tableName, foreignKeys } of entities)
      for (const { referencedEntityMetadata, onDelete } of foreignKeys)
        if (onDelete === 'RESTRICT' && referencedEntityMetadata.tableName !== tableName)
          expect({ tableName, first: tables.indexOf(tableName) < tables.indexOf(referencedEntityMetadata.tableName) }).toEqual({
            tableName,
            first: true,
          });
  });

  it('takes no entry of the audit log from who is there, or may be had back', async () => {
    const company = await w.organization('Padaria');
    await company.admin.put('/organizations/me', { name: 'Padaria Central' }).expect(200);
    const erased = (): Promise<unknown> => w.app.get(Database).rows('SELECT erase_audit_logs($1, 1000)', [company.id]);

    await expect(erased()).rejects.toThrow('append-only');
    await boss.delete(`/organizations/${company.id}`).expect(204);
    await w.sql("UPDATE organizations SET deleted_at = now() - interval '29 days 23 hours' WHERE id = $1", [company.id]);
    await expect(erased()).rejects.toThrow('append-only');

    expect(await actionsOf(company)).toEqual(['organization.updated', 'organization.deleted']);
  });
});

describe('terms', () => {
  const MORNING = new Date('2026-06-10T12:00:00Z');
  const ends = (company: Company, values: string): Promise<unknown> =>
    w.sql(`UPDATE organizations SET ${values} WHERE id = $1`, [company.id]);
  const planOf = async ({ id }: Company): Promise<unknown> =>
    (await w.sql('SELECT is_trial, plan_type FROM organizations WHERE id = $1', [id]))[0];

  it('end in the morning of where the organization is', async () => {
    const [paulista, lisboeta] = await Promise.all([w.organization('Padaria'), w.organization('Pastelaria')]);
    const trial = "is_trial = true, plan_type = 'free', trial_ends_at = '2026-06-10T03:00:00Z'";
    await ends(paulista, trial);
    await ends(lisboeta, `${trial}, settings = '{"timezone": "Europe/Lisbon"}'`);
    const terms = w.app.get(EndTerms);

    // 08:30 in Lisbon, 04:30 in São Paulo.
    await terms.end(new Date('2026-06-10T07:30:00Z'));
    expect([await planOf(lisboeta), await planOf(paulista)]).toEqual([
      { is_trial: false, plan_type: 'free' },
      { is_trial: true, plan_type: 'free' },
    ]);
    await terms.end(MORNING);
    expect(await planOf(paulista)).toEqual({ is_trial: false, plan_type: 'free' });
    expect((await mails.newest(paulista.admin.user.email)).subject).toContain('período de teste');
    expect(mails.of(paulista.admin.user.email)).toHaveLength(1);
  });

  it('lead to the free plan, told once, and not before their time', async () => {
    const [over, running] = await Promise.all([w.organization('Padaria'), w.organization('Padaria')]);
    await ends(over, "subscription_ends_at = '2026-06-09T10:00:00Z'");
    await ends(running, "subscription_ends_at = '2026-06-10T11:30:00Z'");

    for (let times = 0; times < 2; times++) await w.app.get(EndTerms).end(MORNING);

    expect([await planOf(over), await planOf(running)]).toEqual([
      { is_trial: false, plan_type: 'free' },
      { is_trial: false, plan_type: 'professional' },
    ]);
    expect((await mails.newest(over.admin.user.email)).subject).toContain('assinatura');
    expect(mails.of(over.admin.user.email)).toHaveLength(1);
    expect(await actionsOf(over)).toEqual(['organization.plan_changed']);
  });

  it('of a trial are told of three days before, in the morning of where the organization is, once for each end', async () => {
    const [paulista, lisboeta, suspended] = await Promise.all([
      w.organization('Padaria'),
      w.organization('Pastelaria'),
      w.organization('Padaria', { status: 'suspended' }),
    ]);
    const english = await lisboeta.hire('org_admin');
    await w.sql("UPDATE users SET language = 'en' WHERE id = $1", [english.user.id]);
    const trial = "is_trial = true, plan_type = 'free', trial_ends_at = '2026-06-13T12:00:00Z'";
    await ends(paulista, trial);
    await ends(lisboeta, `${trial}, settings = '{"timezone": "Europe/Lisbon"}'`);
    await ends(suspended, trial);
    const remind = (time: string): Promise<void> => w.app.get(EndTerms).remind(new Date(time));
    const noticesOf = async ({ user }: Person): Promise<unknown[]> =>
      w.sql("SELECT title FROM notifications WHERE user_id = $1 AND type = 'trial_ending' ORDER BY id", [user.id]);

    // 08:30 in Lisbon, 04:30 in São Paulo; the day before it was too early, in the night after it is.
    for (const time of ['2026-06-09T08:30:00Z', '2026-06-10T06:30:00Z', '2026-06-10T07:30:00Z']) await remind(time);
    const subject = (await mails.newest(english.user.email)).subject;
    expect(subject).toBe('The trial of Pastelaria ends on 2026-06-13');
    expect((await mails.newest(lisboeta.admin.user.email)).subject).toBe('O período de teste de Pastelaria termina em 2026-06-13');
    expect(await noticesOf(english)).toEqual([{ title: 'The trial ends on 2026-06-13' }]);
    expect(await noticesOf(paulista.admin)).toEqual([]);

    for (let times = 0; times < 2; times++) await remind('2026-06-10T11:10:00Z');
    expect(await noticesOf(paulista.admin)).toEqual([{ title: 'O período de teste termina em 2026-06-13' }]);

    // Moved in the afternoon: of that end they hear the next morning.
    await ends(paulista, "trial_ends_at = '2026-06-12T20:00:00Z'");
    await remind('2026-06-10T19:00:00Z');
    expect(await noticesOf(paulista.admin)).toHaveLength(1);
    await Promise.all([remind('2026-06-11T12:00:00Z'), remind('2026-06-11T12:00:00Z')]);
    expect(await noticesOf(paulista.admin)).toHaveLength(2);
    await mails.newest(paulista.admin.user.email, 2);
    expect([lisboeta.admin, english, paulista.agent, suspended.admin].map(({ user }) => mails.of(user.email).length)).toEqual([1, 1, 0, 0]);
    const { body } = await paulista.admin.get('/organizations/me').expect(200);
    expect(body).not.toHaveProperty('trial_reminded_for');
  });

  it('of a plan are told at 80 % and at the limit, once each, and again when they are others', async () => {
    const company = await w.organization('Padaria', { plan_type: 'free' });
    const limits = (plan_limits: object): PromiseLike<unknown> => boss.put(`/organizations/${company.id}`, { plan_limits }).expect(200);
    await limits({ max_contacts: 5, max_users: 20 });
    let number = 0;
    const contact = (): ReturnType<Person['post']> =>
      company.agent.post('/contacts', { whatsapp_id: `+551198765${String(1000 + number++)}` });
    const told = async (): Promise<string[]> =>
      (
        await w.sql<{ title: string }>("SELECT title FROM notifications WHERE user_id = $1 AND type = 'plan_limit' ORDER BY id", [
          company.admin.user.id,
        ])
      ).map(({ title }) => title.replace(/ .*: /, ' '));

    for (const after of [[], [], [], ['80 contacts'], ['80 contacts', '100 contacts']]) {
      await contact().expect(201);
      expect(await told()).toEqual(after);
    }
    await contact().expect(403).expect(errorOf('plan_limit_exceeded'));
    await w.app.get(EndTerms).warn();
    expect(await told()).toHaveLength(2);
    await limits({ max_contacts: 6 });
    await contact().expect(201);
    expect(await told()).toEqual(['80 contacts', '100 contacts', '80 contacts', '100 contacts']);
  });
});

describe('the plan', () => {
  it('lets as many messages leave a month as it says, of whoever asks at once, and none keeps customers out', async () => {
    const { company, conversation_id, inbox, phone } = await shop();
    await boss.put(`/organizations/${company.id}`, { plan_limits: { max_messages_per_month: 7 } }).expect(200);

    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => say(company.agent, conversation_id, `Olá ${n}`)));

    expect(answers.filter(({ status }) => status === 201)).toHaveLength(7);
    for (const answer of answers.filter(({ status }) => status !== 201)) {
      expect(answer.status).toBe(403);
      errorOf('plan_limit_exceeded')(answer);
      expect(answer.body.error.details).toEqual([expect.objectContaining({ limit: 'max_messages_per_month', max: 7, current: 7 })]);
    }
    await inbox.receive(metaPayload.text({ ...inbox.person(), from: phone, user_id: `BR.${phone}` }));
    expect(
      await w.sql("SELECT count(*)::int AS count FROM messages WHERE organization_id = $1 AND direction = 'incoming'", [company.id]),
    ).toEqual([{ count: 2 }]);

    await boss.put(`/organizations/${company.id}`, { plan_limits: { max_messages_per_month: null } }).expect(200);
    await say(company.agent, conversation_id).expect(201);
  });

  it('of people, numbers and contacts holds when 50 come at once', async () => {
    const company = await w.organization('Padaria', { plan_type: 'free' });
    await boss.put(`/organizations/${company.id}`, { plan_limits: { max_users: 6, max_contacts: 4 } }).expect(200);

    const contacts = await Promise.all(
      Array.from({ length: 50 }, (_, n) => company.agent.post('/contacts', { whatsapp_id: `+551198766${1000 + n}` })),
    );
    const users = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        company.admin.post('/users', { email: `p${n}@${company.slug}.example`, full_name: 'Bia Lima', role: 'agent' }),
      ),
    );

    const made = (answers: { status: number }[]): number[] =>
      [201, 403].map((code) => answers.filter(({ status }) => status === code).length);
    expect({ contacts: made(contacts), users: made(users) }).toEqual({ contacts: [4, 46], users: [3, 47] });
  });
});

describe('a super admin inside another organization', () => {
  it('is said in its audit log to act as it', async () => {
    await boss.post('/contacts', { whatsapp_id: '+5511987651111', name: 'Ana' }).set('X-Organization-Id', w.acme.id).expect(201);

    const [entry] = await w.sql(
      "SELECT organization_id, user_id, metadata FROM audit_logs WHERE user_id = $1 AND action = 'contact.created'",
      [boss.user.id],
    );
    expect(entry).toEqual({
      organization_id: w.acme.id,
      user_id: boss.user.id,
      metadata: expect.objectContaining({ acting_as: w.acme.id }) as object,
    });
  });

  it('is kept to its addresses too', async () => {
    const company = await w.organization('Padaria');
    await w.sql(`UPDATE organizations SET settings = '{"security_settings": {"allowed_ip_ranges": ["203.0.113.0/24"]}}' WHERE id = $1`, [
      company.id,
    ]);

    await boss.get('/contacts').set('X-Organization-Id', company.id).expect(403).expect(errorOf('ip_not_allowed'));
    await boss
      .graphql('{ contacts { id } }')
      .set('X-Organization-Id', company.id)
      .expect(200)
      .expect(({ body }) => {
        expect(body.errors[0].extensions.error_code).toBe('ip_not_allowed');
      });
    // From outside it is the operator who acts.
    await boss.get(`/organizations/${company.id}`).expect(200);
    await boss
      .put(`/organizations/${company.id}`, { settings: { security_settings: { allowed_ip_ranges: ['203.0.113.0/24'] } } })
      .expect(wrongField('body', 'security_settings', 'allowed_ip_ranges'));
    await boss.put(`/organizations/${company.id}`, { settings: { security_settings: null } }).expect(200);
    await boss.get('/contacts').set('X-Organization-Id', company.id).expect(200);
  });
});

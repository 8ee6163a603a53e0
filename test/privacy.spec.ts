import { createHash, randomBytes } from 'node:crypto';
import { globSync, readFileSync, statSync } from 'node:fs';
import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import { newId } from '#common/uuid';
import { Config } from '#config/config';
import { Database } from '#database/database';
import { DueRows } from '#database/due-rows';
import { ContactNews } from '#modules/contacts/contact-news';
import { RecentLogs } from '#modules/operations/telemetry/recent-logs';
import type { Consent } from '#modules/privacy/consent.entity';
import type { DataRequest } from '#modules/privacy/data-request.entity';
import { PrivacyJobs } from '#modules/privacy/privacy.jobs';
import type { ComplianceStatus, DataExport } from '#modules/privacy/privacy.dto';
import { TraceRing } from '#observability/trace-ring';
import { phone } from './support/acts';
import { asBytes } from './support/files';
import { type Inbox, inbox } from './support/inbox';
import { mailedToken } from './support/mailed-token';
import { metaPayload } from './support/meta-payloads';
import { pagesOf } from './support/pdf';
import { until } from './support/sockets';
import { type Company, type Person, type World, errorOf, wrongField } from './support/world';

let box: Inbox;
let w: World;
let acme: Company;
let globex: Company;

beforeEach(async () => {
  box = await inbox({}, { LOG_LEVEL: 'info' });
  ({ w, company: acme } = box);
  ({ globex } = w);
});

interface ContactRow {
  id: string;
  whatsapp_id: string;
  name: string;
  opt_in: boolean;
  opt_in_date: string | null;
  opt_out_date: string | null;
  anonymized_at: string | null;
}

const contact = async (values: object = {}, by: Person = acme.agent): Promise<ContactRow> =>
  (await by.post('/contacts', { whatsapp_id: phone(), name: 'Rita Lima', ...values }).expect(201)).body as ContactRow;

const contactNow = async (id: string): Promise<ContactRow> => (await acme.agent.get(`/contacts/${id}`).expect(200)).body as ContactRow;

const give = async (subject_id: string, values: object = {}, by: Person = acme.agent): Promise<Consent> =>
  (await by.post('/privacy/consent', { subject_id, purpose: 'marketing', granted: true, ...values }).expect(201)).body as Consent;

const consentsOf = async (id: string, query = ''): Promise<Consent[]> =>
  ((await acme.agent.get(`/privacy/consent/${id}?${query}`).expect(200)).body as { items: Consent[] }).items;

const exported = async (id: string, body: object = {}, by: Person = acme.admin): Promise<DataExport> =>
  (await by.post(`/privacy/data/${id}/export`, body).expect(200)).body as DataExport;

const erase = async (id: string, query = ''): Promise<DataRequest> =>
  (await acme.admin.delete(`/privacy/data/${id}?${query}`).expect(200)).body as DataRequest;

const request = async (id: string, by: Person = acme.admin): Promise<DataRequest> =>
  (await by.get(`/privacy/requests/${id}`).expect(200)).body as DataRequest;

const said = async (id: string): Promise<string[]> =>
  ((await acme.admin.get(`/privacy/audit/${id}?sort=created_at:asc`).expect(200)).body as { items: { action: string }[] }).items.map(
    ({ action }) => action,
  );

/** Rows of every table, the job queues' too, files, and what the process remembers of its log and its requests, in which the text stands. */
async function places(text: string): Promise<string[]> {
  const found: string[] = [];
  const tables = await w.sql<{ name: string; path: string }>(
    `SELECT tablename AS name, format('%I.%I', schemaname, tablename) AS path FROM pg_tables
      WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
  );
  for (const { name, path } of tables) {
    const rows = await w.sql(
      `SELECT 1 FROM ${path} t WHERE strpos(row_to_json(t)::text, $1) > 0 OR strpos(row_to_json(t)::text, $2) > 0 LIMIT 1`,
      [text, Buffer.from(text).toString('hex')],
    );
    if (rows.length) found.push(name);
  }
  const { data_dir } = w.app.get(Config);
  for (const file of globSync('**/*', { cwd: data_dir }).map((name) => `${data_dir}/${name}`))
    if (statSync(file).isFile() && readFileSync(file).includes(text)) found.push(file);
  if ((await w.app.get(RecentLogs).find([text])).length) found.push('log');
  if (JSON.stringify(w.app.get(TraceRing).all()).includes(text)) found.push('traces');
  return found;
}

/** A message as it stands there, of that age. */
async function message(conversation: { id: string; contact_id: string }, content: string, days = 0): Promise<string> {
  const id = newId();
  await w.sql(
    `INSERT INTO messages (organization_id, id, conversation_id, contact_id, direction, sender_type, message_type, content, status, created_at)
     VALUES ($1, $2, $3, $4, 'incoming', 'contact', 'text', $5, 'received', now() - make_interval(days => $6))`,
    [acme.id, id, conversation.id, conversation.contact_id, content, days],
  );
  return id;
}

async function shop(
  canary = 'Tudo bem?',
): Promise<{ conversation: { id: string; contact_id: string }; from: ReturnType<Inbox['person']> }> {
  const from = box.person({ name: canary });
  await box.receive(metaPayload.text({ ...from, body: canary }));
  const conversation = (await box.conversation()) as unknown as { id: string; contact_id: string };
  return { conversation, from };
}

describe('the room', () => {
  it('is closed without a token, to viewers, and what is an administrator’s to agents', async () => {
    const { id } = await contact();

    await w.guest.get('/privacy/requests').expect(401);
    await acme.viewer.post('/privacy/consent', { subject_id: id, purpose: 'support', granted: true }).expect(403);
    await acme.viewer.get(`/privacy/consent/${id}`).expect(403);
    for (const call of [
      acme.agent.delete(`/privacy/data/${id}`),
      acme.agent.post(`/privacy/data/${id}/anonymize`, {}),
      acme.agent.post(`/privacy/data/${id}/export`, {}),
      acme.agent.get('/privacy/requests'),
      acme.agent.get('/privacy/compliance/status'),
      acme.agent.get(`/privacy/audit/${id}`),
    ])
      await call.expect(403);
  });

  it('knows nobody of another organization', async () => {
    const { id } = await contact();
    const given = await give(id);
    const { request_id } = await exported(id);

    for (const call of [
      globex.agent.post('/privacy/consent', { subject_id: id, purpose: 'support', granted: true }),
      globex.agent.get(`/privacy/consent/${id}`),
      globex.agent.delete(`/privacy/consent/${given.id}`),
      globex.admin.post(`/privacy/data/${id}/export`, {}),
      globex.admin.delete(`/privacy/data/${id}`),
      globex.admin.post(`/privacy/data/${id}/anonymize`, {}),
      globex.admin.get(`/privacy/audit/${id}`),
      globex.admin.get(`/privacy/requests/${request_id}`),
      globex.admin.get(`/privacy/requests/${request_id}/download`),
    ])
      await call.expect(404).expect(errorOf('not_found'));
    expect((await contactNow(id)).anonymized_at).toBeNull();
  });

  it('names the wrong field', async () => {
    const { id } = await contact();
    const good = { subject_id: id, purpose: 'support', granted: true };

    for (const [field, value] of [
      ['subject_id', 'nobody'],
      ['purpose', 'fun'],
      ['granted', 'yes'],
      ['legal_basis', 'mood'],
      ['channel', 'pigeon'],
      ['evidence', 'x'.repeat(2001)],
      ['expires_in_days', 3651],
      ['expires_at', '2020-01-01T00:00:00Z'],
      ['subject_type', 'robot'],
    ] as const)
      await acme.agent.post('/privacy/consent', { ...good, [field]: value }).expect(wrongField(field));
    await acme.admin.post(`/privacy/data/${id}/export`, { format: 'docx' }).expect(wrongField('format'));
    await acme.admin.post(`/privacy/data/${id}/export`, { include: ['all'] }).expect(wrongField('include'));
  });
});

describe('a consent', () => {
  it('is recorded with its proof, from where and by whom', async () => {
    const { id } = await contact();

    const given = await give(id, { channel: 'web', version: '2026-01', evidence: 'Caixa marcada', expires_in_days: 30 });

    expect(given).toMatchObject({
      subject_type: 'contact',
      subject_id: id,
      user_id: id,
      status: 'granted',
      is_current: true,
      legal_basis: 'consent',
      recorded_by: acme.agent.user.id,
    });
    expect(given.ip_address).toBeTruthy();
    const proved = [given.organization_id, given.id, 'contact', id, 'marketing', true, 'consent', 'web', '2026-01', 'Caixa marcada'];
    const rest = [given.granted_at, given.expires_at, given.ip_address, given.user_agent, given.recorded_by, given.created_at];
    expect(given.proof).toBe(
      createHash('sha256')
        .update(JSON.stringify([...proved, ...rest].map((value) => value ?? null)))
        .digest('hex'),
    );
  });

  it('takes the place of the one before, and a refusal revokes it', async () => {
    const { id } = await contact();
    const first = await give(id);
    const second = await give(id, { version: '2' });
    await give(id, { granted: false });
    await give(id, { purpose: 'support' });

    const history = await consentsOf(id, 'purpose=marketing&sort=created_at:asc');
    expect(history.map(({ status, is_current }) => [status, is_current])).toEqual([
      ['granted', false],
      ['revoked', false],
      ['denied', true],
    ]);
    expect(history.map((one) => one.id).slice(0, 2)).toEqual([first.id, second.id]);
    expect(await consentsOf(id, 'status=denied')).toHaveLength(1);
  });

  it('says for marketing whether the contact may be written to', async () => {
    const { id } = await contact({ opt_in: false });

    const given = await give(id);
    expect(await contactNow(id)).toMatchObject({ opt_in: true, opt_out_date: null, opt_in_date: expect.any(String) as string });
    await acme.agent.delete(`/privacy/consent/${given.id}?reason=Cansou`).expect(200);
    expect(await contactNow(id)).toMatchObject({ opt_in: false, opt_in_date: null, opt_out_date: expect.any(String) as string });
    await give(id);
    await give(id, { granted: false });
    expect((await contactNow(id)).opt_in).toBe(false);
    await give(id, { purpose: 'support' });
    expect((await contactNow(id)).opt_in).toBe(false);
  });

  it('is revoked once, while it counts', async () => {
    const { id } = await contact();
    const older = await give(id);
    const given = await give(id);
    const refused = await give(id, { purpose: 'billing', granted: false });

    for (const wrong of [older, refused])
      await acme.agent.delete(`/privacy/consent/${wrong.id}`).expect(409).expect(errorOf('invalid_state'));
    const { body } = await acme.agent.delete(`/privacy/consent/${given.id}?reason=Cansou`).expect(200);
    expect(body).toMatchObject({ status: 'revoked', revocation_reason: 'Cansou', revoked_at: expect.any(String) as string });
    await acme.agent.delete(`/privacy/consent/${given.id}`).expect(409).expect(errorOf('invalid_state'));
    expect(await said(id)).toEqual(expect.arrayContaining(['privacy.consent_recorded', 'privacy.consent_revoked']));
  });

  it('ends with its time, and so does the leave', async () => {
    const { id } = await contact();
    const given = await give(id, { expires_in_days: 1 });
    await w.sql(`UPDATE consents SET expires_at = now() - interval '1 minute' WHERE id = $1`, [given.id]);

    await w.app.get(DueRows).sweep();
    await w.app.get(DueRows).idle();

    expect((await consentsOf(id))[0].status).toBe('expired');
    expect((await contactNow(id)).opt_in).toBe(false);
    await acme.agent.delete(`/privacy/consent/${given.id}`).expect(409);
  });

  it('counts once however many say so at once', async () => {
    const { id } = await contact();

    await Promise.all(Array.from({ length: 50 }, (_, n) => give(id, { granted: n % 2 === 0 })));

    const history = await consentsOf(id, 'limit=100');
    expect(history).toHaveLength(50);
    const [current, ...others] = history.filter(({ is_current }) => is_current);
    expect(others).toEqual([]);
    expect((await contactNow(id)).opt_in).toBe(current.granted);
  });

  it('is recorded of what a person says on WhatsApp, and moves with a merge', async () => {
    const { id } = await contact();
    const other = await contact();
    await give(id, { purpose: 'support' });
    await give(other.id, { purpose: 'support', granted: false });
    await w.app.get(Database).tx((tx) => w.app.get(ContactNews).consent(tx, acme.id, other.id, false));
    expect(await consentsOf(other.id, 'purpose=marketing')).toMatchObject([{ status: 'denied', channel: 'whatsapp', recorded_by: null }]);

    await acme.agent.post(`/contacts/${id}/merge`, { other_contact_id: other.id }).expect(200);

    const now = (await consentsOf(id)).filter(({ is_current }) => is_current);
    expect(now.map(({ purpose, status }) => `${purpose} ${status}`).sort()).toEqual(['marketing denied', 'support denied']);
  });

  it('is recorded of what somebody notes on the contact', async () => {
    const { id } = await contact();
    await give(id);
    await acme.agent.put(`/contacts/${id}`, { opt_in: false, notes: 'Pediu' }).expect(200);
    await acme.agent.put(`/contacts/${id}`, { opt_in: false }).expect(200);

    const [refused, given, ...others] = await consentsOf(id, 'purpose=marketing');
    const by = { channel: 'api', recorded_by: acme.agent.user.id };
    expect(refused).toMatchObject({ status: 'denied', is_current: true, evidence: null, ...by });
    expect([given.status, others]).toEqual(['revoked', []]);
    await acme.admin.put(`/contacts/${id}`, { opt_in: true }).expect(200);
    expect((await consentsOf(id))[0]).toMatchObject({ status: 'granted', channel: 'api', recorded_by: acme.admin.user.id });
  });

  it('is of a user too', async () => {
    const given = await give(acme.viewer.user.id, { purpose: 'analytics' });

    expect(given).toMatchObject({ subject_type: 'user', subject_id: acme.viewer.user.id });
    await acme.agent
      .post('/privacy/consent', { user_id: acme.viewer.user.id, subject_type: 'contact', purpose: 'support', granted: true })
      .expect(404);
  });
});

describe('an erasure', () => {
  it('leaves the person nowhere: in no table, no file, no job, no line of the log', async () => {
    // That it looks there at all.
    expect((await w.app.get(RecentLogs).find(['POST /api/v1/'])).length).toBeGreaterThan(0);
    expect(w.app.get(TraceRing).all().length).toBeGreaterThan(0);
    const canary = `canario-${randomBytes(8).toString('hex')}`;
    const { conversation, from } = await shop(canary);
    await message(conversation, `${canary} de novo`);
    await acme.agent
      .put(`/contacts/${conversation.contact_id}`, { notes: canary, attributes: { canary }, email: `${canary}@cliente.example` })
      .expect(200);
    const { body: upload } = await acme.agent
      .post('/whatsapp/media')
      .attach('file', Buffer.from(`${canary}\n`), { filename: `${canary}.txt`, contentType: 'text/plain' });
    const file = upload as { id: string };
    await w.sql(
      `INSERT INTO messages (organization_id, id, conversation_id, contact_id, direction, sender_type, message_type, media, status)
       VALUES ($1, $2, $3, $4, 'outgoing', 'agent', 'document', $5, 'sent')`,
      [acme.id, newId(), conversation.id, conversation.contact_id, JSON.stringify({ id: file.id, filename: `${canary}.txt` })],
    );
    await give(conversation.contact_id, { evidence: canary });
    const kept = phone();
    await acme.agent.post('/contacts', { whatsapp_id: kept, name: canary }).set('Idempotency-Key', newId()).expect(201);
    const [{ id: twin }] = await w.sql<{ id: string }>('SELECT id FROM contacts WHERE organization_id = $1 AND whatsapp_id = $2', [
      acme.id,
      kept,
    ]);
    expect(await places(canary)).toEqual(expect.arrayContaining(['contacts', 'messages', 'inbound_events', 'consents', 'media_files']));

    const receipt = await erase(conversation.contact_id, 'reason=Pediu');
    await erase(twin);

    expect(receipt).toMatchObject({ type: 'erasure', status: 'completed', reason: 'Pediu', subject_id: conversation.contact_id });
    expect(receipt.summary).toMatchObject({ messages: 3, conversations: 1, media_files: 1, inbound_events: 1, contacts: 1 });
    expect(await places(canary)).toEqual([]);
    expect(await places(from.from)).toEqual([]);
    await acme.agent.get(`/contacts/${conversation.contact_id}`).expect(404);
    await acme.agent.get(`/conversations/${conversation.id}`).expect(404);
    await acme.admin.delete(`/privacy/data/${conversation.contact_id}`).expect(404);
    expect(await consentsOf(conversation.contact_id)).toMatchObject([{ evidence: null, status: 'granted' }]);
    expect(await said(conversation.contact_id)).toEqual(expect.arrayContaining(['privacy.consent_recorded', 'privacy.erased']));

    await box.receive(metaPayload.text({ ...from, body: 'Voltei' }));
    const [again] = await box.contacts();
    expect(again.id).not.toBe(conversation.contact_id);
    expect(again.opt_in).toBe(false);
  });

  it('is done once however many ask at once', async () => {
    const { conversation } = await shop();

    const answers = await Promise.all(Array.from({ length: 50 }, () => acme.admin.delete(`/privacy/data/${conversation.contact_id}`)));

    expect([...new Set(answers.map(({ status }) => status))].filter((status) => status !== 200 && status !== 404)).toEqual([]);
    const receipts = new Set(answers.filter(({ status }) => status === 200).map(({ body }) => (body as DataRequest).id));
    expect(receipts.size).toBe(1);
    expect((await request([...receipts][0])).status).toBe('completed');
  });

  it('finds contacts that were deleted before', async () => {
    const { id } = await contact();
    await acme.agent.delete(`/contacts/${id}`).expect(204);

    await erase(id);

    expect(await w.sql('SELECT 1 FROM contacts WHERE id = $1', [id])).toEqual([]);
  });

  it('keeps marketing away when the number comes back', async () => {
    const { id, whatsapp_id } = await contact();
    await erase(id);

    const back = await contact({ whatsapp_id, opt_in: true });

    expect(back).toMatchObject({ opt_in: false, opt_in_date: null });
    expect((await contact({ whatsapp_id }, globex.agent)).opt_in).toBe(true);
    expect(await places(whatsapp_id)).toEqual(['contacts']);
  });

  it('takes along what was exported of the person, and what is being exported', async () => {
    const { conversation } = await shop();
    const rows = w.app.get(DueRows);
    const files = (): string[] => globSync(`${w.app.get(Config).media_storage}/${acme.id}/exports/*`);
    const asked = async (): Promise<string> => {
      const { body } = await acme.admin.post(`/privacy/data/${conversation.contact_id}/export`, { format: 'csv' }).expect(202);
      return (body as DataExport).request_id;
    };
    const made = await asked();
    await rows.idle();
    expect(files()).toHaveLength(1);
    // Who writes the second one waits for a table.
    const other = w.app.get(Database).source.createQueryRunner();
    await other.startTransaction();
    await other.query('LOCK TABLE consents');
    const under_way = await asked();
    await until(async () => (await w.sql(`SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'consents'::regclass`)).length);

    const erased = acme.admin
      .delete(`/privacy/data/${conversation.contact_id}`)
      .expect(200)
      .then(({ status }) => status);
    await until(async () => (await request(under_way)).status !== 'processing');
    await other.commitTransaction();
    await other.release();
    await erased;
    await rows.idle();

    expect(files()).toEqual([]);
    await acme.admin.get(`/privacy/requests/${made}/download`).expect(410).expect(errorOf('expired'));
    await acme.admin.get(`/privacy/requests/${under_way}/download`).expect(409).expect(errorOf('invalid_state'));
    expect(await request(under_way)).toMatchObject({ status: 'failed', error: 'The person was erased or anonymized meanwhile.' });
  });

  it('of a user closes the account and leaves an author who is nobody', async () => {
    const agent = await acme.hire('agent', { full_name: `Canario ${newId()}` });
    const { full_name, id, email } = agent.user;
    await agent.put('/users/me', { full_name: `${full_name} Neta`, bio: full_name }).expect(200);
    await acme.admin.put(`/users/${id}`, { full_name }).expect(200);
    expect(await said(id)).toEqual(['user.updated', 'user.updated']);
    const { conversation } = await shop('Bom dia');
    await agent.post(`/conversations/${conversation.id}/notes`, { note: 'Confere?', mentions: [acme.admin.user.id] }).expect(201);
    const told = async (): Promise<string> => (await acme.admin.get('/notifications').expect(200)).text;
    await until(async () => (await told()).includes(full_name), 'a colleague to be told');
    expect(JSON.stringify(await exported(id))).not.toContain('mencionado');

    const receipt = await erase(id);

    expect(receipt).toMatchObject({ subject_type: 'user', status: 'completed' });
    await agent.get('/users/me').expect(401);
    await acme.admin.get(`/users/${id}`).expect(404);
    const [row] = await w.sql('SELECT full_name, email, is_active FROM users WHERE id = $1', [id]);
    expect(row).toMatchObject({ full_name: expect.stringMatching(/^Anonymized [0-9a-f]{8}$/) as string, is_active: false });
    expect(await places(email)).toEqual([]);
    expect(await places(full_name)).toEqual([]);
    expect(await w.sql('SELECT 1 FROM credentials WHERE user_id = $1', [id])).toEqual([]);
  });

  it('is for others, not of oneself, a super admin or the last administrator', async () => {
    await acme.admin.delete(`/privacy/data/${acme.admin.user.id}`).expect(403).expect(errorOf('cannot_modify_self'));
    const owner = await acme.hire('super_admin');
    await acme.admin.delete(`/privacy/data/${owner.user.id}`).expect(404);
    const outsider = await w.superAdmin();
    await outsider
      .delete(`/privacy/data/${acme.admin.user.id}`)
      .set('X-Organization-Id', acme.id)
      .expect(409)
      .expect(errorOf('last_admin'));
  });
});

describe('an anonymization', () => {
  it('leaves times and counts, and nothing that says who it was', async () => {
    const canary = `canario-${randomBytes(8).toString('hex')}`;
    const { conversation, from } = await shop(canary);

    const { body } = await acme.admin.post(`/privacy/data/${conversation.contact_id}/anonymize`, { reason: 'Pediu' }).expect(200);

    expect(body).toMatchObject({ type: 'anonymization', status: 'completed', reason: 'Pediu' });
    expect(await places(canary)).toEqual([]);
    expect(await places(from.from)).toEqual([]);
    expect(await contactNow(conversation.contact_id)).toMatchObject({
      name: expect.stringMatching(/^Anonymized [0-9a-f]{8}$/) as string,
      whatsapp_id: `anon:${conversation.contact_id}`,
      opt_in: false,
      anonymized_at: expect.any(String) as string,
    });
    const { body: thread } = await acme.agent.get(`/conversations/${conversation.id}/messages`).expect(200);
    expect((thread as { items: { content: string; whatsapp_message_id: null }[] }).items).toMatchObject([
      { content: '[anonymized]', whatsapp_message_id: null, direction: 'incoming' },
    ]);
    await acme.agent
      .get(`/conversations/${conversation.id}`)
      .expect(200)
      .expect(({ body }) => {
        expect(body).toMatchObject({ status: 'closed' });
      });
    await acme.admin.post(`/privacy/data/${conversation.contact_id}/anonymize`, {}).expect(409).expect(errorOf('already_anonymized'));
    await box.receive(metaPayload.text({ ...from, body: 'Voltei' }));
    expect(await box.conversations()).toHaveLength(2);
  });

  it('of a user switches the account off and keeps it', async () => {
    const { id } = acme.viewer.user;
    await acme.admin.post(`/privacy/data/${id}/anonymize`, {}).expect(200);

    const { body } = await acme.admin.get(`/users/${id}`).expect(200);
    expect(body).toMatchObject({ is_active: false, full_name: expect.stringMatching(/^Anonymized/) as string });
    await acme.viewer.get('/users/me').expect(401);
  });

  it('of a user is for good: nobody makes somebody of the account again, and it can only be deleted', async () => {
    const { id } = acme.agent.user;
    await acme.admin.post(`/privacy/data/${id}/anonymize`, {}).expect(200);
    const row = (): Promise<unknown[]> => w.sql('SELECT * FROM users WHERE id = $1', [id]);
    const before = await row();

    const new_password = 'fornada-das-6';
    for (const refused of [
      acme.admin.post(`/users/${id}/activate`),
      acme.admin.put(`/users/${id}`, { email: `rita@${acme.slug}.example`, full_name: 'Rita Lima' }),
      acme.admin.post(`/users/${id}/change-password`, { new_password }),
      acme.admin.put(`/users/${id}/permissions`, { permissions: [] }),
      acme.admin.post('/privacy/consent', { subject_id: id, purpose: 'analytics', granted: true }),
    ])
      await refused.expect(409).expect(errorOf('already_anonymized'));
    const { body } = await acme.admin.graphql(
      'mutation ($id: ID!) { updateUser(id: $id, input: { is_active: true, full_name: "Rita Lima" }) { id } }',
      { id },
    );
    expect(body).toMatchObject({ errors: [{ extensions: { error_code: 'already_anonymized' } }] });

    expect(await row()).toEqual(before);
    await acme.admin.delete(`/users/${id}`).expect(204);
  });

  it('of a user who was let in again before that was refused is for good too: no mail, and no link, sets a password', async () => {
    const { user } = acme.agent;
    await acme.admin.post(`/privacy/data/${user.id}/anonymize`, {}).expect(200);
    const email = `rita@${acme.slug}.example`;
    await w.sql('UPDATE users SET is_active = true, email = $2 WHERE id = $1', [user.id, email]);
    const mails = (): Promise<unknown[]> => w.sql('SELECT purpose FROM mailed_tokens WHERE user_id = $1', [user.id]);

    await w.guest.post('/auth/forgot-password', { email }).expect(200);
    expect(await mails()).toEqual([]);
    const token = await mailedToken(w.app, { ...user, email }, 'password_reset');
    await w.guest.post('/auth/reset-password', { token, new_password: 'fornada-das-6' }).expect(400).expect(errorOf('invalid_token'));
  });

  it('of a contact is for good: it takes no name, no tag, no consent and no other contact', async () => {
    const { id } = await contact();
    const other = await contact();
    await acme.admin.post(`/privacy/data/${id}/anonymize`, {}).expect(200);
    const before = await contactNow(id);

    for (const refused of [
      acme.agent.put(`/contacts/${id}`, { name: 'Rita Lima', email: 'rita@casa.example', whatsapp_id: phone() }),
      acme.agent.post(`/contacts/${id}/tags`, { tags: ['Festa'] }),
      acme.agent.post(`/contacts/${id}/merge`, { other_contact_id: other.id }),
      acme.agent.post(`/contacts/${other.id}/merge`, { other_contact_id: id }),
      acme.agent.post('/privacy/consent', { subject_id: id, purpose: 'marketing', granted: true }),
    ])
      await refused.expect(409).expect(errorOf('already_anonymized'));
    const { body } = await acme.agent.graphql('mutation ($id: ID!) { updateContact(id: $id, input: { name: "Rita Lima" }) { id } }', {
      id,
    });
    expect(body).toMatchObject({ errors: [{ extensions: { error_code: 'already_anonymized' } }] });

    expect(await contactNow(id)).toEqual(before);
    expect(await consentsOf(id)).toEqual([]);
    await acme.agent.delete(`/contacts/${id}`).expect(204);
  });
});

describe('an export', () => {
  it('is answered at once, and has what there is of the person alone', async () => {
    const { conversation } = await shop('Bom dia');
    await give(conversation.contact_id);
    await w.sql(
      `INSERT INTO messages (organization_id, id, conversation_id, contact_id, direction, sender_type, message_type, content, status)
       VALUES ($1, $2, $3, $4, 'internal', 'agent', 'note', 'Chato', 'sent')`,
      [acme.id, newId(), conversation.id, conversation.contact_id],
    );
    await box.receive(metaPayload.text({ ...box.person({ name: 'Outra' }), body: 'Segredo de outra' }));

    const made = await exported(conversation.contact_id);

    expect(made).toMatchObject({ status: 'completed', format: 'json', subject_type: 'contact', download_url: null, expires_at: null });
    expect(Object.keys(made.data ?? {})).toEqual([
      'profile',
      'consents',
      'conversations',
      'messages',
      'flow_sessions',
      'campaigns',
      'audit',
    ]);
    expect(made.data).toMatchObject({
      profile: { whatsapp_name: 'Bom dia', contact_identities: expect.any(Array) as unknown[] },
      consents: [{ purpose: 'marketing' }],
      conversations: [{ id: conversation.id }],
      messages: [{ content: 'Bom dia', direction: 'incoming' }],
    });
    expect(JSON.stringify(made.data)).not.toMatch(/Chato|Segredo|password|token|hmac/);
    expect(await request(made.request_id)).toMatchObject({ type: 'export', status: 'completed', summary: { messages: 1 } });
    await acme.admin.get(`/privacy/requests/${made.request_id}/download`).expect(409).expect(errorOf('invalid_state'));
  });

  it('is one’s own to ask for, and to see', async () => {
    const made = await exported(acme.viewer.user.id, {}, acme.viewer);

    expect(made.data).toMatchObject({ profile: { email: acme.viewer.user.email } });
    expect(JSON.stringify(made.data)).not.toMatch(/password_hash|argon2/);
    await request(made.request_id, acme.viewer);
    await acme.agent.get(`/privacy/requests/${made.request_id}`).expect(404);
    await acme.viewer.post(`/privacy/data/${acme.agent.user.id}/export`, {}).expect(403);
  });

  it('of many messages is a file: encrypted on the disk, whole when it is read, gone after seven days', async () => {
    const { conversation } = await shop('primeira');
    await w.sql(
      `INSERT INTO messages (organization_id, id, conversation_id, contact_id, direction, sender_type, message_type, content, status)
       SELECT $1, gen_random_uuid(), $2, $3, 'incoming', 'contact', 'text', 'mensagem ' || n, 'received' FROM generate_series(1, 10000) n`,
      [acme.id, conversation.id, conversation.contact_id],
    );

    const { body } = await acme.admin
      .post(`/privacy/data/${conversation.contact_id}/export`, { include: ['messages', 'profile'] })
      .expect(202);
    const { request_id, status, data, download_url } = body as DataExport;
    expect({ status, data, download_url }).toEqual({
      status: 'processing',
      data: null,
      download_url: `/api/v1/privacy/requests/${request_id}/download`,
    });
    await w.app.get(DueRows).idle();

    expect((await request(request_id)).status).toBe('completed');
    const [path] = globSync(`${w.app.get(Config).media_storage}/${acme.id}/exports/*`);
    expect(readFileSync(path).includes('mensagem')).toBe(false);
    const { body: file, headers } = await acme.admin
      .get(`/privacy/requests/${request_id}/download`)
      .buffer(true)
      .parse(asBytes)
      .expect(200);
    expect(headers['content-disposition']).toContain(`personal-data-${request_id}.json`);
    const whole = JSON.parse((file as Buffer).toString()) as { messages: { content: string }[]; profile: object };
    expect(whole.messages).toHaveLength(10_001);
    expect(whole.profile).toMatchObject({ whatsapp_name: 'primeira' });
    expect(await said(conversation.contact_id)).toEqual(expect.arrayContaining(['privacy.exported', 'privacy.export_downloaded']));

    await w.sql(`UPDATE data_requests SET expires_at = now(), due_at = now() WHERE id = $1`, [request_id]);
    await w.app.get(DueRows).sweep();
    await w.app.get(DueRows).idle();
    await acme.admin.get(`/privacy/requests/${request_id}/download`).expect(410).expect(errorOf('expired'));
    expect(globSync(`${w.app.get(Config).media_storage}/${acme.id}/exports/*`)).toEqual([]);
  });

  it('as CSV is a ZIP with a file for each table', async () => {
    const { id } = await contact({ name: '=cmd()' });
    const { body } = await acme.admin.post(`/privacy/data/${id}/export`, { format: 'csv', include: ['profile'] }).expect(202);
    await w.app.get(DueRows).idle();

    const { body: zip } = await acme.admin
      .get(`/privacy/requests/${(body as DataExport).request_id}/download`)
      .buffer(true)
      .parse(asBytes)
      .expect(200);

    const first = zip as Buffer;
    expect(first.subarray(0, 4).toString('hex')).toBe('504b0304');
    expect(first.includes('contacts.csv')).toBe(true);
    const start = 30 + first.readUInt16LE(26) + first.readUInt16LE(28);
    const text = (await promisify(inflateRaw)(first.subarray(start), { finishFlush: 2 })) as Buffer;
    expect(text.toString()).toContain("'=cmd()");
  });

  it('as PDF is what a person reads: headed sections in their words, messages by time in the organization’s zone', async () => {
    const { conversation } = await shop('Bom dia');
    await give(conversation.contact_id);
    await w.sql(
      `INSERT INTO messages (organization_id, id, conversation_id, contact_id, direction, sender_type, message_type, content, status, created_at)
       SELECT $1, gen_random_uuid(), $2, $3, 'incoming', 'contact', 'text', 'Linha ' || n || ' 👍', 'received', timestamptz '2026-01-11T01:30:00Z' + n * interval '1 s'
         FROM generate_series(1, 3000) n`,
      [acme.id, conversation.id, conversation.contact_id],
    );
    await w.sql(
      `INSERT INTO messages (organization_id, id, conversation_id, contact_id, direction, sender_type, message_type, content, status)
       VALUES ($1, $2, $3, $4, 'internal', 'agent', 'note', 'Chato', 'sent')`,
      [acme.id, newId(), conversation.id, conversation.contact_id],
    );

    const { body } = await acme.admin.post(`/privacy/data/${conversation.contact_id}/export`, { format: 'pdf' }).expect(202);
    const { request_id, format, data } = body as DataExport;
    expect({ format, data }).toEqual({ format: 'pdf', data: null });
    await w.app.get(DueRows).idle();

    const [path] = globSync(`${w.app.get(Config).media_storage}/${acme.id}/exports/*`);
    expect(readFileSync(path).subarray(0, 5).toString()).not.toBe('%PDF-');
    const { body: file, headers } = await acme.admin
      .get(`/privacy/requests/${request_id}/download`)
      .buffer(true)
      .parse(asBytes)
      .expect(200);
    expect(headers['content-type']).toBe('application/pdf');
    expect(headers['content-disposition']).toContain(`personal-data-${request_id}.pdf`);
    expect((file as Buffer).subarray(0, 5).toString()).toBe('%PDF-');
    expect((file as Buffer).subarray(-8).toString()).toContain('%%EOF');
    const pages = pagesOf(file as Buffer);
    if (pages === null) return;
    for (const words of [
      acme.name,
      'Dados pessoais de Bom dia',
      request_id,
      'Consentimentos',
      'sábado, 10 de janeiro de 2026',
      '22:30 · recebida',
      'Página 2',
    ])
      expect(pages).toContain(words);
    expect(pages).toMatch(/Finalidade +marketing/);
    expect([...pages.matchAll(/Linha (\d+)/g)].map(([, n]) => Number(n))).toEqual(Array.from({ length: 3000 }, (_, n) => n + 1));
    expect(pages).not.toContain('Chato');
  });

  it('that is made after its answer is told to who asked for it, without a word of whose it is', async () => {
    const { id } = await contact();
    const { body } = await acme.admin.post(`/privacy/data/${id}/export`, { format: 'csv' }).expect(202);
    // An erasure ends an export that is still being made.
    await w.app.get(DueRows).idle();
    await exported(id);
    await erase(id);

    const { body: page } = await acme.admin.get('/notifications').expect(200);
    const [notice, ...others] = (page as { items: Record<string, unknown>[] }).items;
    expect(notice).toMatchObject({ type: 'privacy_request_completed', data: { request_id: (body as DataExport).request_id } });
    expect(JSON.stringify(notice)).not.toMatch(new RegExp(`Rita|${id}`));
    expect(others).toEqual([]);
  });

  it('of who did more than an answer holds is a file too', async () => {
    const { id } = acme.viewer.user;
    await w.sql(
      `INSERT INTO audit_logs (id, organization_id, actor_type, actor_id, user_id, action, resource_type, result, created_at)
       SELECT gen_random_uuid(), $1, 'user', $2, $2, 'contact.updated', 'contact', 'success', now() FROM generate_series(1, 5001)`,
      [acme.id, id],
    );
    await acme.viewer.post(`/privacy/data/${id}/export`, {}).expect(202);
    await exported(id, { include: ['profile', 'messages'] }, acme.viewer);
  });
});

describe('retention', () => {
  it('deletes what is too old at night, and nothing else', async () => {
    const { conversation } = await shop();
    const old = await message(conversation, 'velha', 40);
    const young = await message(conversation, 'nova', 20);
    await w.sql(
      `UPDATE organizations SET settings = jsonb_set(settings, '{privacy_settings}', '{"message_retention_days": 30}') WHERE id = $1`,
      [acme.id],
    );
    expect((await acme.admin.get('/privacy/compliance/status').expect(200)).body).toMatchObject({ data_retention_violations: 1 });

    await w.app.get(PrivacyJobs).retention({ signal: AbortSignal.timeout(60_000) });

    const left = await w.sql<{ id: string }>('SELECT id FROM messages WHERE organization_id = $1', [acme.id]);
    expect(left.map(({ id }) => id)).toEqual(expect.arrayContaining([young]));
    expect(left.map(({ id }) => id)).not.toContain(old);
    expect((await acme.admin.get('/privacy/compliance/status').expect(200)).body).toMatchObject({ data_retention_violations: 0 });
  });
});

describe('compliance', () => {
  it('counts consents, requests and what is late', async () => {
    const empty = (await acme.admin.get('/privacy/compliance/status').expect(200)).body as ComplianceStatus;
    expect(empty).toMatchObject({ overall_score: 100, status: 'compliant', average_response_time_hours: null });
    const first = await contact();
    await contact();
    await give(first.id);
    const { request_id } = await exported(first.id);
    const late = await exported(first.id);
    await w.sql(`UPDATE data_requests SET status = 'processing', completed_at = NULL, deadline = now() - interval '1 day' WHERE id = $1`, [
      late.request_id,
    ]);

    const { body } = await acme.admin.get('/privacy/compliance/status').expect(200);

    expect(body).toMatchObject({
      consent_compliance: 50,
      data_retention_compliance: 100,
      rights_fulfillment_rate: 50,
      overall_score: 66.67,
      status: 'non_compliant',
      contacts_without_consent: 1,
      active_consents: 1,
      outstanding_requests: 1,
      overdue_requests: 1,
    });
    const { deadline, created_at } = await request(request_id);
    expect(Math.round((+new Date(deadline) - +new Date(created_at)) / 86_400_000)).toBe(15);
  });

  it('lists the receipts by type, status and subject', async () => {
    const { id } = await contact();
    await exported(id);
    await erase(id);
    const types = async (query: string): Promise<string[]> =>
      ((await acme.admin.get(`/privacy/requests?${query}`).expect(200)).body as { items: DataRequest[] }).items.map(({ type }) => type);

    expect(await types(`subject_id=${id}&sort=created_at:asc`)).toEqual(['export', 'erasure']);
    expect(await types('type=erasure')).toEqual(['erasure']);
    expect(await types('status=failed')).toEqual([]);
    await acme.admin.get('/privacy/requests?sort=reason:asc').expect(422);
  });
});

describe('GraphQL', () => {
  it('does the same', async () => {
    const { id } = await contact();
    const { body } = await acme.agent
      .graphql('mutation ($input: ConsentCreateInput!) { recordConsent(input: $input) { id status user_id } }', {
        input: { subject_id: id, purpose: 'marketing', granted: true },
      })
      .expect(200);
    expect(body).toMatchObject({ data: { recordConsent: { status: 'granted', user_id: id } } });
    const { body: asked } = await acme.admin
      .graphql('query ($id: ID!) { consents(subject_id: $id) { purpose } compliance_status { status } data_requests { id } }', { id })
      .expect(200);
    expect(asked).toMatchObject({ data: { consents: [{ purpose: 'marketing' }], data_requests: [] } });
    const { body: gone } = await acme.admin
      .graphql('mutation ($id: ID!) { deleteSubjectData(id: $id, reason: "Pediu") { status type } }', { id })
      .expect(200);
    expect(gone).toMatchObject({ data: { deleteSubjectData: { status: 'completed', type: 'erasure' } } });
  });
});

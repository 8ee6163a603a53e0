import { DueRows } from '#database/due-rows';
import { newId } from '#common/uuid';
import { SweepRetention } from '#jobs/sweep-retention';
import { noticeTypes } from '#modules/notifications/notice-types';
import { metaPayload } from './support/meta-payloads';
import { Inbox, type Row } from './support/inbox';
import { type Mailbox, mailbox } from './support/mailbox';
import { officialNumber } from './support/official-number';
import { type Schema, openApiOf } from './support/openapi';
import { rawOf, socketOf, until } from './support/sockets';
import { codeOf, enrol } from './support/two-factor';
import { type Company, PASSWORD, Person, type World, close, errorOf, world, wrongField } from './support/world';

interface Delivery {
  channel: string;
  status: string;
  recipient: string;
  sent_at: string | null;
  error_message: string | null;
  reason: string | null;
  retry_count: number;
}

type Notice = Row & { user_id: string; type: string; title: string; message: string; is_read: boolean; deliveries: Delivery[] };

let box: Mailbox;
let w: World;
let acme: Company;
let globex: Company;

beforeAll(async () => {
  box = await mailbox();
});
afterAll(async () => {
  await close();
  await box.close();
});
beforeEach(async () => {
  w = await world({ ...box.env, APP_URL: 'https://app.example' });
  ({ acme, globex } = w);
});

const WORDS = { title: 'Reunião às 15h', message: 'Na sala da frente.' };
const ALL = ['in_app', 'websocket', 'email'];

/** What an administrator tells people, by default one agent. */
async function send(body: object = {}, company = acme): Promise<Notice[]> {
  const { body: page } = await company.admin.post('/notifications', { ...WORDS, user_ids: [company.agent.user.id], ...body }).expect(201);
  return (page as { items: Notice[] }).items;
}

const listOf = async (person: Person, query = ''): Promise<Notice[]> =>
  ((await person.get(`/notifications?${query}`).expect(200)).body as { items: Notice[] }).items;

const unreadOf = async (person: Person): Promise<number> =>
  ((await person.get('/notifications/unread-count').expect(200)).body as { unread_count: number }).unread_count;

const delivery = ({ deliveries }: Notice, channel: string): Delivery | undefined => deliveries.find((one) => one.channel === channel);

const prefer = (person: Person, preferences: object) => person.put('/notifications/preferences', preferences).expect(200);

/** The only one of a type somebody has, once it is there. */
async function noticeOf(person: Person, type: string): Promise<Notice> {
  await until(async () => (await listOf(person, `type=${type}`)).length, `${type} for ${person.user.full_name}`);
  const found = await listOf(person, `type=${type}`);
  expect(found).toHaveLength(1);
  return found[0];
}

/** All that is under way is done: facts, mails and what became of them. */
async function settled(): Promise<void> {
  await until(async () => {
    await w.app.get(DueRows).idle();
    const waiting = await w.sql(
      `SELECT 1 FROM facts WHERE due_at IS NULL UNION ALL SELECT 1 FROM outbound_mails WHERE status = 'pending' AND due_at <= now()
       UNION ALL SELECT 1 FROM notifications WHERE email_due_at <= now()`,
    );
    return !waiting.length;
  }, 'the end of what is under way');
}

/** Its mail's fate, once it is decided and told. */
async function mailed(person: Person, id: string): Promise<Delivery | undefined> {
  let found: Delivery | undefined;
  await until(async () => {
    found = delivery((await person.get(`/notifications/${id}`).expect(200)).body as Notice, 'email');
    return found?.status !== 'pending';
  }, 'the fate of a mail');
  return found;
}

describe('notifications', () => {
  it('are closed without a token, and only an administrator tells others', async () => {
    for (const path of ['', '/preferences', '/unread-count', `/${newId()}`]) await w.guest.get(`/notifications${path}`).expect(401);
    await w.guest.post('/notifications', WORDS).expect(401);
    for (const person of [acme.viewer, acme.agent]) {
      await person.get('/notifications').expect(200);
      await person
        .post('/notifications', { ...WORDS, role: 'agent' })
        .expect(403)
        .expect(errorOf('insufficient_role'));
    }
  });

  it('are one’s own: another user’s, or another organization’s, is not there', async () => {
    const [{ id }] = await send();

    for (const person of [acme.admin, acme.viewer, globex.admin, globex.agent]) {
      await person.get(`/notifications/${id}`).expect(404).expect(errorOf('not_found'));
      await person.post(`/notifications/${id}/read`).expect(404);
      await person.delete(`/notifications/${id}`).expect(404);
      await person.graphql('mutation ($id: ID!) { markNotificationRead(id: $id) { id } }', { id }).expect(({ body }) => {
        expect((body as { errors: { extensions: object }[] }).errors[0].extensions).toMatchObject({ error_code: 'not_found' });
      });
      expect(await listOf(person)).toEqual([]);
    }
    await acme.agent.get('/notifications/nobody').expect(422);
    expect(await listOf(acme.agent)).toMatchObject([{ id, is_read: false }]);
  });

  it('look as the contract says', async () => {
    const data = { conversation_id: newId(), campaign: 'Natal' };
    const [sent] = await send({ data, priority: 'high', action_url: 'https://app.example/x', channels: [...ALL, 'sms'] });

    const { body } = await acme.agent.get(`/notifications/${sent.id}`).expect(200);

    const recipient = acme.agent.user.id;
    const base = { error_message: null, reason: null, retry_count: 0 };
    expect(body).toEqual({
      id: sent.id,
      organization_id: acme.id,
      user_id: recipient,
      type: 'custom',
      notification_type: 'custom',
      ...WORDS,
      subject: WORDS.title,
      priority: 'high',
      data,
      notification_metadata: data,
      action_url: 'https://app.example/x',
      is_read: false,
      read_at: null,
      status: 'unread',
      deliveries: [
        { channel: 'in_app', status: 'sent', recipient, sent_at: expect.any(String) as string, ...base },
        { channel: 'websocket', status: 'sent', recipient, sent_at: expect.any(String) as string, ...base },
        expect.objectContaining({ channel: 'email', recipient: acme.agent.user.email }) as object,
        { channel: 'sms', status: 'skipped', recipient, sent_at: null, ...base, reason: 'disabled' },
      ],
      created_at: sent.created_at,
      updated_at: expect.any(String) as string,
    });
  });

  it('list in pages, narrowed and sorted', async () => {
    const titles = ['Ação', 'Bolo', 'Café', 'Doce'];
    for (const title of titles) await send({ title, channels: title === 'Bolo' ? ALL : ['in_app'] });
    await acme.agent.post('/notifications/test', { channel: 'in_app' }).expect(200);
    const [first] = await listOf(acme.agent, 'type=custom&search=acao');
    await acme.agent.post(`/notifications/${first.id}/read`).expect(200);
    const found = async (query: string): Promise<string[]> => (await listOf(acme.agent, query)).map(({ title }) => title);

    const { body, headers } = await acme.agent.get('/notifications?type=custom&limit=3').expect(200);
    expect(body).toMatchObject({ total: 4, page: 1, page_size: 3, total_pages: 2 });
    expect(headers['x-total-count']).toBe('4');
    expect((body as { items: Notice[] }).items.map(({ title }) => title)).toEqual(['Doce', 'Café', 'Bolo']);
    expect(await found(`type=custom&limit=3&cursor=${(body as { next_cursor: string }).next_cursor}`)).toEqual(['Ação']);
    expect(await found('type=custom&sort=title:asc')).toEqual(titles);
    expect(await found('type=custom&is_read=false&sort=created_at:asc')).toEqual(['Bolo', 'Café', 'Doce']);
    expect(await found('status=read')).toEqual(['Ação']);
    expect(await found('type=custom&status=unread&sort=title:desc')).toEqual(['Doce', 'Café', 'Bolo']);
    expect(await found('type=test')).toHaveLength(1);
    expect(await found('channel=email')).toEqual(['Bolo']);
    expect(await found('channel=whatsapp')).toEqual([]);
    expect(await found('type=custom&status=sent')).toHaveLength(4);
    expect(await found('status=failed')).toEqual([]);
    expect(await found('end_date=2020-01-01')).toEqual([]);
    expect(await found('type=custom&start_date=2020-01-01&search=CAFE')).toEqual(['Café']);
    for (const [field, query] of Object.entries({
      sort: 'sort=organization_id',
      channel: 'channel=pigeon',
      type: 'type=zzz',
      status: 'status=gone',
      is_read: 'is_read=perhaps',
      end_date: 'start_date=2026-02-01&end_date=2026-01-01',
    }))
      await acme.agent.get(`/notifications?${query}`).expect(wrongField('query', field));
  });

  it('are read, counted and put away', async () => {
    const [[one], [two], [three]] = [await send(), await send(), await send()];
    const { agent } = acme;
    expect(await unreadOf(agent)).toBe(3);

    const { body: read } = await agent.post(`/notifications/${one.id}/read`).expect(200);
    expect(read).toMatchObject({ id: one.id, is_read: true, status: 'read', read_at: expect.any(String) as string });
    const { body: again } = await agent.post(`/notifications/${one.id}/read`).expect(200);
    expect(again).toEqual(read);
    expect(await unreadOf(agent)).toBe(2);
    await agent.delete(`/notifications/${two.id}`).expect(200, { deleted: true });
    await agent.get(`/notifications/${two.id}`).expect(404);
    await agent.delete('/notifications').expect(200, { deleted: 1 });
    expect(await listOf(agent)).toMatchObject([{ id: three.id }]);
    await agent.post('/notifications/read-all').expect(200, { marked_as_read: 1 });
    await agent.post('/notifications/read-all').expect(200, { marked_as_read: 0 });
    await send();
    await agent.delete('/notifications?is_read=false').expect(200, { deleted: 1 });
    expect((await listOf(agent)).map(({ id }) => id)).toEqual([three.id]);
    await agent.delete('/notifications?is_read=perhaps').expect(wrongField('query', 'is_read'));
  });

  it('leave one entry in the audit log for each act, none where nothing changed', async () => {
    const [{ id }] = await send();
    for (let time = 0; time < 2; time++) await acme.agent.post(`/notifications/${id}/read`).expect(200);
    await prefer(acme.agent, { max_emails_per_hour: 20 });
    await prefer(acme.agent, { max_emails_per_hour: 20 });

    const entries = await w.sql<{ action: string; changes: object }>(
      `SELECT action, changes FROM audit_logs WHERE organization_id = $1 AND user_id = $2 ORDER BY created_at`,
      [acme.id, acme.agent.user.id],
    );
    expect(entries).toEqual([
      { action: 'notification.read', changes: { is_read: { from: false, to: true } } },
      { action: 'notification_preference.updated', changes: { max_emails_per_hour: { from: 10, to: 20 } } },
    ]);
  });

  it('are the same behind GraphQL', async () => {
    const { agent, admin } = acme;
    const input = { ...WORDS, user_ids: [agent.user.id], data: { campaign_id: newId() } };
    const { body: sent } = await admin.graphql(
      'mutation ($input: NotificationCreateInput!) { sendNotification(input: $input) { id user_id } }',
      {
        input,
      },
    );
    const [{ id }] = (sent as { data: { sendNotification: { id: string }[] } }).data.sendNotification;
    await send();

    const { body } = await agent.graphql(
      `query ($id: ID!) { notification(id: $id) { id title status data deliveries { channel status reason } }
         notifications(limit: 1, is_read: false, type: "custom") { title } unread_notifications_count notification_preferences { email_enabled types } }`,
      { id },
    );
    expect(body).toEqual({
      data: {
        notification: {
          id,
          title: WORDS.title,
          status: 'unread',
          data: input.data,
          deliveries: [
            { channel: 'in_app', status: 'sent', reason: null },
            { channel: 'websocket', status: 'sent', reason: null },
          ],
        },
        notifications: [{ title: WORDS.title }],
        unread_notifications_count: 2,
        notification_preferences: { email_enabled: true, types: {} },
      },
    });
    const act = async (mutation: string): Promise<unknown> =>
      ((await agent.graphql(`mutation { it: ${mutation} }`)).body as { data: object }).data;
    expect(await act(`markNotificationRead(id: "${id}") { is_read }`)).toEqual({ it: { is_read: true } });
    expect(await act('markAllNotificationsRead { marked_as_read }')).toEqual({ it: { marked_as_read: 1 } });
    expect(await act(`deleteNotification(id: "${id}") { success }`)).toEqual({ it: { success: true } });
    expect(await act('updateNotificationPreferences(input: { in_app_enabled: false }) { in_app_enabled }')).toEqual({
      it: { in_app_enabled: false },
    });
    const refused = await agent.graphql('mutation { sendNotification(input: { title: "Oi", message: "Oi", role: "agent" }) { id } }');
    expect((refused.body as { errors: { extensions: object }[] }).errors[0].extensions).toMatchObject({ error_code: 'insufficient_role' });
  });

  it('of a super admin are their own, wherever they act', async () => {
    const operator = await w.superAdmin();
    await operator.post('/notifications/test', { channel: 'in_app' }).expect(200);

    const { body } = await operator.get('/notifications').set('X-Organization-Id', acme.id).expect(200);

    expect((body as { items: Notice[] }).items).toMatchObject([{ type: 'test', organization_id: operator.user.organization_id }]);
    await operator.get('/notifications/preferences').set('X-Organization-Id', acme.id).expect(200);
    const { body: wishes } = await operator
      .put('/notifications/preferences', { email_enabled: false })
      .set('X-Organization-Id', acme.id)
      .expect(200);
    expect(wishes).toMatchObject({ email_enabled: false, organization_id: operator.user.organization_id });
  });

  it('that were read go after 90 days, those nobody read stay', async () => {
    const [[old], [unread], [young]] = [await send(), await send(), await send()];
    for (const { id } of [old, young]) await acme.agent.post(`/notifications/${id}/read`).expect(200);
    await prefer(acme.agent, { in_app_enabled: false });
    const [unlisted] = await send();
    await w.sql("UPDATE notifications SET created_at = now() - interval '91 days' WHERE id = ANY($1)", [[old.id, unread.id, unlisted.id]]);

    await w.app.get(SweepRetention).sweep();

    expect((await listOf(acme.agent)).map(({ id }) => id).sort()).toEqual([unread.id, young.id].sort());
    await acme.agent.get(`/notifications/${unlisted.id}`).expect(404);
  });
});

describe('a word to others', () => {
  it('goes to those named, or to everybody of a role', async () => {
    const gone = await acme.hire('agent', { is_active: false });
    const second = await acme.hire('agent');

    const named = await send({ user_ids: [acme.agent.user.id, acme.viewer.user.id, acme.agent.user.id, gone.user.id] });
    const { body: page } = await acme.admin.post('/notifications', { ...WORDS, role: 'agent' }).expect(201);

    expect(named.map(({ user_id }) => user_id).sort()).toEqual([acme.agent.user.id, acme.viewer.user.id].sort());
    expect(page).toMatchObject({ total: 2, page: 1, next_cursor: null });
    expect((page as { items: Notice[] }).items.map(({ user_id }) => user_id).sort()).toEqual([acme.agent.user.id, second.user.id].sort());
    expect(await listOf(globex.agent)).toEqual([]);
    expect(await listOf(acme.admin)).toEqual([]);
  });

  it('goes to a department', async () => {
    const second = await acme.hire('agent');
    const agent_ids = [acme.agent.user.id, second.user.id];
    const { body: department } = await acme.admin.post('/departments', { name: 'Vendas', agent_ids }).expect(201);
    const to = { department_id: (department as Row).id };

    const { body: page } = await acme.admin.post('/notifications', { ...WORDS, ...to }).expect(201);

    expect((page as { items: Notice[] }).items.map(({ user_id }) => user_id).sort()).toEqual(agent_ids.sort());
    await globex.admin.post('/notifications', { ...WORDS, ...to }).expect(404);
  });

  it('takes other spellings of its fields', async () => {
    const { body } = await acme.admin
      .post('/notifications', { role: 'viewer', subject: 'Oi', message: 'Oi!', notification_metadata: { topic: 'festa' } })
      .expect(201);
    expect((body as { items: Notice[] }).items).toMatchObject([{ title: 'Oi', data: { topic: 'festa' } }]);
  });

  it('is refused naming the field', async () => {
    const { admin, agent } = acme;
    const to = { user_ids: [agent.user.id] };
    const wrong: [string, object][] = [
      ['title', { ...to, message: 'Oi' }],
      ['title', { ...to, ...WORDS, title: '   ' }],
      ['title', { ...to, ...WORDS, title: 'x'.repeat(256) }],
      ['message', { ...to, ...WORDS, message: '' }],
      ['message', { ...to, ...WORDS, message: 'x'.repeat(2001) }],
      ['priority', { ...to, ...WORDS, priority: 'urgent' }],
      ['data', { ...to, ...WORDS, data: 'text' }],
      ['data', { ...to, ...WORDS, data: { text: 'x'.repeat(9000) } }],
      ['action_url', { ...to, ...WORDS, action_url: 'javascript:alert(1)' }],
      ['channels', { ...to, ...WORDS, channels: ['pigeon'] }],
      ['channels', { ...to, ...WORDS, channels: [] }],
      ['user_ids', WORDS],
      ['user_ids', { ...WORDS, user_ids: [] }],
      ['user_ids', { ...to, ...WORDS, role: 'agent' }],
      ['role', { ...WORDS, role: 'super_admin' }],
      ['department_id', { ...WORDS, department_id: 'sales' }],
    ];
    for (const [field, body] of wrong) await admin.post('/notifications', body).expect(wrongField(field));
    for (const body of [{ user_ids: [newId()] }, { user_ids: [agent.user.id, globex.agent.user.id] }, { department_id: newId() }])
      await admin
        .post('/notifications', { ...WORDS, ...body })
        .expect(404)
        .expect(errorOf('not_found'));
    await admin.post('/notifications', { ...to, ...WORDS, data: { contact_id: newId() } }).expect(404);
    expect(await listOf(agent)).toEqual([]);
  });
});

describe('preferences', () => {
  it('are made with their defaults when they are first asked for, once', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => acme.agent.get('/notifications/preferences').expect(200)));

    expect(answers[0].body).toEqual({
      id: expect.any(String) as string,
      organization_id: acme.id,
      user_id: acme.agent.user.id,
      email_enabled: true,
      sms_enabled: false,
      whatsapp_enabled: false,
      websocket_enabled: true,
      in_app_enabled: true,
      quiet_hours_enabled: false,
      quiet_hours_start: null,
      quiet_hours_end: null,
      max_emails_per_hour: 10,
      max_sms_per_hour: 5,
      types: {},
      created_at: expect.any(String) as string,
      updated_at: expect.any(String) as string,
    });
    expect(new Set(answers.map(({ body }) => (body as Row).id)).size).toBe(1);
    expect(await w.sql('SELECT 1 FROM notification_preferences WHERE user_id = $1', [acme.agent.user.id])).toHaveLength(1);
  });

  it('change in part, and refuse what they cannot be', async () => {
    const types = { new_contact: { in_app: true }, custom: { email: true, websocket: false } };
    await prefer(acme.viewer, { types, max_emails_per_hour: 100 });
    const { body } = await acme.viewer.put('/notifications/preferences', { quiet_hours_start: '22:00' }).expect(200);
    expect(body).toMatchObject({ types, max_emails_per_hour: 100, quiet_hours_start: '22:00', quiet_hours_enabled: false });

    const wrong: [string, object][] = [
      ['quiet_hours_end', { quiet_hours_enabled: true }],
      ['quiet_hours_end', { quiet_hours_enabled: true, quiet_hours_end: '22:00' }],
      ['quiet_hours_start', { quiet_hours_enabled: true, quiet_hours_start: null, quiet_hours_end: '07:00' }],
      ['quiet_hours_start', { quiet_hours_start: '24:00' }],
      ['quiet_hours_end', { quiet_hours_end: '7:00' }],
      ['max_emails_per_hour', { max_emails_per_hour: 0 }],
      ['max_emails_per_hour', { max_emails_per_hour: 101 }],
      ['max_sms_per_hour', { max_sms_per_hour: 51 }],
      ['email_enabled', { email_enabled: null }],
      ['types', { types: { no_such_type: { email: true } } }],
      ['types', { types: { custom: { pigeon: true } } }],
      ['types', { types: { custom: { email: 'yes' } } }],
      ['types', { types: [] }],
    ];
    for (const [field, change] of wrong) await acme.viewer.put('/notifications/preferences', change).expect(wrongField(field));
    await prefer(acme.viewer, { quiet_hours_enabled: true, quiet_hours_end: '07:00' });
  });

  it('say which ways a notice takes', async () => {
    const { agent } = acme;
    await prefer(agent, { types: { custom: { websocket: false, whatsapp: true } }, whatsapp_enabled: true });

    const [usual] = await send({ channels: ALL });

    expect(usual.deliveries.map(({ channel, status, reason }) => [channel, status, reason])).toEqual([
      ['in_app', 'sent', null],
      ['websocket', 'skipped', 'disabled'],
      ['email', 'pending', null],
      ['whatsapp', 'skipped', 'not_configured'],
    ]);
    await prefer(agent, { email_enabled: false, websocket_enabled: false, in_app_enabled: false, types: {} });
    expect(await send({ channels: ALL })).toEqual([]);
  });

  it('with in_app switched off keep a notice out of list and count, not off the sockets', async () => {
    const { agent } = acme;
    await prefer(agent, { in_app_enabled: false });
    const socket = await socketOf(agent);

    const [{ id }] = await send();

    expect(await socket.hear('notification:new')).toMatchObject({ id });
    expect(await listOf(agent)).toEqual([]);
    expect(await unreadOf(agent)).toBe(0);
    await agent.get(`/notifications/${id}`).expect(200);
    await agent.post('/notifications/read-all').expect(200, { marked_as_read: 0 });
  });
});

describe('the same again', () => {
  it('within a minute is one notice, however many come at once', async () => {
    const data = { conversation_id: newId() };
    const told = await Promise.all(Array.from({ length: 50 }, (_, n) => send({ data, title: `Aviso ${n}` })));

    expect(new Set(told.flat().map(({ id }) => id)).size).toBe(1);
    expect(await listOf(acme.agent)).toMatchObject([{ title: expect.stringMatching(/^Aviso \d+$/) as string }]);
    const [{ id, title }] = await send({ data, title: 'O último' });
    expect([id, title]).toEqual([told[0][0].id, 'O último']);
  });

  it('is another one about something else, for somebody else, once it was read, and after a minute', async () => {
    const data = { campaign_id: newId() };
    const [first] = await send({ data });
    await send({ data: { campaign_id: newId() } });
    await send({ data, user_ids: [acme.viewer.user.id] });
    await send();
    await send();
    expect(await listOf(acme.agent)).toHaveLength(4);

    await acme.agent.post(`/notifications/${first.id}/read`).expect(200);
    const [second] = await send({ data });
    expect(second.id).not.toBe(first.id);
    await w.sql("UPDATE notifications SET created_at = now() - interval '61 seconds' WHERE id = $1", [second.id]);
    const [third] = await send({ data });
    expect(third.id).not.toBe(second.id);
    expect((await send({ data }))[0].id).toBe(third.id);
  });

  it('is mailed once', async () => {
    const data = { campaign_id: newId() };
    for (let time = 0; time < 3; time++) await send({ data, channels: ALL });
    await settled();

    expect(box.of(acme.agent.user.email)).toHaveLength(1);
  });

  it('is never lost between reading all and what comes meanwhile', async () => {
    const { agent } = acme;
    const [{ body }] = await Promise.all([agent.post('/notifications/read-all').expect(200), ...Array.from({ length: 50 }, () => send())]);

    const marked = (body as { marked_as_read: number }).marked_as_read;
    expect((await listOf(agent, 'is_read=true&limit=100')).length).toBe(marked);
    expect(await unreadOf(agent)).toBe(50 - marked);
    expect((await listOf(agent, 'is_read=false&limit=100')).length).toBe(50 - marked);
  });
});

describe('sockets', () => {
  it('of the user alone hear what they are told and what they read', async () => {
    const { agent, admin } = acme;
    const [own, second, other, foreign] = await Promise.all([socketOf(agent), socketOf(agent), socketOf(admin), socketOf(globex.agent)]);
    const raw = await rawOf(agent);
    await raw.subscribe('notifications');

    const [first] = await send();
    const [next] = await send();
    for (const socket of [own, second])
      expect(await socket.hear('notification:new', ({ id }) => id === next.id)).toMatchObject({
        ...WORDS,
        status: 'unread',
        subject: WORDS.title,
      });
    expect(await raw.hear('event', ({ event }) => event === 'notification:new')).toMatchObject({
      channel: 'notifications',
      data: { id: first.id },
    });
    await agent.post(`/notifications/${first.id}/read`).expect(200);
    expect(await second.hear('notification:read')).toEqual({ id: first.id, unread_count: 1 });
    await agent.post('/notifications/read-all').expect(200);
    expect(await own.hear('notification:read', ({ all }) => all === true)).toEqual({ all: true, unread_count: 0 });

    const third = await send();
    await agent.delete(`/notifications/${third[0].id}`).expect(200);
    expect(await own.hear('notification:read', ({ id }) => id === third[0].id)).toEqual({ id: third[0].id, unread_count: 0 });
    await send({ user_ids: [admin.user.id] });
    await other.hear('notification:new');
    expect(other.all('notification:new')).toHaveLength(1);
    expect(other.all('notification:read')).toEqual([]);
    expect(foreign.all('notification:new')).toEqual([]);
  });

  it('hear nothing of what the user does not want there', async () => {
    const { agent } = acme;
    await prefer(agent, { types: { custom: { websocket: false } } });
    const socket = await socketOf(agent);

    await send();
    await prefer(agent, { types: {} });
    const [{ id }] = await send();

    await socket.hear('notification:new', (data) => data.id === id);
    expect(socket.all('notification:new')).toHaveLength(1);
  });
});

describe('mails of notices', () => {
  it('carry no word of an administrator to an address that nobody has confirmed', async () => {
    const email = `somebody@${acme.slug}.example`;
    const { body } = await acme.admin.post('/users', { email, full_name: 'Alguém', role: 'viewer', password: PASSWORD }).expect(201);
    const { id } = body as Row;

    const [untold] = await send({ user_ids: [id], channels: ALL });
    await w.sql('UPDATE users SET email_verified = true WHERE id = $1', [id]);
    await send({ user_ids: [id], channels: ALL, title: 'Confirmado' });

    expect(delivery(untold, 'email')).toMatchObject({ status: 'skipped', reason: 'unconfirmed' });
    expect(delivery(untold, 'in_app')).toMatchObject({ status: 'sent' });
    expect((await box.newest(email)).subject).toBe('Confirmado');
    expect(box.of(email)).toHaveLength(1);
  });

  it('leave in the language of the user, and say what became of them', async () => {
    const { agent } = acme;
    const [{ id }] = await send({ channels: ALL, action_url: 'https://app.example/sala' });

    const mail = await box.newest(agent.user.email);
    expect(mail.subject).toBe(WORDS.title);
    expect(mail.text).toContain(WORDS.message);
    expect(mail.text).toContain('Abrir:\nhttps://app.example/sala');
    expect(await mailed(agent, id)).toEqual({
      channel: 'email',
      status: 'sent',
      recipient: agent.user.email,
      sent_at: expect.any(String) as string,
      error_message: null,
      reason: null,
      retry_count: 0,
    });

    await agent.put('/users/me', { language: 'en-US' }).expect(200);
    await agent.post('/notifications/test', {}).expect(200);
    expect(await box.newest(agent.user.email, 2)).toMatchObject({
      subject: 'Test notification',
      text: expect.stringContaining('Open:') as string,
    });
  });

  it('that the server refuses are failed, those it takes later are sent', async () => {
    const { agent, viewer } = acme;
    box.refuses.set(agent.user.email, 550);
    box.refuses.set(viewer.user.email, 451);
    const [refused] = await send({ channels: ALL });
    const [late] = await send({ channels: ALL, user_ids: [viewer.user.id] });

    expect(await mailed(agent, refused.id)).toMatchObject({ status: 'failed', error_message: expect.stringContaining('550') as string });
    expect((await listOf(agent, 'status=failed')).map(({ id }) => id)).toEqual([refused.id]);
    const tried = (): Promise<unknown[]> =>
      w.sql('SELECT 1 FROM outbound_mails WHERE recipient = $1 AND error IS NOT NULL', [viewer.user.email]);
    await until(async () => (await tried()).length, 'the first try');
    box.refuses.delete(viewer.user.email);
    await w.sql("UPDATE outbound_mails SET due_at = now() - interval '1 minute' WHERE recipient = $1", [viewer.user.email]);
    await w.app.get(DueRows).sweep();
    expect(await mailed(viewer, late.id)).toMatchObject({ status: 'sent', retry_count: 1, error_message: null });
    expect(await listOf(viewer, 'status=failed')).toEqual([]);
  });

  it('stay away in quiet hours, by the clock of the user', async () => {
    const { agent, viewer } = acme;
    const clock = (timeZone: string, minutes: number): string =>
      new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(
        Date.now() + minutes * 60_000,
      );
    const quiet = { quiet_hours_enabled: true, quiet_hours_start: clock('Asia/Tokyo', -60), quiet_hours_end: clock('Asia/Tokyo', 60) };
    for (const person of [agent, viewer]) await prefer(person, quiet);
    await agent.put('/users/me', { timezone: 'Asia/Tokyo' }).expect(200);

    const told = await send({ channels: ALL, user_ids: [agent.user.id, viewer.user.id] });
    const of = (person: Person): string => told.find(({ user_id }) => user_id === person.user.id)?.id ?? '';

    expect(await mailed(agent, of(agent))).toMatchObject({ status: 'skipped', reason: 'quiet_hours' });
    expect(await mailed(viewer, of(viewer))).toMatchObject({ status: 'sent' });
    expect(box.of(agent.user.email)).toEqual([]);
    expect(await unreadOf(agent)).toBe(1);
  });

  it('are no more than the user wants in an hour, however many come at once', async () => {
    const { agent } = acme;
    await prefer(agent, { max_emails_per_hour: 3 });

    await Promise.all(Array.from({ length: 50 }, () => send({ channels: ALL })));
    await settled();

    const fates = (await listOf(agent, 'limit=100')).map((notice) => delivery(notice, 'email'));
    expect(fates.filter((fate) => fate?.status === 'sent')).toHaveLength(3);
    expect(fates.filter((fate) => fate?.reason === 'rate_limited')).toHaveLength(47);
    expect(box.of(agent.user.email)).toHaveLength(3);
  });

  it('are none where the organization has switched them off', async () => {
    await acme.admin.put('/organizations/me/settings', { notification_settings: { email_enabled: false } }).expect(200);

    const [notice] = await send({ channels: ALL });

    expect(delivery(notice, 'email')).toMatchObject({ status: 'skipped', reason: 'disabled' });
  });

  it('come as one digest in the morning where the organization wants it so', async () => {
    const { agent, viewer } = acme;
    await acme.admin.put('/organizations/me/settings', { notification_settings: { digest: true } }).expect(200);
    const told: Notice[] = [];
    for (let n = 1; n <= 25; n++) told.push(...(await send({ channels: ALL, title: `Aviso ${n}` })));
    const [read] = await send({ channels: ALL, title: 'Já lido' });
    const [all_read] = await send({ channels: ALL, user_ids: [viewer.user.id] });
    await agent.post(`/notifications/${read.id}/read`).expect(200);
    await viewer.post(`/notifications/${all_read.id}/read`).expect(200);
    await settled();
    const waiting = await w.sql<{ due: string }>(
      `SELECT DISTINCT to_char(email_due_at AT TIME ZONE 'America/Sao_Paulo', 'HH24:MI') AS due FROM notifications WHERE organization_id = $1 AND email_due_at > now()`,
      [acme.id],
    );
    expect(waiting).toEqual([{ due: '08:00' }]);
    expect(box.of(agent.user.email)).toEqual([]);

    // As if it were the next morning.
    await w.sql(
      `UPDATE notifications SET created_at = created_at - interval '1 day', email_due_at = now() - interval '1 minute' WHERE organization_id = $1`,
      [acme.id],
    );
    await w.app.get(DueRows).sweep();
    await settled();

    const mail = await box.newest(agent.user.email);
    expect(mail.subject).toBe('Notificações que você ainda não leu: 25');
    expect(mail.text).toContain('• Aviso 25\n');
    expect(mail.text).toContain('• Aviso 6\n+ 5');
    expect(mail.text).not.toContain('Já lido');
    expect(box.of(agent.user.email)).toHaveLength(1);
    expect(box.of(viewer.user.email)).toEqual([]);
    expect(await mailed(agent, told[0].id)).toMatchObject({ status: 'sent' });
    expect(await mailed(agent, read.id)).toMatchObject({ status: 'skipped', reason: 'read' });
  });
});

describe('a test', () => {
  it('shows whether a channel works', async () => {
    const { agent } = acme;
    const { body } = await agent.post('/notifications/test', {}).expect(200);
    expect(body).toMatchObject({ type: 'test', title: 'Notificação de teste', deliveries: [{ channel: 'email' }] });
    expect(await mailed(agent, (body as Notice).id)).toMatchObject({ status: 'sent', recipient: agent.user.email });

    await prefer(agent, { email_enabled: false });
    const { body: off } = await agent.post('/notifications/test', {}).expect(200);
    expect(off).toMatchObject({ deliveries: [{ channel: 'email', status: 'skipped', reason: 'disabled' }] });
    await agent.post('/notifications/test', { channel: 'pigeon' }).expect(wrongField('channel'));
  });

  it('goes elsewhere for administrators only, ten times an hour', async () => {
    const to_email = `someone@${acme.slug}.example`;
    await acme.agent.post('/notifications/test', { to_email }).expect(403).expect(errorOf('insufficient_role'));
    await acme.admin.post('/notifications/test', { to_email: 'nobody' }).expect(wrongField('to_email'));

    const answers = await Promise.all(Array.from({ length: 50 }, () => acme.admin.post('/notifications/test', { to_email })));

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(40);
    errorOf('rate_limit_exceeded')(refused[0]);
    expect(Number(refused[0].headers['retry-after'])).toBeGreaterThan(3000);
    await box.newest(to_email, 10);
  });
});

describe('rooms tell', () => {
  const inboxOf = async (company = acme): Promise<Inbox> => new Inbox(w, company, await officialNumber(w, company));

  /** A customer has written; nobody has the conversation. */
  async function conversationIn(inbox: Inbox, name = 'Rui Dias'): Promise<{ id: string; contact_id: string; write: () => Promise<void> }> {
    const person = inbox.person({ name });
    const write = (): Promise<void> => inbox.receive(metaPayload.text(person));
    await write();
    const conversation = (await inbox.conversations()).at(-1) as Row & { contact_id: string };
    return { id: conversation.id, contact_id: conversation.contact_id, write };
  }

  it('agents of conversations that others give them, end, or that customers go on writing in', async () => {
    const { agent, admin } = acme;
    const { id, contact_id, write } = await conversationIn(await inboxOf());

    await admin.post(`/conversations/${id}/assign`, { agent_id: agent.user.id }).expect(200);
    const assigned = await noticeOf(agent, 'conversation_assigned');
    expect(assigned).toMatchObject({
      title: 'Nova conversa para você: Rui Dias',
      message: `A conversa com Rui Dias agora é sua, por ${admin.user.full_name}.`,
      data: { conversation_id: id, contact_id },
    });
    expect(assigned.deliveries.map(({ channel }) => channel)).toEqual(ALL);
    expect((await box.newest(agent.user.email)).subject).toBe('Nova conversa para você: Rui Dias');

    await write();
    expect(await noticeOf(agent, 'new_message')).toMatchObject({
      title: 'Nova mensagem de Rui Dias',
      data: { conversation_id: id, contact_id },
    });
    await write();
    await settled();
    await noticeOf(agent, 'new_message');

    await admin.post(`/conversations/${id}/close`, {}).expect(200);
    expect(await noticeOf(agent, 'conversation_closed')).toMatchObject({
      message: `${admin.user.full_name} encerrou a sua conversa com Rui Dias.`,
    });
    expect(await listOf(admin)).toEqual([]);
    expect(await listOf(globex.agent)).toEqual([]);
  });

  it('nobody of what they do themselves, and of messages nobody who is there', async () => {
    const { agent } = acme;
    const { id, write } = await conversationIn(await inboxOf());
    await w.sql('UPDATE users SET is_online = true WHERE id = $1', [agent.user.id]);

    await agent.post(`/conversations/${id}/assign`, { agent_id: agent.user.id }).expect(200);
    await write();
    await agent.post(`/conversations/${id}/close`, {}).expect(200);
    await settled();

    expect(await listOf(agent)).toEqual([]);
  });

  it('the next agent of a conversation that was another’s, in their language', async () => {
    const { agent, admin } = acme;
    const second = await acme.hire('agent');
    await second.put('/users/me', { language: 'en' }).expect(200);
    const { id } = await conversationIn(await inboxOf());
    await admin.post(`/conversations/${id}/assign`, { agent_id: agent.user.id }).expect(200);

    await agent.post(`/conversations/${id}/assign`, { agent_id: second.user.id }).expect(200);

    expect(await noticeOf(second, 'conversation_transferred')).toMatchObject({
      title: 'Conversation transferred to you: Rui Dias',
      message: `The conversation with Rui Dias is yours now, by ${agent.user.full_name}.`,
    });
  });

  it('administrators who want it of people who write for the first time', async () => {
    const inbox = await inboxOf();
    const first = await conversationIn(inbox);
    await settled();
    expect(await listOf(acme.admin)).toEqual([]);

    await prefer(globex.admin, { types: { new_contact: { in_app: true } } });
    const second = await conversationIn(await inboxOf(globex), 'Lia Reis');
    expect(await noticeOf(globex.admin, 'new_contact')).toMatchObject({
      title: 'Novo contato: Lia Reis',
      data: { contact_id: second.contact_id },
    });
    await second.write();
    await globex.admin.post('/contacts', { whatsapp_id: '+5511987650088', name: 'À mão' }).expect(201);
    await first.write();
    await settled();
    await noticeOf(globex.admin, 'new_contact');
  });

  it('administrators of a number that lost its connection', async () => {
    const inbox = await inboxOf();

    await inbox.receive(metaPayload.accountUpdate('DISABLED_UPDATE', inbox.to));

    expect(await noticeOf(acme.admin, 'whatsapp_disconnected')).toMatchObject({
      title: `WhatsApp desconectado: Acme (${inbox.number.phone_number})`,
      priority: 'high',
      data: { whatsapp_number_id: inbox.number.id },
    });
    await box.newest(acme.admin.user.email);
    expect(await listOf(acme.agent)).toEqual([]);
  });

  it('administrators once of each absence of an agent with open conversations', async () => {
    const { agent, admin } = acme;
    const { id } = await conversationIn(await inboxOf());
    await admin.post(`/conversations/${id}/assign`, { agent_id: agent.user.id }).expect(200);
    const seen = (minutes_ago: number): Promise<unknown> =>
      w.sql(`UPDATE users SET is_online = false, last_seen_at = now() - $2 * interval '1 minute' WHERE id = $1`, [
        agent.user.id,
        minutes_ago,
      ]);
    const sweep = async (): Promise<void> => {
      await Promise.all(Array.from({ length: 10 }, () => w.app.get(DueRows).sweep()));
      await settled();
    };

    await seen(4);
    await sweep();
    expect(await listOf(admin)).toEqual([]);
    await seen(6);
    await sweep();
    expect(await noticeOf(admin, 'agent_offline')).toMatchObject({
      title: `${agent.user.full_name} está offline com conversas abertas`,
      data: { agent_id: agent.user.id },
    });
    await admin.delete('/notifications?is_read=false').expect(200);
    await sweep();
    expect(await listOf(admin)).toEqual([]);

    // They came back, and left again.
    await seen(5.5);
    await sweep();
    await noticeOf(admin, 'agent_offline');
    await admin.delete('/notifications?is_read=false').expect(200);
    await agent.post(`/conversations/${id}/close`, {}).expect(200);
    await seen(5.2);
    await sweep();
    expect(await listOf(admin)).toEqual([]);
  });

  it('a user of what happens to their account, by mail whatever they prefer', async () => {
    const { agent } = acme;
    for (let guess = 0; guess < 5; guess++)
      await w.guest.post('/auth/login', { email: agent.user.email, password: 'wrong-one-1' }).expect(401);

    const locked = await noticeOf(agent, 'security_alert');
    expect(locked).toMatchObject({ title: 'O acesso à sua conta foi bloqueado por um tempo', priority: 'high' });

    const { viewer } = acme;
    await prefer(viewer, { email_enabled: false, quiet_hours_enabled: true, quiet_hours_start: '00:00', quiet_hours_end: '23:59' });
    const { body } = await w.guest.post('/auth/login', { email: viewer.user.email, password: PASSWORD }).expect(200);
    const { refresh_token } = body as { refresh_token: string };
    await w.guest.post('/auth/refresh', { refresh_token }).expect(200);
    await w.guest.post('/auth/refresh', { refresh_token }).expect(401);
    const stolen = await noticeOf(viewer, 'security_alert');
    expect(stolen).toMatchObject({ title: 'Encerramos uma sessão sua por segurança' });
    expect(await box.newest(viewer.user.email)).toMatchObject({
      subject: stolen.title,
      text: expect.stringContaining('chega sempre') as string,
    });
    expect(await mailed(viewer, stolen.id)).toMatchObject({ status: 'sent' });
  });

  it('a user of another password, another second factor, and the keys made in their name', async () => {
    const { admin, agent, viewer } = acme;
    const titles = async (person: Person): Promise<string[]> =>
      (await listOf(person, 'type=security_alert&sort=created_at:asc')).map(({ title }) => title);
    const told = async (person: Person, expected: string[]): Promise<void> => {
      await until(async () => (await titles(person)).length >= expected.length, `alerts for ${person.user.full_name}`);
      expect(await titles(person)).toEqual(expected);
    };

    const { secret } = await enrol(viewer);
    await viewer.post('/auth/2fa/disable', { password: PASSWORD, code: codeOf(secret) }).expect(204);
    await told(viewer, [
      'A verificação em duas etapas da sua conta foi ativada',
      'A verificação em duas etapas da sua conta foi desativada',
    ]);
    expect((await box.newest(viewer.user.email, 2)).subject).toContain('verificação em duas etapas');

    await enrol(agent);
    await admin.post(`/users/${agent.user.id}/reset-two-factor`).expect(200);
    await admin.post(`/users/${agent.user.id}/change-password`, { new_password: 'another-horse-2' }).expect(200);
    const { body } = await w.guest.post('/auth/login', { email: agent.user.email, password: 'another-horse-2' }).expect(200);
    const back = new Person(w.base_url, (body as { access_token: string }).access_token, agent.user);
    await told(back, [
      'A verificação em duas etapas da sua conta foi ativada',
      'A verificação em duas etapas da sua conta foi desativada',
      'A senha da sua conta foi alterada',
    ]);
    await settled();
    // Of a password there is a mail of its own.
    expect(box.of(agent.user.email).map(({ subject }) => subject)).not.toContain('A senha da sua conta foi alterada');

    const other = await acme.hire('org_admin');
    const { body: key } = await other.post('/api-keys', { name: 'ERP', role: 'viewer' }).expect(201);
    await admin.post(`/api-keys/${(key as { id: string }).id}/rotate`, {}).expect(200);
    const rotated = 'Uma chave de API tem um novo valor';
    await told(other, ['Uma chave de API foi criada com a sua conta', rotated]);
    await told(admin, [rotated]);
  });

  it('of a contact only as long as there is one', async () => {
    const { agent, admin } = acme;
    const inbox = await inboxOf();
    const [one, two] = [await conversationIn(inbox, 'Rui Dias'), await conversationIn(inbox, 'Rui D.')];
    await admin.post(`/conversations/${two.id}/assign`, { agent_id: agent.user.id }).expect(200);
    const { id } = await noticeOf(agent, 'conversation_assigned');

    await admin.post(`/contacts/${one.contact_id}/merge`, { other_contact_id: two.contact_id }).expect(200);

    expect(await w.sql('SELECT contact_id FROM notifications WHERE id = $1', [id])).toEqual([{ contact_id: one.contact_id }]);
  });
});

describe('the document', () => {
  it('says of every type which ways it takes by default', () => {
    const schemas = openApiOf(w.app, w.env).components?.schemas as Record<
      string,
      Schema & { properties: { types: { description: string } } }
    >;
    const { description } = schemas['NotificationPreference'].properties.types;
    const told = (ways: readonly string[], always: boolean): string => {
      if (always) return 'In the app and by mail whatever is wanted';
      if (ways.includes('email')) return 'By mail too';
      if (ways.includes('websocket')) return 'In the app and on sockets by default';
      return ways.length ? 'In the app alone' : 'Nowhere';
    };

    for (const [type, { channels, always_by_mail = false }] of noticeTypes())
      expect(description).toMatch(new RegExp(`${told(channels, always_by_mail)}:\\s[a-z_,\\s]*\\b${type}\\b`));
  });
});

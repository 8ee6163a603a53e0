import { type Events, eventCatalogue } from '#common/events';
import { DueRows } from '#database/due-rows';
import { Database } from '#database/database';
import { type Inbox, inbox } from './support/inbox';
import { metaPayload } from './support/meta-payloads';
import { selectsOf } from './support/statements';
import { type Person, errorOf, world, wrongField } from './support/world';

/** An inbox with one customer who has just written. */
async function shop(): Promise<{
  box: Inbox;
  agent: Person;
  admin: Person;
  conversation: { id: string; contact_id: string };
  person: ReturnType<Inbox['person']>;
}> {
  const box = await inbox();
  const person = box.person({ name: 'Mariana Costa' });
  await box.receive(metaPayload.text({ ...person, body: 'Vocês entregam?' }));
  const conversation = (await box.conversation()) as unknown as { id: string; contact_id: string };
  return { box, agent: box.company.agent, admin: box.company.admin, conversation, person };
}

describe('the room', () => {
  it('is closed without a token, and a viewer only reads', async () => {
    const { box, conversation } = await shop();
    const { viewer } = box.company;

    await box.w.guest.get('/conversations').expect(401);
    await viewer.get(`/conversations/${conversation.id}`).expect(200);
    for (const action of ['read', 'assign', 'close', 'reopen', 'archive'])
      await viewer.post(`/conversations/${conversation.id}/${action}`, { agent_id: null }).expect(403);
    await viewer.post('/conversations', { contact_id: conversation.contact_id }).expect(403);
    await viewer.put(`/conversations/${conversation.id}`, {}).expect(403);
  });

  it('hides a conversation of another organization', async () => {
    const { box, conversation } = await shop();
    const { agent } = box.w.globex;

    await agent.get(`/conversations/${conversation.id}`).expect(404).expect(errorOf('not_found'));
    await agent.get(`/conversations/${conversation.id}/messages`).expect(404);
    await agent.post(`/conversations/${conversation.id}/close`, {}).expect(404);
    await agent.post('/conversations', { contact_id: conversation.contact_id }).expect(404);
    expect((await agent.get(`/conversations?contact_id=${conversation.contact_id}`).expect(200)).body.items).toEqual([]);
  });

  it('names the wrong field', async () => {
    const { agent, conversation } = await shop();

    await agent.post('/conversations', {}).expect(wrongField('contact_id'));
    await agent.post('/conversations', { contact_phone: 'abc' }).expect(wrongField('contact_phone'));
    await agent.post(`/conversations/${conversation.id}/assign`, {}).expect(wrongField('agent_id'));
    await agent.put(`/conversations/${conversation.id}`, { priority: 'enorme' }).expect(wrongField('priority'));
    await agent.put(`/conversations/${conversation.id}`, { tags: null }).expect(wrongField('tags'));
    await agent.get('/conversations?sort=password').expect(wrongField('query', 'sort'));
    await agent.get('/conversations/42').expect(wrongField('path', 'conversation_id'));
  });

  it('shows no hidden column', async () => {
    const { agent, conversation } = await shop();

    const { text } = await agent.get(`/conversations/${conversation.id}`).expect(200);

    expect(text).not.toMatch(/"(match_key|deleted_at|earlier_versions|paused_until|password_hash)"/);
  });
});

describe('the list', () => {
  it('pages, filters, sorts and searches without accents', async () => {
    const { box, agent, conversation } = await shop();
    await box.receive(metaPayload.text({ ...box.person({ name: 'João Pão' }), body: 'outra coisa' }));
    const list = async (query: string): Promise<string[]> =>
      (await agent.get(`/conversations?${query}`).expect(200)).body.items.map((item: { contact: { name: string } }) => item.contact.name);

    expect(await list('sort=created_at:asc&limit=1')).toEqual(['Mariana Costa']);
    expect(await list('sort=created_at:asc&limit=1&page=2')).toEqual(['João Pão']);
    expect(await list('search=joao')).toEqual(['João Pão']);
    expect(await list('search=entregam')).toEqual(['Mariana Costa']);
    expect(await list('search=%25')).toEqual([]);
    expect(await list('priority=normal&sort=created_at:asc')).toEqual(['Mariana Costa', 'João Pão']);
    expect(await list('priority=high')).toEqual([]);
    await agent.post(`/conversations/${conversation.id}/close`, {}).expect(200);
    expect(await list('status=closed')).toEqual(['Mariana Costa']);
    expect(await list('status=active')).toEqual(['João Pão']);
    expect(await list('unread=true&assigned_to=none&status=open')).toEqual(['João Pão']);
    expect(await list('assigned_to_me=true')).toEqual([]);
  });

  it('costs at most four statements, however many rows', async () => {
    const { box, agent } = await shop();
    for (let n = 0; n < 5; n++) await box.receive(metaPayload.text(box.person()));
    await agent.get('/conversations?limit=50').expect(200);
    const { source } = box.w.app.get(Database);
    const pool = (source.driver as unknown as { master: { query: unknown; on(event: string, f: () => void): void } }).master;
    const runner = source.createQueryRunner();
    await runner.query('SELECT 1');
    await runner.release();
    let statements = 0;
    pool.on('acquire', () => statements++);

    await agent.get('/conversations?limit=50').expect(200);

    expect(statements).toBeGreaterThan(0);
    expect(statements).toBeLessThanOrEqual(4);
  });
});

describe('starting one', () => {
  it('makes the contact, keeps what may not be sent, and is refused a second time', async () => {
    const { agent } = await shop();

    const { body } = await agent
      .post('/conversations', { contact_phone: '+55 11 98765-4321', contact_name: 'Beatriz', initial_message: 'Olá!' })
      .expect(201);

    expect(body).toMatchObject({
      status: 'open',
      contact: { name: 'Beatriz', phone_number: '+5511987654321' },
      last_message: { status: 'failed', error_code: 'window_closed', content: 'Olá!' },
    });
    const { body: kept } = await agent.get(`/whatsapp/messages/${body.last_message.id}/status`).expect(200);
    expect(kept.status_history).toMatchObject([{ status: 'failed', timestamp: kept.failed_at as string }]);
    const { body: refused } = await agent
      .post('/conversations', { contact_phone: '5511987654321' })
      .expect(409)
      .expect(errorOf('conversation_already_open'));
    expect(refused.error.details[0].existing_id).toBe(body.id);
  });

  it('creates nothing for a malformed first message', async () => {
    const { agent } = await shop();

    await agent.post('/conversations', { contact_phone: '+5511987654322', initial_message: { media_url: 'nada' } }).expect(422);

    expect((await agent.get('/contacts?search=87654322').expect(200)).body.total).toBe(0);
  });

  it('has one winner when two start at once', async () => {
    const { agent } = await shop();

    const answers = await Promise.all([1, 2, 3].map(() => agent.post('/conversations', { contact_phone: '+5511987654323' })));

    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
  });

  it('has one winner without a number too, which nobody changes', async () => {
    const { box } = await shop();
    const { agent, admin } = box.w.globex;
    const start = (priority: string): ReturnType<Person['post']> =>
      agent.post('/conversations', { contact_phone: '+5511987654324', priority, tags: [priority] });

    const answers = await Promise.all(['low', 'high', 'urgent'].map(start));

    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    const { body: first } = answers.find(({ status }) => status === 201) as { body: { id: string; priority: string } };
    const { body: refused } = await start('medium').expect(409).expect(errorOf('conversation_already_open'));
    expect(refused.error.details[0].existing_id).toBe(first.id);
    const { body: now } = await agent.get(`/conversations/${first.id}`).expect(200);
    expect(now).toMatchObject({ whatsapp_number_id: null, priority: first.priority, tags: [first.priority] });
    const { body: log } = await admin.get(`/audit-logs?action=conversation.created&resource_id=${first.id}`).expect(200);
    expect(log.total).toBe(1);
  });
});

describe('the state machine', () => {
  const ALLOWED: Record<string, string[]> = {
    open: ['open', 'pending', 'resolved', 'closed'],
    pending: ['open', 'pending', 'resolved', 'closed'],
    resolved: ['open', 'resolved', 'closed'],
    closed: ['open', 'closed'],
  };

  it.each(Object.keys(ALLOWED))('from %s', async (from) => {
    for (const to of Object.keys(ALLOWED)) {
      const { agent, conversation } = await shop();
      if (from !== 'open') await agent.put(`/conversations/${conversation.id}`, { status: from }).expect(200);

      const answer = await agent.put(`/conversations/${conversation.id}`, { status: to });

      if (ALLOWED[from].includes(to)) expect({ to, status: answer.status, now: answer.body.status }).toEqual({ to, status: 200, now: to });
      else
        expect({ to, status: answer.status, error_code: answer.body.error_code }).toEqual({
          to,
          status: 409,
          error_code: 'invalid_status_transition',
        });
    }
  });

  it('closes once, reopens once, archives once', async () => {
    const { agent, conversation } = await shop();
    const act = (action: string, body = {}): ReturnType<Person['post']> => agent.post(`/conversations/${conversation.id}/${action}`, body);

    await act('reopen').expect(409).expect(errorOf('conversation_not_closed'));
    const { body: closed } = await act('close', { reason: 'resolvido' }).expect(200);
    await act('close').expect(409).expect(errorOf('conversation_already_closed'));
    const { body: archived } = await act('archive').expect(200);
    await act('archive').expect(409).expect(errorOf('conversation_already_archived'));
    expect((await agent.get('/conversations').expect(200)).body.items).toEqual([]);
    const { body: reopened } = await act('reopen').expect(200);

    expect(closed).toMatchObject({
      status: 'closed',
      close_reason: 'resolvido',
      closed_at: expect.any(String),
      resolved_at: expect.any(String),
    });
    expect(archived).toMatchObject({ is_archived: true, status: 'closed' });
    expect(reopened).toMatchObject({
      status: 'open',
      is_archived: false,
      closed_at: null,
      resolved_at: null,
      close_reason: null,
      reopened_at: expect.any(String),
    });
  });

  it('comes back by hand to who may still answer, weighed anew', async () => {
    const { box, agent, admin, conversation } = await shop();
    const url = `/conversations/${conversation.id}`;
    const gone = await box.company.hire('agent');
    await agent.put(url, { priority: 'high', assigned_agent_id: agent.user.id }).expect(200);

    await agent.post(`${url}/close`, {}).expect(200);
    expect((await agent.post(`${url}/reopen`).expect(200)).body).toMatchObject({ current_agent_id: agent.user.id, queue_priority: 80 });

    await agent.put(`/contacts/${conversation.contact_id as string}`, { is_vip: true }).expect(200);
    await agent.post(`${url}/assign`, { agent_id: gone.user.id }).expect(200);
    await agent.post(`${url}/close`, {}).expect(200);
    await admin.post(`/users/${gone.user.id}/deactivate`).expect(200);

    expect((await agent.put(url, { status: 'open' }).expect(200)).body).toMatchObject({ current_agent_id: null, queue_priority: 100 });
  });

  it.each([
    { update: { status: 'pending' }, told: ['conversation.status'] },
    { update: { status: 'resolved' }, told: ['conversation.resolved'] },
    { update: { status: 'closed' }, door: 'close', told: ['conversation.closed'] },
    { update: { status: 'archived' }, door: 'archive', told: ['conversation.archived', 'conversation.closed'] },
    { update: { status: 'pending', priority: 'high' }, told: ['conversation.status'] },
    { update: { status: 'resolved', priority: 'high' }, told: ['conversation.resolved', 'conversation.updated'] },
    { update: { status: 'open', priority: 'high' }, told: ['conversation.updated'] },
    { update: { tags: ['entrega'] }, door: 'tags', told: ['conversation.updated'] },
  ])('tells of an act what its own door tells: $update', async ({ update, door, told }) => {
    for (const through of ['update', door]) {
      if (!through) continue;
      const { box, agent, conversation } = await shop();
      const heard = eventCatalogue()
        .filter(([name]) => name.startsWith('conversation.'))
        .map(([name]) => ({ name, events: box.hear(name as keyof Events) }));

      if (through === 'update') await agent.put(`/conversations/${conversation.id}`, update).expect(200);
      else await agent.post(`/conversations/${conversation.id}/${through}`, door === 'tags' ? update : {}).expect(200);

      expect(heard.flatMap(({ name, events }) => events.map(() => name))).toEqual(told);
    }
  });

  it('does not reopen beside a live one', async () => {
    const { box, agent, conversation } = await shop();
    await agent.post(`/conversations/${conversation.id}/close`, {}).expect(200);
    await box.w.sql("UPDATE conversations SET closed_at = now() - interval '3 days' WHERE id = $1", [conversation.id]);
    await agent.post('/conversations', { contact_id: conversation.contact_id }).expect(201);

    await agent.post(`/conversations/${conversation.id}/reopen`).expect(409).expect(errorOf('conversation_already_open'));
  });

  it('ends with its contact', async () => {
    const { agent, conversation } = await shop();

    await agent.post(`/contacts/${conversation.contact_id}/block`, { reason: 'spam' }).expect(200);

    expect((await agent.get(`/conversations/${conversation.id}`)).body).toMatchObject({
      status: 'closed',
      close_reason: 'contact_blocked',
      contact: { is_blocked: true },
    });
  });
});

describe('assigning', () => {
  it('gives it to an agent, and back to nobody', async () => {
    const { box, agent, conversation } = await shop();
    const heard = box.hear('conversation.assigned');
    const assign = (agent_id: string | null): ReturnType<Person['post']> =>
      agent.post(`/conversations/${conversation.id}/assign`, { agent_id });

    const { body: mine } = await assign(agent.user.id).expect(200);
    await assign(agent.user.id).expect(200);
    const { body: nobodys } = await assign(null).expect(200);

    expect(mine).toMatchObject({
      current_agent_id: agent.user.id,
      assigned_agent_id: agent.user.id,
      current_agent: { id: agent.user.id, email: agent.user.email },
      assigned_at: expect.any(String),
    });
    expect(nobodys).toMatchObject({ current_agent_id: null, status: 'open' });
    expect(heard.map(({ agent_id }) => agent_id)).toEqual([agent.user.id, null]);
  });

  it('opens a pending one, and says so', async () => {
    const { box, agent, conversation } = await shop();
    await agent.put(`/conversations/${conversation.id}`, { status: 'pending' }).expect(200);
    const heard = box.hear('conversation.status');

    const { body } = await agent.post(`/conversations/${conversation.id}/assign`, { agent_id: agent.user.id }).expect(200);

    expect(body).toMatchObject({ status: 'open', current_agent_id: agent.user.id });
    expect(heard).toMatchObject([{ conversation_id: conversation.id, user_id: agent.user.id, status: 'open', previous_status: 'pending' }]);
  });

  it('is for active agents of this organization and live conversations', async () => {
    const { box, agent, conversation } = await shop();
    const assign = (agent_id: string): ReturnType<Person['post']> => agent.post(`/conversations/${conversation.id}/assign`, { agent_id });

    await assign(box.w.globex.agent.user.id).expect(404);
    await assign(box.company.viewer.user.id).expect(422).expect(errorOf('invalid_agent'));
    await agent.post(`/conversations/${conversation.id}/close`, {}).expect(200);
    await assign(agent.user.id).expect(409).expect(errorOf('conversation_not_active'));
  });

  it('ends when the agent leaves', async () => {
    const { box, agent, admin, conversation } = await shop();
    const left = box.hear('conversation.assigned');
    await agent.post(`/conversations/${conversation.id}/assign`, { agent_id: agent.user.id }).expect(200);

    await admin.post(`/users/${agent.user.id}/deactivate`).expect(200);
    while (left.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));

    expect((await admin.get(`/conversations/${conversation.id}`)).body).toMatchObject({ current_agent_id: null, status: 'open' });
  });
});

describe('reading', () => {
  it('zeroes what is unread, also from a message on', async () => {
    const { box, agent, conversation, person } = await shop();
    await box.receive(metaPayload.text({ ...person, body: 'segunda' }));
    const [first] = await box.messages(conversation.id);

    await agent.put(`/whatsapp/messages/${first.id}/read`).expect(200);
    const { body: one } = await agent.get(`/conversations/${conversation.id}`);
    const { body: none } = await agent.post(`/conversations/${conversation.id}/read`).expect(200);

    expect(one.unread_count).toBeLessThanOrEqual(1);
    expect(none).toMatchObject({ unread_count: 0, last_read_at: expect.any(String) });
  });
});

describe('GraphQL', () => {
  it('is the same inbox', async () => {
    const { agent, conversation } = await shop();

    const { body } = await agent
      .graphql(
        `query ($id: ID!) {
          conversations { id status contact { name } last_message { content } messages(limit: 5) { content direction } }
          conversations_count
          conversation(id: $id) { unread_count is_window_open }
          conversation_messages(conversation_id: $id) { content }
        }`,
        { id: conversation.id },
      )
      .expect(200);

    expect(body).toEqual({
      data: {
        conversations: [
          {
            id: conversation.id,
            status: 'open',
            contact: { name: 'Mariana Costa' },
            last_message: { content: 'Vocês entregam?' },
            messages: [{ content: 'Vocês entregam?', direction: 'incoming' }],
          },
        ],
        conversations_count: 1,
        conversation: { unread_count: 1, is_window_open: true },
        conversation_messages: [{ content: 'Vocês entregam?' }],
      },
    });
  });

  it('tells where a conversation is, whose a message is, and what a contact talked about, in as many statements for few as for many', async () => {
    const { box, agent, admin, conversation } = await shop();
    const { body: department } = await admin.post('/departments', { name: 'Vendas' }).expect(201);
    const { body: queue } = await admin.post('/queues', { name: 'Loja', department_id: department.id as string }).expect(201);
    const file = async (id: string): Promise<void> => {
      await agent.put(`/conversations/${id}`, { queue_id: queue.id as string }).expect(200);
      await agent.post(`/conversations/${id}/notes`, { note: 'Ligar amanhã' }).expect(201);
    };
    const asked = `{
      conversations(limit: 10) { department { name } queue { name department { name } } messages(limit: 5) { content sender_user { id full_name } } }
      contacts(limit: 10) { name conversations(limit: 1) { id queue { name } } }
    }`;
    let data: { conversations: unknown[]; contacts: unknown[] } | undefined;
    const count = async (): Promise<number> => {
      // Those of the relations alone: who routes and notifies reads these tables too, when it likes.
      const relations = /^SELECT "id", .* FROM "?(departments|queues|messages|users)"? |LATERAL.* contact_id = c\.id/s;
      await box.w.app.get(DueRows).idle();
      return (await selectsOf(relations, async () => ({ data } = (await agent.graphql(asked).expect(200)).body))).length;
    };

    await file(conversation.id);
    expect(await count()).toBe(5);
    const { id, full_name } = agent.user;
    expect(data?.conversations).toEqual([
      {
        department: { name: 'Vendas' },
        queue: { name: 'Loja', department: { name: 'Vendas' } },
        messages: [
          { content: 'Vocês entregam?', sender_user: null },
          { content: 'Ligar amanhã', sender_user: { id, full_name } },
        ],
      },
    ]);
    expect(data?.contacts).toEqual([{ name: 'Mariana Costa', conversations: [{ id: conversation.id, queue: { name: 'Loja' } }] }]);

    for (let n = 0; n < 4; n++) await box.receive(metaPayload.text(box.person()));
    const { items } = (await agent.get('/conversations').expect(200)).body as { items: { id: string }[] };
    for (const one of items) if (one.id !== conversation.id) await file(one.id);

    expect(await count()).toBe(5);
    expect(data?.conversations).toHaveLength(5);
  });

  it('acts by the same rules, and errs in its own shape', async () => {
    const { box, agent, conversation } = await shop();
    const close = `mutation ($id: ID!) { closeConversation(conversation_id: $id, reason: "fim") { status close_reason } }`;

    const { body: closed } = await agent.graphql(close, { id: conversation.id }).expect(200);
    const { body: twice } = await agent.graphql(close, { id: conversation.id }).expect(200);
    const { body: foreign } = await box.w.globex.agent.graphql(close, { id: conversation.id }).expect(200);
    const { body: viewer } = await box.company.viewer.graphql(close, { id: conversation.id }).expect(200);

    expect(closed.data.closeConversation).toEqual({ status: 'closed', close_reason: 'fim' });
    expect(twice.errors[0].extensions).toMatchObject({ code: 'CONFLICT', error_code: 'conversation_already_closed', status_code: 409 });
    expect(foreign.errors[0].extensions).toMatchObject({ code: 'NOT_FOUND', status_code: 404 });
    expect(viewer.errors[0].extensions).toMatchObject({ code: 'FORBIDDEN', error_code: 'insufficient_role' });
  });
});

describe('a deleted contact', () => {
  it('takes its conversations out of lists and counts; by id they stay readable', async () => {
    const { box, agent, conversation } = await shop();
    await agent.delete(`/contacts/${conversation.contact_id}`).expect(204);

    for (const query of ['', '?status=closed', '?search=entregam', `?contact_id=${conversation.contact_id}`])
      expect((await agent.get(`/conversations${query}`).expect(200)).body).toMatchObject({ items: [], total: 0 });
    const { body } = await agent.graphql('{ conversations { id } conversations_count }').expect(200);
    expect(body.data).toEqual({ conversations: [], conversations_count: 0 });
    expect((await agent.get('/whatsapp/messages').expect(200)).body).toMatchObject({ items: [], total: 0 });

    expect((await agent.get(`/conversations/${conversation.id}`).expect(200)).body.contact.is_deleted).toBe(true);
    expect(await box.messages(conversation.id)).toHaveLength(1);
  });
});

describe('the conversation of a deleted contact', () => {
  it('is changed by nobody: 404, as for sending', async () => {
    const { box, agent, admin, conversation } = await shop();
    const { id, contact_id } = conversation;
    await agent.delete(`/contacts/${contact_id}`).expect(204);
    const before = (await agent.get(`/conversations/${id}`).expect(200)).body as object;

    for (const [action, body] of [
      ['reopen', {}],
      ['assign', { agent_id: agent.user.id }],
      ['close', {}],
      ['archive', {}],
      ['read', {}],
    ] as const)
      await admin.post(`/conversations/${id}/${action}`, body).expect(404).expect(errorOf('not_found'));
    await admin.put(`/conversations/${id}`, { tags: ['late'] }).expect(404);
    await admin.post(`/conversations/${id}/messages`, { content: 'Oi' }).expect(404);

    expect((await agent.get(`/conversations/${id}`).expect(200)).body).toEqual(before);
    await box.idle();
  });
});

describe('names', () => {
  const ODD = ' Ana\u001b[2J\nMaria\u202e\u2066 ';
  const CLEAN = 'Ana[2J Maria';

  it('are one line without what turns the eye or commands a terminal: of customers, contacts, tags and numbers', async () => {
    const { box, agent, admin } = await shop();
    await box.receive(metaPayload.text(box.person({ name: ODD })));
    const { items } = (await agent.get('/contacts?sort=created_at:desc').expect(200)).body as {
      items: { name: string; whatsapp_name: string }[];
    };
    const contact = await agent.post('/contacts', { whatsapp_id: '+5511900000001', name: ODD }).expect(201);
    const opened = await agent
      .post('/conversations', { contact_phone: '+5511900000002', contact_name: ODD, tags: [ODD, '\u202e'] })
      .expect(201);
    const number = await admin.put(`/whatsapp/${box.number.id}`, { display_name: ODD }).expect(200);

    expect(items[0]).toMatchObject({ name: CLEAN, whatsapp_name: CLEAN });
    expect(contact.body).toMatchObject({ name: CLEAN });
    expect(opened.body).toMatchObject({ tags: [CLEAN], contact: { name: CLEAN } });
    expect(number.body).toMatchObject({ display_name: CLEAN });
  });
});

describe('the words of messages', () => {
  it('are found in all of the organization and in a thread, whatever case and accents, and half typed', async () => {
    const { box, agent, conversation } = await shop();
    await box.receive(metaPayload.text({ ...box.person(), body: 'Entregam no sábado à tarde?' }));
    await agent.post(`/conversations/${conversation.id}/messages`, { content: 'sábado não', is_internal_note: true }).expect(201);
    const found = async (path: string): Promise<unknown[]> =>
      ((await agent.get(path).expect(200)).body.items as { content: string }[]).map(({ content }) => content);

    expect(await found('/whatsapp/messages?q=SABADO%20entrega')).toEqual(['Entregam no sábado à tarde?']);
    expect(await found('/whatsapp/messages?search=entregam')).toHaveLength(2);
    expect(await found('/whatsapp/messages?query=entr')).toHaveLength(2);
    expect(await found('/whatsapp/messages?q=entreg%20sab')).toEqual(['Entregam no sábado à tarde?']);
    expect(await found('/whatsapp/messages?q=entregam%20-sabado')).toEqual(['Vocês entregam?']);
    expect(await found('/whatsapp/messages?q=de')).toEqual([]);
    expect(await found('/whatsapp/messages?q=pizza')).toEqual([]);
    expect(await found(`/conversations/${conversation.id}/messages?q=entregam`)).toEqual(['Vocês entregam?']);
    expect(await found(`/conversations/${conversation.id}/messages?q=sabado`)).toEqual([]);
    for (const odd of ["' & | !", ':*', '👍', "l'água", '%', 'a'.repeat(100)])
      expect(await found(`/whatsapp/messages?q=${encodeURIComponent(odd)}`)).toEqual([]);
    expect((await box.w.globex.agent.get('/whatsapp/messages?q=entregam').expect(200)).body.items).toEqual([]);
  });
});

describe('an agent who leaves', () => {
  it('has no live conversation any more', async () => {
    const w = await world();
    const { body: contact } = await w.acme.agent.post('/contacts', { name: 'Bia', whatsapp_id: '+5511977776666' }).expect(201);
    const { body: thread } = await w.acme.admin
      .post('/conversations', { contact_id: contact.id, assigned_agent_id: w.acme.agent.user.id })
      .expect(201);

    await w.acme.admin.put(`/users/${w.acme.agent.user.id}`, { is_active: false }).expect(200);
    await w.app.get(DueRows).idle();

    const { body } = await w.acme.admin.get(`/conversations/${thread.id}`).expect(200);
    expect(body.current_agent_id).toBeNull();
  });
});

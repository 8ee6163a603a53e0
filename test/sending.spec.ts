import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { Database } from '#database/database';
import { Jobs } from '#jobs/jobs';
import { DueRows } from '#database/due-rows';
import { DeliverMessage } from '#modules/conversations/messages/deliver-message';
import { type FakeMeta, META_SECRET, fakeMeta, numberInput } from './support/fake-meta';
import { PNG } from './support/files';
import { postWebhook } from './support/inbox';
import { metaPayload } from './support/meta-payloads';
import { digits } from './support/official-number';
import { InboundWorker } from '#modules/conversations/filing/inbound.worker';
import { until } from './support/sockets';
import { type Person, type World, errorOf, world, wrongField } from './support/world';

let meta: FakeMeta;

beforeAll(async () => {
  meta = await fakeMeta();
});

afterAll(() => meta.close());

interface Shop {
  w: World;
  agent: Person;
  number: { id: string; phone_number_id: string; waba_id: string };
  /** A customer who wrote just now: the window is open. */
  customer(phone?: string): Promise<{ phone: string; conversation_id: string }>;
  /** The message once it is no longer pending. */
  settled(id: string): Promise<Record<string, unknown>>;
  sentTo(phone: string): Record<string, unknown>[];
}

async function shop(): Promise<Shop> {
  const w = await world(meta.env);
  const known = meta.number(`+55 11 4${digits(7)}`);
  const { body: number } = await w.acme.admin.post('/whatsapp', numberInput(known)).expect(201);
  const { agent } = w.acme;
  return {
    w,
    agent,
    number: { ...number, ...known },
    customer: async (phone = `5511${digits(9).replace(/^./, '9')}`) => {
      const payload = metaPayload.text({
        from: phone,
        user_id: `BR.${phone}`,
        phone_number_id: known.phone_number_id,
        waba_id: known.waba_id,
      });
      meta.simulator.customer({ wa_id: phone, name: 'Ana' });
      await postWebhook(w, payload, { secret: META_SECRET }).expect(200);
      await w.app.get(InboundWorker).idle();
      const { body } = await agent.get(`/conversations?search=${phone.slice(-8)}`).expect(200);
      return { phone, conversation_id: body.items[0].id as string };
    },
    settled: async (id) => {
      for (;;) {
        const { body } = await agent.get(`/whatsapp/messages/${id}`).expect(200);
        if (body.status !== 'pending') return body;
        await sleep(20);
      }
    },
    sentTo: (phone) =>
      meta.simulator
        .sent()
        .map((sent) => sent.body as Record<string, unknown>)
        .filter((body) => String(body.to).endsWith(phone.slice(-8))),
  };
}

it('goes on while the contact becomes another one', async () => {
  const { agent, customer } = await shop();
  for (let round = 0; round < 3; round++) {
    const { body: older } = await agent.post('/contacts', { name: 'Ana', phone_number: `+55119${digits(8)}` }).expect(201);
    const { phone, conversation_id } = await customer();
    const { body: thread } = await agent.get(`/conversations/${conversation_id}`).expect(200);

    const sends = Array.from({ length: 24 }, (_, n) => agent.post(`/conversations/${conversation_id}/messages`, { content: `Oi ${n}` }));
    const merge = agent.post(`/contacts/${older.id}/merge`, { other_contact_id: thread.contact.id });
    const [{ status }, ...answers] = await Promise.all([merge, ...sends, agent.post('/whatsapp/send', { to: `+${phone}`, message: 'Oi' })]);

    expect([status, ...answers.map((answer) => answer.status)]).toEqual([200, ...sends.map(() => 201), expect.any(Number)]);
    expect(answers.at(-1)?.status).not.toBe(404);
  }
});

it('goes to the phone that is named of the contact that took the other one in; both phones find their conversation', async () => {
  const { agent, customer, settled, sentTo } = await shop();
  const kept = await customer();
  const { body: thread } = await agent.get(`/conversations/${kept.conversation_id}`).expect(200);
  const absorbed = `+55119${digits(8).replace(/^./, '8')}`;
  const { body: other } = await agent.post('/contacts', { phone_number: absorbed }).expect(201);
  await agent.post(`/contacts/${other.id}/merge`, { other_contact_id: thread.contact.id }).expect(200);

  const { body: sent } = await agent.post('/whatsapp/send', { to: absorbed, message: 'Oi' }).expect(201);

  expect(sent).toMatchObject({ contact_id: thread.contact.id, conversation_id: kept.conversation_id });
  await settled(sent.message_id);
  expect(sentTo(absorbed)).toHaveLength(1);
  for (const phone of [kept.phone, absorbed, absorbed.slice(-8)]) {
    const { body: found } = await agent.get(`/conversations?search=${encodeURIComponent(phone)}`).expect(200);
    expect(found.items).toMatchObject([{ id: kept.conversation_id }]);
    expect((await agent.get(`/contacts?search=${encodeURIComponent(phone)}`).expect(200)).body.items).toMatchObject([
      { id: thread.contact.id },
    ]);
  }

  // A number that was only corrected is not theirs any more.
  const corrected = `+55119${digits(8).replace(/^./, '7')}`;
  await agent.put(`/contacts/${thread.contact.id}`, { whatsapp_id: corrected }).expect(200);
  const { body: stranger } = await agent.post('/conversations', { contact_phone: `+${kept.phone}` }).expect(201);
  expect(stranger.contact_id).not.toBe(thread.contact.id);
});

describe('the door', () => {
  it('is closed without a token and to viewers', async () => {
    const { w } = await shop();

    await w.guest.post('/whatsapp/send', { to: '+5511987654321', message: 'Oi' }).expect(401).expect(errorOf('not_authenticated'));
    await w.acme.viewer.post('/whatsapp/send', { to: '+5511987654321', message: 'Oi' }).expect(403).expect(errorOf('insufficient_role'));
  });

  it("knows nothing of another organization's conversation, number or message", async () => {
    const { w, customer, number } = await shop();
    const { conversation_id } = await customer();

    await w.globex.agent.post(`/conversations/${conversation_id}/messages`, { content: 'Oi' }).expect(404).expect(errorOf('not_found'));
    await w.globex.agent.post('/whatsapp/send', { to: '+5511987654321', message: 'Oi', whatsapp_number_id: number.id }).expect(404);
    await w.globex.agent.post('/whatsapp/send', { to: '+5511987654321', message: 'Oi', conversation_id }).expect(404);
  });

  it.each([
    ['/whatsapp/send', { to: 'abc', message: 'Oi' }, 'to'],
    ['/whatsapp/send', { to: '+5511987654321' }, 'message'],
    ['/whatsapp/send', { to: '+5511987654321', message: 'x'.repeat(4097) }, 'message'],
    ['/whatsapp/send-media', { to: '+5511987654321', type: 'audio', media_url: 'https://a.example/a.mp3', caption: 'x' }, 'caption'],
    ['/whatsapp/send-media', { to: '+5511987654321', type: 'image' }, 'media_url'],
    ['/whatsapp/send-location', { to: '+5511987654321', latitude: 91, longitude: 0 }, 'latitude'],
    ['/whatsapp/send-contact', { to: '+5511987654321' }, 'contact'],
    ['/whatsapp/send-buttons', { to: '+5511987654321', message: 'Oi', buttons: [] }, 'buttons'],
    [
      '/whatsapp/send-list',
      { to: '+5511987654321', body: 'Oi', button_text: 'x'.repeat(21), sections: [{ rows: [{ id: 'a', title: 'A' }] }] },
      'button_text',
    ],
    ['/whatsapp/send-template', { to: '+5511987654321' }, 'template_name'],
  ])('%s names the wrong field %#', async (path, body, field) => {
    const { agent } = await shop();

    await agent.post(path, body).expect(wrongField(field));
  });

  it('refuses a title that is too long instead of cutting it', async () => {
    const { agent } = await shop();

    await agent
      .post('/whatsapp/send-buttons', { to: '+5511987654321', message: 'Oi', buttons: [{ id: 'a', title: 'um título longo demais' }] })
      .expect(wrongField('body', 'buttons', 0, 'title'));
  });
});

describe('a reply', () => {
  it('leaves as Meta wants it and is followed by its id', async () => {
    const { agent, customer, settled, sentTo } = await shop();
    const { phone, conversation_id } = await customer();

    const { body } = await agent
      .post(`/conversations/${conversation_id}/messages`, { content: 'Bom dia!', client_reference: 'pedido-42' })
      .expect(201);
    const message = await settled(body.id);

    expect(body).toMatchObject({ status: 'pending', direction: 'outgoing', sender_type: 'agent', client_reference: 'pedido-42' });
    expect(body).not.toHaveProperty('earlier_versions');
    expect(message).toMatchObject({
      status: expect.stringMatching(/sent|delivered|read/),
      whatsapp_message_id: expect.stringMatching(/^wamid\./),
    });
    expect(sentTo(phone)).toEqual([
      expect.objectContaining({
        messaging_product: 'whatsapp',
        type: 'text',
        text: { body: 'Bom dia!' },
        biz_opaque_callback_data: body.id,
      }),
    ]);
  });

  it('zeroes what was unread and counts as the first response', async () => {
    const { agent, customer, settled } = await shop();
    const { conversation_id } = await customer();

    const { body } = await agent.post(`/conversations/${conversation_id}/messages`, { content: 'Oi' }).expect(201);
    await settled(body.id);

    const { body: conversation } = await agent.get(`/conversations/${conversation_id}`).expect(200);
    expect(conversation).toMatchObject({ unread_count: 0, messages_from_agent: 1, total_messages: 2, current_agent_id: null });
    expect(conversation.first_response_at).not.toBeNull();
  });

  it('quotes the message it answers', async () => {
    const { agent, customer, settled, sentTo } = await shop();
    const { phone, conversation_id } = await customer();
    const { body: thread } = await agent.get(`/conversations/${conversation_id}/messages`).expect(200);
    const [question] = thread.items;

    const { body } = await agent
      .post(`/conversations/${conversation_id}/messages`, { content: 'Sim', reply_to_message_id: question.id })
      .expect(201);
    await settled(body.id);

    expect(sentTo(phone)[0]).toMatchObject({ context: { message_id: question.whatsapp_message_id } });
  });

  it.each([
    [
      'location',
      { location: { latitude: -23.55, longitude: -46.63, name: 'Loja' } },
      { type: 'location', location: { latitude: -23.55, longitude: -46.63, name: 'Loja' } },
    ],
    ['contacts', { contacts: [{ name: 'João', phone: '+5511987650002' }] }, { type: 'contacts' }],
    [
      'image by link',
      { media_url: 'https://loja.example/a.jpg', media_type: 'image', media_caption: 'Foto' },
      { type: 'image', image: { link: 'https://loja.example/a.jpg', caption: 'Foto' } },
    ],
    [
      'buttons',
      { interactive: { kind: 'buttons', body: 'Confirma?', buttons: [{ id: 'ok', title: 'Sim' }] } },
      { type: 'interactive', interactive: expect.objectContaining({ type: 'button' }) },
    ],
    [
      'list',
      {
        interactive: {
          kind: 'list',
          body: 'Setor?',
          button_text: 'Escolher',
          sections: [{ title: 'Setores', rows: [{ id: 'fin', title: 'Financeiro' }] }],
        },
      },
      { type: 'interactive', interactive: expect.objectContaining({ type: 'list' }) },
    ],
  ])('may be: %s', async (_kind, input, expected) => {
    const { agent, customer, settled, sentTo } = await shop();
    const { phone, conversation_id } = await customer();

    const { body } = await agent.post(`/conversations/${conversation_id}/messages`, input).expect(201);

    expect(await settled(body.id)).toMatchObject({ error_code: null });
    expect(sentTo(phone)).toEqual([expect.objectContaining(expected)]);
  });

  it('keeps the order of ten at once, one in flight', async () => {
    const { agent, customer, settled, sentTo } = await shop();
    const { phone, conversation_id } = await customer();

    const ids: string[] = [];
    for (let n = 0; n < 10; n++)
      ids.push((await agent.post(`/conversations/${conversation_id}/messages`, { content: `parte ${n}` }).expect(201)).body.id);
    for (const id of ids) await settled(id);

    expect(sentTo(phone).map((body) => (body.text as { body: string }).body)).toEqual(ids.map((_, n) => `parte ${n}`));
  });

  it('is not for a blocked contact, a closed conversation or a number that is off', async () => {
    const { w, agent, customer, number } = await shop();
    const { conversation_id } = await customer();
    const send = (): ReturnType<Person['post']> => agent.post(`/conversations/${conversation_id}/messages`, { content: 'Oi' });
    const { body: conversation } = await agent.get(`/conversations/${conversation_id}`);

    await w.acme.admin.post(`/whatsapp/${number.id}/deactivate`).expect(200);
    await send().expect(409).expect(errorOf('number_inactive'));
    await w.acme.admin.post(`/whatsapp/${number.id}/activate`).expect(200);
    await agent.post(`/conversations/${conversation_id}/close`, {}).expect(200);
    await send().expect(409).expect(errorOf('conversation_not_active'));
    await agent.post(`/contacts/${conversation.contact_id}/block`, {}).expect(200);
    await send().expect(409).expect(errorOf('contact_blocked'));
  });
});

describe('outside the window', () => {
  it('refuses everything but a template, and says until when it was open', async () => {
    const { agent, w } = await shop();

    await agent
      .post('/whatsapp/send', { to: `+5511${digits(9).replace(/^./, '9')}`, message: 'Oi' })
      .expect(409)
      .expect(errorOf('window_closed'));

    // Nothing is left behind by what was refused.
    const { body } = await agent.get('/contacts').expect(200);
    expect(body.total).toBe(0);
    expect(await w.sql('SELECT 1 FROM messages WHERE organization_id = $1', [w.acme.id])).toEqual([]);
  });

  it('sends an approved template with its variables in place', async () => {
    const { agent, w, number, settled, sentTo } = await shop();
    const template = meta.simulator.createTemplate(number.waba_id, {
      name: 'aviso_de_retirada',
      language: 'pt_BR',
      category: 'UTILITY',
      components: [{ type: 'BODY', text: 'Olá {{1}}, o pedido {{2}} está pronto.', example: { body_text: [['Ana', '42']] } }],
    });
    void meta.simulator.setTemplateStatus(template, 'APPROVED');
    await w.acme.admin.post(`/whatsapp/${number.id}/templates/sync`).expect(200);
    const phone = `5511${digits(9).replace(/^./, '9')}`;

    await agent
      .post('/whatsapp/send-template', { to: phone, template_name: 'aviso_de_retirada', parameters: ['Ana'] })
      .expect(422)
      .expect(errorOf('template_parameter_mismatch'));
    await agent.post('/whatsapp/send-template', { to: phone, template_name: 'desconhecido' }).expect(404);
    const { body } = await agent
      .post('/whatsapp/send-template', { to: phone, template_name: 'aviso_de_retirada', parameters: ['Ana', '42'] })
      .expect(201);
    const message = await settled(body.message_id);

    expect(message).toMatchObject({ content: 'Olá Ana, o pedido 42 está pronto.', error_code: null });
    expect(sentTo(phone)).toEqual([
      expect.objectContaining({ type: 'template', template: expect.objectContaining({ name: 'aviso_de_retirada' }) }),
    ]);

    // `name` is an alias, also within an object.
    const again = { template: { name: 'aviso_de_retirada', parameters: ['Bia', '43'] } };
    const { body: second } = await agent.post(`/conversations/${body.conversation_id}/messages`, again).expect(201);
    expect(await settled(second.id)).toMatchObject({ content: 'Olá Bia, o pedido 43 está pronto.', error_code: null });
  });
});

describe('what Meta answers', () => {
  const waiting = async (w: World, id: string): Promise<{ attempts: number; wait: number } | undefined> => {
    const [row] = await w.sql<{ attempts: number; wait: number }>(
      'SELECT attempts, extract(epoch FROM due_at - now())::float AS wait FROM outbound_sends WHERE message_id = $1 AND claimed_at IS NULL AND attempts > 0',
      [id],
    );
    return row;
  };

  it.each([
    ['131026', '00131026', 'undeliverable'],
    ['131047', '00131047', 'window_closed'],
    ['131050', '00131050', '131050'],
  ])('%s is final', async (_code, suffix, error_code) => {
    const { agent, customer, settled } = await shop();
    const { conversation_id } = await customer(`55119${suffix}`);

    const { body } = await agent.post(`/conversations/${conversation_id}/messages`, { content: 'Oi' }).expect(201);

    expect(await settled(body.id)).toMatchObject({ status: 'failed', error_code, failed_at: expect.any(String) });
  });

  it('130429 waits, and the whole number with it', async () => {
    const { w, agent, customer, number } = await shop();
    const { conversation_id } = await customer('5511900130429');
    const { body } = await agent.post(`/conversations/${conversation_id}/messages`, { content: 'Oi' }).expect(201);

    let row;
    while (!(row = await waiting(w, body.id))) await sleep(20);

    expect(row.wait).toBeGreaterThan(0.5);
    const [{ paused }] = await w.sql<{ paused: boolean }>('SELECT paused_until > now() AS paused FROM whatsapp_numbers WHERE id = $1', [
      number.id,
    ]);
    expect(paused).toBe(true);
  });

  it('131056 waits for this pair alone', async () => {
    const { w, agent, customer, number } = await shop();
    const { conversation_id } = await customer('5511900131056');
    const { body } = await agent.post(`/conversations/${conversation_id}/messages`, { content: 'Oi' }).expect(201);

    while (!(await waiting(w, body.id))) await sleep(20);

    const [{ paused_until }] = await w.sql<{ paused_until: Date | null }>('SELECT paused_until FROM whatsapp_numbers WHERE id = $1', [
      number.id,
    ]);
    expect(paused_until).toBeNull();
  });

  it('nothing after the request left is unknown: failed, never sent again, and a later webhook knows better', async () => {
    const { w, agent, customer, settled, number } = await shop();
    const { phone, conversation_id } = await customer('5511900000445');

    const { body } = await agent.post(`/conversations/${conversation_id}/messages`, { content: 'Oi' }).expect(201);
    const failed = await settled(body.id);
    const accepted = meta.simulator.acceptedPerReference().get(body.id);
    await w.app.get(DeliverMessage).sendNext({ organization_id: w.acme.id, id: number.id });
    const to = { phone_number_id: number.phone_number_id, waba_id: number.waba_id };
    await postWebhook(
      w,
      metaPayload.status('delivered', { ...to, id: `wamid.late${digits(9)}`, recipient_id: phone, callback_data: body.id } as never),
      { secret: META_SECRET },
    ).expect(200);
    await w.app.get(InboundWorker).idle();

    expect(failed).toMatchObject({ status: expect.stringMatching(/failed|sent|delivered/) });
    expect(accepted).toBe(1);
    expect(meta.simulator.acceptedPerReference().get(body.id)).toBe(1);
    expect((await agent.get(`/whatsapp/messages/${body.id}`)).body).toMatchObject({ status: 'delivered', error_code: null });
  });

  it('a worker that died between the call and its commit leaves the message unknown', async () => {
    const { w, agent, customer, settled } = await shop();
    const { conversation_id } = await customer();
    const { body: first } = await agent.post(`/conversations/${conversation_id}/messages`, { content: 'um' }).expect(201);
    await settled(first.id);
    // As kill -9 leaves it: claimed long ago, never finished.
    await w.sql(
      "UPDATE messages SET status = 'pending', whatsapp_message_id = NULL, sent_at = NULL, delivered_at = NULL, read_at = NULL WHERE id = $1",
      [first.id],
    );
    const [{ whatsapp_number_id }] = await w.sql<{ whatsapp_number_id: string }>('SELECT whatsapp_number_id FROM messages WHERE id = $1', [
      first.id,
    ]);
    await w.sql(
      `INSERT INTO outbound_sends (message_id, organization_id, conversation_id, whatsapp_number_id, attempts, claimed_at, due_at)
       VALUES ($1, $2, $3, $4, 1, now() - interval '10 minutes', now() - interval '10 minutes')`,
      [first.id, w.acme.id, conversation_id, whatsapp_number_id],
    );

    const rows = w.app.get(DueRows);
    await rows.sweep();
    await rows.sweep();
    await rows.idle();

    expect((await agent.get(`/whatsapp/messages/${first.id}`)).body).toMatchObject({ status: 'failed', error_code: 'provider_timeout' });
    expect(meta.simulator.acceptedPerReference().get(first.id)).toBe(1);
  });

  it('a failed message can be sent again, once, as a new one', async () => {
    const { agent, customer, settled } = await shop();
    const { conversation_id } = await customer('5511800131026');
    const { body } = await agent.post(`/conversations/${conversation_id}/messages`, { content: 'Oi' }).expect(201);
    await settled(body.id);

    const { body: again } = await agent.post(`/whatsapp/messages/${body.id}/resend`).expect(201);
    await agent.post(`/whatsapp/messages/${body.id}/resend`).expect(409).expect(errorOf('message_not_failed'));

    expect(again).toMatchObject({ resent_from_id: body.id, content: 'Oi' });
    expect((await agent.get(`/whatsapp/messages/${body.id}`)).body).toMatchObject({ status: 'failed', resent_as_id: again.id });
  });
});

describe('at once', () => {
  it('24 agents answer 24 customers: more than the pool has connections, and each is taken', async () => {
    const { agent, customer } = await shop();
    const threads: string[] = [];
    for (let n = 0; n < 24; n++) threads.push((await customer()).conversation_id);

    const answers = await Promise.all(threads.map((id) => agent.post(`/conversations/${id}/messages`, { content: 'Oi' })));

    expect(answers.map(({ status }) => status)).toEqual(threads.map(() => 201));
  });

  it('50 replies in one conversation are all taken, kept in one order, and leave once in it', async () => {
    const { agent, customer, settled, sentTo } = await shop();
    const { conversation_id, phone } = await customer();

    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => agent.post(`/conversations/${conversation_id}/messages`, { content: `Resposta ${n}` })),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
    for (const { body } of answers) await settled(body.id as string);

    const { body: thread } = await agent.get(`/conversations/${conversation_id}/messages?limit=100`).expect(200);
    const stored = (thread.items as { direction: string; content: string }[])
      .filter((m) => m.direction === 'outgoing')
      .map((m) => m.content);
    expect(new Set(stored).size).toBe(50);
    expect(sentTo(phone).map((body) => (body.text as { body: string }).body)).toEqual(stored);
    expect((await agent.get(`/conversations/${conversation_id}`)).body).toMatchObject({ total_messages: 51 });
  });

  it('a failed message sent again by five people becomes one', async () => {
    const { agent, customer, settled } = await shop();
    const { conversation_id } = await customer('5511800131026');
    const { body } = await agent.post(`/conversations/${conversation_id}/messages`, { content: 'Oi' }).expect(201);
    await settled(body.id);
    const before = await agent.get(`/conversations/${conversation_id}/messages`);

    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => agent.post(`/whatsapp/messages/${body.id}/resend`)));

    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409]);
    for (const refused of answers.filter(({ status }) => status === 409)) errorOf('message_not_failed')(refused);
    const after = await agent.get(`/conversations/${conversation_id}/messages`);
    expect(after.body.total).toBe(before.body.total + 1);
  });
});

describe('Idempotency-Key', () => {
  const send = (agent: Person, key: string, message = 'Oi', conversation = ''): ReturnType<Person['post']> =>
    agent.post(`/conversations/${conversation}/messages`, { content: message }).set('Idempotency-Key', key);

  it('gives the first answer again, and refuses another body', async () => {
    const { agent, customer, w } = await shop();
    const { conversation_id } = await customer();

    const { body: first } = await send(agent, 'chave-1', 'Oi', conversation_id).expect(201);
    const { body: second } = await send(agent, 'chave-1', 'Oi', conversation_id).expect(201);
    await send(agent, 'chave-1', 'Outra coisa', conversation_id).expect(409).expect(errorOf('idempotency_key_reused'));

    expect(second.id).toBe(first.id);
    expect(await w.sql("SELECT 1 FROM messages WHERE conversation_id = $1 AND direction = 'outgoing'", [conversation_id])).toHaveLength(1);
  });

  it('has one effect when two come at once', async () => {
    const { agent, customer, w } = await shop();
    const { conversation_id } = await customer();

    const answers = await Promise.all([1, 2, 3].map(() => send(agent, 'chave-2', 'Oi', conversation_id)));

    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(await w.sql("SELECT 1 FROM messages WHERE conversation_id = $1 AND direction = 'outgoing'", [conversation_id])).toHaveLength(1);
  });

  it('is free again after a refusal, and each organization has its own', async () => {
    const { agent, customer, w } = await shop();
    const { conversation_id } = await customer();

    await send(agent, 'chave-3', '', conversation_id).expect(422);
    await send(agent, 'chave-3', 'Oi', conversation_id).expect(201);
    await send(w.globex.agent, 'chave-3', 'Oi', conversation_id).expect(404);
    await send(agent, 'x'.repeat(129), 'Oi', conversation_id).expect(422);
  });

  it('keeps the answer with the message, or neither', async () => {
    const { agent, customer, w } = await shop();
    const { conversation_id, phone } = await customer();
    await w.sql(
      `CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.status_code = 201 THEN RAISE 'the process dies'; END IF; RETURN NEW; END $$`,
    );
    await w.sql('CREATE TRIGGER die BEFORE UPDATE ON idempotency_keys FOR EACH ROW EXECUTE FUNCTION die()');
    const outgoing = (): Promise<unknown[]> =>
      w.sql("SELECT 1 FROM messages WHERE conversation_id = $1 AND direction = 'outgoing'", [conversation_id]);
    const requests = (key: string): ReturnType<Person['post']>[] => [
      send(agent, `${key}-a`, 'Oi', conversation_id),
      agent
        .post(`/conversations/${conversation_id}/messages`, { content: 'Nota', is_internal_note: true })
        .set('Idempotency-Key', `${key}-b`),
      agent.post('/whatsapp/send', { to: `+${phone}`, message: 'Oi' }).set('Idempotency-Key', `${key}-c`),
      agent.post('/conversations', { contact_phone: '+5511988880000' }).set('Idempotency-Key', `${key}-d`),
    ];
    try {
      for (const request of requests('morta')) await request.expect(500);
    } finally {
      await w.sql('DROP TRIGGER die ON idempotency_keys');
      await w.sql('DROP FUNCTION die()');
    }
    expect(await outgoing()).toEqual([]);
    expect((await agent.get('/conversations').expect(200)).body.total).toBe(1);

    const answers = [];
    for (const request of requests('viva')) answers.push((await request.expect(201)).body);
    const again = [];
    for (const request of requests('viva')) again.push((await request.expect(201)).body);
    expect(again).toEqual(answers);
    expect(await outgoing()).toHaveLength(2);
  });

  it('whose process died is done by the next request, and by that one alone', async () => {
    const { agent, customer, w } = await shop();
    const { conversation_id } = await customer();
    await send(agent, 'antes', 'Oi', conversation_id).expect(201);
    // As kill -9 leaves it: claimed, and no answer.
    await w.sql(
      `INSERT INTO idempotency_keys (organization_id, key, fingerprint, created_at)
       SELECT organization_id, 'cortada', fingerprint, now() - interval '1 minute' FROM idempotency_keys WHERE organization_id = $1 AND key = 'antes'`,
      [w.acme.id],
    );

    const answers = await Promise.all([1, 2].map(() => send(agent, 'cortada', 'Oi', conversation_id).expect(201)));

    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(await w.sql("SELECT 1 FROM messages WHERE conversation_id = $1 AND direction = 'outgoing'", [conversation_id])).toHaveLength(2);
  });

  it('taken for dead has no effect any more', async () => {
    const { agent, customer, w } = await shop();
    const { conversation_id } = await customer();
    const holder = await new DataSource(w.app.get(Database).source.options).initialize();
    const runner = holder.createQueryRunner();
    const claimed = (than = ''): Promise<unknown[]> =>
      w.sql(`SELECT 1 FROM idempotency_keys WHERE organization_id = $1 AND key = 'lenta' ${than}`, [w.acme.id]);
    try {
      await runner.startTransaction();
      await runner.query('SELECT 1 FROM conversations WHERE id = $1 FOR UPDATE', [conversation_id]);
      const slow = send(agent, 'lenta', 'Oi', conversation_id).then(({ status }) => status);
      await until(async () => (await claimed()).length, 'the claim');
      await w.sql("UPDATE idempotency_keys SET created_at = now() - interval '1 minute' WHERE organization_id = $1 AND key = 'lenta'", [
        w.acme.id,
      ]);
      const next = send(agent, 'lenta', 'Oi', conversation_id).then(({ status }) => status);
      await until(async () => (await claimed("AND created_at > now() - interval '30 seconds'")).length, 'the second claim');
      await runner.commitTransaction();

      expect(await Promise.all([slow, next])).toEqual([409, 201]);
    } finally {
      await runner.release();
      await holder.destroy();
    }
    expect(await w.sql("SELECT 1 FROM messages WHERE conversation_id = $1 AND direction = 'outgoing'", [conversation_id])).toHaveLength(1);
  });

  it('answers a 500 again instead of trying again', async () => {
    const { agent, customer, w } = await shop();
    const { conversation_id } = await customer();
    await w.sql(
      `CREATE FUNCTION explode() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.content = 'explode' THEN RAISE 'boom'; END IF; RETURN NEW; END $$`,
    );
    await w.sql('CREATE TRIGGER explode BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION explode()');
    try {
      await send(agent, 'chave-4', 'explode', conversation_id).expect(500).expect(errorOf('internal_error'));
    } finally {
      await w.sql('DROP TRIGGER explode ON messages');
      await w.sql('DROP FUNCTION explode()');
    }

    await send(agent, 'chave-4', 'explode', conversation_id).expect(500).expect(errorOf('internal_error'));

    expect(await w.sql("SELECT 1 FROM messages WHERE conversation_id = $1 AND direction = 'outgoing'", [conversation_id])).toEqual([]);
  });
});

describe('reading', () => {
  it('pages a thread by key, stable while messages arrive', async () => {
    const { agent, customer } = await shop();
    const { conversation_id } = await customer();
    for (let n = 0; n < 4; n++) await agent.post(`/conversations/${conversation_id}/messages`, { content: `parte ${n}` }).expect(201);

    const { body: newest } = await agent.get(`/conversations/${conversation_id}/messages?sort=created_at:desc&limit=2`).expect(200);
    await agent.post(`/conversations/${conversation_id}/messages`, { content: 'parte 4' }).expect(201);
    const { body: older } = await agent
      .get(`/conversations/${conversation_id}/messages?sort=created_at:desc&limit=2&before=${newest.items[1].id}`)
      .expect(200);
    const { body: newer } = await agent.get(`/conversations/${conversation_id}/messages?limit=1&after=${older.items[0].id}`).expect(200);

    expect(newest.items.map((m: { content: string }) => m.content)).toEqual(['parte 3', 'parte 2']);
    expect(older.items.map((m: { content: string }) => m.content)).toEqual(['parte 1', 'parte 0']);
    expect(newer.items.map((m: { content: string }) => m.content)).toEqual(['parte 2']);
  });

  it('keeps a note, which is never sent and never counted', async () => {
    const { agent, customer, sentTo } = await shop();
    const { phone, conversation_id } = await customer();

    const { body } = await agent
      .post(`/conversations/${conversation_id}/messages`, { content: 'cliente antigo', is_internal_note: true })
      .expect(201);

    expect(body).toMatchObject({ direction: 'internal', message_type: 'note', is_internal_note: true });
    expect((await agent.get(`/conversations/${conversation_id}`)).body.total_messages).toBe(1);
    expect((await agent.get(`/conversations/${conversation_id}/messages?include_notes=false`)).body.items).toHaveLength(1);
    expect(sentTo(phone)).toEqual([]);
  });

  it('tells WhatsApp what the team has read', async () => {
    const { w, agent, customer, number } = await shop();
    const { conversation_id } = await customer();
    const { body: thread } = await agent.get(`/conversations/${conversation_id}/messages`);

    const calls = meta.calls.length;

    const { body } = await agent.post(`/conversations/${conversation_id}/read`).expect(200);
    const own = (): string[] => meta.calls.slice(calls).filter((call) => call.includes(number.phone_number_id));
    while (!own().length) await sleep(20);
    await w.app.get(Jobs).idle();

    expect(body.unread_count).toBe(0);
    expect(own()).toEqual([expect.stringMatching(/^POST .*\/messages$/)]);
    expect(thread.items[0].whatsapp_message_id).toBeTruthy();
  });

  it('says what became of a message', async () => {
    const { agent, customer, settled } = await shop();
    const { conversation_id } = await customer();
    const { body } = await agent.post(`/conversations/${conversation_id}/messages`, { content: 'Oi' }).expect(201);
    await settled(body.id);

    const { body: status } = await agent.get(`/whatsapp/messages/${body.id}/status`).expect(200);

    expect(status).toMatchObject({
      message_id: body.id,
      status_history: expect.arrayContaining([expect.objectContaining({ status: 'sent', source: 'api' })]),
    });
  });
});

describe('a file', () => {
  const PDF = Buffer.from('%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n');
  const kept = async (agent: Person, bytes: Buffer, name: string): Promise<string> =>
    (await agent.post('/whatsapp/media').attach('file', bytes, name).expect(201)).body.id as string;

  it('goes out as what it is where nobody says', async () => {
    const { agent, customer, settled, sentTo } = await shop();
    const { phone, conversation_id } = await customer();
    const path = `/conversations/${conversation_id}/messages`;

    const { body: photo } = await agent.post(path, { media_id: await kept(agent, PNG, 'bolo.png'), content: 'Olha!' }).expect(201);
    const { body: list } = await agent.post(path, { media_id: await kept(agent, PDF, 'tabela.pdf') }).expect(201);
    await settled(list.id);

    expect([photo.message_type, list.message_type]).toEqual(['image', 'document']);
    expect(sentTo(phone)).toMatchObject([{ type: 'image', image: { caption: 'Olha!' } }, { type: 'document' }]);
  });

  it('is not sent as what it is not, on any route', async () => {
    const { agent, customer } = await shop();
    const { phone: to, conversation_id } = await customer();
    const [png, pdf] = [await kept(agent, PNG, 'bolo.png'), await kept(agent, PDF, 'tabela.pdf')];
    const path = `/conversations/${conversation_id}/messages`;

    await agent.post(path, { message_type: 'image', media_id: pdf }).expect(wrongField('media_id'));
    await agent.post(path, { media_type: 'video/mp4', media_id: png }).expect(wrongField('media_id'));
    await agent.post('/whatsapp/send-media', { to, type: 'sticker', media_id: png }).expect(wrongField('media_id'));
    await agent.post('/whatsapp/send-audio', { to, media_id: pdf }).expect(wrongField('media_id'));
    // Whatever is to arrive unchanged goes as a document.
    await agent.post('/whatsapp/send-document', { to, media_id: png }).expect(201);
  });

  it('stays with the message that could not be sent, as what it is', async () => {
    const { agent } = await shop();
    const media_id = await kept(agent, PNG, 'bolo.png');

    const { body } = await agent
      .post('/conversations', { to: `+5511${digits(9).replace(/^./, '9')}`, initial_message: { media_id } })
      .expect(201);

    expect(body.last_message).toMatchObject({
      status: 'failed',
      error_code: 'window_closed',
      message_type: 'image',
      media: { id: media_id },
    });
  });

  it('is named without what deceives the eye', async () => {
    const { agent, customer } = await shop();
    const { phone: to } = await customer();

    const { body } = await agent
      .post('/whatsapp/send-document', { to, document_url: 'https://loja.example/a.pdf', filename: '../nota\u202efdp.exe' })
      .expect(201);

    expect(body.message.payload.filename).toBe('notafdp.exe');
    await agent.post('/whatsapp/send-document', { to, document_url: 'https://loja.example/a.pdf', filename: null }).expect(201);
  });
});

describe('white space is not text', () => {
  const BLANK = ' \n\u200b\u00a0\u2060\u3164\ufeff';
  const buttons = [{ id: 'a', title: 'Sim' }];
  const sections = [{ rows: [{ id: 'a', title: 'A' }] }];

  it.each([
    ['send', { message: BLANK }, ['message']],
    ['send-media', { type: 'image', media_url: 'https://a.example/a.png', caption: BLANK }, ['caption']],
    ['send-buttons', { message: BLANK, buttons }, ['message']],
    ['send-buttons', { message: 'Oi', buttons: [{ id: 'a', title: BLANK }] }, ['body', 'buttons', 0, 'title']],
    ['send-list', { body: BLANK, button_text: 'Ver', sections }, ['body']],
    ['send-list', { body: 'Oi', button_text: BLANK, sections }, ['button_text']],
    ['send-contact', { contact: { name: BLANK, phone: '+5511987654321' } }, ['body', 'contact', 'name']],
  ])('POST /whatsapp/%s %#', async (route, body, loc) => {
    const { agent } = await shop();

    await agent.post(`/whatsapp/${route}`, { to: '+5511987654321', ...body }).expect(wrongField(...loc));
  });

  it('in a conversation, in its first message, as a note, and in GraphQL', async () => {
    const { w, agent, customer } = await shop();
    const { conversation_id } = await customer();
    const path = `/conversations/${conversation_id}/messages`;

    for (const body of [{ content: BLANK }, { content: { text: BLANK } }, { content: BLANK, is_internal_note: true }])
      await agent.post(path, body).expect(wrongField('content'));
    await agent.post(path, { interactive: { kind: 'buttons', body: BLANK, buttons } }).expect(wrongField('body', 'interactive', 'body'));
    await agent.post('/conversations', { to: '+5511987650000', initial_message: BLANK }).expect(wrongField('content'));
    const { body } = await agent.graphql(
      'mutation($id: ID!, $content: String) { sendMessage(conversation_id: $id, content: $content) { id } }',
      {
        id: conversation_id,
        content: BLANK,
      },
    );
    expect(body.errors[0].extensions).toMatchObject({ error_code: 'validation_error' });
    expect(await w.sql("SELECT 1 FROM messages WHERE conversation_id = $1 AND direction <> 'incoming'", [conversation_id])).toEqual([]);
  });
});

import { DeliverMessage } from '#modules/conversations/messages/deliver-message';
import { DueRows } from '#database/due-rows';
import { type FakeMeta, META_SECRET, fakeMeta, numberInput } from './support/fake-meta';
import { Inbox, type Row } from './support/inbox';
import { metaPayload } from './support/meta-payloads';
import { socketOf, until } from './support/sockets';
import { type Person, errorOf, world, wrongField } from './support/world';

let meta: FakeMeta;

beforeAll(async () => {
  meta = await fakeMeta();
});

afterAll(() => meta.close());

interface Shop {
  box: Inbox;
  agent: Person;
  person: ReturnType<Inbox['person']>;
  conversation: Row;
  message: Row;
  /** What Meta was told about reactions. */
  sent(): unknown[];
  /** The message's reactions now. */
  reactions(): Promise<unknown[]>;
  react(emoji: string): ReturnType<Person['post']>;
}

/** A customer who has just written to a number Meta knows. */
async function shop(): Promise<Shop> {
  const w = await world(meta.env);
  const known = meta.number();
  const { body: number } = await w.acme.admin.post('/whatsapp', numberInput(known)).expect(201);
  const box = new Inbox(w, w.acme, { ...number, phone_number_id: known.phone_number_id, waba_id: known.waba_id, app_secret: META_SECRET });
  const person = box.person();
  meta.simulator.customer({ wa_id: person.from, name: 'Ana' });
  await box.receive(metaPayload.text(person));
  const conversation = await box.conversation();
  const message = await box.message();
  const { agent } = w.acme;
  return {
    box,
    agent,
    person,
    conversation,
    message,
    sent: () =>
      meta.simulator
        .sent()
        .map(({ body }) => body as { to: string; reaction?: { message_id: string; emoji: string } })
        .filter(({ to, reaction }) => reaction && to === `+${person.from}`)
        .map(({ reaction }) => [reaction?.message_id, reaction?.emoji]),
    reactions: async () => (await agent.get(`/whatsapp/messages/${message.id}`).expect(200)).body.reactions as unknown[],
    react: (emoji) => agent.post(`/whatsapp/messages/${message.id}/reactions`, { emoji }),
  };
}

describe('a reaction of the team', () => {
  it('is closed without a token, to viewers and to others, and takes one emoji', async () => {
    const { box, message, react } = await shop();
    const path = `/whatsapp/messages/${message.id}/reactions`;

    await box.w.guest.post(path, { emoji: '👍' }).expect(401);
    await box.company.viewer.post(path, { emoji: '👍' }).expect(403);
    await box.w.globex.agent.post(path, { emoji: '👍' }).expect(404).expect(errorOf('not_found'));
    for (const emoji of ['ok', '👍👍', '5', ' ', null, 'x'.repeat(70)]) await react(emoji as string).expect(wrongField('emoji'));
    await react('❤️').expect(200);
  });

  it('stands at its message with who gave it, reaches the phone, and is no message of the thread', async () => {
    const { box, agent, conversation, message, react, sent } = await shop();
    const listener = await socketOf(agent);

    const { body } = await react('👍').expect(200);

    const given = { from: 'business', emoji: '👍', user_id: agent.user.id, at: expect.any(String) };
    expect(body).toMatchObject({ id: message.id, reactions: [given] });
    expect(await listener.hear('message:updated')).toMatchObject({ id: message.id, reactions: [given] });
    await until(() => sent().length, 'a reaction at Meta');
    expect(sent()).toEqual([[message.whatsapp_message_id, '👍']]);
    expect(await box.messages(conversation.id)).toHaveLength(1);
    const { body: history } = await agent.get('/whatsapp/messages?message_type=reaction').expect(200);
    expect(history.items).toMatchObject([{ message_type: 'reaction', payload: { target_message_id: message.id, emoji: '👍' } }]);
    const now = (await agent.get(`/conversations/${conversation.id}`).expect(200)).body;
    expect(now).toMatchObject({ total_messages: 1, unread_count: 1, last_message: { id: message.id }, first_response_at: null });
  });

  it('gives way to the next one, of whoever of the team, and beside it stands the customer’s', async () => {
    const { box, person, message, react, reactions, sent } = await shop();
    await box.receive(metaPayload.reaction({ ...person, target: message.whatsapp_message_id as string, emoji: '🎉' }));

    await react('👍').expect(200);
    await box.company.admin.post(`/whatsapp/messages/${message.id}/reactions`, { emoji: '❤' }).expect(200);

    expect(await reactions()).toMatchObject([
      { from: 'contact', emoji: '🎉' },
      { from: 'business', emoji: '❤', user_id: box.company.admin.user.id },
    ]);
    await react('').expect(200);
    expect(await reactions()).toMatchObject([{ from: 'contact', emoji: '🎉' }]);
    // Nothing is left to take back, and nothing leaves.
    await react('').expect(200);
    await until(() => sent().length === 3, 'three reactions at Meta');
    expect(sent().map((one) => (one as string[])[1])).toEqual(['👍', '❤', '']);
  });

  it('leaves in the order of its conversation, however many are given at once', async () => {
    const { box, agent, conversation, message, react, reactions, sent, person } = await shop();
    const team = await Promise.all(Array.from({ length: 49 }, () => box.company.hire('agent')));
    const emojis = [...'😀😁😂😃😄😅😆😉😊😋'];
    const all = [agent, ...team].map((by, n) =>
      n % 10 === 9
        ? by.post(`/conversations/${conversation.id}/messages`, { content: `Texto ${n}` })
        : by.post(`/whatsapp/messages/${message.id}/reactions`, { emoji: emojis[n % 10] }),
    );

    const answers = await Promise.all(all);

    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 201]));
    const rows = await box.w.sql<{ id: string }>(
      `SELECT id FROM messages WHERE conversation_id = $1 AND direction = 'outgoing' ORDER BY id`,
      [conversation.id],
    );
    await until(async () => !(await box.w.sql(`SELECT 1 FROM outbound_sends WHERE conversation_id = $1`, [conversation.id])).length);
    const left = meta.simulator.sent().filter(({ body }) => (body as { to: string }).to === `+${person.from}`);
    expect(left.map(({ biz_opaque_callback_data }) => biz_opaque_callback_data)).toEqual(rows.map(({ id }) => id));
    expect((await reactions()).length).toBe(1);
    expect((await reactions())[0]).toMatchObject({ emoji: (sent().at(-1) as string[])[1] });
    await react((sent().at(-1) as string[])[1]).expect(200);
  });

  it('is taken back where Meta does not take it, and not sent again', async () => {
    const { box, agent, person, message, react, reactions } = await shop();
    meta.simulator.faults.add({ route: 'messages', to: person.from, code: 131026 });

    await react('👍').expect(200);

    await until(async () => !(await reactions()).length, 'the reaction taken back');
    const { body } = await agent.get('/whatsapp/messages?message_type=reaction').expect(200);
    expect(body.items).toMatchObject([{ status: 'failed', error_code: 'undeliverable' }]);
    await agent
      .post(`/whatsapp/messages/${body.items[0].id as string}/resend`)
      .expect(409)
      .expect(errorOf('message_not_failed'));
    expect(box.company.id).toBe(message.organization_id);
  });

  it('is refused outside the window, after the end, and to what does not stand on the phone', async () => {
    const { box, agent, conversation, message, react } = await shop();
    const to = (id: string): ReturnType<Person['post']> => agent.post(`/whatsapp/messages/${id}/reactions`, { emoji: '👍' });
    const { body: note } = await agent
      .post(`/conversations/${conversation.id}/messages`, { content: 'Só nossa', is_internal_note: true })
      .expect(201);

    await to(note.id as string)
      .expect(409)
      .expect(errorOf('message_not_reactable'));
    await box.w.sql(`UPDATE conversations SET window_expires_at = now() - interval '1 s' WHERE id = $1`, [conversation.id]);
    await react('👍').expect(409).expect(errorOf('window_closed'));
    await box.w.sql(`UPDATE conversations SET window_expires_at = now() + interval '1 h' WHERE id = $1`, [conversation.id]);
    await box.w.sql(`UPDATE messages SET created_at = now() - interval '31 days' WHERE id = $1`, [message.id]);
    await react('👍').expect(409).expect(errorOf('message_not_reactable'));
    await box.w.sql(`UPDATE messages SET created_at = now(), is_deleted = true WHERE id = $1`, [message.id]);
    await react('👍').expect(409).expect(errorOf('message_not_reactable'));
    await box.w.sql(`UPDATE messages SET is_deleted = false WHERE id = $1`, [message.id]);
    await agent.post(`/conversations/${conversation.id}/close`).expect(200);
    await react('👍').expect(409).expect(errorOf('conversation_not_active'));
    expect(await box.w.sql(`SELECT 1 FROM outbound_sends WHERE conversation_id = $1`, [conversation.id])).toEqual([]);
  });

  it('is shown as gone when its process died while Meta was answering', async () => {
    const { box, conversation, react, reactions } = await shop();
    const rows = box.w.app.get(DueRows);
    await react('👍').expect(200);
    await until(async () => !(await box.w.sql(`SELECT 1 FROM outbound_sends WHERE conversation_id = $1`, [conversation.id])).length);
    // As a process leaves it that is killed between the call and its commit.
    await box.w.sql(`UPDATE messages SET status = 'pending', sent_at = NULL WHERE conversation_id = $1 AND message_type = 'reaction'`, [
      conversation.id,
    ]);
    await box.w.sql(
      `INSERT INTO outbound_sends (message_id, organization_id, conversation_id, whatsapp_number_id, claimed_at)
       SELECT id, organization_id, conversation_id, whatsapp_number_id, now() - interval '1 day' FROM messages
        WHERE conversation_id = $1 AND message_type = 'reaction'`,
      [conversation.id],
    );

    await box.w.app.get(DeliverMessage).giveUp(100);
    await rows.idle();

    expect(await reactions()).toEqual([]);
  });
});

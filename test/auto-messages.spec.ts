import { DueRows } from '#database/due-rows';
import { type Inbox, type Row, inbox } from './support/inbox';
import { metaPayload } from './support/meta-payloads';
import { socketOf } from './support/sockets';
import { wrongField } from './support/world';

const CLOSED = { schedule: { monday: { enabled: false } } };
const OPEN = { always_open: true };

/** A number with something to say by itself. */
async function shop(values: object = {}): Promise<Inbox> {
  const box = await inbox();
  await box.company.admin
    .put(`/whatsapp/${box.number.id}`, {
      auto_reply_enabled: true,
      welcome_message: 'Bem-vindo!',
      away_message: 'Voltamos amanhã.',
      business_hours: OPEN,
      ...values,
    })
    .expect(200);
  return box;
}

/** What its customers were told by itself, oldest first. */
async function said(box: Inbox): Promise<unknown[]> {
  await box.idle();
  await box.w.app.get(DueRows).idle();
  const rows = await box.w.sql<{ content: string }>(
    `SELECT content FROM messages WHERE organization_id = $1 AND sender_type = 'automation' ORDER BY created_at`,
    [box.company.id],
  );
  return rows.map(({ content }) => content);
}

describe('what a number answers by itself', () => {
  it('is set by administrators, checked, and cleared by null', async () => {
    const box = await shop();
    const put = (body: object, by = box.company.admin) => by.put(`/whatsapp/${box.number.id}`, body);

    await put({ auto_reply_enabled: false }, box.company.agent).expect(403);
    await put({ auto_reply_enabled: null }).expect(wrongField('auto_reply_enabled'));
    await put({ welcome_message: 'x'.repeat(1025) }).expect(wrongField('welcome_message'));
    await put({ away_message: '  ' }).expect(wrongField('away_message'));
    await put({ business_hours: { segunda: {} } }).expect(wrongField('business_hours'));
    const hours = { monday: { start: '09:00', end: '18:00' } };
    expect((await put({ away_message: null, business_hours: hours }).expect(200)).body).toMatchObject({
      auto_reply_enabled: true,
      welcome_message: 'Bem-vindo!',
      away_message: null,
      business_hours: { monday: { enabled: true, start: '09:00', end: '18:00' } },
    });
    expect((await put({ business_hours: null }).expect(200)).body).toMatchObject({ business_hours: null });
  });

  it('welcomes who begins a conversation, once', async () => {
    const box = await shop();
    const person = box.person();

    await box.receive(metaPayload.text(person), metaPayload.text(person));

    expect(await said(box)).toEqual(['Bem-vindo!']);
    const [message] = (await box.messages()).filter(({ direction }) => direction === 'outgoing');
    expect(message).toMatchObject({ sender_type: 'automation', sender_user_id: null, message_type: 'text' });
    expect(await box.conversation()).toMatchObject({ current_agent_id: null, unread_count: 2, messages_from_agent: 0 });
    // Another one begins anew.
    await box.receive(metaPayload.text(box.person()));
    expect(await said(box)).toEqual(['Bem-vindo!', 'Bem-vindo!']);
  });

  it('outside the hours is only that nobody is there, once in twelve hours, whatever conversation', async () => {
    const box = await shop({ business_hours: CLOSED });
    const { agent } = box.company;
    const person = box.person();

    await box.receive(metaPayload.text(person), metaPayload.text(person));
    const { id } = await box.conversation();
    await agent.post(`/conversations/${id}/close`, {}).expect(200);
    await box.w.sql(`UPDATE conversations SET closed_at = now() - interval '3 days' WHERE id = $1`, [id]);
    await box.receive(metaPayload.text(person));
    expect(await box.conversations()).toHaveLength(2);
    expect(await said(box)).toEqual(['Voltamos amanhã.']);

    await box.w.sql(`UPDATE messages SET created_at = created_at - interval '13 hours' WHERE conversation_id = $1`, [id]);
    await box.receive(metaPayload.text(person));
    expect(await said(box)).toEqual(['Voltamos amanhã.', 'Voltamos amanhã.']);
  });

  it('is nothing to what was written half a day ago and comes only now', async () => {
    const [open, closed] = [await shop(), await shop({ business_hours: CLOSED })];
    const timestamp = Math.floor(Date.now() / 1000) - 13 * 3600;

    for (const box of [open, closed]) {
      await box.receive(metaPayload.text({ ...box.person(), timestamp }));

      expect(await said(box)).toEqual([]);
      expect(await box.conversation()).toMatchObject({ unread_count: 1 });
    }
  });

  it('goes by the hours of the organization where the number has none', async () => {
    const box = await shop({ business_hours: null, away_message: null });
    await box.company.admin.put(`/organizations/me/settings`, { business_hours: CLOSED }).expect(200);

    await box.receive(metaPayload.text(box.person()));

    // Nobody is there, and there is no word for that.
    expect(await said(box)).toEqual([]);
  });

  it('is one, of twenty messages at once', async () => {
    const box = await shop();
    const person = box.person();

    await Promise.all(Array.from({ length: 20 }, () => box.post(metaPayload.text(person)).expect(200)));

    expect(await said(box)).toEqual(['Bem-vindo!']);
  });

  it('is nothing of a number that is off, or does not want it, nor to who is blocked; and these cost nothing', async () => {
    const box = await shop({ auto_reply_enabled: false });
    const { admin } = box.company;
    const heard = box.hear('conversation.addressed');
    await box.receive(metaPayload.text(box.person()));
    await admin.put(`/whatsapp/${box.number.id}`, { auto_reply_enabled: true }).expect(200);
    await admin.post(`/whatsapp/${box.number.id}/deactivate`).expect(200);
    await box.receive(metaPayload.text(box.person()));
    await admin.post(`/whatsapp/${box.number.id}/activate`).expect(200);
    const person = box.person();
    await box.w.sql(`UPDATE contacts SET is_blocked = true WHERE organization_id = $1`, [box.company.id]);
    expect(heard).toEqual([]);

    await box.receive(metaPayload.text(person));
    expect(await said(box)).toEqual(['Bem-vindo!']);
    await box.w.sql(`UPDATE contacts SET is_blocked = true WHERE organization_id = $1`, [box.company.id]);
    await box.receive(metaPayload.text(person));
    expect(heard).toHaveLength(1);
  });
});

describe('a window that ends within the hour', () => {
  it('is told once, of what lives', async () => {
    const box = await inbox();
    const { agent } = box.company;
    const person = box.person();
    await box.receive(metaPayload.text(person), metaPayload.text(box.person()), metaPayload.text(box.person()));
    const [{ id }, far, over] = await box.conversations();
    const ends = (of: Row | { id: string }, minutes: number) =>
      box.w.sql(`UPDATE conversations SET window_expires_at = now() + $2 * interval '1 minute' WHERE id = $1`, [of.id, minutes]);
    await ends({ id }, 50);
    await ends(far, 70);
    await ends(over, 50);
    await agent.post(`/conversations/${over.id}/close`, {}).expect(200);
    const socket = await socketOf(agent);
    const told = box.hear('conversation.window_expiring');
    const look = async (): Promise<void> => {
      await box.w.app.get(DueRows).sweep();
      await box.w.app.get(DueRows).idle();
    };

    await look();
    await look();

    const { window_expires_at } = (await agent.get(`/conversations/${id}`).expect(200)).body as Row;
    expect(await socket.hear('conversation:window_expiring')).toEqual({ conversation_id: id, window_expires_at });
    expect(told.map(({ conversation_id }) => conversation_id)).toEqual([id]);

    await box.receive(metaPayload.text(person));
    await look();
    expect(told).toHaveLength(1);
    await ends({ id }, 40);
    await look();
    expect(told).toHaveLength(2);
  });
});

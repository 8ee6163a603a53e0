import { DueRows } from '#database/due-rows';
import { Jobs } from '#jobs/jobs';
import { PNG } from './support/files';
import { type Street, qrcodeShop, street } from './support/qrcode-shop';
import { type Row } from './support/desk';
import { type Customer, type Shop, officialShop } from './support/shop';
import { socketOf, until } from './support/sockets';
import { close } from './support/world';

/*
 * What an agent's inbox does, whatever way the messages take. What is the one provider's alone stands in receipt, sending and evolution.
 */

let place: Street;

beforeAll(async () => {
  place = await street();
});
afterAll(async () => {
  await close();
  await place.close();
});

describe.each([
  ['an official number', officialShop],
  ['a number by QR code', qrcodeShop],
])('the inbox of %s', (_, open: (place: Street) => Promise<Shop>) => {
  const shop = (): Promise<Shop> => open(place);

  /** A customer who has just written. */
  async function talk(): Promise<{ s: Shop; who: Customer; id: string; conversation: Row; question: Row }> {
    const s = await shop();
    const who = s.customer();
    const id = await s.text(who, 'Bom dia! Têm pão?');
    return { s, who, id, conversation: await s.conversation(), question: await s.message() };
  }

  it('has what customers write, with its file, live and once', async () => {
    const s = await shop();
    const agent = await socketOf(s.company.agent);
    const who = s.customer();

    const ids = [
      await s.text(who, 'Bom dia! Têm pão?'),
      await s.writes(who, { type: 'image', image: { caption: 'deste', base64: PNG.toString('base64'), mime_type: 'image/png' } }),
    ];

    const [text, image] = await s.messages();
    expect(text).toMatchObject({ direction: 'incoming', status: 'received', content: 'Bom dia! Têm pão?', sender_name: 'Ana Souza' });
    expect([text.whatsapp_message_id, image.whatsapp_message_id]).toEqual(ids);
    expect(await s.settled(image.id, ({ media }) => (media as Row | null)?.status === 'ready')).toMatchObject({
      message_type: 'image',
      content: 'deste',
      media: { mime_type: 'image/png', size_bytes: PNG.length },
    });
    expect(await s.conversation()).toMatchObject({ status: 'open', unread_count: 2, is_window_open: true, requires_template: false });
    expect(await s.contact()).toMatchObject({ whatsapp_id: `+${who.from}`, whatsapp_name: 'Ana Souza' });
    await agent.hear('message:new', ({ content }) => content === 'Bom dia! Têm pão?');
  });

  it('answers, quoting, once, and follows it to the phone that read it', async () => {
    const { s, who, id, conversation, question } = await talk();
    const agent = await socketOf(s.company.agent);

    const { body } = await s.send(conversation.id, { content: 'Temos!', reply_to_message_id: question.id }).expect(201);
    const sent = await s.settled(body.id, ({ status }) => status === 'delivered');
    await place.evolution.simulator.setStatus(String(sent.whatsapp_message_id), 'read');
    await s.settled(body.id, ({ status }) => status === 'read');

    expect(s.phone(who).filter(({ direction }) => direction === 'business')).toMatchObject([
      { type: 'text', content: { body: 'Temos!' }, context_message_id: id, status: 'read' },
    ]);
    expect(await s.conversation()).toMatchObject({
      unread_count: 0,
      messages_from_agent: 1,
      average_response_time_seconds: expect.any(Number),
    });
    await agent.hear('message:status', (data) => data.message_id === body.id && data.status === 'read');
  });

  it('sends a file as what it is', async () => {
    const { s, who, conversation } = await talk();
    const { body: file } = await s.company.agent.post('/whatsapp/media').attach('file', PNG, 'bolo.png').expect(201);

    const { body } = await s.send(conversation.id, { media_id: file.id, media_caption: 'O bolo' }).expect(201);
    await s.settled(body.id);

    expect(s.phone(who).at(-1)).toMatchObject({ direction: 'business', type: 'image', content: { caption: 'O bolo' } });
  });

  it('reacts, and is reacted to', async () => {
    const { s, who, id, question } = await talk();
    const reactions = async (): Promise<unknown> => (await s.message()).reactions;

    await s.writes(who, { type: 'reaction', reaction: { message_id: id, emoji: '🙏' } });
    await s.company.agent.post(`/whatsapp/messages/${question.id}/reactions`, { emoji: '👍' }).expect(200);

    expect(await reactions()).toMatchObject([
      { from: 'contact', emoji: '🙏' },
      { from: 'business', emoji: '👍', user_id: s.company.agent.user.id },
    ]);
    await until(() => s.phone(who).some(({ reaction }) => reaction?.by === 'business' && reaction.emoji === '👍'), 'the phone to show it');
    await s.writes(who, { type: 'reaction', reaction: { message_id: id, emoji: '' } });
    expect(await reactions()).toMatchObject([{ from: 'business', emoji: '👍' }]);
  });

  it('shows the phone what was read', async () => {
    const { s, who, conversation } = await talk();

    await s.company.agent.post(`/conversations/${conversation.id}/read`).expect(200);
    await until(() => s.phone(who).every(({ status }) => status === 'read'), 'the phone to show it');
    await s.w.app.get(Jobs).idle();
    expect(await s.conversation()).toMatchObject({ unread_count: 0 });
  });

  it('greets who begins, and asks who was served', async () => {
    const s = await shop();
    const { admin, agent } = s.company;
    await admin.put(`/whatsapp/${s.number.id}`, { auto_reply_enabled: true, welcome_message: 'Bem-vinda!' }).expect(200);
    await admin.put('/organizations/me/settings', { csat: { enabled: true, delay_minutes: 0 } }).expect(200);
    const rows = s.w.app.get(DueRows);
    const who = s.customer();
    await s.text(who, 'Oi');
    const { id } = await s.conversation();
    await until(() => s.phone(who).some(({ content }) => (content as { body?: string }).body === 'Bem-vinda!'), 'the welcome');

    await agent.post(`/conversations/${id}/close`, {}).expect(200);
    await rows.idle();
    await rows.sweep();
    await until(() => s.phone(who).length === 3, 'the question');
    await s.text(who, '5');
    await s.text(who, 'Muito rápido!');

    expect(await s.conversation()).toMatchObject({ status: 'closed', rating: 5, rating_comment: 'Muito rápido!' });
  });
});

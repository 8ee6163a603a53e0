import { randomBytes } from 'node:crypto';
import { type Inbox, type Row, inbox as inboxWith } from './support/inbox';
import { type From, type MetaPayload, metaPayload, wamid } from './support/meta-payloads';
import { digits, officialNumber } from './support/official-number';
import { socketOf, until } from './support/sockets';
import { errorOf } from './support/world';

/** Without META_APP_SECRET: each number signs with its own. */
const inbox = (): Promise<Inbox> => inboxWith({ app_secret: randomBytes(8).toString('hex') }, { META_APP_SECRET: '' });

const now = (): number => Math.floor(Date.now() / 1000);
const HOUR = 3600;

/** ISO of Unix seconds, as the API writes it. */
const iso = (seconds: number): string => new Date(seconds * 1000).toISOString();

describe('without META_APP_SECRET', () => {
  it('a number without its own secret is refused, whatever the signature', async () => {
    const box = await inbox();
    const bare = await officialNumber(box.w, box.company);
    const payload = metaPayload.text({ phone_number_id: bare.phone_number_id, waba_id: bare.waba_id });

    for (const secret of ['', 'guess', bare.webhook_verify_token])
      await box.post(payload, { secret }).expect(403).expect(errorOf('invalid_signature'));
    await box.post(payload, { signature: null }).expect(403);

    const [{ count }] = await box.w.sql<{ count: number }>('SELECT count(*)::int FROM inbound_events WHERE whatsapp_number_id = $1', [
      bare.id,
    ]);
    expect(count).toBe(0);
  });

  it('an unknown number is refused, nothing could have signed for it', async () => {
    const box = await inbox();

    await box.post(metaPayload.text({ phone_number_id: digits(15), waba_id: digits(15) })).expect(403);
  });
});

describe('kinds of messages, as stored', () => {
  type Kind = [name: string, payload: (who: From) => MetaPayload, stored: Record<string, unknown>];
  const any = expect.anything() as unknown;

  it.each<Kind>([
    [
      'text',
      (who) => metaPayload.text({ ...who, body: 'Olá 👋' }),
      { message_type: 'text', content: 'Olá 👋', payload: { text: 'Olá 👋' } },
    ],
    [
      'location',
      (who) => metaPayload.location({ ...who, location: { latitude: -23.5, longitude: -46.6, name: 'Praça da Sé' } }),
      { message_type: 'location', content: null, payload: { latitude: -23.5, longitude: -46.6, name: 'Praça da Sé' } },
    ],
    [
      'contacts',
      (who) => metaPayload.contacts(who),
      {
        message_type: 'contacts',
        payload: {
          contacts: [
            {
              name: 'João Lima',
              phones: [{ phone: '+55 21 97777-6666', wa_id: '5521977776666', type: 'CELL' }],
              organization: 'Padaria Lima',
            },
          ],
        },
      },
    ],
    [
      'a chosen button',
      (who) => metaPayload.buttonReply({ ...who, reply: { id: 'ok:42', title: 'Sim' } }),
      { message_type: 'interactive', content: 'Sim', payload: { kind: 'button_reply', id: 'ok:42', title: 'Sim' } },
    ],
    [
      'a chosen list row',
      (who) => metaPayload.listReply(who),
      {
        message_type: 'interactive',
        content: 'Financeiro',
        payload: { kind: 'list_reply', id: 'fin', title: 'Financeiro', description: 'Boletos e notas' },
      },
    ],
    [
      'a filled form',
      (who) => metaPayload.flowReply(who),
      { message_type: 'interactive', payload: { kind: 'flow_reply', response: { flow_token: 't1', nome: 'Ana', plano: 'anual' } } },
    ],
    [
      'a form that is no JSON',
      (who) => metaPayload.flowReply({ ...who, response_json: '{oops' }),
      { message_type: 'interactive', payload: { kind: 'flow_reply', response: null, response_json: '{oops' } },
    ],
    [
      'a call permission',
      (who) => metaPayload.callPermissionReply(who),
      { message_type: 'interactive', payload: { kind: 'call_permission_reply' } },
    ],
    [
      'a template button',
      (who) => metaPayload.button(who),
      { message_type: 'button', content: 'Confirmar', payload: { text: 'Confirmar', payload: 'ok:42' } },
    ],
    [
      'an order',
      (who) => metaPayload.order(who),
      { message_type: 'order', content: 'Entregar à tarde', payload: { catalog_id: '194836987003835', product_items: [{ quantity: 10 }] } },
    ],
    [
      'an interactive without its object',
      (who) => metaPayload.interactiveWithoutObject(who),
      { message_type: 'unsupported', content: null, payload: { raw_type: 'interactive', errors: [{ code: 131000 }] } },
    ],
    [
      'unsupported',
      (who) => metaPayload.unsupported({ ...who, raw_type: 'poll' }),
      { message_type: 'unsupported', payload: { raw_type: 'poll', errors: [{ code: 131051 }] } },
    ],
    [
      'a file too large for Meta',
      (who) => metaPayload.mediaTooLarge({ ...who, caption: 'o vídeo' }),
      { message_type: 'unsupported', content: 'o vídeo', media: null, payload: { raw_type: 'document', errors: [{ code: 131052 }] } },
    ],
    [
      'what Meta invents next',
      (who) => metaPayload.unknownType(who),
      { message_type: 'unsupported', payload: { raw_type: 'hologram', raw: any } },
    ],
  ])('%s', async (_, payload, stored) => {
    const box = await inbox();
    const who = box.person();
    const timestamp = now() - 60;
    const id = wamid();

    await box.receive(payload({ ...who, id, timestamp }));

    expect(await box.message()).toMatchObject({
      direction: 'incoming',
      sender_type: 'contact',
      sender_name: who.name,
      status: 'received',
      whatsapp_message_id: id,
      whatsapp_number_id: box.number.id,
      created_at: iso(timestamp),
      ...stored,
    });
    // Whatever it is, the customer wrote.
    expect(await box.conversation()).toMatchObject({
      is_window_open: true,
      window_expires_at: iso(timestamp + 24 * HOUR),
      unread_count: 1,
    });
  });

  it.each<[string, (who: From) => MetaPayload, Record<string, unknown>]>([
    [
      'image',
      (who) => metaPayload.image({ ...who, caption: 'a nota' }),
      { content: 'a nota', media_caption: 'a nota', media_type: 'image/jpeg' },
    ],
    ['video', (who) => metaPayload.video(who), { content: null, media_type: 'video/mp4' }],
    ['audio', (who) => metaPayload.audio({ ...who, voice: true }), { payload: { voice: true }, media_type: 'audio/ogg; codecs=opus' }],
    [
      'document',
      (who) => metaPayload.document({ ...who, filename: 'nota.pdf' }),
      { payload: { filename: 'nota.pdf' }, media_type: 'application/pdf' },
    ],
    [
      'document',
      (who) => metaPayload.document({ ...who, filename: `${'n'.repeat(300)}.pdf` }),
      { payload: { filename: `${'n'.repeat(236)}.pdf` }, media_type: 'application/pdf' },
    ],
    ['sticker', (who) => metaPayload.sticker({ ...who, animated: true }), { payload: { animated: true }, media_type: 'image/webp' }],
  ])('%s, its file waiting to be fetched', async (message_type, payload, stored) => {
    const box = await inbox();

    await box.receive(payload(box.person({ media_id: '998877', sha256: 'c2hhMjU2' } as never)));

    const message = await box.message();
    expect(message).toMatchObject({ message_type, ...stored, media: { status: 'pending', url: null }, media_url: null });
    const media = message.media as Row;
    expect(
      await box.w.sql('SELECT id, message_id, provider_media_id, sha256, status FROM media_files WHERE organization_id = $1', [
        box.company.id,
      ]),
    ).toEqual([{ id: media.id, message_id: message.id, provider_media_id: '998877', sha256: 'c2hhMjU2', status: 'pending' }]);
    await box.company.agent.get(`/whatsapp/messages/${message.id}/media`).expect(409).expect(errorOf('media_not_ready'));
  });

  it('a reply points to what it quotes, stored before or in the same batch', async () => {
    const box = await inbox();
    const ana = box.person();
    const [first, second] = [wamid(), wamid()];
    await box.receive(metaPayload.text({ ...ana, id: first }));

    await box.receive(
      metaPayload.merge([
        metaPayload.text({ ...ana, id: second, context: { from: ana.from, id: first } }),
        metaPayload.text({ ...ana, context: { id: second } }),
        metaPayload.text({ ...ana, context: { id: wamid() } }),
      ]),
    );

    const messages = await box.messages();
    expect(messages.map((message) => message.reply_to_message_id)).toEqual([null, messages[0].id, messages[1].id, null]);
  });

  it('forwarded messages say so, advertisements and products stay with their message', async () => {
    const box = await inbox();
    const ana = box.person();
    const referral = { source_url: 'https://fb.me/1', source_id: '77', source_type: 'ad', headline: 'Pães', ctwa_clid: 'abc' };

    await box.receive(
      metaPayload.text({ ...ana, referral }),
      metaPayload.text({ ...ana, context: { forwarded: true } }),
      metaPayload.text({ ...ana, context: { frequently_forwarded: true } }),
    );

    expect(await box.messages()).toMatchObject([{ forwarded: false, payload: { referral } }, { forwarded: true }, { forwarded: true }]);
    expect((await box.contact()).source).toBe('ad');
  });
});

describe('reactions, edits, revokes', () => {
  async function written(): Promise<{ box: Inbox; ana: ReturnType<Inbox['person']>; id: string }> {
    const box = await inbox();
    const ana = box.person();
    const id = wamid();
    await box.receive(metaPayload.text({ ...ana, id, body: 'Olá', timestamp: now() - 5 * HOUR }));
    return { box, ana, id };
  }

  it('a reaction changes its message, adds none and opens the window', async () => {
    const { box, ana, id } = await written();
    const timestamp = now() - HOUR;
    const socket = await socketOf(box.company.agent);

    await box.receive(metaPayload.reaction({ ...ana, target: id, emoji: '👍', timestamp }));

    expect(await box.message()).toMatchObject({ reactions: [{ from: 'contact', emoji: '👍', at: iso(timestamp) }] });
    expect(await box.conversation()).toMatchObject({ unread_count: 1, total_messages: 1, window_expires_at: iso(timestamp + 24 * HOUR) });
    await socket.hear('message:updated', (message) => (message.reactions as unknown[]).length === 1);
    expect(socket.all('message:new')).toEqual([]);
  });

  it.each([
    ['an empty emoji', ''],
    ['no emoji', null],
  ])('%s takes it back', async (_, emoji) => {
    const { box, ana, id } = await written();

    await box.receive(metaPayload.reaction({ ...ana, target: id, emoji: '👍' }), metaPayload.reaction({ ...ana, target: id, emoji: '❤️' }));
    expect((await box.message()).reactions).toMatchObject([{ emoji: '❤️' }]);
    await box.receive(metaPayload.reaction({ ...ana, target: id, emoji }));

    expect((await box.message()).reactions).toEqual([]);
  });

  it('a reaction told late does not replace a newer one', async () => {
    const { box, ana, id } = await written();

    await box.receive(
      metaPayload.reaction({ ...ana, target: id, emoji: '❤️', timestamp: now() - 10 }),
      metaPayload.reaction({ ...ana, target: id, emoji: '👍', timestamp: now() - 20 }),
    );

    expect((await box.message()).reactions).toMatchObject([{ emoji: '❤️' }]);
  });

  it('an edit replaces the content, keeps the former, and opens no window', async () => {
    const { box, ana, id } = await written();
    const before = (await box.conversation()).window_expires_at;
    const timestamp = now() - 10;
    const edit = metaPayload.edit({ ...ana, original: id, message: { type: 'text', text: { body: 'Olá, corrigindo' } }, timestamp });

    await box.receive(edit, edit);
    await box.receive(
      metaPayload.edit({ ...ana, original: id, message: { type: 'text', text: { body: 'entre' } }, timestamp: timestamp - 10 }),
    );

    const message = await box.message();
    expect(message).toMatchObject({ content: 'Olá, corrigindo', payload: { text: 'Olá, corrigindo' }, edited_at: iso(timestamp) });
    const { earlier_versions } = await box.stored(message.id);
    expect(earlier_versions).toMatchObject([{ content: 'Olá' }, { content: 'entre' }]);
    expect((await box.conversation()).window_expires_at).toBe(before);
  });

  it('a revoked message shows nothing any more', async () => {
    const { box, ana, id } = await written();
    const before = (await box.conversation()).window_expires_at;

    await box.receive(metaPayload.revoke({ ...ana, original: id }));

    expect(await box.message()).toMatchObject({ is_deleted: true, content: null, payload: {}, media: null });
    expect((await box.conversation()).window_expires_at).toBe(before);
  });

  it('only who wrote a message revokes or edits it', async () => {
    const { box, ana, id } = await written();
    const stranger = box.person();
    const ours = await box.outgoing(await box.conversation(), { status: 'sent' });
    const typed = (type: 'edit' | 'revoke', target: string, content = {}): MetaPayload =>
      metaPayload.echo({ ...ana, type, content: { [type]: { original_message_id: target, ...content } } });

    await box.receive(
      metaPayload.revoke({ ...stranger, original: id }),
      metaPayload.edit({ ...stranger, original: id }),
      metaPayload.revoke({ ...ana, original: ours.whatsapp_message_id }),
      typed('revoke', id),
    );

    expect((await box.messages()).map(({ is_deleted, edited_at }) => [is_deleted, edited_at])).toEqual([
      [false, null],
      [false, null],
    ]);
    expect(await box.parked()).toHaveLength(4);
    await box.receive(typed('revoke', ours.whatsapp_message_id), metaPayload.revoke({ ...ana, original: id }));
    expect((await box.messages()).map(({ is_deleted }) => is_deleted)).toEqual([true, true]);
  });

  it('a merged contact revokes what it wrote under its other name', async () => {
    const box = await inbox();
    const phone = { ...box.person(), user_id: null };
    const bsuid = { ...box.person(), from: null };
    const id = wamid();
    await box.receive(metaPayload.text({ ...phone, id }), metaPayload.text(bsuid));
    const both = { ...phone, user_id: bsuid.user_id };
    await box.receive(metaPayload.text(both), metaPayload.revoke({ ...bsuid, original: id }));

    expect((await box.stored((await box.messages())[0].id)).is_deleted).toBe(true);
  });

  it('a revoked message is found by nobody any more', async () => {
    const { box, ana, id } = await written();
    const { agent } = box.company;
    const found = async (): Promise<number[]> => [
      (await agent.get('/conversations?search=Ol%C3%A1').expect(200)).body.total as number,
      ((await agent.graphql('{ conversations(search: "Olá") { id } }').expect(200)).body.data.conversations as unknown[]).length,
      (await agent.get('/whatsapp/messages?q=Ol%C3%A1').expect(200)).body.total as number,
      (await agent.get(`/conversations/${(await box.conversation()).id}/messages?q=Ol%C3%A1`).expect(200)).body.total as number,
    ];
    expect(await found()).toEqual([1, 1, 1, 1]);

    await box.receive(metaPayload.revoke({ ...ana, original: id }));

    expect(await found()).toEqual([0, 0, 0, 0]);
  });

  it('wait for a message that comes after them (R8)', async () => {
    const box = await inbox();
    const ana = box.person();
    const id = wamid();

    await box.receive(
      metaPayload.edit({ ...ana, original: id, message: { type: 'text', text: { body: 'certo' } } }),
      metaPayload.reaction({ ...ana, target: id, emoji: '👍' }),
    );
    expect(await box.conversations()).toEqual([]);
    expect(await box.parked()).toMatchObject([
      { kind: 'orphan', waits_for: id },
      { kind: 'orphan', waits_for: id },
    ]);
    await box.receive(metaPayload.text({ ...ana, id, body: 'errado', timestamp: now() - 60 }));

    expect(await box.message()).toMatchObject({ content: 'certo', reactions: [{ emoji: '👍' }] });
    expect(await box.parked()).toEqual([]);
  });
});

describe('echoes of what was typed on the phone', () => {
  it('are outgoing messages that open no window and are nobody’s unread', async () => {
    const box = await inbox();
    const ana = box.person();
    const socket = await socketOf(box.company.agent);
    const id = wamid();
    const timestamp = now() - 60;
    const echo = metaPayload.echo({ ...ana, id, timestamp, content: { text: { body: 'Saiu para entrega' } } });

    await box.receive(echo, echo);

    expect(await box.message()).toMatchObject({
      direction: 'outgoing',
      sender_type: 'device',
      status: 'sent',
      content: 'Saiu para entrega',
      whatsapp_message_id: id,
      sent_at: iso(timestamp),
    });
    expect(await box.conversation()).toMatchObject({
      window_expires_at: null,
      is_window_open: false,
      unread_count: 0,
      total_messages: 1,
      last_outgoing_at: iso(timestamp),
    });
    expect(await box.contact()).toMatchObject({ phone_number: `+${ana.from}`, total_messages_received: 0, total_conversations: 1 });
    await socket.hear('message:new', (message) => message.direction === 'outgoing');
  });

  it('join the thread, quote, carry files, and take statuses', async () => {
    const box = await inbox();
    const ana = box.person();
    const [first, id] = [wamid(), wamid()];
    await box.receive(metaPayload.text({ ...ana, id: first }));

    await box.receive(
      metaPayload.status('delivered', { ...ana, recipient_id: ana.from, id }),
      metaPayload.echo({
        ...ana,
        id,
        type: 'image',
        content: { image: { id: '77', mime_type: 'image/jpeg', sha256: 'x', caption: 'o pão' }, context: { id: first } },
      }),
    );

    const [question, answer] = await box.messages();
    expect(answer).toMatchObject({
      message_type: 'image',
      status: 'delivered',
      reply_to_message_id: question.id,
      media: { status: 'pending' },
    });
    expect(await box.parked()).toEqual([]);
    const [{ count }] = await box.w.sql<{ count: number }>('SELECT count(*)::int FROM media_files WHERE message_id = $1', [answer.id]);
    expect(count).toBe(1);
  });

  it('of a reaction are the business’s, also when they came first', async () => {
    const box = await inbox();
    const ana = box.person();
    const id = wamid();

    await box.receive(metaPayload.echo({ ...ana, type: 'reaction', content: { reaction: { message_id: id, emoji: '🙏' } } }));
    await box.receive(metaPayload.text({ ...ana, id }));

    expect((await box.message()).reactions).toMatchObject([{ from: 'business', emoji: '🙏' }]);
  });
});

describe('conversations', () => {
  it('one thread a person: counters, times, the last message', async () => {
    const box = await inbox();
    const ana = box.person();
    const unread = await socketOf(box.company.agent);

    await box.receive(
      metaPayload.text({ ...ana, timestamp: now() - 20 }),
      metaPayload.text({ ...ana, body: 'ainda aí?', timestamp: now() - 10 }),
    );

    expect(await box.conversation()).toMatchObject({
      status: 'open',
      unread_count: 2,
      total_messages: 2,
      messages_from_contact: 2,
      messages_from_agent: 0,
      last_message: { content: 'ainda aí?' },
      first_message_at: expect.any(String) as string,
    });
    expect(await box.contact()).toMatchObject({
      total_messages_received: 2,
      total_conversations: 1,
      source: 'whatsapp',
      lifecycle_stage: 'lead',
    });
    await unread.hear('message:new', (message) => (message.conversation as Row).unread_count === 2);
  });

  it('know how long who writes waits for a person, on average; a bot is none, and what ended unanswered does not count', async () => {
    const box = await inbox();
    const ana = box.person();
    const { admin, agent } = box.company;
    await admin.put(`/whatsapp/${box.number.id}`, { auto_reply_enabled: true, welcome_message: 'Olá!' }).expect(200);
    const asks = (seconds_ago: number): Promise<void> => box.receive(metaPayload.text({ ...ana, timestamp: now() - seconds_ago }));
    const average = async (): Promise<unknown> => (await box.conversation()).average_response_time_seconds;
    // The machine takes its time.
    const about = (seconds: number): object => ({
      asymmetricMatch: (value: unknown) => typeof value === 'number' && value >= seconds && value < seconds + 30,
    });

    await asks(600);
    const { id } = await box.conversation();
    await until(async () => (await box.messages()).length === 2, 'the welcome');
    await asks(500);
    expect(await average()).toBeNull();
    const answer = (): unknown => agent.post(`/conversations/${id}/messages`, { content: 'Já vai' }).expect(201);
    await answer();
    await answer();
    expect(await average()).toEqual(about(600));
    await asks(200);
    await answer();
    expect(await average()).toEqual(about(400));
    await asks(90);
    await box.receive(metaPayload.echo({ ...ana, timestamp: now() - 80, content: { text: { body: 'Saiu' } } }));
    expect(await average()).toEqual(about(270));
    await asks(900);
    await agent.post(`/conversations/${id}/close`, {}).expect(200);
    await asks(0);
    await answer();
    expect(await average()).toEqual(about(202));
  });

  it('one thread a number', async () => {
    const box = await inbox();
    const second = await officialNumber(box.w, box.company, { app_secret: box.number.app_secret, waba_id: box.number.waba_id });
    const ana = box.person();

    await box.receive(metaPayload.batch([metaPayload.text(ana), metaPayload.text({ ...ana, phone_number_id: second.phone_number_id })]));

    expect((await box.conversations()).map((conversation) => conversation.whatsapp_number_id).sort()).toEqual(
      [box.number.id, second.id].sort(),
    );
    expect(await box.contacts()).toHaveLength(1);
  });

  it('a message told late moves neither the window nor the last message backward', async () => {
    const box = await inbox();
    const ana = box.person();
    const newest = now() - 10;

    await box.receive(
      metaPayload.text({ ...ana, body: 'newest', timestamp: newest }),
      metaPayload.text({ ...ana, body: 'late', timestamp: newest - 30 * HOUR }),
    );

    expect(await box.conversation()).toMatchObject({
      last_message: { content: 'newest' },
      last_message_at: iso(newest),
      window_expires_at: iso(newest + 24 * HOUR),
      first_message_at: iso(newest - 30 * HOUR),
      unread_count: 2,
    });
    expect((await box.messages()).map((message) => message.content)).toEqual(['late', 'newest']);
  });

  it('a message of the day before yesterday opens no window', async () => {
    const box = await inbox();

    await box.receive(metaPayload.text({ ...box.person(), timestamp: now() - 48 * HOUR }));

    expect(await box.conversation()).toMatchObject({ is_window_open: false, requires_template: true });
  });

  it('a clock that runs ahead opens no longer window', async () => {
    const box = await inbox();
    const ana = box.person();
    const id = wamid();

    await box.receive(
      metaPayload.text({ ...ana, id, timestamp: now() + 300 * HOUR }),
      metaPayload.reaction({ ...ana, target: id, timestamp: now() + 300 * HOUR }),
    );

    const [conversation, message] = [await box.conversation(), await box.message()];
    const most = Date.now() + 24 * HOUR * 1000;
    expect(Date.parse(conversation.window_expires_at as string)).toBeLessThanOrEqual(most);
    expect(Date.parse(message.created_at as string)).toBeLessThanOrEqual(Date.now());
    expect(Date.parse(conversation.last_message_at as string)).toBeLessThanOrEqual(Date.now());
  });

  it.each([
    ['resolved', `status = 'resolved', resolved_at = now() - interval '30 days'`],
    ['closed an hour ago', `status = 'closed', closed_at = now() - interval '1 hour', close_reason = 'done'`],
    ['archived an hour ago', `status = 'closed', closed_at = now() - interval '1 hour', is_archived = true, archived_at = now()`],
    ['pending', `status = 'pending'`],
  ])('goes on in a conversation that is %s', async (name, change) => {
    const box = await inbox();
    const ana = box.person();
    await box.receive(metaPayload.text(ana));
    const { id } = await box.conversation();
    await box.w.sql(`UPDATE conversations SET ${change} WHERE id = $1`, [id]);
    const reopened = box.hear('conversation.reopened');

    await box.receive(metaPayload.text(ana));

    const pending = name === 'pending';
    expect(await box.conversation()).toMatchObject({
      id,
      status: pending ? 'pending' : 'open',
      is_archived: false,
      archived_at: null,
      closed_at: null,
      resolved_at: null,
      close_reason: null,
      total_messages: 2,
    });
    expect(reopened).toHaveLength(pending ? 0 : 1);
  });

  it('begins a new one when the last was closed longer ago', async () => {
    const box = await inbox();
    const ana = box.person();
    const timestamp = now() - 60;
    await box.receive(metaPayload.text({ ...ana, timestamp }));
    await box.w.sql(`UPDATE conversations SET status = 'closed', closed_at = now() - interval '25 hours' WHERE organization_id = $1`, [
      box.company.id,
    ]);

    await box.receive(metaPayload.text({ ...ana, timestamp: timestamp - 10 }));

    const [, second] = await box.conversations();
    // The window is of the person and the number, so a new conversation has it too.
    expect(second).toMatchObject({ status: 'open', total_messages: 1, window_expires_at: iso(timestamp + 24 * HOUR) });
    expect((await box.contact()).total_conversations).toBe(2);
  });

  it.each([
    [48, 1],
    [0, 2],
    ['soon', 2],
  ])('obeys reopen_window_hours %s', async (reopen_window_hours, conversations) => {
    const box = await inbox();
    const ana = box.person();
    await box.w.sql(`UPDATE organizations SET settings = jsonb_build_object('reopen_window_hours', $2::jsonb) WHERE id = $1`, [
      box.company.id,
      JSON.stringify(reopen_window_hours),
    ]);
    await box.receive(metaPayload.text(ana));
    await box.w.sql(`UPDATE conversations SET status = 'closed', closed_at = now() - interval '25 hours' WHERE organization_id = $1`, [
      box.company.id,
    ]);

    await box.receive(metaPayload.text(ana));

    expect(await box.conversations()).toHaveLength(conversations);
  });

  it('prefers the live one, then the resolved, then the one closed last', async () => {
    const box = await inbox();
    const ana = box.person();
    await box.receive(metaPayload.text(ana));
    const first = await box.conversation();
    const copy = async (change: string): Promise<string> =>
      (
        await box.w.sql<{ id: string }>(
          `INSERT INTO conversations (id, organization_id, contact_id, whatsapp_number_id, status, resolved_at, closed_at)
           SELECT gen_random_uuid(), organization_id, contact_id, whatsapp_number_id, ${change} FROM conversations WHERE id = $1 RETURNING id`,
          [first.id],
        )
      )[0].id;
    const target = async (): Promise<unknown> => {
      const id = wamid();
      await box.receive(metaPayload.text({ ...ana, id }));
      return (await box.w.sql<Row>('SELECT conversation_id FROM messages WHERE whatsapp_message_id = $1', [id]))[0].conversation_id;
    };
    const resolved = await copy(`'resolved', now(), NULL`);
    const closed = await copy(`'closed', NULL, now()`);

    expect(await target()).toBe(first.id);
    await box.w.sql(`UPDATE conversations SET status = 'closed', closed_at = now() - interval '2 hours' WHERE id = $1`, [first.id]);
    expect(await target()).toBe(resolved);
    await box.w.sql(`UPDATE conversations SET status = 'closed', closed_at = now() - interval '3 hours' WHERE id = $1`, [resolved]);
    expect(await target()).toBe(closed);
  });

  it('weighs a reopened one anew: a VIP first, else by its own priority', async () => {
    const box = await inbox();
    const ana = box.person();
    await box.receive(metaPayload.text(ana));
    const { id, contact_id } = await box.conversation();
    const { agent } = box.company;
    const comeBack = async (): Promise<unknown> => {
      await box.w.sql(`UPDATE conversations SET status = 'resolved', queue_priority = 1 WHERE id = $1`, [id]);
      await box.receive(metaPayload.text(ana));
      return (await box.conversation()).queue_priority;
    };

    await agent.put(`/conversations/${id}`, { priority: 'low' }).expect(200);
    expect(await comeBack()).toBe(10);
    await agent.put(`/contacts/${contact_id as string}`, { is_vip: true }).expect(200);
    expect(await comeBack()).toBe(100);
    // One that is live keeps what it has.
    await agent.put(`/conversations/${id}`, { priority: 'high' }).expect(200);
    await box.receive(metaPayload.text(ana));
    expect((await box.conversation()).queue_priority).toBe(80);
  });

  it('keeps the agent of a reopened one while they are active', async () => {
    const box = await inbox();
    const ana = box.person();
    await box.receive(metaPayload.text(ana));
    const { id } = await box.conversation();
    const agent = box.company.agent.user.id;
    const resolve = `UPDATE conversations SET status = 'resolved', current_agent_id = $2 WHERE id = $1`;

    await box.w.sql(resolve, [id, agent]);
    await box.receive(metaPayload.text(ana));
    expect((await box.conversation()).current_agent_id).toBe(agent);

    const gone = await box.company.hire('agent', { is_active: false });
    await box.w.sql(resolve, [id, gone.user.id]);
    await box.receive(metaPayload.text(ana));
    expect((await box.conversation()).current_agent_id).toBeNull();
  });

  it('keeps what a blocked contact writes, silently', async () => {
    const box = await inbox();
    const ana = box.person();
    const id = wamid();
    await box.receive(metaPayload.text({ ...ana, id }));
    const contact = await box.contact();
    await box.company.agent.post(`/contacts/${contact.id}/block`, {}).expect(200);
    const before = await box.conversation();
    const [socket, received, updated] = [await socketOf(box.company.agent), box.hear('message.received'), box.hear('message.updated')];

    await box.receive(metaPayload.text({ ...ana, body: 'atende!' }), metaPayload.reaction({ ...ana, target: id }));

    const conversation = await box.conversation();
    expect(conversation).toMatchObject({
      id: before.id,
      status: 'closed',
      close_reason: 'contact_blocked',
      unread_count: before.unread_count,
    });
    expect(await box.messages()).toMatchObject([{ reactions: [{ emoji: '👍' }] }, { content: 'atende!', status: 'received' }]);
    expect([received, updated, socket.all('message:new')]).toEqual([[], [], []]);
  });

  it('a VIP waits first', async () => {
    const box = await inbox();
    const ana = box.person();
    await box.company.agent.post('/contacts', { whatsapp_id: `+${ana.from}`, is_vip: true }).expect(201);

    await box.receive(metaPayload.text(ana));

    expect((await box.conversation()).queue_priority).toBe(100);
  });
});

describe('who wrote', () => {
  it('the profile is refreshed, a name given by hand stays', async () => {
    const box = await inbox();
    const ana = box.person({ name: 'Ana', username: 'ana.souza' });
    await box.receive(metaPayload.text(ana));
    const contact = await box.contact();
    expect(contact).toMatchObject({ name: 'Ana', whatsapp_name: 'Ana', username: 'ana.souza', display_name: 'Ana' });
    await box.company.agent.put(`/contacts/${contact.id}`, { name: 'Ana da Padaria' }).expect(200);

    await box.receive(metaPayload.text({ ...ana, name: 'Ana S.', username: 'x'.repeat(64) }));

    expect(await box.contact()).toMatchObject({ name: 'Ana da Padaria', whatsapp_name: 'Ana S.', username: 'x'.repeat(60) });
  });

  it('the profile is that of the person who wrote, wherever it stands in the list', async () => {
    const box = await inbox();
    const [ana, bia] = [box.person({ name: 'Ana' }), box.person({ name: 'Bia' })];
    const merged = metaPayload.merge([metaPayload.text(ana), metaPayload.text(bia)]);
    (merged.entry[0].changes[0].value.contacts as unknown[]).reverse();

    await box.receive(merged);

    const names = (await box.contacts()).map(({ phone_number, name }) => [phone_number, name]);
    expect(names.sort()).toEqual(
      [
        [`+${ana.from}`, 'Ana'],
        [`+${bia.from}`, 'Bia'],
      ].sort(),
    );
  });

  it('is told as a new contact once', async () => {
    const box = await inbox();
    const ana = box.person();
    const created = box.hear('contact.created');

    await box.receive(metaPayload.text(ana), metaPayload.text(ana));

    expect(created).toMatchObject([
      {
        contact: {
          phone_number: `+${ana.from}`,
          name: ana.name,
          identities: [
            { kind: 'bsuid', value: ana.user_id, is_active: true },
            { kind: 'phone', is_active: true },
          ],
        },
      },
    ]);
    expect(created[0].contact.id).toBe((await box.contact()).id);
  });

  it('without a phone, later with one: one contact, one thread (R12)', async () => {
    const box = await inbox();
    const ana = box.person();
    const hidden = { ...ana, from: null };

    await box.receive(metaPayload.text(hidden));
    expect(await box.contact()).toMatchObject({ whatsapp_id: null, whatsapp_user_id: ana.user_id });
    await box.receive(metaPayload.text(ana));
    await box.receive(metaPayload.text(hidden), metaPayload.text({ ...ana, user_id: null }));

    expect(await box.contact()).toMatchObject({ whatsapp_id: `+${ana.from}`, whatsapp_user_id: ana.user_id });
    expect(await box.conversation()).toMatchObject({ total_messages: 4 });
  });

  it('with twelve digits or thirteen: one contact (R12)', async () => {
    const box = await inbox();
    const thirteen = `55119${digits(8).replace(/^./, '8')}`;
    const twelve = `5511${thirteen.slice(5)}`;

    await box.company.agent.post('/contacts', { whatsapp_id: `+${thirteen}` }).expect(201);
    await box.receive(metaPayload.text(box.person({ from: twelve, user_id: null })));
    await box.receive(metaPayload.text(box.person({ from: thirteen, user_id: null })));
    await box.receive(metaPayload.text(box.person({ from: twelve, user_id: null })));

    // The spelling WhatsApp uses is the one to send to.
    expect(await box.contact()).toMatchObject({ whatsapp_id: `+${thirteen}`, wa_id: twelve });
    expect(await box.conversation()).toMatchObject({ total_messages: 3 });
  });

  it('found under both names, two contacts become one, and all hear of it', async () => {
    const box = await inbox();
    const ana = box.person();
    const merged = box.hear('contact.merged');
    await box.receive(metaPayload.text({ ...ana, from: null, body: 'one' }));
    await box.receive(metaPayload.text({ ...ana, user_id: null, body: 'two' }));
    const [older, newer] = await box.contacts();

    await box.receive(metaPayload.text({ ...ana, body: 'three' }));

    expect(await box.contact()).toMatchObject({
      id: older.id,
      whatsapp_id: `+${ana.from}`,
      whatsapp_user_id: ana.user_id,
      total_messages_received: 3,
    });
    const live = (await box.conversations()).filter((conversation) => conversation.status === 'open');
    expect(live).toHaveLength(1);
    expect((await box.messages(live[0].id)).map((message) => message.content)).toEqual(['one', 'two', 'three']);
    expect(merged).toEqual([{ organization_id: box.company.id, contact_id: older.id, merged_contact_id: newer.id }]);
    await until(async () => {
      const rows = await box.w.sql<Row>(`SELECT * FROM audit_logs WHERE organization_id = $1 AND action = 'contact.merged'`, [
        box.company.id,
      ]);
      return rows.length === 1 && rows[0].resource_id === older.id && rows[0].actor_type === 'system';
    }, 'the audit entry');
  });

  it('found under both names in one batch of three, too', async () => {
    const box = await inbox();
    const ana = box.person();

    await box.receive(
      metaPayload.batch([metaPayload.text({ ...ana, from: null }), metaPayload.text({ ...ana, user_id: null }), metaPayload.text(ana)]),
    );

    expect(await box.contact()).toMatchObject({ total_messages_received: 3 });
    const live = (await box.conversations()).filter((conversation) => conversation.status === 'open');
    expect(live).toMatchObject([{ total_messages: 3 }]);
  });

  it('does not go on in the emptied conversation of a merge', async () => {
    const box = await inbox();
    const ana = box.person();
    await box.receive(metaPayload.text({ ...ana, from: null }), metaPayload.text({ ...ana, user_id: null }));
    await box.receive(metaPayload.text(ana));
    const [kept] = (await box.conversations()).filter((conversation) => conversation.status === 'open');
    await box.company.agent.post(`/conversations/${kept.id}/close`, {}).expect(200);
    await box.w.sql(`UPDATE conversations SET closed_at = now() - interval '1 hour' WHERE id = $1`, [kept.id]);

    await box.receive(metaPayload.text(ana));

    const [live] = (await box.conversations()).filter((conversation) => conversation.status === 'open');
    expect(live).toMatchObject({ id: kept.id, total_messages: 4 });
  });

  it('never merges people of two portfolios by their ids', async () => {
    const box = await inbox();
    const other = await officialNumber(box.w, box.company, { app_secret: box.number.app_secret });
    const ana = box.person({ from: null });

    await box.receive(metaPayload.text(ana), metaPayload.text({ ...ana, phone_number_id: other.phone_number_id, waba_id: other.waba_id }));

    expect(await box.contacts()).toHaveLength(2);
  });

  it('shares the phone we asked for, and it is theirs', async () => {
    const box = await inbox();
    const ana = box.person({ from: null });
    await box.receive(metaPayload.text(ana));

    await box.receive(metaPayload.contacts(ana));
    expect((await box.contact()).whatsapp_id).toBeNull();
    await box.receive(metaPayload.contactRequest({ ...ana, phone: '5511988886666' }));

    expect(await box.contact()).toMatchObject({ whatsapp_id: '+5511988886666', whatsapp_user_id: ana.user_id });
  });

  it('becomes known by a status of our own send to the phone', async () => {
    const box = await inbox();
    const ana = box.person();
    const { body } = await box.company.agent.post('/contacts', { whatsapp_id: `+${ana.from}` }).expect(201);
    const contact = body as Row;
    const conversation = (
      await box.company.agent.post('/conversations', { contact_id: contact.id, whatsapp_number_id: box.number.id }).expect(201)
    ).body as Row;
    const message = await box.outgoing(conversation);
    const twelve = `5511${ana.from.slice(5)}`;

    await box.receive(
      metaPayload.status('sent', { ...ana, recipient_id: twelve, recipient_user_id: ana.user_id, id: message.whatsapp_message_id }),
    );
    await box.receive(metaPayload.text({ ...ana, from: null }));

    expect(await box.contact()).toMatchObject({ id: contact.id, whatsapp_user_id: ana.user_id, wa_id: twelve });
    expect((await box.conversation()).total_messages).toBe(1);
  });

  it('turns out by such a status to be the one who wrote without a phone', async () => {
    const box = await inbox();
    const ana = box.person();
    await box.receive(metaPayload.text({ ...ana, from: null }));
    const writer = await box.contact();
    const merged = box.hear('contact.merged');
    const { body } = await box.company.agent.post('/contacts', { whatsapp_id: `+${ana.from}` }).expect(201);
    const conversation = (
      await box.company.agent.post('/conversations', { contact_id: (body as Row).id, whatsapp_number_id: box.number.id }).expect(201)
    ).body as Row;
    const message = await box.outgoing(conversation);

    await box.receive(
      metaPayload.status('sent', { ...ana, recipient_id: ana.from, recipient_user_id: ana.user_id, id: message.whatsapp_message_id }),
    );

    expect(await box.contact()).toMatchObject({ id: writer.id, whatsapp_id: `+${ana.from}`, whatsapp_user_id: ana.user_id });
    expect(merged).toHaveLength(1);
  });

  it('who was deleted and writes again is somebody new', async () => {
    const box = await inbox();
    const ana = box.person();
    await box.receive(metaPayload.text(ana));
    const before = await box.contact();
    await box.company.admin.delete(`/contacts/${before.id}`).expect(204);

    await box.receive(metaPayload.text(ana));

    expect((await box.contact()).id).not.toBe(before.id);
  });
});

describe('changed numbers and ids', () => {
  it.each(['user_changed_number', 'customer_changed_number'])('%s moves the number and leaves a note in the thread', async (spelling) => {
    const box = await inbox();
    const ana = box.person();
    const new_wa_id = `55119${digits(8).replace(/^./, '7')}`;
    await box.receive(metaPayload.text(ana));
    const before = await box.contact();
    const { window_expires_at } = await box.conversation();

    await box.receive(metaPayload.changedNumber({ ...ana, new_wa_id, new_user_id: `${ana.user_id}9`, spelling }));

    const contact = await box.contact();
    expect(contact).toMatchObject({ id: before.id, whatsapp_id: `+${new_wa_id}`, wa_id: new_wa_id, whatsapp_user_id: `${ana.user_id}9` });
    expect(await box.messages()).toMatchObject([{}, { message_type: 'system', sender_type: 'system', payload: { new_wa_id } }]);
    expect(await box.conversation()).toMatchObject({ unread_count: 1, window_expires_at, total_messages: 1 });
    const identities = contact.identities as { kind: string; value: string; is_active: boolean }[];
    expect(
      identities
        .filter((identity) => identity.is_active)
        .map((identity) => identity.kind)
        .sort(),
    ).toEqual(['bsuid', 'phone']);
    expect(identities.filter((identity) => !identity.is_active)).toHaveLength(2);

    // A late webhook under the old names is still theirs, and brings the old number back nowhere.
    await box.w.sql(`UPDATE contact_identities SET last_seen_at = now() - interval '3 days' WHERE organization_id = $1`, [box.company.id]);
    await box.receive(metaPayload.text(ana));
    const moved = { whatsapp_id: `+${new_wa_id}`, wa_id: new_wa_id, whatsapp_user_id: `${ana.user_id}9` };
    expect(await box.contact()).toMatchObject({ ...moved, total_messages_received: 2 });
    await box.receive(metaPayload.text({ ...ana, from: new_wa_id, user_id: `${ana.user_id}9` }));
    const after = await box.contact();
    expect(after).toMatchObject({ ...moved, total_messages_received: 3 });
    expect((after.identities as { is_active: boolean }[]).filter((identity) => identity.is_active)).toHaveLength(2);
    expect((await box.conversation()).total_messages).toBe(3);
  });

  it('a number that is somebody else’s contact merges nobody', async () => {
    const box = await inbox();
    const [ana, bia] = [box.person({ name: 'Ana' }), box.person({ name: 'Bia' })];
    await box.receive(metaPayload.text(ana));
    await box.receive(metaPayload.text(bia));

    await box.receive(metaPayload.changedNumber({ ...ana, new_wa_id: bia.from }));

    expect((await box.contacts()).map(({ name, whatsapp_id }) => [name, whatsapp_id])).toEqual([
      ['Ana', `+${ana.from}`],
      ['Bia', `+${bia.from}`],
    ]);
  });

  it('a changed id, told in the thread or by itself, rotates', async () => {
    const box = await inbox();
    const ana = box.person();
    const ids = [ana.user_id, `${ana.user_id}1`, `${ana.user_id}2`];
    await box.receive(metaPayload.text(ana));

    await box.receive(metaPayload.changedUserId({ ...ana, old_user_id: ids[0], new_user_id: ids[1] }));
    expect((await box.contact()).whatsapp_user_id).toBe(ids[1]);
    await box.receive(metaPayload.userIdUpdate({ ...ana, previous: ids[1], current: ids[2] }));
    expect((await box.contact()).whatsapp_user_id).toBe(ids[2]);

    for (const user_id of ids) await box.receive(metaPayload.text({ ...ana, from: null, user_id }));
    expect(await box.contact()).toMatchObject({ whatsapp_user_id: ids[2], total_messages_received: 4 });
  });

  it('an id that moves to a known person makes one of two', async () => {
    const box = await inbox();
    const [ana, same] = [box.person(), box.person()];
    await box.receive(metaPayload.text(ana), metaPayload.text({ ...same, from: null }));
    const [older] = await box.contacts();
    const merged = box.hear('contact.merged');

    await box.receive(metaPayload.userIdUpdate({ ...ana, previous: ana.user_id, current: same.user_id }));

    expect(await box.contact()).toMatchObject({ id: older.id, whatsapp_user_id: same.user_id, whatsapp_id: `+${ana.from}` });
    expect(merged).toHaveLength(1);
  });

  it('a changed device is a note only', async () => {
    const box = await inbox();
    const ana = box.person();
    await box.receive(metaPayload.text(ana));
    const before = await box.contact();

    await box.receive(metaPayload.identityChanged(ana));

    expect(await box.messages()).toMatchObject([{}, { message_type: 'system', payload: { type: 'customer_identity_changed' } }]);
    expect((await box.contact()).whatsapp_id).toBe(before.whatsapp_id);
  });
});

describe('preferences', () => {
  it('stop is an opt-out and resume takes it back, each told once', async () => {
    const box = await inbox();
    const ana = box.person();
    await box.receive(metaPayload.text(ana));
    const [out, back, updated] = [box.hear('contact.opted_out'), box.hear('contact.opted_in'), box.hear('contact.updated')];
    const socket = await socketOf(box.company.agent);

    await box.receive(metaPayload.userPreference('stop', ana), metaPayload.userPreference('stop', ana));
    await until(() => out.length);
    expect(await box.contact()).toMatchObject({ opt_in: false, opt_in_date: null, opt_out_date: expect.any(String) as string });
    await socket.hear('contact:updated', (contact) => contact.opt_in === false);
    await box.receive(metaPayload.userPreference('resume', { ...ana, from: null }));
    await until(() => back.length);

    expect(await box.contact()).toMatchObject({ opt_in: true, opt_out_date: null });
    expect([out.length, back.length, updated.length]).toEqual([1, 1, 2]);
  });

  it('another value says nothing, and a stranger’s makes no contact', async () => {
    const box = await inbox();
    const ana = box.person();
    await box.receive(metaPayload.text(ana));

    await box.receive(metaPayload.userPreference('signup', ana), metaPayload.userPreference('stop', box.person()));

    expect(await box.contact()).toMatchObject({ opt_in: true });
  });
});

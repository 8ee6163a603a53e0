import { parseEvents, personIn } from './parse-events';

const RECEIVED = 1_795_176_100_500;
const SECONDS = 1_795_176_000;
const JID = '5511987654321@s.whatsapp.net';
const PHONE = { phone: '+5511987654321' };
const key = (more: object = {}) => ({ remoteJid: JID, fromMe: false, id: '3EB0AA', ...more });
const said = (message: object, more: object = {}) => ({ key: key(), pushName: 'Ana', message, messageTimestamp: SECONDS, ...more });

const read = (event: string, data: unknown): unknown[] => parseEvents({ event, received_at: RECEIVED, data });
const one = (event: string, data: unknown): unknown => {
  const all = read(event, data);
  expect(all).toHaveLength(1);
  return all[0];
};

describe('a message of Evolution', () => {
  it.each<[string, object, object]>([
    ['a text', { conversation: 'Oi' }, { message_type: 'text', content: 'Oi', payload: { text: 'Oi' } }],
    [
      'a text with more',
      { extendedTextMessage: { text: 'Oi', contextInfo: { stanzaId: '3EB0BB', isForwarded: true } } },
      { message_type: 'text', reply_to_provider_id: '3EB0BB', forwarded: true },
    ],
    [
      'a disappearing text',
      { ephemeralMessage: { message: { extendedTextMessage: { text: 'Oi' } } } },
      { message_type: 'text', content: 'Oi' },
    ],
    [
      'a photo to be seen once',
      { viewOnceMessageV2: { message: { imageMessage: { caption: 'c', mimetype: 'image/jpeg' } } } },
      { message_type: 'image', content: 'c', media: { id: '3EB0AA', mime_type: 'image/jpeg', sha256: null, caption: 'c' } },
    ],
    ['a video', { videoMessage: { mimetype: 'video/mp4' } }, { message_type: 'video', content: null }],
    ['a round video', { ptvMessage: { mimetype: 'video/mp4' } }, { message_type: 'video' }],
    [
      'a voice message',
      { audioMessage: { mimetype: 'audio/ogg; codecs=opus', ptt: true } },
      { message_type: 'audio', payload: { voice: true } },
    ],
    [
      'a document',
      { documentWithCaptionMessage: { message: { documentMessage: { fileName: 'nf.pdf', caption: 'nota' } } } },
      { message_type: 'document', content: 'nota', payload: { caption: 'nota', filename: 'nf.pdf' } },
    ],
    ['a sticker', { stickerMessage: { isAnimated: true } }, { message_type: 'sticker', payload: { animated: true } }],
    [
      'a place',
      { locationMessage: { degreesLatitude: -23.5, degreesLongitude: -46.6, name: 'Loja' } },
      { message_type: 'location', payload: { latitude: -23.5, longitude: -46.6, name: 'Loja' } },
    ],
    ['a place that moves', { liveLocationMessage: { degreesLatitude: 1, degreesLongitude: 2 } }, { message_type: 'location' }],
    [
      'a card',
      { contactMessage: { displayName: 'Bia', vcard: 'BEGIN:VCARD\nFN:Bia\nitem1.TEL;waid=5511900000001:+55 11 90000-0001\nEND:VCARD' } },
      {
        message_type: 'contacts',
        payload: {
          contacts: [{ name: 'Bia', phones: [{ phone: '+55 11 90000-0001', wa_id: '5511900000001' }], vcard: expect.any(String) }],
        },
      },
    ],
    ['cards', { contactsArrayMessage: { contacts: [{ displayName: 'A' }, { displayName: 'B' }] } }, { message_type: 'contacts' }],
    [
      'a pressed button',
      { buttonsResponseMessage: { selectedButtonId: 'b1', selectedDisplayText: 'Sim' } },
      { message_type: 'interactive', content: 'Sim', payload: { kind: 'button_reply', id: 'b1', title: 'Sim' } },
    ],
    [
      'a template’s button',
      { templateButtonReplyMessage: { selectedId: 'b1', selectedDisplayText: 'Sim' } },
      { payload: { kind: 'button_reply', id: 'b1', title: 'Sim' } },
    ],
    [
      'a row of a list',
      { listResponseMessage: { title: 'Pão', singleSelectReply: { selectedRowId: 'r1' }, description: 'quente' } },
      { payload: { kind: 'list_reply', id: 'r1', title: 'Pão', description: 'quente' } },
    ],
    [
      'a native button',
      {
        interactiveResponseMessage: {
          body: { text: 'Sim' },
          nativeFlowResponseMessage: { name: 'quick_reply', paramsJson: '{"id":"b1"}' },
        },
      },
      { payload: { kind: 'button_reply', id: 'b1', title: 'Sim' } },
    ],
    [
      'a form',
      { interactiveResponseMessage: { nativeFlowResponseMessage: { name: 'flow', paramsJson: '{"nome":"Ana"}' } } },
      { payload: { kind: 'flow_reply', id: 'flow', title: null, response: { nome: 'Ana' } } },
    ],
    [
      'something new',
      { pollCreationMessageV3: { name: 'Qual?' } },
      { message_type: 'unsupported', payload: { raw_type: 'pollCreationMessageV3', errors: [], raw: { name: 'Qual?' } } },
    ],
  ])('may be %s', (_, message, expected) => {
    expect(one('messages.upsert', said({ messageContextInfo: {}, ...message }))).toMatchObject({
      kind: 'message',
      provider_id: '3EB0AA',
      timestamp: new Date(SECONDS * 1000),
      ids: PHONE,
      profile_name: 'Ana',
      ...expected,
    });
  });

  it.each<[string, object, object]>([
    ['a phone with its device', { remoteJid: '5511987654321:12@s.whatsapp.net' }, PHONE],
    ['a phone of the old domain', { remoteJid: '5511987654321@c.us' }, PHONE],
    ['a LID and a phone', { remoteJid: '98765432101234@lid', remoteJidAlt: JID }, { lid: '98765432101234@lid', ...PHONE }],
    ['a phone and a LID', { remoteJidAlt: '98765432101234:3@lid' }, { lid: '98765432101234@lid', ...PHONE }],
    ['a LID and a phone of older servers', { remoteJid: '98765432101234@lid', senderPn: JID }, { lid: '98765432101234@lid', ...PHONE }],
    ['a LID alone', { remoteJid: '98765432101234@lid' }, { lid: '98765432101234@lid' }],
  ])('is of %s', (_, more, ids) => {
    expect(one('messages.upsert', said({ conversation: 'Oi' }, { key: key(more) }))).toMatchObject({ kind: 'message', ids });
  });

  it.each(['120363041234567890@g.us', '120363041234567890@newsletter', 'status@broadcast', '551199@broadcast', ''])(
    'of %s is nobody’s',
    (remoteJid) => {
      expect(one('messages.upsert', said({ conversation: 'Oi' }, { key: key({ remoteJid }) }))).toMatchObject({
        kind: 'ignored',
        reason: 'not_a_person',
      });
    },
  );

  it('may be a reaction, an edit, a deletion, or nothing', () => {
    expect(one('messages.upsert', said({ reactionMessage: { key: { id: '3EB0BB' }, text: '👍' } }))).toMatchObject({
      kind: 'reaction',
      target_provider_id: '3EB0BB',
      emoji: '👍',
    });
    expect(one('messages.upsert', said({ reactionMessage: { key: { id: '3EB0BB' }, text: '' } }))).toMatchObject({ emoji: null });
    expect(one('messages.upsert', said({ protocolMessage: { key: { id: '3EB0BB' }, type: 0 } }))).toMatchObject({
      kind: 'revoke',
      original_provider_id: '3EB0BB',
    });
    const edit = { key: { id: '3EB0BB' }, type: 'MESSAGE_EDIT', editedMessage: { conversation: 'novo' }, timestampMs: String(RECEIVED) };
    expect(one('messages.upsert', said({ editedMessage: { message: { protocolMessage: edit } } }))).toMatchObject({
      kind: 'edit',
      original_provider_id: '3EB0BB',
      content: 'novo',
    });
    expect(one('messages.upsert', said({ protocolMessage: { type: 'EPHEMERAL_SETTING' } }))).toMatchObject({ kind: 'ignored' });
    expect(one('messages.upsert', said({ senderKeyDistributionMessage: {} }))).toMatchObject({ kind: 'ignored' });
    expect(one('messages.upsert', said({ conversation: 'Oi' }, { key: key({ id: 'x'.repeat(80) }) }))).toMatchObject({
      kind: 'poison',
      reason: 'bad_id',
    });
  });

  it('of ours is an echo without our own name', () => {
    const data = said({ conversation: 'Já vai' }, { key: key({ fromMe: true }), pushName: 'Você' });

    for (const event of ['messages.upsert', 'send.message'])
      expect(one(event, data)).toMatchObject({
        kind: 'echo',
        provider_id: '3EB0AA',
        event: { kind: 'message', content: 'Já vai', profile_name: null, ids: PHONE },
      });
  });

  it('says where its file lies, and from which advertisement it came', () => {
    const ad = { sourceUrl: 'https://fb.me/x', sourceType: 'ad', sourceId: '7', title: 'Bolos', ctwaClid: 'c1' };
    const data = said({ imageMessage: {}, base64: 'a-place' }, { contextInfo: { externalAdReply: ad } });

    expect(one('messages.upsert', data)).toMatchObject({
      media: { id: 'a-place/3EB0AA' },
      from_ad: true,
      payload: { referral: { source_id: '7', headline: 'Bolos' } },
    });
  });

  it('is one of several, and a part of them is read', () => {
    const list = ['a', 'b', 'c'].map((id) => said({ conversation: id }, { key: key({ id }) }));

    expect(read('messages.upsert', list)).toHaveLength(3);
    expect(parseEvents({ event: 'messages.upsert', received_at: RECEIVED, data: [...list, 7] }, { from: 2, count: 5 })).toMatchObject([
      { kind: 'message', content: 'c' },
      { kind: 'poison', reason: 'not_an_object' },
    ]);
    expect(personIn([list[0]])).toBe('+5511987654321');
    expect(personIn(list)).toBeNull();
  });
});

describe('what else Evolution tells', () => {
  const at = new Date(RECEIVED);

  it.each<[string, string | number, object]>([
    ['failed', 'ERROR', { error: { title: 'ERROR' } }],
    ['other', 'PENDING', {}],
    ['sent', 'SERVER_ACK', {}],
    ['delivered', 'DELIVERY_ACK', {}],
    ['read', 'READ', {}],
    ['played', 'PLAYED', {}],
    ['delivered', 3, {}],
  ])('is a status: %s by %s', (status, word, more) => {
    const told = { kind: 'status', provider_id: '3EB0AA', status, timestamp: at, ...more };

    expect(one('messages.update', { keyId: '3EB0AA', remoteJid: JID, fromMe: true, status: word })).toMatchObject(told);
    expect(one('messages.update', { key: key({ fromMe: true }), update: { status: word } })).toMatchObject(told);
  });

  it('is a deletion or an edit, by whoever wrote the message', () => {
    expect(one('messages.update', { keyId: '3EB0AA', remoteJid: JID, fromMe: false, status: 'DELETED' })).toMatchObject({
      kind: 'revoke',
      doubtful: true,
    });
    expect(one('messages.update', { keyId: '3EB0AA', remoteJid: JID, fromMe: false, status: 'READ' })).toMatchObject({ kind: 'ignored' });
    expect(one('messages.delete', key())).toMatchObject({ kind: 'revoke', original_provider_id: '3EB0AA' });
    expect(one('messages.delete', key({ fromMe: true }))).toMatchObject({ kind: 'echo', event: { kind: 'revoke' } });
    expect(one('messages.edited', { key: key(), type: 'REVOKE' })).toMatchObject({ kind: 'revoke' });
    expect(one('messages.edited', { key: key(), type: 'MESSAGE_EDIT', editedMessage: { conversation: 'novo' } })).toMatchObject({
      kind: 'edit',
      content: 'novo',
      timestamp: at,
    });
  });

  it.each<[object, object]>([
    [
      { state: 'open', wuid: '5511987654321:4@s.whatsapp.net', profileName: 'Loja' },
      { state: 'open', phone: PHONE.phone, profile_name: 'Loja', reason: null },
    ],
    [
      { state: 'connecting', statusReason: 200 },
      { state: 'connecting', reason: null },
    ],
    [
      { state: 'close', statusReason: 401 },
      { state: 'closed', reason: expect.stringMatching(/^logged_out/) },
    ],
    [
      { state: 'close', statusReason: 403 },
      { state: 'closed', reason: expect.stringMatching(/^banned/) },
    ],
    [
      { state: 'refused', statusReason: 428 },
      { state: 'closed', reason: expect.stringMatching(/^refused/) },
    ],
  ])('is a connection: %j', (data, expected) => {
    expect(one('connection.update', data)).toMatchObject({ kind: 'connection', ...expected });
  });

  it('is an instance that is gone, with data or without', () => {
    for (const event of ['status.instance', 'logout.instance', 'remove.instance', 'instance.delete'])
      expect(one(event, null)).toMatchObject({ kind: 'connection', state: 'closed', reason: event });
  });

  it('is a code, a profile, a person who writes, or nothing we read', () => {
    const qrcode = { code: '2@x', pairingCode: null, base64: 'data:image/png;base64,iVBORw0KGgo=' };
    expect(one('qrcode.updated', { qrcode })).toMatchObject({ kind: 'pairing_code', qr_code: qrcode.base64, code: '2@x', timestamp: at });
    expect(one('qrcode.updated', { qrcode: { base64: 'javascript:alert(1)' } })).toMatchObject({ qr_code: null });
    expect(one('qrcode.updated', { message: 'limit', statusCode: 500 })).toMatchObject({ qr_code: null, pairing_code: null });
    expect(read('contacts.update', [{ remoteJid: JID, pushName: 'Ana', profilePicUrl: 'https://pps.whatsapp.net/a.jpg' }])).toMatchObject([
      { kind: 'profile', ids: PHONE, profile_name: 'Ana', avatar_url: 'https://pps.whatsapp.net/a.jpg' },
    ]);
    expect(one('contacts.upsert', { remoteJid: JID, profilePicUrl: 'javascript:alert(1)' })).toMatchObject({ avatar_url: null });
    expect(one('presence.update', { id: JID, presences: { [JID]: { lastKnownPresence: 'recording' } } })).toMatchObject({
      kind: 'presence',
      typing: true,
    });
    expect(one('presence.update', { id: JID, presences: { [JID]: { lastKnownPresence: 'paused' } } })).toMatchObject({ typing: false });
    expect(one('presence.update', { id: '1-2@g.us', presences: {} })).toMatchObject({ kind: 'ignored' });
    expect(one('chats.update', {})).toMatchObject({ kind: 'ignored', reason: 'field_not_used', field: 'chats.update' });
    expect(parseEvents('nonsense')).toMatchObject([{ kind: 'poison' }]);
  });
});

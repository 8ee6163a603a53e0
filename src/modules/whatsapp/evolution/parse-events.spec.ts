import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { OutgoingMessage } from '../provider';
import { chosenOf, menuText } from '../text-menu';
import { Base64Field } from './base64-field';
import { buildRequest } from './build-request';
import { cutFiles } from './cut-files';
import { classifyEvolutionFailure } from './evolution-errors';
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

describe('a choice as a text', () => {
  const sections = [
    { title: 'Doces', rows: [{ id: 'a', title: 'Bolo', description: 'de fubá' }] },
    { title: 'Salgados', rows: [{ id: 'b', title: 'Pão' }] },
  ];
  const menu = { kind: 'list', header: 'Cardápio', body: 'Escolha', footer: 'até 18h', sections };

  it('is numbered through', () => {
    expect(menuText(menu)).toBe('*Cardápio*\n\nEscolha\n\n*Doces*\n1. Bolo – de fubá\n\n*Salgados*\n2. Pão\n\n_até 18h_');
    expect(menuText({ kind: 'request_contact_info', body: 'Fone?' })).toBeNull();
  });

  it.each([
    ['2', 'b'],
    [' 2. ', 'b'],
    ['*1*', 'a'],
    ['PAO', 'b'],
    ['3', undefined],
    ['0', undefined],
    ['dois', undefined],
  ])('is answered by %j', (answer, id) => {
    expect(chosenOf(menu, answer, true)?.id).toBe(id);
  });

  it('has no numbers where buttons are shown', () => {
    expect(chosenOf(menu, '2', false)).toBeNull();
    expect(chosenOf(menu, 'Pão', false)).toMatchObject({ kind: 'list_reply', id: 'b' });
  });
});

describe('a body with files', () => {
  const PIXELS = Buffer.alloc(100_000, 'pytake').toString('base64');

  it('is cut where its files stand, and nowhere else', () => {
    const text = 'diz "base64":"nada" — ação';
    const raw = Buffer.from(JSON.stringify({ data: [{ message: { conversation: text } }, { message: { base64: PIXELS } }], base64: '' }));

    const cut = cutFiles(raw, 1000);

    expect(JSON.parse(cut?.text ?? '')).toEqual({ data: [{ message: { conversation: text } }, { message: { base64: '0' } }], base64: '1' });
    expect(cut?.files.map((file) => file.toString())).toEqual([PIXELS, '']);
    expect(cutFiles(raw, 20)).toBeNull();
    expect(cutFiles(Buffer.from('{"base64":"unfinished'), 1000)?.files).toEqual([]);
  });

  it.each([1, 7, 10, 11, 64 * 1024])('gives its file away in pieces of %i', async (size) => {
    const text = Buffer.from(
      JSON.stringify({
        mediaType: 'image',
        caption: '\\"base64\\":\\"',
        base64: PIXELS.slice(0, size < 20 ? 400 : undefined),
        buffer: null,
      }),
    );
    const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, n) => text.subarray(n * size, (n + 1) * size));

    expect(
      (await buffer(Base64Field.of(Readable.from(pieces)))).equals(Buffer.from(PIXELS.slice(0, size < 20 ? 400 : undefined), 'base64')),
    ).toBe(true);
  });

  it('fails where there is none, or half of one', async () => {
    await expect(buffer(Base64Field.of(Readable.from([Buffer.from('{"error":true}')])))).rejects.toThrow('no file');
    await expect(buffer(Base64Field.of(Readable.from([Buffer.from('{"base64":"aGVsbG8')])))).rejects.toThrow('no file');
  });
});

describe('a message to Evolution', () => {
  const build = (message: Partial<OutgoingMessage>, delivery = {}, native_interactive = false) =>
    buildRequest(
      { id: 'm', message_type: 'text', content: null, payload: {}, ...message },
      { phone: '+5511987654321', ...delivery },
      { native_interactive },
    );

  it('names the person by digits or LID, and what it answers', () => {
    expect(build({ payload: { text: 'Oi', preview_url: true } }, { reply_to_provider_id: '3EB0' })).toEqual({
      path: 'message/sendText',
      body: { number: '5511987654321', text: 'Oi', linkPreview: true, quoted: { key: { id: '3EB0' } } },
    });
    expect(build({ payload: { text: 'Oi' } }, { phone: null, bsuid: '123456@lid' }).body.number).toBe('123456@lid');
    expect(() => build({ payload: { text: 'Oi' } }, { phone: null, bsuid: 'BR.123' })).toThrow('neither a phone nor a LID');
  });

  it('is of its kind', () => {
    expect(build({ message_type: 'audio', payload: { voice: true, link: 'https://x/a.ogg' } })).toMatchObject({
      path: 'message/sendWhatsAppAudio',
      body: { audio: 'https://x/a.ogg' },
    });
    expect(build({ message_type: 'audio', payload: { link: 'https://x/a.mp3' } })).toMatchObject({
      path: 'message/sendMedia',
      body: { mediatype: 'audio', media: 'https://x/a.mp3' },
    });
    expect(build({ message_type: 'sticker', payload: { link: 'https://x/a.webp' } })).toMatchObject({ path: 'message/sendSticker' });
    expect(build({ message_type: 'reaction', payload: { emoji: '👍' } }, { target_provider_id: '3EB0', target_is_ours: true })).toEqual({
      path: 'message/sendReaction',
      body: { key: { id: '3EB0', remoteJid: JID, fromMe: true }, reaction: '👍' },
    });
    const buttons = { kind: 'buttons', body: 'Sim?', buttons: [{ id: 'b', title: 'Sim' }] };
    expect(build({ message_type: 'interactive', payload: buttons }).body.text).toBe('Sim?\n\n1. Sim');
    expect(build({ message_type: 'interactive', payload: buttons }, {}, true)).toMatchObject({
      path: 'message/sendButtons',
      body: { buttons: [{ type: 'reply', displayText: 'Sim', id: 'b' }] },
    });
    for (const message_type of ['template', 'order']) expect(() => build({ message_type })).toThrow('cannot be sent');
    expect(() => build({ message_type: 'image' })).toThrow('no file');
  });
});

describe('a call that failed', () => {
  it.each<[string, Parameters<typeof classifyEvolutionFailure>[0], object]>([
    ['before it left is tried again', { http_status: null, request_written: false }, { class: 'retry', error_code: 'connection_failed' }],
    [
      'after it left is unknown',
      { http_status: null, request_written: true },
      { class: 'unknown', error_code: 'provider_timeout', attempts: 1 },
    ],
    ['without an id is unknown', { http_status: 201, body: {}, request_written: true }, { class: 'unknown' }],
    ['with 401 is the number’s', { http_status: 401, request_written: true }, { class: 'number', effect: 'number_error' }],
    ['with 404 has no instance', { http_status: 404, request_written: true }, { effect: 'number_disconnected' }],
    ['with 429 slows the number', { http_status: 429, request_written: true }, { class: 'retry', scope: 'number' }],
    ['with 500 is tried again', { http_status: 500, request_written: true }, { class: 'retry', attempts: 5 }],
    [
      'with 400 is final',
      { http_status: 400, body: { response: { message: [['too long']] } }, request_written: true },
      { class: 'final', error_message: 'too long' },
    ],
    [
      'for nobody is undeliverable',
      { http_status: 400, body: { response: { message: [{ exists: false }] } }, request_written: true },
      { class: 'final', error_code: 'undeliverable' },
    ],
    [
      'and says so with 200 is not unknown',
      { http_status: 200, body: { error: true, message: 'no' }, request_written: true },
      { class: 'final', error_message: 'no' },
    ],
  ])('%s', (_, failure, expected) => {
    expect(classifyEvolutionFailure(failure)).toMatchObject(expected);
  });
});

import { META, type MetaPayload, metaJson, metaPayload, wamid } from '../../../../test/support/meta-payloads';
import type { ParsedChange } from '../parsed-change';
import { parseJsonKeepingBigIds, parseWebhook } from './parse-webhook';
import { messagingLimitTier } from './account-events';
import { peekNumbers, peekPerson } from './peek-webhook';

/** The only item of a body, of the kind it must be. */
function one<K extends ParsedChange['kind']>(payload: MetaPayload, kind: K): Extract<ParsedChange, { kind: K }> {
  const items = parseWebhook(payload);
  expect(items.map((item) => item.kind)).toEqual([kind]);
  return items[0] as Extract<ParsedChange, { kind: K }>;
}

const value = (payload: MetaPayload): Record<string, unknown> => payload.entry[0]?.changes[0]?.value ?? {};
const item = (payload: MetaPayload, list = 'messages'): Record<string, unknown> =>
  (value(payload)[list] as Record<string, unknown>[])[0] ?? {};

const PHONE = `+${META.from}`;

describe('an inbound message', () => {
  it('says what, when, who, on which number and where in the payload', () => {
    const id = wamid();
    expect(one(metaPayload.text({ id, body: 'Oi', timestamp: 1_790_000_000, username: 'ana.souza' }), 'message')).toEqual({
      kind: 'message',
      phone_number_id: META.phone_number_id,
      waba_id: META.waba_id,
      field: 'messages',
      path: 'entry[0].changes[0].value.messages[0]',
      provider_id: id,
      timestamp: new Date(1_790_000_000_000),
      ids: { phone: PHONE, bsuid: META.user_id },
      profile_name: 'Ana Souza',
      username: 'ana.souza',
      group_id: null,
      message_type: 'text',
      content: 'Oi',
      payload: { text: 'Oi' },
      reply_to_provider_id: null,
      forwarded: false,
      from_ad: false,
    });
  });

  it.each([
    ['image', metaPayload.image({ media_id: '120', sha256: 'abc=', caption: 'Foto' }), 'image/jpeg', { caption: 'Foto' }],
    ['video', metaPayload.video({ media_id: '120', sha256: 'abc=', caption: 'Vídeo' }), 'video/mp4', { caption: 'Vídeo' }],
    ['audio', metaPayload.audio({ media_id: '120', sha256: 'abc=', voice: true }), 'audio/ogg; codecs=opus', { voice: true }],
    ['audio', metaPayload.audio({ media_id: '120', sha256: 'abc=', voice: false }), 'audio/ogg; codecs=opus', { voice: false }],
    [
      'document',
      metaPayload.document({ media_id: '120', sha256: 'abc=', filename: 'nf.pdf', caption: 'NF' }),
      'application/pdf',
      { caption: 'NF', filename: 'nf.pdf' },
    ],
    ['document', metaPayload.document({ media_id: '120', sha256: 'abc=', filename: null }), 'application/pdf', {}],
    ['sticker', metaPayload.sticker({ media_id: '120', sha256: 'abc=', animated: true }), 'image/webp', { animated: true }],
  ])('of type %s carries its file', (type, payload, mime_type, facts) => {
    const message = one(payload, 'message');
    expect(message).toMatchObject({ message_type: type, content: 'caption' in facts ? facts.caption : null, payload: facts });
    expect(message.media).toEqual({ id: '120', mime_type, sha256: 'abc=', ...facts });
  });

  it('of type location keeps the place', () => {
    expect(one(metaPayload.location(), 'message')).toMatchObject({
      message_type: 'location',
      content: null,
      payload: {
        latitude: -23.55052,
        longitude: -46.633308,
        name: 'Praça da Sé',
        address: 'Praça da Sé, São Paulo',
        url: 'https://maps.example/se',
      },
    });
    expect(one(metaPayload.location({ location: { latitude: 0, longitude: '1.5' } }), 'message').payload).toEqual({
      latitude: 0,
      longitude: 1.5,
    });
  });

  it('of type contacts keeps the cards, and a card of anybody proves no phone', () => {
    const message = one(metaPayload.contacts(), 'message');
    expect(message.payload.contacts).toEqual([
      {
        name: 'João Lima',
        phones: [{ phone: '+55 21 97777-6666', wa_id: '5521977776666', type: 'CELL' }],
        emails: [{ email: 'joao@example.com', type: 'WORK' }],
        organization: 'Padaria Lima',
        origin: 'other',
        vcard: 'BEGIN:VCARD\nVERSION:3.0\nFN:João Lima\nEND:VCARD',
      },
    ]);
    expect(message.linked_phones).toBeUndefined();
    expect(message.ids).toEqual({ phone: PHONE, bsuid: META.user_id });
  });

  it('of type contacts links the phone that the sender shared on our request', () => {
    const message = one(metaPayload.contactRequest({ from: null, phone: '5511912345678' }), 'message');
    expect(message.linked_phones).toEqual(['+5511912345678']);
    expect(message.ids).toEqual({ bsuid: META.user_id });
  });

  it('of type contacts needs no name', () => {
    const message = one(
      metaPayload.contacts({ cards: [{ phones: [{ wa_id: '5511912345678' }] }, { name: { first_name: 'Eva', last_name: 'Reis' } }] }),
      'message',
    );
    expect(message.payload.contacts).toEqual([
      { phones: [{ phone: '+5511912345678', wa_id: '5511912345678' }] },
      { name: 'Eva Reis', phones: [] },
    ]);
  });

  it.each([
    ['a button', metaPayload.buttonReply(), 'Sim', { kind: 'button_reply', id: 'ok:42', title: 'Sim' }],
    [
      'a list row',
      metaPayload.listReply(),
      'Financeiro',
      { kind: 'list_reply', id: 'fin', title: 'Financeiro', description: 'Boletos e notas' },
    ],
    [
      'a flow',
      metaPayload.flowReply(),
      'Sent',
      { kind: 'flow_reply', id: 'flow', title: 'Sent', response: { flow_token: 't1', nome: 'Ana', plano: 'anual' } },
    ],
    [
      'an address',
      metaPayload.flowReply({ flow: 'address_message', response_json: '{"values":{"city":"SP"}}' }),
      'Sent',
      { kind: 'flow_reply', id: 'address_message', title: 'Sent', response: { values: { city: 'SP' } } },
    ],
    [
      'a broken flow',
      metaPayload.flowReply({ response_json: '{"a":' }),
      'Sent',
      { kind: 'flow_reply', id: 'flow', title: 'Sent', response: null, response_json: '{"a":' },
    ],
  ])('answering %s carries the choice', (_, payload, content, facts) => {
    expect(one(payload, 'message')).toMatchObject({ message_type: 'interactive', content, payload: facts });
  });

  it('answering a call permission request keeps the answer', () => {
    expect(one(metaPayload.callPermissionReply(), 'message')).toMatchObject({
      message_type: 'interactive',
      content: null,
      payload: { kind: 'call_permission_reply', response: { response: 'accept', response_source: 'user_action' } },
    });
  });

  it('interactive without its object is unsupported, with the errors beside it', () => {
    const [message, errors] = parseWebhook(metaPayload.interactiveWithoutObject());
    expect(message).toMatchObject({
      kind: 'message',
      message_type: 'unsupported',
      content: null,
      payload: { raw_type: 'interactive', errors: [{ code: 131000 }] },
    });
    expect(errors).toMatchObject({ kind: 'errors', errors: [{ code: 131000 }] });
  });

  it('of a template button carries text and payload', () => {
    expect(one(metaPayload.button(), 'message')).toMatchObject({
      message_type: 'button',
      content: 'Confirmar',
      payload: { text: 'Confirmar', payload: 'ok:42' },
    });
  });

  it('of an order carries the items', () => {
    expect(one(metaPayload.order(), 'message')).toMatchObject({
      message_type: 'order',
      content: 'Entregar à tarde',
      payload: {
        catalog_id: '194836987003835',
        text: 'Entregar à tarde',
        product_items: [{ product_retailer_id: 'pao-frances', quantity: 10, item_price: 1.2, currency: 'BRL' }],
      },
    });
  });

  it('that Meta does not support is kept as such', () => {
    expect(one(metaPayload.unsupported({ raw_type: 'poll' }), 'message')).toMatchObject({
      message_type: 'unsupported',
      content: null,
      payload: {
        raw_type: 'poll',
        errors: [
          {
            code: 131051,
            title: 'Message type unknown',
            message: 'Message type unknown',
            details: 'Message type is currently not supported.',
          },
        ],
      },
    });
  });

  it.each(['hologram', 'constructor', '__proto__', 'toString'])('of the unknown type %s is kept raw', (type) => {
    const message = one(metaPayload.unknownType({ type }), 'message');
    expect(message).toMatchObject({ message_type: 'unsupported', payload: { raw_type: type, raw: { type } } });
  });

  it.each([
    ['text without a body', (): MetaPayload => metaPayload.text(), 'text'],
    ['text whose object is a list', (): MetaPayload => metaPayload.text(), 'text'],
    ['image without an id', (): MetaPayload => metaPayload.image(), 'image'],
    ['location without coordinates', (): MetaPayload => metaPayload.location(), 'location'],
    ['contacts without cards', (): MetaPayload => metaPayload.contacts(), 'contacts'],
    ['button without its object', (): MetaPayload => metaPayload.button(), 'button'],
    ['order without its object', (): MetaPayload => metaPayload.order(), 'order'],
  ])('%s is unsupported, not lost', (name, build, key) => {
    const payload = build();
    item(payload)[key] = name.includes('list') ? ['x'] : {};
    if (name.includes('without its object')) delete item(payload)[key];
    expect(one(payload, 'message')).toMatchObject({ message_type: 'unsupported', payload: { raw_type: key } });
  });

  it('too large for Meta keeps what was written under it', () => {
    expect(one(metaPayload.mediaTooLarge({ caption: 'o vídeo' }), 'message')).toMatchObject({
      message_type: 'unsupported',
      content: 'o vídeo',
      payload: { raw_type: 'document', errors: [{ code: 131052 }] },
    });
  });

  it('without a type is kept raw', () => {
    const payload = metaPayload.text();
    delete item(payload).type;
    expect(one(payload, 'message')).toMatchObject({ message_type: 'unsupported', payload: { raw_type: null } });
  });

  it('quotes, is forwarded, asks about a product, comes from an ad', () => {
    expect(one(metaPayload.text({ context: { from: META.display_phone_number, id: 'wamid.X' } }), 'message')).toMatchObject({
      reply_to_provider_id: 'wamid.X',
      forwarded: false,
    });
    expect(one(metaPayload.text({ context: { forwarded: true } }), 'message')).toMatchObject({
      reply_to_provider_id: null,
      forwarded: true,
    });
    expect(one(metaPayload.text({ context: { frequently_forwarded: true } }), 'message').forwarded).toBe(true);
    const product = { catalog_id: '1', product_retailer_id: 'pao' };
    expect(one(metaPayload.text({ context: { referred_product: product } }), 'message').payload.referred_product).toEqual(product);
    const referral = {
      source_url: 'https://fb.me/x',
      source_id: '99',
      source_type: 'ad',
      headline: 'Pão quente',
      media_type: 'image',
      image_url: 'https://x/y',
    };
    expect(one(metaPayload.image({ referral }), 'message')).toMatchObject({ from_ad: true, payload: { referral } });
  });
});

describe('the person', () => {
  it('without a phone is known by the business-scoped id', () => {
    expect(one(metaPayload.text({ from: null }), 'message').ids).toEqual({ bsuid: META.user_id });
  });

  it('of before April 2026 is known by the phone alone', () => {
    expect(one(metaPayload.text({ user_id: null }), 'message').ids).toEqual({ phone: PHONE });
  });

  it('may have a parent id', () => {
    expect(one(metaPayload.text({ parent_user_id: 'BR.ENT.77' }), 'message').ids).toEqual({
      phone: PHONE,
      bsuid: META.user_id,
      parent_bsuid: 'BR.ENT.77',
    });
  });

  it('needs no contacts', () => {
    expect(one(metaPayload.text({ contacts: null }), 'message')).toMatchObject({
      ids: { phone: PHONE, bsuid: META.user_id },
      profile_name: null,
    });
  });

  it('is found in contacts by id, wherever it stands', () => {
    const other = { profile: { name: 'Bia' }, wa_id: '5521966665555', user_id: 'BR.2' };
    const own = { profile: { name: 'Ana' }, wa_id: META.from, user_id: META.user_id };
    expect(one(metaPayload.text({ contacts: [other, own] }), 'message').profile_name).toBe('Ana');
    expect(one(metaPayload.text({ user_id: null, contacts: [other, own] }), 'message')).toMatchObject({
      profile_name: 'Ana',
      ids: { phone: PHONE, bsuid: META.user_id },
    });
    expect(one(metaPayload.text({ from: null, contacts: [other, own] }), 'message')).toMatchObject({
      profile_name: 'Ana',
      ids: { phone: PHONE, bsuid: META.user_id },
    });
  });

  it('is never taken from somebody else’s card', () => {
    const other = { profile: { name: 'Bia' }, wa_id: '5521966665555', user_id: 'BR.2' };
    expect(one(metaPayload.text({ contacts: [other] }), 'message')).toMatchObject({
      profile_name: null,
      ids: { phone: PHONE, bsuid: META.user_id },
    });
    const same_phone_other_id = { profile: { name: 'Bia' }, wa_id: META.from, user_id: 'BR.2' };
    expect(one(metaPayload.text({ contacts: [same_phone_other_id] }), 'message').profile_name).toBeNull();
  });

  it('is the same with and without the ninth digit, and keeps the id of the message', () => {
    const card = { profile: { name: 'Ana' }, wa_id: '551188887777' };
    expect(one(metaPayload.text({ user_id: null, contacts: [card] }), 'message')).toMatchObject({
      profile_name: 'Ana',
      ids: { phone: PHONE },
    });
  });

  it('is paired with a lone card when one side has no id', () => {
    expect(
      one(metaPayload.text({ from: null, user_id: null, contacts: [{ profile: { name: 'Ana' }, wa_id: META.from }] }), 'message'),
    ).toMatchObject({ profile_name: 'Ana', ids: { phone: PHONE } });
    expect(one(metaPayload.text({ contacts: [{ profile: { name: 'Ana' } }] }), 'message').profile_name).toBe('Ana');
  });

  it('is not guessed among several', () => {
    const cards = [
      { profile: { name: 'Ana' }, wa_id: META.from },
      { profile: { name: 'Bia' }, wa_id: '5521966665555' },
    ];
    expect(one(metaPayload.text({ from: null, user_id: null, contacts: cards }), 'poison').reason).toBe('no_person');
    const two = metaPayload.merge([
      metaPayload.text({ from: null, user_id: null, contacts: [cards[0] ?? {}] }),
      metaPayload.text({ from: null, user_id: null, contacts: [] }),
    ]);
    expect(parseWebhook(two).map((parsed) => parsed.kind)).toEqual(['poison', 'poison']);
  });

  it('is sorted by the shape of the id, not by its key', () => {
    expect(one(metaPayload.text({ from: 'BR.9', user_id: null, contacts: null }), 'message').ids).toEqual({ bsuid: 'BR.9' });
    expect(one(metaPayload.text({ from: 'not-a-phone', contacts: null }), 'message').ids).toEqual({ bsuid: META.user_id });
    expect(one(metaPayload.text({ user_id: 'BR.ENT.5', contacts: null }), 'message').ids).toEqual({
      phone: PHONE,
      parent_bsuid: 'BR.ENT.5',
    });
  });

  it('in a group is the one who wrote', () => {
    expect(one(metaPayload.text({ group_id: 'G1' }), 'message')).toMatchObject({
      group_id: 'G1',
      ids: { phone: PHONE, bsuid: META.user_id },
    });
  });
});

describe('reaction, edit, revoke', () => {
  it('react to a message', () => {
    expect(one(metaPayload.reaction({ target: 'wamid.T', emoji: '👍🏽' }), 'reaction')).toMatchObject({
      target_provider_id: 'wamid.T',
      emoji: '👍🏽',
      ids: { phone: PHONE },
    });
  });

  it.each([[''], [null]])('takes a reaction back with %j', (emoji) => {
    expect(one(metaPayload.reaction({ target: 'wamid.T', emoji }), 'reaction').emoji).toBeNull();
  });

  it('edit a text and a caption', () => {
    expect(one(metaPayload.edit({ original: 'wamid.O' }), 'edit')).toMatchObject({
      original_provider_id: 'wamid.O',
      message_type: 'text',
      content: 'Olá, corrigindo',
      payload: { text: 'Olá, corrigindo' },
    });
    const caption = { type: 'image', image: { id: '5', mime_type: 'image/jpeg', caption: 'nova' } };
    expect(one(metaPayload.edit({ message: caption }), 'edit')).toMatchObject({
      message_type: 'image',
      content: 'nova',
      media: { id: '5' },
    });
  });

  it('revoke', () => {
    expect(one(metaPayload.revoke({ original: 'wamid.O' }), 'revoke')).toMatchObject({ original_provider_id: 'wamid.O' });
  });

  it.each([
    ['reaction', metaPayload.reaction(), 'reaction'],
    ['edit', metaPayload.edit(), 'edit'],
    ['revoke', metaPayload.revoke(), 'revoke'],
  ])('without a target %s is poison', (_, payload, key) => {
    item(payload)[key] = {};
    expect(one(payload, 'poison').reason).toBe('no_target');
  });
});

describe('a system message', () => {
  it.each(['user_changed_number', 'customer_changed_number'])('%s gives the old and the new phone', (spelling) => {
    const system = one(metaPayload.changedNumber({ spelling, user_id: null, new_user_id: 'BR.9' }), 'system');
    expect(system).toMatchObject({ system_type: 'user_changed_number', payload: { type: spelling, new_wa_id: '5511977776666' } });
    expect(system.old_ids).toEqual({ phone: PHONE });
    expect(system.new_ids).toEqual({ phone: '+5511977776666', bsuid: 'BR.9' });
  });

  it('gives the old business-scoped id from its field, or from the sentence', () => {
    const typed = one(metaPayload.changedUserId({ from: null, old_user_id: 'BR.1', user_id: 'BR.1', new_user_id: 'BR.2' }), 'system');
    expect([typed.old_ids, typed.new_ids]).toEqual([{ bsuid: 'BR.1' }, { bsuid: 'BR.2' }]);
    const told = one(metaPayload.changedUserId({ from: null, user_id: null, old_user_id: 'BR.1', new_user_id: 'BR.2' }), 'system');
    expect([told.old_ids, told.new_ids]).toEqual([{ bsuid: 'BR.1' }, { bsuid: 'BR.2' }]);
    const misplaced = one(metaPayload.changedUserId({ from: null, user_id: 'BR.2', old_user_id: 'BR.1', new_user_id: 'BR.2' }), 'system');
    expect([misplaced.old_ids, misplaced.new_ids]).toEqual([{ bsuid: 'BR.1' }, { bsuid: 'BR.2' }]);
  });

  it('keeps the phone of one whose user id changed', () => {
    const system = one(metaPayload.changedUserId({ new_wa_id: '5511977776666' }), 'system');
    expect(system.old_ids).toEqual({ phone: PHONE, bsuid: META.user_id });
    expect(system.new_ids).toEqual({ phone: '+5511977776666', bsuid: 'BR.1502000000000999' });
  });

  it('does not believe a name that looks like the sentence', () => {
    const payload = metaPayload.changedUserId({ from: null, user_id: null, new_user_id: 'BR.2' });
    (item(payload).system as Record<string, unknown>).body = 'User Ana from BR.7 to BR.8 changed from 5511988887777 to BR.2';
    const system = one(payload, 'system');
    expect([system.old_ids, system.new_ids]).toEqual([{}, { bsuid: 'BR.2' }]);
  });

  it('tells a new device', () => {
    expect(one(metaPayload.identityChanged({ from: null, user_id: null }), 'system')).toMatchObject({
      system_type: 'customer_identity_changed',
      old_ids: { phone: PHONE },
      new_ids: {},
      ids: { phone: PHONE },
    });
  });

  it('of an unknown kind is kept', () => {
    const payload = metaPayload.identityChanged();
    (item(payload).system as Record<string, unknown>).type = 'something_new';
    expect(one(payload, 'system')).toMatchObject({ system_type: 'other', payload: { type: 'something_new' } });
  });

  it('about nobody is poison', () => {
    const payload = metaPayload.identityChanged({ from: null, user_id: null });
    item(payload).system = { type: 'user_changed_number', body: 'x' };
    expect(one(payload, 'poison').reason).toBe('no_person');
  });
});

describe('a status', () => {
  it.each(['sent', 'delivered', 'read', 'played', 'failed'] as const)('%s', (name) => {
    const status = one(metaPayload.status(name, { id: 'wamid.S', timestamp: 1_790_000_001, callback_data: 'm-1' }), 'status');
    expect(status).toMatchObject({
      provider_id: 'wamid.S',
      status: name,
      raw_status: name,
      timestamp: new Date(1_790_000_001_000),
      callback_data: 'm-1',
      phone_number_id: META.phone_number_id,
    });
    expect(status.path).toBe('entry[0].changes[0].value.statuses[0]');
    expect(status.ids).toEqual(name === 'failed' ? { phone: PHONE } : { phone: PHONE, bsuid: META.user_id });
  });

  it.each(['deleted', 'warning', 'teleported'])('%s is of no known rank', (name) => {
    expect(one(metaPayload.status(name), 'status')).toMatchObject({ status: 'other', raw_status: name });
  });

  it('carries pricing and the free entry window', () => {
    const status = one(
      metaPayload.status('sent', {
        conversation: { id: 'c1', origin: { type: 'referral_conversion' }, expiration_timestamp: '1790000002' },
      }),
      'status',
    );
    expect(status.pricing).toEqual({ billable: true, category: 'service', pricing_model: 'PMP', type: 'regular' });
    expect(status.conversation).toEqual({ id: 'c1', origin_type: 'referral_conversion', expires_at: new Date(1_790_000_002_000) });
    expect(one(metaPayload.status('read', { pricing: null }), 'status').pricing).toBeUndefined();
  });

  it('carries the error of a failure', () => {
    const failed = metaPayload.status('failed', {
      error: { code: 131047, title: 'Re-engagement message', details: 'More than 24 hours have passed' },
    });
    expect(one(failed, 'status').error).toEqual({
      code: 131047,
      title: 'Re-engagement message',
      message: 'Re-engagement message',
      details: 'More than 24 hours have passed',
    });
    item(failed, 'statuses').errors = [{ code: '131047' }];
    expect(one(failed, 'status').error).toEqual({ code: 131047, title: null, message: null, details: null });
    item(failed, 'statuses').errors = 'boom';
    expect(one(failed, 'status').error).toBeUndefined();
  });

  it('may name nobody', () => {
    expect(one(metaPayload.status('failed', { recipient_id: null }), 'status').ids).toEqual({});
  });

  it('of a send to a business-scoped id shows the phone only if Meta does', () => {
    expect(one(metaPayload.status('delivered', { recipient_id: null, username: 'ana' }), 'status')).toMatchObject({
      ids: { bsuid: META.user_id },
      username: 'ana',
    });
  });

  it('in a group is of the participant', () => {
    const status = one(metaPayload.status('read', { group_id: 'G1', contacts: null }), 'status');
    expect(status).toMatchObject({ group_id: 'G1', ids: { phone: PHONE, bsuid: META.user_id } });
  });

  it('of a call is no message status', () => {
    expect(one(metaPayload.callStatus(), 'ignored').reason).toBe('call_status');
    expect(one(metaPayload.status('captured', { extra: { type: 'payment' } }), 'ignored').reason).toBe('payment_status');
  });
});

describe('an echo of the phone itself', () => {
  it('is an outgoing message to the customer', () => {
    const echo = one(metaPayload.echo({ id: 'wamid.E' }), 'echo');
    expect(echo).toMatchObject({
      provider_id: 'wamid.E',
      field: 'smb_message_echoes',
      path: 'entry[0].changes[0].value.message_echoes[0]',
    });
    expect(echo.event).toMatchObject({
      kind: 'message',
      message_type: 'text',
      content: 'Seu pedido saiu para entrega',
      ids: { phone: PHONE, bsuid: META.user_id },
    });
  });

  it('may edit or take back', () => {
    expect(one(metaPayload.echo({ type: 'revoke', content: { revoke: { original_message_id: 'wamid.O' } } }), 'echo').event).toMatchObject({
      kind: 'revoke',
      original_provider_id: 'wamid.O',
    });
    const content = { edit: { original_message_id: 'wamid.O', message: { type: 'text', text: { body: 'b' } } } };
    expect(one(metaPayload.echo({ type: 'edit', content }), 'echo').event).toMatchObject({ kind: 'edit', content: 'b' });
    expect(one(metaPayload.echo({ type: 'edit', content: {} }), 'poison').reason).toBe('no_target');
  });

  it('to nobody is poison', () => {
    expect(one(metaPayload.echo({ from: null, user_id: null, contacts: null }), 'poison').reason).toBe('no_person');
  });
});

describe('a template event', () => {
  it.each([
    ['APPROVED', 'APPROVED'],
    ['REINSTATED', 'APPROVED'],
    ['UNARCHIVED', 'APPROVED'],
    ['PAUSED', 'PAUSED'],
    ['SOMETHING_NEW', 'SOMETHING_NEW'],
  ])('%s means %s', (event, status) => {
    expect(one(metaPayload.templateStatus(event), 'template')).toMatchObject({
      change: 'status',
      status,
      template_id: '1502093017502093',
      name: 'pedido_pronto',
      language: 'pt_BR',
      rejected_reason: null,
      phone_number_id: null,
      waba_id: META.waba_id,
    });
  });

  it('says why it was rejected or paused', () => {
    expect(one(metaPayload.templateStatus('REJECTED', { reason: 'ABUSIVE_CONTENT' }), 'template').rejected_reason).toBe('ABUSIVE_CONTENT');
    const detailed = {
      reason: 'INVALID_FORMAT',
      extra: { rejection_info: { reason: 'Variables at the start.', recommendation: 'Move them.' } },
    };
    expect(one(metaPayload.templateStatus('REJECTED', detailed), 'template').rejected_reason).toBe('Variables at the start.');
    expect(one(metaPayload.templateStatus('PAUSED', { extra: { other_info: { title: 'FIRST_PAUSE' } } }), 'template').detail).toBe(
      'FIRST_PAUSE',
    );
  });

  it('speaks Meta’s two spellings of a language', () => {
    expect(one(metaPayload.templateStatus('APPROVED', { language: 'en-US' }), 'template').language).toBe('en_US');
  });

  it('of category, quality, components', () => {
    expect(one(metaPayload.templateCategory(), 'template')).toMatchObject({
      change: 'category',
      previous_category: 'UTILITY',
      category: 'MARKETING',
      correct_category: null,
    });
    expect(one(metaPayload.templateCategory({ previous: null, category: 'UTILITY', correct: 'MARKETING' }), 'template')).toMatchObject({
      category: 'UTILITY',
      correct_category: 'MARKETING',
    });
    expect(one(metaPayload.templateQuality(), 'template')).toMatchObject({
      change: 'quality',
      previous_quality: 'GREEN',
      quality: 'YELLOW',
    });
    expect(one(metaPayload.templateComponents(), 'template')).toMatchObject({
      change: 'components',
      payload: { message_template_title: 'Pedido' },
    });
  });

  it('keeps an id beyond 2^53 exact, as the webhook writes it', () => {
    const raw = JSON.stringify(metaPayload.templateStatus('APPROVED', { template_id: 1 })).replace(
      '"message_template_id":1',
      '"message_template_id": 90071992547409931234',
    );
    expect(parseWebhook(parseJsonKeepingBigIds(raw))[0]).toMatchObject({ template_id: '90071992547409931234' });
    expect(parseWebhook(parseJsonKeepingBigIds(Buffer.from(raw)))[0]).toMatchObject({ template_id: '90071992547409931234' });
    // Rounded by a plain JSON.parse it would name another template: better none.
    expect(parseWebhook(JSON.parse(raw))[0]).toMatchObject({ template_id: null, name: 'pedido_pronto' });
  });

  it('rewrites nothing but that key', () => {
    const tricky = { text: '"message_template_id":12345678901234567890', n: 2 ** 70, message_template_id: 42 };
    expect(parseJsonKeepingBigIds(JSON.stringify(tricky))).toEqual(tricky);
    expect(parseJsonKeepingBigIds('{"message_template_id":1234567890123456.5}')).toEqual({ message_template_id: 1234567890123456.5 });
    expect(() => parseJsonKeepingBigIds('{"message_template_id":')).toThrow(SyntaxError);
  });
});

describe('an account event', () => {
  it.each([
    ['DISABLED_UPDATE', { ban_info: { waba_ban_state: 'DISABLE', waba_ban_date: 'October 1, 2026' } }, 'bad'],
    ['DISABLED_UPDATE', { ban_info: { waba_ban_state: 'REINSTATE' } }, 'good'],
    ['ACCOUNT_RESTRICTION', { restriction_info: [{ restriction_type: 'RESTRICTED_BIZ_INITIATED_MESSAGING' }] }, 'bad'],
    ['ACCOUNT_VIOLATION', { violation_info: { violation_type: 'ALCOHOL' } }, 'bad'],
    ['ACCOUNT_DELETED', {}, 'bad'],
    ['ACCOUNT_RECONNECTED', {}, 'good'],
    ['PARTNER_ADDED', {}, null],
  ])('%s %j stands %s', (event, extra, standing) => {
    expect(one(metaPayload.accountUpdate(event, { extra }), 'account')).toMatchObject({
      event,
      standing,
      payload: extra,
      waba_id: META.waba_id,
    });
  });

  it('tells the messaging limit', () => {
    expect(one(metaPayload.capability({ limit: 2_000 }), 'account').messaging_limit_tier).toBe('TIER_2K');
    expect(one(metaPayload.phoneQuality({ current_limit: 'TIER_10K' }), 'account')).toMatchObject({
      messaging_limit_tier: 'TIER_10K',
      display_phone_number: META.display_phone_number,
      event: 'THROUGHPUT_UPGRADE',
    });
    const both = { current_limit: 'TIER_10K', extra: { max_daily_conversations_per_business: 'TIER_100K' } };
    expect(one(metaPayload.phoneQuality(both), 'account').messaging_limit_tier).toBe('TIER_100K');
  });

  it.each([
    [250, 'TIER_250'],
    ['250', 'TIER_250'],
    [1_000, 'TIER_1K'],
    [100_000, 'TIER_100K'],
    [-1, 'TIER_UNLIMITED'],
    ['TIER_UNLIMITED', 'TIER_UNLIMITED'],
    ['UNLIMITED', 'TIER_UNLIMITED'],
    [null, null],
    [{}, null],
  ])('reads the limit %j as %s', (limit, tier) => {
    expect(messagingLimitTier(limit)).toBe(tier);
  });

  it('approves or declines a display name', () => {
    expect(one(metaPayload.phoneName(), 'account')).toMatchObject({ decision: 'APPROVED', display_name: 'Padaria Lima' });
    expect(one(metaPayload.phoneName({ decision: 'REJECTED' }), 'account')).toMatchObject({ decision: 'REJECTED', display_name: null });
  });

  it.each([
    ['account_alerts', metaPayload.accountAlert()],
    ['account_review_update', metaPayload.accountReview()],
    ['security', metaPayload.security()],
    ['business_username_updates', metaPayload.businessUsername()],
  ])('%s is told', (field, payload) => {
    expect(one(payload, 'account')).toMatchObject({ field, standing: null });
  });
});

describe('user preferences and ids', () => {
  it.each([
    ['stop', false],
    ['resume', true],
    ['signup', null],
  ])('%s sets the marketing opt-in to %s', (value, opt_in) => {
    expect(one(metaPayload.userPreference(value), 'preference')).toMatchObject({
      value,
      opt_in,
      category: 'marketing_messages',
      ids: { phone: PHONE, bsuid: META.user_id },
    });
  });

  it('a preference of nobody is poison', () => {
    expect(one(metaPayload.userPreference('stop', { from: null, user_id: null, contacts: null }), 'poison').reason).toBe('no_person');
  });

  it('rotates a business-scoped id', () => {
    const update = one(
      metaPayload.userIdUpdate({ previous: 'BR.1', current: 'BR.2', parent: { previous: 'BR.ENT.1', current: 'BR.ENT.2' } }),
      'user_id',
    );
    expect(update.old_ids).toEqual({ bsuid: 'BR.1', parent_bsuid: 'BR.ENT.1' });
    expect(update.new_ids).toEqual({ phone: PHONE, bsuid: 'BR.2', parent_bsuid: 'BR.ENT.2' });
    expect(one(metaPayload.userIdUpdate({ previous: 'junk' }), 'poison').reason).toBe('no_person');
  });
});

describe('what is not for us', () => {
  it('is ignored with a reason', () => {
    expect(one(metaPayload.unknownField('future_thing'), 'ignored')).toMatchObject({ reason: 'field_not_used', field: 'future_thing' });
    expect(one(metaPayload.calls(), 'ignored')).toMatchObject({ field: 'calls' });
    expect(one({ ...metaPayload.text(), object: 'instagram' }, 'ignored').reason).toBe('other_object');
    const empty = metaPayload.text();
    delete value(empty).messages;
    expect(one(empty, 'ignored').reason).toBe('empty');
  });

  it('tells trouble out of band', () => {
    expect(one(metaPayload.valueErrors({ code: 131031 }), 'errors')).toMatchObject({
      errors: [{ code: 131031, title: 'Rate limit hit' }],
      phone_number_id: META.phone_number_id,
    });
  });
});

describe('poison', () => {
  it.each([
    ['no id', { id: undefined }, 'bad_id'],
    ['an empty id', { id: '' }, 'bad_id'],
    ['a number for an id', { id: 12 }, 'bad_id'],
    ['an endless id', { id: 'w'.repeat(513) }, 'bad_id'],
    ['an id with a zero byte', { id: 'wamid.\u0000' }, 'bad_id'],
    ['no timestamp', { timestamp: undefined }, 'bad_timestamp'],
    ['words for a timestamp', { timestamp: 'yesterday' }, 'bad_timestamp'],
    ['milliseconds', { timestamp: 1_790_000_000_000 }, 'bad_timestamp'],
    ['a negative timestamp', { timestamp: -1 }, 'bad_timestamp'],
    ['an object for a timestamp', { timestamp: {} }, 'bad_timestamp'],
  ])('is an item with %s', (_, fields, reason) => {
    for (const payload of [metaPayload.text(), metaPayload.echo()]) {
      const list = 'messages' in value(payload) ? 'messages' : 'message_echoes';
      Object.assign(item(payload, list), fields);
      expect(one(payload, 'poison')).toMatchObject({ reason, path: `entry[0].changes[0].value.${list}[0]` });
    }
    const status = metaPayload.status('sent');
    Object.assign(item(status, 'statuses'), fields);
    expect(one(status, 'poison').reason).toBe(reason);
  });

  it('is a status that says none', () => {
    const payload = metaPayload.status('sent');
    item(payload, 'statuses').status = 7;
    expect(one(payload, 'poison').reason).toBe('no_status');
  });

  it('may be an id of exactly 512 characters: no', () => {
    expect(one(metaPayload.text({ id: 'w'.repeat(512) }), 'message').provider_id).toHaveLength(512);
  });

  it('costs nobody else: 53 of 54', () => {
    const changes = (): MetaPayload => metaPayload.merge([1, 2, 3].flatMap(() => [metaPayload.text(), metaPayload.status('delivered')]));
    const batch = metaPayload.batch(
      [1, 2, 3].map(() => ({
        ...changes(),
        entry: [{ id: META.waba_id, changes: [1, 2, 3].flatMap(() => changes().entry[0]?.changes ?? []) }],
      })),
    );
    const messages = batch.entry[1]?.changes[1]?.value.messages as unknown[];
    for (const poison of [null, 7, 'text', [], { id: 5 }, { id: 'x', timestamp: '1', type: 'text' }]) {
      messages[1] = poison;
      const items = parseWebhook(batch);
      expect(items).toHaveLength(54);
      expect(items.filter((parsed) => parsed.kind === 'poison').map((parsed) => parsed.path)).toEqual([
        'entry[1].changes[1].value.messages[1]',
      ]);
      expect(items.filter((parsed) => parsed.kind === 'message')).toHaveLength(26);
      expect(items.filter((parsed) => parsed.kind === 'status')).toHaveLength(27);
    }
  });

  it('keeps payload order over entries, changes and items', () => {
    const ids = ['a', 'b', 'c', 'd'];
    const [a, b, c, d] = ids.map((id) => metaPayload.text({ id }));
    const batch = metaPayload.batch([metaPayload.merge([a, b].filter((p) => p !== undefined)), c, d].filter((p) => p !== undefined));
    expect(parseWebhook(batch).map((parsed) => (parsed.kind === 'message' ? parsed.provider_id : parsed.kind))).toEqual(ids);
  });

  it.each([
    [null, 'not_an_object'],
    ['text', 'not_an_object'],
    [[], 'not_an_object'],
    [{ object: 'whatsapp_business_account' }, 'no_entries'],
    [{ object: 'whatsapp_business_account', entry: [null] }, 'not_an_object'],
    [{ object: 'whatsapp_business_account', entry: [{ id: '1' }] }, 'no_changes'],
    [{ object: 'whatsapp_business_account', entry: [{ id: '1', changes: [3] }] }, 'not_an_object'],
    [{ object: 'whatsapp_business_account', entry: [{ id: '1', changes: [{}] }] }, 'no_field'],
    [{ object: 'whatsapp_business_account', entry: [{ id: '1', changes: [{ field: 'messages' }] }] }, 'no_value'],
    [{ object: 'whatsapp_business_account', entry: [{ id: '1', changes: [{ field: 'messages', value: { messages: {} } }] }] }, 'bad_list'],
  ])('is the body %j: %s', (payload, reason) => {
    expect(parseWebhook(payload)).toMatchObject([{ kind: 'poison', reason }]);
  });

  it('is whatever a mutation makes of a payload, but never an exception', () => {
    const junk: unknown[] = [null, 0, -1, '', 'x', '\u0000', [], [[]], {}, { id: {} }, true, 1e308, '__proto__'];
    const seeds = [
      metaPayload.text({ context: { id: 'x' }, referral: { source_id: '1' } }),
      metaPayload.image(),
      metaPayload.contacts(),
      metaPayload.flowReply(),
      metaPayload.order(),
      metaPayload.reaction(),
      metaPayload.edit(),
      metaPayload.changedUserId(),
      metaPayload.status('failed'),
      metaPayload.echo(),
      metaPayload.templateStatus('REJECTED'),
      metaPayload.accountUpdate('DISABLED_UPDATE'),
      metaPayload.userPreference('stop'),
      metaPayload.userIdUpdate(),
    ];
    const mutate = (root: unknown, node: unknown): void => {
      if (typeof node !== 'object' || node === null) return;
      for (const key of Object.keys(node)) {
        const holder = node as Record<string, unknown>;
        const before = holder[key];
        for (const thing of junk) {
          holder[key] = thing;
          const items = parseWebhook(root);
          expect(items.some((parsed) => parsed.kind === 'poison' && parsed.reason === 'unreadable')).toBe(false);
          for (const parsed of items) if (JSON.stringify(parsed).includes('\\u0000')) throw new Error(`zero byte passed at ${key}`);
        }
        delete holder[key];
        parseWebhook(root);
        holder[key] = before;
        mutate(root, before);
      }
    };
    for (const seed of seeds) mutate(seed, seed);
  });
});

describe('text PostgreSQL would refuse', () => {
  const nasty = 'a\u0000b\ud800c';

  it('is made storable wherever it stands', () => {
    const message = one(metaPayload.text({ body: nasty, name: nasty, referral: { [nasty]: nasty } }), 'message');
    expect(message).toMatchObject({
      content: 'ab\ufffdc',
      profile_name: 'ab\ufffdc',
      payload: { text: 'ab\ufffdc', referral: { 'ab\ufffdc': 'ab\ufffdc' } },
    });
    const items = [
      metaPayload.buttonReply({ reply: { id: nasty, title: nasty } }),
      metaPayload.flowReply({ response_json: JSON.stringify({ a: nasty }) }),
      metaPayload.unknownType({ type: nasty }),
      metaPayload.order({ order: { text: nasty, product_items: [{ a: nasty }] } }),
      metaPayload.contacts({ cards: [{ name: { formatted_name: nasty }, phones: [{ phone: nasty }] }] }),
      metaPayload.status('failed', { error: { code: 1, title: nasty } }),
      metaPayload.accountUpdate('X', { extra: { a: [nasty] } }),
      metaPayload.text({ id: nasty }),
    ];
    for (const parsed of parseWebhook(metaPayload.batch(items))) {
      const text = JSON.stringify(parsed);
      expect(text).not.toContain('\\u0000');
      expect(text).not.toContain('\\ud800');
    }
  });

  it('arrives escaped, as Meta writes it, and is read alike', () => {
    const payload = metaPayload.text({ body: 'Olá 👋🏽 / ação' });
    expect(parseWebhook(parseJsonKeepingBigIds(Buffer.from(metaJson(payload))))).toEqual(parseWebhook(payload));
  });

  it('is bounded, without cutting a character in two', () => {
    expect(one(metaPayload.text({ body: 'x'.repeat(70_000) }), 'message').content).toHaveLength(65_536);
    expect(one(metaPayload.text({ name: 'x'.repeat(254) + '👋' }), 'message').profile_name).toBe('x'.repeat(254));
  });

  it('cannot poison prototypes nor overflow the stack', () => {
    const payload = parseJsonKeepingBigIds(
      JSON.stringify(metaPayload.text({ referral: { a: 1 } })).replace('"a":1', '"__proto__":{"polluted":true},"b":2'),
    );
    expect(parseWebhook(payload)).toMatchObject([{ payload: { referral: { b: 2 } } }]);
    expect(Object.keys(Object.prototype)).toEqual([]);
    let deep: Record<string, unknown> = {};
    for (let i = 0; i < 50_000; i++) deep = { deep };
    expect(one(metaPayload.text({ referral: deep }), 'message').message_type).toBe('text');
  });
});

describe('peekNumbers', () => {
  it('names every number once, and the WABAs of changes without one', () => {
    const batch = metaPayload.batch([
      metaPayload.text({ phone_number_id: '1' }),
      metaPayload.text({ phone_number_id: '1' }),
      metaPayload.status('sent', { phone_number_id: '2' }),
      metaPayload.templateStatus('APPROVED', { waba_id: 'W1' }),
      metaPayload.capability({ waba_id: 'W1' }),
    ]);
    expect(peekNumbers(batch)).toEqual({ phone_number_ids: ['1', '2'], waba_ids_without_number: ['W1'] });
  });

  it('is empty for what is no webhook', () => {
    for (const junk of [
      null,
      1,
      'x',
      [],
      {},
      { entry: 5 },
      { entry: [null, { changes: [null, { value: { metadata: { phone_number_id: {} } } }] }] },
    ])
      expect(peekNumbers(junk)).toEqual({ phone_number_ids: [], waba_ids_without_number: [] });
  });
});

describe('peekPerson', () => {
  const phone = '5511987654321';

  it('is the phone of who wrote or was written to, in one spelling', () => {
    expect(peekPerson(metaPayload.text({ from: phone }))).toBe('551187654321');
    expect(peekPerson(metaPayload.text({ from: phone, user_id: null }))).toBe('551187654321');
    expect(peekPerson(metaPayload.status('read', { recipient_id: phone }))).toBe('551187654321');
  });

  it('is nobody where it is about several, about more than what they write, or about somebody without a phone', () => {
    expect(peekPerson(metaPayload.text({ from: null }))).toBeNull();
    const two = metaPayload.text({ from: phone });
    two.entry.push(...metaPayload.text({ from: '5511912345678' }).entry);
    expect(peekPerson(two)).toBeNull();
    const system = metaPayload.text({ from: phone });
    item(system).type = 'system';
    expect(peekPerson(system)).toBeNull();
    for (const payload of [null, 3, 'x', [], {}, { entry: [{}] }, { entry: [{ changes: [{ field: 'messages' }] }] }])
      expect(peekPerson(payload)).toBeNull();
  });
});

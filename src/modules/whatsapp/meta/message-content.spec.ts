import { META, type MetaPayload, metaPayload, wamid } from '../../../../test/support/meta-payloads';
import { PHONE, item, one } from '../../../../test/support/parsed-webhook';
import { parseWebhook } from './parse-webhook';

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

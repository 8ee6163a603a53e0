import type { OutgoingMessage } from '../provider';
import { buildMessage, buildReadReceipt } from './build-message';

const message = (message_type: string, payload: Record<string, unknown>, content: string | null = null): OutgoingMessage => ({
  id: '0199-m1',
  message_type,
  content,
  payload,
});
const ana = { phone: '+5511988887777', bsuid: 'BR.1' };
const build = (type: string, payload: Record<string, unknown>, more: object = {}): unknown =>
  buildMessage(message(type, payload), { ...ana, ...more })[type];

describe('the recipient', () => {
  const text = message('text', { text: 'Oi' });

  it('is the phone with a plus, also when the person has a user id', () => {
    expect(buildMessage(text, ana)).toEqual({
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      to: '+5511988887777',
      biz_opaque_callback_data: '0199-m1',
      type: 'text',
      text: { body: 'Oi' },
    });
    expect(buildMessage(text, { phone: '5511988887777' }).to).toBe('+5511988887777');
  });

  it('without a phone is the user id under recipient, with no to', () => {
    const body = buildMessage(text, { phone: null, bsuid: 'BR.1' });
    expect(body).toMatchObject({ recipient_type: 'individual', recipient: 'BR.1' });
    expect(body).not.toHaveProperty('to');
  });

  it('must be somebody', () => {
    expect(() => buildMessage(text, { phone: '', bsuid: null })).toThrow(
      expect.objectContaining({ decision: expect.objectContaining({ error_code: 'no_recipient' }) as unknown }),
    );
  });
});

describe('a message to Meta', () => {
  it('text, with and without preview, from payload or content', () => {
    expect(build('text', { text: 'a', preview_url: true })).toEqual({ body: 'a', preview_url: true });
    expect(buildMessage(message('text', {}, 'from content'), ana).text).toEqual({ body: 'from content' });
  });

  it('answers another message', () => {
    expect(buildMessage(message('text', { text: 'a' }), { ...ana, reply_to_provider_id: 'wamid.Q' }).context).toEqual({
      message_id: 'wamid.Q',
    });
    expect(buildMessage(message('text', { text: 'a' }), ana)).not.toHaveProperty('context');
  });

  it.each([
    ['image', { caption: 'Foto' }, { id: '7' }, { id: '7', caption: 'Foto' }],
    ['video', { caption: 'V', filename: 'ignored.mp4' }, { id: '7' }, { id: '7', caption: 'V' }],
    ['document', { caption: 'NF', filename: 'nf.pdf' }, { id: '7' }, { id: '7', caption: 'NF', filename: 'nf.pdf' }],
    ['audio', { voice: true, caption: 'never' }, { id: '7' }, { id: '7', voice: true }],
    ['audio', { voice: false }, { id: '7' }, { id: '7' }],
    ['sticker', { caption: 'never' }, { id: '7' }, { id: '7' }],
    ['image', { link: 'https://x.example/a.png' }, undefined, { link: 'https://x.example/a.png' }],
    ['image', { link: 'https://x.example/a.png' }, { id: '7' }, { id: '7' }],
  ])('%s %j', (type, payload, media, expected) => {
    expect(build(type, payload, { media })).toEqual(expected);
  });

  it('location', () => {
    expect(build('location', { latitude: 0, longitude: -46.6, name: 'Loja', address: null })).toEqual({
      latitude: 0,
      longitude: -46.6,
      name: 'Loja',
    });
  });

  it('contacts', () => {
    const contacts = [
      {
        name: 'Ana Souza',
        phones: [{ phone: '+5511988887777', wa_id: '5511988887777' }],
        emails: ['ana@example.com'],
        organization: 'Loja',
      },
      { name: 'Bia' },
    ];
    expect(build('contacts', { contacts })).toEqual([
      {
        name: { formatted_name: 'Ana Souza', first_name: 'Ana' },
        phones: [{ phone: '+5511988887777', wa_id: '5511988887777', type: 'CELL' }],
        emails: [{ email: 'ana@example.com', type: 'WORK' }],
        org: { company: 'Loja' },
      },
      { name: { formatted_name: 'Bia', first_name: 'Bia' } },
    ]);
  });

  it('buttons', () => {
    const buttons = [
      { id: 'ok', title: 'Sim' },
      { id: 'no', title: 'Não' },
    ];
    expect(build('interactive', { kind: 'buttons', header: 'Pedido', body: 'Confirma?', footer: 'Loja', buttons })).toEqual({
      type: 'button',
      header: { type: 'text', text: 'Pedido' },
      body: { text: 'Confirma?' },
      footer: { text: 'Loja' },
      action: { buttons: buttons.map((reply) => ({ type: 'reply', reply })) },
    });
  });

  it('list', () => {
    const sections = [
      { title: 'Setores', rows: [{ id: 'fin', title: 'Financeiro', description: 'Boletos' }] },
      { rows: [{ id: 'rh', title: 'RH', description: null }] },
    ];
    expect(build('interactive', { kind: 'list', body: 'Setor?', button_text: 'Escolher', sections })).toEqual({
      type: 'list',
      body: { text: 'Setor?' },
      action: {
        button: 'Escolher',
        sections: [
          { title: 'Setores', rows: [{ id: 'fin', title: 'Financeiro', description: 'Boletos' }] },
          { rows: [{ id: 'rh', title: 'RH' }] },
        ],
      },
    });
  });

  it('request for contact information', () => {
    expect(build('interactive', { kind: 'request_contact_info', body: 'Seu telefone?' })).toEqual({
      type: 'request_contact_info',
      body: { text: 'Seu telefone?' },
      action: { name: 'request_contact_info' },
    });
  });

  it('template', () => {
    const components = [{ type: 'body', parameters: [{ type: 'text', text: 'Ana' }] }];
    expect(build('template', { template_id: 'x', name: 'pedido', language: 'pt_BR', components, rendered_text: 'y' })).toEqual({
      name: 'pedido',
      language: { code: 'pt_BR' },
      components,
    });
    expect(build('template', { name: 'pedido', language: 'pt_BR', components: [] })).toEqual({
      name: 'pedido',
      language: { code: 'pt_BR' },
    });
  });

  it('reaction and its withdrawal', () => {
    expect(build('reaction', { emoji: '👍' }, { target_provider_id: 'wamid.T' })).toEqual({ message_id: 'wamid.T', emoji: '👍' });
    expect(build('reaction', { emoji: null }, { target_provider_id: 'wamid.T' })).toEqual({ message_id: 'wamid.T', emoji: '' });
  });

  it.each([
    ['text', {}],
    ['image', {}],
    ['location', { latitude: 1 }],
    ['contacts', { contacts: [] }],
    ['contacts', { contacts: [{ phones: [] }] }],
    ['interactive', { kind: 'buttons', body: 'x' }],
    ['interactive', { kind: 'list', body: 'x', sections: [{ rows: [] }] }],
    ['template', { name: 'x' }],
    ['reaction', { emoji: '👍' }],
  ])('refuses an incomplete %s %j', (type, payload) => {
    expect(() => build(type, payload)).toThrow(
      expect.objectContaining({ decision: expect.objectContaining({ error_code: 'message_incomplete' }) as unknown }),
    );
  });

  it.each([
    ['note', {}],
    ['system', {}],
    ['interactive', { kind: 'carousel', body: 'x' }],
  ])('refuses what cannot be sent: %s', (type, payload) => {
    expect(() => build(type, payload)).toThrow(
      expect.objectContaining({ decision: expect.objectContaining({ error_code: 'message_type_not_sendable' }) as unknown }),
    );
  });
});

it('a read receipt shows typing when asked to', () => {
  expect(buildReadReceipt('wamid.X')).toEqual({ messaging_product: 'whatsapp', status: 'read', message_id: 'wamid.X' });
  expect(buildReadReceipt('wamid.X', true)).toMatchObject({ typing_indicator: { type: 'text' } });
});

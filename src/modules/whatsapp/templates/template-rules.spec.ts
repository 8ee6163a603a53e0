import { componentsOf, detailOf, upperCase } from './template-form';
import { formatOf, mistakesOf, missingExamples, sampleOf } from './template-rules';

type Component = Record<string, unknown>;

const BODY: Component = { type: 'BODY', text: 'Olá {{1}}, seu pedido {{2}} está pronto.', example: { body_text: [['Ana', '1042']] } };

const body = (text: unknown, example?: object): Component => ({ type: 'BODY', text, ...(example && { example }) });
const header = (values: Component): Component => ({ type: 'HEADER', format: 'TEXT', ...values });
const buttons = (...list: Component[]): Component => ({ type: 'BUTTONS', buttons: list });
const quick = (text = 'Sim'): Component => ({ type: 'QUICK_REPLY', text });
const url = (values: Component = {}): Component => ({ type: 'URL', text: 'Ver', url: 'https://padaria.example/pedidos', ...values });
const many = (count: number, make: (n: number) => Component): Component[] => Array.from({ length: count }, (_, n) => make(n));

const places = (category: string, components: Component[]): string[] =>
  mistakesOf({ category, components }).map(({ component, path }) => [component === null ? '-' : component, ...path].join('.'));

describe('what Meta takes', () => {
  it.each<[string, Component[]]>([
    ['a body alone', [BODY]],
    ['named variables', [body('Olá {{cliente}}, o pedido {{pedido_1}} saiu.')]],
    ['a variable twice', [body('Olá {{1}}, é {{1}} mesmo?')]],
    ['numbers in any order', [body('Pedido {{2}} de {{1}}, pronto.')]],
    ['a text as long as it may be, by letters people see', [body('🍞'.repeat(1024))]],
    ['a text header with a variable at its end', [header({ text: 'Pedido {{1}}' }), BODY]],
    ['headers of media', [header({ format: 'IMAGE' }), BODY]],
    ['a place', [header({ format: 'LOCATION' }), BODY]],
    ['a footer', [BODY, { type: 'FOOTER', text: 'x'.repeat(60) }]],
    ['ten quick replies', [BODY, buttons(...many(10, (n) => quick(`Opção ${n}`)))]],
    ['quick replies before the others', [BODY, buttons(quick(), quick(), url(), url(), { type: 'COPY_CODE', example: 'BOLO10' })]],
    ['quick replies after the others', [BODY, buttons({ type: 'PHONE_NUMBER', text: 'Ligar', phone_number: '+551140000001' }, quick())]],
    ['an address with a variable at its end', [BODY, buttons(url({ url: 'https://padaria.example/{{1}}' }))]],
    [
      'a flow, a catalogue, a voice call',
      [BODY, buttons({ type: 'FLOW', text: 'Abrir', flow_id: '1' }, { type: 'CATALOG' }, { type: 'VOICE_CALL' })],
    ],
    ['a carousel in its own form', [BODY, { type: 'CAROUSEL', cards: many(2, () => ({ components: [BODY] })) }]],
    ['an offer that ends', [BODY, { type: 'LIMITED_TIME_OFFER', limited_time_offer: { text: 'Só hoje', has_expiration: true } }]],
  ])('%s', (_name, components) => {
    expect(mistakesOf({ category: 'MARKETING', components })).toEqual([]);
  });

  it('a code of its own words', () => {
    const components = [
      { type: 'BODY', add_security_recommendation: true },
      { type: 'FOOTER', code_expiration_minutes: 90 },
      buttons({ type: 'OTP', otp_type: 'ZERO_TAP' }),
    ];

    expect(mistakesOf({ category: 'AUTHENTICATION', components })).toEqual([]);
    expect(missingExamples({ category: 'AUTHENTICATION', components })).toEqual([]);
  });
});

describe('what Meta refuses is named where it stands', () => {
  it.each<[string, Component[], string[]]>([
    ['no body', [header({ text: 'Oi' })], ['-']],
    ['two bodies', [BODY, BODY], ['1.type']],
    ['a part without a type', [BODY, { text: 'Oi' }], ['1.type']],
    ['an empty body', [body('')], ['0.text']],
    ['white space', [body(' \n ')], ['0.text']],
    ['no text', [body(7)], ['0.text']],
    ['a body too long', [body('x'.repeat(1025))], ['0.text']],
    ['a variable first', [body('{{1}}, olá')], ['0.text']],
    ['a variable last', [body('Olá {{1}} ')], ['0.text']],
    ['two side by side', [body('Olá {{1}} {{2}}!')], ['0.text']],
    ['a gap', [body('Olá {{1}} e {{3}}!')], ['0.text']],
    ['not from 1', [body('Olá {{2}}!')], ['0.text']],
    ['numbers and names', [body('Olá {{1}} e {{nome}}!')], ['0.text']],
    ['numbers in the header, names in the body', [header({ text: 'Oi {{1}}' }), body('Olá {{nome}}!')], ['1.text']],
    ['a name in capitals', [body('Olá {{Nome}}!')], ['0.text']],
    ['a name that begins with a digit', [body('Olá {{1a}}!')], ['0.text']],
    ['an empty variable', [body('Olá {{}}!')], ['0.text']],
    ['braces that are no variable', [body('Olá {{1}!')], ['0.text']],
    ['a format nobody knows', [header({ format: 'AUDIO' }), BODY], ['0.format']],
    ['a text header without text', [header({}), BODY], ['0.text']],
    ['a media header with a text', [header({ format: 'IMAGE', text: 'Oi' }), BODY], ['0.text']],
    ['a header too long', [header({ text: 'x'.repeat(61) }), BODY], ['0.text']],
    ['two variables in the header', [header({ text: '{{1}} e {{2}}' }), BODY], ['0.text']],
    ['a footer too long', [BODY, { type: 'FOOTER', text: 'x'.repeat(61) }], ['1.text']],
    ['a variable in the footer', [BODY, { type: 'FOOTER', text: 'De {{1}}' }], ['1.text']],
    ['no buttons', [BODY, buttons()], ['1.buttons']],
    ['buttons that are no list', [BODY, { type: 'BUTTONS', buttons: 'x' }], ['1.buttons']],
    ['eleven buttons', [BODY, buttons(...many(11, (n) => quick(`${n}`)))], ['1.buttons']],
    ['three addresses', [BODY, buttons(url(), url(), url())], ['1.buttons']],
    [
      'two phones',
      [BODY, buttons(...many(2, () => ({ type: 'PHONE_NUMBER', text: 'Ligar', phone_number: '+551140000001' })))],
      ['1.buttons'],
    ],
    ['two codes', [BODY, buttons(...many(2, () => ({ type: 'COPY_CODE' })))], ['1.buttons']],
    ['quick replies between the others', [BODY, buttons(url(), quick(), url())], ['1.buttons']],
    ['others between quick replies', [BODY, buttons(quick(), url(), quick())], ['1.buttons']],
    ['a request for contacts beside others', [BODY, buttons({ type: 'REQUEST_CONTACT_INFO' }, quick())], ['1.buttons']],
    ['a button without a text', [BODY, buttons({ type: 'QUICK_REPLY' })], ['1.buttons.0.text']],
    ['a label too long', [BODY, buttons(quick('x'.repeat(26)))], ['1.buttons.0.text']],
    ['a variable in a label', [BODY, buttons(quick('Oi {{1}}'))], ['1.buttons.0.text']],
    ['an address that is none', [BODY, buttons(url({ url: 'padaria.example' }))], ['1.buttons.0.url']],
    ['another scheme', [BODY, buttons(url({ url: 'ftp://padaria.example' }))], ['1.buttons.0.url']],
    ['an address too long', [BODY, buttons(url({ url: `https://padaria.example/${'x'.repeat(2000)}` }))], ['1.buttons.0.url']],
    ['a variable within the address', [BODY, buttons(url({ url: 'https://padaria.example/{{1}}/x' }))], ['1.buttons.0.url']],
    ['two variables in the address', [BODY, buttons(url({ url: 'https://padaria.example/{{1}}{{2}}' }))], ['1.buttons.0.url']],
    [
      'a phone that is none',
      [BODY, buttons({ type: 'PHONE_NUMBER', text: 'Ligar', phone_number: 'balcão' })],
      ['1.buttons.0.phone_number'],
    ],
    ['a code too long', [BODY, buttons({ type: 'COPY_CODE', example: 'x'.repeat(16) })], ['1.buttons.0.example']],
    ['a one-time code', [BODY, buttons({ type: 'OTP', otp_type: 'COPY_CODE' })], ['1.buttons.0.type']],
    ['a carousel of one card', [BODY, { type: 'CAROUSEL', cards: [{}] }], ['1.cards']],
  ])('%s', (_name, components, wrong) => {
    expect(places('MARKETING', components)).toEqual(wrong);
  });

  it.each<[string, Component[], string[]]>([
    ['a text of one’s own', [body('Seu código é {{1}}.'), buttons({ type: 'OTP', otp_type: 'COPY_CODE' })], ['0.text']],
    ['a header', [header({ text: 'Oi' }), { type: 'BODY' }, buttons({ type: 'OTP', otp_type: 'COPY_CODE' })], ['0.type']],
    [
      'a footer of words',
      [{ type: 'BODY' }, { type: 'FOOTER', text: 'Oi' }, buttons({ type: 'OTP', otp_type: 'COPY_CODE' })],
      ['1.text', '1.code_expiration_minutes'],
    ],
    [
      'an hour and a half and more',
      [{ type: 'BODY' }, { type: 'FOOTER', code_expiration_minutes: 91 }, buttons({ type: 'OTP', otp_type: 'COPY_CODE' })],
      ['1.code_expiration_minutes'],
    ],
    ['no button', [{ type: 'BODY' }], ['-']],
    ['another button', [{ type: 'BODY' }, buttons(quick())], ['1.buttons.0.type']],
    ['two buttons', [{ type: 'BODY' }, buttons(...many(2, () => ({ type: 'OTP', otp_type: 'COPY_CODE' })))], ['1.buttons']],
    ['a way nobody knows', [{ type: 'BODY' }, buttons({ type: 'OTP', otp_type: 'SMS' })], ['1.buttons.0.otp_type']],
  ])('of a code: %s', (_name, components, wrong) => {
    expect(places('AUTHENTICATION', components)).toEqual(wrong);
  });
});

describe('examples', () => {
  it.each<[string, Component[], number]>([
    ['for every number', [BODY], 0],
    ['fewer than numbers', [body('Olá {{1}} e {{2}}!', { body_text: [['Ana']] })], 1],
    ['an empty one', [body('Olá {{1}}!', { body_text: [[' ']] })], 1],
    ['none at all', [body('Olá {{1}}!')], 1],
    ['for every name', [body('Olá {{nome}}!', { body_text_named_params: [{ param_name: 'nome', example: 'Ana' }] })], 0],
    ['for another name', [body('Olá {{nome}}!', { body_text_named_params: [{ param_name: 'cliente', example: 'Ana' }] })], 1],
    ['of a header', [header({ text: 'Oi {{1}}', example: { header_text: ['Ana'] } }), body('Olá!')], 0],
    ['none of a header', [header({ text: 'Oi {{1}}' }), body('Olá!')], 1],
    ['a file', [header({ format: 'IMAGE', example: { header_handle: ['4::aW'] } }), body('Olá!')], 0],
    ['no file', [header({ format: 'VIDEO' }), body('Olá!')], 1],
    ['no need of a place', [header({ format: 'LOCATION' }), body('Olá!')], 0],
    ['of an address', [body('Olá!'), buttons(url({ url: 'https://padaria.example/{{1}}', example: ['https://padaria.example/7'] }))], 0],
    ['none of an address', [body('Olá!'), buttons(url({ url: 'https://padaria.example/{{1}}' }))], 1],
    ['of a code', [body('Olá!'), buttons({ type: 'COPY_CODE', example: 'BOLO10' })], 0],
    ['none of a code', [body('Olá!'), buttons({ type: 'COPY_CODE' })], 1],
  ])('%s', (_name, components, missing) => {
    expect(missingExamples({ category: 'MARKETING', components })).toHaveLength(missing);
  });

  it('of files are uploads of ours, addresses or handles; an address of Meta is one to fetch', () => {
    const sample = (example: object): unknown => sampleOf({ type: 'HEADER', format: 'IMAGE', example });

    expect(sample({ media_id: 'a' })).toEqual({ media_id: 'a' });
    expect(sample({ link: 'https://a.example/b' })).toEqual({ link: 'https://a.example/b' });
    expect(sample({ header_handle: ['4::aW'] })).toEqual({ handle: '4::aW' });
    expect(sample({ header_handle: ['https://scontent.whatsapp.net/x'] })).toEqual({ link: 'https://scontent.whatsapp.net/x' });
    expect(sample({})).toBeNull();
  });
});

describe('a template laid flat', () => {
  it('is put into the form of Meta', () => {
    const components = componentsOf(
      {
        header_text: 'Pedido {{1}}',
        body_text: 'Olá {{1}}, o pedido {{2}} saiu.',
        footer_text: 'Padaria',
        buttons: [quick(), url({ url: 'https://padaria.example/{{1}}' }), { type: 'copy_code' }],
        examples: { header: '1042', body: { 2: '1042', 1: 'Ana' }, buttons: { 1: 'https://padaria.example/7', 2: 'BOLO10' } },
      },
      'MARKETING',
    );

    expect(components).toEqual([
      { type: 'HEADER', format: 'TEXT', text: 'Pedido {{1}}', example: { header_text: ['1042'] } },
      { type: 'BODY', text: 'Olá {{1}}, o pedido {{2}} saiu.', example: { body_text: [['Ana', '1042']] } },
      { type: 'FOOTER', text: 'Padaria' },
      {
        type: 'BUTTONS',
        buttons: [
          quick(),
          url({ url: 'https://padaria.example/{{1}}', example: ['https://padaria.example/7'] }),
          { type: 'COPY_CODE', example: 'BOLO10' },
        ],
      },
    ]);
    expect(missingExamples({ category: 'MARKETING', components })).toEqual([]);
    expect(formatOf(components)).toBe('positional');
  });

  it('takes names and files', () => {
    const components = componentsOf(
      { header_type: 'image', body_text: 'Olá {{nome}}!', examples: { header: { media_id: 'x' }, body: { nome: 'Ana' } } },
      'UTILITY',
    );

    expect(components).toEqual([
      { type: 'HEADER', format: 'IMAGE', example: { media_id: 'x' } },
      { type: 'BODY', text: 'Olá {{nome}}!', example: { body_text_named_params: [{ param_name: 'nome', example: 'Ana' }] } },
    ]);
    expect(formatOf(components)).toBe('named');
  });

  it('has its mistakes named as it was written', () => {
    const components = upperCase([header({ text: '' }), body('{{1}}'), { type: 'FOOTER', text: '' }, buttons({ type: 'url' })]);
    const where = (mistake: { component: number | null; path: (string | number)[] }): string =>
      detailOf({ ...mistake, msg: '' }, 'value_error', components, true).loc?.join('.') ?? '';

    expect(where({ component: 0, path: ['text'] })).toBe('body.header_text');
    expect(where({ component: 0, path: ['format'] })).toBe('body.header_type');
    expect(where({ component: 1, path: ['example', 'body_text'] })).toBe('body.examples.body');
    expect(where({ component: 2, path: ['text'] })).toBe('body.footer_text');
    expect(where({ component: 3, path: ['buttons', 0, 'url'] })).toBe('body.buttons.0.url');
    expect(where({ component: 3, path: ['buttons', 0, 'example'] })).toBe('body.examples.buttons.0');
    expect(where({ component: null, path: [] })).toBe('body.body_text');
    expect(detailOf({ component: 1, path: ['text'], msg: '' }, 'value_error', components, false).loc).toEqual([
      'body',
      'components',
      1,
      'text',
    ]);
  });
});

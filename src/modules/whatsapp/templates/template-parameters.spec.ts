import {
  TemplateParameterMismatch,
  type TemplateShape,
  type TemplateValues,
  renderTemplateBody,
  templateComponents,
} from './template-parameters';

const body = (text: string): object => ({ type: 'BODY', text });
const text = (value: string): object => ({ type: 'text', text: value });
const pedido: TemplateShape = { components: [body('Olá {{1}}, o pedido {{2}} está pronto.')] };
const named: TemplateShape = {
  components: [{ type: 'HEADER', format: 'TEXT', text: 'Oi {{cliente}}' }, body('{{loja}} avisa: {{cliente}}, pronto!')],
};
const url = { type: 'URL', text: 'Abrir', url: 'https://loja.example/{{1}}' };
const quick = { type: 'QUICK_REPLY', text: 'Sim' };
const phone = { type: 'PHONE_NUMBER', text: 'Ligar', phone_number: '+551133334444' };
const withButtons = (...buttons: object[]): TemplateShape => ({ components: [body('Oi'), { type: 'BUTTONS', buttons }] });

/** Which fields are complained about. */
function refusal(values: TemplateValues, template: TemplateShape): string[] {
  try {
    templateComponents(values, template);
  } catch (error) {
    if (!(error instanceof TemplateParameterMismatch)) throw error;
    expect(error).toMatchObject({ status: 422, error_code: 'template_parameter_mismatch' });
    return (error.details ?? []).map((detail) => (detail.loc ?? []).slice(1).join('.'));
  }
  return [];
}

describe('the body', () => {
  it('takes values in order or by number', () => {
    const expected = [{ type: 'body', parameters: [text('Ana'), text('42')] }];
    expect(templateComponents({ parameters: ['Ana', 42] }, pedido)).toEqual(expected);
    expect(templateComponents({ parameters: { 2: '42', 1: 'Ana' } }, pedido)).toEqual(expected);
  });

  it('takes names, and a list in the order they appear', () => {
    const template = { components: [body('{{loja}} avisa: {{cliente}}, de novo {{loja}}.')] };
    const expected = [
      {
        type: 'body',
        parameters: [
          { type: 'text', parameter_name: 'loja', text: 'Pão' },
          { type: 'text', parameter_name: 'cliente', text: 'Ana' },
        ],
      },
    ];
    expect(templateComponents({ parameters: { cliente: 'Ana', loja: 'Pão' } }, template)).toEqual(expected);
    expect(templateComponents({ parameters: ['Pão', 'Ana'] }, template)).toEqual(expected);
  });

  it('orders ten and more by number, and counts a repeated one once', () => {
    const template = { components: [body('{{10}} {{2}} {{1}} {{3}} {{4}} {{5}} {{6}} {{7}} {{8}} {{9}} {{1}} fim')] };
    const values = Array.from({ length: 10 }, (_, i) => `v${i + 1}`);
    const components = templateComponents({ parameters: values }, template);
    expect(components).toEqual([{ type: 'body', parameters: values.map(text) }]);
    expect(renderTemplateBody(template, components)).toBe('v10 v2 v1 v3 v4 v5 v6 v7 v8 v9 v1 fim');
  });

  it('without variables takes none', () => {
    expect(templateComponents({}, { components: [body('Oi')] })).toEqual([]);
    expect(templateComponents({ parameters: [] }, { components: [body('Oi')] })).toEqual([]);
  });

  it.each<[string, TemplateValues, string[]]>([
    ['too few', { parameters: ['Ana'] }, ['parameters.2']],
    ['none', {}, ['parameters.1', 'parameters.2']],
    ['too many', { parameters: ['Ana', '42', 'x'] }, ['parameters.2']],
    ['an unknown name', { parameters: { 1: 'Ana', 2: '42', nome: 'x' } }, ['parameters.nome']],
    ['null', { parameters: ['Ana', null] }, ['parameters.2']],
    ['an object', { parameters: ['Ana', {}] }, ['parameters.2']],
    ['a text for the list', { parameters: 'Ana' }, ['parameters', 'parameters.1', 'parameters.2']],
    ['an empty value', { parameters: ['', '42'] }, ['parameters.1']],
    ['an endless value', { parameters: ['x'.repeat(1_025), '42'] }, ['parameters.1']],
    ['a line break', { parameters: ['a\nb', '42'] }, ['parameters.1']],
    ['a tab', { parameters: ['a\tb', '42'] }, ['parameters.1']],
    ['four spaces', { parameters: ['a    b', '42'] }, ['parameters.1']],
    ['a header it has not', { parameters: ['Ana', '42'], header_parameters: ['x'] }, ['header_parameters.0']],
    ['a button it has not', { parameters: ['Ana', '42'], button_parameters: ['x'] }, ['button_parameters.0']],
  ])('refuses %s', (_, values, places) => {
    expect(refusal(values, pedido)).toEqual(places);
  });

  it('accepts three spaces and 1024 characters', () => {
    expect(refusal({ parameters: ['a   b', 'x'.repeat(1_024)] }, pedido)).toEqual([]);
  });
});

describe('the header', () => {
  it('takes a text beside a named body', () => {
    expect(templateComponents({ parameters: { loja: 'Pão', cliente: 'Ana' }, header_parameters: ['Ana'] }, named)).toEqual([
      { type: 'header', parameters: [{ type: 'text', parameter_name: 'cliente', text: 'Ana' }] },
      {
        type: 'body',
        parameters: [
          { type: 'text', parameter_name: 'loja', text: 'Pão' },
          { type: 'text', parameter_name: 'cliente', text: 'Ana' },
        ],
      },
    ]);
  });

  it.each([
    [{ link: 'https://x.example/a.png' }, { link: 'https://x.example/a.png' }],
    [[{ id: '12' }], { id: '12' }],
    [[{ type: 'image', image: { id: '12' } }], { id: '12' }],
    ['https://x.example/a.png', { link: 'https://x.example/a.png' }],
    [['12'], { id: '12' }],
  ])('takes a picture as %j', (header_parameters, image) => {
    const template = { components: [{ type: 'HEADER', format: 'IMAGE' }, body('Oi')] };
    expect(templateComponents({ header_parameters }, template)).toEqual([{ type: 'header', parameters: [{ type: 'image', image }] }]);
  });

  it('takes a place', () => {
    const template = { components: [{ type: 'HEADER', format: 'LOCATION' }, body('Oi')] };
    const location = { latitude: -23.5, longitude: -46.6, name: 'Loja' };
    expect(templateComponents({ header_parameters: location }, template)).toEqual([
      { type: 'header', parameters: [{ type: 'location', location }] },
    ]);
    expect(refusal({ header_parameters: { latitude: 1 } }, template)).toEqual(['header_parameters']);
  });

  it('refuses a missing, empty or doubled file', () => {
    const template = { components: [{ type: 'HEADER', format: 'VIDEO' }, body('Oi')] };
    expect(refusal({}, template)).toEqual(['header_parameters']);
    expect(refusal({ header_parameters: {} }, template)).toEqual(['header_parameters']);
    expect(refusal({ header_parameters: ['1', '2'] }, template)).toEqual(['header_parameters.1']);
  });
});

describe('the buttons', () => {
  it('fill the variable of a link, by order or by index', () => {
    const expected = [{ type: 'button', sub_type: 'url', index: '1', parameters: [text('42')] }];
    expect(templateComponents({ button_parameters: ['42'] }, withButtons(quick, url))).toEqual(expected);
    expect(templateComponents({ button_parameters: { 1: '42' } }, withButtons(quick, url))).toEqual(expected);
    expect(templateComponents({ button_parameters: [{ index: 1, text: '42' }] }, withButtons(quick, url))).toEqual(expected);
  });

  it('carry payloads and codes', () => {
    const template = withButtons(quick, { type: 'COPY_CODE', example: 'X' }, phone);
    expect(templateComponents({ button_parameters: ['ok:42', 'VERAO10'] }, template)).toEqual([
      { type: 'button', sub_type: 'quick_reply', index: '0', parameters: [{ type: 'payload', payload: 'ok:42' }] },
      { type: 'button', sub_type: 'copy_code', index: '1', parameters: [{ type: 'coupon_code', coupon_code: 'VERAO10' }] },
    ]);
  });

  it('refuse what is missing or has no value', () => {
    expect(refusal({}, withButtons(url))).toEqual(['button_parameters.0']);
    expect(refusal({ button_parameters: { 0: 'x', 1: '42' } }, withButtons(phone, url))).toEqual(['button_parameters.0']);
    expect(refusal({ button_parameters: { first: 'x' } }, withButtons(quick))).toEqual(['button_parameters.-1']);
    expect(refusal({ button_parameters: ['a', 'b'] }, withButtons(url))).toEqual(['button_parameters.1']);
  });

  it('of an authentication template repeat the code', () => {
    const otp = {
      category: 'AUTHENTICATION',
      components: [{ type: 'BODY' }, { type: 'BUTTONS', buttons: [{ type: 'OTP', otp_type: 'COPY_CODE' }] }],
    };
    expect(templateComponents({ parameters: ['123456'] }, otp)).toEqual([
      { type: 'body', parameters: [text('123456')] },
      { type: 'button', sub_type: 'url', index: '0', parameters: [text('123456')] },
    ]);
    expect(refusal({}, otp)).toEqual(['parameters.1', 'button_parameters.0']);
  });
});

describe('components in Meta’s form', () => {
  const components = [
    { type: 'body', parameters: [text('Ana'), text('42')] },
    { type: 'button', sub_type: 'url', index: '0', parameters: [text('42')] },
  ];
  const template = { components: [...(pedido.components as object[]), { type: 'BUTTONS', buttons: [url] }] };

  it('pass as they are when they fit', () => {
    expect(templateComponents({ components }, template)).toEqual(components);
    const carousel = { components: [body('Oi'), { type: 'CAROUSEL', cards: [{}, {}] }] };
    expect(refusal({ components: [{ type: 'carousel', cards: [{}, {}] }] }, carousel)).toEqual([]);
  });

  it.each<[string, TemplateValues, TemplateShape, string[]]>([
    ['beside the simple forms', { components, parameters: ['x'] }, template, ['parameters']],
    ['that are no list', { components: {} }, template, ['components']],
    ['that hold no objects', { components: [1] }, template, ['components']],
    ['with a value too few', { components: [{ type: 'body', parameters: [text('Ana')] }, components[1]] }, template, ['components.0']],
    ['without the body', { components: [components[1]] }, template, ['components']],
    ['without the button', { components: [components[0]] }, template, ['components']],
    ['with the body twice', { components: [...components, components[0]] }, template, ['components.2']],
    ['with the button twice', { components: [...components, components[1]] }, template, ['components.2.0']],
    [
      'with another kind of button',
      { components: [components[0], { ...components[1], sub_type: 'quick_reply' }] },
      template,
      ['components.1.0'],
    ],
    ['with a stranger', { components: [...components, { type: 'carousel', cards: [] }] }, template, ['components.2']],
    [
      'without the names',
      { components: [{ type: 'body', parameters: [text('Ana')] }] },
      { components: [body('Oi {{cliente}}!')] },
      ['components.0.0'],
    ],
    [
      'with too few cards',
      { components: [{ type: 'carousel', cards: [{}] }] },
      { components: [body('Oi'), { type: 'CAROUSEL', cards: [{}, {}] }] },
      ['components.0'],
    ],
    ['without the cards', {}, { components: [body('Oi'), { type: 'CAROUSEL', cards: [{}, {}] }] }, ['components']],
  ])('are refused %s', (_, values, shape, places) => {
    expect(refusal(values, shape)).toEqual(expect.arrayContaining(places));
  });
});

describe('the rendered body', () => {
  it('reads as the recipient reads it', () => {
    expect(renderTemplateBody(pedido, templateComponents({ parameters: ['Ana', '$1 {{1}}'] }, pedido))).toBe(
      'Olá Ana, o pedido $1 {{1}} está pronto.',
    );
    const values = { parameters: { loja: 'Pão', cliente: 'Ana' }, header_parameters: { cliente: 'Ana' } };
    expect(renderTemplateBody(named, templateComponents(values, named))).toBe('Pão avisa: Ana, pronto!');
  });

  it('shows a price', () => {
    const price = { type: 'currency', currency: { fallback_value: 'R$ 10,00', code: 'BRL', amount_1000: 10_000 } };
    const template = { components: [body('São {{1}} hoje')] };
    expect(renderTemplateBody(template, templateComponents({ components: [{ type: 'body', parameters: [price] }] }, template))).toBe(
      'São R$ 10,00 hoje',
    );
  });
});

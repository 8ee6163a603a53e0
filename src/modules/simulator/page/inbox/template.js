import { sheet, toast } from '../dialogs.js';
import { h } from '../dom.js';
import { rich } from '../rich.js';

/** Headers a form can fill: their kinds of media go by link. */
const HEADERS = [null, 'TEXT', 'IMAGE', 'VIDEO', 'DOCUMENT', 'LOCATION'];
/** So many are looked through by eye. */
const FEW = 8;
const PAUSE_MS = 250;

/** Picks one of the number's approved templates and fills it in. Resolves with what the send takes as `template`, or null when dismissed. */
export async function chooseTemplate(api, whatsapp_number_id, customer) {
  const find = async (words = '') => {
    const query = new URLSearchParams({
      status: 'APPROVED',
      is_enabled: 'true',
      limit: '100',
      sort: 'name:asc',
      ...(words && { search: words }),
    });
    const { items, total } = await api.get(`/whatsapp/${whatsapp_number_id}/templates/local?${query}`);
    return { templates: items.filter(({ header_type }) => HEADERS.includes(header_type)), total };
  };
  let { templates, total } = await find();
  if (!templates.length && api.session?.user?.role === 'org_admin') {
    await api.post(`/whatsapp/${whatsapp_number_id}/templates/sync`);
    ({ templates, total } = await find());
  }
  if (!templates.length) throw new Error('This number has no approved template. An administrator brings them here from Meta by a sync.');

  let template;
  let fields = [];
  let waiting;
  const picker = h('select', { name: 'template', required: true, 'data-testid': 'template-select' });
  const search = h('input', { type: 'search', maxlength: 100, autocomplete: 'off', 'data-testid': 'template-search' });
  const inputs = h('div', { class: 'fields' });
  const shown = h('div', { class: 'bubble out', 'data-testid': 'template-preview' });

  function list() {
    picker.replaceChildren(
      ...templates.map(({ id, name, language, category }) =>
        h('option', { value: id }, `${name} · ${language} · ${category.toLowerCase()}`),
      ),
    );
    if (templates.some(({ id }) => id === template?.id)) picker.value = template.id;
    pick();
  }

  function pick() {
    const picked = templates.find(({ id }) => id === picker.value);
    // What is typed in stays while the list around it changes.
    if (picked && picked.id === template?.id) return;
    template = picked;
    fields = template ? placesOf(template, customer) : [];
    inputs.replaceChildren(...fields.map(({ label, input }) => h('label', {}, h('span', {}, label), input)));
    draw();
  }

  function draw() {
    shown.hidden = !template;
    if (!template) return;
    const filled = (text, component) =>
      (text ?? '').replace(/\{\{\s*(\w+)\s*\}\}/g, (place, key) => valueOf(fields, component, key) || place);
    const { header_type, header_text, body_text, footer_text, buttons } = template;
    shown.replaceChildren(
      ...[
        header_text && h('p', { class: 'head' }, filled(header_text, 'header')),
        header_type && !header_text && h('p', { class: 'head' }, `[${header_type.toLowerCase()}]`),
        h('p', { class: 'text' }, rich(filled(body_text, 'body'))),
        footer_text && h('p', { class: 'foot' }, footer_text),
        buttons.length > 0 &&
          h(
            'div',
            { class: 'options' },
            buttons.map(({ text, type }) => h('span', { class: 'option quiet' }, text ?? type.toLowerCase().replaceAll('_', ' '))),
          ),
      ].filter(Boolean),
    );
  }

  search.addEventListener('input', () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const words = search.value.trim();
      try {
        const found = await find(words);
        // Typed on meanwhile: the next answer is the right one.
        if (search.value.trim() !== words) return;
        ({ templates } = found);
        list();
      } catch (error) {
        toast(error.message);
      }
    }, PAUSE_MS);
  });
  picker.addEventListener('change', pick);
  inputs.addEventListener('input', draw);
  list();
  const looked = total > FEW && h('label', {}, h('span', {}, 'Find'), search);
  const parts = [looked, h('label', {}, h('span', {}, 'Template'), picker), inputs, shown].filter(Boolean);
  const sent = await sheet('Send a template', parts);
  clearTimeout(waiting);
  if (!sent || !template) return null;
  return {
    template_id: template.id,
    language: template.language,
    ...given('parameters', valuesOf(fields, 'body')),
    ...given('header_parameters', valuesOf(fields, 'header')),
    ...given('button_parameters', valuesOf(fields, 'button')),
  };
}

/** The places a send has to fill: variables, the link or the place of a header, the code of a button. */
function placesOf(template, customer) {
  const { header_type, variables, buttons } = template;
  const place = (component, key, label, value = '', attributes = {}) => ({
    component,
    key,
    label,
    input: h('input', {
      type: 'text',
      value,
      required: true,
      maxlength: 1024,
      autocomplete: 'off',
      'data-testid': `template-${component}-${key}`,
      ...attributes,
    }),
  });
  const degrees = (most) => ({ type: 'number', step: 'any', min: -most, max: most });
  const first = variables.find(({ component }) => component === 'body');
  return [
    ...(header_type === 'LOCATION'
      ? [
          place('header', 'name', 'Place', 'Nossa loja'),
          place('header', 'address', 'Address', 'Rua Augusta, 1500, São Paulo'),
          place('header', 'latitude', 'Latitude', '-23.5566', degrees(90)),
          place('header', 'longitude', 'Longitude', '-46.6596', degrees(180)),
        ]
      : []),
    ...(['IMAGE', 'VIDEO', 'DOCUMENT'].includes(header_type)
      ? [place('header', 'link', `Link of the ${header_type.toLowerCase()}`, '', { type: 'url' })]
      : []),
    ...variables.map((variable) => {
      const { component, key, button_index, example } = variable;
      const label = component === 'body' ? `{{${key}}}` : `{{${key}}} in the ${component}`;
      return place(component, component === 'button' ? String(button_index) : key, label, variable === first ? customer : (example ?? ''));
    }),
    ...buttons.flatMap(({ type, example }, index) =>
      type === 'COPY_CODE'
        ? [place('button', String(index), 'Code to copy', typeof example === 'string' ? example : (example?.[0] ?? ''))]
        : [],
    ),
  ];
}

const valueOf = (fields, component, key) => fields.find((field) => field.component === component && field.key === key)?.input.value.trim();

const valuesOf = (fields, component) =>
  Object.fromEntries(
    fields
      .filter((field) => field.component === component)
      .map(({ key, input }) => [key, input.type === 'number' ? Number(input.value) : input.value.trim()]),
  );

const given = (name, values) => (Object.keys(values).length ? { [name]: values } : {});

import { sheet } from '../dialogs.js';
import { h } from '../dom.js';
import { rich } from '../rich.js';

/** Headers a form can fill: their kinds of media go by link. */
const HEADERS = [null, 'TEXT', 'IMAGE', 'VIDEO', 'DOCUMENT'];

/** Picks one of the number's approved templates and fills it in. Resolves with what the send takes as `template`, or null when dismissed. */
export async function chooseTemplate(api, whatsapp_number_id, customer) {
  const { items } = await api.get(`/whatsapp/${whatsapp_number_id}/templates/local?status=APPROVED&is_enabled=true&limit=100`);
  const templates = items.filter((template) => HEADERS.includes(template.header_type));
  if (!templates.length) throw new Error('This number has no approved template. An administrator brings them here from Meta by a sync.');

  let template;
  let fields = [];
  const picker = h(
    'select',
    { name: 'template', 'data-testid': 'template-select' },
    templates.map(({ id, name, language, category }) => h('option', { value: id }, `${name} · ${language} · ${category.toLowerCase()}`)),
  );
  const inputs = h('div', { class: 'fields' });
  const shown = h('div', { class: 'bubble out', 'data-testid': 'template-preview' });

  function pick() {
    template = templates.find(({ id }) => id === picker.value);
    fields = placesOf(template, customer);
    inputs.replaceChildren(...fields.map(({ label, input }) => h('label', {}, h('span', {}, label), input)));
    draw();
  }

  function draw() {
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
            buttons.map(({ text }) => h('span', { class: 'option quiet' }, text)),
          ),
      ].filter(Boolean),
    );
  }

  picker.addEventListener('change', pick);
  inputs.addEventListener('input', draw);
  pick();
  if (!(await sheet('Send a template', [h('label', {}, h('span', {}, 'Template'), picker), inputs, shown]))) return null;
  return {
    template_id: template.id,
    language: template.language,
    ...given('parameters', valuesOf(fields, 'body')),
    ...given('header_parameters', valuesOf(fields, 'header')),
    ...given('button_parameters', valuesOf(fields, 'button')),
  };
}

/** The places a send has to fill: variables, the link of a header's file, the code of a button. */
function placesOf(template, customer) {
  const { header_type, variables, buttons } = template;
  const place = (component, key, label, value = '', type = 'text') => ({
    component,
    key,
    label,
    input: h('input', { type, value, required: true, maxlength: 1024, autocomplete: 'off', 'data-testid': `template-${component}-${key}` }),
  });
  const first = variables.find(({ component }) => component === 'body');
  return [
    ...(header_type && header_type !== 'TEXT' ? [place('header', 'link', `Link of the ${header_type.toLowerCase()}`, '', 'url')] : []),
    ...variables.map((variable) => {
      const { component, key, button_index, example } = variable;
      const label = component === 'body' ? `{{${key}}}` : `{{${key}}} in the ${component}`;
      return place(component, component === 'button' ? String(button_index) : key, label, variable === first ? customer : (example ?? ''));
    }),
    ...buttons.flatMap(({ type }, index) => (type === 'COPY_CODE' ? [place('button', String(index), 'Code to copy')] : [])),
  ];
}

const valueOf = (fields, component, key) => fields.find((field) => field.component === component && field.key === key)?.input.value.trim();

const valuesOf = (fields, component) =>
  Object.fromEntries(fields.filter((field) => field.component === component).map(({ key, input }) => [key, input.value.trim()]));

const given = (name, values) => (Object.keys(values).length ? { [name]: values } : {});

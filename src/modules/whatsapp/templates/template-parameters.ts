import { type ErrorDetail, Invalid } from '#common/errors';
import { type Json, asList, asNumber, asObject, asText, isObject } from '../wire';

/** What of a stored template decides its parameters. */
export interface TemplateShape {
  category?: string | null;
  /** Meta's form, as stored. */
  components: unknown;
}

/** How a sender may give values (contract 20, 4.3): the three simple forms, or Meta's own components instead. */
export interface TemplateValues {
  /** Array: body variables in order; object: by index or name. */
  parameters?: unknown;
  /** Text header: as `parameters`. Media: `{link}` or `{id}` (or the bare text of one). Location: `{latitude, longitude, name?, address?}`. */
  header_parameters?: unknown;
  /** Object: by button index; array: in order of the buttons that need a value. */
  button_parameters?: unknown;
  components?: unknown;
}

/** Count and names must match the template exactly; each detail names one value that is missing, unknown or not allowed. */
export class TemplateParameterMismatch extends Invalid {
  constructor(details: ErrorDetail[]) {
    super(details, 'template_parameter_mismatch');
  }
}

type HeaderKind = 'text' | 'image' | 'video' | 'document' | 'location' | 'gif';

interface ButtonNeed {
  index: number;
  sub_type: string;
  required: boolean;
}

interface Needs {
  header: { kind: HeaderKind; names: string[] } | null;
  body: string[];
  named: boolean;
  buttons: ButtonNeed[];
  /** Cards of a carousel; null: none. */
  cards: number | null;
  /** Component types the template has, lower case. */
  types: Set<string>;
  code_button: boolean;
}

const PLACEHOLDER = /\{\{\s*([A-Za-z0-9_]{1,64})\s*\}\}/g;
const MAX_VALUE_LENGTH = 1_024;
/** Meta refuses these inside a variable's value; 20, 6.3. */
const FORBIDDEN_IN_VALUE = /[\n\r\t]| {4}/;

/** Meta's components for a send, checked against the template whichever way the values were given. */
export function templateComponents(values: TemplateValues, template: TemplateShape): Json[] {
  const problems: ErrorDetail[] = [];
  const needs = needsOf(template);
  let components: Json[];
  if (given(values.components)) {
    for (const key of ['parameters', 'header_parameters', 'button_parameters'] as const)
      if (given(values[key])) problems.push(problem([key], 'not together with components'));
    components = asList(values.components).filter(isObject);
    if (!Array.isArray(values.components) || components.length !== values.components.length)
      problems.push(problem(['components'], 'must be a list of objects'));
  } else {
    components = assemble(values, needs, problems);
  }
  if (problems.length === 0) check(components, needs, problems, given(values.components));
  if (problems.length > 0) throw new TemplateParameterMismatch(problems);
  return components;
}

/** The body as the recipient reads it. */
export function renderTemplateBody(template: TemplateShape, components: readonly Json[]): string {
  const body = asList(template.components)
    .filter(isObject)
    .find((component) => typeOf(component) === 'body');
  const sent = components.find((component) => typeOf(component) === 'body');
  const parameters = asList(sent?.parameters).filter(isObject);
  return (asText(body?.text, 4_096) ?? '').replace(PLACEHOLDER, (placeholder, key: string) => {
    const index = Number(key);
    const parameter = Number.isInteger(index) ? parameters[index - 1] : parameters.find((item) => item.parameter_name === key);
    return (parameter === undefined ? null : shownText(parameter)) ?? placeholder;
  });
}

/** The same before anything is sent, with examples for values. */
export const renderedExample = (text: string, examples: ReadonlyMap<string, string>): string =>
  text.replace(PLACEHOLDER, (placeholder, key: string) => examples.get(key) ?? placeholder);

const given = (value: unknown): boolean => value !== undefined && value !== null;

const typeOf = (component: Json): string => (typeof component.type === 'string' ? component.type.toLowerCase() : '');

function problem(loc: (string | number)[], msg: string): ErrorDetail {
  return { loc: ['body', ...loc], msg, type: 'template_parameter_mismatch' };
}

/** Variables of a text: positional ones by number, named ones as they first appear. */
export function variablesOf(text: unknown): string[] {
  const names = [...new Set([...(asText(text, 4_096) ?? '').matchAll(PLACEHOLDER)].map((match) => match[1] ?? ''))];
  return names.every((name) => /^\d+$/.test(name)) ? names.sort((a, b) => Number(a) - Number(b)) : names;
}

function needsOf(template: TemplateShape): Needs {
  const needs: Needs = {
    header: null,
    body: [],
    named: false,
    buttons: [],
    cards: null,
    types: new Set(),
    code_button: template.category === 'AUTHENTICATION',
  };
  for (const component of asList(template.components).filter(isObject)) {
    const type = typeOf(component);
    needs.types.add(type);
    if (type === 'header') {
      const format = (asText(component.format, 32) ?? 'TEXT').toLowerCase();
      const names = format === 'text' ? variablesOf(component.text) : [];
      if (format !== 'text' || names.length > 0) needs.header = { kind: format as HeaderKind, names };
    } else if (type === 'body') {
      needs.body = variablesOf(component.text);
    } else if (type === 'buttons') {
      needs.buttons = asList(component.buttons).flatMap((button, index) => buttonNeed(asObject(button) ?? {}, index) ?? []);
    } else if (type === 'carousel') {
      needs.cards = asList(component.cards).length;
    }
  }
  // Meta writes the text of an authentication template: the code is its one variable, whether or not we have the text yet.
  if (needs.code_button && needs.body.length === 0) needs.body = ['1'];
  needs.named = [...needs.body, ...(needs.header?.names ?? [])].some((name) => !/^\d+$/.test(name));
  return needs;
}

function buttonNeed(button: Json, index: number): ButtonNeed | null {
  switch (typeOf(button)) {
    case 'url':
      return variablesOf(button.url).length > 0 ? { index, sub_type: 'url', required: true } : null;
    case 'otp':
      return { index, sub_type: 'url', required: true };
    case 'copy_code':
      return { index, sub_type: 'copy_code', required: true };
    case 'quick_reply':
    case 'flow':
    case 'catalog':
    case 'mpm':
    case 'voice_call':
      return { index, sub_type: typeOf(button), required: false };
    default:
      return null;
  }
}

function assemble(values: TemplateValues, needs: Needs, problems: ErrorDetail[]): Json[] {
  const components: Json[] = [];
  const body = textParameters('parameters', values.parameters, needs.body, needs.named, problems);
  const header = headerParameters(values.header_parameters, needs, problems);
  if (header.length > 0) components.push({ type: 'header', parameters: header });
  if (body.length > 0) components.push({ type: 'body', parameters: body });
  for (const [need, value] of buttonValues(values.button_parameters, needs, asText(body[0]?.text), problems)) {
    const parameter = buttonParameter(need.sub_type, value);
    if (parameter === null) problems.push(problem(['button_parameters', need.index], 'must be a text'));
    else components.push({ type: 'button', sub_type: need.sub_type, index: String(need.index), parameters: [parameter] });
  }
  return components;
}

function textParameters(loc: string, input: unknown, names: string[], named: boolean, problems: ErrorDetail[]): Json[] {
  const values = new Map<string, unknown>();
  if (Array.isArray(input)) {
    input.forEach((value: unknown, i) => {
      const name = names[i];
      if (name === undefined) problems.push(problem([loc, i], `the template takes ${names.length} value(s)`));
      else values.set(name, value);
    });
  } else if (isObject(input)) {
    for (const [key, value] of Object.entries(input)) {
      if (names.includes(key)) values.set(key, value);
      else problems.push(problem([loc, key], 'the template has no such variable'));
    }
  } else if (given(input)) {
    problems.push(problem([loc], 'must be a list or an object'));
  }
  return names.flatMap((name) => {
    const value = values.get(name);
    const text = typeof value === 'number' && Number.isFinite(value) ? String(value) : value;
    if (typeof text === 'string') return [{ type: 'text', ...(named ? { parameter_name: name } : {}), text }];
    problems.push(problem([loc, name], given(value) ? 'must be a text' : 'is missing'));
    return [];
  });
}

function headerParameters(input: unknown, needs: Needs, problems: ErrorDetail[]): Json[] {
  const { header } = needs;
  if (header === null || header.kind === 'text')
    return textParameters('header_parameters', input, header?.names ?? [], needs.named, problems);
  const first: unknown = Array.isArray(input) ? input[0] : input;
  if (Array.isArray(input) && input.length > 1) problems.push(problem(['header_parameters', 1], 'the header takes one value'));
  const { kind } = header;
  const own = asObject(first);
  let object = asObject(own?.[kind]) ?? own;
  if (object === null && typeof first === 'string' && first !== '') object = /^https?:\/\//i.test(first) ? { link: first } : { id: first };
  if (object === null) {
    problems.push(problem(['header_parameters'], `the header needs its ${kind}`));
    return [];
  }
  return [{ type: kind, [kind]: object }];
}

/** Pairs each button with the value given for it. */
function buttonValues(input: unknown, needs: Needs, code: string | null, problems: ErrorDetail[]): [ButtonNeed, unknown][] {
  const values = new Map<number, unknown>();
  const required = needs.buttons.filter((need) => need.required);
  if (Array.isArray(input)) {
    const order = input.length <= required.length ? required : needs.buttons;
    input.forEach((value: unknown, i) => {
      const explicit = isObject(value) ? asNumber(value.index) : null;
      const index = explicit ?? order[i]?.index ?? null;
      if (index === null) problems.push(problem(['button_parameters', i], 'the template has no such button with a value'));
      else values.set(index, value);
    });
  } else if (isObject(input)) {
    for (const [key, value] of Object.entries(input)) values.set(/^\d{1,2}$/.test(key) ? Number(key) : -1, value);
  } else if (given(input)) {
    problems.push(problem(['button_parameters'], 'must be a list or an object'));
  }
  for (const index of values.keys()) {
    if (!needs.buttons.some((need) => need.index === index))
      problems.push(problem(['button_parameters', index], 'the template has no such button with a value'));
  }
  const pairs: [ButtonNeed, unknown][] = [];
  for (const need of needs.buttons) {
    const value = values.get(need.index);
    // The button that copies the code carries the code of the body.
    if (given(value)) pairs.push([need, value]);
    else if (need.required && needs.code_button && code !== null) pairs.push([need, code]);
    else if (need.required) problems.push(problem(['button_parameters', need.index], 'is missing'));
  }
  return pairs;
}

function buttonParameter(sub_type: string, value: unknown): Json | null {
  if ((sub_type === 'flow' || sub_type === 'catalog' || sub_type === 'mpm') && isObject(value)) {
    const { index: _index, ...action } = value;
    return { type: 'action', action };
  }
  const raw = isObject(value) ? (value.value ?? value.text ?? value.payload ?? value.coupon_code) : value;
  const text = typeof raw === 'number' && Number.isFinite(raw) ? String(raw) : raw;
  if (typeof text !== 'string') return null;
  if (sub_type === 'url') return { type: 'text', text };
  if (sub_type === 'copy_code') return { type: 'coupon_code', coupon_code: text };
  return sub_type === 'flow' ? { type: 'action', action: { flow_token: text } } : { type: 'payload', payload: text };
}

/** One judge for both ways of giving values. `raw`: Meta's own form, whose places are named differently. */
function check(components: Json[], needs: Needs, problems: ErrorDetail[], raw: boolean): void {
  const seen = new Set<string>();
  const buttons = new Set<number>();
  for (const [i, component] of components.entries()) {
    const type = typeOf(component);
    const loc = raw ? ['components', i] : [type === 'body' ? 'parameters' : `${type}_parameters`];
    const parameters = asList(component.parameters).filter(isObject);
    if (type !== 'button') {
      if (seen.has(type)) problems.push(problem(loc, `${type} is given twice`));
      seen.add(type);
    }
    switch (type) {
      case 'header':
        checkHeader(parameters, needs, loc, problems);
        break;
      case 'body':
        checkTexts(parameters, needs.body, needs.named, loc, problems);
        break;
      case 'button':
        checkButton(component, parameters, needs, buttons, loc, problems);
        break;
      case 'carousel': {
        const cards = asList(component.cards).length;
        if (cards !== needs.cards) problems.push(problem(loc, `the template has ${needs.cards ?? 0} cards, not ${cards}`));
        break;
      }
      default:
        if (!needs.types.has(type)) problems.push(problem(loc, 'the template has no such component'));
    }
  }
  if (!seen.has('body') && needs.body.length > 0)
    problems.push(problem([raw ? 'components' : 'parameters'], `the body takes ${needs.body.length} value(s)`));
  if (!seen.has('header') && needs.header !== null)
    problems.push(problem([raw ? 'components' : 'header_parameters'], 'the header takes a value'));
  if (!seen.has('carousel') && needs.cards !== null) problems.push(problem(['components'], 'the cards of the carousel are missing'));
  for (const need of needs.buttons)
    if (need.required && !buttons.has(need.index))
      problems.push(problem([raw ? 'components' : 'button_parameters'], `button ${need.index} takes a value`));
}

function checkHeader(parameters: Json[], needs: Needs, loc: (string | number)[], problems: ErrorDetail[]): void {
  const { header } = needs;
  if (header === null || header.kind === 'text') return checkTexts(parameters, header?.names ?? [], needs.named, loc, problems);
  const { kind } = header;
  const object = asObject(parameters[0]?.[kind]);
  const complete =
    kind === 'location'
      ? asNumber(object?.latitude) !== null && asNumber(object?.longitude) !== null
      : Boolean(asText(object?.link) ?? asText(object?.id));
  if (parameters.length !== 1 || parameters[0]?.type !== kind || !complete) problems.push(problem(loc, `the header takes one ${kind}`));
}

function checkTexts(parameters: Json[], names: string[], named: boolean, loc: (string | number)[], problems: ErrorDetail[]): void {
  if (parameters.length !== names.length) problems.push(problem(loc, `takes ${names.length} value(s), not ${parameters.length}`));
  for (const [i, parameter] of parameters.entries()) {
    const key = named ? asText(parameter.parameter_name, 64) : String(i + 1);
    if (named && (key === null || !names.includes(key)))
      problems.push(problem([...loc, i], 'the template has no variable of this parameter_name'));
    const text = shownText(parameter);
    if (text === null) problems.push(problem([...loc, key ?? i], 'must be a text'));
    else checkValue(text, [...loc, key ?? i], problems);
  }
  if (named && new Set(parameters.map((parameter) => parameter.parameter_name)).size !== parameters.length)
    problems.push(problem(loc, 'a name is given twice'));
}

function checkValue(text: string, loc: (string | number)[], problems: ErrorDetail[]): void {
  if (text.length < 1 || text.length > MAX_VALUE_LENGTH) problems.push(problem(loc, `must have 1 to ${MAX_VALUE_LENGTH} characters`));
  else if (FORBIDDEN_IN_VALUE.test(text)) problems.push(problem(loc, 'must have no line break, tab or four spaces in a row'));
}

function checkButton(
  component: Json,
  parameters: Json[],
  needs: Needs,
  buttons: Set<number>,
  loc: (string | number)[],
  problems: ErrorDetail[],
): void {
  const index = asNumber(component.index);
  const need = needs.buttons.find((one) => one.index === index);
  if (index === null || need === undefined) return void problems.push(problem(loc, 'the template has no such button with a value'));
  if (buttons.has(index)) problems.push(problem([...loc, index], 'is given twice'));
  buttons.add(index);
  const sub_type = asText(component.sub_type, 32)?.toLowerCase();
  if (sub_type !== need.sub_type) problems.push(problem([...loc, index], `is a ${need.sub_type} button`));
  const [parameter] = parameters;
  if (parameter === undefined || parameters.length > 1) return void problems.push(problem([...loc, index], 'takes one value'));
  const text = asText(parameter.text ?? parameter.payload ?? parameter.coupon_code, MAX_VALUE_LENGTH + 1);
  if (text === null && !isObject(parameter.action)) problems.push(problem([...loc, index], 'must be a text'));
  else if (text !== null) checkValue(text, [...loc, index], problems);
}

/** What a text, currency or date parameter shows. */
function shownText(parameter: Json): string | null {
  if (parameter.type === 'currency' || parameter.type === 'date_time')
    return asText(asObject(parameter[parameter.type])?.fallback_value, MAX_VALUE_LENGTH + 1);
  return asText(parameter.text, MAX_VALUE_LENGTH + 1);
}

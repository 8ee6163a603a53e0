import { GraphError } from './graph-error';
import { isObject, listAt, objectAt, stringAt, type JsonObject } from './json';

export interface Template {
  id: string;
  waba_id: string;
  name: string;
  language: string;
  category: string;
  status: string;
  parameter_format: 'POSITIONAL' | 'NAMED';
  components: JsonObject[];
  rejected_reason: string;
  quality_score: { score: string };
}

const CATEGORIES = ['MARKETING', 'UTILITY', 'AUTHENTICATION'];
const MEDIA_HEADERS = ['IMAGE', 'VIDEO', 'DOCUMENT', 'GIF'];
const VARIABLE = /\{\{\s*([a-z0-9_]+)\s*\}\}/g;

/** Checks a body of `POST /{waba}/message_templates`; limits of Meta "Template management". `knows`: whether a handle is of an upload here. */
export function checkTemplate(
  body: unknown,
  knows: (handle: string) => boolean,
): Pick<Template, 'name' | 'language' | 'category' | 'parameter_format' | 'components'> {
  const name = stringAt(body, 'name') ?? '';
  if (!/^[a-z0-9_]{1,512}$/.test(name)) throw new GraphError(100, 'Param name must be 1-512 lower case letters, digits and underscores');
  const language = stringAt(body, 'language') ?? '';
  if (!/^[a-z]{2,3}(_[A-Za-z]{2,4})?$/.test(language)) throw new GraphError(100, 'Param language is not a supported language code');
  const category = checkCategory(stringAt(body, 'category') ?? '');
  const parameter_format = (stringAt(body, 'parameter_format') ?? 'POSITIONAL').toUpperCase();
  if (parameter_format !== 'POSITIONAL' && parameter_format !== 'NAMED') throw new GraphError(100, 'Param parameter_format is not valid');
  const components = checkComponents(listAt(body, 'components'), { category, parameter_format, knows });
  return { name, language, category, parameter_format, components };
}

export function checkCategory(given: string): string {
  const category = given.toUpperCase();
  if (!CATEGORIES.includes(category)) throw new GraphError(100, `Param category must be one of {${CATEGORIES.join(', ')}}`);
  return category;
}

/** What components are checked against. */
interface Rules {
  category: string;
  parameter_format: Template['parameter_format'];
  knows: (handle: string) => boolean;
}

/** Meta, "Error codes": subcodes of template management. */
const TOO_LONG = 2388040;
const HEADER = 2388047;
const BODY = 2388072;
const FOOTER = 2388073;
const AT_THE_EDGE = 2388299;

export function checkComponents(list: unknown[], rules: Rules): JsonObject[] {
  const components = list.filter(isObject);
  if (components.length < list.length) throw new GraphError(100, 'Param components must be an array of objects');
  for (const type of ['HEADER', 'BODY', 'FOOTER', 'BUTTONS'])
    if (components.filter((c) => typeOf(c) === type).length > 1) throw new GraphError(100, `A template has one ${type}`);
  if (!components.some((c) => typeOf(c) === 'BODY')) throw new GraphError(100, 'A template needs a BODY component', BODY);
  if (rules.category === 'AUTHENTICATION') return checkAuthentication(components);
  for (const component of components) {
    switch (typeOf(component)) {
      case 'HEADER':
        checkHeader(component, rules);
        break;
      case 'BODY':
        checkWords(component, 1024, BODY);
        checkPlaceholders(component, 'body_text', rules, BODY);
        break;
      case 'FOOTER':
        checkWords(component, 60, FOOTER);
        if (holesOf(component).length) throw new GraphError(100, 'FOOTER may not hold variables', FOOTER);
        break;
      case 'BUTTONS':
        checkButtonList(listAt(component, 'buttons'));
    }
  }
  return components;
}

function checkAuthentication(components: JsonObject[]): JsonObject[] {
  const [button, ...others] = components.flatMap((c) => listAt(c, 'buttons'));
  if (stringAt(button, 'type')?.toUpperCase() !== 'OTP' || others.length)
    throw new GraphError(100, 'An authentication template has one button, of type OTP');
  if (components.some((c) => typeOf(c) === 'HEADER' || stringAt(c, 'text') !== undefined))
    throw new GraphError(100, 'The text of an authentication template cannot be customized', BODY);
  return components;
}

function checkWords(component: JsonObject, max: number, subcode: number): void {
  const text = stringAt(component, 'text');
  if (!text?.trim()) throw new GraphError(100, `${typeOf(component)} has no text`, subcode);
  if (text.length > max) throw new GraphError(100, `${typeOf(component)} text is longer than ${max} characters`, TOO_LONG);
}

function checkHeader(component: JsonObject, rules: Rules): void {
  const format = (stringAt(component, 'format') ?? '').toUpperCase();
  if (format === 'TEXT') {
    checkWords(component, 60, HEADER);
    if (holesOf(component).length > 1) throw new GraphError(100, 'A header may hold one variable', HEADER);
    checkPlaceholders(component, 'header_text', rules, HEADER);
  } else if (MEDIA_HEADERS.includes(format)) {
    const [handle] = listAt(objectAt(component, 'example'), 'header_handle');
    if (typeof handle !== 'string' || !rules.knows(handle))
      throw new GraphError(100, 'A header of media needs the handle of an uploaded example', HEADER);
  } else if (format !== 'LOCATION') throw new GraphError(100, 'Param format of the header is not valid', HEADER);
}

function checkPlaceholders(component: JsonObject, field: 'header_text' | 'body_text', { parameter_format }: Rules, subcode: number): void {
  const text = stringAt(component, 'text') ?? '';
  const names = holesOf(component).sort((a, b) => Number(a) - Number(b));
  if (!names.length) return;
  if (field === 'body_text' && (/^\s*\{\{/.test(text) || /\}\}\s*$/.test(text)))
    throw new GraphError(100, "Variables can't be at the start or end of the template", AT_THE_EDGE);
  if (/\}\}\s*\{\{/.test(text)) throw new GraphError(100, "Variables can't be next to each other", subcode);
  const example = objectAt(component, 'example');
  const [first] = listAt(example, field);
  const values = Array.isArray(first) ? (first as unknown[]) : listAt(example, field);
  const named = listAt(example, `${field}_named_params`);
  const wrong = names.some((name, n) =>
    parameter_format === 'NAMED' ? !named.some((one) => stringAt(one, 'param_name') === name) : name !== String(n + 1) || !values[n],
  );
  if (wrong) throw new GraphError(100, 'Variables are numbered without a gap, or named, and each has an example', subcode);
}

function checkButtonList(buttons: unknown[]): void {
  if (!buttons.length || buttons.length > 10) throw new GraphError(100, 'A template has 1-10 buttons');
  const kinds = buttons.map((b) => (stringAt(b, 'type') ?? '').toUpperCase());
  const most: Record<string, number> = { URL: 2, PHONE_NUMBER: 1, COPY_CODE: 1, OTP: 0 };
  for (const [kind, max] of Object.entries(most))
    if (kinds.filter((one) => one === kind).length > max)
      throw new GraphError(100, `A template has at most ${max} buttons of type ${kind}`);
  if (/(Q+N+Q|N+Q+N)/.test(kinds.map((kind) => (kind === 'QUICK_REPLY' ? 'Q' : 'N')).join('')))
    throw new GraphError(100, 'Quick reply buttons may not be mixed with others');
  for (const button of buttons) {
    if ((stringAt(button, 'text') ?? '').length > 25) throw new GraphError(100, 'Button text is longer than 25 characters', TOO_LONG);
    const url = stringAt(button, 'url') ?? '';
    if (variablesOf(url).length && (!/\}\}$/.test(url) || !listAt(button, 'example').length))
      throw new GraphError(100, 'The variable of a URL stands at its end and has an example');
  }
}

const holesOf = (component: JsonObject): string[] => variablesOf(stringAt(component, 'text') ?? '');

/**
 * Checks the parameters of a send against the template it names.
 * @throws {GraphError} 132000 count, 132012 format, 131008 a button without its variable.
 */
export function checkTemplateParameters(template: Template, sent: unknown[]): void {
  const given = sent.filter(isObject);
  for (const component of template.components) {
    const type = typeOf(component);
    if (type === 'HEADER' || type === 'BODY') checkTextOrMedia(template, component, given);
    if (type === 'BUTTONS') checkButtons(component, given);
  }
}

function checkTextOrMedia(template: Template, component: JsonObject, given: JsonObject[]): void {
  const type = typeOf(component);
  const parameters = listAt(
    given.find((c) => typeOf(c) === type),
    'parameters',
  );
  const format = (stringAt(component, 'format') ?? 'TEXT').toUpperCase();
  if (type === 'HEADER' && format !== 'TEXT') {
    const kind = format === 'GIF' ? 'video' : format.toLowerCase();
    const [parameter] = parameters;
    if (parameters.length !== 1 || stringAt(parameter, 'type') !== kind) {
      throw new GraphError(132012, `header: Format mismatch, expected ${format}, received ${stringAt(parameter, 'type') ?? 'UNKNOWN'}`);
    }
    const media = objectAt(parameter, kind);
    if (MEDIA_HEADERS.includes(format) && !stringAt(media, 'id') && !stringAt(media, 'link')) {
      throw new GraphError(131008, `header: ${kind} needs id or link`);
    }
    return;
  }
  const names = variablesOf(stringAt(component, 'text') ?? '');
  // An authentication template's text is Meta's own; the code is its one variable.
  const expected = template.category === 'AUTHENTICATION' && type === 'BODY' ? 1 : names.length;
  if (parameters.length !== expected) {
    throw new GraphError(
      132000,
      `${type.toLowerCase()}: number of localizable_params (${parameters.length}) does not match the expected number of params (${expected})`,
    );
  }
  for (const parameter of parameters) {
    const text = stringAt(parameter, 'text');
    if (stringAt(parameter, 'type') === 'text' && !text)
      throw new GraphError(131008, `${type.toLowerCase()}: parameter of type text is missing its text`);
    if (text !== undefined && /[\n\t]| {5,}/.test(text)) {
      throw new GraphError(132008, 'Param text cannot have new-line/tab characters or more than 4 consecutive spaces');
    }
    const name = stringAt(parameter, 'parameter_name');
    if (template.parameter_format === 'NAMED' && (name === undefined || !names.includes(name))) {
      throw new GraphError(100, `${type.toLowerCase()}: parameter name ${name ?? 'is missing'} is not in the template`);
    }
    if (template.parameter_format === 'POSITIONAL' && name !== undefined) {
      throw new GraphError(100, `${type.toLowerCase()}: parameter_name on a positional template`);
    }
  }
}

function checkButtons(component: JsonObject, given: JsonObject[]): void {
  listAt(component, 'buttons').forEach((button, index) => {
    const needsValue =
      (stringAt(button, 'type') === 'URL' && variablesOf(stringAt(button, 'url') ?? '').length > 0) ||
      stringAt(button, 'type') === 'COPY_CODE';
    if (!needsValue) return;
    const sent = given.find((c) => typeOf(c) === 'BUTTON' && String(c['index']) === String(index));
    if (!sent || !listAt(sent, 'parameters').length) {
      throw new GraphError(131008, `button: Button at index ${index} of type ${stringAt(button, 'type')} requires a parameter`);
    }
  });
}

/** What the customer sees: the texts with their values, the header's medium and the buttons. */
export function renderTemplate(template: Template, sent: unknown[]): JsonObject {
  const given = sent.filter(isObject);
  const out: JsonObject = {};
  for (const component of template.components) {
    const type = typeOf(component);
    const parameters = listAt(
      given.find((c) => typeOf(c) === type),
      'parameters',
    );
    if (type === 'HEADER' && (stringAt(component, 'format') ?? 'TEXT') !== 'TEXT') out['header'] = parameters[0];
    else if (type === 'BUTTONS') {
      out['buttons'] = listAt(component, 'buttons').map((button, index) => {
        const reply = given.find((c) => typeOf(c) === 'BUTTON' && String(c['index']) === String(index));
        return {
          type: stringAt(button, 'type'),
          text: stringAt(button, 'text'),
          payload: stringAt(listAt(reply, 'parameters')[0], 'payload') ?? stringAt(button, 'text'),
        };
      });
    } else {
      const text = fill(stringAt(component, 'text') ?? String(stringAt(parameters[0], 'text') ?? ''), parameters);
      if (type === 'HEADER') out['header'] = { type: 'text', text };
      if (type === 'BODY') out['body'] = text;
      if (type === 'FOOTER') out['footer'] = text;
    }
  }
  return out;
}

function fill(text: string, parameters: unknown[]): string {
  return text.replace(VARIABLE, (hole, name: string) => {
    const parameter = /^\d+$/.test(name) ? parameters[Number(name) - 1] : parameters.find((p) => stringAt(p, 'parameter_name') === name);
    if (!isObject(parameter)) return hole;
    return (
      stringAt(parameter, 'text') ?? stringAt(objectAt(parameter, 'currency') ?? objectAt(parameter, 'date_time'), 'fallback_value') ?? hole
    );
  });
}

export function variablesOf(text: string): string[] {
  return [...new Set([...text.matchAll(VARIABLE)].map((found) => found[1] ?? ''))];
}

function typeOf(component: JsonObject): string {
  return (stringAt(component, 'type') ?? '').toUpperCase();
}

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

/** Checks a body of `POST /{waba}/message_templates`; limits of Meta "Template management". */
export function checkTemplate(body: unknown): Pick<Template, 'name' | 'language' | 'category' | 'parameter_format' | 'components'> {
  const name = stringAt(body, 'name') ?? '';
  if (!/^[a-z0-9_]{1,512}$/.test(name)) throw new GraphError(100, 'Param name must be 1-512 lower case letters, digits and underscores');
  const language = stringAt(body, 'language') ?? '';
  if (!/^[a-z]{2,3}(_[A-Za-z]{2,4})?$/.test(language)) throw new GraphError(100, 'Param language is not a supported language code');
  const category = (stringAt(body, 'category') ?? '').toUpperCase();
  if (!CATEGORIES.includes(category)) throw new GraphError(100, `Param category must be one of {${CATEGORIES.join(', ')}}`);
  const parameter_format = (stringAt(body, 'parameter_format') ?? 'POSITIONAL').toUpperCase();
  if (parameter_format !== 'POSITIONAL' && parameter_format !== 'NAMED') throw new GraphError(100, 'Param parameter_format is not valid');
  return { name, language, category, parameter_format, components: checkComponents(listAt(body, 'components'), category) };
}

export function checkComponents(list: unknown[], category: string): JsonObject[] {
  const components = list.filter(isObject);
  const body = components.find((c) => typeOf(c) === 'BODY');
  if (!body || (!stringAt(body, 'text') && category !== 'AUTHENTICATION')) throw new GraphError(100, 'A template needs a BODY component');
  for (const component of components) {
    const text = stringAt(component, 'text') ?? '';
    const limit = { HEADER: 60, BODY: 1024, FOOTER: 60 }[typeOf(component)];
    if (limit !== undefined && text.length > limit)
      throw new GraphError(100, `${typeOf(component)} text is longer than ${limit} characters`);
    if (typeOf(component) === 'FOOTER' && variablesOf(text).length) throw new GraphError(100, 'FOOTER may not hold variables');
    if (typeOf(component) === 'BODY') checkPlaceholders(text, component);
    if (typeOf(component) === 'BUTTONS') {
      const buttons = listAt(component, 'buttons');
      if (!buttons.length || buttons.length > 10) throw new GraphError(100, 'A template has 1-10 buttons');
      if (buttons.some((b) => (stringAt(b, 'text') ?? '').length > 25))
        throw new GraphError(100, 'Button text is longer than 25 characters');
    }
  }
  return components;
}

function checkPlaceholders(text: string, component: JsonObject): void {
  const names = variablesOf(text);
  if (!names.length) return;
  if (/^\s*\{\{/.test(text) || /\}\}\s*$/.test(text)) throw new GraphError(100, "Variables can't be at the start or end of the template");
  if (/\}\}\s*\{\{/.test(text)) throw new GraphError(100, "Variables can't be next to each other");
  if (!objectAt(component, 'example')) throw new GraphError(100, 'Variables need an example');
}

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

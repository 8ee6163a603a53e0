import { isBlank } from '#common/fields';
import { type Json, asList, asObject, isObject } from '../wire';

/*
 * What Meta asks of a template's text (contract 20, 6.2; Meta, "Template management"), over plain data. Types and formats are in capitals here.
 */

/** What of a template is judged. */
export interface TemplateText {
  category: string;
  /** Meta's form. */
  components: readonly Json[];
}

/** What is wrong, and where. */
export interface Mistake {
  /** The component's place in the list; null: the list itself. */
  component: number | null;
  /** Within the component. */
  path: (string | number)[];
  msg: string;
}

type Say = (msg: string, ...path: (string | number)[]) => void;

/** What one of a kind is held to. */
type Rule = (component: Json, say: Say) => void;

export const CATEGORIES = ['MARKETING', 'UTILITY', 'AUTHENTICATION'] as const;
const HEADER_FORMATS = ['TEXT', 'IMAGE', 'VIDEO', 'DOCUMENT', 'LOCATION'];
/** Headers of which Meta wants to see a file. */
const MEDIA_FORMATS = ['IMAGE', 'VIDEO', 'DOCUMENT'];
const OTP_TYPES = ['COPY_CODE', 'ONE_TAP', 'ZERO_TAP'];
/** How many buttons of a kind there may be. */
const BUTTONS: Readonly<Record<string, number>> = { URL: 2, PHONE_NUMBER: 1, COPY_CODE: 1, OTP: 1, REQUEST_CONTACT_INFO: 1 };
/** Buttons that say nothing without a text of their own; Meta writes that of the others. */
const LABELLED = ['QUICK_REPLY', 'URL', 'PHONE_NUMBER', 'FLOW'];

const MAX = { header: 60, body: 1024, footer: 60, buttons: 10, label: 25, url: 2000, phone: 20, code: 15 };
const CODE_MINUTES = 90;
const CARDS = { min: 2, max: 10 };

/** Everything that is against the rules; of components we do not know nothing but their kind. */
export function mistakesOf({ category, components }: TemplateText): Mistake[] {
  const found: Mistake[] = [];
  const is_authentication = category === 'AUTHENTICATION';
  const rules: Record<string, Rule> = is_authentication ? AUTHENTICATION : RULES;
  const count = new Map<string, number>();
  components.forEach((component, n) => {
    const type = typeof component.type === 'string' ? component.type : '';
    const say: Say = (msg, ...path) => found.push({ component: n, path, msg });
    if (!/^[A-Z_]{1,40}$/.test(type)) return say('must be one of Meta’s words, such as BODY', 'type');
    count.set(type, (count.get(type) ?? 0) + 1);
    if (Object.hasOwn(RULES, type) && (count.get(type) ?? 0) > 1) return say(`a template has one ${type}`, 'type');
    rules[type]?.(component, say);
  });
  const missing = is_authentication ? ['BODY', 'BUTTONS'] : ['BODY'];
  for (const type of missing) if (!count.has(type)) found.push({ component: null, path: [], msg: `a ${type} is missing` });
  if (!is_authentication && isMixed(components))
    found.push({
      component: components.findIndex(({ type }) => type === 'BODY'),
      path: ['text'],
      msg: 'variables have numbers or names, not both',
    });
  return found;
}

/** Variables and files without the example Meta wants to see. */
export function missingExamples({ category, components }: TemplateText): Mistake[] {
  if (category === 'AUTHENTICATION') return [];
  return components.flatMap((component, n) => {
    const missing = (msg: string, ...path: (string | number)[]): Mistake[] => [{ component: n, path, msg }];
    switch (component.type) {
      case 'HEADER':
        if (MEDIA_FORMATS.includes(String(component.format)))
          return sampleOf(component) ? [] : missing('the header needs a file as an example', 'example');
        return hasExamples(component, 'header_text') ? [] : missing('the variable needs an example', 'example', 'header_text');
      case 'BODY':
        return hasExamples(component, 'body_text') ? [] : missing('every variable needs an example', 'example', 'body_text');
      case 'BUTTONS':
        return asList(component.buttons)
          .filter(isObject)
          .flatMap((button, at) => {
            const needs_one = namesIn(button.url).length > 0 || button.type === 'COPY_CODE';
            const first: unknown = Array.isArray(button.example) ? button.example[0] : button.example;
            return needs_one && !isText(first) ? missing('the button needs an example', 'buttons', at, 'example') : [];
          });
      default:
        return [];
    }
  });
}

/** positional or named, by the variables of header and body. */
export const formatOf = (components: readonly Json[]): 'positional' | 'named' =>
  components.some((component) => isWritten(component) && namesIn(component.text).some((name) => !isPosition(name)))
    ? 'named'
    : 'positional';

/** The file a header shows as its example: an upload of ours, an address, or the handle by which Meta has it. */
export type Sample = { media_id: string } | { link: string } | { handle: string };

export function sampleOf(component: Json): Sample | null {
  const example = asObject(component.example);
  const { media_id, link, header_handle } = example ?? {};
  if (isText(media_id)) return { media_id };
  if (isText(link)) return { link };
  const handle: unknown = Array.isArray(header_handle) ? header_handle[0] : header_handle;
  if (!isText(handle)) return null;
  // Meta shows its own copy by an address, and takes that back from nobody.
  return /^https?:\/\//i.test(handle) ? { link: handle } : { handle };
}

const RULES: Record<string, Rule> = {
  HEADER: (component, say) => {
    const { format, text } = component;
    if (!HEADER_FORMATS.includes(String(format))) return say(`must be one of ${HEADER_FORMATS.join(', ')}`, 'format');
    if (format === 'TEXT') judgeText(text, { max: MAX.header, variables: 1 }, (msg) => say(msg, 'text'));
    else if (text !== undefined) say(`a header of format ${String(format)} has no text`, 'text');
  },
  BODY: ({ text }, say) => {
    judgeText(text, { max: MAX.body, variables: Infinity }, (msg) => say(msg, 'text'));
    if (typeof text !== 'string') return;
    if (/^\s*\{\{/.test(text) || /\}\}\s*$/.test(text)) say('may not begin or end with a variable', 'text');
    if (/\}\}\s*\{\{/.test(text)) say('may not have two variables side by side', 'text');
  },
  FOOTER: ({ text }, say) => judgeText(text, { max: MAX.footer, variables: 0 }, (msg) => say(msg, 'text')),
  BUTTONS: ({ buttons }, say) => {
    const list = listOf(buttons, 'buttons', { min: 1, max: MAX.buttons }, say);
    const kinds = list.map(({ type }) => String(type));
    for (const [kind, most] of Object.entries(BUTTONS))
      if (kinds.filter((one) => one === kind).length > most) say(`at most ${most} of type ${kind}`, 'buttons');
    if (kinds.includes('REQUEST_CONTACT_INFO') && kinds.length > 1) say('REQUEST_CONTACT_INFO stands alone', 'buttons');
    const turns = kinds.filter((kind, n) => n > 0 && (kind === 'QUICK_REPLY') !== (kinds[n - 1] === 'QUICK_REPLY'));
    if (turns.length > 1) say('quick replies stand together, before or after the others', 'buttons');
    list.forEach((button, n) => judgeButton(button, (msg, field) => say(msg, 'buttons', n, String(field))));
  },
  CAROUSEL: ({ cards }, say) => void listOf(cards, 'cards', CARDS, say),
};

/** Meta, "Authentication templates": the text is Meta's own. */
const AUTHENTICATION: Record<string, Rule> = {
  HEADER: (_, say) => say('an AUTHENTICATION template has no header', 'type'),
  BODY: ({ text }, say) => {
    if (text !== undefined) say('Meta writes the text of an AUTHENTICATION template: give none', 'text');
  },
  FOOTER: ({ text, code_expiration_minutes: minutes }, say) => {
    if (text !== undefined) say('the footer of an AUTHENTICATION template has code_expiration_minutes only', 'text');
    if (!Number.isInteger(minutes) || Number(minutes) < 1 || Number(minutes) > CODE_MINUTES)
      say(`must be a whole number from 1 to ${CODE_MINUTES}`, 'code_expiration_minutes');
  },
  BUTTONS: ({ buttons }, say) => {
    const [button, ...others] = listOf(buttons, 'buttons', { min: 1, max: 1 }, say);
    if (!button || others.length) return;
    if (button.type !== 'OTP') return say('an AUTHENTICATION template has one button, of type OTP', 'buttons', 0, 'type');
    if (!OTP_TYPES.includes(String(button.otp_type))) say(`must be one of ${OTP_TYPES.join(', ')}`, 'buttons', 0, 'otp_type');
    if (button.text !== undefined) judgeText(button.text, { max: MAX.label, variables: 0 }, (msg) => say(msg, 'buttons', 0, 'text'));
  },
};

function judgeButton(button: Json, say: Say): void {
  const type = String(button.type);
  if (!/^[A-Z_]{1,40}$/.test(type)) return say('must be one of Meta’s words, such as QUICK_REPLY', 'type');
  if (type === 'OTP') return say('OTP buttons stand in AUTHENTICATION templates only', 'type');
  if (LABELLED.includes(type) || button.text !== undefined)
    judgeText(button.text, { max: MAX.label, variables: 0 }, (msg) => say(msg, 'text'));
  if (type === 'URL') {
    const { url } = button;
    judgeText(url, { max: MAX.url, variables: 1 }, (msg) => say(msg, 'url'));
    if (typeof url !== 'string') return;
    if (!URL.canParse(url) || !/^https?:\/\//i.test(url)) say('must be an http or https address', 'url');
    else if (namesIn(url).length > 0 && !url.endsWith('}}')) say('has its variable at the end', 'url');
  }
  if (type === 'PHONE_NUMBER') {
    const { phone_number } = button;
    if (typeof phone_number !== 'string' || !/^\+?\d[\d ().-]{4,}$/.test(phone_number) || phone_number.length > MAX.phone)
      say(`must be a phone number of at most ${MAX.phone} characters`, 'phone_number');
  }
  if (type === 'COPY_CODE' && isText(button.example) && length(button.example) > MAX.code)
    say(`must have at most ${MAX.code} characters`, 'example');
}

/** A text with something to read, its length and its variables: `{{1}}`, `{{2}}` … without a gap, or `{{lower_case}}`. */
function judgeText(text: unknown, { max, variables }: { max: number; variables: number }, say: (msg: string) => void): void {
  if (typeof text !== 'string' || isBlank(text)) return say('must be a text with something to read');
  if (length(text) > max) say(`must have at most ${max} characters`);
  const names = namesIn(text);
  if (/\{\{|\}\}/.test(text.replace(VARIABLE, ''))) say('has braces that are no variable');
  const odd = names.filter((name) => !isPosition(name) && !/^[a-z][a-z0-9_]{0,63}$/.test(name));
  if (odd.length) return say(`{{${odd[0].slice(0, 64)}}} is no variable: {{1}}, or a name in lower case`);
  if (variables === 0 && names.length) return say('may not have a variable');
  if (names.length > variables) say(`may have at most ${variables} variable`);
  const positions = [...new Set(names.filter(isPosition).map(Number))].sort((a, b) => a - b);
  if (positions.some((position, n) => position !== n + 1)) say('numbers its variables from 1, without a gap');
}

function listOf(value: unknown, field: string, { min, max }: { min: number; max: number }, say: Say): Json[] {
  const items = asList(value);
  if (!Array.isArray(value) || !items.every(isObject)) say('must be a list of objects', field);
  else if (items.length < min || items.length > max) say(min === max ? `must be ${min}` : `must be ${min} to ${max}`, field);
  return items.filter(isObject);
}

/** Whether each variable of the component's text has a value in its example: `x: ["a"]` or `[["a", "b"]]`, and `x_named_params: [{param_name, example}]`. */
function hasExamples(component: Json, field: 'header_text' | 'body_text'): boolean {
  const names = [...new Set(namesIn(component.text))];
  const example = asObject(component.example);
  const values = asList(example?.[field]);
  const row = Array.isArray(values[0]) ? (values[0] as unknown[]) : values;
  const named = asList(example?.[`${field}_named_params`]).filter(isObject);
  return names.every((name) =>
    isPosition(name) ? isText(row[Number(name) - 1]) : named.some((one) => one.param_name === name && isText(one.example)),
  );
}

const isMixed = (components: readonly Json[]): boolean => {
  const names = components.filter(isWritten).flatMap(({ text }) => namesIn(text));
  return names.some(isPosition) && !names.every(isPosition);
};

const VARIABLE = /\{\{([^{}]*)\}\}/g;

const namesIn = (text: unknown): string[] => (typeof text === 'string' ? [...text.matchAll(VARIABLE)].map(([, name]) => name.trim()) : []);

const isWritten = ({ type }: Json): boolean => type === 'HEADER' || type === 'BODY';

const isPosition = (name: string): boolean => /^[1-9]\d{0,3}$/.test(name);

const isText = (value: unknown): value is string => typeof value === 'string' && !isBlank(value);

/** As people count: an emoji is one. */
const length = (text: string): number => [...text].length;

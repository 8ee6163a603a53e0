import { isDeepStrictEqual } from 'node:util';
import type { ErrorDetail } from '#common/errors';
import { given } from '#common/given';
import type { JsonObject } from '#common/json.scalar';
import { asList, asObject, asText, isObject } from '../wire';
import { variablesOf } from './template-parameters';
import type { Mistake } from './template-rules';

/** A template laid flat, for who does not want to write Meta's form. */
export interface FlatTemplate {
  header_type?: string | null;
  header_text?: string | null;
  body_text?: string | null;
  footer_text?: string | null;
  buttons?: JsonObject[] | null;
  examples?: JsonObject | null;
}

export const FLAT_FIELDS = ['header_type', 'header_text', 'body_text', 'footer_text', 'buttons', 'examples'] as const;

/** Meta's form of it. Meta writes the text of an AUTHENTICATION template, whose body is there all the same. */
export function componentsOf(flat: FlatTemplate, category: string): JsonObject[] {
  const { header_type, header_text, body_text, footer_text, buttons, examples } = flat;
  const { header, body, buttons: of_buttons } = examples ?? {};
  const components: JsonObject[] = [];
  if (header_type || header_text)
    components.push(
      given({ type: 'HEADER', format: header_type ?? 'TEXT', text: header_text ?? undefined, example: headerExample(header_type, header) }),
    );
  if (body_text || category === 'AUTHENTICATION')
    components.push(given({ type: 'BODY', text: body_text ?? undefined, example: textExample('body_text', body) }));
  if (footer_text) components.push({ type: 'FOOTER', text: footer_text });
  if (buttons?.length) components.push({ type: 'BUTTONS', buttons: buttons.map((button, n) => withExample(button, of_buttons, n)) });
  return upperCase(components);
}

/** Parts in Meta's order. */
const PARTS = ['HEADER', 'LIMITED_TIME_OFFER', 'BODY', 'CAROUSEL', 'FOOTER', 'BUTTONS'];

/** `known` with other parts where `flat` says something of them; null takes one away. An example stays with a text that has the same variables. */
export function relaid(known: readonly JsonObject[], flat: FlatTemplate, category: string): JsonObject[] {
  const part = (type: string): JsonObject | undefined => known.find((one) => capitals(one.type) === type);
  const examples = flat.examples ?? {};
  const spoken = {
    HEADER: flat.header_type !== undefined || flat.header_text !== undefined || examples.header !== undefined,
    BODY: flat.body_text !== undefined || examples.body !== undefined,
    FOOTER: flat.footer_text !== undefined,
    BUTTONS: flat.buttons !== undefined || examples.buttons !== undefined,
  };
  const isSpokenOf = ({ type }: JsonObject): boolean => Boolean(spoken[capitals(type) as keyof typeof spoken]);
  const next = componentsOf(
    {
      // A header's text taken away takes the header along.
      header_type: flat.header_text === null ? null : asText(part('HEADER')?.format),
      header_text: asText(part('HEADER')?.text),
      body_text: asText(part('BODY')?.text, 4096),
      footer_text: asText(part('FOOTER')?.text),
      buttons: asList(part('BUTTONS')?.buttons).filter(isObject),
      ...given(flat),
    },
    category,
  );
  const withItsExample = (one: JsonObject): JsonObject => {
    const before = part(String(one.type));
    const is_same = before?.format === one.format && isDeepStrictEqual(variablesOf(before?.text), variablesOf(one.text));
    return one.example === undefined && is_same ? given({ ...one, example: before?.example }) : one;
  };
  return [...known.filter((one) => !isSpokenOf(one)), ...next.filter(isSpokenOf).map(withItsExample)].sort(
    (a, b) => PARTS.indexOf(String(capitals(a.type))) - PARTS.indexOf(String(capitals(b.type))),
  );
}

/** Meta's words in capitals, however they were written. */
export const upperCase = (components: readonly JsonObject[]): JsonObject[] =>
  components.map((component) => ({
    ...component,
    ...given({ type: capitals(component.type), format: capitals(component.format) }),
    ...(Array.isArray(component.buttons) && { buttons: component.buttons.map(upperButton) }),
  }));

/** A mistake in Meta's form as the caller finds it in the body that was sent. */
export function detailOf(
  { component, path, msg }: Mistake,
  type: string,
  components: readonly JsonObject[],
  is_flat: boolean,
): ErrorDetail {
  const inForm = ['components', ...(component === null ? [] : [component]), ...path];
  const kind = component === null ? 'BODY' : components[component]?.type;
  return { loc: ['body', ...(is_flat ? flatPlace(kind, path) : inForm)], msg, type };
}

function flatPlace(kind: unknown, path: readonly (string | number)[]): (string | number)[] {
  const is_example = path.includes('example');
  switch (kind) {
    case 'HEADER':
      return is_example ? ['examples', 'header'] : [path[0] === 'text' ? 'header_text' : 'header_type'];
    case 'BODY':
      return is_example ? ['examples', 'body'] : ['body_text'];
    case 'FOOTER':
      return ['footer_text'];
    default:
      return is_example ? ['examples', ...path.slice(0, 2)] : path.length ? [...path] : ['buttons'];
  }
}

function headerExample(header_type: string | null | undefined, value: unknown): JsonObject | undefined {
  const is_text = !header_type || capitals(header_type) === 'TEXT';
  if (is_text) return textExample('header_text', value);
  if (typeof value === 'string') return { header_handle: [value] };
  return asObject(value) ?? undefined;
}

/** A list for numbered variables, an object by number or name, or the one value. */
function textExample(field: 'header_text' | 'body_text', value: unknown): JsonObject | undefined {
  if (typeof value === 'string') return textExample(field, [value]);
  if (Array.isArray(value)) return { [field]: field === 'body_text' ? [value] : value };
  const entries = Object.entries(asObject(value) ?? {});
  if (!entries.length) return undefined;
  if (entries.every(([key]) => /^\d+$/.test(key)))
    return textExample(
      field,
      entries.sort(([a], [b]) => Number(a) - Number(b)).map(([, one]) => one),
    );
  return { [`${field}_named_params`]: entries.map(([param_name, example]) => ({ param_name, example })) };
}

/** By the button's place: a list in order, or an object. */
function withExample(button: JsonObject, examples: unknown, n: number): JsonObject {
  const value: unknown = Array.isArray(examples) ? asList(examples)[n] : asObject(examples)?.[String(n)];
  if (typeof value !== 'string' || button.example !== undefined) return button;
  return { ...button, example: capitals(button.type) === 'COPY_CODE' ? value : [value] };
}

const upperButton = (button: unknown): unknown =>
  isObject(button) ? { ...button, ...given({ type: capitals(button.type), otp_type: capitals(button.otp_type) }) } : button;

const capitals = (value: unknown): unknown => (typeof value === 'string' ? value.toUpperCase() : value);

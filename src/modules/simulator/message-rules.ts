import { GraphError } from './graph-error';
import { isObject, listAt, objectAt, stringAt, type JsonObject } from './json';

/** A business-scoped user id, or one of a parent portfolio. */
export const BSUID = /^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$/;

export interface OutgoingMessage {
  /** `to` as it was written; it wins over `recipient`. */
  to: string | null;
  recipient: string | null;
  type: string;
  biz_opaque_callback_data: string | null;
  context_message_id: string | null;
  body: JsonObject;
}

const MEDIA: Record<string, readonly string[]> = {
  image: ['id', 'link', 'caption'],
  video: ['id', 'link', 'caption'],
  audio: ['id', 'link', 'voice'],
  document: ['id', 'link', 'caption', 'filename'],
  sticker: ['id', 'link'],
};
const TYPES = ['text', ...Object.keys(MEDIA), 'location', 'contacts', 'interactive', 'template', 'reaction'];

/**
 * Reads a body of `POST /{phone_number_id}/messages` as Meta does: limits of "Service messages", "Interactive list messages".
 * @throws {GraphError} 100, 131008 or 131009, naming the parameter.
 */
export function readMessage(input: unknown): OutgoingMessage {
  if (!isObject(input)) throw new GraphError(100, 'The request body is not a JSON object');
  if (input['messaging_product'] !== 'whatsapp') throw new GraphError(100, 'The parameter messaging_product is required.');
  const recipient_type = input['recipient_type'] ?? 'individual';
  if (recipient_type !== 'individual' && recipient_type !== 'group') {
    throw new GraphError(100, 'Param recipient_type must be one of {individual, group} - got "' + String(recipient_type) + '".');
  }
  const to = optional(input, 'to', 64);
  const recipient = optional(input, 'recipient', 200);
  if (to === null && recipient === null) throw new GraphError(100, 'The parameter to is required.');
  if (to !== null && !BSUID.test(to) && !/^\d{7,15}$/.test(to.replace(/[\s+().-]/g, ''))) {
    throw new GraphError(131009, 'Parameter to is not a phone number');
  }
  if (to === null && recipient !== null && !BSUID.test(recipient))
    throw new GraphError(131009, 'Parameter recipient is not a business-scoped user id');

  const type = input['type'] ?? 'text';
  if (typeof type !== 'string' || !TYPES.includes(type))
    throw new GraphError(100, `Param type must be one of {${TYPES.join(', ').toUpperCase()}}`);
  const context = input['context'];
  if (context !== undefined && !stringAt(context, 'message_id')) throw missing('context.message_id');

  const content = input[type];
  if (content === undefined || content === null) throw missing(type);
  if (type === 'contacts') checkContacts(content);
  else if (!isObject(content)) throw new GraphError(100, `Param ${type} must be a JSON object`);
  else if (type in MEDIA) checkMedia(type, content);
  else if (type === 'text') checkText(content);
  else if (type === 'location') checkLocation(content);
  else if (type === 'reaction') checkReaction(content);
  else if (type === 'interactive') checkInteractive(content);
  else checkTemplateHead(content);

  return {
    to,
    recipient,
    type,
    biz_opaque_callback_data: optional(input, 'biz_opaque_callback_data', 512),
    context_message_id: stringAt(context, 'message_id') ?? null,
    body: input,
  };
}

function checkText(text: JsonObject): void {
  only(text, 'text', ['body', 'preview_url']);
  required(text, 'text', 'body', 4096);
  if (text['preview_url'] !== undefined && typeof text['preview_url'] !== 'boolean') throw invalid('text.preview_url must be a boolean');
}

function checkMedia(type: string, media: JsonObject): void {
  only(media, type, MEDIA[type] ?? []);
  const id = media['id'];
  const link = media['link'];
  if (typeof id !== 'string' && typeof link !== 'string') throw missing(`${type}.id or ${type}.link`);
  if (typeof id === 'string' && typeof link === 'string') throw invalid(`${type}: id and link exclude each other`);
  if (typeof link === 'string' && !isHttpUrl(link)) throw invalid(`${type}.link is not a valid URL`);
  optional(media, 'caption', 1024, type);
  optional(media, 'filename', 240, type);
}

function checkLocation(location: JsonObject): void {
  only(location, 'location', ['latitude', 'longitude', 'name', 'address']);
  for (const [key, limit] of [
    ['latitude', 90],
    ['longitude', 180],
  ] as const) {
    if (location[key] === undefined) throw missing(`location.${key}`);
    const value = Number(location[key]);
    if (!Number.isFinite(value) || Math.abs(value) > limit) throw invalid(`location.${key} is out of range`);
  }
}

function checkReaction(reaction: JsonObject): void {
  only(reaction, 'reaction', ['message_id', 'emoji']);
  required(reaction, 'reaction', 'message_id', 512);
  if (typeof (reaction['emoji'] ?? '') !== 'string') throw invalid('reaction.emoji must be a string');
}

function checkContacts(contacts: unknown): void {
  if (!Array.isArray(contacts) || !contacts.length) throw invalid('contacts must be a list with at least one contact');
  if (contacts.length > 257) throw invalid('contacts: at most 257');
  for (const contact of contacts) {
    const name = objectAt(contact, 'name');
    if (!name) throw missing('contacts.name');
    required(name, 'contacts.name', 'formatted_name', 1024);
    // Meta refuses a name with nothing but formatted_name.
    if (!['first_name', 'last_name', 'middle_name', 'suffix', 'prefix'].some((key) => stringAt(name, key))) {
      throw new GraphError(131009, 'contacts.name: at least one of first_name, last_name, middle_name, suffix, prefix is needed');
    }
  }
}

function checkInteractive(interactive: JsonObject): void {
  const kind = required(interactive, 'interactive', 'type', 64);
  const action = objectAt(interactive, 'action');
  if (!action) throw missing('interactive.action');
  const body = objectAt(interactive, 'body');
  const bodyOptional = ['product', 'carousel', 'catalog_message'].includes(kind);
  if (!body && !bodyOptional) throw missing('interactive.body');
  if (body) required(body, 'interactive.body', 'text', kind === 'list' ? 4096 : 1024);
  const footer = objectAt(interactive, 'footer');
  if (footer) required(footer, 'interactive.footer', 'text', 60);
  checkHeader(kind, objectAt(interactive, 'header'));

  if (kind === 'button') checkButtons(action);
  else if (kind === 'list') checkList(action);
  else if (kind === 'cta_url') {
    const parameters = named(action, 'cta_url');
    required(parameters, 'action.parameters', 'display_text', 20);
    if (!isHttpUrl(required(parameters, 'action.parameters', 'url', 2000))) throw invalid('action.parameters.url is not a valid URL');
  } else if (kind === 'flow') {
    const parameters = named(action, 'flow');
    required(parameters, 'action.parameters', 'flow_message_version', 8);
    if (!stringAt(parameters, 'flow_id') && !stringAt(parameters, 'flow_name')) throw missing('action.parameters.flow_id');
    required(parameters, 'action.parameters', 'flow_cta', 20);
  } else if (kind === 'location_request_message') {
    if (action['name'] !== 'send_location') throw invalid('action.name must be send_location');
  } else if (kind === 'request_contact_info') {
    if (action['name'] !== 'request_contact_info') throw invalid('action.name must be request_contact_info');
  } else if (!OTHER_KINDS.includes(kind)) throw invalid(`interactive.type ${kind} is not known`);
}

const OTHER_KINDS = ['product', 'product_list', 'catalog_message', 'carousel', 'address_message', 'call_permission_request', 'voice_call'];

function checkHeader(kind: string, header: JsonObject | undefined): void {
  if (!header) return;
  const type = required(header, 'interactive.header', 'type', 16);
  if (type === 'text') required(header, 'interactive.header', 'text', 60);
  else if (kind === 'list') throw invalid('interactive.header of a list must be text');
  else if (['image', 'video', 'document'].includes(type)) checkMedia(type, objectAt(header, type) ?? {});
  else throw invalid('interactive.header.type is not known');
}

function checkButtons(action: JsonObject): void {
  const buttons = listAt(action, 'buttons');
  if (!buttons.length || buttons.length > 3) throw invalid('Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3');
  const replies = buttons.map((button) => {
    if (stringAt(button, 'type') !== 'reply') throw invalid('action.buttons.type must be reply');
    const reply = objectAt(button, 'reply');
    if (!reply) throw missing('action.buttons.reply');
    return { id: required(reply, 'button', 'id', 256), title: required(reply, 'button', 'title', 20) };
  });
  unique(
    replies.map((reply) => reply.id),
    'button ids',
  );
  unique(
    replies.map((reply) => reply.title),
    'button titles',
  );
}

function checkList(action: JsonObject): void {
  required(action, 'action', 'button', 20);
  const sections = listAt(action, 'sections');
  if (!sections.length || sections.length > 10) throw invalid('A list has 1 to 10 sections');
  const ids: string[] = [];
  for (const section of sections) {
    if (!isObject(section)) throw invalid('action.sections must hold objects');
    if (sections.length > 1) required(section, 'section', 'title', 24);
    else optional(section, 'title', 24, 'section');
    const rows = listAt(section, 'rows');
    if (!rows.length) throw invalid('A section needs at least one row');
    for (const row of rows) {
      if (!isObject(row)) throw invalid('section.rows must hold objects');
      ids.push(required(row, 'row', 'id', 200));
      required(row, 'row', 'title', 24);
      optional(row, 'description', 72, 'row');
    }
  }
  if (ids.length > 10) throw invalid(`Total row count exceed max allowed count: 10 (${ids.length})`);
  unique(ids, 'row ids');
}

function checkTemplateHead(template: JsonObject): void {
  required(template, 'template', 'name', 512);
  const language = objectAt(template, 'language');
  if (!language) throw missing('template.language');
  required(language, 'template.language', 'code', 16);
  const components = template['components'];
  if (components !== undefined && !Array.isArray(components)) throw invalid('template.components must be a list');
  for (const component of listAt(template, 'components')) {
    const type = (stringAt(component, 'type') ?? '').toLowerCase();
    if (!['header', 'body', 'button', 'footer', 'carousel', 'limited_time_offer', 'order_status'].includes(type)) {
      throw invalid(`template.components.type ${type} is not known`);
    }
    if (type === 'button' && !stringAt(component, 'sub_type')) throw missing('template.components.sub_type');
  }
}

function named(action: JsonObject, name: string): JsonObject {
  if (action['name'] !== name) throw invalid(`action.name must be ${name}`);
  const parameters = objectAt(action, 'parameters');
  if (!parameters) throw missing('action.parameters');
  return parameters;
}

function required(object: JsonObject, path: string, key: string, limit: number): string {
  const value = object[key];
  if (typeof value !== 'string' || value.trim() === '') throw missing(`${path}.${key}`);
  if (value.length > limit) throw invalid(`${path}.${key}: Param length must be less than or equal to ${limit} (${value.length})`);
  return value;
}

function optional(object: JsonObject, key: string, limit: number, path?: string): string | null {
  const value = object[key];
  if (value === undefined || value === null) return null;
  const name = path ? `${path}.${key}` : key;
  if (typeof value !== 'string') throw invalid(`${name} must be a string`);
  if (value.length > limit) throw invalid(`${name}: Param length must be less than or equal to ${limit} (${value.length})`);
  return value;
}

function only(object: JsonObject, path: string, keys: readonly string[]): void {
  const unexpected = Object.keys(object).find((key) => !keys.includes(key));
  if (unexpected !== undefined) throw new GraphError(100, `Unexpected key "${unexpected}" on param "${path}".`);
}

function unique(values: string[], what: string): void {
  if (new Set(values).size !== values.length) throw invalid(`Duplicate ${what}`);
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

function missing(name: string): GraphError {
  return new GraphError(131008, `Required parameter ${name} is missing`);
}

function invalid(details: string): GraphError {
  return new GraphError(131009, details);
}

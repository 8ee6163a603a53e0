import { parsePhoneNumberFromString } from 'libphonenumber-js';
import { compact, digitsOf, isObject, objectAt, stringAt, type JsonObject } from './json';
import { BSUID } from './message-rules';

/** A person with a phone that exists only in the simulator. */
export interface Customer {
  /** wa_id, else user_id: names the thread. */
  key: string;
  /** Digits; null for somebody whose phone nobody here knows. */
  wa_id: string | null;
  /** Business-scoped user id. */
  user_id: string;
  username: string | null;
  name: string;
  /** WhatsApp hides the phone of a person with a username from strangers: then webhooks carry the BSUID only. */
  phone_hidden: boolean;
}

export interface CustomerIdentity {
  wa_id?: string;
  user_id?: string;
  username?: string;
  name?: string;
  phone_hidden?: boolean;
}

/** What a customer sends: the kind, its object named by the kind as in Meta's webhook, and what any kind may carry. */
export interface CustomerMessage extends JsonObject {
  type: string;
  /** The same id again is a redelivery. */
  id?: string;
  /** Unix seconds; default now. */
  timestamp?: number;
  context?: { message_id?: string; forwarded?: boolean; frequently_forwarded?: boolean; referred_product?: JsonObject };
  referral?: JsonObject;
  errors?: JsonObject[];
}

const CUSTOMER_KINDS = [
  'text',
  'image',
  'video',
  'audio',
  'document',
  'sticker',
  'location',
  'contacts',
  'interactive',
  'button',
  'reaction',
  'order',
  'system',
  'edit',
  'revoke',
  'unsupported',
] as const;

const MAX_CUSTOMERS = 50_000;
const MAX_NAME = 256;

/** The people who wrote or were opened on the page; a recipient of a send is made up on the spot and not kept. */
export class Customers {
  private readonly byKey = new Map<string, Customer>();
  private readonly byUserId = new Map<string, Customer>();
  private readonly byLine = new Map<string, Customer>();

  all(): Customer[] {
    return [...this.byKey.values()];
  }

  /** Finds or makes the customer, taking over what is newly said of them. */
  know(identity: CustomerIdentity): Customer {
    const wa_id = identity.wa_id?.replace(/\D/g, '') || null;
    const user_id = identity.user_id ?? null;
    if (wa_id !== null && !/^\d{7,15}$/.test(wa_id)) throw new RangeError('from: a phone number has 7 to 15 digits');
    if (user_id !== null && !BSUID.test(user_id)) throw new RangeError('from: not a business-scoped user id, e.g. BR.1A2B3C');
    if (wa_id === null && user_id === null) throw new RangeError('from: a phone number or a business-scoped user id is needed');

    for (const text of [identity.name, identity.username])
      if (text !== undefined && text.length > MAX_NAME) throw new RangeError(`name, username: at most ${MAX_NAME} characters`);

    const known =
      (user_id === null ? undefined : this.byUserId.get(user_id)) ?? (wa_id === null ? undefined : this.byLine.get(lineOf(wa_id)));
    const customer = known ?? stranger(wa_id, user_id);
    customer.name = identity.name ?? customer.name;
    customer.username = identity.username ?? customer.username;
    customer.phone_hidden = identity.phone_hidden ?? customer.phone_hidden;
    if (customer.wa_id === null && wa_id !== null) customer.wa_id = wa_id;
    if (user_id !== null) customer.user_id = user_id;
    this.keep(customer);
    return customer;
  }

  /** The person a send goes to: by phone (with or without Brazil's ninth digit) or by BSUID. */
  recipient(wa_id: string | null, user_id: string | null): Customer {
    const known = wa_id === null ? this.byUserId.get(user_id ?? '') : this.byLine.get(lineOf(wa_id));
    return known ?? stranger(wa_id, user_id);
  }

  find(id: string): Customer | undefined {
    return this.byKey.get(id) ?? this.byUserId.get(id) ?? this.byLine.get(lineOf(id.replace(/\D/g, '')));
  }

  /** A new SIM card: another phone number also means another BSUID. */
  changeNumber(customer: Customer, wa_id: string): void {
    if (customer.wa_id !== null) this.byLine.delete(lineOf(customer.wa_id));
    this.byUserId.delete(customer.user_id);
    customer.wa_id = wa_id;
    customer.user_id = userIdFor(wa_id);
    this.keep(customer);
  }

  clear(): void {
    this.byKey.clear();
    this.byUserId.clear();
    this.byLine.clear();
  }

  /** As it is said, whatever was known. */
  keep(customer: Customer): void {
    this.byKey.set(customer.key, customer);
    this.byUserId.set(customer.user_id, customer);
    if (customer.wa_id !== null) this.byLine.set(lineOf(customer.wa_id), customer);
    const oldest = this.byKey.values().next().value;
    if (this.byKey.size > MAX_CUSTOMERS && oldest) {
      this.byKey.delete(oldest.key);
      this.byUserId.delete(oldest.user_id);
      if (oldest.wa_id !== null) this.byLine.delete(lineOf(oldest.wa_id));
    }
  }
}

function stranger(wa_id: string | null, user_id: string | null): Customer {
  const id = user_id ?? userIdFor(wa_id ?? '');
  return { key: wa_id ?? id, wa_id, user_id: id, username: null, name: wa_id ? `+${wa_id}` : 'WhatsApp user', phone_hidden: false };
}

function userIdFor(wa_id: string): string {
  return `${parsePhoneNumberFromString(`+${wa_id}`)?.country ?? 'BR'}.${digitsOf(`user:${wa_id}`, 16)}`;
}

/** One key for the spellings of one line: Brazil's ninth digit, Mexico's 1, Argentina's 9 come and go. */
function lineOf(wa_id: string): string {
  return wa_id
    .replace(/^(55\d{2})9([6-9]\d{7})$/, '$1$2')
    .replace(/^521(\d{10})$/, '52$1')
    .replace(/^549(\d{10})$/, '54$1');
}

/** An entry of `contacts[]`: what WhatsApp shows the business of this person. */
export function contactOf(customer: Customer): JsonObject {
  return compact({
    profile: compact({ name: customer.name, username: customer.username ?? undefined }),
    wa_id: visiblePhone(customer),
    user_id: customer.user_id,
  });
}

export function visiblePhone(customer: Customer): string | undefined {
  return customer.phone_hidden ? undefined : (customer.wa_id ?? undefined);
}

/**
 * The element of `messages[]` for what the customer sends.
 * @throws {RangeError} a kind the simulator does not know, or its object missing.
 */
export function incomingMessage(customer: Customer, message: CustomerMessage, id: string, business_wa_id: string): JsonObject {
  const { type } = message;
  if (!CUSTOMER_KINDS.some((kind) => kind === type)) throw new RangeError(`type: one of ${CUSTOMER_KINDS.join(', ')}`);
  const content = contentOf(message);
  return compact({
    context: contextOf(message, business_wa_id),
    from: visiblePhone(customer),
    from_user_id: customer.user_id,
    id,
    timestamp: String(message.timestamp ?? Math.floor(Date.now() / 1000)),
    type,
    [type]: content,
    referral: message.referral,
    errors:
      message.errors ??
      (type === 'unsupported'
        ? [
            {
              code: 131051,
              title: 'Message type unknown',
              message: 'Message type unknown',
              error_data: { details: 'Message type is currently not supported.' },
            },
          ]
        : undefined),
  });
}

function contentOf(message: CustomerMessage): unknown {
  const content = message[message.type];
  if (message.type === 'text') {
    const body = typeof content === 'string' ? content : stringAt(content, 'body');
    if (!body) throw new RangeError('text: body is missing');
    return { body };
  }
  if (message.type === 'contacts') {
    if (!Array.isArray(content) || !content.length) throw new RangeError('contacts: a list is needed');
    return content;
  }
  // An interactive reply or an unsupported kind may arrive without its object; Meta really does that.
  if (message.type === 'unsupported' || (message.type === 'interactive' && content === undefined)) return content;
  if (!isObject(content)) throw new RangeError(`${message.type}: an object is needed`);
  if (message.type === 'revoke' || message.type === 'edit') {
    if (!stringAt(content, 'original_message_id')) throw new RangeError(`${message.type}: original_message_id is missing`);
    if (message.type === 'edit' && !objectAt(content, 'message')) throw new RangeError('edit: message is missing');
  }
  if (message.type === 'reaction' && !stringAt(content, 'message_id')) throw new RangeError('reaction: message_id is missing');
  return content;
}

function contextOf({ context }: CustomerMessage, business_wa_id: string): JsonObject | undefined {
  if (!context) return undefined;
  return compact({
    ...(context.message_id ? { from: business_wa_id, id: context.message_id } : {}),
    forwarded: context.forwarded,
    frequently_forwarded: context.frequently_forwarded,
    referred_product: context.referred_product,
  });
}

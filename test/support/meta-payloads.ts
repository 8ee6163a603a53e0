import { createHmac, randomBytes } from 'node:crypto';

/** Webhook bodies as the Cloud API sends them (v25.0), one builder per kind. `null` for an optional field leaves its key out. */

export type MetaPayload = {
  object: string;
  entry: { id: string; time?: number; changes: { field: string; value: Record<string, unknown> }[] }[];
};

type Fields = Record<string, unknown>;

/** Whose number it came to. */
export interface To {
  waba_id?: string;
  phone_number_id?: string;
  display_phone_number?: string;
}

/** Who wrote. Phone and business-scoped id flicker: either may be null. */
export interface From extends To {
  from?: string | null;
  user_id?: string | null;
  parent_user_id?: string | null;
  name?: string | null;
  username?: string | null;
  id?: string;
  /** Unix seconds. */
  timestamp?: number | string;
  context?: Fields | null;
  referral?: Fields | null;
  group_id?: string | null;
  /** Replaces the whole `contacts[]`; null leaves it out. */
  contacts?: Fields[] | null;
  /** `value.errors[]`. */
  errors?: Fields[] | null;
}

export interface StatusOptions extends To {
  id?: string;
  timestamp?: number | string;
  recipient_id?: string | null;
  recipient_user_id?: string | null;
  recipient_parent_user_id?: string | null;
  username?: string | null;
  name?: string | null;
  callback_data?: string | null;
  pricing?: Fields | null;
  conversation?: Fields | null;
  error?: { code: number; title?: string; message?: string; details?: string };
  /** Turns it into a group status: the recipient is a participant of this group. */
  group_id?: string | null;
  contacts?: Fields[] | null;
  /** Anything else, into the status itself. */
  extra?: Fields;
}

export const META = {
  waba_id: '102290129340398',
  phone_number_id: '106540352242922',
  display_phone_number: '551150399000',
  from: '5511988887777',
  user_id: 'BR.1502000000000001',
  name: 'Ana Souza',
} as const;

export const wamid = (): string => `wamid.HBgNNTUxMTk4ODg4Nzc3NxUCABIYIA${randomBytes(15).toString('hex').toUpperCase()}AA==`;

const seconds = (): number => Math.floor(Date.now() / 1_000);

/** Drops keys that are null or undefined: Meta leaves out what it does not say. */
function omit(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));
}

const or = <T>(value: T | null | undefined, fallback: T): T | null => (value === undefined ? fallback : value);

/** The envelope around one change. */
export function change(field: string, value: Fields, to: To & { time?: number | null } = {}): MetaPayload {
  const time = to.time === undefined ? seconds() : to.time;
  return {
    object: 'whatsapp_business_account',
    entry: [{ id: to.waba_id ?? META.waba_id, ...(time === null ? {} : { time }), changes: [{ field, value }] }],
  };
}

function metadata(to: To): Fields {
  return {
    display_phone_number: to.display_phone_number ?? META.display_phone_number,
    phone_number_id: to.phone_number_id ?? META.phone_number_id,
  };
}

function contactsOf(options: From): Fields[] | null {
  if (options.contacts !== undefined) return options.contacts;
  return [
    omit({
      profile: omit({ name: or(options.name, META.name), username: options.username }),
      wa_id: or(options.from, META.from),
      user_id: or(options.user_id, META.user_id),
      parent_user_id: options.parent_user_id,
    }),
  ];
}

/** One inbound message of any type, `body` being its own object. */
export function message(type: string, body: Fields, options: From = {}): MetaPayload {
  const item = omit({
    context: options.context,
    from: or(options.from, META.from),
    from_user_id: or(options.user_id, META.user_id),
    from_parent_user_id: options.parent_user_id,
    group_id: options.group_id,
    id: options.id ?? wamid(),
    timestamp: String(options.timestamp ?? seconds()),
    type,
    ...body,
    referral: options.referral,
  });
  const value = omit({
    messaging_product: 'whatsapp',
    metadata: metadata(options),
    contacts: contactsOf(options),
    errors: options.errors,
    messages: [item],
  });
  return change('messages', value, { ...options, time: null });
}

const sha256 = (): string => randomBytes(32).toString('base64');
const mediaId = (): string => `${1_000_000_000_000_000 + Math.floor(Math.random() * 9e14)}`;

interface MediaOptions extends From {
  media_id?: string;
  mime_type?: string;
  sha256?: string;
  caption?: string | null;
  filename?: string | null;
  voice?: boolean;
  animated?: boolean;
  url?: string | null;
}

function media(type: string, mime_type: string, options: MediaOptions, more: Fields = {}): MetaPayload {
  const object = omit({
    caption: options.caption,
    filename: options.filename,
    mime_type: options.mime_type ?? mime_type,
    sha256: options.sha256 ?? sha256(),
    id: options.media_id ?? mediaId(),
    url: options.url,
    ...more,
  });
  return message(type, { [type]: object }, options);
}

const PRICING = { billable: true, pricing_model: 'PMP', category: 'service', type: 'regular' };

function status(name: string, options: StatusOptions = {}): MetaPayload {
  const group = options.group_id ?? null;
  const failed = name === 'failed';
  const recipient = or(options.recipient_id, META.from);
  // Of a failed send Meta tells only what it was addressed to, and no contact.
  const user = or(options.recipient_user_id, failed ? null : META.user_id);
  const who =
    group === null
      ? { recipient_id: recipient, recipient_user_id: user, recipient_parent_user_id: options.recipient_parent_user_id }
      : { recipient_id: group, recipient_type: 'group', recipient_participant_id: recipient, recipient_participant_user_id: user };
  const priced = name === 'sent' || name === 'delivered';
  const item = omit({
    id: options.id ?? wamid(),
    status: name,
    timestamp: String(options.timestamp ?? seconds()),
    ...who,
    biz_opaque_callback_data: options.callback_data,
    conversation: options.conversation,
    pricing: options.pricing === undefined ? (priced ? PRICING : null) : options.pricing,
    errors: failed ? [graphError(options.error)] : null,
    ...options.extra,
  });
  const contact = omit({
    profile: omit({ name: options.name, username: name === 'sent' ? null : options.username }),
    wa_id: recipient,
    user_id: user,
  });
  const contacts = options.contacts !== undefined ? options.contacts : failed ? null : [contact];
  return change('messages', omit({ messaging_product: 'whatsapp', metadata: metadata(options), contacts, statuses: [item] }), {
    ...options,
    time: null,
  });
}

function graphError(error: StatusOptions['error']): Fields {
  const { code, title, message, details } = error ?? { code: 131026, title: 'Message undeliverable', details: 'Message Undeliverable.' };
  return {
    code,
    title: title ?? 'Error',
    message: message ?? title ?? 'Error',
    error_data: { details: details ?? title ?? 'Error' },
    href: 'https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/',
  };
}

const template = (options: { template_id?: string | number; name?: string; language?: string }): Fields => ({
  message_template_id: options.template_id ?? 1502093017502093,
  message_template_name: options.name ?? 'pedido_pronto',
  message_template_language: options.language ?? 'pt_BR',
});

type TemplateOptions = To & { template_id?: string | number; name?: string; language?: string; extra?: Fields };

export const metaPayload = {
  // 2.3, inbound messages
  text: (options: From & { body?: string } = {}) =>
    message('text', { text: { body: options.body ?? 'Olá, quero fazer um pedido' } }, options),
  image: (options: MediaOptions = {}) => media('image', 'image/jpeg', options),
  video: (options: MediaOptions = {}) => media('video', 'video/mp4', options),
  audio: (options: MediaOptions = {}) => media('audio', 'audio/ogg; codecs=opus', options, { voice: options.voice ?? true }),
  document: (options: MediaOptions = {}) =>
    media('document', 'application/pdf', { ...options, filename: options.filename === undefined ? 'nota-fiscal.pdf' : options.filename }),
  sticker: (options: MediaOptions = {}) => media('sticker', 'image/webp', options, { animated: options.animated ?? false }),
  /** Too large for Meta: no file, error 131052. */
  mediaTooLarge: (options: From & { caption?: string } = {}) =>
    message(
      'document',
      {
        document: omit({ caption: options.caption, filename: 'video-casamento.zip' }),
        errors: [
          { code: 131052, title: 'Media download error', message: 'Media download error', error_data: { details: 'File too large' } },
        ],
      },
      options,
    ),
  location: (options: From & { location?: Fields } = {}) =>
    message(
      'location',
      {
        location: options.location ?? {
          latitude: -23.55052,
          longitude: -46.633308,
          name: 'Praça da Sé',
          address: 'Praça da Sé, São Paulo',
          url: 'https://maps.example/se',
        },
      },
      options,
    ),
  contacts: (options: From & { cards?: Fields[] } = {}) =>
    message(
      'contacts',
      {
        contacts: options.cards ?? [
          {
            name: { first_name: 'João', last_name: 'Lima', formatted_name: 'João Lima' },
            phones: [{ phone: '+55 21 97777-6666', wa_id: '5521977776666', type: 'CELL' }],
            emails: [{ email: 'joao@example.com', type: 'WORK' }],
            org: { company: 'Padaria Lima' },
            origin: 'other',
            vcard: 'BEGIN:VCARD\nVERSION:3.0\nFN:João Lima\nEND:VCARD',
          },
        ],
      },
      options,
    ),
  /** The answer to our request for contact information: the sender's own phone, proved. */
  contactRequest: (options: From & { phone?: string } = {}) => {
    const wa_id = options.phone ?? META.from;
    return message(
      'contacts',
      { contacts: [{ origin: 'contact_request', phones: [{ phone: `+${wa_id}`, wa_id, type: 'CELL' }] }] },
      options,
    );
  },
  buttonReply: (options: From & { reply?: Fields } = {}) =>
    message(
      'interactive',
      { interactive: { type: 'button_reply', button_reply: options.reply ?? { id: 'ok:42', title: 'Sim' } } },
      options,
    ),
  listReply: (options: From & { reply?: Fields } = {}) =>
    message(
      'interactive',
      {
        interactive: {
          type: 'list_reply',
          list_reply: options.reply ?? { id: 'fin', title: 'Financeiro', description: 'Boletos e notas' },
        },
      },
      options,
    ),
  flowReply: (options: From & { response_json?: string; name?: string | null; flow?: string } = {}) =>
    message(
      'interactive',
      {
        interactive: {
          type: 'nfm_reply',
          nfm_reply: {
            name: options.flow ?? 'flow',
            body: 'Sent',
            response_json: options.response_json ?? '{"flow_token":"t1","nome":"Ana","plano":"anual"}',
          },
        },
      },
      options,
    ),
  callPermissionReply: (options: From = {}) =>
    message(
      'interactive',
      {
        interactive: {
          type: 'call_permission_reply',
          call_permission_reply: { response: 'accept', expiration_timestamp: seconds() + 604_800, response_source: 'user_action' },
        },
      },
      options,
    ),
  /** Seen live: the type without its object, and error 131000 beside it. */
  interactiveWithoutObject: (options: From = {}) =>
    message(
      'interactive',
      {},
      {
        ...options,
        errors: [
          {
            code: 131000,
            title: 'Something went wrong',
            message: 'Something went wrong',
            error_data: { details: 'Failed to process the reply' },
          },
        ],
      },
    ),
  button: (options: From & { button?: Fields } = {}) =>
    message('button', { button: options.button ?? { payload: 'ok:42', text: 'Confirmar' } }, options),
  order: (options: From & { order?: Fields } = {}) =>
    message(
      'order',
      {
        order: options.order ?? {
          catalog_id: '194836987003835',
          text: 'Entregar à tarde',
          product_items: [{ product_retailer_id: 'pao-frances', quantity: 10, item_price: 1.2, currency: 'BRL' }],
        },
      },
      options,
    ),
  /** `emoji` null: the key is missing, which takes the reaction back as '' does. */
  reaction: (options: From & { target?: string; emoji?: string | null } = {}) =>
    message('reaction', { reaction: omit({ message_id: options.target ?? wamid(), emoji: or(options.emoji, '👍') }) }, options),
  edit: (options: From & { original?: string; message?: Fields } = {}) =>
    message(
      'edit',
      {
        edit: {
          original_message_id: options.original ?? wamid(),
          message: options.message ?? { type: 'text', text: { body: 'Olá, corrigindo' } },
        },
      },
      options,
    ),
  revoke: (options: From & { original?: string } = {}) =>
    message('revoke', { revoke: { original_message_id: options.original ?? wamid() } }, options),
  unsupported: (options: From & { raw_type?: string } = {}) =>
    message(
      'unsupported',
      {
        errors: [
          {
            code: 131051,
            title: 'Message type unknown',
            message: 'Message type unknown',
            error_data: { details: 'Message type is currently not supported.' },
          },
        ],
        unsupported: omit({ type: options.raw_type ?? 'poll' }),
      },
      options,
    ),
  /** A type Meta adds after this was written. */
  unknownType: (options: From & { type?: string } = {}) =>
    message(options.type ?? 'hologram', { [options.type ?? 'hologram']: { id: '77', frames: [1, 2, 3] } }, options),
  changedNumber: (options: From & { new_wa_id?: string; new_user_id?: string | null; spelling?: string } = {}) => {
    const old = or(options.from, META.from);
    const wa_id = options.new_wa_id ?? '5511977776666';
    return message(
      'system',
      {
        system: omit({
          body: `User ${META.name} changed from ${old ?? ''} to ${wa_id}`,
          type: options.spelling ?? 'user_changed_number',
          wa_id,
          user_id: options.new_user_id,
        }),
      },
      { contacts: null, ...options },
    );
  },
  changedUserId: (options: From & { old_user_id?: string; new_user_id?: string; new_wa_id?: string | null } = {}) => {
    const previous = options.old_user_id ?? META.user_id;
    const current = options.new_user_id ?? 'BR.1502000000000999';
    return message(
      'system',
      {
        system: omit({
          body: `User ${META.name} changed from ${previous} to ${current}`,
          type: 'user_changed_user_id',
          wa_id: options.new_wa_id,
          user_id: current,
        }),
      },
      { contacts: null, ...options },
    );
  },
  identityChanged: (options: From = {}) =>
    message(
      'system',
      {
        system: {
          body: `The identity of ${META.name} changed`,
          type: 'customer_identity_changed',
          identity: 'vQ1mRZZ7uWs=',
          customer: META.from,
        },
      },
      { contacts: null, ...options },
    ),

  // 2.4, statuses
  status,
  /** A call's status wrongly arriving among message statuses. */
  callStatus: (options: StatusOptions = {}) =>
    status('RINGING', { id: 'wacid.HBgNNTUx', pricing: null, ...options, extra: { type: 'call' } }),

  // 2.2, the other fields
  valueErrors: (options: To & { code?: number } = {}) =>
    change(
      'messages',
      {
        messaging_product: 'whatsapp',
        metadata: metadata(options),
        errors: [
          {
            code: options.code ?? 130429,
            title: 'Rate limit hit',
            message: 'Rate limit hit',
            error_data: { details: 'Message failed to send because there were too many messages sent from this phone number' },
          },
        ],
      },
      { ...options, time: null },
    ),
  templateStatus: (event: string, options: TemplateOptions & { reason?: string } = {}) =>
    change('message_template_status_update', { event, ...template(options), reason: options.reason ?? 'NONE', ...options.extra }, options),
  templateCategory: (options: TemplateOptions & { previous?: string | null; category?: string; correct?: string | null } = {}) =>
    change(
      'template_category_update',
      omit({
        ...template(options),
        previous_category: or(options.previous, 'UTILITY'),
        new_category: options.category ?? 'MARKETING',
        correct_category: options.correct,
        ...options.extra,
      }),
      options,
    ),
  templateQuality: (options: TemplateOptions & { previous?: string; quality?: string } = {}) =>
    change(
      'message_template_quality_update',
      { previous_quality_score: options.previous ?? 'GREEN', new_quality_score: options.quality ?? 'YELLOW', ...template(options) },
      options,
    ),
  templateComponents: (options: TemplateOptions = {}) =>
    change(
      'message_template_components_update',
      { ...template(options), message_template_element: 'Olá {{1}}, seu pedido está pronto', message_template_title: 'Pedido' },
      options,
    ),
  accountUpdate: (event: string, options: To & { extra?: Fields } = {}) => change('account_update', { event, ...options.extra }, options),
  accountAlert: (options: To = {}) =>
    change(
      'account_alerts',
      {
        entity_type: 'WABA',
        entity_id: options.waba_id ?? META.waba_id,
        alert_severity: 'WARNING',
        alert_status: 'NONE',
        alert_type: 'INCREASED_CAPABILITIES_ELIGIBILITY_DEFERRED',
        alert_description: 'Your limit increase was deferred.',
      },
      options,
    ),
  accountReview: (options: To & { decision?: string } = {}) =>
    change('account_review_update', { decision: options.decision ?? 'APPROVED' }, options),
  capability: (options: To & { limit?: number | string } = {}) =>
    change(
      'business_capability_update',
      { max_daily_conversations_per_business: options.limit ?? 2_000, max_phone_numbers_per_business: 25 },
      options,
    ),
  phoneQuality: (options: To & { event?: string; current_limit?: string; extra?: Fields } = {}) =>
    change(
      'phone_number_quality_update',
      omit({
        display_phone_number: options.display_phone_number ?? META.display_phone_number,
        event: options.event ?? 'THROUGHPUT_UPGRADE',
        current_limit: options.current_limit ?? 'TIER_10K',
        ...options.extra,
      }),
      options,
    ),
  phoneName: (options: To & { decision?: string; name?: string } = {}) =>
    change(
      'phone_number_name_update',
      {
        display_phone_number: options.display_phone_number ?? META.display_phone_number,
        decision: options.decision ?? 'APPROVED',
        requested_verified_name: options.name ?? 'Padaria Lima',
        rejection_reason: null,
      },
      options,
    ),
  security: (options: To = {}) =>
    change('security', { display_phone_number: META.display_phone_number, event: 'PIN_CHANGED', requester: '1002' }, options),
  businessUsername: (options: To = {}) =>
    change(
      'business_username_updates',
      { display_phone_number: META.display_phone_number, username: 'padaria.lima', status: 'approved' },
      options,
    ),
  userPreference: (value: string, options: From = {}) =>
    change(
      'user_preferences',
      omit({
        messaging_product: 'whatsapp',
        metadata: metadata(options),
        contacts: contactsOf(options),
        user_preferences: [
          omit({
            wa_id: or(options.from, META.from),
            user_id: or(options.user_id, META.user_id),
            detail: `User requested to ${value} marketing messages`,
            category: 'marketing_messages',
            value,
            timestamp: Number(options.timestamp ?? seconds()),
          }),
        ],
      }),
      { ...options, time: null },
    ),
  userIdUpdate: (options: From & { previous?: string; current?: string; parent?: { previous: string; current: string } | null } = {}) =>
    change(
      'user_id_update',
      {
        messaging_product: 'whatsapp',
        metadata: metadata(options),
        user_id_update: [
          omit({
            wa_id: or(options.from, META.from),
            detail: 'The user changed their phone number',
            user_id: { previous: options.previous ?? META.user_id, current: options.current ?? 'BR.1502000000000999' },
            parent_user_id: options.parent,
            timestamp: Number(options.timestamp ?? seconds()),
          }),
        ],
      },
      { ...options, time: null },
    ),
  /** Typed in the WhatsApp Business app; `from`, `user_id` name the customer it went to. */
  echo: (options: From & { type?: string; content?: Fields } = {}) => {
    const type = options.type ?? 'text';
    const item = omit({
      from: options.display_phone_number ?? META.display_phone_number,
      to: or(options.from, META.from),
      to_user_id: or(options.user_id, META.user_id),
      id: options.id ?? wamid(),
      timestamp: String(options.timestamp ?? seconds()),
      type,
      ...(options.content ?? { text: { body: 'Seu pedido saiu para entrega' } }),
    });
    const value = omit({
      messaging_product: 'whatsapp',
      metadata: metadata(options),
      contacts: contactsOf(options),
      message_echoes: [item],
    });
    return change('smb_message_echoes', value, { ...options, time: null });
  },
  calls: (options: To = {}) =>
    change(
      'calls',
      {
        messaging_product: 'whatsapp',
        metadata: metadata(options),
        statuses: [{ id: 'wacid.HBgN', type: 'call', status: 'RINGING', timestamp: String(seconds()), recipient_id: META.from }],
      },
      options,
    ),
  unknownField: (field = 'future_thing', options: To = {}) => change(field, { anything: ['goes', { here: true }] }, options),

  /** Several bodies as the one Meta sends when it batches: every entry stays as it was. */
  batch: (payloads: MetaPayload[]): MetaPayload => ({
    object: 'whatsapp_business_account',
    entry: payloads.flatMap((payload) => payload.entry),
  }),
  /** Several bodies of the `messages` field as one change: all their messages, statuses and contacts in one value. */
  merge: (payloads: MetaPayload[]): MetaPayload => {
    const [first, ...rest] = payloads.map((payload) => structuredClone(payload));
    const value = first?.entry[0]?.changes[0]?.value;
    if (first === undefined || value === undefined) throw new Error('merge needs at least one payload');
    for (const payload of rest) {
      for (const [key, items] of Object.entries(payload.entry[0]?.changes[0]?.value ?? {})) {
        const own = value[key];
        if (Array.isArray(items)) value[key] = Array.isArray(own) ? [...(own as unknown[]), ...(items as unknown[])] : items;
      }
    }
    return first;
  },
};

/** The value of X-Hub-Signature-256 over exactly these bytes. */
export function signMeta(raw: string | Buffer, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(raw).digest('hex')}`;
}

/** JSON as Meta writes it: non-ASCII escaped, slashes too, so that re-serialising gives other bytes. */
export function metaJson(payload: unknown): string {
  return JSON.stringify(payload)
    .replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .replaceAll('/', '\\/');
}

import type { Readable } from 'node:stream';
import type { Conflict } from '#common/errors';
import type { JsonObject } from '#common/json.scalar';
import type { SendingNumber } from './numbers/sending-number';
import type { Pace, Window } from './limits/buckets';
import { ConnectionStatus, type ConnectionType, type WhatsAppNumber } from './numbers/whatsapp-number.entity';
import type { ConnectionUpdate, InboundMessage, PairingCode, ParsedChange, ProviderError } from './parsed-change';
import type { FailureDecision } from './provider-failure';
import type { Template } from './templates/template.entity';
import type { Json } from './wire';

// What stands behind our numbers: Meta's Cloud API in meta/, Evolution in evolution/. All that differs between them is said here.

/** What is so of a kind of number, whoever asks. */
interface Capabilities {
  /** From 24 h after the customer's last message only templates may be sent. */
  has_window: boolean;
  has_templates: boolean;
  /** A person whose phone is hidden can be asked for it with a button. */
  asks_for_phone: boolean;
  /** A phone is paired with it by QR code; an instance at the provider holds the connection. */
  is_paired: boolean;
  /** A choice may reach people as a numbered text, and its answer come as one. */
  has_text_menus: boolean;
  /** Where the provider's webhooks are sent; `token`: the number's own. */
  webhook_path: (token: string | null) => string;
  /** How fast messages may leave by a number, by the throughput its provider gave it. */
  pace: (throughput: string | null) => Window;
  /** How fast messages may leave to one person; null: as fast as by the number. */
  pair: Pace | null;
  /** Messages by a number within any such time, unless its organization says otherwise; null: no limit. */
  limits: { minute: number | null; hourly: number | null };
  /** So many people a day may be written to who did not write first, by all numbers of an account together. */
  has_portfolio: boolean;
}

/** So many a second, in quarters: nobody waits longer for the next one, and the network may bring them 2 % closer together than they left. */
const perSecond = (count: number): Window => ({ count: count / 4, ms: 255 });

export const CAPABILITIES: Readonly<Record<ConnectionType, Capabilities>> = {
  official: {
    has_window: true,
    has_templates: true,
    asks_for_phone: true,
    is_paired: false,
    has_text_menus: false,
    webhook_path: () => '/api/v1/whatsapp/webhook',
    // Meta, "Throughput": 80 messages a second; 1,000 for a number it has upgraded.
    pace: (throughput) => perSecond(throughput === 'HIGH' ? 1000 : 80),
    // Meta, "Pair rate limits": 1 in 6 s, 45 of them ahead of time. The network may bring two closer together than they left.
    pair: { ms: 6100, burst: 45 },
    limits: { minute: 4800, hourly: null },
    has_portfolio: true,
  },
  // Contract 20, 5.4: half a second between two.
  qrcode: {
    has_window: false,
    has_templates: false,
    asks_for_phone: false,
    is_paired: true,
    has_text_menus: true,
    webhook_path: (token) => `/api/v1/whatsapp/webhook/evolution/${token}`,
    pace: () => ({ count: 1, ms: 500 }),
    pair: null,
    limits: { minute: null, hourly: 1000 },
    has_portfolio: false,
  },
};

/** A provider, as far as it needs no number's keys. */
export interface Provider {
  /** `count` items of a kept webhook after the first `from`, in its order; what cannot be read is `poison` in its place. */
  parse(body: Buffer, part: { from: number; count: number }): ParsedChange[];
  /** What the error of a `failed` status means. */
  failureOf(error: ProviderError): FailureDecision;
  /** What keeps messages from leaving by the number; null: nothing. */
  obstacle(sending: SendingNumber): Conflict | null;
  /** null: the keys are not complete. */
  line(keys: NumberKeys): Line | null;
  /** Whether what the provider shows as sent can be this message of ours: a provider that carries no id of ours shows our own sends so. */
  isEcho(shown: InboundMessage, ours: OutgoingMessage): boolean;
  /** Asks how the number is. Does not throw for what the provider says: that is the answer. */
  check(number: WhatsAppNumber, keys: NumberKeys): Promise<Checked>;
}

/** A number as its provider is called for it. Every call answers or throws a ProviderFailure; none is repeated by itself. */
export interface Line {
  /** A success means accepted, not delivered. */
  send(message: OutgoingMessage, delivery: Delivery): Promise<SendAnswer>;
  /** Shows incoming messages as read. */
  markRead(read: ReadMessages): Promise<void>;
  /** Shows a person that an answer is being written, for ten seconds at most, or no more; absent: it is not shown. */
  showTyping?: (person: Pick<Delivery, 'phone' | 'bsuid'>, typing: boolean) => Promise<void>;
  /** A customer's file: a stream the caller must consume or destroy, and what was promised of it. */
  fetchMedia(media_id: string): Promise<PromisedFile>;
  /** The id by which this number's sends name the file from then on; absent: a file goes with its message. */
  uploadMedia?: (file: OurFile) => Promise<string>;
  /** What customers see of the business; what is absent stays. Absent itself: the phone says it. */
  showProfile?: (profile: Json) => Promise<void>;
  /** Has the provider tell us what happens on the number; absent: nothing is to be arranged. */
  subscribe?: () => Promise<void>;
  /** Those of the number's account; absent: there are none, or we do not know the account. */
  templates?: TemplateAccount;
  /** How a phone is paired with the number; absent: it is not. */
  pairing?: Pairing;
}

/** The instance that holds a number's connection. */
export interface Pairing {
  /** Makes it where there is none, has it tell us what happens, and asks it for a code to scan. null: a phone is paired with it already. */
  begin(): Promise<PairingCode | null>;
  /** null: there is no instance. */
  state(): Promise<ConnectionUpdate['state'] | null>;
  /** Unpairs the phone; the instance stays. One that is not paired is left as it is. */
  end(): Promise<void>;
  /** The phone and the instance. */
  remove(): Promise<void>;
}

/** Incoming messages the team has read. */
export interface ReadMessages extends Pick<Delivery, 'phone' | 'bsuid'> {
  /** The newest of them. */
  provider_id: string;
  /** Those before it, of which WhatsApp may know already. */
  earlier_ids: string[];
}

/** The templates of an account. */
export interface TemplateAccount {
  /** One page, as the provider has them. `after`: where the next one begins; null: there is none. */
  list(query: TemplateListing): Promise<{ items: Json[]; after: string | null }>;
  /** All, to the last page. */
  readAll(): Promise<FoundTemplate[]>;
  read(meta_template_id: string): Promise<FoundTemplate>;
  /** Asks for a review; the provider may choose another category. */
  create(template: NewTemplate): Promise<Pick<Template, 'meta_template_id' | 'status' | 'category'>>;
  /** All components anew, and another review. */
  edit(meta_template_id: string, content: TemplateContent): Promise<void>;
  /** This language alone; one that is gone already is gone. */
  remove(template: Pick<Template, 'name' | 'meta_template_id'>): Promise<void>;
  /** A header's example file; answers what names it in `header_handle`. */
  uploadSample(file: SampleFile): Promise<string>;
}

/** Which templates of an account are listed. */
export interface TemplateListing {
  status?: string;
  category?: string;
  language?: string;
  name?: string;
  limit: number;
  after?: string;
}

export type TemplateContent = Partial<Pick<Template, 'category'>> & Pick<Template, 'components'>;

export type NewTemplate = Pick<Template, 'name' | 'language' | 'category' | 'parameter_format' | 'components'> & {
  allow_category_change?: boolean;
};

export interface SampleFile {
  blob: Blob;
  filename: string;
  mime_type: string;
}

/** What a provider knows a number by. */
export interface NumberKeys {
  phone_number_id: string | null;
  whatsapp_business_account_id: string | null;
  access_token: string | null;
  evolution_instance_name: string | null;
  evolution_api_url: string | null;
  evolution_api_key: string | null;
  webhook_token: string | null;
  webhook_verify_token: string | null;
  settings: JsonObject;
}

/** The part of a stored outgoing message that the provider is told. */
export interface OutgoingMessage {
  /** Ours; Meta gives it back with every status. */
  id: string;
  message_type: string;
  content: string | null;
  /** Contract 20, 4.2. */
  payload: Json;
}

export interface Delivery {
  /** Phone as WhatsApp reported it, with or without `+`; null for a person shown without one. */
  phone?: string | null;
  /** The same where WhatsApp itself reported it; null: nobody asked yet whether the phone has WhatsApp. */
  wa_id?: string | null;
  /** Or the LID, `…@lid`. */
  bsuid?: string | null;
  /** The provider's id of the message replied to. */
  reply_to_provider_id?: string | null;
  /** The provider's id of the message a reaction is for. */
  target_provider_id?: string | null;
  /** Whether that message is ours. */
  target_is_ours?: boolean | null;
  /** Of a media message: the file as the provider knows it, where it fetches it, or itself. Without: `payload.link`. */
  media?: { id: string } | { link: string } | { file: OurFile } | null;
}

/** A file of ours; read from the disk as it is sent. */
export interface OurFile {
  blob: Blob;
  filename: string;
  mime_type: string;
}

export interface SendAnswer {
  /** By which statuses will name the message. */
  provider_id: string;
  /** The phone as WhatsApp has it: an alias worth keeping, digits may differ from what we sent to. */
  wa_id: string | null;
}

export interface PromisedFile {
  stream: Readable;
  /** Hex or base64. */
  sha256: string | null;
  size_bytes: number | null;
}

/** What the provider decides of a template. */
export type ProviderTemplate = Pick<
  Template,
  'meta_template_id' | 'name' | 'language' | 'category' | 'status' | 'rejected_reason' | 'quality_score' | 'parameter_format' | 'components'
>;

/** A template the provider has, but not in a form we know. */
export interface UnreadableTemplate {
  name: string | null;
  language: string | null;
  /** What is wrong with it. */
  error: string;
}

export type FoundTemplate = ProviderTemplate | UnreadableTemplate;

/** What asking the provider how a number is came to. */
export type Checked =
  // `proved`: these ids are reached by the organization's own token; null: they were lately, and nobody asked again.
  | { status: ConnectionStatus.connected; fields: NumberFields; proved: ProvedIds | null }
  // `refused`: the provider knows us and says no; else it was not to be reached, which says nothing of the number.
  // `disproved`: the ids are not the organization's, or not of each other; `doubted`: its token reaches them no more, perhaps only expired.
  | { status: ConnectionStatus.error; reason: string; refused: boolean; disproved?: boolean; doubted?: boolean }
  // No phone is paired with it, or it is being paired.
  | { status: ConnectionStatus.disconnected; reason: string }
  | { status: ConnectionStatus.connecting; reason: string };

/** null: not told. */
export interface NumberFields {
  verified_name: string | null;
  quality_rating: string | null;
  messaging_limit: string | null;
  throughput: string | null;
}

export type ProvedIds = Pick<WhatsAppNumber, 'phone_number_id' | 'whatsapp_business_account_id'>;

/** The provider knows us and says no. */
export const refusal = (reason: string): Extract<Checked, { refused: boolean }> => ({
  status: ConnectionStatus.error,
  reason,
  refused: true,
});

import type { Readable } from 'node:stream';
import type { Conflict } from '#common/errors';
import type { SendingNumber } from './numbers/sending-number';
import type { Window } from './limits/buckets';
import { ConnectionStatus, type ConnectionType, type WhatsAppNumber } from './numbers/whatsapp-number.entity';
import type { ParsedChange, ProviderError } from './parsed-change';
import type { FailureDecision } from './provider-failure';
import type { Template } from './templates/template.entity';
import type { Json } from './wire';

// What stands behind our numbers: Meta's Cloud API in meta/, Evolution in evolution/. All that differs between them is said here.

/** What is so of a kind of number, whoever asks. */
interface Capabilities {
  /** From 24 h after the customer's last message only templates may be sent. */
  has_window: boolean;
  has_templates: boolean;
  /** A list to choose from is shown as one. */
  has_lists: boolean;
  /** Where an administrator has the provider's webhooks sent; null: there is nothing to enter by hand. */
  webhook_path: string | null;
  /** How fast messages may leave by a number, by the throughput its provider gave it. */
  pace: (throughput: string | null) => Window;
}

/** So many a second, in quarters: nobody waits longer for the next one, and the network may bring them 2 % closer together than they left. */
const perSecond = (count: number): Window => ({ count: count / 4, ms: 255 });

export const CAPABILITIES: Readonly<Record<ConnectionType, Capabilities>> = {
  official: {
    has_window: true,
    has_templates: true,
    has_lists: true,
    webhook_path: '/api/v1/whatsapp/webhook',
    // Meta, "Throughput": 80 messages a second; 1,000 for a number it has upgraded.
    pace: (throughput) => perSecond(throughput === 'HIGH' ? 1000 : 80),
  },
  // Contract 20, 5.4: half a second between two.
  qrcode: { has_window: false, has_templates: false, has_lists: false, webhook_path: null, pace: () => ({ count: 1, ms: 500 }) },
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
  /** Asks how the number is. Does not throw for what the provider says: that is the answer. */
  check(number: WhatsAppNumber, keys: NumberKeys): Promise<Checked>;
}

/** A number as its provider is called for it. Every call answers or throws a ProviderFailure; none is repeated by itself. */
export interface Line {
  /** A success means accepted, not delivered. */
  send(message: OutgoingMessage, delivery: Delivery): Promise<SendAnswer>;
  /** Shows an incoming message, and all before it, as read. */
  markRead(provider_id: string): Promise<void>;
  /** A customer's file: a stream the caller must consume or destroy, and what was promised of it. */
  fetchMedia(media_id: string): Promise<PromisedFile>;
  /** The id by which this number's sends name the file from then on. */
  uploadMedia(file: { blob: Blob; filename: string; mime_type: string }): Promise<string>;
  /** What customers see of the business; what is absent stays. */
  showProfile(profile: Json): Promise<void>;
  /** Has the provider tell us what happens on the number; absent: nothing is to be arranged. */
  subscribe?: () => Promise<void>;
  /** All templates of the number's account, to the last page; absent: there are none, or we do not know the account. */
  readTemplates?: () => Promise<FoundTemplate[]>;
}

/** What a provider knows a number by. */
export interface NumberKeys {
  phone_number_id: string | null;
  whatsapp_business_account_id: string | null;
  access_token: string | null;
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
  bsuid?: string | null;
  /** The provider's id of the message replied to. */
  reply_to_provider_id?: string | null;
  /** The provider's id of the message a reaction is for. */
  target_provider_id?: string | null;
  /** Whether that one was sent by us. */
  target_is_ours?: boolean | null;
  /** Of a media message: the file as the provider knows it, or where it fetches it. Without: `payload.link`. */
  media?: { id: string } | { link: string } | null;
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
  | { status: ConnectionStatus.error; reason: string; refused: boolean; disproved?: boolean; doubted?: boolean };

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

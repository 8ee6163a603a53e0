import type { Json } from './wire';

/** The names WhatsApp gives one person in one payload; any of them may be absent (contract 20, 1.4). */
export interface PersonIds {
  /** E.164 with `+`. */
  phone?: string;
  /** Business-scoped user id, `BR.1502…`. */
  bsuid?: string;
  /** Parent id of enrolled portfolios, `BR.ENT.1502…`. */
  parent_bsuid?: string;
  /** WhatsApp Web's name for who hides their phone, `1502…@lid`. */
  lid?: string;
}

/** Where in the payload an item stood and whose it is. */
export interface Origin {
  /** `value.metadata.phone_number_id`; null on template and account fields, which speak for a whole WABA. */
  phone_number_id: string | null;
  /** `entry.id`. */
  waba_id: string | null;
  field: string;
  /** For logs: `entry[0].changes[1].value.messages[2]`. */
  path: string;
}

export interface MediaRef {
  /** The provider's word for the file, by which it is fetched. Meta's id: for seven days. */
  id: string;
  mime_type: string | null;
  sha256: string | null;
  filename?: string;
  voice?: boolean;
  animated?: boolean;
  caption?: string;
}

export interface ProviderError {
  code: number | null;
  title: string | null;
  message: string | null;
  details: string | null;
}

/** What every item of `messages[]` has: an id, a time, a person. */
export interface Inbound extends Origin {
  /** wamid, or WhatsApp Web's key id. */
  provider_id: string;
  timestamp: Date;
  /** The person outside; of an echo: the one we wrote to. Never empty. */
  ids: PersonIds;
  profile_name: string | null;
  username: string | null;
  /** Set in groups, where the ids are those of the participant who wrote. */
  group_id: string | null;
}

/** Kinds a stored message may have (contract 20, 4.1); whatever Meta invents next arrives as `unsupported`. */
export type InboundMessageType =
  | 'text'
  | 'image'
  | 'video'
  | 'audio'
  | 'document'
  | 'sticker'
  | 'location'
  | 'contacts'
  | 'interactive'
  | 'button'
  | 'order'
  | 'unsupported';

export interface MessageContent {
  message_type: InboundMessageType;
  /** Text body, caption or chosen title; null when nothing is textual. */
  content: string | null;
  /** Contract 20, 4.2. */
  payload: Json;
  media?: MediaRef;
  /** Phones the sender proved to be their own by answering our request for contact information. */
  linked_phones?: string[];
}

export interface InboundMessage extends Inbound, MessageContent {
  kind: 'message';
  /** wamid of the quoted message; it may be unknown to us. */
  reply_to_provider_id: string | null;
  forwarded: boolean;
  /** Came from an advertisement or post (`payload.referral`). */
  from_ad: boolean;
}

export interface InboundReaction extends Inbound {
  kind: 'reaction';
  target_provider_id: string;
  /** null takes the reaction back. */
  emoji: string | null;
}

export interface InboundEdit extends Inbound, MessageContent {
  kind: 'edit';
  original_provider_id: string;
}

export interface InboundRevoke extends Inbound {
  kind: 'revoke';
  original_provider_id: string;
  /** Said of a message that was edited just now, it means that edit. */
  doubtful?: boolean;
}

export interface InboundSystem extends Inbound {
  kind: 'system';
  /** `user_changed_number` covers the older spelling `customer_changed_number`. */
  system_type: 'user_changed_number' | 'user_changed_user_id' | 'customer_identity_changed' | 'other';
  content: string | null;
  payload: Json;
  /** From before the change, and `ids` too unless nothing tells them. */
  old_ids: PersonIds;
  new_ids: PersonIds;
}

export interface StatusUpdate extends Origin {
  kind: 'status';
  provider_id: string;
  /** `other`: deleted, warning and what comes next; accept and ignore. */
  status: 'sent' | 'delivered' | 'read' | 'played' | 'failed' | 'other';
  raw_status: string;
  timestamp: Date;
  /** Who it was for; empty when Meta does not say (failed). */
  ids: PersonIds;
  profile_name: string | null;
  username: string | null;
  group_id: string | null;
  /** `biz_opaque_callback_data`: our message id. */
  callback_data?: string;
  pricing?: { billable: boolean | null; category: string | null; pricing_model: string | null; type: string | null };
  /** Only inside a free entry point window. */
  conversation?: { id: string | null; origin_type: string | null; expires_at: Date | null };
  error?: ProviderError;
}

/** Typed on the phone itself (coexistence): ours, outgoing. `event.ids` name the person we wrote to. */
export interface Echo extends Origin {
  kind: 'echo';
  provider_id: string;
  timestamp: Date;
  event: InboundMessage | InboundReaction | InboundEdit | InboundRevoke;
}

export interface TemplateEvent extends Origin {
  kind: 'template';
  change: 'status' | 'category' | 'quality' | 'components';
  timestamp: Date | null;
  template_id: string | null;
  name: string | null;
  language: string | null;
  /** Our status of contract 20, 6.1 (REINSTATED and UNARCHIVED are APPROVED), or a word Meta added since. */
  status: string | null;
  rejected_reason: string | null;
  /** FIRST_PAUSE, RATE_LIMITING_PAUSE, UNPAUSE …, as Meta words it. */
  detail: string | null;
  category: string | null;
  previous_category: string | null;
  /** Announced, not yet in force. */
  correct_category: string | null;
  quality: string | null;
  previous_quality: string | null;
  payload: Json;
}

export interface AccountEvent extends Origin {
  kind: 'account';
  timestamp: Date | null;
  event: string | null;
  /** `bad`: sending stops (disabled, restricted, violation, deleted); `good`: reinstated; null: says nothing about it. */
  standing: 'good' | 'bad' | null;
  /** Digits; phone_number_quality_update and phone_number_name_update name their number only so. */
  display_phone_number: string | null;
  messaging_limit_tier: string | null;
  /** The approved display name. */
  display_name: string | null;
  /** The new name's verdict, or the account review's. */
  decision: string | null;
  payload: Json;
}

export interface UserPreference extends Origin {
  kind: 'preference';
  timestamp: Date | null;
  ids: PersonIds;
  profile_name: string | null;
  username: string | null;
  category: string | null;
  value: string | null;
  /** stop: false, resume: true; null: another value, which says nothing about marketing. */
  opt_in: boolean | null;
}

export interface UserIdUpdate extends Origin {
  kind: 'user_id';
  timestamp: Date | null;
  old_ids: PersonIds;
  new_ids: PersonIds;
  detail: string | null;
}

/** Trouble told out of band, on the number as a whole. */
export interface ValueErrors extends Origin {
  kind: 'errors';
  errors: ProviderError[];
}

/** Whether a number that is paired is connected. */
export interface ConnectionUpdate extends Origin {
  kind: 'connection';
  state: 'open' | 'connecting' | 'closed';
  /** Whose phone is paired, E.164; null: not told. */
  phone: string | null;
  profile_name: string | null;
  /** Why it closed. */
  reason: string | null;
}

/** The code a phone scans to be paired; without codes: no more of them come. */
export interface PairingCodeUpdate extends Origin, PairingCode {
  kind: 'pairing_code';
  timestamp: Date;
}

export interface PairingCode {
  /** PNG data URL. */
  qr_code: string | null;
  /** The same, as text. */
  code: string | null;
  /** To be typed in place of scanning. */
  pairing_code: string | null;
}

/** How a person shows themselves by now. */
export interface ProfileUpdate extends Origin {
  kind: 'profile';
  ids: PersonIds;
  profile_name: string | null;
  avatar_url: string | null;
}

/** A person writes to us at this moment, or stopped. */
export interface Presence extends Origin {
  kind: 'presence';
  timestamp: Date;
  ids: PersonIds;
  typing: boolean;
}

/** Understood and of no use here: kept raw, answered 200. */
export interface Ignored extends Origin {
  kind: 'ignored';
  reason: 'other_object' | 'field_not_used' | 'empty' | 'call_status' | 'payment_status' | 'other_status_type' | 'not_a_person';
}

/** Not what it claims to be; parked, its neighbours go on. */
export interface Poison extends Origin {
  kind: 'poison';
  reason:
    | 'not_an_object'
    | 'no_entries'
    | 'no_changes'
    | 'no_field'
    | 'no_value'
    | 'bad_id'
    | 'bad_timestamp'
    | 'no_person'
    | 'no_target'
    | 'no_status'
    | 'bad_list'
    | 'unreadable';
  item: unknown;
}

export type ParsedChange =
  | InboundMessage
  | InboundReaction
  | InboundEdit
  | InboundRevoke
  | InboundSystem
  | StatusUpdate
  | Echo
  | TemplateEvent
  | AccountEvent
  | UserPreference
  | UserIdUpdate
  | ValueErrors
  | ConnectionUpdate
  | PairingCodeUpdate
  | ProfileUpdate
  | Presence
  | Ignored
  | Poison;

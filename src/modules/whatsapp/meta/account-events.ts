import type { AccountEvent, Origin, TemplateEvent } from '../parsed-change';
import { asId, asName, asNumber, asObject, asTime, asWords, cleanJson, type Json } from '../wire';

const TEMPLATE_CHANGE = {
  message_template_status_update: 'status',
  template_category_update: 'category',
  message_template_quality_update: 'quality',
  message_template_components_update: 'components',
} as const;

export function templateEvent(origin: Origin, value: Json, time: unknown): TemplateEvent {
  const change = TEMPLATE_CHANGE[origin.field as keyof typeof TEMPLATE_CHANGE];
  const event = change === 'status' ? asWords(value.event, 64) : null;
  // "NONE" also comes with an approval, and the sentence of rejection_info says more than the code.
  const reason = asWords(value.reason);
  const rejection = asWords(asObject(value.rejection_info)?.reason, 2048);
  return {
    ...origin,
    kind: 'template',
    change,
    timestamp: asTime(time),
    template_id: asId(value.message_template_id),
    name: asWords(value.message_template_name, 512),
    language: asWords(value.message_template_language, 32)?.replace('-', '_') ?? null,
    status: event === 'REINSTATED' || event === 'UNARCHIVED' ? 'APPROVED' : event,
    rejected_reason: rejection ?? (reason === 'NONE' ? null : reason),
    detail: asWords(asObject(value.other_info)?.title) ?? asWords(asObject(value.disable_info)?.disable_date),
    category: change === 'category' ? asWords(value.new_category, 64) : asWords(value.message_template_category, 64),
    previous_category: asWords(value.previous_category, 64),
    correct_category: asWords(value.correct_category, 64),
    quality: asWords(value.new_quality_score, 64),
    previous_quality: asWords(value.previous_quality_score, 64),
    payload: cleanJson(value) as Json,
  };
}

const BAD_STANDING: ReadonlySet<string> = new Set(['DISABLED_UPDATE', 'ACCOUNT_RESTRICTION', 'ACCOUNT_VIOLATION', 'ACCOUNT_DELETED']);

export function accountEvent(origin: Origin, value: Json, time: unknown): AccountEvent {
  const event = asWords(value.event, 64) ?? asWords(value.alert_type, 64);
  const decision = asWords(value.decision, 64);
  const display_phone_number = asWords(value.display_phone_number, 64) ?? asWords(value.phone_number, 64);
  return {
    ...origin,
    kind: 'account',
    timestamp: asTime(time),
    event,
    standing: origin.field === 'account_update' ? standing(event, value) : null,
    display_phone_number: display_phone_number?.replace(/\D/g, '') || null,
    messaging_limit_tier: messagingLimitTier(
      value.max_daily_conversations_per_business ?? value.current_limit ?? value.max_daily_conversation_per_phone,
    ),
    display_name:
      origin.field === 'phone_number_name_update' && decision === 'APPROVED' ? asName(value.requested_verified_name, 255) : null,
    decision,
    payload: cleanJson(value) as Json,
  };
}

/** A ban is lifted under the same event that announces it. */
export function standing(event: string | null, value: Json): AccountEvent['standing'] {
  if (event === 'ACCOUNT_RECONNECTED') return 'good';
  if (event === null || !BAD_STANDING.has(event)) return null;
  return event === 'DISABLED_UPDATE' && asObject(value.ban_info)?.waba_ban_state === 'REINSTATE' ? 'good' : 'bad';
}

/** Meta writes the limit as a word (TIER_2K), as a number (2000) and, for no limit, as -1. */
export function messagingLimitTier(value: unknown): string | null {
  const number = asNumber(value);
  if (number === null) {
    const word = asWords(value, 32);
    if (word === null) return null;
    return word.startsWith('TIER_') ? word : `TIER_${word}`;
  }
  if (number < 0 || number > 100000) return 'TIER_UNLIMITED';
  return number >= 1000 ? `TIER_${Math.floor(number / 1000)}K` : `TIER_${number}`;
}

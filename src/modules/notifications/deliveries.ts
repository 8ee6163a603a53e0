import { CHANNELS, Channel, type NoticeType } from './notice-types';
import { DeliveryStatus, type NotificationDelivery, SkipReason } from './notification.entity';
import type { NotificationPreference } from './notification-preference.entity';

type Wishes = Pick<NotificationPreference, `${Channel}_enabled` | 'types'>;

/** Somebody who is to be told, with how they want to be; null: they never said. */
export interface Person {
  user_id: string;
  email: string;
  email_verified: boolean;
  wishes: Wishes | null;
  /** Whether the organization lets notices go by mail. */
  mails: boolean;
}

/** As the columns have it, for who never said. */
const USUAL: Wishes = {
  in_app_enabled: true,
  websocket_enabled: true,
  email_enabled: true,
  sms_enabled: false,
  whatsapp_enabled: false,
  types: {},
};

/**
 * The channels a notice takes to a person: those it has by default, or by the word of who tells it, and those the person added. In the app and on
 * sockets it is there at once; a mail waits for its turn.
 */
export function deliveriesOf(
  type: string,
  { channels, always_by_mail, in_own_words }: NoticeType,
  { user_id, email, email_verified, wishes, mails }: Person,
  now: Date,
): NotificationDelivery[] {
  const { types, ...enabled } = wishes ?? USUAL;
  const own = types[type] ?? {};
  const wants = (channel: Channel): boolean => {
    if (channel === Channel.email && always_by_mail) return true;
    if (channel === Channel.email && !mails) return false;
    return enabled[`${channel}_enabled`] && (own[channel] ?? channels.includes(channel));
  };
  const taken = CHANNELS.filter((channel) => channels.includes(channel) || own[channel]);
  return taken.map((channel): NotificationDelivery => {
    const delivery = {
      channel,
      recipient: channel === Channel.email ? email : user_id,
      sent_at: null,
      error_message: null,
      reason: null,
      retry_count: 0,
    };
    if (!wants(channel)) return { ...delivery, status: DeliveryStatus.skipped, reason: SkipReason.disabled };
    if (channel === Channel.email && in_own_words && !email_verified)
      return { ...delivery, status: DeliveryStatus.skipped, reason: SkipReason.unconfirmed };
    if (channel === Channel.email) return { ...delivery, status: DeliveryStatus.pending };
    if (channel === Channel.in_app || channel === Channel.websocket)
      return { ...delivery, status: DeliveryStatus.sent, sent_at: now.toISOString() };
    return { ...delivery, status: DeliveryStatus.skipped, reason: SkipReason.not_configured };
  });
}

/** Whether there is anything to tell: not where the person wants none of it. */
export const isWanted = (deliveries: readonly NotificationDelivery[]): boolean =>
  deliveries.some(({ reason }) => reason !== SkipReason.disabled);

/** undefined: it does not take this channel. */
export const deliveryBy = (deliveries: readonly NotificationDelivery[], channel: Channel): NotificationDelivery | undefined =>
  deliveries.find((delivery) => delivery.channel === channel);

/** Whether it goes out on a channel. */
export const goesBy = (deliveries: readonly NotificationDelivery[], channel: Channel): boolean =>
  (deliveryBy(deliveries, channel)?.status ?? DeliveryStatus.skipped) !== DeliveryStatus.skipped;

/** SQL: the deliveries of a row `n` with `changes` (SQL of a jsonb object) made to the one of a channel. */
export const changedDelivery = (channel: Channel, changes: string): string =>
  `(SELECT jsonb_agg(CASE WHEN d->>'channel' = '${channel}' THEN d || ${changes} ELSE d END ORDER BY place)
      FROM jsonb_array_elements(n.deliveries) WITH ORDINALITY AS each(d, place))`;

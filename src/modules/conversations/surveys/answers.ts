import { type Conversation, CsatAwaits } from '../conversation.entity';
import { type Message, MessageType } from '../messages/message.entity';
import { isActive } from '../state/active';
import type { Rating } from '../state/rating';

type Asked = Pick<Conversation, 'status' | 'resolved_at' | 'csat_awaits' | 'csat_until'>;
type Said = Pick<Message, 'message_type' | 'content' | 'payload' | 'created_at'>;

/** From a rating on, the next text is what the customer adds to it. */
const COMMENT_MS = 10 * 60_000;
/** WhatsApp's clock and ours differ by less. */
const CLOCKS_MS = 60_000;

/** The row of the survey's list that stands for a rating, and back. */
export const answerId = (rating: number): string => `csat-${rating}`;

/** What of a customer's messages, in order, answers the survey of their conversation, how many do, and which of them choose a rating; null: none. */
export function answersIn(
  { status, resolved_at, csat_awaits, csat_until }: Asked,
  messages: readonly Said[],
): { rating: Omit<Rating, 'organization_id' | 'id'>; count: number; chosen: ReadonlySet<Said> } | null {
  if (!csat_awaits) return null;
  const answer: Omit<Rating, 'organization_id' | 'id'> = { rating: null, rated_at: null, rating_comment: null, csat_awaits, csat_until };
  let count = 0;
  const ratings = new Set<Said>();
  // Where people talk again a digit or a word is no answer; what is chosen from the list says what it is.
  let is_over = !isActive({ status });
  for (const message of messages) {
    // What comes late was said to whom they talked with.
    if (resolved_at && message.created_at.getTime() + CLOCKS_MS <= resolved_at.getTime()) is_over = false;
    const { csat_awaits: awaits, csat_until: until } = answer;
    const in_time = until !== null && message.created_at <= until;
    const rating = in_time && awaits ? (chosen(message) ?? (is_over && awaits === CsatAwaits.rating ? typed(message) : null)) : null;
    const words = message.message_type === MessageType.text ? message.content : null;
    if (rating !== null) {
      ratings.add(message);
      const { created_at: rated_at } = message;
      Object.assign(answer, { rating, rated_at, csat_awaits: CsatAwaits.comment, csat_until: new Date(rated_at.getTime() + COMMENT_MS) });
    } else if (in_time && is_over && awaits === CsatAwaits.comment && words)
      Object.assign(answer, { rating_comment: words, csat_awaits: null, csat_until: null });
    else {
      is_over = false;
      continue;
    }
    count++;
  }
  return count ? { rating: answer, count, chosen: ratings } : null;
}

function chosen({ message_type, payload }: Said): number | null {
  if (message_type !== MessageType.interactive) return null;
  return [1, 2, 3, 4, 5].find((rating) => payload.id === answerId(rating)) ?? null;
}

const typed = ({ message_type, content }: Said): number | null =>
  message_type === MessageType.text && /^\s*[1-5]\s*$/.test(content ?? '') ? Number(content) : null;

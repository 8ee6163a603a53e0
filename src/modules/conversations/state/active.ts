import { type Conversation, ConversationStatus } from '../conversation.entity';

/** Somebody is or will be at it: a contact has one such conversation on a number. */
export const isActive = ({ status }: Pick<Conversation, 'status'>): boolean =>
  status === ConversationStatus.open || status === ConversationStatus.pending;

/** SQL: the same of a row. */
export const activeRow = (row: string): string => `${row}.status IN ('open', 'pending')`;

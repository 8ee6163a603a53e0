import { Actor } from '#common/actor';
import { Conflict } from '#common/errors';
import type { Tx } from '#database/database';
import { TenantRepository } from '#database/tenant-repository';
import { Message, MessageDirection, type MessageReaction, MessageType } from './message.entity';
import { presentMessage } from './message.dto';

/** Meta, "Reaction messages": not to messages older than 30 days. */
const REACTABLE_MS = 30 * 24 * 3600_000;

const SILENT: readonly MessageType[] = [MessageType.note, MessageType.reaction, MessageType.system];

/** One reaction a side; an empty one takes it back. */
export function react(reactions: readonly MessageReaction[], given: MessageReaction): MessageReaction[] {
  const others = reactions.filter(({ from }) => from !== given.from);
  return given.emoji ? [...others, given] : others;
}

/** @throws {Conflict} WhatsApp does not show the message, or not any more. */
export function assertReactable(message: Message): void {
  const { whatsapp_message_id, message_type, is_deleted, direction, created_at } = message;
  if (!whatsapp_message_id || is_deleted || direction === MessageDirection.internal || SILENT.includes(message_type))
    throw new Conflict('message_not_reactable', 'Only a message that stands in WhatsApp can be reacted to.');
  if (Date.now() - created_at.getTime() > REACTABLE_MS)
    throw new Conflict('message_not_reactable', 'WhatsApp takes no reaction to a message older than 30 days.');
}

/** A reaction did not reach WhatsApp: its message shows it no longer, unless there is another one by now. */
export async function takeBackReaction(
  tx: Tx,
  { organization_id, reply_to_message_id, created_at }: Pick<Message, 'organization_id' | 'reply_to_message_id' | 'created_at'>,
): Promise<void> {
  const actor = Actor.system(organization_id);
  const messages = new TenantRepository(tx, Message);
  if (!reply_to_message_id || !(await messages.find(actor, reply_to_message_id))) return;
  const { reactions } = await messages.lock(actor, reply_to_message_id);
  const left = reactions.filter(({ from, at }) => from !== 'business' || at !== created_at.toISOString());
  if (left.length === reactions.length) return;
  const message = await messages.patch(actor, reply_to_message_id, { reactions: left });
  tx.tell('message.updated', { organization_id, message: presentMessage(message), change: 'reaction' });
}

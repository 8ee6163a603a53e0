import type { Actor } from '#common/actor';
import { NotFound } from '#common/errors';
import type { Tx } from '#database/database';
import { prepared } from '#database/sql';
import { TenantRepository } from '#database/tenant-repository';
import { Contact } from '#modules/contacts/contact.entity';
import { Conversation } from '../conversation.entity';

const CONTACT_OF = `FROM contacts WHERE organization_id = $1 AND deleted_at IS NULL
  AND id = (SELECT contact_id FROM conversations WHERE organization_id = $1 AND id = $2)`;

/**
 * A conversation and its contact, for a change of either. One order of locks everywhere: contact, then conversation.
 * @throws {NotFound} No such conversation; or its contact was deleted, and its past is only read.
 */
export async function lockThread(tx: Tx, actor: Actor, conversation_id: string): Promise<{ contact: Contact; conversation: Conversation }> {
  const contacts = new TenantRepository(tx, Contact);
  const conversations = new TenantRepository(tx, Conversation);
  for (let look = 1; ; look++) {
    const [[raw], conversation] = await Promise.all([
      tx.rows<Record<string, unknown> | undefined>(prepared(`SELECT ${contacts.columns} ${CONTACT_OF} FOR NO KEY UPDATE`), [
        actor.organization_id,
        conversation_id,
      ]),
      conversations.lock(actor, conversation_id),
    ]);
    // While we waited for the lock a merge may have given the conversation to another contact, and deleted this one.
    if (!raw && look > 1) throw new NotFound('Contact');
    const contact = raw && contacts.hydrate(raw);
    if (contact?.id === conversation.contact_id) return { contact, conversation };
  }
}

import type { Actor } from '#common/actor';
import { Invalid } from '#common/errors';
import type { Tx } from '#database/database';
import { TAGS_OF_CONTACT_MAX } from '#modules/tags/contact-tag.entity';
import type { TagDetail } from '#modules/tags/tag.dto';
import type { Tags } from '#modules/tags/tags';

/** What becomes of the tags a contact has: these and no others, these too, these no longer. */
export type Tagging = 'set' | 'add' | 'remove';

export interface TagMoves {
  added: TagDetail[];
  removed: TagDetail[];
}

/** Tags come to a contact, which is locked, and go from it. @throws {Invalid} It would have too many. */
export async function retag(
  tx: Tx,
  tags: Tags,
  actor: Actor,
  contact_id: string,
  given: readonly TagDetail[],
  how: Tagging,
): Promise<TagMoves> {
  const before = (await tags.ofContacts(actor, [contact_id], tx)).get(contact_id) ?? [];
  const [there, named] = [new Set(idsOf(before)), new Set(idsOf(given))];
  const removed = how === 'add' ? [] : before.filter(({ id }) => named.has(id) === (how === 'remove'));
  const added = how === 'remove' ? [] : given.filter(({ id }) => !there.has(id));
  const links = (some: readonly TagDetail[]): { contact_id: string; tag_id: string }[] =>
    some.map(({ id }) => ({ contact_id, tag_id: id }));
  await tags.remove(tx, actor, links(removed));
  const { crowded } = await tags.add(tx, actor, links(added));
  if (crowded.length) throw Invalid.field('tags', `a contact has at most ${TAGS_OF_CONTACT_MAX} tags`, undefined, 'too_long');
  if (added.length || removed.length)
    await tx.rows('UPDATE contacts SET updated_at = now() WHERE organization_id = $1 AND id = $2', [actor.organization_id, contact_id]);
  // By their ids: a name may say who it is, and the log keeps none.
  const after = [...before.filter((tag) => !removed.includes(tag)), ...added];
  tx.audit(actor, 'contact.tags_changed', {
    resource: { id: contact_id },
    before: { tag_ids: idsOf(before) },
    after: { tag_ids: added.length || removed.length ? idsOf(after) : idsOf(before) },
  });
  return { added, removed };
}

const idsOf = (tags: readonly TagDetail[]): string[] => tags.map(({ id }) => id);

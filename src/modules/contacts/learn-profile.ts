import { Actor } from '#common/actor';
import type { Tx } from '#database/database';
import { prepared } from '#database/sql';
import type { ContactNews } from './contact-news';
import { type Sighting, findPerson } from './resolve-people';

/** How a person shows themselves on WhatsApp; null: not told. */
export interface Profile extends Pick<Sighting, 'organization_id' | 'portfolio_id' | 'ids' | 'seen_at'> {
  whatsapp_name: string | null;
  avatar_url: string | null;
}

const LEARN =
  prepared(`UPDATE contacts SET whatsapp_name = coalesce($3, whatsapp_name), avatar_url = coalesce($4, avatar_url), updated_at = now()
  WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL
    AND (whatsapp_name, avatar_url) IS DISTINCT FROM (coalesce($3, whatsapp_name), coalesce($4, avatar_url)) RETURNING id`);

/** Name and picture of a contact there is; nobody is made for them. */
export async function learnProfile(tx: Tx, news: ContactNews, { whatsapp_name, avatar_url, ...person }: Profile): Promise<void> {
  const { organization_id } = person;
  const contact_id = await findPerson(tx, person);
  if (!contact_id) return;
  const [changed] = await tx.rows(LEARN, [organization_id, contact_id, whatsapp_name, avatar_url]);
  if (changed) await news.updated(tx, Actor.system(organization_id), contact_id);
}

import type { Actor } from '#common/actor';
import type { Tx } from '#database/database';
import { forgetRows } from '#database/forget-rows';
import { contactRows } from '#database/personal-data';
import type { Sql } from '#database/sql';
import { TenantRepository } from '#database/tenant-repository';
import { ANONYMOUS, Contact, mayTell, told } from './contact.entity';
import { IdentityKind } from './contact-identity.entity';

/**
 * Makes one contact of two, within the caller's transaction: what is kept of `gone` becomes `keep`'s (each table as its room declares), whose empty
 * fields are filled from it; and says so. False: one of them is not there (any more).
 */
export async function mergeContacts(tx: Tx, actor: Actor, keep: string, gone: string): Promise<boolean> {
  const ids = [actor.organization_id, keep, gone];
  // Both rows, in one order everywhere.
  const { columns } = new TenantRepository(tx, Contact);
  const live = await tx.rows<Contact>(
    `SELECT ${columns} FROM contacts WHERE organization_id = $1 AND id IN ($2, $3) AND deleted_at IS NULL ORDER BY id FOR NO KEY UPDATE`,
    ids,
  );
  if (live.length < 2) return false;
  const merge = { actor, keep, gone };
  for (const rows of contactRows.values()) await rows.merge?.(tx, merge);
  const filled = await fillContact(tx, ids);
  await moveIdentities(tx, ids);
  // Who asks to be forgotten is forgotten in the one: nothing of them stays in the other.
  await forgetRows(tx, {
    table: 'contacts',
    where: 'organization_id = $1 AND id = $2',
    forgetting: ANONYMOUS,
    ids: [actor.organization_id, gone],
  });
  if (filled.is_blocked) for (const rows of contactRows.values()) await rows.blocked?.(tx, merge);
  tx.tell('contact.merged', { organization_id: actor.organization_id, contact_id: keep, merged_contact_id: gone });
  tx.audit(actor, 'contact.merged', {
    resource: { id: keep },
    before: live.find(({ id }) => id === keep),
    after: { ...told(filled), merged_contact_id: gone },
    may_tell: mayTell,
    metadata: { merged_contact_id: gone },
  });
  return true;
}

async function fillContact(sql: Tx, ids: string[]): Promise<Contact> {
  // The number leaves the old row first: two live contacts cannot share it, not even for one statement. Its other fields stay readable.
  await sql.rows('UPDATE contacts SET deleted_at = now(), updated_at = now() WHERE organization_id = $1 AND id = $2', [ids[0], ids[2]]);
  const [filled] = await sql.rows<Contact>(
    `UPDATE contacts k
        SET whatsapp_id = coalesce(k.whatsapp_id, g.whatsapp_id), match_key = coalesce(k.match_key, g.match_key),
            wa_id = CASE WHEN k.whatsapp_id IS NULL THEN g.wa_id ELSE k.wa_id END,
            alternative_phone = coalesce(k.alternative_phone, CASE WHEN k.whatsapp_id IS NOT NULL THEN g.whatsapp_id END, g.alternative_phone),
            username = coalesce(k.username, g.username), whatsapp_name = coalesce(k.whatsapp_name, g.whatsapp_name), name = coalesce(k.name, g.name),
            email = coalesce(k.email, g.email), avatar_url = coalesce(k.avatar_url, g.avatar_url), company = coalesce(k.company, g.company),
            job_title = coalesce(k.job_title, g.job_title), notes = coalesce(k.notes, g.notes),
            address_street = coalesce(k.address_street, g.address_street), address_city = coalesce(k.address_city, g.address_city),
            address_state = coalesce(k.address_state, g.address_state), address_country = coalesce(k.address_country, g.address_country),
            address_postal_code = coalesce(k.address_postal_code, g.address_postal_code), attributes = g.attributes || k.attributes,
            lifecycle_stage = coalesce(k.lifecycle_stage, g.lifecycle_stage), lead_score = greatest(k.lead_score, g.lead_score),
            -- An opt-out or a block of either is of the person.
            opt_in = k.opt_in AND g.opt_in, opt_in_date = CASE WHEN k.opt_in AND g.opt_in THEN least(k.opt_in_date, g.opt_in_date) END,
            opt_out_date = greatest(k.opt_out_date, g.opt_out_date), is_blocked = k.is_blocked OR g.is_blocked,
            blocked_at = coalesce(k.blocked_at, g.blocked_at), blocked_reason = coalesce(k.blocked_reason, g.blocked_reason), is_vip = k.is_vip OR g.is_vip,
            assigned_agent_id = coalesce(k.assigned_agent_id, g.assigned_agent_id),
            assigned_department_id = coalesce(k.assigned_department_id, g.assigned_department_id),
            last_message_at = greatest(k.last_message_at, g.last_message_at),
            last_message_received_at = greatest(k.last_message_received_at, g.last_message_received_at),
            last_message_sent_at = greatest(k.last_message_sent_at, g.last_message_sent_at),
            total_messages_sent = k.total_messages_sent + g.total_messages_sent, total_messages_received = k.total_messages_received + g.total_messages_received,
            total_conversations = k.total_conversations + g.total_conversations, updated_at = now()
       FROM contacts g WHERE k.organization_id = $1 AND k.id = $2 AND g.organization_id = $1 AND g.id = $3
     RETURNING ${new TenantRepository(sql, Contact).columnsOf('k')}`,
    ids,
  );
  return filled;
}

/** All names are the one's, who has two phones from now on; the newest active BSUID stands on the contact. */
async function moveIdentities(sql: Sql, ids: string[]): Promise<void> {
  await sql.rows(
    `UPDATE contact_identities i
        SET contact_id = $2, updated_at = now(),
            wa_id = CASE WHEN i.kind = $4 AND i.value = g.match_key THEN coalesce(i.wa_id, g.wa_id, substr(g.whatsapp_id, 2)) ELSE i.wa_id END
       FROM contacts g
      WHERE i.organization_id = $1 AND i.contact_id = $3 AND g.organization_id = $1 AND g.id = $3`,
    [...ids, IdentityKind.phone],
  );
  await sql.rows(
    `UPDATE contacts k
        SET whatsapp_user_id = coalesce((SELECT i.value FROM contact_identities i
                                          WHERE i.organization_id = $1 AND i.contact_id = $2 AND i.kind = $4 AND i.is_active
                                          ORDER BY i.last_seen_at DESC, i.id DESC LIMIT 1), k.whatsapp_user_id, g.whatsapp_user_id)
       FROM contacts g WHERE k.organization_id = $1 AND k.id = $2 AND g.organization_id = $1 AND g.id = $3`,
    [...ids, IdentityKind.bsuid],
  );
}

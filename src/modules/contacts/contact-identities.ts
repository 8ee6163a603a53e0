import type { Actor } from '#common/actor';
import { NotFound } from '#common/errors';
import { matchKey } from '#common/phone';
import { newId } from '#common/uuid';
import type { Database, Tx } from '#database/database';
import { type Prepared, type Sql, prepared } from '#database/sql';
import type { TenantRepository } from '#database/tenant-repository';
import type { TagDetail } from '#modules/tags/tag.dto';
import { tagDetails } from '#modules/tags/tags';
import { Contact } from './contact.entity';
import { ContactIdentity, IdentityKind } from './contact-identity.entity';

/** Before the columns of a contact. */
const CONTACT = 'contact.';

/** A name of a contact, or nothing, and its tags. */
type BelongingsRow = Record<string, unknown> & { owner: string; tags: TagDetail[] | null };

/** What is shown with a contact: its names, oldest first, and its tags, A to Z. */
export interface Belongings {
  identities: ContactIdentity[];
  tags: TagDetail[];
}

/** SQL: for each contact `owner` of the parameters its names and tags, or a row without a name. `columns`, `join`: more of them. */
const belongings = (names: string, columns = '', join = ''): Prepared =>
  prepared(
    `SELECT owner, tags, ${columns}${names} FROM unnest($2::uuid[]) AS w(owner) ${join}
      CROSS JOIN LATERAL (SELECT ${tagDetails('$1', 'w.owner')} AS tags) g
       LEFT JOIN contact_identities i ON i.organization_id = $1 AND i.contact_id = w.owner ORDER BY i.first_seen_at, i.id`,
  );

/** A contact and what is shown with it, in one statement. @throws {NotFound} */
export async function contactWithBelongings(database: Database, actor: Actor, id: string, tx?: Tx): Promise<[Contact, Belongings]> {
  const [contacts, identities] = [database.repository(Contact, tx), database.repository(ContactIdentity, tx)];
  const alive = 'JOIN contacts c ON c.organization_id = $1 AND c.id = w.owner AND c.deleted_at IS NULL';
  const whole = belongings(identities.columnsOf('i'), `${contacts.columnsOf('c', CONTACT)}, `, alive);
  const rows = await (tx ?? database).lookup<BelongingsRow>(whole, 'owner', actor.organization_id, id);
  if (!rows.length) throw new NotFound('Contact');
  return [contacts.hydrate(rows[0], CONTACT), belongingsIn(rows, identities)];
}

/** Of several contacts, in their order, in one statement. */
export async function belongingsOf(database: Database, actor: Actor, contact_ids: readonly string[], tx?: Tx): Promise<Belongings[]> {
  const identities = database.repository(ContactIdentity, tx);
  const rows = await (tx ?? database).rows<BelongingsRow>(belongings(identities.columnsOf('i')), [actor.organization_id, contact_ids]);
  const byContact = Map.groupBy(rows, ({ owner }) => owner);
  return contact_ids.map((id) => belongingsIn(byContact.get(id.toLowerCase()) ?? [], identities));
}

function belongingsIn(rows: readonly BelongingsRow[], identities: TenantRepository<ContactIdentity>): Belongings {
  return { identities: rows.filter(({ id }) => id).map((row) => identities.hydrate(row)), tags: rows[0]?.tags ?? [] };
}

/**
 * The contact's number became another one. The earlier stays resolvable for what was sent before, inactive for sending, unless the new one was a
 * further phone of theirs: then they have both as before. A number that was an earlier one of somebody else (it changed hands) is this contact's now.
 */
export async function changePhone(
  sql: Sql,
  { organization_id, id, match_key, wa_id, whatsapp_id }: Contact,
  to: string | null,
  { keeps_both }: { keeps_both: boolean },
): Promise<void> {
  await sql.rows(
    `UPDATE contact_identities SET is_active = $6, inactive_since = CASE WHEN NOT $6 THEN now() END, wa_id = coalesce(wa_id, $5), updated_at = now()
      WHERE organization_id = $1 AND contact_id = $2 AND kind = $3 AND is_active AND value = $4`,
    [organization_id, id, IdentityKind.phone, match_key, wa_id ?? whatsapp_id?.slice(1) ?? null, keeps_both],
  );
  if (to) await takePhones(sql, organization_id, [{ contact_id: id, match_key: to }]);
}

/** Numbers become names of their contacts, of whomever they were before. */
export async function takePhones(
  sql: Sql,
  organization_id: string,
  phones: readonly { contact_id: string; match_key: string }[],
): Promise<void> {
  await sql.rows(
    `INSERT INTO contact_identities AS i (id, organization_id, kind, value, contact_id)
     SELECT p.id, $1, $2, p.match_key, p.contact_id FROM unnest($3::uuid[], $4::text[], $5::uuid[]) AS p(id, match_key, contact_id)
     ON CONFLICT (organization_id, portfolio_id, kind, value) DO UPDATE
       SET contact_id = excluded.contact_id, is_active = true, inactive_since = NULL, updated_at = now(),
           first_seen_at = CASE WHEN i.contact_id = excluded.contact_id THEN i.first_seen_at ELSE now() END, last_seen_at = now()`,
    [
      organization_id,
      IdentityKind.phone,
      phones.map(() => newId()),
      phones.map(({ match_key }) => match_key),
      phones.map(({ contact_id }) => contact_id),
    ],
  );
}

/** Whose phones these are, by match key, their further ones too; not who had one earlier. */
export async function ownersOfPhones(sql: Sql, organization_id: string, match_keys: readonly string[]): Promise<Map<string, string>> {
  const found = await sql.rows<{ value: string; contact_id: string }>(
    `SELECT value, contact_id FROM contact_identities
      WHERE organization_id = $1 AND portfolio_id = '' AND kind = $2 AND value = ANY ($3) AND is_active`,
    [organization_id, IdentityKind.phone, match_keys],
  );
  return new Map(found.map(({ value, contact_id }) => [value, contact_id]));
}

/** A further phone of a contact, by match key. */
export async function furtherPhone(sql: Sql, { organization_id, id }: Contact, match_key: string): Promise<string | undefined> {
  const [found] = await sql.rows<{ id: string } | undefined>(
    `SELECT id FROM contact_identities
      WHERE organization_id = $1 AND portfolio_id = '' AND kind = $2 AND value = $3 AND is_active AND contact_id = $4`,
    [organization_id, IdentityKind.phone, match_key, id],
  );
  return found?.id;
}

/** The names of a deleted contact resolve to nobody: who writes again is a new contact. */
export async function forgetIdentities(sql: Sql, organization_id: string, contact_id: string): Promise<void> {
  await sql.rows('DELETE FROM contact_identities WHERE organization_id = $1 AND contact_id = $2', [organization_id, contact_id]);
}

/** The phone as WhatsApp has it (Brazil's ninth digit) is what we send to next time. */
export async function learnWaId(sql: Sql, organization_id: string, contact_id: string, wa_id: string): Promise<void> {
  if (!/^\d{6,15}$/.test(wa_id)) return;
  await sql.rows('UPDATE contacts SET wa_id = $3 WHERE organization_id = $1 AND id = $2 AND wa_id IS DISTINCT FROM $3 AND match_key = $4', [
    organization_id,
    contact_id,
    wa_id,
    matchKey(wa_id),
  ]);
}

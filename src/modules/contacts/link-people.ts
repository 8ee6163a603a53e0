import { Actor } from '#common/actor';
import { matchKey } from '#common/phone';
import { newId } from '#common/uuid';
import type { Tx } from '#database/database';
import { prepared } from '#database/sql';
import { mergeContacts } from './merge-contacts';
import { type Sighting, findIdentities, keysOf, nameOf } from './resolve-people';

/** Whom a message of ours went to, as the provider names them, and the contact we meant. */
export interface Recipient extends Pick<Sighting, 'organization_id' | 'portfolio_id' | 'ids'> {
  contact_id: string;
  match_key: string | null;
  wa_id: string | null;
}

/**
 * A status of our own phone send names the person by BSUID too: contacts that never wrote become known by it, and one that wrote under the
 * BSUID alone turns out to be the same person. The phone may come back in another spelling, which is the one to send to.
 */
export async function linkPeople(tx: Tx, seen: readonly Recipient[]): Promise<void> {
  const aliases = new Map<string, object>();
  const wanted: { key: ReturnType<typeof keysOf>[number]; contact_id: string; by_phone: boolean }[] = [];
  for (const { organization_id, portfolio_id, ids: told, contact_id: id, match_key, wa_id } of seen) {
    const { phone, ...ids } = told;
    const by_phone = phone !== undefined && matchKey(phone) === match_key;
    if (by_phone && phone.slice(1) !== wa_id) aliases.set(id, { organization_id, id, wa_id: phone.slice(1) });
    for (const key of keysOf({ organization_id, portfolio_id, ids })) wanted.push({ key, contact_id: id, by_phone });
  }
  if (aliases.size)
    await tx.rows(
      prepared(`UPDATE contacts c SET wa_id = a.wa_id, updated_at = now() FROM json_to_recordset($1) AS a(id uuid, organization_id uuid, wa_id text)
        WHERE c.organization_id = a.organization_id AND c.id = a.id`),
      [JSON.stringify([...aliases.values()])],
    );
  const known = await findIdentities(
    tx,
    wanted.map(({ key }) => key),
  );
  const fresh: object[] = [];
  const gone = new Map<string, string>();
  for (const { key, contact_id: asked, by_phone } of wanted) {
    const identity = known.get(nameOf(key));
    if (!identity) fresh.push({ ...key, contact_id: asked, id: newId() });
    if (!identity?.is_active || !by_phone) continue;
    const [keep, other] = [gone.get(asked) ?? asked, gone.get(identity.contact_id) ?? identity.contact_id].sort();
    if (keep === other || !(await mergeContacts(tx, Actor.system(key.organization_id), keep, other))) continue;
    for (const [from, to] of gone) if (to === other) gone.set(from, keep);
    gone.set(other, keep);
  }
  if (!fresh.length) return;
  await tx.rows(
    prepared(`WITH linked AS (
       INSERT INTO contact_identities (id, organization_id, portfolio_id, kind, value, contact_id)
       SELECT DISTINCT ON (r.organization_id, r.portfolio_id, r.kind, r.value) r.id, r.organization_id, r.portfolio_id, r.kind, r.value, r.contact_id
         FROM json_to_recordset($1) AS r(id uuid, organization_id uuid, portfolio_id text, kind text, value text, contact_id uuid)
       ON CONFLICT DO NOTHING RETURNING organization_id, contact_id, kind, value)
     UPDATE contacts c SET whatsapp_user_id = l.value, updated_at = now() FROM linked l
      WHERE l.kind = 'bsuid' AND c.organization_id = l.organization_id AND c.id = l.contact_id`),
    [
      JSON.stringify(
        fresh.map((row) => ({
          ...row,
          contact_id: gone.get((row as { contact_id: string }).contact_id) ?? (row as { contact_id: string }).contact_id,
        })),
      ),
    ],
  );
}

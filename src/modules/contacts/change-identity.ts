import { Actor } from '#common/actor';
import { matchKey } from '#common/phone';
import { newId } from '#common/uuid';
import type { Tx } from '#database/database';
import { Raced } from '#database/database-errors';
import type { PersonIds } from '#modules/whatsapp/parsed-change';
import { IdentityKind } from './contact-identity.entity';
import { mergeContacts } from './merge-contacts';
import { type Sighting, findPerson, keysOf } from './resolve-people';

/** The person of the old names has the new ones from now on; the old stay resolvable for what was sent before, inactive for sending. */
export async function changeIdentity(
  tx: Tx,
  { organization_id, portfolio_id }: Pick<Sighting, 'organization_id' | 'portfolio_id'>,
  { old_ids, new_ids, timestamp }: { old_ids: PersonIds; new_ids: PersonIds; timestamp: Date | null },
  { may_merge }: { may_merge: boolean },
): Promise<void> {
  const seen_at = timestamp ?? new Date();
  const before = await findPerson(tx, { organization_id, portfolio_id, ids: old_ids, seen_at });
  if (!before) return;
  const after = await findPerson(tx, { organization_id, portfolio_id, ids: new_ids, seen_at });
  let contact_id = before;
  if (after && after !== before) {
    // A number says less than an id: who has it by now may be somebody else (contract 20, 7.4).
    if (!may_merge) return;
    const gone = before < after ? after : before;
    contact_id = before < after ? before : after;
    if (!(await mergeContacts(tx, Actor.system(organization_id), contact_id, gone))) throw new Raced('a contact of a merge is gone');
  }
  const fresh = keysOf({ organization_id, portfolio_id, ids: new_ids });
  const { phone } = new_ids;
  // Those told, and those a new one of the same kind takes the place of: of a person with several phones their number, if none is named.
  await tx.rows(
    `UPDATE contact_identities i SET is_active = false, inactive_since = least(now(), $6::timestamptz), updated_at = now()
       FROM json_to_recordset($3) AS k(portfolio_id text, kind text, value text, is_new boolean)
       JOIN contacts c ON c.organization_id = $1 AND c.id = $2
      WHERE i.organization_id = $1 AND i.contact_id = $2 AND i.is_active AND i.portfolio_id = k.portfolio_id AND i.kind = k.kind AND (i.value <> k.value) = k.is_new
        AND (NOT k.is_new OR k.kind <> $4 OR NOT $5 AND i.value = c.match_key)`,
    [
      organization_id,
      contact_id,
      JSON.stringify([
        ...keysOf({ organization_id, portfolio_id, ids: old_ids }).map((key) => ({ ...key, is_new: false })),
        ...fresh.map((key) => ({ ...key, is_new: true })),
      ]),
      IdentityKind.phone,
      old_ids.phone !== undefined,
      seen_at,
    ],
  );
  await tx.rows(
    `INSERT INTO contact_identities AS i (id, organization_id, portfolio_id, kind, value, wa_id, contact_id)
     SELECT k.id, $1, k.portfolio_id, k.kind, k.value, CASE WHEN k.kind = $4 THEN $5 END, $2
       FROM json_to_recordset($3) AS k(id uuid, portfolio_id text, kind text, value text)
     ON CONFLICT (organization_id, portfolio_id, kind, value) DO UPDATE
       SET contact_id = excluded.contact_id, wa_id = coalesce(excluded.wa_id, i.wa_id), is_active = true, inactive_since = NULL, last_seen_at = now(), updated_at = now()`,
    [
      organization_id,
      contact_id,
      JSON.stringify(fresh.map((key) => ({ ...key, id: newId() }))),
      IdentityKind.phone,
      phone?.slice(1) ?? null,
    ],
  );
  await tx.rows(
    `UPDATE contacts SET whatsapp_id = coalesce($3, whatsapp_id), wa_id = coalesce($4, wa_id), match_key = coalesce($5, match_key),
            whatsapp_user_id = coalesce($6, whatsapp_user_id), updated_at = now()
      WHERE organization_id = $1 AND id = $2`,
    [organization_id, contact_id, phone ?? null, phone?.slice(1) ?? null, phone ? matchKey(phone) : null, new_ids.bsuid ?? null],
  );
}

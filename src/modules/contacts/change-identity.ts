import { Actor } from '#common/actor';
import { matchKey } from '#common/phone';
import { newId } from '#common/uuid';
import type { Tx } from '#database/database';
import { Raced } from '#database/database-errors';
import type { PersonIds } from '#modules/whatsapp/parsed-change';
import { mergeContacts } from './merge-contacts';
import { type Sighting, findIdentities, keysOf, nameOf } from './resolve-people';

/** The person of the old names has the new ones from now on; the old stay resolvable for late webhooks, inactive for sending. */
export async function changeIdentity(
  tx: Tx,
  { organization_id, portfolio_id }: Pick<Sighting, 'organization_id' | 'portfolio_id'>,
  { old_ids, new_ids }: { old_ids: PersonIds; new_ids: PersonIds },
  { may_merge }: { may_merge: boolean },
): Promise<void> {
  const known = await findIdentities(tx, [
    ...keysOf({ organization_id, portfolio_id, ids: old_ids }),
    ...keysOf({ organization_id, portfolio_id, ids: new_ids }),
  ]);
  const of = (ids: PersonIds): string | undefined =>
    keysOf({ organization_id, portfolio_id, ids })
      .map((key) => known.get(nameOf(key))?.contact_id)
      .find((id) => id !== undefined);
  const before = of(old_ids);
  const after = of(new_ids);
  if (!before) return;
  let contact_id = before;
  if (after && after !== before) {
    // A number says less than an id: who has it by now may be somebody else (contract 20, 7.4).
    if (!may_merge) return;
    const gone = before < after ? after : before;
    contact_id = before < after ? before : after;
    if (!(await mergeContacts(tx, Actor.system(organization_id), contact_id, gone))) throw new Raced('a contact of a merge is gone');
  }
  const fresh = keysOf({ organization_id, portfolio_id, ids: new_ids });
  // Those told, and those a new one of the same kind takes the place of.
  await tx.rows(
    `UPDATE contact_identities i SET is_active = false, updated_at = now()
       FROM json_to_recordset($3) AS k(portfolio_id text, kind text, value text, is_new boolean)
      WHERE i.organization_id = $1 AND i.contact_id = $2 AND i.is_active AND i.portfolio_id = k.portfolio_id AND i.kind = k.kind AND (i.value <> k.value) = k.is_new`,
    [
      organization_id,
      contact_id,
      JSON.stringify([
        ...keysOf({ organization_id, portfolio_id, ids: old_ids }).map((key) => ({ ...key, is_new: false })),
        ...fresh.map((key) => ({ ...key, is_new: true })),
      ]),
    ],
  );
  await tx.rows(
    `INSERT INTO contact_identities (id, organization_id, portfolio_id, kind, value, contact_id)
     SELECT k.id, $1, k.portfolio_id, k.kind, k.value, $2 FROM json_to_recordset($3) AS k(id uuid, portfolio_id text, kind text, value text)
     ON CONFLICT (organization_id, portfolio_id, kind, value) DO UPDATE
       SET contact_id = excluded.contact_id, is_active = true, last_seen_at = now(), updated_at = now()`,
    [organization_id, contact_id, JSON.stringify(fresh.map((key) => ({ ...key, id: newId() })))],
  );
  const { phone } = new_ids;
  await tx.rows(
    `UPDATE contacts SET whatsapp_id = coalesce($3, whatsapp_id), wa_id = coalesce($4, wa_id), match_key = coalesce($5, match_key),
            whatsapp_user_id = coalesce($6, whatsapp_user_id), updated_at = now()
      WHERE organization_id = $1 AND id = $2`,
    [organization_id, contact_id, phone ?? null, phone?.slice(1) ?? null, phone ? matchKey(phone) : null, new_ids.bsuid ?? null],
  );
}

// How WhatsApp reaches contact `c`: by the name that is named while it is theirs, else by their own.

/** SQL: joins the name as `a`; `identity`: its id, NULL for the contact's own. Looked for only where one is named: a plan made when the table was small would read all of it. */
export const addressedTo = (identity: string): string =>
  `LEFT JOIN LATERAL (
     SELECT i.kind, i.value, i.wa_id FROM contact_identities i
      WHERE ${identity} IS NOT NULL AND i.organization_id = c.organization_id AND i.id = ${identity} AND i.contact_id = c.id AND i.is_active LIMIT 1) a ON true`;

/** SQL: `phone`, also as WhatsApp spells it (`wa_id`, if it told us), and `bsuid`. */
export const ADDRESS = `CASE WHEN a.kind = 'phone' THEN coalesce(a.wa_id, a.value) ELSE coalesce(c.wa_id, c.whatsapp_id) END AS phone,
  CASE WHEN a.kind = 'phone' THEN a.wa_id ELSE c.wa_id END AS wa_id, CASE WHEN a.kind IN ('bsuid', 'lid') THEN a.value ELSE c.whatsapp_user_id END AS bsuid`;

// How WhatsApp reaches contact `c` in conversation `v`: by the name they last wrote under there while it is theirs, else by their own.

/** SQL: joins that name as `a`. */
export const ADDRESS_OF = `LEFT JOIN contact_identities a
    ON a.organization_id = v.organization_id AND a.id = v.contact_identity_id AND a.contact_id = c.id AND a.is_active`;

/** SQL: `phone`, also as WhatsApp spells it (`wa_id`, if it told us), and `bsuid`. */
export const ADDRESS = `CASE WHEN a.kind = 'phone' THEN coalesce(a.wa_id, a.value) ELSE coalesce(c.wa_id, c.whatsapp_id) END AS phone,
  CASE WHEN a.kind = 'phone' THEN a.wa_id ELSE c.wa_id END AS wa_id, CASE WHEN a.kind IN ('bsuid', 'lid') THEN a.value ELSE c.whatsapp_user_id END AS bsuid`;

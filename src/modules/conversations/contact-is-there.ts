/** SQL: the contact of this row was not deleted. What was said with a deleted one is read by its id, and in no list. Asks for the few that are gone. */
export const contactIsThere = (row: string): string =>
  `NOT EXISTS (SELECT 1 FROM contacts k WHERE k.organization_id = ${row}.organization_id AND k.id = ${row}.contact_id AND k.deleted_at IS NOT NULL)`;

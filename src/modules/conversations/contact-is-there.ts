/** SQL: the contact of this row was not deleted. What was said with a deleted one is read by its id, and in no list. */
export const contactIsThere = (row: string): string =>
  `EXISTS (SELECT 1 FROM contacts k WHERE k.organization_id = ${row}.organization_id AND k.id = ${row}.contact_id AND k.deleted_at IS NULL)`;

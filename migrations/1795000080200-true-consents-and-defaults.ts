import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Rows of before: who was entered as opted out never opted in, and an organization that has numbers has a default one. */
export class TrueConsentsAndDefaults1795000080200 implements MigrationInterface {
  readonly name = 'TrueConsentsAndDefaults1795000080200';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('UPDATE contacts SET opt_in_date = NULL WHERE NOT opt_in AND opt_in_date = opt_out_date');
    await runner.query(`UPDATE whatsapp_numbers SET is_default = true WHERE id IN (
      SELECT DISTINCT ON (n.organization_id) n.id FROM whatsapp_numbers n WHERE n.deleted_at IS NULL
         AND NOT EXISTS (SELECT 1 FROM whatsapp_numbers d WHERE d.organization_id = n.organization_id AND d.is_default AND d.deleted_at IS NULL)
       ORDER BY n.organization_id, n.is_active DESC, n.created_at, n.id)`);
  }

  /** Nothing of the shape changed, and the wrong dates are not worth having back. */
  async down(): Promise<void> {}
}

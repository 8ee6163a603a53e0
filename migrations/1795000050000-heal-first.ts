import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the first migration gained after it had run somewhere (data of commits 2787c4c to ee429a2). Finds it all there anywhere else. */
const UP = [
  `CREATE OR REPLACE FUNCTION uuid_at(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  AS $$ SELECT (lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid $$
`,
  `CREATE INDEX IF NOT EXISTS media_files_unused_idx ON media_files (created_at) WHERE message_id IS NULL AND whatsapp_number_id IS NULL`,
  `ALTER TABLE contacts SET (fillfactor = 70)`,
  `DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_constraint WHERE conname = 'login_failures_pkey') THEN
      ALTER TABLE login_failures RENAME CONSTRAINT login_failures_pkey TO "PK_7c8f0aa6bf7f7568dc3463d991d";
    END IF;
  END $$`,
  // Was a migration of its own until the first one said the same.
  `DELETE FROM migrations WHERE name = 'LoginFailures1795000000001'`,
];

/** Databases of before the first migration was closed get what it says now. */
export class HealFirst1795000050000 implements MigrationInterface {
  readonly name = 'HealFirst1795000050000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  /** Nothing: what was healed belongs to the first migration, whose own `down` removes it. */
  async down(): Promise<void> {}
}

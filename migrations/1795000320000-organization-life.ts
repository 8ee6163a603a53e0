import type { MigrationInterface, QueryRunner } from 'typeorm';

const appendOnly = (leaves: string): string => `CREATE OR REPLACE FUNCTION audit_logs_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF TG_OP = 'DELETE' AND current_setting('pytake.audit_retention', true) = 'on' AND ${leaves} THEN
      RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit_logs is append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
  END $$`;

const OLD_ENOUGH = "OLD.created_at < now() - interval '1 day'";
/** Of an organization that was deleted so long ago that nobody can have it back. */
const OF_NOBODY = "EXISTS (SELECT FROM organizations o WHERE o.id = OLD.organization_id AND o.deleted_at <= now() - interval '30 days')";

/** An organization ends for good: its audit log may go with it. What was told of its plan's limits is told once. */
export class OrganizationLife1795000320000 implements MigrationInterface {
  readonly name = 'OrganizationLife1795000320000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE plan_warnings (
      organization_id uuid NOT NULL,
      resource varchar(50) NOT NULL,
      percent smallint NOT NULL,
      max bigint NOT NULL,
      period varchar(7) NOT NULL,
      told_at timestamptz(3) NOT NULL DEFAULT now(),
      CONSTRAINT plan_warnings_pkey PRIMARY KEY (organization_id, resource, percent)
    )`);
    await runner.query('CREATE INDEX organizations_newest_idx ON organizations (created_at, id) WHERE deleted_at IS NULL');
    await runner.query(appendOnly(`(${OLD_ENOUGH} OR ${OF_NOBODY})`));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(appendOnly(OLD_ENOUGH));
    await runner.query('DROP INDEX organizations_newest_idx');
    await runner.query('DROP TABLE plan_warnings');
  }
}

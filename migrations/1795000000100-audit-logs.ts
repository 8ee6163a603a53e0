import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = [
  `CREATE TABLE audit_logs (
    id uuid NOT NULL,
    organization_id uuid,
    actor_type varchar(10) NOT NULL,
    actor_id uuid,
    user_id uuid,
    actor_email varchar(255),
    actor_role varchar(20),
    action varchar(100) NOT NULL,
    resource_type varchar(50) NOT NULL,
    resource_id varchar(100),
    resource_name varchar(255),
    changes jsonb NOT NULL DEFAULT '{}',
    metadata jsonb NOT NULL DEFAULT '{}',
    result varchar(10) NOT NULL,
    ip_address varchar(64),
    user_agent varchar(512),
    request_id varchar(64),
    created_at timestamptz(3) NOT NULL,
    CONSTRAINT audit_logs_pkey PRIMARY KEY (id)
  )`,
  `CREATE INDEX audit_logs_age_idx ON audit_logs (created_at)`,
  `CREATE INDEX audit_logs_organization_idx ON audit_logs (organization_id, created_at)`,
  `CREATE INDEX audit_logs_user_idx ON audit_logs (organization_id, user_id, created_at)`,
  `CREATE INDEX audit_logs_action_idx ON audit_logs (organization_id, action, created_at)`,
  `CREATE INDEX audit_logs_resource_idx ON audit_logs (organization_id, resource_type, resource_id, created_at)`,
  `-- Append-only. Retention says so aloud, per transaction, and even then nothing younger than a day goes.
  CREATE FUNCTION audit_logs_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF TG_OP = 'DELETE' AND current_setting('pytake.audit_retention', true) = 'on' AND OLD.created_at < now() - interval '1 day' THEN
      RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit_logs is append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
  END $$`,
  `CREATE TRIGGER audit_logs_rows BEFORE UPDATE OR DELETE ON audit_logs FOR EACH ROW EXECUTE FUNCTION audit_logs_append_only()`,
  `CREATE TRIGGER audit_logs_truncate BEFORE TRUNCATE ON audit_logs FOR EACH STATEMENT EXECUTE FUNCTION audit_logs_append_only()`,
];

/** The audit log's table, closed against change by the database itself. */
export class AuditLogs1795000000100 implements MigrationInterface {
  readonly name = 'AuditLogs1795000000100';

  async up(runner: QueryRunner): Promise<void> {
    for (const sql of UP) await runner.query(sql);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE audit_logs');
    await runner.query('DROP FUNCTION audit_logs_append_only()');
  }
}

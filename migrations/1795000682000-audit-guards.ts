import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Runs with its owner's rights, whatever the caller's search_path holds. */
const guard = (signature: string, body: string): string =>
  `CREATE FUNCTION ${signature} RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$ ${body} $$`;

const refusal = (what: string, ...values: string[]): string =>
  `RAISE EXCEPTION ${[`'audit_logs is append-only: ${what}'`, ...values].join(', ')} USING ERRCODE = 'insufficient_privilege';`;

/** The trigger lets what follows pass. */
const OPEN = `PERFORM set_config('pytake.audit_retention', 'on', true);`;
const SHUT = `GET DIAGNOSTICS gone = ROW_COUNT; PERFORM set_config('pytake.audit_retention', 'off', true); RETURN gone;`;

// The retention stands in the function's comment: its owner alone writes that, and a setting of the function's own would want a superuser.
const FORGET = guard(
  'forget_audit_logs(days integer, most integer)',
  `DECLARE
    kept_days integer := coalesce(obj_description('public.forget_audit_logs(integer, integer)'::regprocedure, 'pg_proc')::integer, 1);
    gone integer;
  BEGIN
    IF days < kept_days THEN ${refusal('entries younger than % days stay', 'kept_days')} END IF;
    ${OPEN}
    DELETE FROM audit_logs WHERE id IN (
      SELECT id FROM audit_logs WHERE created_at < now() - make_interval(hours => 24 * days) ORDER BY created_at LIMIT most);
    ${SHUT}
  END`,
);

const ERASE = guard(
  'erase_audit_logs(organization uuid, most integer)',
  `DECLARE gone integer;
  BEGIN
    IF NOT EXISTS (SELECT FROM organizations WHERE id = organization AND deleted_at <= now() - interval '30 days') THEN
      ${refusal('the organization may still be had back')}
    END IF;
    ${OPEN}
    DELETE FROM audit_logs WHERE ctid = ANY (ARRAY(SELECT ctid FROM audit_logs WHERE organization_id = organization LIMIT most));
    ${SHUT}
  END`,
);

// By deleted_at an organization's entries may be erased, so it tells when that was. Runs with the rights of who asks: it is asked who that is.
const DELETED = [
  `CREATE FUNCTION organizations_deleted_now() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
  DECLARE
    is_honest boolean := NEW.deleted_at IS NULL;
  BEGIN
    IF TG_OP = 'UPDATE' THEN
      is_honest := NEW.id = OLD.id AND (NEW.deleted_at IS NULL OR NEW.deleted_at IS NOT DISTINCT FROM OLD.deleted_at
        OR NEW.deleted_at BETWEEN now() - interval '1 minute' AND now() + interval '1 minute');
    END IF;
    IF NOT is_honest AND NOT (SELECT pg_has_role(current_user, relowner, 'USAGE') FROM pg_class WHERE oid = TG_RELID) THEN
      ${refusal('an organization is deleted now, and stays the same')}
    END IF;
    RETURN NEW;
  END $$`,
  `CREATE TRIGGER organizations_deleted_now BEFORE INSERT OR UPDATE OF id, deleted_at ON organizations
     FOR EACH ROW EXECUTE FUNCTION organizations_deleted_now()`,
];

const GUARDS = ['forget_audit_logs(integer, integer)', 'erase_audit_logs(uuid, integer)'];

/** What may leave the audit log leaves by functions of its owner's, so that the application's role needs no right to delete there. */
export class AuditGuards1795000682000 implements MigrationInterface {
  readonly name = 'AuditGuards1795000682000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(FORGET);
    await runner.query(ERASE);
    for (const statement of DELETED) await runner.query(statement);
    for (const name of GUARDS) await runner.query(`REVOKE ALL ON FUNCTION ${name} FROM PUBLIC`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TRIGGER organizations_deleted_now ON organizations');
    for (const name of ['organizations_deleted_now()', ...GUARDS]) await runner.query(`DROP FUNCTION ${name}`);
  }
}

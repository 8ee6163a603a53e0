import { escapeIdentifier, escapeLiteral } from 'pg';
import type { DataSource, EntityManager } from 'typeorm';
import type { Config } from '#config/config';
import { OUR_TABLES } from './schema';

/** What pg-boss has for itself: its tables are the application's own. */
export const JOBS_SCHEMA = 'jobs';

/** Rows come, change and go. */
const RIGHTS = 'DELETE, INSERT, SELECT, UPDATE';
/** Of TypeORM's own table. */
const DECLARED = new Map([['migrations', 'SELECT']]);

/** What the application's role may do with a table, beside its entity, where that is less than with the others. */
export function declareRights(table: string, rights: string): void {
  DECLARED.set(table, rights);
}

/** Whether what PyTake connects with is not the owner of its tables. */
export const hasTwoRoles = ({ database_url, database_owner_url }: Pick<Config, 'database_url' | 'database_owner_url'>): boolean =>
  database_url !== database_owner_url;

type Settings = Pick<Config, 'database_url' | 'database_owner_url' | 'audit_retention_days' | 'redis_url'>;

/**
 * What PyTake connects with owns nothing and changes no table's shape: its role is made when it is missing, and has these rights after every migration.
 * Says only what is not so yet. Where one role is all, that role is the owner and needs none.
 */
export async function settleRights(source: DataSource, config: Settings): Promise<void> {
  await source.transaction(async (manager) => {
    await keepRetention(manager, config.audit_retention_days);
    if (!hasTwoRoles(config)) return;
    const role = await makeRole(manager, config.database_url ?? '');
    if (!config.redis_url) await lendJobs(manager, role);
    await say(manager, GRANTS, [role, Object.fromEntries(DECLARED), RIGHTS]);
    await warnOfOwner(manager, role);
  });
}

/** How young an entry may not be that leaves the audit log: a word of the owner's, in the comment of the function by which it would. */
async function keepRetention(manager: EntityManager, days: number): Promise<void> {
  await say(
    manager,
    `SELECT format('COMMENT ON FUNCTION %s IS %L', oid::regprocedure, $1::text) AS statement FROM pg_proc
      WHERE oid = to_regprocedure('public.forget_audit_logs(integer, integer)') AND pg_has_role(proowner, 'USAGE')
        AND obj_description(oid, 'pg_proc') IS DISTINCT FROM $1`,
    [String(days)],
  );
}

/** Answers its name. @throws One line for the console: it is not there, and the owner may make none. */
async function makeRole(manager: EntityManager, database_url: string): Promise<string> {
  const { username, password } = new URL(database_url);
  const [role, secret] = [decodeURIComponent(username), decodeURIComponent(password)];
  const [{ is_there, is_super, may_make }] = await manager.query<{ is_there: boolean; is_super: boolean; may_make: boolean }[]>(
    `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS is_there, rolsuper AS is_super, rolsuper OR rolcreaterole AS may_make
       FROM pg_roles WHERE rolname = current_user`,
    [role],
  );
  if (is_there) return role;
  if (!may_make)
    throw new Error(
      `There is no role ${role} (DATABASE_URL), and the one of DATABASE_OWNER_URL may make none. Make it: CREATE ROLE … LOGIN.`,
    );
  await manager.query(`CREATE ROLE ${escapeIdentifier(role)} LOGIN ${secret && `PASSWORD ${escapeLiteral(secret)}`}`);
  // Who is no superuser gives tables to those alone whose member they are.
  if (!is_super) await manager.query(`GRANT ${escapeIdentifier(role)} TO CURRENT_USER`);
  return role;
}

/** pg-boss makes and changes its tables by itself; those it made as another role, before there were two, become the application's. */
async function lendJobs(manager: EntityManager, role: string): Promise<void> {
  await say(manager, `SELECT 'CREATE SCHEMA ${JOBS_SCHEMA}' AS statement WHERE to_regnamespace('${JOBS_SCHEMA}') IS NULL`);
  await say(manager, JOBS, [role]);
}

const JOBS = `
  WITH app AS (SELECT oid, oid::regrole::text AS name FROM pg_roles WHERE rolname = $1), jobs AS (SELECT '${JOBS_SCHEMA}'::regnamespace::oid AS oid)
  SELECT format('GRANT USAGE, CREATE ON SCHEMA ${JOBS_SCHEMA} TO %s', name) AS statement FROM app, jobs
   WHERE NOT has_schema_privilege(app.oid, jobs.oid, 'USAGE') OR NOT has_schema_privilege(app.oid, jobs.oid, 'CREATE')
  UNION ALL
  SELECT format('ALTER TABLE %s OWNER TO %s', c.oid::regclass, name) FROM pg_class c, app, jobs
   WHERE relnamespace = jobs.oid AND relkind IN ('r', 'p', 'v') AND relowner <> app.oid
  UNION ALL
  SELECT format('ALTER TYPE %s OWNER TO %s', t.oid::regtype, name) FROM pg_type t, app, jobs
   WHERE typnamespace = jobs.oid AND typtype = 'e' AND typowner <> app.oid
  UNION ALL
  SELECT format('ALTER ROUTINE %s OWNER TO %s', p.oid::regprocedure, name) FROM pg_proc p, app, jobs
   WHERE pronamespace = jobs.oid AND proowner <> app.oid`;

/**
 * $1 the role, $2 the rights to tables that have others than $3. A table is said together: nobody finds it without rights in between. A partition needs
 * none of its own. Tables that come have them at once, for processes that run while another one migrates. MAINTAIN (PostgreSQL 17): who looks more often
 * than autovacuum (Statistics); older ones leave that to it.
 */
const GRANTS = `
  WITH app AS (SELECT oid, oid::regrole::text AS name FROM pg_roles WHERE rolname = $1),
    maintain AS (SELECT CASE WHEN current_setting('server_version_num')::int >= 170000 THEN ', MAINTAIN' ELSE '' END AS more),
    wanted AS (
      SELECT pg_class.oid, relacl, coalesce($2::jsonb ->> relname::text, $3) || CASE WHEN relname = 'migrations' THEN '' ELSE more END AS rights
        FROM pg_class, maintain
       WHERE ((${OUR_TABLES}) OR oid = to_regclass('public.migrations')) AND pg_has_role(relowner, 'USAGE'))
  SELECT format('GRANT USAGE ON SCHEMA public TO %s', name) AS statement FROM app WHERE NOT has_schema_privilege(oid, 'public', 'USAGE')
  UNION ALL
  SELECT format('ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT %s ON TABLES TO %s', $3 || more, name) FROM app, maintain
   WHERE NOT EXISTS (SELECT FROM pg_default_acl, aclexplode(defaclacl) given
                      WHERE defaclrole = current_user::regrole AND defaclnamespace = 'public'::regnamespace AND defaclobjtype = 'r' AND grantee = app.oid)
  UNION ALL
  SELECT format('REVOKE ALL ON %1$s FROM %3$s; GRANT %2$s ON %1$s TO %3$s', w.oid::regclass, rights, name) FROM wanted w, app
   WHERE ARRAY(SELECT trim(r) FROM unnest(string_to_array(rights, ',')) r ORDER BY 1)
      <> ARRAY(SELECT privilege_type FROM aclexplode(relacl) WHERE grantee = app.oid ORDER BY 1)
  UNION ALL
  SELECT format('GRANT EXECUTE ON FUNCTION %s TO %s', p.oid::regprocedure, name) FROM pg_proc p, app
   WHERE prosecdef AND pronamespace = 'public'::regnamespace AND pg_has_role(proowner, 'USAGE') AND NOT has_function_privilege(app.oid, p.oid, 'EXECUTE')`;

async function warnOfOwner(manager: EntityManager, role: string): Promise<void> {
  const [{ is_owner }] = await manager.query<{ is_owner: boolean }[]>(
    `SELECT rolsuper OR pg_has_role(oid, current_user, 'MEMBER') AS is_owner FROM pg_roles WHERE rolname = $1`,
    [role],
  );
  if (is_owner)
    console.warn(`The role ${role} of DATABASE_URL may do all that its owner may: the audit log is append-only by triggers alone.`);
}

/** Runs the statements that a query answers. */
async function say(manager: EntityManager, query: string, values: unknown[] = []): Promise<void> {
  for (const { statement } of await manager.query<{ statement: string }[]>(query, values)) await manager.query(statement);
}

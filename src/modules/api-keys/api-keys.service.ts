import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { ApiKeys } from '#access/api-keys';
import { assertHolds } from '#access/sessions';
import type { Actor } from '#common/actor';
import { API_KEY_PREFIX } from '#common/bearer';
import { Conflict, Forbidden, Invalid } from '#common/errors';
import { hashOf } from '#common/hash-of';
import type { Page } from '#common/page.dto';
import { rolePermissions, holds, isPermission } from '#common/permissions';
import { Database, type Tx } from '#database/database';
import type { TenantRepository } from '#database/tenant-repository';
import { SecurityAlerts } from '#modules/auth/security-alerts';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import type { ApiKeyCreate, ApiKeyCreated, ApiKeyQuery, ApiKeyRotate, ApiKeyUpdate } from './api-key.dto';
import { ApiKey } from './api-key.entity';

const KEY_BYTES = 32;
/** As much of it as a list shows. */
const PREFIX_LENGTH = API_KEY_PREFIX.length + 8;
/** Time to bring the new value to wherever the old one is. */
const OVERLAP_HOURS = 24;

/** The keys of an organization's programs. */
@Injectable()
export class ApiKeysService {
  constructor(
    private readonly database: Database,
    private readonly live: ApiKeys,
    private readonly organizations: OrganizationsService,
    private readonly alerts: SecurityAlerts,
  ) {}

  async page(actor: Actor, query: ApiKeyQuery): Promise<Page<ApiKey>> {
    const page = await this.keys().page(actor, query, {
      search: ['name', 'prefix'],
      sort: ['created_at', 'updated_at', 'name', 'role', 'expires_at', 'last_used_at', 'rotated_at'],
    });
    return { ...page, items: page.items.map(present) };
  }

  /** The answer is the only place where the value ever stands. @throws {Invalid} Scopes beyond the role. @throws {Forbidden} `cannot_assign_role`, `plan_limit_exceeded`. */
  async create(actor: Actor, { name, role, scopes, expires_at }: ApiKeyCreate): Promise<ApiKeyCreated> {
    const { user_id } = actor;
    if (user_id === null) throw new Forbidden('api_key_not_allowed', 'API keys are made by people.');
    if (!actor.may(role)) throw new Forbidden('cannot_assign_role', 'A key may not do more than who makes it.');
    const values = { name, role, scopes: scopesOf(role, scopes), expires_at, created_by: user_id };
    return this.database.tx(async (tx) => {
      await this.organizations.assertWithinPlan(actor, 'api_keys', undefined, tx);
      const value = newValue();
      const key = await this.keys(tx).insert(actor, { ...values, prefix: prefixOf(value) });
      await this.keep(tx, key, value);
      await this.alerts.apiKey(tx, 'made', key, [user_id]);
      tx.audit(actor, 'api_key.created', { resource: { id: key.id, name }, after: key, metadata: { role, scopes: values.scopes } });
      return { ...present(key), key: value };
    });
  }

  /** @throws {Forbidden} `permission_denied`: it may more than who asks. */
  async update(actor: Actor, id: string, { name, scopes, expires_at }: ApiKeyUpdate): Promise<ApiKey> {
    return this.database.tx(async (tx) => {
      const before = await this.lock(tx, actor, id);
      const changes = {
        ...(name !== undefined && { name }),
        ...(scopes !== undefined && { scopes: scopesOf(before.role, scopes) }),
        ...(expires_at !== undefined && { expires_at }),
      };
      tx.audit(actor, 'api_key.updated', { resource: { id, name: changes.name ?? before.name }, before, after: changes });
      const key = await this.keys(tx).patch(actor, id, changes);
      this.live.changed(tx, key.organization_id, id);
      return present(key);
    });
  }

  /** A new value; the one of before works on for the overlap, older ones as long as they were to, but no longer. @throws {Conflict} `api_key_expired`. @throws as `update`. */
  async rotate(actor: Actor, id: string, { overlap_hours = OVERLAP_HOURS }: ApiKeyRotate): Promise<ApiKeyCreated> {
    return this.database.tx(async (tx) => {
      const before = await this.lock(tx, actor, id);
      const now = new Date();
      if (before.expires_at && before.expires_at <= now)
        throw new Conflict('api_key_expired', 'This key has expired. Give it a later expires_at, or make another one.');
      const until = new Date(now.getTime() + overlap_hours * 3_600_000);
      await tx.rows('DELETE FROM api_key_secrets WHERE organization_id = $1 AND api_key_id = $2 AND ($3 OR expires_at <= now())', [
        actor.organization_id,
        id,
        overlap_hours === 0,
      ]);
      await tx.rows('UPDATE api_key_secrets SET expires_at = least(expires_at, $3) WHERE organization_id = $1 AND api_key_id = $2', [
        actor.organization_id,
        id,
        until,
      ]);
      const value = newValue();
      await this.keep(tx, before, value);
      const previous_until = overlap_hours === 0 ? null : until;
      const key = await this.keys(tx).patch(actor, id, { prefix: prefixOf(value), rotated_at: now, previous_until });
      await this.alerts.apiKey(tx, 'rotated', key, [key.created_by, ...(actor.user_id ? [actor.user_id] : [])]);
      tx.audit(actor, 'api_key.rotated', { resource: { id, name: key.name }, before, after: key, metadata: { overlap_hours } });
      this.live.changed(tx, key.organization_id, id);
      return { ...present(key), key: value };
    });
  }

  /** Dead at once, on every door. */
  async remove(actor: Actor, id: string): Promise<void> {
    await this.database.tx(async (tx) => {
      const key = await this.keys(tx).lock(actor, id);
      await tx.rows('DELETE FROM api_key_secrets WHERE organization_id = $1 AND api_key_id = $2', [actor.organization_id, id]);
      await this.keys(tx).remove(actor, id);
      tx.audit(actor, 'api_key.revoked', { resource: { id, name: key.name }, before: key });
      this.live.changed(tx, key.organization_id, id);
    });
  }

  /** For a change of it: its next value is the key itself. One's own never does more than oneself. */
  private async lock(tx: Tx, actor: Actor, id: string): Promise<ApiKey> {
    const key = await this.keys(tx).lock(actor, id);
    if (key.created_by !== actor.user_id) assertHolds(actor, key.scopes ?? rolePermissions(key.role));
    return key;
  }

  private async keep(tx: Tx, { organization_id, id }: ApiKey, value: string): Promise<void> {
    await tx.rows('INSERT INTO api_key_secrets (key_hash, organization_id, api_key_id) VALUES ($1, $2, $3)', [
      hashOf(value),
      organization_id,
      id,
    ]);
  }

  private keys(tx?: Tx): TenantRepository<ApiKey> {
    return this.database.repository(ApiKey, tx);
  }
}

const newValue = (): string => API_KEY_PREFIX + randomBytes(KEY_BYTES).toString('hex');

const prefixOf = (value: string): string => value.slice(0, PREFIX_LENGTH);

/** A row as the API shows it. */
function present(row: ApiKey): ApiKey {
  const { deleted_at: _, ...shown } = row;
  return shown;
}

/** Only what the role may: a scope never opens what the role does not. @throws {Invalid} naming the first that is wrong. */
function scopesOf(role: ApiKey['role'], scopes: string[] | null | undefined): string[] | null {
  if (scopes == null) return null;
  const wrong = scopes.findIndex((name) => !isPermission(name) || !holds(rolePermissions(role), name));
  if (wrong < 0) return [...new Set(scopes)];
  const known = isPermission(scopes[wrong]);
  const msg = known ? `${scopes[wrong]} is beyond the role ${role}` : `${scopes[wrong]} is no permission; GET /permissions names them`;
  throw new Invalid(
    [{ loc: ['body', 'scopes', wrong], msg, type: 'value_error' }],
    known ? 'permission_not_allowed_for_role' : 'validation_error',
  );
}

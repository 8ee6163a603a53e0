import { Injectable } from '@nestjs/common';
import { Role, atLeast } from '#common/actor';
import { Bounded } from '#common/bounded';
import { Unauthenticated } from '#common/errors';
import { EventBus } from '#common/events';
import { hashOf } from '#common/hash-of';
import { narrowest } from '#common/permissions';
import { Database, type Tx } from '#database/database';
import { Signals } from '#database/signals';
import { prepared } from '#database/sql';
import type { Session } from './sessions';

interface KeyRow {
  id: string;
  organization_id: string;
  name: string;
  role: Role;
  scopes: string[] | null;
  /** What its maker may now. */
  maker_id: string;
  maker_role: Role;
  maker_permissions: string[] | null;
  organization_status: Session['organization_status'] | null;
  allowed_ip_ranges: string[] | null;
  /** Of the key or of this value of it, whichever is first; null: never. */
  expires_at: Date | null;
}

// Past the wall: a request brings a key and no organization. A super admin makes keys in organizations that are not theirs.
const KEY =
  prepared(`SELECT k.id, k.organization_id, k.name, k.role, k.scopes, m.id AS maker_id, m.role AS maker_role, m.custom_permissions AS maker_permissions,
        CASE WHEN o.deleted_at IS NULL THEN o.status END AS organization_status,
        o.settings #> '{security_settings,allowed_ip_ranges}' AS allowed_ip_ranges, least(k.expires_at, s.expires_at) AS expires_at
   FROM api_key_secrets s
   JOIN api_keys k ON k.organization_id = s.organization_id AND k.id = s.api_key_id AND k.deleted_at IS NULL
   JOIN users m ON m.id = k.created_by AND m.is_active AND m.deleted_at IS NULL
   JOIN organizations o ON o.id = k.organization_id
  WHERE s.key_hash = $1`);

/** What changes is signalled to other processes; where that gets lost, it reaches them after this. */
const CACHE_MS = 3000;
const CACHE_MAX = 10_000;
/** The key and its organization. */
const CHANNEL = 'pytake_api_keys';

/**
 * API key in, who acts out: the same check for REST, GraphQL and sockets. A key acts for itself, not for its maker; but it is dead while the maker
 * is switched off, and never does more than they may now.
 */
@Injectable()
export class ApiKeys {
  private readonly cache = new Bounded<string, { at: number; row: KeyRow }>({ count: CACHE_MAX });
  /** How often something was forgotten: what was asked for before is not kept after. */
  private forgotten = 0;

  constructor(
    private readonly database: Database,
    private readonly events: EventBus,
    private readonly signals: Signals,
  ) {}

  /** Hears of what other processes change. */
  listen(): void {
    this.signals.listen(CHANNEL, (payload) => {
      const [id, organization_id] = payload.split(' ');
      this.changedHere(organization_id, id);
    });
  }

  /** @throws {Unauthenticated} `invalid_api_key`: unknown, revoked, expired, or its maker is switched off. */
  async verify(value: string): Promise<Session> {
    const row = await this.row(hashOf(value));
    if (!row || row.organization_status === null || (row.expires_at && row.expires_at <= new Date()))
      throw new Unauthenticated('invalid_api_key', 'The API key is not valid: unknown, revoked or expired, or its maker is switched off.');
    return {
      user_id: null,
      organization_id: row.organization_id,
      session_id: null,
      api_key_id: row.id,
      role: atLeast(row.maker_role, row.role) ? row.role : row.maker_role,
      custom_permissions: narrowest(row.scopes, row.maker_permissions),
      email: null,
      full_name: row.name,
      organization_status: row.organization_status,
      allowed_ip_ranges: row.allowed_ip_ranges ?? [],
      lacks_two_factor: false,
      expires_at: null,
    };
  }

  /** A key is changed, rotated or revoked in the transaction: every process asks again, and looks at its sockets. */
  changed(tx: Tx, organization_id: string, api_key_id: string): void {
    tx.afterCommit(() => {
      this.changedHere(organization_id, api_key_id);
      this.signals.send(CHANNEL, `${api_key_id} ${organization_id}`);
    });
  }

  private changedHere(organization_id: string, api_key_id: string): void {
    this.forgetEach((row) => row.id === api_key_id);
    this.events.emit('api_key.changed', { organization_id, api_key_id });
  }

  forgetMaker(user_id: string): void {
    this.forgetEach((row) => row.maker_id === user_id);
  }

  forgetOrganization(organization_id: string): void {
    this.forgetEach((row) => row.organization_id === organization_id);
  }

  private forgetEach(which: (row: KeyRow) => boolean): void {
    this.forgotten++;
    for (const [hash, { row }] of this.cache) if (which(row)) this.cache.delete(hash);
  }

  private async row(hash: string): Promise<KeyRow | null> {
    const known = this.cache.get(hash);
    if (known && Date.now() - known.at < CACHE_MS) return known.row;
    const { forgotten } = this;
    const [row] = await this.database.rows<KeyRow | undefined>(KEY, [hash]);
    // Not the unknown ones: guesses would push the real ones out.
    if (row && forgotten === this.forgotten) this.cache.set(hash, { at: Date.now(), row });
    return row ?? null;
  }
}

import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { changesOf } from '#common/changes';
import { Unopened } from '#common/encryption';
import { Conflict, Invalid, NotFound } from '#common/errors';
import { withoutNulls } from '#common/given';
import { MASK } from '#common/mask';
import { type Page, type PageQuery, toPage } from '#common/page.dto';
import { Config } from '#config/config';
import { Database, type Tx } from '#database/database';
import { prepared } from '#database/sql';
import type { PageOptions, TenantRepository } from '#database/tenant-repository';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { AskProvider } from './ask-provider';
import { SecretUses } from './secret-uses';
import { type Sealed, SecretValues } from './secret-values';
import { SecretVersion } from './secret-version.entity';
import {
  type SecretCreate,
  type SecretQuery,
  type SecretRemoval,
  type SecretRotate,
  SecretStatus,
  type SecretTest,
  type SecretTestResult,
  type SecretTotals,
  type SecretUpdate,
  type SecretUsageQuery,
  type SecretUsageStats,
  type SecretValue,
  type SecretVersionView,
  type SecretView,
} from './secret.dto';
import { EncryptionProvider, Secret, SecretEnvironment, SecretScope } from './secret.entity';

const LIST: Pick<PageOptions<Secret>, 'search' | 'sort'> = {
  search: ['key', 'display_name', 'description', 'service'],
  sort: ['created_at', 'updated_at', 'key', 'display_name', 'environment', 'service', 'scope', 'is_active', 'version', 'last_rotated_at'],
};

/** Something that cannot do without a secret. */
export interface SecretUser {
  /** flow, ai, erp … */
  type: string;
  id: string;
  name: string;
}

/** So many are named. */
const TOLD_USERS = 20;

type FindUsers = (tx: Tx, actor: Actor, secret: Secret) => Promise<SecretUser[]>;
type FindChatbot = (tx: Tx, actor: Actor, chatbot_id: string) => Promise<boolean>;

/** A secret as a flow or a connection uses it. */
export interface ResolvedSecret {
  id: string;
  value: string;
}

interface Known {
  id: string;
  key_id: string;
  successful: number;
  failed: number;
  last_used_at: Date | null;
}

/** Of one key: the chatbot's own comes first. */
const RESOLVE = prepared(
  `SELECT s.id, s.is_active, v.version, v.value_encrypted
     FROM secrets s JOIN secret_versions v ON v.organization_id = s.organization_id AND v.secret_id = s.id AND v.rotated_at IS NULL
    WHERE s.organization_id = $1 AND s.environment = $2 AND lower(s.key) = lower($3) AND (s.chatbot_id IS NULL OR s.chatbot_id = $4)
    ORDER BY s.chatbot_id NULLS LAST LIMIT 1`,
);

/** API keys and passwords of an organization, for flows, AI, ERPs and webhooks. Their values are sealed; none is ever told, logged or put in a job. */
@Injectable()
export class SecretsService {
  private readonly users: FindUsers[] = [];
  private findChatbot: FindChatbot = () => Promise.resolve(false);

  constructor(
    private readonly database: Database,
    private readonly values: SecretValues,
    private readonly config: Config,
    private readonly uses: SecretUses,
    private readonly provider: AskProvider,
    private readonly organizations: OrganizationsService,
  ) {}

  /** Rooms upstairs say here what of theirs uses a secret: it is then deleted by force only. Asked in the transaction of the delete, the secret locked. */
  onDelete(find: FindUsers): void {
    this.users.push(find);
  }

  /** The room of chatbots says here how one is found. Until it does there are none. */
  findChatbotsBy(find: FindChatbot): void {
    this.findChatbot = find;
  }

  /**
   * The value of a secret for what runs on the server, in the server's environment: the chatbot's own of that key, else the organization's. Who used it
   * says by `used` how that went.
   * @throws {NotFound} @throws {Conflict} secret_inactive.
   */
  async resolve(actor: Actor, key: string, { chatbot_id = null }: { chatbot_id?: string | null } = {}): Promise<ResolvedSecret> {
    const { organization_id } = actor;
    const environment = this.config.production ? SecretEnvironment.production : SecretEnvironment.development;
    const [found] = await this.database.rows<(Sealed & Pick<Secret, 'id' | 'is_active'>) | undefined>(RESOLVE, [
      organization_id,
      environment,
      key,
      chatbot_id,
    ]);
    if (!found) throw new NotFound('Secret');
    if (!found.is_active) throw inactive();
    return { id: found.id, value: this.values.open({ organization_id, id: found.id }, found) };
  }

  /** A resolved secret was used: the other side took it, or did not. */
  used(actor: Actor, id: string, success: boolean): void {
    this.uses.count(actor, id, success);
  }

  async page(actor: Actor, query: SecretQuery): Promise<Page<SecretView>> {
    const found = await this.secrets().page(actor, query, { ...LIST, ...filterOf(query) });
    return { ...found, items: await this.presentAll(actor, found.items) };
  }

  async get(actor: Actor, id: string): Promise<SecretView> {
    return this.present(actor, await this.secrets().get(actor, id));
  }

  /**
   * @throws {NotFound} The chatbot is not in this organization.
   * @throws {Conflict} already_exists: the key is taken in this environment and scope. @throws {Forbidden} `plan_limit_exceeded`.
   */
  async create(actor: Actor, input: SecretCreate): Promise<SecretView> {
    const given = withoutNulls(input) as SecretCreate;
    const { value, encryption_key_id, name: _name, secret_metadata: _metadata, ...values } = given;
    const { key, chatbot_id, scope = SecretScope.organization } = values;
    if (!key) throw Invalid.field('key', 'key (or name) is required', undefined, 'missing');
    this.assertKey(['encryption_provider', values.encryption_provider], ['encryption_key_id', encryption_key_id]);
    if (scope === SecretScope.chatbot && !chatbot_id)
      throw Invalid.field('chatbot_id', 'is required with the scope chatbot', undefined, 'missing');
    if (scope !== SecretScope.chatbot && chatbot_id) throw Invalid.field('chatbot_id', 'goes with the scope chatbot only');
    return this.database.tx(async (tx) => {
      await this.organizations.assertWithinPlan(actor, 'secrets', undefined, tx);
      if (chatbot_id && !(await this.findChatbot(tx, actor, chatbot_id))) throw new NotFound('Chatbot');
      const secret = await this.add(tx, actor, { ...values, display_name: values.display_name ?? key }, value);
      const { environment, service } = secret;
      tx.audit(actor, 'secret.created', {
        resource: nameOf(secret),
        after: { ...secret, value: MASK },
        may_tell: mayTell,
        metadata: { environment, service, scope },
      });
      return this.present(actor, secret, tx);
    });
  }

  /** The row and its first value. */
  async add(tx: Tx, actor: Actor, values: Partial<Secret>, value: string): Promise<Secret> {
    const secret = await this.secrets(tx).insert(actor, { ...values, created_by: actor.user_id, value_preview: previewOf(value) });
    await this.values.add(tx, actor, secret, value);
    return secret;
  }

  /** @throws {Conflict} already_exists: the key is taken in the other environment. */
  async update(actor: Actor, id: string, input: SecretUpdate): Promise<SecretView> {
    const { value, secret_metadata: _metadata, ...values } = input;
    return this.database.tx(async (tx) => {
      const before = await this.secrets(tx).lock(actor, id);
      const changes: Partial<Secret> = {
        ...changesOf(before, values),
        ...(value !== undefined && { version: before.version + 1, value_preview: previewOf(value) }),
      };
      const is_set = value !== undefined && { value: MASK };
      tx.audit(actor, actionOf(changes), {
        resource: nameOf(before),
        before,
        after: { ...changes, ...is_set },
        may_tell: mayTell,
      });
      const secret = await this.secrets(tx).patch(actor, id, changes);
      if (value !== undefined) await this.values.next(tx, actor, secret, value, true);
      return this.present(actor, secret, tx);
    });
  }

  setActive(actor: Actor, id: string, is_active: boolean): Promise<SecretView> {
    return this.update(actor, id, { is_active });
  }

  /** Another value, or the same one sealed again with the newest key. One after the other: each rotation is a version. */
  async rotate(actor: Actor, id: string, { new_value, new_encryption_provider, new_key_id }: SecretRotate): Promise<SecretView> {
    this.assertKey(['new_encryption_provider', new_encryption_provider], ['new_key_id', new_key_id]);
    return this.database.tx(async (tx) => {
      const before = await this.secrets(tx).lock(actor, id);
      const is_new = typeof new_value === 'string';
      const value = is_new ? new_value : (await this.values.current(tx, before)).value;
      const changes = { version: before.version + 1, last_rotated_at: new Date(), value_preview: previewOf(value) };
      const secret = await this.secrets(tx).patch(actor, id, changes);
      await this.values.next(tx, actor, secret, value, is_new);
      tx.audit(actor, 'secret.rotated', {
        resource: nameOf(secret),
        before,
        after: { ...secret, ...(is_new && { value: MASK }) },
        may_tell: mayTell,
        metadata: { is_new_value: is_new },
      });
      return this.present(actor, secret, tx);
    });
  }

  /** Its values are destroyed, its key is free again. @throws {Conflict} secret_in_use, without `force`. */
  async remove(actor: Actor, id: string, { force = false }: SecretRemoval = {}): Promise<void> {
    await this.database.tx(async (tx) => {
      const secret = await this.secrets(tx).lock(actor, id);
      const users: SecretUser[] = [];
      for (const find of this.users) users.push(...(await find(tx, actor, secret)));
      if (users.length && !force) throw inUse(users.slice(0, TOLD_USERS));
      await this.secrets(tx).remove(actor, id);
      tx.audit(actor, 'secret.deleted', {
        resource: nameOf(secret),
        before: { ...secret, value: MASK },
        may_tell: mayTell,
        metadata: { used_by: users.slice(0, TOLD_USERS) },
      });
    });
  }

  /** The plain text; the audit log says who saw it. @throws {Conflict} secret_inactive. */
  async value(actor: Actor, id: string): Promise<SecretValue> {
    return this.database.tx(async (tx) => {
      const secret = await this.secrets(tx).get(actor, id);
      if (!secret.is_active) throw inactive();
      const { version, value } = await this.values.current(tx, secret);
      tx.audit(actor, 'secret.value_read', { resource: nameOf(secret), metadata: { version } });
      return { id, key: secret.key, value, version };
    });
  }

  /** @throws {Invalid} unsupported_test. */
  async test(actor: Actor, id: string, { test_type }: SecretTest): Promise<SecretTestResult> {
    const type = test_type ?? 'decrypt';
    const secret = await this.secrets().get(actor, id);
    if (type === 'connection') this.provider.assertKnown(secret);
    const { valid, message, latency_ms } = await this.tryOut(secret, type === 'connection');
    await this.database.tx(async (tx) =>
      tx.audit(actor, 'secret.tested', { resource: nameOf(secret), metadata: { test_type: type, valid } }),
    );
    return { valid, is_valid: valid, message, test_type: type, latency_ms };
  }

  async versions(actor: Actor, id: string, query: PageQuery): Promise<Page<SecretVersionView>> {
    await this.secrets().get(actor, id);
    const { items, total, next_cursor } = await this.database.repository(SecretVersion).pageOfIds(actor, query, {
      sort: ['version', 'created_at', 'rotated_at', 'key_id'],
      default_sort: 'version:desc',
      filter: { secret_id: id },
    });
    // Without the values: they are long.
    const rows = await this.database.rows<SecretVersionView>(
      `SELECT version, CASE WHEN rotated_at IS NULL THEN 'active' ELSE 'rotated' END AS status, key_id, created_at, created_by, rotated_at
         FROM secret_versions WHERE organization_id = $1 AND id = ANY($2) ORDER BY array_position($2, id)`,
      [actor.organization_id, items],
    );
    return toPage({ items: rows, next_cursor }, total, query);
  }

  async usage(actor: Actor, id: string): Promise<SecretUsageStats> {
    const secret = await this.secrets().get(actor, id);
    return usageOf(secret, await this.known(actor, [secret]));
  }

  async usageOfAll(actor: Actor, query: SecretUsageQuery): Promise<Page<SecretUsageStats>> {
    const { environment, service } = query;
    const found = await this.secrets().page(actor, query, { ...LIST, filter: { environment, service } });
    const known = await this.known(actor, found.items);
    return { ...found, items: found.items.map((secret) => usageOf(secret, known)) };
  }

  async totals(actor: Actor): Promise<SecretTotals> {
    const [totals] = await this.database.rows<SecretTotals>(
      `WITH own AS (SELECT * FROM secrets WHERE organization_id = $1)
       SELECT (SELECT count(*)::int FROM own) AS total,
              (SELECT count(*)::int FROM own WHERE is_active) AS active,
              (SELECT count(*)::int FROM own WHERE NOT is_active) AS inactive,
              ${['environment', 'scope', 'service', 'encryption_provider'].map(countedBy).join(', ')}`,
      [actor.organization_id],
    );
    return totals;
  }

  private async tryOut(secret: Secret, by_connection: boolean): Promise<Pick<SecretTestResult, 'valid' | 'message' | 'latency_ms'>> {
    try {
      const { value } = await this.values.current(this.database, secret);
      return by_connection ? await this.provider.ask(secret, value) : { valid: true, message: null, latency_ms: null };
    } catch (error) {
      if (!(error instanceof Unopened)) throw error;
      return { valid: false, message: 'It cannot be opened: its key is not in the ring of the server.', latency_ms: null };
    }
  }

  /** @throws {Invalid} Another provider than ours, or another key than the newest: what an older one seals would be sealed again at once. */
  private assertKey(
    [provider_field, provider]: [string, EncryptionProvider | null | undefined],
    [key_field, key_id]: [string, string | null | undefined],
  ): void {
    if (provider && provider !== EncryptionProvider.local) throw Invalid.field(provider_field, `${provider} is not configured; use local`);
    if (key_id && key_id !== this.values.key_id) throw Invalid.field(key_field, 'must be the newest key of the ring, or be left out');
  }

  private async present(actor: Actor, secret: Secret, tx?: Tx): Promise<SecretView> {
    const [view] = await this.presentAll(actor, [secret], tx);
    return view;
  }

  private async presentAll(actor: Actor, secrets: readonly Secret[], tx?: Tx): Promise<SecretView[]> {
    const known = await this.known(actor, secrets, tx);
    return secrets.map((secret) => {
      const { key_id = '', successful = 0, failed = 0, last_used_at = null } = known.get(secret.id) ?? {};
      return {
        ...secret,
        name: secret.key,
        status: secret.is_active ? SecretStatus.active : SecretStatus.inactive,
        encryption_key_id: key_id,
        usage_count: successful + failed,
        last_used_at,
      };
    });
  }

  /** What is known of secrets beside their rows, in one query. */
  private async known(actor: Actor, secrets: readonly Secret[], tx?: Tx): Promise<Map<string, Known>> {
    if (!secrets.length) return new Map();
    if (!tx) await this.uses.flush();
    const rows = await (tx ?? this.database).rows<Known>(
      `SELECT v.secret_id AS id, v.key_id, coalesce(u.successful_requests, 0)::float8 AS successful, coalesce(u.failed_requests, 0)::float8 AS failed, u.last_used_at
         FROM secret_versions v LEFT JOIN secret_usage u ON u.organization_id = v.organization_id AND u.secret_id = v.secret_id
        WHERE v.organization_id = $1 AND v.secret_id = ANY($2) AND v.rotated_at IS NULL`,
      [actor.organization_id, secrets.map(({ id }) => id)],
    );
    return new Map(rows.map((row) => [row.id, row]));
  }

  private secrets(tx?: Tx): TenantRepository<Secret> {
    return this.database.repository(Secret, tx);
  }
}

/** Four characters say which one it is; of a short one they would say too much. */
function previewOf(value: string): string | null {
  return value.length < 12 ? null : [...value.slice(-8)].slice(-4).join('');
}

function filterOf({
  environment,
  service,
  scope,
  chatbot_id,
  is_active,
  status,
}: SecretQuery): Pick<PageOptions<Secret>, 'filter' | 'refine'> {
  return {
    filter: { environment, service, scope, chatbot_id, is_active },
    refine: (rows) => {
      if (status === SecretStatus.rotated) rows.andWhere('false');
      else if (status) rows.andWhere('row.is_active = :active', { active: status === SecretStatus.active });
    },
  };
}

/** SQL: how many secrets of `own` there are of each value of a column. */
const countedBy = (column: string): string =>
  `(SELECT coalesce(jsonb_object_agg(word, n), '{}') FROM (SELECT coalesce(${column}, 'none') AS word, count(*)::int AS n FROM own GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 100) words) AS by_${column === 'encryption_provider' ? 'provider' : column}`;

/** What an audit entry calls the change. */
function actionOf(changes: Partial<Secret>): string {
  if (changes.is_active === undefined || Object.keys(changes).length > 1) return 'secret.updated';
  return changes.is_active ? 'secret.activated' : 'secret.deactivated';
}

function usageOf({ id, key, display_name, is_active, created_at }: Secret, known: Map<string, Known>): SecretUsageStats {
  const { successful = 0, failed = 0, last_used_at = null } = known.get(id) ?? {};
  const total_requests = successful + failed;
  return {
    secret_id: id,
    key,
    secret_name: key,
    display_name,
    total_requests,
    successful_requests: successful,
    failed_requests: failed,
    success_rate: total_requests ? Math.round((successful / total_requests) * 10_000) / 100 : 0,
    last_used_at,
    usage_count: total_requests,
    is_active,
    created_at,
  };
}

/** What the audit log may tell of: not what is written beside a value, nor how it ends. */
const mayTell = (field: string): boolean => field !== 'metadata' && field !== 'value_preview';

const nameOf = ({ id, key }: Secret): { id: string; name: string } => ({ id, name: key });

const inactive = (): Conflict => new Conflict('secret_inactive', 'The secret is inactive.');

function inUse(users: readonly SecretUser[]): Conflict {
  const details = users.map((used_by) => ({
    loc: ['path', 'secret_id'],
    msg: `used by ${used_by.type} ${used_by.name}`,
    type: 'in_use',
    used_by,
  }));
  return new Conflict('secret_in_use', 'The secret is in use.', { details });
}

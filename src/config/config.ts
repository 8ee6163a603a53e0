import { accessSync, constants } from 'node:fs';
import { join, resolve } from 'node:path';
import { isEmail } from 'class-validator';
import type { EncryptionKey } from '#common/encryption';
import { passwordMistake } from '#common/password-policy';
import { ConfigError } from './config-error';
import { envReader } from './env-reader';
import { makeDirectory } from './make-directory';
import { misspelling } from './misspelling';
import { type RateClass, type RateLimitClass, rateClasses } from './rate-classes';
import { embeddedSecrets, isWeak, keyRing } from './start-secrets';
import { trustProxy } from './trust-proxy';

export type ProcessRole = 'all' | 'api' | 'worker';

/** A bucket of an S3-compatible storage and the keys to it. */
export interface S3Settings {
  /** null: Amazon's own, of the region. */
  readonly endpoint: string | null;
  readonly region: string;
  readonly bucket: string;
  readonly access_key_id: string;
  readonly secret_access_key: string;
  /** The bucket stands in the path of an address, not in its host. */
  readonly force_path_style: boolean;
}

/** Contract 20, 9: ten tries within about 75 hours. */
const WEBHOOK_RETRY_DELAYS: readonly number[] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];

/** Environment in, one typed frozen object out. The only reader of process.env. Names are the contract's, in snake_case. */
export class Config {
  readonly node_env: 'development' | 'test' | 'production';
  readonly production: boolean;
  readonly port: number;
  readonly host: string;
  readonly public_base_url: string;
  readonly data_dir: string;
  readonly process_role: ProcessRole;
  readonly demo: boolean;
  /** null: the embedded profile starts its own PostgreSQL and fills `database_url` in (see `withDatabase`). */
  readonly database_url: string | null;
  /** Of the role that owns the tables: migrates, grants, backs up. The same where one role is all. */
  readonly database_owner_url: string | null;
  readonly database_pool_size: number;
  readonly redis_url: string | null;
  readonly mongodb_url: string | null;
  readonly jwt_secret: string;
  /** Encrypt tokens and secrets at rest: the newest, then those that only open. */
  readonly encryption_keys: readonly EncryptionKey[];
  /** The newest, 32 bytes. */
  readonly encryption_key: Buffer;
  /** Password of the embedded PostgreSQL; unused in the full profile. */
  readonly embedded_database_password: string;
  readonly embedded: boolean;
  readonly access_token_ttl_seconds: number;
  readonly refresh_token_ttl_days: number;
  readonly super_admin_email: string | null;
  readonly super_admin_password: string | null;
  /** Whether strangers may register an organization. */
  readonly registration_enabled: boolean;
  readonly cors_origins: string[];
  /** As Express takes it: how many proxies of ours stand in front, or their addresses and networks. */
  readonly trust_proxy: boolean | number | string[];
  readonly log_level: string;
  readonly docs_enabled: boolean;
  readonly debug_endpoints_enabled: boolean;
  /** Whether super admins may look at the database and ask others over `/database`. */
  readonly database_endpoints_enabled: boolean;
  /** Whether these may stand on this machine or in its network, and be our own. */
  readonly database_allow_private_hosts: boolean;
  /** Of the sources this was built from; null: nobody said. */
  readonly commit: string | null;
  /** Of the requests and jobs, how many are traced: 0 none, 1 all. */
  readonly trace_sample_ratio: number;
  readonly metrics_token: string | null;
  readonly rate_limit_enabled: boolean;
  readonly rate_limits: Record<RateLimitClass, RateClass>;
  /** none: mails end as failed. */
  readonly mail_driver: 'smtp' | 'memory' | 'none';
  readonly smtp_url: string | null;
  /** Sender of every mail: an address, or `Name <address>`. */
  readonly mail_from: string;
  /** Where mailed links lead: a front end, or PyTake's own small pages. */
  readonly app_url: string;
  readonly meta_graph_base_url: string;
  readonly meta_graph_version: string;
  readonly meta_app_secret: string | null;
  readonly meta_webhook_verify_token: string | null;
  readonly evolution_api_url: string | null;
  readonly evolution_api_key: string | null;
  readonly simulator_enabled: boolean;
  readonly egress_allowed_hosts: string[];
  /** Seconds between the tries of a webhook's delivery. */
  readonly webhook_retry_delays: readonly number[];
  /** So many deliveries wait for one webhook; with more it is switched off. */
  readonly webhook_pending_max: number;
  /** The directory where files stand, or, with `s3`, where they only arrive. */
  readonly media_storage: string;
  /** null: files stay in `media_storage`. */
  readonly s3: S3Settings | null;
  readonly audit_retention_days: number;
  readonly openai_base_url: string;
  readonly anthropic_base_url: string;
  /** What does not stop the start and is probably a mistake. */
  readonly warnings: readonly string[];

  /** @throws {ConfigError} listing every mistake. */
  constructor(env: NodeJS.ProcessEnv) {
    const { mistakes, known, text, oneOf, int, bool, url, list } = envReader(env);

    this.node_env = oneOf('NODE_ENV', ['development', 'test', 'production'] as const, 'development');
    this.production = this.node_env === 'production';
    this.port = int('PORT', 8000, 0, 65535);
    this.host = text('HOST') ?? '0.0.0.0';
    this.public_base_url = url('PUBLIC_BASE_URL', null, ['http:', 'https:']) ?? `http://localhost:${this.port}`;
    this.data_dir = Config.dataDir(env);
    this.process_role = oneOf('PROCESS_ROLE', ['all', 'api', 'worker'] as const, 'all');
    this.database_url = url('DATABASE_URL', null, ['postgres:', 'postgresql:']);
    this.embedded = Config.isEmbedded(env);
    const owner_url = url('DATABASE_OWNER_URL', null, ['postgres:', 'postgresql:']);
    if (owner_url && !this.database_url)
      mistakes.push('DATABASE_OWNER_URL is set and DATABASE_URL is not: the embedded PostgreSQL has roles of its own');
    if (owner_url && this.database_url && loginOf(owner_url) === loginOf(this.database_url))
      mistakes.push(
        'DATABASE_URL and DATABASE_OWNER_URL name one role: leave DATABASE_OWNER_URL out, or name a role for the application alone',
      );
    this.database_owner_url = owner_url ?? this.database_url;
    this.database_pool_size = int('DATABASE_POOL_SIZE', 10, 2, 200);
    this.redis_url = url('REDIS_URL', null, ['redis:', 'rediss:']);
    this.mongodb_url = url('MONGODB_URL', null, ['mongodb:', 'mongodb+srv:']);
    if (this.embedded && this.process_role !== 'all')
      mistakes.push(
        `PROCESS_ROLE is "${this.process_role}" but the embedded profile is one process: set DATABASE_URL and REDIS_URL, or leave PROCESS_ROLE out`,
      );
    if (!this.embedded && this.process_role !== 'all' && !this.redis_url)
      mistakes.push('REDIS_URL is missing: processes of PROCESS_ROLE api and worker meet in Redis');

    // The full profile takes its secrets from the environment; the embedded one makes its own once.
    const embedded_in_production = bool('EMBEDDED_IN_PRODUCTION', false);
    const generated = this.embedded && (!this.production || embedded_in_production) ? embeddedSecrets(this.data_dir) : null;
    const secret = (name: 'JWT_SECRET' | 'META_APP_SECRET' | 'META_WEBHOOK_VERIFY_TOKEN'): string | null =>
      text(name) ?? generated?.[name] ?? null;
    this.jwt_secret = secret('JWT_SECRET') ?? '';
    if (!this.jwt_secret) mistakes.push('JWT_SECRET is missing: give 32 or more random characters, e.g. from `openssl rand -base64 48`');
    else if (isWeak(this.jwt_secret))
      mistakes.push('JWT_SECRET is weak: give 32 or more random characters, e.g. from `openssl rand -base64 48`');
    this.encryption_keys = keyRing(
      [
        ['ENCRYPTION_KEYS', list('ENCRYPTION_KEYS')],
        ['ENCRYPTION_KEY', list('ENCRYPTION_KEY')],
        ['ENCRYPTION_KEYS_OLD', list('ENCRYPTION_KEYS_OLD')],
        // Whoever gives a key in place of the one that was made rotates it.
        ['ENCRYPTION_KEY', generated ? [generated.ENCRYPTION_KEY] : []],
      ],
      mistakes,
    );
    this.encryption_key = this.encryption_keys[0]?.key ?? Buffer.alloc(0);
    this.embedded_database_password = generated?.DATABASE_PASSWORD ?? '';
    if (this.production && this.embedded && !embedded_in_production)
      mistakes.push(
        'DATABASE_URL is missing: production runs on your own PostgreSQL (15 or newer), or on the embedded one with EMBEDDED_IN_PRODUCTION=true',
      );

    this.access_token_ttl_seconds = int('ACCESS_TOKEN_TTL_SECONDS', 3600, 1, 86_400);
    this.refresh_token_ttl_days = int('REFRESH_TOKEN_TTL_DAYS', 7, 1, 30);
    this.super_admin_email = text('SUPER_ADMIN_EMAIL')?.toLowerCase() ?? null;
    this.super_admin_password = text('SUPER_ADMIN_PASSWORD');
    if ((this.super_admin_email === null) !== (this.super_admin_password === null))
      mistakes.push('SUPER_ADMIN_EMAIL and SUPER_ADMIN_PASSWORD go together: set both or none');
    if (this.super_admin_email !== null && !isEmail(this.super_admin_email))
      mistakes.push(`SUPER_ADMIN_EMAIL is "${this.super_admin_email}", use an e-mail address`);
    const weak = this.super_admin_password && passwordMistake(this.super_admin_password, this.super_admin_email ?? '');
    if (weak) mistakes.push(`SUPER_ADMIN_PASSWORD is weak: it ${weak}`);
    this.registration_enabled = bool('REGISTRATION_ENABLED', true);
    this.cors_origins = list('CORS_ORIGINS');
    for (const origin of this.cors_origins)
      if (origin === '*' ? this.production : !URL.canParse(origin))
        mistakes.push(`CORS_ORIGINS contains "${origin}", use origins such as https://app.example.com`);
    this.trust_proxy = trustProxy(text('TRUST_PROXY') ?? 'false', this.production, mistakes);
    this.log_level = oneOf('LOG_LEVEL', ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const, 'info');
    this.docs_enabled = bool('DOCS_ENABLED', !this.production);
    this.debug_endpoints_enabled = bool('DEBUG_ENDPOINTS_ENABLED', false);
    this.database_endpoints_enabled = bool('DATABASE_ENDPOINTS_ENABLED', this.debug_endpoints_enabled && !this.production);
    this.database_allow_private_hosts = bool('DATABASE_ALLOW_PRIVATE_HOSTS', false);
    if (this.database_allow_private_hosts && this.production)
      mistakes.push('DATABASE_ALLOW_PRIVATE_HOSTS is true in production: name the hosts in EGRESS_ALLOWED_HOSTS');
    this.commit = text('COMMIT_SHA');
    const ratio = text('TRACE_SAMPLE_RATIO');
    this.trace_sample_ratio = ratio === null ? (this.production ? 0.01 : 1) : Number(ratio);
    if (!(this.trace_sample_ratio >= 0 && this.trace_sample_ratio <= 1))
      mistakes.push(`TRACE_SAMPLE_RATIO is "${ratio}", use a number from 0 to 1`);
    this.metrics_token = text('METRICS_TOKEN');
    if (this.production && this.metrics_token !== null && this.metrics_token.length < 16)
      mistakes.push('METRICS_TOKEN is weak: give 16 or more random characters');
    this.rate_limit_enabled = bool('RATE_LIMIT_ENABLED', true);
    this.rate_limits = Object.fromEntries(
      [...rateClasses()].map(([name, declared]) => {
        const variable = `RATE_LIMIT_${name.toUpperCase()}`;
        const value = text(variable);
        const match = value?.match(/^(\d{1,7})\/(\d{1,6})$/);
        if (value !== null && (!match || Number(match[1]) < 1 || Number(match[2]) < 1))
          mistakes.push(`${variable} is "${value}", use limit/seconds such as 100/60`);
        return [name, { ...declared, ...(match && { limit: Number(match[1]), seconds: Number(match[2]) }) }];
      }),
    ) as Record<RateLimitClass, RateClass>;
    this.smtp_url = url('SMTP_URL', smtpUrl(text('SMTP_HOST'), int('SMTP_PORT', 587, 1, 65535), text('SMTP_USER'), text('SMTP_PASSWORD')), [
      'smtp:',
      'smtps:',
    ]);
    const wanted = oneOf('MAIL_DRIVER', ['smtp', 'memory', 'none'] as const, this.smtp_url || this.production ? 'smtp' : 'memory');
    this.mail_driver = wanted === 'smtp' && !this.smtp_url ? 'none' : wanted;
    this.app_url = url('APP_URL', null, ['http:', 'https:']) ?? this.public_base_url;
    const mail_from = text('MAIL_FROM');
    this.mail_from = mail_from ?? `PyTake <no-reply@${URL.canParse(this.app_url) ? new URL(this.app_url).hostname : 'localhost'}>`;
    if (mail_from !== null && !isEmail(mail_from, { allow_display_name: true }))
      mistakes.push(`MAIL_FROM is "${mail_from}", use an address such as PyTake <no-reply@example.com>`);
    if (mail_from === null && this.production && this.mail_driver === 'smtp')
      mistakes.push('MAIL_FROM is missing: mail servers want a sender of your own domain, such as PyTake <no-reply@example.com>');
    this.meta_graph_base_url = url('META_GRAPH_BASE_URL', 'https://graph.facebook.com', ['http:', 'https:']) ?? '';
    this.meta_graph_version = text('META_GRAPH_VERSION') ?? 'v25.0';
    if (!/^v\d+\.\d+$/.test(this.meta_graph_version))
      mistakes.push(`META_GRAPH_VERSION is "${this.meta_graph_version}", use a version such as v25.0`);
    this.meta_app_secret = secret('META_APP_SECRET');
    this.meta_webhook_verify_token = secret('META_WEBHOOK_VERIFY_TOKEN');
    this.evolution_api_url = url('EVOLUTION_API_URL', null, ['http:', 'https:']);
    this.evolution_api_key = text('EVOLUTION_API_KEY');
    this.simulator_enabled = bool('SIMULATOR_ENABLED', this.embedded && !this.production);
    if (this.simulator_enabled && this.production)
      mistakes.push('SIMULATOR_ENABLED is true in production: it is a fake Meta, leave it out');
    this.demo = bool('DEMO', this.embedded && !this.production) && !this.production;
    this.egress_allowed_hosts = list('EGRESS_ALLOWED_HOSTS');
    const delays = text('WEBHOOK_RETRY_DELAYS');
    this.webhook_retry_delays = delays === null ? WEBHOOK_RETRY_DELAYS : delays.split(',').map(Number);
    if (this.webhook_retry_delays.length > 20 || !this.webhook_retry_delays.every((s) => Number.isInteger(s) && s >= 1 && s <= 604_800))
      mistakes.push(`WEBHOOK_RETRY_DELAYS is "${delays}", use at most 20 whole numbers of seconds such as 5,300,1800`);
    this.webhook_pending_max = int('WEBHOOK_PENDING_MAX', 100_000, 100, 10_000_000);
    const storage = text('MEDIA_STORAGE');
    const in_bucket = storage?.toLowerCase() === 's3';
    if (storage?.toLowerCase().startsWith('s3:'))
      mistakes.push(`MEDIA_STORAGE is "${storage}", use s3 and name the bucket in S3_BUCKET, or a directory`);
    const local = storage === null || in_bucket || storage.toLowerCase() === 'local';
    this.media_storage = local ? join(this.data_dir, 'media') : storage;
    const endpoint = url('S3_ENDPOINT', null, ['http:', 'https:']);
    const s3: S3Settings = {
      endpoint,
      region: text('S3_REGION') ?? 'us-east-1',
      bucket: text('S3_BUCKET') ?? '',
      access_key_id: text('S3_ACCESS_KEY_ID') ?? '',
      secret_access_key: text('S3_SECRET_ACCESS_KEY') ?? '',
      force_path_style: bool('S3_FORCE_PATH_STYLE', endpoint !== null),
    };
    this.s3 = in_bucket ? Object.freeze(s3) : null;
    if (this.s3)
      for (const name of ['S3_BUCKET', 'S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'])
        if (!text(name)) mistakes.push(`${name} is missing: MEDIA_STORAGE=s3 wants S3_BUCKET, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY`);
    if (this.s3 && !endpoint && !text('S3_REGION'))
      mistakes.push(
        'S3_REGION is missing: MEDIA_STORAGE=s3 wants the region of the bucket at Amazon, or the S3_ENDPOINT of another storage',
      );
    this.audit_retention_days = int('AUDIT_RETENTION_DAYS', 730, 1, 36_500);
    this.openai_base_url = url('OPENAI_BASE_URL', 'https://api.openai.com/v1', ['http:', 'https:']) ?? '';
    this.anthropic_base_url = url('ANTHROPIC_BASE_URL', 'https://api.anthropic.com', ['http:', 'https:']) ?? '';

    // Read by docker-compose.yml and Caddyfile, from the same .env.
    for (const name of ['POSTGRES_PASSWORD', 'SITE_ADDRESS', 'TRUSTED_PROXIES', 'HTTP_PORT', 'HTTPS_PORT']) known.add(name);
    this.warnings = Object.keys(env).flatMap((name) => misspelling(name, known) ?? []);
    if (s3.bucket && !in_bucket) this.warnings = [...this.warnings, 'S3_BUCKET is not used: MEDIA_STORAGE is not s3'];

    if (mistakes.length) throw new ConfigError(mistakes);
    Object.freeze(this);
  }

  /** Whether PostgreSQL is our own, in `dataDir`; known before the rest is read. */
  static isEmbedded(env: NodeJS.ProcessEnv): boolean {
    return !env.DATABASE_URL?.trim();
  }

  /** Where data stands, known before the rest is read: the lock on it comes first. */
  static dataDir(env: NodeJS.ProcessEnv): string {
    return resolve(env.DATA_DIR?.trim() || '.data');
  }

  /** Whether who started us says it; otherwise DATA_DIR does. For what a command tells at its end. */
  static comesFromOutside(env: NodeJS.ProcessEnv, name: 'DATA_DIR' | 'ENCRYPTION_KEY' | 'ENCRYPTION_KEYS' | 'MEDIA_STORAGE'): boolean {
    return Boolean(env[name]?.trim());
  }

  /** @throws {ConfigError} when no file can be kept in MEDIA_STORAGE; better said at the start than at the first photo. */
  assertStorage(): void {
    try {
      makeDirectory(this.media_storage);
      accessSync(this.media_storage, constants.W_OK);
    } catch (error) {
      throw new ConfigError([`MEDIA_STORAGE (by default DATA_DIR/media) cannot be written: ${(error as Error).message}`]);
    }
  }

  /** The same configuration for a process that does less. */
  withRole(process_role: ProcessRole): Config {
    return Object.freeze(Object.assign(Object.create(Config.prototype) as Config, this, { process_role }));
  }

  /** The same configuration once the embedded PostgreSQL has a port. */
  withDatabase(urls: Pick<Config, 'database_url' | 'database_owner_url'>): Config {
    return Object.freeze(Object.assign(Object.create(Config.prototype) as Config, this, urls));
  }
}

/** 465 speaks TLS from the first byte (RFC 8314); other ports change to it where the server offers. */
function smtpUrl(host: string | null, port: number, user: string | null, password: string | null): string | null {
  if (host === null) return null;
  const login = user === null ? '' : `${encodeURIComponent(user)}:${encodeURIComponent(password ?? '')}@`;
  return `${port === 465 ? 'smtps' : 'smtp'}://${login}${host}:${port}`;
}

/** Who connects. What is no URL is told elsewhere. */
const loginOf = (url: string): string => (URL.canParse(url) ? decodeURIComponent(new URL(url).username) : url);

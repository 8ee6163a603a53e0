import { Injectable } from '@nestjs/common';
import { Bounded } from '#common/bounded';
import { Encryption } from '#common/encryption';
import { Config } from '#config/config';
import { Database, type Tx } from '#database/database';
import type { Sql } from '#database/sql';
import { isSimulatorNumber, simulatorAppSecret } from '#modules/simulator/simulator-number';
import { type StopWords, stopWordsOf } from '#modules/organizations/stop-words';
import { placeOfKeys } from './whatsapp-number-secret.entity';
import type { ConnectionType } from './whatsapp-number.entity';

/** What the receipt door and the filing need of a number, before an organization is known. */
export interface KnownNumber {
  id: string;
  organization_id: string;
  connection_type: ConnectionType;
  phone_number_id: string | null;
  waba_id: string | null;
  /** Verifies this number's webhooks; null: nothing does, so nothing of it is let in. */
  app_secret: string | null;
  is_active: boolean;
  /** It is on, and answers by itself. */
  auto_replies: boolean;
}

/** What filing needs to know of it: no key is opened for that. */
export interface FiledNumber extends Omit<KnownNumber, 'app_secret'> {
  /** Those of its organization. */
  stop_words: StopWords;
}

interface Row extends KnownNumber {
  is_proved: boolean;
  opt_out_words: unknown;
  opt_in_words: unknown;
}

/** A number whose ids are proved, with that proof. */
export interface Holder {
  id: string;
  organization_id: string;
  proved_at: Date;
  /** Its organization is deleted: whoever proves to have the number takes it. */
  is_left: boolean;
}

/** What Evolution's door needs of a number, before an organization is known. */
export interface PairedNumber {
  id: string;
  organization_id: string;
  evolution_instance_name: string | null;
  webhook_verify_token: string;
}

/** A change made by another process is seen after this; one of this process at once. */
const CACHE_MS = 5000;
const REMEMBERED = 10_000;

/** Numbers by one of Meta's ids, with the ids nobody has. Several may claim one id. */
class Cache extends Bounded<string, { at: number; numbers: KnownNumber[] }> {
  constructor() {
    super({ count: REMEMBERED });
  }
}

/** Numbers by Meta's ids. The receipt meets them before it knows whose they are, so this stands before the wall. */
@Injectable()
export class NumberDirectory {
  private readonly byPhone = new Cache();
  private readonly byWaba = new Cache();
  private readonly byToken = new Bounded<string, { at: number; number: PairedNumber | null }>({ count: REMEMBERED });

  constructor(
    private readonly database: Database,
    private readonly config: Config,
    private readonly encryption: Encryption,
  ) {}

  /** `trusted`: the platform's own signature names them, so one nobody is proved to have is asked for again: it may have been, just now. */
  byPhoneNumberIds(phone_number_ids: readonly string[], trusted: boolean): Promise<KnownNumber[]> {
    return this.find(this.byPhone, 'phone_number_id', phone_number_ids, trusted);
  }

  /** Numbers of these WhatsApp Business Accounts, the oldest first within each. */
  byWabaIds(waba_ids: readonly string[], trusted: boolean): Promise<KnownNumber[]> {
    return this.find(this.byWaba, 'waba_id', waba_ids, trusted);
  }

  /** The number whose webhook has this address. */
  async byWebhookToken(webhook_token: string): Promise<PairedNumber | null> {
    const known = this.byToken.get(webhook_token);
    if (known && Date.now() - known.at < CACHE_MS) return known.number;
    const [number = null] = await this.database.rows<PairedNumber>(
      `SELECT n.id, n.organization_id, n.evolution_instance_name, s.webhook_verify_token
         FROM whatsapp_number_secrets s
         JOIN whatsapp_numbers n ON n.organization_id = s.organization_id AND n.id = s.whatsapp_number_id AND n.deleted_at IS NULL
        WHERE s.webhook_token = $1`,
      [webhook_token],
    );
    // Young again.
    this.byToken.delete(webhook_token);
    this.byToken.set(webhook_token, { at: Date.now(), number });
    return number;
  }

  /** The numbers these rows came to, by our id, within the caller's transaction. */
  async of(sql: Sql, came: readonly { organization_id: string; whatsapp_number_id: string }[]): Promise<Map<string, FiledNumber>> {
    const ids = new Map(came.map(({ organization_id, whatsapp_number_id }) => [whatsapp_number_id, organization_id]));
    const rows = await read(sql, '(n.organization_id, n.id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))', [
      [...ids.values()],
      [...ids.keys()],
    ]);
    return new Map(
      rows.map(({ app_secret: _secret, is_proved: _proved, opt_out_words, opt_in_words, ...number }) => [
        number.id,
        { ...number, stop_words: stopWordsOf(opt_out_words, opt_in_words) },
      ]),
    );
  }

  /** Whether all that is named here was an organization's once and is deleted; of numbers whose kept secret (null: none) `isSigned` takes. */
  async wereDeleted(
    phone_number_ids: readonly string[],
    waba_ids: readonly string[],
    isSigned: (app_secret: string | null) => boolean,
  ): Promise<boolean> {
    const rows = await this.database.rows<Pick<Row, 'id' | 'organization_id' | 'phone_number_id' | 'waba_id' | 'app_secret'>>(
      `SELECT n.id, n.organization_id, n.phone_number_id, n.whatsapp_business_account_id AS waba_id, s.app_secret
         FROM whatsapp_numbers n LEFT JOIN whatsapp_number_secrets s ON s.organization_id = n.organization_id AND s.whatsapp_number_id = n.id
        WHERE n.deleted_at IS NOT NULL AND (n.phone_number_id = ANY($1) OR n.whatsapp_business_account_id = ANY($2))`,
      [phone_number_ids, waba_ids],
    );
    const signed = rows.filter((row) => isSigned(this.openOwn(row)));
    const phones = new Set(signed.map((row) => row.phone_number_id));
    const wabas = new Set(signed.map((row) => row.waba_id));
    return signed.length > 0 && phone_number_ids.every((id) => phones.has(id)) && waba_ids.every((id) => wabas.has(id));
  }

  /** The number whose connection test proved this id, in whichever organization. */
  async holderOf(phone_number_id: string): Promise<Holder | null> {
    const [row] = await this.database.rows<Holder | undefined>(
      `SELECT n.id, n.organization_id, n.proved_at, NOT EXISTS (SELECT FROM organizations o WHERE o.id = n.organization_id AND o.deleted_at IS NULL) AS is_left
         FROM whatsapp_numbers n WHERE n.phone_number_id = $1 AND n.proved_at IS NOT NULL AND n.deleted_at IS NULL`,
      [phone_number_id],
    );
    return row ?? null;
  }

  /** Takes this very proof away; one that was given since stays. */
  async release(tx: Tx, { organization_id, id, proved_at }: Holder): Promise<void> {
    await tx.rows(
      'UPDATE whatsapp_numbers SET proved_at = NULL, updated_at = now() WHERE organization_id = $1 AND id = $2 AND proved_at = $3',
      [organization_id, id, proved_at],
    );
  }

  /** A number changed in this process. */
  forget(): void {
    this.byPhone.clear();
    this.byWaba.clear();
    this.byToken.clear();
  }

  /** Whether a token is some number's webhook_verify_token. */
  async knowsVerifyToken(token: string): Promise<boolean> {
    const [row] = await this.database.rows<unknown>(
      `SELECT 1 FROM whatsapp_number_secrets s
         JOIN whatsapp_numbers n ON n.organization_id = s.organization_id AND n.id = s.whatsapp_number_id AND n.deleted_at IS NULL
        WHERE s.webhook_verify_token = $1 LIMIT 1`,
      [token],
    );
    return row !== undefined;
  }

  private async find(cache: Cache, key: 'phone_number_id' | 'waba_id', ids: readonly string[], trusted: boolean): Promise<KnownNumber[]> {
    const found: KnownNumber[] = [];
    const missing: string[] = [];
    const now = Date.now();
    for (const id of ids) {
      const known = cache.get(id);
      if (known && now - known.at < CACHE_MS && (!trusted || known.numbers.some(({ app_secret }) => app_secret !== null)))
        found.push(...known.numbers);
      else missing.push(id);
    }
    if (!missing.length) return found;
    const column = key === 'waba_id' ? 'whatsapp_business_account_id' : 'phone_number_id';
    const read = Map.groupBy(
      await this.read(`n.${column} = ANY($1) AND n.connection_type = 'official' AND n.phone_number_id IS NOT NULL`, missing),
      (number) => number[key] ?? '',
    );
    for (const id of missing) {
      const numbers = read.get(id) ?? [];
      found.push(...numbers);
      // Young again.
      cache.delete(id);
      cache.set(id, { at: now, numbers });
    }
    return found;
  }

  private async read(condition: string, values: readonly string[]): Promise<KnownNumber[]> {
    const rows = await read(this.database, condition, [values]);
    return rows.map((row) => {
      const { is_proved: _proved, opt_out_words: _out, opt_in_words: _in, ...number } = row;
      return { ...number, app_secret: this.secretOf(row) };
    });
  }

  /**
   * The simulator's for its numbers, and for no others. Else the number's own, and no other beside it; else the platform's. The simulator's and
   * the platform's speak for ids that a connection test proved: whoever only claims them hears nothing.
   */
  private secretOf(row: Row): string | null {
    const { phone_number_id, app_secret, is_proved } = row;
    const simulated = this.config.simulator_enabled && phone_number_id !== null && isSimulatorNumber(phone_number_id);
    if (app_secret && !simulated) return this.openOwn(row);
    if (!is_proved) return null;
    return simulated ? simulatorAppSecret(this.config) : this.config.meta_app_secret;
  }

  private openOwn({ organization_id, id, app_secret }: Pick<Row, 'organization_id' | 'id' | 'app_secret'>): string | null {
    return app_secret && this.encryption.decrypt(app_secret, placeOfKeys(organization_id, id));
  }
}

const read = (sql: Sql, condition: string, values: readonly (readonly string[])[]): Promise<Row[]> =>
  sql.rows<Row>(
    `SELECT n.id, n.organization_id, n.connection_type, n.phone_number_id, n.whatsapp_business_account_id AS waba_id, n.is_active, n.is_active AND n.auto_reply_enabled AS auto_replies, s.app_secret, n.proved_at IS NOT NULL AS is_proved,
            o.settings->'opt_out_words' AS opt_out_words, o.settings->'opt_in_words' AS opt_in_words
       FROM whatsapp_numbers n JOIN organizations o ON o.id = n.organization_id
       LEFT JOIN whatsapp_number_secrets s ON s.organization_id = n.organization_id AND s.whatsapp_number_id = n.id
      WHERE ${condition} AND n.deleted_at IS NULL
      ORDER BY n.created_at, n.id`,
    values,
  );

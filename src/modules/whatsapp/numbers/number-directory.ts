import { Injectable } from '@nestjs/common';
import { Encryption } from '#common/encryption';
import { Config } from '#config/config';
import { Database } from '#database/database';
import type { Sql } from '#database/sql';
import { isSimulatorNumber, simulatorAppSecret } from '#modules/simulator/simulator-number';

/** What the receipt door and the filing need of a number, before an organization is known. */
export interface KnownNumber {
  id: string;
  organization_id: string;
  phone_number_id: string;
  waba_id: string | null;
  /** Verifies this number's webhooks; null: none is configured, so nothing of it is let in. */
  app_secret: string | null;
  is_active: boolean;
  lane: number;
}

interface Row {
  id: string;
  organization_id: string;
  phone_number_id: string;
  waba_id: string | null;
  app_secret: string | null;
  is_active: boolean;
}

/** A change made by another process is seen after this; one of this process at once. */
const CACHE_MS = 5000;
const CACHE_MAX = 10_000;

/** Lanes of the inbound work; see InboundEvent.lane. */
export const LANES = 32;

/** An organization's lane: what one worker does with its rows never meets another's. UUIDv7 ends in random bits. */
export const laneOf = (organization_id: string): number => Number.parseInt(organization_id.slice(-4), 16) % LANES;

/** Numbers by Meta's ids. The receipt meets them before it knows whose they are, so this stands before the wall. */
@Injectable()
export class NumberDirectory {
  private readonly byPhone = new Map<string, { at: number; number: KnownNumber }>();
  private readonly byWaba = new Map<string, { at: number; numbers: KnownNumber[] }>();

  constructor(
    private readonly database: Database,
    private readonly config: Config,
    private readonly encryption: Encryption,
  ) {}

  /** The known numbers among `phone_number_ids`; unknown ones are asked for again each time, they may have been created just now. */
  async byPhoneNumberIds(phone_number_ids: readonly string[]): Promise<Map<string, KnownNumber>> {
    const found = new Map<string, KnownNumber>();
    const missing: string[] = [];
    const now = Date.now();
    for (const id of phone_number_ids) {
      const known = this.byPhone.get(id);
      if (known && now - known.at < CACHE_MS) found.set(id, known.number);
      else missing.push(id);
    }
    if (!missing.length) return found;
    if (this.byPhone.size > CACHE_MAX) this.byPhone.clear();
    for (const number of await this.read('n.phone_number_id = ANY($1)', missing)) {
      found.set(number.phone_number_id, number);
      this.byPhone.set(number.phone_number_id, { at: now, number });
    }
    return found;
  }

  /** Numbers of each WhatsApp Business Account, oldest first. */
  async byWabaIds(waba_ids: readonly string[]): Promise<Map<string, KnownNumber[]>> {
    const found = new Map<string, KnownNumber[]>();
    const missing: string[] = [];
    const now = Date.now();
    for (const id of waba_ids) {
      const known = this.byWaba.get(id);
      if (known && now - known.at < CACHE_MS) found.set(id, known.numbers);
      else missing.push(id);
    }
    if (!missing.length) return found;
    for (const number of await this.read('n.whatsapp_business_account_id = ANY($1)', missing)) {
      if (!number.waba_id) continue;
      const numbers = found.get(number.waba_id) ?? [];
      found.set(number.waba_id, [...numbers, number]);
    }
    if (this.byWaba.size > CACHE_MAX) this.byWaba.clear();
    for (const id of missing) if (found.has(id)) this.byWaba.set(id, { at: now, numbers: found.get(id) ?? [] });
    return found;
  }

  /** The numbers of these rows, by our id, within the caller's transaction. */
  async byIds(sql: Sql, ids: readonly string[]): Promise<Map<string, KnownNumber>> {
    return new Map((await this.read('n.id = ANY($1)', ids, sql)).map((number) => [number.id, number]));
  }

  /** Whether all that is named here was an organization's once and is deleted. */
  async wereDeleted(phone_number_ids: readonly string[], waba_ids: readonly string[]): Promise<boolean> {
    const rows = await this.database.source.query<{ phone_number_id: string | null; waba_id: string | null }[]>(
      `SELECT phone_number_id, whatsapp_business_account_id AS waba_id FROM whatsapp_numbers
        WHERE deleted_at IS NOT NULL AND (phone_number_id = ANY($1) OR whatsapp_business_account_id = ANY($2))`,
      [phone_number_ids, waba_ids],
    );
    const phones = new Set(rows.map((row) => row.phone_number_id));
    const wabas = new Set(rows.map((row) => row.waba_id));
    return rows.length > 0 && phone_number_ids.every((id) => phones.has(id)) && waba_ids.every((id) => wabas.has(id));
  }

  /** A number changed in this process. */
  forget(): void {
    this.byPhone.clear();
    this.byWaba.clear();
  }

  /** Whether a token is some number's webhook_verify_token. */
  async knowsVerifyToken(token: string): Promise<boolean> {
    const [row] = await this.database.source.query<unknown[]>(
      `SELECT 1 FROM whatsapp_number_secrets s JOIN whatsapp_numbers n ON n.id = s.whatsapp_number_id AND n.deleted_at IS NULL
        WHERE s.webhook_verify_token = $1 LIMIT 1`,
      [token],
    );
    return row !== undefined;
  }

  private async read(condition: string, values: readonly string[], sql?: Sql): Promise<KnownNumber[]> {
    const query = (text: string, parameters: unknown[]): Promise<Row[]> =>
      sql ? sql.query<Row>(text, parameters) : this.database.source.query<Row[]>(text, parameters);
    const rows = await query(
      `SELECT n.id, n.organization_id, n.phone_number_id, n.whatsapp_business_account_id AS waba_id, n.is_active, s.app_secret
         FROM whatsapp_numbers n LEFT JOIN whatsapp_number_secrets s ON s.whatsapp_number_id = n.id
        WHERE ${condition} AND n.deleted_at IS NULL AND n.connection_type = 'official' AND n.phone_number_id IS NOT NULL
        ORDER BY n.created_at, n.id`,
      [values],
    );
    return rows.map((row) => ({
      ...row,
      app_secret: this.secretOf(row),
      lane: laneOf(row.organization_id),
    }));
  }

  private secretOf({ phone_number_id, app_secret }: Row): string | null {
    // The simulator speaks for its numbers and for no others, Meta for none of them.
    if (this.config.simulator_enabled && isSimulatorNumber(phone_number_id)) return simulatorAppSecret(this.config);
    return app_secret ? this.encryption.decrypt(app_secret) : this.config.meta_app_secret;
  }
}

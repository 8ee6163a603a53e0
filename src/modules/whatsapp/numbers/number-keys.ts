import { randomBytes, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Encryption } from '#common/encryption';
import { Database, type Tx } from '#database/database';
import { CAPABILITIES } from '../provider';
import type { WhatsAppNumberUpdate } from './whatsapp-number.dto';
import type { WhatsAppNumber } from './whatsapp-number.entity';
import { placeOfKeys } from './whatsapp-number-secret.entity';

/** What may be told of a number's keys. */
export interface KeyTraces {
  has_access_token: boolean;
  has_app_secret: boolean;
  has_evolution_api_key: boolean;
  access_token_hint: string | null;
  webhook_verify_token: string | null;
  webhook_token: string | null;
}

export const NO_TRACES: KeyTraces = {
  has_access_token: false,
  has_app_secret: false,
  has_evolution_api_key: false,
  access_token_hint: null,
  webhook_verify_token: null,
  webhook_token: null,
};

type GivenKeys = Pick<WhatsAppNumberUpdate, 'access_token' | 'app_secret' | 'evolution_api_key' | 'webhook_verify_token'>;

/** The keys of numbers: sealed where they are kept, and never shown. */
@Injectable()
export class NumberKeys {
  constructor(
    private readonly database: Database,
    private readonly encryption: Encryption,
  ) {}

  /** Those of a new number. */
  async create(tx: Tx, number: WhatsAppNumber, { webhook_verify_token, ...keys }: GivenKeys): Promise<void> {
    await tx.rows(
      'INSERT INTO whatsapp_number_secrets (whatsapp_number_id, organization_id, webhook_verify_token, webhook_token) VALUES ($1, $2, $3, $4)',
      [
        number.id,
        number.organization_id,
        webhook_verify_token ?? randomBytes(16).toString('hex'),
        CAPABILITIES[number.connection_type].is_paired ? randomUUID() : null,
      ],
    );
    await this.save(tx, number, keys);
  }

  /** What may be told of them, by number. */
  async tracesOf({ organization_id }: Actor, ids: readonly string[], tx?: Tx): Promise<Map<string, KeyTraces>> {
    const rows = await (tx ?? this.database).rows<KeyTraces & { id: string }>(
      `SELECT whatsapp_number_id AS id, access_token IS NOT NULL AS has_access_token, app_secret IS NOT NULL AS has_app_secret,
              evolution_api_key IS NOT NULL AS has_evolution_api_key, access_token_hint, webhook_verify_token, webhook_token
         FROM whatsapp_number_secrets WHERE organization_id = $1 AND whatsapp_number_id = ANY($2)`,
      [organization_id, ids],
    );
    return new Map(rows.map(({ id, ...known }) => [id, known]));
  }

  /** An app_secret of its own stays: it tells Meta's late webhooks from a stranger's. So does what opens the instance, until that is deleted. */
  async forget(tx: Tx, { id, organization_id, connection_type }: WhatsAppNumber): Promise<void> {
    const number = [id, organization_id];
    if (!CAPABILITIES[connection_type].is_paired)
      await tx.rows(
        'DELETE FROM whatsapp_number_secrets WHERE whatsapp_number_id = $1 AND organization_id = $2 AND app_secret IS NULL',
        number,
      );
    await tx.rows(
      `UPDATE whatsapp_number_secrets SET access_token = NULL, access_token_hint = NULL, webhook_verify_token = '', webhook_token = NULL
        WHERE whatsapp_number_id = $1 AND organization_id = $2`,
      number,
    );
  }

  /** Absent keeps, null clears. */
  async save(
    tx: Tx,
    { id, organization_id }: WhatsAppNumber,
    { access_token, app_secret, evolution_api_key, webhook_verify_token }: GivenKeys,
  ): Promise<void> {
    const sealed = (key: string | null): string | null =>
      key === null ? null : this.encryption.encrypt(key, placeOfKeys(organization_id, id));
    const keys: Record<string, string | null> = {
      ...(access_token !== undefined && { access_token: sealed(access_token), access_token_hint: access_token?.slice(-4) ?? null }),
      ...(app_secret !== undefined && { app_secret: sealed(app_secret) }),
      ...(evolution_api_key !== undefined && { evolution_api_key: sealed(evolution_api_key) }),
      ...(webhook_verify_token !== undefined && { webhook_verify_token }),
    };
    const names = Object.keys(keys);
    if (!names.length) return;
    await tx.rows(
      `UPDATE whatsapp_number_secrets SET ${names.map((name, n) => `${name} = $${n + 3}`).join(', ')} WHERE whatsapp_number_id = $1 AND organization_id = $2`,
      [id, organization_id, ...Object.values(keys)],
    );
  }
}

/** Whether there were keys, under the names that are masked everywhere. */
export const maskedTraces = ({
  has_access_token,
  has_app_secret,
  has_evolution_api_key,
  webhook_verify_token,
}: Omit<KeyTraces, 'webhook_token'>): object => ({
  access_token: has_access_token || null,
  app_secret: has_app_secret || null,
  evolution_api_key: has_evolution_api_key || null,
  webhook_verify_token,
});

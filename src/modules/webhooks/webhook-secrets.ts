import { Injectable } from '@nestjs/common';
import { Encryption } from '#common/encryption';
import { NotFound } from '#common/errors';
import { MASK } from '#common/mask';
import type { Tx } from '#database/database';
import type { Sql } from '#database/sql';
import { placeOfSecrets } from './webhook-secret.entity';
import type { Webhook } from './webhook.entity';

type Whose = Pick<Webhook, 'organization_id' | 'id'>;

export type Headers = Record<string, string>;

/** What a delivery takes along, as it is kept. */
export interface SealedSecrets {
  secret: string | null;
  /** Only while it counts. */
  previous_secret: string | null;
  headers: string | null;
  /** Of the number whose webhook it is. */
  verify_token: string | null;
}

/** SQL: them, of the webhook `h`. */
export const SEALED_SECRETS = `s.secret, CASE WHEN s.previous_until > now() THEN s.previous_secret END AS previous_secret, s.headers,
  CASE WHEN h.is_of_number THEN (SELECT n.webhook_verify_token FROM whatsapp_number_secrets n
     WHERE n.organization_id = h.organization_id AND n.whatsapp_number_id = h.whatsapp_number_id) END AS verify_token`;

/** What a delivery is signed with, and the headers it has. */
export interface Opened {
  secrets: string[];
  headers: Headers;
}

/** The secrets of webhooks, sealed. None is ever told, logged or put in a job. */
@Injectable()
export class WebhookSecrets {
  constructor(private readonly encryption: Encryption) {}

  /** @throws {Unopened} */
  open(webhook: Whose, { secret, previous_secret, headers, verify_token }: SealedSecrets): Opened {
    const open = (sealed: string): string => this.encryption.decrypt(sealed, placeOfSecrets(webhook));
    const own = [secret, previous_secret].flatMap((sealed) => (sealed === null ? [] : [open(sealed)]));
    return {
      secrets: own.length ? own : [verify_token ?? ''],
      headers: headers === null ? {} : (JSON.parse(open(headers)) as Headers),
    };
  }

  /** Of a new webhook; null: signed with its number's token. */
  async add(tx: Tx, webhook: Whose, secret: string | null, headers: Headers | null): Promise<void> {
    await tx.rows('INSERT INTO webhook_secrets (organization_id, webhook_id, secret, headers) VALUES ($1, $2, $3, $4)', [
      webhook.organization_id,
      webhook.id,
      this.seal(webhook, secret),
      this.seal(webhook, headers && JSON.stringify(headers)),
    ]);
  }

  /** Another secret: the one of before signs too for 24 hours, so that no delivery is refused while it is brought to the receiver. false: it is the same. */
  async rotate(tx: Tx, webhook: Whose, secret: string): Promise<boolean> {
    if ((await this.read(tx, webhook)).secrets[0] === secret) return false;
    await tx.rows(
      `UPDATE webhook_secrets SET previous_secret = secret, previous_until = now() + interval '24 hours', secret = $3
        WHERE organization_id = $1 AND webhook_id = $2`,
      [webhook.organization_id, webhook.id, this.seal(webhook, secret)],
    );
    return true;
  }

  /** What is given as it is shown (`***`) stays. Answers the headers there are now. */
  async setHeaders(tx: Tx, webhook: Whose, given: Headers | null): Promise<Headers | null> {
    const before = given ? (await this.read(tx, webhook)).headers : {};
    const headers =
      given && Object.fromEntries(Object.entries(given).map(([name, value]) => [name, value === MASK ? (before[name] ?? value) : value]));
    await tx.rows('UPDATE webhook_secrets SET headers = $3 WHERE organization_id = $1 AND webhook_id = $2', [
      webhook.organization_id,
      webhook.id,
      this.seal(webhook, headers && JSON.stringify(headers)),
    ]);
    return headers;
  }

  /** Those of a webhook. @throws {Unopened} */
  async read(sql: Sql, webhook: Whose): Promise<Opened> {
    const [sealed] = await sql.rows<SealedSecrets | undefined>(
      `SELECT ${SEALED_SECRETS} FROM webhooks h JOIN webhook_secrets s ON s.organization_id = h.organization_id AND s.webhook_id = h.id
        WHERE h.organization_id = $1 AND h.id = $2`,
      [webhook.organization_id, webhook.id],
    );
    if (!sealed) throw new NotFound('Webhook');
    return this.open(webhook, sealed);
  }

  async forget(tx: Tx, { organization_id, id }: Whose): Promise<void> {
    await tx.rows('DELETE FROM webhook_secrets WHERE organization_id = $1 AND webhook_id = $2', [organization_id, id]);
  }

  private seal(webhook: Whose, text: string | null): string | null {
    return text === null ? null : this.encryption.encrypt(text, placeOfSecrets(webhook));
  }
}

/** Headers as they are shown. */
export const masked = (headers: Headers | null): Headers | null =>
  headers && Object.fromEntries(Object.keys(headers).map((name) => [name, MASK]));

import { createHmac, hkdfSync } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Config } from '#config/config';
import type { Tx } from '#database/database';
import type { Contact } from './contact.entity';

/** A phone of an organization, by its match key. */
export interface SuppressedKey {
  organization_id: string;
  match_key: string | null;
}

/** Phones of people who wanted to be forgotten: whoever brings one back, by an import or by writing again, brings no leave for marketing. */
@Injectable()
export class SuppressedPhones {
  /** The newest first; what an older key of the ring wrote is still known. */
  private readonly keys: readonly Buffer[];

  constructor({ encryption_keys }: Config) {
    this.keys = encryption_keys.map(({ key }) => Buffer.from(hkdfSync('sha256', key, '', 'pytake suppressed phones', 32)));
  }

  async add(tx: Tx, { organization_id }: Actor, match_keys: readonly string[]): Promise<void> {
    const hmacs = [...new Set(match_keys)].map((match_key) => this.hmacs({ organization_id, match_key })[0]);
    await tx.rows('INSERT INTO suppressed_phones (organization_id, phone_hmac) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING', [
      organization_id,
      hmacs,
    ]);
  }

  /** Which of them are there, as `organization match_key`. */
  async among(tx: Tx, people: readonly SuppressedKey[]): Promise<ReadonlySet<string>> {
    const asked = people.flatMap((person) => this.hmacs(person).map((phone_hmac) => ({ ...person, phone_hmac })));
    if (!asked.length) return new Set();
    const found = await tx.rows<{ phone_hmac: string }>(
      `SELECT s.phone_hmac FROM suppressed_phones s JOIN unnest($1::uuid[], $2::text[]) AS a(organization_id, phone_hmac)
         ON s.organization_id = a.organization_id AND s.phone_hmac = a.phone_hmac`,
      [asked.map((one) => one.organization_id), asked.map((one) => one.phone_hmac)],
    );
    const hmacs = new Set(found.map(({ phone_hmac }) => phone_hmac));
    return new Set(
      asked.filter(({ phone_hmac }) => hmacs.has(phone_hmac)).map(({ organization_id, match_key }) => `${organization_id} ${match_key}`),
    );
  }

  /** A new contact, with no leave to write first where its owner wanted to be forgotten. */
  async withoutLeave(tx: Tx, { organization_id }: Actor, values: Partial<Contact>): Promise<Partial<Contact>> {
    const found = await this.among(tx, [{ organization_id, match_key: values.match_key ?? null }]);
    return found.size ? { ...values, opt_in: false, opt_in_date: null, opt_out_date: new Date() } : values;
  }

  private hmacs({ organization_id, match_key }: SuppressedKey): string[] {
    return match_key ? this.keys.map((key) => createHmac('sha256', key).update(`${organization_id} ${match_key}`).digest('hex')) : [];
  }
}

import { randomBytes, randomInt } from 'node:crypto';
import { Encryption } from '#common/encryption';
import { newId } from '#common/uuid';
import { NumberDirectory } from '#modules/whatsapp/numbers/number-directory';
import { placeOfKeys } from '#modules/whatsapp/numbers/whatsapp-number-secret.entity';
import type { Company, World } from './world';

/** A number of the Cloud API that an organization owns. */
export interface OfficialNumber {
  id: string;
  organization_id: string;
  phone_number: string;
  phone_number_id: string;
  waba_id: string;
  /** null: META_APP_SECRET signs for it. */
  app_secret: string | null;
  webhook_verify_token: string;
}

export const digits = (length: number): string => `${randomInt(1, 10)}${Array.from({ length: length - 1 }, () => randomInt(10)).join('')}`;

/** Rows at once: a connected number with its keys. */
export async function officialNumber(w: World, company: Company, values: Partial<OfficialNumber> = {}): Promise<OfficialNumber> {
  const number: OfficialNumber = {
    id: newId(),
    organization_id: company.id,
    phone_number: `+5511${digits(8)}`,
    phone_number_id: digits(15),
    waba_id: digits(15),
    app_secret: null,
    webhook_verify_token: randomBytes(12).toString('hex'),
    ...values,
  };
  const encryption = w.app.get(Encryption);
  const place = placeOfKeys(company.id, number.id);
  await w.sql(
    `INSERT INTO whatsapp_numbers (id, organization_id, phone_number, display_name, connection_status, verified, proved_at, is_default, phone_number_id, whatsapp_business_account_id)
     VALUES ($1, $2, $3, $4, 'connected', true, now(), NOT EXISTS (SELECT 1 FROM whatsapp_numbers WHERE organization_id = $2 AND is_default), $5, $6)`,
    [number.id, company.id, number.phone_number, company.name, number.phone_number_id, number.waba_id],
  );
  await w.sql(
    `INSERT INTO whatsapp_number_secrets (whatsapp_number_id, organization_id, access_token, app_secret, webhook_verify_token) VALUES ($1, $2, $3, $4, $5)`,
    [
      number.id,
      company.id,
      encryption.encrypt('EAAtest', place),
      number.app_secret && encryption.encrypt(number.app_secret, place),
      number.webhook_verify_token,
    ],
  );
  w.app.get(NumberDirectory).forget();
  return number;
}

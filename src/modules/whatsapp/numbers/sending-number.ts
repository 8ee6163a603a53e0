import type { Actor } from '#common/actor';
import { type Database, type Tx } from '#database/database';
import { prepared } from '#database/sql';
import { WhatsAppNumber } from './whatsapp-number.entity';

/** The number a message leaves by. */
export interface SendingNumber {
  number: WhatsAppNumber;
  /** Whether we may call the provider for it. */
  has_token: boolean;
}

const HAS_TOKEN =
  '(SELECT s.access_token IS NOT NULL FROM whatsapp_number_secrets s WHERE s.organization_id = whatsapp_numbers.organization_id AND s.whatsapp_number_id = whatsapp_numbers.id) AS has_token';

/** The given number; without one the default, else the oldest active one, else any. null: there is none. */
export async function sendingNumber(database: Database, tx: Tx, actor: Actor, id: string | null): Promise<SendingNumber | null> {
  const numbers = database.repository(WhatsAppNumber, tx);
  const select = `SELECT ${numbers.columns}, ${HAS_TOKEN} FROM whatsapp_numbers WHERE organization_id = $1 AND deleted_at IS NULL`;
  const [row] = await tx.rows<{ has_token: boolean | null } | undefined>(
    prepared(id ? `${select} AND id = $2` : `${select} ORDER BY is_default DESC, is_active DESC, created_at LIMIT 1`),
    id ? [actor.organization_id, id] : [actor.organization_id],
  );
  return row ? { number: numbers.hydrate({ ...row }), has_token: row.has_token ?? false } : null;
}

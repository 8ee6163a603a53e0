import type { Tx } from '#database/database';
import type { AccountEvent, ValueErrors } from '../parsed-change';
import { type ChangedNumber, tellNumber } from './tell-number';
import { ConnectionStatus, type WhatsAppNumber } from './whatsapp-number.entity';

/** What the provider says of numbers, in the receipt's transactions and in answers to our calls. */

/** What Meta says of an account or a number. */
export async function applyAccount(tx: Tx, organization_id: string, change: AccountEvent): Promise<void> {
  const one = change.display_phone_number !== null;
  const changed = await tx.rows<ChangedNumber>(
    `WITH before AS (
       SELECT id, connection_status AS previous_status FROM whatsapp_numbers
        WHERE organization_id = $1 AND whatsapp_business_account_id = $2 AND deleted_at IS NULL AND ($3::text IS NULL OR phone_number = '+' || $3)
        FOR NO KEY UPDATE)
     UPDATE whatsapp_numbers n
        SET messaging_limit_tier = coalesce($4, messaging_limit_tier), display_name = coalesce($5, display_name),
            connection_status = CASE WHEN $6 = 'bad' THEN 'error' WHEN $6 = 'good' AND connection_status = 'error' THEN 'connected' ELSE connection_status END,
            last_error = CASE WHEN $6 = 'bad' THEN $7 ELSE last_error END, updated_at = now()
       FROM before WHERE n.organization_id = $1 AND n.id = before.id
     RETURNING n.*, before.previous_status`,
    [
      organization_id,
      change.waba_id,
      one ? change.display_phone_number : null,
      change.messaging_limit_tier?.slice(0, 30) ?? null,
      one ? change.display_name : null,
      change.standing,
      `Meta: ${change.event ?? change.field}`.slice(0, 500),
    ],
  );
  if (!change.messaging_limit_tier && !change.display_name && !change.standing) return;
  for (const row of changed) tellNumber(tx, row);
}

/** What went wrong with a number, by a webhook that names no message. */
export async function noteErrors(tx: Tx, organization_id: string, id: string, { errors: [error] }: ValueErrors): Promise<void> {
  const words = error ? [error.code, error.title, error.details ?? error.message].filter(Boolean).join(' ') : 'error';
  await tx.rows('UPDATE whatsapp_numbers SET last_error = $3, updated_at = now() WHERE organization_id = $1 AND id = $2', [
    organization_id,
    id,
    words.slice(0, 500),
  ]);
}

/** A refusal that says something of the whole number. */
export async function numberRefused(
  tx: Tx,
  organization_id: string,
  id: string | null,
  last_error: string,
  connection_status = ConnectionStatus.error,
): Promise<void> {
  const [number] = await tx.rows<ChangedNumber | undefined>(
    `WITH before AS (SELECT id, connection_status AS previous_status FROM whatsapp_numbers WHERE organization_id = $1 AND id = $2 FOR NO KEY UPDATE)
     UPDATE whatsapp_numbers n SET connection_status = $4, last_error = $3, updated_at = now()
       FROM before WHERE n.organization_id = $1 AND n.id = before.id RETURNING n.*, before.previous_status`,
    [organization_id, id, last_error.slice(0, 500), connection_status],
  );
  if (number) tellNumber(tx, number);
}

/** Nothing leaves by the number for so long. */
export async function pauseNumber(tx: Tx, organization_id: string, id: string | null, seconds: number): Promise<void> {
  await tx.rows(
    'UPDATE whatsapp_numbers SET paused_until = greatest(paused_until, now() + make_interval(secs => $3)), updated_at = now() WHERE organization_id = $1 AND id = $2',
    [organization_id, id, seconds],
  );
}

const RESTRICTED = `interval '1 hour'`;

/** WhatsApp restricted it (131048, 368): nothing leaves for an hour from then. Its administrators hear of it once, not of every message it refused. */
export async function restrictNumber(tx: Tx, organization_id: string, id: string | null, at: Date): Promise<void> {
  const [number] = await tx.rows<(WhatsAppNumber & { is_news: boolean }) | undefined>(
    `UPDATE whatsapp_numbers n SET paused_until = greatest(n.paused_until, $3::timestamptz + ${RESTRICTED}), updated_at = now()
       FROM (SELECT id, paused_until FROM whatsapp_numbers WHERE organization_id = $1 AND id = $2 FOR NO KEY UPDATE) was
      WHERE n.organization_id = $1 AND n.id = was.id
      RETURNING n.*, n.paused_until > now() AND coalesce(was.paused_until < now() + ${RESTRICTED} / 2, true) AS is_news`,
    [organization_id, id, at],
  );
  if (number?.is_news) tx.tell('whatsapp_number.restricted', { organization_id, number });
}

/** So many people were written to first that the next ones wait. */
export async function tellLimitReached(tx: Tx, organization_id: string, id: string): Promise<void> {
  const [number] = await tx.rows<WhatsAppNumber | undefined>('SELECT * FROM whatsapp_numbers WHERE organization_id = $1 AND id = $2', [
    organization_id,
    id,
  ]);
  if (number) tx.tell('whatsapp_number.limit_reached', { organization_id, number });
}

import { Injectable } from '@nestjs/common';
import { Actor } from '#common/actor';
import { matchKey } from '#common/phone';
import type { Tx } from '#database/database';
import { violatedIndex } from '#database/database-errors';
import type { ConnectionUpdate, PairingCode, PairingCodeUpdate } from '../parsed-change';
import { PHONE_MISMATCH } from './end-pairing';
import { NumberJobs } from './numbers.jobs';
import { type ChangedNumber, tellNumber } from './tell-number';
import { ConnectionStatus } from './whatsapp-number.entity';

/** How long a code is good for; then its provider shows another. Contract 20, 5.1. */
export const CODE_MS = 45_000;

const LOCK = `SELECT *, connection_status AS previous_status FROM whatsapp_numbers
  WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL FOR NO KEY UPDATE`;

const CHANGE = `UPDATE whatsapp_numbers SET connection_status = $3::varchar, last_error = $4, connected_at = $5, updated_at = now(),
       last_seen_at = CASE WHEN $3::varchar = 'connected' THEN now() ELSE last_seen_at END,
       verified = verified OR $3::varchar = 'connected', verified_at = CASE WHEN $3::varchar = 'connected' THEN coalesce(verified_at, now()) ELSE verified_at END,
       phone_number = coalesce($6, phone_number), display_name = coalesce(display_name, $7)
  WHERE organization_id = $1 AND id = $2 RETURNING *`;

// Whether anything was said by a number, and who else has the phone.
const USED = `SELECT EXISTS (SELECT FROM messages WHERE organization_id = $1 AND whatsapp_number_id = $2 AND whatsapp_message_id IS NOT NULL)
    OR EXISTS (SELECT FROM outbound_sends WHERE organization_id = $1 AND whatsapp_number_id = $2) AS is_used,
  ARRAY(SELECT n.phone_number FROM whatsapp_numbers n
         WHERE (n.organization_id <> $1 OR n.id <> $2) AND n.deleted_at IS NULL AND n.phone_number LIKE '%' || right($3, 8)) AS others`;

/** What becomes of a paired number's connection, by its provider's word. */
@Injectable()
export class NumberConnections {
  constructor(private readonly jobs: NumberJobs) {}

  /** A webhook says how the connection is. They are repeated and overtake each other, and none says when: a connection that seems lost is asked for. */
  async apply(tx: Tx, organization_id: string, id: string, update: ConnectionUpdate): Promise<void> {
    const [number] = await tx.rows<ChangedNumber | undefined>(LOCK, [organization_id, id]);
    if (!number) return;
    switch (update.state) {
      case 'open':
        return this.opened(tx, number, update);
      case 'connecting':
        // Once more, as connections of phones do: who was connected is until it is lost.
        await this.change(tx, number, ConnectionStatus.connecting, { connected_at: number.connected_at });
        if (number.connected_at) this.jobs.wake(tx, 'check', number);
        return;
      case 'closed':
        if (number.last_error === PHONE_MISMATCH) return;
        await this.forgetCode(tx, number);
        await this.change(tx, number, ConnectionStatus.disconnected, { last_error: update.reason });
        this.jobs.wake(tx, 'check', number);
    }
  }

  /** A code to scan, for administrators; none: no more of them come. */
  async keepCode(tx: Tx, organization_id: string, id: string, update: PairingCodeUpdate): Promise<void> {
    const [number] = await tx.rows<ChangedNumber | undefined>(LOCK, [organization_id, id]);
    if (!number) return;
    if (number.connection_status === ConnectionStatus.connected) return this.jobs.wake(tx, 'check', number);
    if (!update.qr_code && !update.pairing_code) {
      await this.forgetCode(tx, number);
      return this.change(tx, number, ConnectionStatus.disconnected, { last_error: 'No phone scanned the QR code in time.' });
    }
    await this.showCode(tx, number, update, new Date(update.timestamp.getTime() + CODE_MS));
  }

  /** A code is there, as the provider answered or told it. */
  async showCode(tx: Tx, number: ChangedNumber, { qr_code, code, pairing_code }: PairingCode, expires_at: Date): Promise<void> {
    const { organization_id, id } = number;
    if (expires_at <= new Date()) return;
    await tx.rows(
      `INSERT INTO whatsapp_number_pairings AS p (organization_id, whatsapp_number_id, qr_code, code, pairing_code, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (organization_id, whatsapp_number_id) DO UPDATE
         SET qr_code = excluded.qr_code, code = excluded.code, pairing_code = excluded.pairing_code, expires_at = excluded.expires_at`,
      [organization_id, id, qr_code, code, pairing_code, expires_at],
    );
    await this.change(tx, number, ConnectionStatus.connecting, {});
    tx.tell('whatsapp_number.code_shown', { organization_id, number_id: id, qr_code, pairing_code, expires_at });
  }

  /** The phone is paired, as the provider answered. */
  async connected(tx: Tx, number: ChangedNumber): Promise<void> {
    await this.forgetCode(tx, number);
    await this.change(tx, number, ConnectionStatus.connected, { connected_at: number.connected_at ?? new Date() });
  }

  /** Nobody is paired any more, by our own will. */
  async disconnected(tx: Tx, number: ChangedNumber, last_error: string | null): Promise<void> {
    await this.forgetCode(tx, number);
    await this.change(tx, number, ConnectionStatus.disconnected, { last_error });
  }

  private async opened(tx: Tx, number: ChangedNumber, { phone, profile_name }: ConnectionUpdate): Promise<void> {
    await this.forgetCode(tx, number);
    const is_own = phone === null || matchKey(phone) === matchKey(number.phone_number);
    const connected = { connected_at: number.connected_at ?? new Date(), display_name: profile_name };
    if (is_own) return this.change(tx, number, ConnectionStatus.connected, connected);
    try {
      // Somebody else may register the phone at this instant.
      await tx.attempt(async () => {
        if (!(await this.mayBecome(tx, number, phone))) throw new NotItsPhone();
        await this.change(tx, number, ConnectionStatus.connected, { ...connected, phone_number: phone });
      });
    } catch (error) {
      if (!(error instanceof NotItsPhone) && violatedIndex(error) === null) throw error;
      await this.change(tx, number, ConnectionStatus.error, { last_error: PHONE_MISMATCH });
      this.jobs.wake(tx, 'log-out', number);
    }
  }

  /** Contract 20, 5.3: nothing was said by the number yet, and no other one has the phone. */
  private async mayBecome(tx: Tx, { organization_id, id }: ChangedNumber, phone: string): Promise<boolean> {
    const [{ is_used, others }] = await tx.rows<{ is_used: boolean; others: string[] }>(USED, [organization_id, id, phone]);
    return !is_used && !others.some((other) => matchKey(other) === matchKey(phone));
  }

  private async change(
    tx: Tx,
    { previous_status, connected_at: was_connected_at, ...before }: ChangedNumber,
    status: ConnectionStatus,
    values: { last_error?: string | null; connected_at?: Date | null; phone_number?: string; display_name?: string | null },
  ): Promise<void> {
    const { last_error = null, connected_at = null, phone_number = null, display_name = null } = values;
    const [number] = await tx.rows<ChangedNumber>(CHANGE, [
      before.organization_id,
      before.id,
      status,
      last_error?.slice(0, 500) ?? null,
      connected_at,
      phone_number,
      display_name,
    ]);
    const { organization_id, id } = number;
    if (status === ConnectionStatus.connected && was_connected_at === null)
      tx.audit(Actor.system(organization_id), 'whatsapp_number.connected', {
        resource: { id, name: number.display_name },
        before: { ...before, connection_status: previous_status, connected_at: null },
        after: number,
      });
    // While it connects once more it counts as connected: nobody is told of every moment without a network.
    tellNumber(tx, { ...number, previous_status }, was_connected_at !== null);
  }

  private async forgetCode(tx: Tx, { organization_id, id }: ChangedNumber): Promise<void> {
    await tx.rows(
      `UPDATE whatsapp_number_pairings SET qr_code = NULL, code = NULL, pairing_code = NULL, expires_at = NULL
        WHERE organization_id = $1 AND whatsapp_number_id = $2 AND expires_at IS NOT NULL`,
      [organization_id, id],
    );
  }
}

class NotItsPhone extends Error {}

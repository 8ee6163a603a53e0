import { Injectable } from '@nestjs/common';
import { type Actor, Role } from '#common/actor';
import { Conflict, ProviderError } from '#common/errors';
import { TurnsByKey } from '#common/turns-by-key';
import { Database, type Tx } from '#database/database';
import type { PairingCode } from '../parsed-change';
import { CAPABILITIES, type Pairing } from '../provider';
import { ProviderFailure } from '../provider-failure';
import { Providers } from '../providers';
import { EndPairing, PHONE_MISMATCH } from './end-pairing';
import { CODE_MS, NumberConnections } from './number-connections';
import type { NumberPairing } from './number-pairing.entity';
import { NumbersService } from './numbers.service';
import type { ChangedNumber } from './tell-number';
import type { DisconnectResult, QRCodeResponse, QrCodeStatus } from './whatsapp-number.dto';
import { ConnectionStatus, WhatsAppNumber } from './whatsapp-number.entity';

const MESSAGES: Record<QrCodeStatus, string> = {
  not_created: 'No QR code was asked for yet.',
  pending: 'Scan the QR code with the phone of this number.',
  connecting: 'The number is connecting.',
  connected: 'The number is connected.',
  disconnected: 'The number is not connected. Ask for a QR code.',
  error: 'How the number is could not be found out.',
};

/** Pairs a number with its phone by QR code, and ends that. */
@Injectable()
export class PairNumber {
  // Who comes second finds the code of the first.
  private readonly turns = new TurnsByKey();

  constructor(
    private readonly database: Database,
    private readonly providers: Providers,
    private readonly connections: NumberConnections,
    private readonly ending: EndPairing,
    private readonly numbers: NumbersService,
  ) {}

  /**
   * A code to scan: the one that is still good, or a new one; none where a phone is paired.
   * @throws {Conflict} not_supported_for_connection_type; number_not_configured.
   * @throws {ProviderError} provider_unavailable.
   */
  async begin(actor: Actor, id: string): Promise<QRCodeResponse> {
    const number = await this.pairedNumber(actor, id);
    return this.turns.run(`${actor.organization_id} ${id}`, async () => {
      const known = await this.codeOf(actor, id);
      if (known?.is_good) return this.database.tx(async (tx) => this.shown(tx, actor, number, known, known.expires_at));
      const pairing = (await this.providers.findLine(actor, id))?.pairing;
      if (!pairing)
        throw new Conflict('number_not_configured', 'No Evolution server is set: give evolution_api_url and evolution_api_key.');
      const code = await this.ask(actor, number, pairing);
      return this.database.tx(async (tx) => {
        const changed = await this.lock(tx, actor, id);
        if (!code) {
          await this.connections.connected(tx, changed);
          return this.shown(tx, actor, changed, null, null);
        }
        const expires_at = new Date(Date.now() + CODE_MS);
        await this.connections.showCode(tx, changed, code, expires_at);
        return this.shown(tx, actor, changed, code, expires_at);
      });
    });
  }

  /** Where it stands, by the provider's word; makes nothing. Codes are for administrators. @throws {Conflict} not_supported_for_connection_type. */
  async status(actor: Actor, id: string): Promise<QRCodeResponse> {
    const number = await this.pairedNumber(actor, id);
    const code = await this.codeOf(actor, id);
    if (!code) return answer('not_created');
    try {
      const state = await (await this.providers.findLine(actor, id))?.pairing?.state();
      if (state === undefined) return answer('error', null, 'No Evolution server is set for this number.');
      if (state === null) return answer('not_created');
      if (state === 'closed') return answer('disconnected');
      if (state === 'open') {
        if (number.last_error === PHONE_MISMATCH) return answer('error', null, PHONE_MISMATCH);
        if (number.connection_status !== ConnectionStatus.connected) await this.noteConnected(actor, id);
        return answer('connected');
      }
      return code.is_good ? answer('pending', actor.may(Role.org_admin) ? code : null) : answer('connecting');
    } catch (error) {
      if (!(error instanceof ProviderFailure)) throw error;
      return answer('error', null, error.message);
    }
  }

  /** Unpairs the phone; an official number is switched off. Repeated, it changes nothing. */
  async end(actor: Actor, id: string): Promise<DisconnectResult> {
    const { connection_type } = await this.database.repository(WhatsAppNumber).get(actor, id);
    const { is_paired } = CAPABILITIES[connection_type];
    const last_error = is_paired ? await this.ending.logOut(actor, id) : null;
    if (!is_paired) await this.numbers.setActive(actor, id, false);
    await this.database.tx(async (tx) => {
      const number = await this.lock(tx, actor, id);
      await this.connections.disconnected(tx, number, last_error);
      tx.audit(actor, 'whatsapp_number.disconnected', {
        resource: { id, name: number.display_name },
        before: { connection_status: number.connection_status },
        after: { connection_status: ConnectionStatus.disconnected },
      });
    });
    return { status: 'success', message: 'The number is disconnected.', connection_status: ConnectionStatus.disconnected };
  }

  private async pairedNumber(actor: Actor, id: string): Promise<WhatsAppNumber> {
    const number = await this.database.repository(WhatsAppNumber).get(actor, id);
    if (CAPABILITIES[number.connection_type].is_paired) return number;
    throw new Conflict('not_supported_for_connection_type', 'An official number is not paired by QR code.');
  }

  private async lock(tx: Tx, actor: Actor, id: string): Promise<ChangedNumber> {
    const number = await this.database.repository(WhatsAppNumber, tx).lock(actor, id);
    return { ...number, previous_status: number.connection_status };
  }

  /** The last one; null: none was asked for yet. */
  private async codeOf({ organization_id }: Actor, id: string): Promise<(NumberPairing & { is_good: boolean }) | null> {
    const [code = null] = await this.database.rows<NumberPairing & { is_good: boolean }>(
      `SELECT *, coalesce(expires_at > now(), false) AS is_good FROM whatsapp_number_pairings WHERE organization_id = $1 AND whatsapp_number_id = $2`,
      [organization_id, id],
    );
    return code;
  }

  private async ask(actor: Actor, { id, last_error }: WhatsAppNumber, pairing: Pairing): Promise<PairingCode | null> {
    try {
      // The wrong phone is still there when nobody could be asked to let it go.
      if (last_error === PHONE_MISMATCH) await pairing.end();
      const code = await pairing.begin();
      if (code && !code.qr_code && !code.pairing_code) throw new ProviderError('The Evolution server showed no QR code. Try again.');
      return code;
    } catch (error) {
      if (!(error instanceof ProviderFailure)) throw error;
      await this.database.repository(WhatsAppNumber).patch(actor, id, { last_error: error.message.slice(0, 500) });
      throw new ProviderError(`The Evolution server did not help: ${error.message}`, 'provider_unavailable', { cause: error });
    }
  }

  private async noteConnected(actor: Actor, id: string): Promise<void> {
    await this.database.tx(async (tx) => this.connections.connected(tx, await this.lock(tx, actor, id)));
  }

  private shown(
    tx: Tx,
    actor: Actor,
    { id, display_name }: WhatsAppNumber,
    code: PairingCode | null,
    expires_at: Date | null,
  ): QRCodeResponse {
    tx.audit(actor, 'whatsapp_number.qrcode_generated', { resource: { id, name: display_name }, after: { expires_at } });
    return answer(code ? 'pending' : 'connected', code && { ...code, expires_at });
  }
}

const answer = (
  status: QrCodeStatus,
  code: (PairingCode & { expires_at: Date | null }) | null = null,
  message = MESSAGES[status],
): QRCodeResponse => ({
  qr_code: code?.qr_code ?? null,
  pairing_code: code?.pairing_code ?? null,
  code: code?.code ?? null,
  status,
  message,
  expires_at: code?.expires_at ?? null,
});

import { Injectable } from '@nestjs/common';
import { Conflict } from '#common/errors';
import { Config } from '#config/config';
import { simulatorEvolutionUrl, simulatorToken } from '#modules/simulator/simulator-number';
import { LinkedFiles } from '../media/linked-files';
import { MediaStorage } from '../media/media-storage';
import type { SendingNumber } from '../numbers/sending-number';
import { ConnectionStatus, type WhatsAppNumber } from '../numbers/whatsapp-number.entity';
import type { InboundMessage, ParsedChange, ProviderError } from '../parsed-change';
import { type Checked, type Line, type NumberKeys, type OutgoingMessage, type Provider, refusal } from '../provider';
import { type FailureDecision, ProviderFailure, final } from '../provider-failure';
import { menuText } from '../text-menu';
import { MAX_TEXT_LENGTH, asText } from '../wire';
import { EvolutionClient, type EvolutionTarget } from './evolution-client';
import { EvolutionLine } from './evolution-line';
import { parseEvents } from './parse-events';

/** Numbers by QR code: an Evolution server holds their connection. */
@Injectable()
export class EvolutionProvider implements Provider {
  constructor(
    private readonly client: EvolutionClient,
    private readonly config: Config,
    private readonly storage: MediaStorage,
    private readonly links: LinkedFiles,
  ) {}

  parse(body: Buffer, part: { from: number; count: number }): ParsedChange[] {
    return parseEvents(JSON.parse(body.toString('utf8')), part);
  }

  failureOf({ message }: ProviderError): FailureDecision {
    return final('provider_error', message ?? 'WhatsApp did not take the message; the server of the number gave no reason.');
  }

  isEcho(shown: InboundMessage, ours: OutgoingMessage): boolean {
    const { message_type: kind } = ours;
    // Buttons and lists as WhatsApp has them are told in kinds of their own.
    if (kind === 'interactive' && shown.message_type === 'unsupported') return true;
    if (kind === 'interactive' || kind === 'text') return shown.message_type === 'text' && shown.content === wordsOf(ours);
    const caption = kind === 'location' ? null : shown.content;
    return shown.message_type === kind && (caption === null || caption === ours.content);
  }

  obstacle({ number }: SendingNumber): Conflict | null {
    if (number.connection_status === ConnectionStatus.connected) return null;
    return new Conflict('number_not_connected', 'The WhatsApp number is not connected. Scan its QR code first.');
  }

  line(keys: NumberKeys): Line | null {
    const target = this.target(keys);
    if (!target) return null;
    const { client, storage, links } = this;
    const { webhook_token, webhook_verify_token } = keys;
    const url = `${this.config.public_base_url}/api/v1/whatsapp/webhook/evolution/${webhook_token}`;
    return new EvolutionLine(client, storage, links, target, {
      native_interactive: keys.settings.native_interactive === true,
      webhook: { url, token: webhook_verify_token ?? '' },
    });
  }

  async check(_number: WhatsAppNumber, keys: NumberKeys): Promise<Checked> {
    const line = this.line(keys);
    if (!line?.pairing) return refusal('No Evolution server is set for this number.');
    try {
      const state = await line.pairing.state();
      if (state === 'open') return { status: ConnectionStatus.connected, fields: NOT_TOLD, proved: null };
      if (state === 'connecting') return { status: ConnectionStatus.connecting, reason: 'The number waits for its QR code to be scanned.' };
      return { status: ConnectionStatus.disconnected, reason: 'The number is not connected by QR code.' };
    } catch (error) {
      if (!(error instanceof ProviderFailure)) throw error;
      const { class: kind, error_message } = error.decision;
      return { ...refusal(error_message), refused: kind !== 'retry' && kind !== 'unknown' };
    }
  }

  /** The operator's key is shown to the operator's server alone, and opens there only the instances whose names we made. null: something is missing. */
  private target({ evolution_instance_name: instance, evolution_api_url, evolution_api_key }: NumberKeys): EvolutionTarget | null {
    const operator = this.operator();
    const base_url = evolution_api_url ?? operator.url;
    const api_key = evolution_api_key ?? (evolution_api_url ? null : operator.key);
    if (!instance || !base_url || !api_key) return null;
    return { base_url, api_key, instance, trusted: evolution_api_url === null };
  }

  /** Without a server of the operator's the simulator is one, where there is a simulator. */
  private operator(): { url: string | null; key: string | null } {
    const { evolution_api_url: url, evolution_api_key: key, simulator_enabled } = this.config;
    if (url || !simulator_enabled) return { url, key };
    return { url: simulatorEvolutionUrl(this.config), key: simulatorToken(this.config) };
  }
}

const NOT_TOLD = { verified_name: null, quality_rating: null, messaging_limit: null, throughput: null };

/** As people read it. */
const wordsOf = ({ message_type, payload, content }: OutgoingMessage): string | null =>
  message_type === 'interactive' ? menuText(payload) : (asText(payload.text, MAX_TEXT_LENGTH) ?? content);

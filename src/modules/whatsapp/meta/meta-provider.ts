import { Injectable } from '@nestjs/common';
import { Conflict } from '#common/errors';
import { matchKey, normalizePhone } from '#common/phone';
import { Config } from '#config/config';
import { isSimulatorNumber, simulatorGraphUrl, simulatorToken } from '#modules/simulator/simulator-number';
import type { SendingNumber } from '../numbers/sending-number';
import { ConnectionStatus, type WhatsAppNumber } from '../numbers/whatsapp-number.entity';
import type { ParsedChange, ProviderError } from '../parsed-change';
import { type Checked, type Line, type NumberKeys, type ProvedIds, type Provider, refusal } from '../provider';
import type { FailureDecision } from '../provider-failure';
import { buildMessage } from './build-message';
import { GraphClient } from './graph-client';
import { type GraphAccount, GraphError, type GraphTarget } from './graph-http';
import { classifyStatusError } from './meta-errors';
import { parseJsonKeepingBigIds, parseWebhook } from './parse-webhook';
import { metaTemplates } from './meta-templates';

/** How long a proof of the account is good: asking for it lists all its numbers, and Meta counts the calls. */
const PROOF_MS = 24 * 3600_000;

/** Official numbers: the Cloud API. */
@Injectable()
export class MetaProvider implements Provider {
  constructor(
    private readonly graph: GraphClient,
    private readonly config: Config,
  ) {}

  parse(body: Buffer, part: { from: number; count: number }): ParsedChange[] {
    return parseWebhook(parseJsonKeepingBigIds(body), part);
  }

  failureOf(error: ProviderError): FailureDecision {
    return classifyStatusError(error);
  }

  /** Every send carries our id back. */
  isEcho(): boolean {
    return false;
  }

  obstacle({ number, has_token }: SendingNumber): Conflict | null {
    if (number.phone_number_id && has_token) return null;
    return new Conflict(
      'number_not_configured',
      'The WhatsApp number has no phone_number_id or no access_token yet. Complete its settings.',
    );
  }

  line({ phone_number_id, whatsapp_business_account_id: waba_id, access_token }: NumberKeys): Line | null {
    if (!phone_number_id || !access_token) return null;
    const { graph } = this;
    const target = this.target(phone_number_id, access_token);
    return {
      send: async (message, delivery) => graph.send(target, buildMessage(message, delivery)),
      markRead: ({ provider_id }) => graph.markRead(target, provider_id),
      fetchMedia: async (media_id) => {
        const { url, sha256, size_bytes } = await graph.getMediaUrl(target, media_id);
        const { stream } = await graph.downloadMedia(target, url);
        return { stream, sha256, size_bytes };
      },
      uploadMedia: (file) => graph.uploadMedia(target, file),
      // The picture is told by Meta, and set another way.
      showProfile: ({ profile_picture_url: _, ...profile }) => graph.updateBusinessProfile(target, profile),
      ...(waba_id && {
        subscribe: () => graph.subscribeApp(target, waba_id),
        templates: metaTemplates(graph, target, waba_id),
      }),
    };
  }

  /** Meta's ids of the number are looked up if they are missing, and proved: whether its own token finds it in its account. */
  async check(number: WhatsAppNumber, { access_token }: NumberKeys): Promise<Checked> {
    if (!access_token) return refusal('The number has no access_token.');
    const { phone_number_id, whatsapp_business_account_id: waba_id, proved_at } = number;
    try {
      const found = phone_number_id ? null : await this.lookUp(number, { access_token });
      const id = phone_number_id ?? found?.phone_number_id;
      if (!id) return refusal(`The access_token reaches no account with the number ${number.phone_number}. Set phone_number_id.`);
      const target = this.target(id, access_token);
      const fields = await this.graph.getNumber(target);
      if (proved_at && Date.now() - proved_at.getTime() < PROOF_MS) return { status: ConnectionStatus.connected, fields, proved: null };
      if (!found && waba_id && !(await this.isOf(target, waba_id)))
        return { ...refusal(`The access_token finds no such number in account ${waba_id}.`), disproved: true };
      const proved = found ?? { phone_number_id: id, whatsapp_business_account_id: waba_id };
      return { status: ConnectionStatus.connected, fields, proved };
    } catch (error) {
      if (!(error instanceof GraphError)) throw error;
      return { status: ConnectionStatus.error, reason: error.message, refused: isRefused(error), doubted: isStranger(error) };
    }
  }

  /** A number of the simulator talks to the simulator, by PyTake's own key to it; any other to Meta. */
  private target(phone_number_id: string, access_token: string): GraphTarget {
    if (this.config.simulator_enabled && isSimulatorNumber(phone_number_id))
      return { phone_number_id, access_token: simulatorToken(this.config), base_url: simulatorGraphUrl(this.config) };
    return { phone_number_id, access_token };
  }

  /** Whether the number stands in the account, by the token of who claims both. */
  private async isOf(target: GraphTarget, waba_id: string): Promise<boolean> {
    try {
      return (await this.graph.phoneNumbers(target, waba_id)).some(({ id }) => id === target.phone_number_id);
    } catch (error) {
      if (error instanceof GraphError && isRefused(error)) return false;
      throw error;
    }
  }

  /** Meta's ids of the number by its token and its digits; null: the token does not reach it. */
  private async lookUp({ phone_number, whatsapp_business_account_id }: WhatsAppNumber, account: GraphAccount): Promise<ProvedIds | null> {
    const waba_ids = whatsapp_business_account_id ? [whatsapp_business_account_id] : (await this.graph.debugToken(account)).waba_ids;
    for (const waba_id of waba_ids) {
      const found = (await this.graph.phoneNumbers(account, waba_id)).find(({ display_phone_number }) => {
        const phone = display_phone_number && normalizePhone(display_phone_number);
        return phone && matchKey(phone) === matchKey(phone_number);
      });
      if (found) return { phone_number_id: found.id, whatsapp_business_account_id: waba_id };
    }
    return null;
  }
}

/** Meta knows us and says no. */
const isRefused = ({ decision }: GraphError): boolean => decision.class !== 'retry' && decision.class !== 'unknown';

/** The token is none, may not, or finds no such object. Meta, Graph API: "Handling errors"; 100 alone may be a field that is gone. */
const isStranger = ({ decision: { provider_code: code }, subcode }: GraphError): boolean =>
  code !== null && (code === 10 || code === 190 || (code >= 200 && code <= 299) || (code === 100 && subcode === 33));

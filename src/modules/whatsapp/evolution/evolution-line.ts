import { matchKey } from '#common/phone';
import type { LinkedFiles } from '../media/linked-files';
import type { MediaStorage } from '../media/media-storage';
import type { ConnectionUpdate, PairingCode } from '../parsed-change';
import type { Delivery, Line, OutgoingMessage, Pairing, PromisedFile, ReadMessages, SendAnswer } from '../provider';
import { ProviderFailure, final } from '../provider-failure';
import { type Json, asId, asList, asObject, asWords, isObject } from '../wire';
import { buildRequest } from './build-request';
import { type EvolutionClient, EvolutionError, type EvolutionTarget } from './evolution-client';
import { classifyEvolutionFailure } from './evolution-errors';
import { jidOf, personOf, recipientOf } from './jids';
import { readMediaId } from './message-content';
import { readCode } from './parse-events';

interface Options {
  native_interactive: boolean;
  /** Where it tells us what happens, and what it shows with it. */
  webhook: { url: string; token: string };
}

/** What an instance tells us of. */
const EVENTS = [
  'QRCODE_UPDATED',
  'CONNECTION_UPDATE',
  'MESSAGES_UPSERT',
  'MESSAGES_UPDATE',
  'MESSAGES_EDITED',
  'MESSAGES_DELETE',
  'SEND_MESSAGE',
  'CONTACTS_UPDATE',
  'PRESENCE_UPDATE',
  'LOGOUT_INSTANCE',
];
/** As long as a socket's typing lasts. */
const TYPING_MS = 10_000;

/** A number by QR code, as its Evolution server is called for it. */
export class EvolutionLine implements Line {
  readonly pairing: Pairing;

  constructor(
    private readonly client: EvolutionClient,
    private readonly storage: MediaStorage,
    private readonly links: LinkedFiles,
    private readonly target: EvolutionTarget,
    private readonly options: Options,
  ) {
    this.pairing = {
      begin: () => this.begin(),
      state: () => this.state(),
      end: () => this.end(),
      remove: () => this.remove(),
    };
  }

  async send(message: OutgoingMessage, delivery: Delivery): Promise<SendAnswer> {
    const link = linkOf(message, delivery);
    if (link === null) return this.sendNow(message, delivery);
    return this.links.withFile(link, this.target.instance, (file) => this.sendNow(message, { ...delivery, media: { file } }));
  }

  private async sendNow(message: OutgoingMessage, delivery: Delivery): Promise<SendAnswer> {
    const { phone, wa_id } = delivery;
    const known = phone && !wa_id ? await this.lookUp(phone) : null;
    const request = buildRequest(message, known ? { ...delivery, phone: known } : delivery, this.options);
    const answer = asObject(await this.client.call(this.target, 'POST', request.path, request.body, request));
    const key = asObject(answer?.key);
    const provider_id = asId(key?.id);
    // Taken, and we do not know as what: as unknown as no answer.
    if (provider_id === null) throw new EvolutionError(classifyEvolutionFailure({ http_status: 200, request_written: true }), 200);
    return { provider_id, wa_id: known ?? personOf(key?.remoteJid)?.phone?.slice(1) ?? null };
  }

  async markRead(read: ReadMessages): Promise<void> {
    const recipient = recipientOf(read);
    if (recipient === null) return;
    const remoteJid = jidOf(recipient);
    const readMessages = [...read.earlier_ids, read.provider_id].map((id) => ({ id, fromMe: false, remoteJid }));
    await this.client.call(this.target, 'POST', 'chat/markMessageAsRead', { readMessages });
  }

  async showTyping(person: Pick<Delivery, 'phone' | 'bsuid'>, typing: boolean): Promise<void> {
    const number = recipientOf(person);
    if (number === null) return;
    const presence = typing ? 'composing' : 'paused';
    await this.client.call(this.target, 'POST', 'chat/sendPresence', { number, presence, delay: typing ? TYPING_MS : 0 });
  }

  /** What came with its webhook lies on our disk, once; else the server is asked, if it still has it. */
  async fetchMedia(media_id: string): Promise<PromisedFile> {
    const { kept, provider_id } = readMediaId(media_id);
    const arrived = kept === null ? null : await this.storage.takeArrived(kept);
    const stream = arrived ?? (await this.client.download(this.target, provider_id));
    return { stream, sha256: null, size_bytes: null };
  }

  /** The digits WhatsApp knows the phone by. @throws {ProviderFailure} undeliverable: it has no WhatsApp. */
  private async lookUp(phone: string): Promise<string | null> {
    const digits = phone.replace(/^\+/, '');
    const found = asList(await this.ask('POST', 'chat/whatsappNumbers', { numbers: [digits] }))[0];
    if (!isObject(found)) return null;
    if (found.exists === false) throw new ProviderFailure(final('undeliverable', 'This phone has no WhatsApp.'));
    const known = personOf(found.jid)?.phone;
    return known && matchKey(known) === matchKey(phone) ? known.slice(1) : null;
  }

  /** A question: one that got no answer can be asked again. */
  private async ask(method: 'GET' | 'POST', path: string, body?: Json): Promise<unknown> {
    try {
      return await this.client.call(this.target, method, path, body);
    } catch (error) {
      if (!(error instanceof EvolutionError) || error.decision.class !== 'unknown') throw error;
      throw new EvolutionError({ ...error.decision, class: 'retry', attempts: 5 }, error.http_status);
    }
  }

  private async state(): Promise<ConnectionUpdate['state'] | null> {
    try {
      const answer = asObject(await this.ask('GET', 'instance/connectionState'));
      const state = asObject(answer?.instance)?.state;
      return state === 'open' || state === 'connecting' ? state : 'closed';
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  private async begin(): Promise<PairingCode | null> {
    const state = await this.state();
    const made = state === null ? await this.make() : null;
    if (!made) await this.client.call(this.target, 'POST', 'webhook/set', { webhook: this.webhook });
    if (state === 'open') return null;
    if (made?.qr_code) return made;
    const answer = asObject(await this.client.call(this.target, 'GET', 'instance/connect'));
    return asObject(answer?.instance)?.state === 'open' ? null : readCode(answer ?? {});
  }

  /** null: there is one of this name; somebody made it just now, or we did and did not hear of it. */
  private async make(): Promise<PairingCode | null> {
    const { instance: instanceName } = this.target;
    const body = { instanceName, integration: 'WHATSAPP-BAILEYS', qrcode: true, groupsIgnore: true, webhook: this.webhook };
    try {
      const answer = asObject(await this.client.call(this.target, 'POST', 'instance/create', body, { of_server: true }));
      return readCode(asObject(answer?.qrcode) ?? {});
    } catch (error) {
      if (error instanceof EvolutionError && error.http_status === 403) return null;
      throw error;
    }
  }

  private get webhook(): Json {
    const { url, token } = this.options.webhook;
    return { enabled: true, url, byEvents: false, base64: true, headers: { 'X-PyTake-Token': token }, events: EVENTS };
  }

  private async end(): Promise<void> {
    await this.giveUp('instance/logout');
  }

  private async remove(): Promise<void> {
    await this.giveUp('instance/logout');
    await this.giveUp('instance/delete');
  }

  /** 400: it is not connected; 404: it is not there. */
  private async giveUp(path: string): Promise<void> {
    try {
      await this.client.call(this.target, 'DELETE', path);
    } catch (error) {
      if (!(error instanceof EvolutionError && (error.http_status === 400 || error.http_status === 404))) throw error;
    }
  }
}

const WITH_FILE = new Set(['image', 'video', 'audio', 'document', 'sticker']);

/** Where a file is that is not ours; the server of the number would fetch it from inside the operator's network, so it is given the file itself. */
function linkOf({ message_type, payload }: OutgoingMessage, { media }: Delivery): string | null {
  if (!WITH_FILE.has(message_type)) return null;
  if (media) return 'link' in media ? media.link : null;
  return asWords(payload.link, 4_096);
}

const isMissing = (error: unknown): boolean => error instanceof EvolutionError && error.http_status === 404;

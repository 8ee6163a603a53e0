import type { Customer } from '../customer';
import { magicFault, type Fault, type Faults, type StatusName } from '../faults';
import { errorTitle } from '../graph-error';
import type { JsonObject } from '../json';
import type { MediaStore } from '../media-store';
import type { SendOutcome } from '../send';
import type { SentMessage, SentMessages, StatusStep } from '../sent-messages';
import type { SimulatorOptions } from '../simulator-options';
import type { Chats, WaMessage } from './chats';
import { badRequest, broken, unauthorized } from './evolution-error';
import type { EvolutionWebhooks } from './evolution-webhooks';
import type { Instance } from './instances';
import { createJid, isGroup, isLid, newWebId, phoneOf } from './jid';
import type { Outgoing } from './outgoing';
import { objectOf, waContacts, waContent } from './wire';

export interface OnWhatsApp {
  jid: string;
  exists: boolean;
  /** As it was asked. */
  number: string;
  name?: string;
  lid?: string;
}

const ACKS: Record<StatusName, string> = {
  sent: 'SERVER_ACK',
  delivered: 'DELIVERY_ACK',
  read: 'READ',
  played: 'PLAYED',
  failed: 'ERROR',
};
/** WhatsApp: too many first messages; the code stays in Evolution's log. */
const REACHOUT_LIMITED = 463;

/** What the product sends through an instance. */
export class EvolutionSends {
  constructor(
    private readonly options: SimulatorOptions,
    private readonly chats: Chats,
    private readonly media: MediaStore,
    private readonly faults: Faults,
    private readonly sent: SentMessages,
    private readonly webhooks: EvolutionWebhooks,
  ) {}

  /** @throws {EvolutionError} what Evolution refuses, or a fault ordered for this call. */
  send(instance: Instance, outgoing: Outgoing): SendOutcome {
    const to = this.onWhatsApp(instance, outgoing.number);
    const digits = phoneOf(to.jid) ?? to.jid;
    const fault = this.faults.take({ route: 'messages', phone_number_id: instance.name, to: digits }) ?? magicFault(digits);
    refuse(to, fault);
    if ((fault?.http_status !== undefined || fault?.hang || fault?.reset) && !fault.accepted) return { answer: {}, fault };
    // Evolution asks for the group, finds none and stumbles over its own exception.
    if (isGroup(to.jid)) throw badRequest('[object Object]');

    const customer = this.chats.person(to.jid);
    const { message, id } = this.accept(instance, customer, to.jid, outgoing);
    const sent = this.sent.get(id);
    if (sent)
      this.sent.followUp(customer, sent, {
        failure: fault?.as === 'status' ? REACHOUT_LIMITED : undefined,
        statuses: fault?.statuses,
        to_phone: true,
      });
    void this.tellSent(instance, message);
    return { answer: message, fault };
  }

  /** Typed by the owner on the phone itself: Evolution hears of it as of any message. */
  echo(instance: Instance, customer: Customer, jid: string, outgoing: Outgoing, id: string): WaMessage {
    const { message } = this.accept(instance, customer, jid, outgoing, { id, status: 'SERVER_ACK' });
    const sent = this.sent.get(id);
    if (sent) this.sent.followUp(customer, sent, { to_phone: true });
    return message;
  }

  /** `POST /chat/whatsappNumbers` for one number. @throws {EvolutionError} 500 no phone is linked. */
  onWhatsApp(instance: Instance, number: string): OnWhatsApp {
    if (instance.state !== 'open')
      throw broken(instance.wuid === null ? "Cannot read properties of undefined (reading 'onWhatsApp')" : 'Connection Closed');
    const jid = createJid(number);
    const digits = phoneOf(jid);
    if (isLid(jid)) return { jid, exists: true, number, lid: 'lid' };
    if (digits === null) return { jid, exists: false, number };
    const magic = magicFault(digits);
    const exists = !this.chats.isAbsent(jid) && /^\d{10,15}$/.test(digits) && !(magic?.code === 131026 && magic.as === 'answer');
    return { jid, exists, number, ...(exists ? { name: this.chats.person(jid).name } : {}) };
  }

  /** `messages.update`; resolves when it was tried once. */
  tellStatus(instance: Instance, sent: SentMessage, { status }: StatusStep): Promise<void> {
    const key = this.chats.find(instance, sent.id)?.key;
    return new Promise((tried) => {
      const data = {
        keyId: sent.id,
        remoteJid: key?.remoteJid ?? sent.to,
        fromMe: true,
        status: ACKS[status],
        instanceId: instance.id,
        messageId: sent.id.toLowerCase(),
      };
      void this.webhooks.tell(instance, 'messages.update', data, { tried });
    });
  }

  private accept(
    instance: Instance,
    customer: Customer,
    jid: string,
    outgoing: Outgoing,
    as: { id: string; status: string } = { id: newWebId(), status: 'PENDING' },
  ): { message: WaMessage; id: string } {
    const { id } = as;
    const file = outgoing.file && this.media.put(instance.name, outgoing.file);
    const given = outgoing.content;
    const content = file && !Array.isArray(given) ? { ...given, id: file.id } : given;
    const quoted = outgoing.quoted_id === null ? undefined : this.chats.find(instance, outgoing.quoted_id);
    const around = {
      ...(file ? { file } : {}),
      ...(quoted
        ? { quoted: { id: quoted.key.id, participant: quoted.key.fromMe ? (instance.wuid ?? '') : jid, message: quoted.message } }
        : {}),
      keyOf: (target: string) => this.chats.find(instance, target)?.key ?? { remoteJid: jid, fromMe: false, id: target },
    };
    const wa = Array.isArray(content) ? waContacts(content) : waContent(outgoing.type, content, around);
    const key = { remoteJid: jid, fromMe: true, id };
    const messageTimestamp = Math.floor(Date.now() / 1000);
    const message = this.chats.message(instance, wa, { key, pushName: 'Você', status: as.status, messageTimestamp }, file?.id ?? null);
    this.sent.accept(customer, {
      id,
      phone_number_id: instance.name,
      to: phoneOf(jid) ?? jid,
      recipient: null,
      type: outgoing.type,
      biz_opaque_callback_data: null,
      body: { type: outgoing.type, [outgoing.type]: content },
      content: shownContent(content),
      context_message_id: outgoing.quoted_id,
    });
    return { message, id };
  }

  /** Both echoes may overtake the answer. */
  private async tellSent(instance: Instance, message: WaMessage): Promise<void> {
    const whole = instance.webhook?.base64 ? await this.chats.withBase64(instance, message) : message;
    void this.webhooks.tell(instance, 'send.message', whole);
    // Some versions of Baileys hand back what went out by themselves.
    if (this.options.evolution.upsert_own_sends) void this.webhooks.tell(instance, 'messages.upsert', { ...whole, status: 'SERVER_ACK' });
  }
}

/** @throws {EvolutionError} what the fault says, or 400 nobody there has WhatsApp. */
function refuse(to: OnWhatsApp, fault: Fault | undefined): void {
  const code = fault?.as === 'status' ? undefined : fault?.code;
  const exists = to.exists && code !== 131026;
  if (!exists && !isGroup(to.jid) && !to.jid.includes('@broadcast')) throw badRequest({ ...to, exists });
  if (code === 190) throw unauthorized();
  if (code !== undefined) throw badRequest(`Error: ${errorTitle(code)}`);
}

/** Native buttons are for the wire; the phone shows the others. */
function shownContent(content: JsonObject | JsonObject[]): unknown {
  if (Array.isArray(content)) return content;
  const { native_buttons: _, ...shown } = objectOf(content);
  return shown;
}

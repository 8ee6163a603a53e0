import { Bounded } from '#common/bounded';
import type { AccountTemplates } from './account-templates';
import type { Customer, Customers } from './customer';
import { magicFault, type Fault, type Faults } from './faults';
import { GraphError } from './graph-error';
import { listAt, newWamid, objectAt, stringAt, type JsonObject } from './json';
import type { MediaStore } from './media-store';
import { BSUID, readMessage, type OutgoingMessage } from './message-rules';
import type { SentMessages } from './sent-messages';
import type { SimulatorNumber, SimulatorOptions } from './simulator-options';
import { checkTemplateParameters, renderTemplate, type Template } from './template';
import { mediaIdsOf } from './threads';
import type { Windows } from './windows';

export interface SendOutcome {
  answer: object;
  fault: Fault | undefined;
}

const MAX_PAIRS = 200_000;

/** What `POST /{phone_number_id}/messages` does with a message: Meta's checks in Meta's order, then the acceptance. */
export class Send {
  private readonly bursts = new Map<string, number[]>();
  private readonly buckets = new Bounded<string, { tokens: number; at: number }>({ count: MAX_PAIRS });

  constructor(
    private readonly options: SimulatorOptions,
    private readonly customers: Customers,
    private readonly templates: AccountTemplates,
    private readonly media: MediaStore,
    private readonly faults: Faults,
    private readonly windows: Windows,
    private readonly sent: SentMessages,
  ) {}

  /** @throws {GraphError} what Meta refuses, or a fault ordered for this call. */
  send(number: SimulatorNumber, input: unknown): SendOutcome {
    const message = readMessage(input);
    const { customer, wa_id, lost } = this.recipientOf(message);
    if (wa_id !== null && wa_id === number.display_phone_number.replace(/\D/g, '')) throw new GraphError(131021);
    const template = message.type === 'template' ? this.checkedTemplate(number, message, wa_id) : undefined;
    this.checkMedia(message);

    const digits = wa_id ?? customer.user_id;
    const fault = this.faults.take({ route: 'messages', phone_number_id: number.phone_number_id, to: digits }) ?? magicFault(digits);
    if (fault?.code !== undefined && fault.as !== 'status') throw new GraphError(fault.code);
    if ((fault?.http_status !== undefined || fault?.hang || fault?.reset) && !fault.accepted) return { answer: {}, fault };
    this.checkRates(number, customer);
    const outside = !template && !this.windows.isOpen(number, customer);
    if (outside && this.options.window === 'sync')
      throw new GraphError(131047, 'More than 24 hours have passed since the customer last replied to this number.');

    const content = message.body[message.type];
    const { to, recipient, type, biz_opaque_callback_data, body, context_message_id } = message;
    const { phone_number_id } = number;
    const sent = this.sent.accept(customer, {
      ...{ id: newWamid(), phone_number_id, to, recipient, type, biz_opaque_callback_data, body, content, context_message_id },
      ...(template ? { rendered: rendered(template, content) } : {}),
    });
    const failure = fault?.as === 'status' ? fault.code : outside ? 131047 : undefined;
    if (!lost)
      this.sent.followUp(customer, sent, {
        failure,
        statuses: fault?.statuses,
        category: template?.category,
        to_phone: wa_id !== null,
      });
    return { answer: answerTo(message, customer, wa_id, sent.id), fault };
  }

  clear(): void {
    this.bursts.clear();
    this.buckets.clear();
  }

  private recipientOf(message: OutgoingMessage): { customer: Customer; wa_id: string | null; lost: boolean } {
    if (message.to === null) return { customer: this.customers.recipient(null, message.recipient), wa_id: null, lost: false };
    const digits = message.to.replace(/\D/g, '');
    // Meta takes a BSUID in `to` for a phone number: accepted and never delivered (chatwoot#15150).
    if (BSUID.test(message.to)) return { customer: this.customers.recipient(digits, null), wa_id: digits, lost: true };
    const customer = this.customers.recipient(digits, null);
    return { customer, wa_id: customer.wa_id ?? digits, lost: false };
  }

  private checkedTemplate(number: SimulatorNumber, message: OutgoingMessage, wa_id: string | null): Template | undefined {
    const head = objectAt(message.body, 'template');
    const name = stringAt(head, 'name') ?? '';
    const code = stringAt(objectAt(head, 'language'), 'code') ?? '';
    const template = this.templates.of(number.waba_id).find((t) => t.name === name && t.language === code);
    if (!template && !this.options.strict) return { ...unknownTemplate, name, language: code };
    if (!template) throw new GraphError(132001, `template name (${name}) does not exist in ${code}`);
    if (template.status === 'PAUSED') throw new GraphError(132015, `Template ${name} is paused`);
    if (template.status === 'DISABLED') throw new GraphError(132016, `Template ${name} is disabled`);
    if (template.status !== 'APPROVED') throw new GraphError(132001, `template ${name} is not approved in ${code}`);
    if (wa_id === null && template.category === 'AUTHENTICATION') throw new GraphError(131062);
    checkTemplateParameters(template, listAt(head, 'components'));
    return template;
  }

  private checkMedia(message: OutgoingMessage): void {
    for (const id of mediaIdsOf(message.type, message.body[message.type])) {
      if (!this.media.get(id))
        throw new GraphError(100, `Param ${message.type}['id'] is not a valid whatsapp business account media attachment ID`);
    }
  }

  private checkRates(number: SimulatorNumber, customer: Customer): void {
    const now = Date.now();
    const limit = this.options.messages_per_second;
    if (limit !== null) {
      const recent = (this.bursts.get(number.phone_number_id) ?? []).filter((at) => at > now - 1000);
      if (recent.length >= limit) throw new GraphError(130429, 'Cloud API message throughput has been reached.');
      this.bursts.set(number.phone_number_id, [...recent, now]);
    }
    if (this.options.pair_limit) {
      const key = `${number.phone_number_id} ${customer.key}`;
      const bucket = this.buckets.get(key) ?? { tokens: 45, at: now };
      const tokens = Math.min(45, bucket.tokens + (now - bucket.at) / 6000);
      if (tokens < 1) throw new GraphError(131056);
      this.buckets.set(key, { tokens: tokens - 1, at: now });
    }
  }
}

const unknownTemplate: Template = {
  id: '',
  waba_id: '',
  name: '',
  language: '',
  category: 'UTILITY',
  status: 'APPROVED',
  parameter_format: 'POSITIONAL',
  components: [],
  rejected_reason: 'NONE',
  quality_score: { score: 'UNKNOWN' },
};

/** As the customer reads it; of a template nobody knows, its name. */
function rendered(template: Template, content: unknown): JsonObject {
  return template.id ? renderTemplate(template, listAt(content, 'components')) : { body: `[${template.name}]` };
}

function answerTo(message: OutgoingMessage, customer: Customer, wa_id: string | null, id: string): object {
  const contact = wa_id === null ? { input: message.recipient, user_id: customer.user_id } : { input: message.to, wa_id };
  return {
    messaging_product: 'whatsapp',
    contacts: [contact],
    messages: [{ id, ...(message.type === 'template' ? { message_status: 'accepted' } : {}) }],
  };
}

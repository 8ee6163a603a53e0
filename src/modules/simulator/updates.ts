import type { Accounts } from './accounts';
import { visiblePhone, type Customer } from './customer';
import type { Delivery } from './deliveries';
import { errorTitle } from './graph-error';
import { compact, objectAt, type JsonObject } from './json';
import type { SentMessage, StatusStep } from './sent-messages';
import type { SimulatorNumber, SimulatorOptions } from './simulator-options';
import type { WebhookSender, WebhookTarget } from './webhook-sender';

/** Meta: the fields of a number; the others are of its account. */
const NUMBER_FIELDS = ['messages', 'smb_message_echoes', 'smb_app_state_sync', 'user_preferences', 'user_id_update', 'history', 'calls'];

/** What Meta tells the product: whose update it is, what it carries, where it goes. */
export class Updates {
  constructor(
    private readonly options: SimulatorOptions,
    private readonly accounts: Accounts,
    private readonly sender: WebhookSender,
  ) {}

  /**
   * Any other update of a number: whose it is, its number alone says, the rest is as given.
   * @throws {RangeError} the value names a number or an account of its own.
   */
  tell(number: SimulatorNumber, field: string, value: JsonObject, tried?: () => void): Promise<Delivery> {
    const display_phone_number = number.display_phone_number.replace(/\D/g, '');
    const metadata = { display_phone_number, phone_number_id: number.phone_number_id };
    for (const { name, given, own } of [
      { name: 'metadata', given: value['metadata'], own: undefined },
      { name: 'phone_number_id', given: value['phone_number_id'], own: number.phone_number_id },
      { name: 'waba_id', given: value['waba_id'], own: number.waba_id },
      { name: 'waba_info.waba_id', given: objectAt(value, 'waba_info')?.['waba_id'], own: number.waba_id },
      { name: 'display_phone_number', given: value['display_phone_number'], own: display_phone_number },
      { name: 'phone_number', given: value['phone_number'], own: display_phone_number },
    ])
      if (given !== undefined && String(given).replace(/^\+/, '') !== own)
        throw new RangeError(`value.${name}: the number says it itself, leave it out`);
    const whole = NUMBER_FIELDS.includes(field) ? { messaging_product: 'whatsapp', metadata, ...value } : value;
    return this.deliver(number.waba_id, number, field, whole, tried);
  }

  /** How far a message came; resolves when it was tried once. */
  tellStatus(number: SimulatorNumber, sent: SentMessage, customer: Customer, step: StatusStep): Promise<void> {
    return new Promise((tried) => void this.tell(number, 'messages', statusValue(sent, customer, step), tried));
  }

  /** An update of a WhatsApp Business account: it names no number. */
  tellAccount(waba_id: string, field: string, value: JsonObject): Promise<Delivery> {
    return this.deliver(waba_id, this.accounts.numbersOf(waba_id)[0], field, value);
  }

  /** Signs and posts a payload of the caller's own making. */
  post(payload: unknown): Promise<Delivery> {
    return this.sender.post(this.target(undefined), payload);
  }

  private deliver(
    waba_id: string,
    number: SimulatorNumber | undefined,
    field: string,
    value: JsonObject,
    tried?: () => void,
  ): Promise<Delivery> {
    if (!this.accounts.subscription(waba_id).subscribed) {
      tried?.();
      return Promise.resolve({ status_code: 0, attempts: 0 });
    }
    return this.sender.change(this.target(number), waba_id, field, value, tried);
  }

  private target(number: SimulatorNumber | undefined): WebhookTarget {
    const { webhook_url, app_secret } = this.options;
    const usual = typeof webhook_url === 'function' ? webhook_url() : webhook_url;
    return {
      webhook_url: (number && this.accounts.subscription(number.waba_id).override_callback_uri) ?? usual,
      app_secret: number?.app_secret ?? app_secret,
    };
  }
}

function statusValue(sent: SentMessage, customer: Customer, { status, error, moment, to_phone, category }: StatusStep): JsonObject {
  const failed = status === 'failed';
  return {
    // Meta leaves contacts[] and the BSUID out of the failure of a phone send.
    ...(failed
      ? {}
      : {
          contacts: [
            compact({
              wa_id: to_phone ? customer.wa_id : visiblePhone(customer),
              user_id: customer.user_id,
              profile: { name: customer.name },
            }),
          ],
        }),
    statuses: [
      compact({
        id: sent.id,
        status,
        timestamp: String(Math.floor(moment / 1000)),
        recipient_id: to_phone ? customer.wa_id : visiblePhone(customer),
        recipient_user_id: failed && to_phone ? undefined : customer.user_id,
        biz_opaque_callback_data: sent.biz_opaque_callback_data ?? undefined,
        pricing:
          status === 'sent' || status === 'delivered'
            ? { billable: true, pricing_model: 'PMP', type: 'regular', category: category?.toLowerCase() ?? 'service' }
            : undefined,
        errors: error === undefined ? undefined : [statusError(error)],
      }),
    ],
  };
}

function statusError(code: number): object {
  const title = errorTitle(code);
  return {
    code,
    title,
    message: title,
    error_data: { details: title },
    href: 'https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/',
  };
}

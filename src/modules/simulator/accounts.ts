import { GraphError } from './graph-error';
import { listAt, stringAt, type JsonObject } from './json';
import type { SimulatorNumber, SimulatorOptions } from './simulator-options';

const MAX_NUMBERS = 1000;

/** The WhatsApp Business accounts: their numbers, profiles and webhook subscriptions. */
export class Accounts {
  private readonly numbersById = new Map<string, SimulatorNumber>();
  private readonly unsubscribed = new Set<string>();
  private readonly overrides = new Map<string, string>();
  private readonly profiles = new Map<string, JsonObject>();

  constructor(
    private readonly options: SimulatorOptions,
    private readonly added: (number: SimulatorNumber) => void,
  ) {}

  get numbers(): SimulatorNumber[] {
    return [...this.numbersById.values()];
  }

  /** @throws {RangeError} there are too many already. */
  add(number: SimulatorNumber): SimulatorNumber {
    if (this.numbersById.size >= MAX_NUMBERS && !this.numbersById.has(number.phone_number_id))
      throw new RangeError(`numbers: ${MAX_NUMBERS} at most`);
    this.numbersById.set(number.phone_number_id, number);
    this.added(number);
    return number;
  }

  find(phone_number_id: string): SimulatorNumber | undefined {
    const known = this.numbersById.get(phone_number_id);
    if (known || !this.options.accepts(phone_number_id) || this.numbersById.size >= MAX_NUMBERS) return known;
    return this.add({
      phone_number_id,
      waba_id: wabaIdOf(phone_number_id),
      display_phone_number: `+55 11 9${phone_number_id.slice(-8, -4)}-${phone_number_id.slice(-4)}`,
      verified_name: `Simulator ${phone_number_id.slice(-4)}`,
    });
  }

  /** Without an id the first one. @throws {RangeError} not a number of the simulator. */
  get(phone_number_id: string | undefined): SimulatorNumber {
    const number = phone_number_id === undefined ? this.numbers[0] : this.find(phone_number_id);
    if (!number) throw new RangeError(`phone_number_id: ${phone_number_id ?? 'there is no number'} is not a number of the simulator`);
    return number;
  }

  numbersOf(waba_id: string): SimulatorNumber[] {
    return this.numbers.filter((number) => number.waba_id === waba_id);
  }

  profile(phone_number_id: string): JsonObject {
    return (
      this.profiles.get(phone_number_id) ?? {
        messaging_product: 'whatsapp',
        about: 'Hey there! I am using WhatsApp.',
        vertical: 'UNDEFINED',
      }
    );
  }

  setProfile(phone_number_id: string, fields: JsonObject): void {
    const limits: Record<string, number> = { about: 139, address: 256, description: 512, email: 128 };
    for (const [key, limit] of Object.entries(limits)) {
      if ((stringAt(fields, key) ?? '').length > limit) throw new GraphError(100, `Param ${key} must be at most ${limit} characters long.`);
    }
    if (listAt(fields, 'websites').length > 2) throw new GraphError(100, 'Param websites must have at most 2 elements.');
    this.profiles.set(phone_number_id, { ...this.profile(phone_number_id), ...fields });
  }

  subscription(waba_id: string): { subscribed: boolean; override_callback_uri: string | null } {
    return { subscribed: !this.unsubscribed.has(waba_id), override_callback_uri: this.overrides.get(waba_id) ?? null };
  }

  subscribe(waba_id: string, subscribed: boolean, override_callback_uri?: string): void {
    if (subscribed) this.unsubscribed.delete(waba_id);
    else this.unsubscribed.add(waba_id);
    // A locked simulator posts to its own product only: it must not be a way to reach other addresses.
    if (override_callback_uri !== undefined && !this.options.locked) this.overrides.set(waba_id, override_callback_uri);
    else this.overrides.delete(waba_id);
  }
}

function wabaIdOf(phone_number_id: string): string {
  return `9991${phone_number_id.slice(4)}`;
}

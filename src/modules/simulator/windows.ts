import { Bounded } from '#common/bounded';
import type { Customer } from './customer';
import type { SimulatorNumber, SimulatorOptions } from './simulator-options';

const DAY_MS = 24 * 60 * 60 * 1000;
const MAX_WINDOWS = 200_000;

/** Meta, Cloud API: 24 h from a customer's last message to this number; after it only templates. */
export class Windows {
  private readonly lastIncoming = new Bounded<string, number>({ count: MAX_WINDOWS });

  constructor(private readonly options: SimulatorOptions) {}

  open(number: SimulatorNumber, customer: Customer, moment = Date.now()): void {
    const key = keyOf(number, customer);
    this.lastIncoming.set(key, Math.max(moment, this.lastIncoming.get(key) ?? 0));
  }

  close(number: SimulatorNumber, customer: Customer): void {
    this.lastIncoming.set(keyOf(number, customer), 0);
  }

  isOpen(number: SimulatorNumber, customer: Customer): boolean {
    if (this.options.window === 'off') return true;
    const last = this.lastIncoming.get(keyOf(number, customer));
    return last === undefined ? !this.options.strict : last > Date.now() - DAY_MS;
  }

  clear(): void {
    this.lastIncoming.clear();
  }
}

const keyOf = (number: SimulatorNumber, customer: Customer): string => `${number.phone_number_id} ${customer.key}`;

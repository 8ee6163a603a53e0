import type { Ignored, Origin, ParsedChange, Poison } from '../parsed-change';
import { cleanJson, type Json } from '../wire';

/** Items are counted as they stand in the payload and read only where they are asked for. */
export class Items {
  readonly read: ParsedChange[] = [];
  seen = 0;

  constructor(
    private readonly from: number,
    private readonly count: number,
  ) {}

  get full(): boolean {
    return this.read.length >= this.count;
  }

  add(read: () => ParsedChange): void {
    if (this.seen++ >= this.from && !this.full) this.read.push(read());
  }
}

export const at = (origin: Origin, path: string): Origin => ({
  phone_number_id: origin.phone_number_id,
  waba_id: origin.waba_id,
  field: origin.field,
  path,
});

/** The readers do not throw on any JSON we know of; if one ever does, it costs that item and not its neighbours. */
export function attempt(origin: Origin, item: Json, parse: () => ParsedChange): ParsedChange {
  try {
    return parse();
  } catch {
    return poison(origin, 'unreadable', item);
  }
}

export function poison(origin: Origin, reason: Poison['reason'], item: unknown): Poison {
  return { ...origin, kind: 'poison', reason, item: cleanJson(item) };
}

export function ignored(origin: Origin, reason: Ignored['reason']): Ignored {
  return { ...origin, kind: 'ignored', reason };
}

import type { Origin, ParsedChange } from '../parsed-change';

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

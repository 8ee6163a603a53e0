import { Conflict } from './errors';

/** What was anonymized is nobody's for good (contract 10, 10). @throws {Conflict} `already_anonymized`. */
export function assertSomebody(noun: string, { anonymized_at }: { anonymized_at?: Date | null }): void {
  if (anonymized_at) throw new Conflict('already_anonymized', `The ${noun} is nobody’s already.`);
}

/** Rows that are kept only for a while. */
export interface Retention {
  /** Which of them are past it; no alias. */
  where: string;
  /** By which the oldest are found: an index begins with it. */
  oldest: string;
}

const RETENTIONS: (Retention & { table: string })[] = [];

/** How long rows of a table are kept, beside its entity. */
export function declareRetention(table: string, ...retentions: Retention[]): void {
  RETENTIONS.push(...retentions.map((retention) => ({ table, ...retention })));
}

/** What is kept only for a while, and for how long. */
export const retentions = (): readonly (Retention & { table: string })[] => RETENTIONS;

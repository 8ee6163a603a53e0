/** Which texts of a table `Encryption` has sealed. */
export interface SealedColumns {
  columns: readonly string[];
  /** The columns whose values, in this order, are the place they are sealed for. */
  place: readonly string[];
  /** A column that says the id of the key, where there is one. */
  key_id?: string;
}

const SEALED = new Map<string, SealedColumns>();

/** Says it, beside the entity: what is declared is sealed again when the key changes. house.spec holds every room that seals to it. */
export function declareSealed(table: string, sealed: SealedColumns): void {
  if (SEALED.has(table)) throw new Error(`What is sealed of ${table} is declared twice`);
  SEALED.set(table, sealed);
}

export const sealedColumns = (): ReadonlyMap<string, SealedColumns> => SEALED;

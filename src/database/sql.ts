/** Something that runs SQL: TypeORM's EntityManager, or the receipt's own connection. For set-based work that both need. */
export interface Sql {
  query<T>(text: string, values?: unknown[]): Promise<T[]>;
}

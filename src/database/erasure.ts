import type { EntityMetadata } from 'typeorm';

/** How an organization's rows of a table are erased that has no `organization_id`, or lets nobody delete. */
export type Erasure =
  | {
      /** Which rows are organization $1's; default: those of its `organization_id`. */
      where?: string;
      /** The function of the owner's that takes the organization and how many rows it may remove, and answers how many it did: nobody else may. */
      by?: string;
      /** The table by whose rows these are found: that one goes after. */
      before?: string;
    }
  /** None of its rows is an organization's. */
  | { keep: string };

const DECLARED = new Map<string, Erasure>();

/** Says it, beside the table's entity. Every other table with an `organization_id` is erased by it. */
export function declareErasure(table: string, erasure: Erasure): void {
  if (DECLARED.has(table)) throw new Error(`How ${table} is erased is declared twice`);
  DECLARED.set(table, erasure);
}

/** A table and how the rows of organization $1 leave it. */
export interface ErasedTable {
  table: string;
  where: string;
  by?: string;
  /** Columns that refer to rows of the same table, which must not be there when these are deleted. */
  knots: string[];
}

/**
 * Every table that holds an organization's rows, in the order in which these can go: what refers before what it refers to.
 * @throws A table that says nothing of whose its rows are, or tables that refer to each other in a circle.
 */
export function erasedTables(entities: readonly EntityMetadata[]): ErasedTable[] {
  const tables = new Map(entities.map((entity) => [entity.tableName, erasureOf(entity)]));
  const targets = new Map(
    entities.map(({ tableName, foreignKeys }) => {
      const { before } = { before: undefined, ...DECLARED.get(tableName) };
      const referred = foreignKeys.map(({ referencedEntityMetadata }) => referencedEntityMetadata.tableName);
      return [tableName, [...referred, ...(before ? [before] : [])].filter((name) => name !== tableName)];
    }),
  );
  const order: string[] = [];
  const visit = (table: string, way: string[]): void => {
    if (way.includes(table)) throw new Error(`Tables refer to each other in a circle: ${[...way, table].join(' -> ')}`);
    if (order.includes(table)) return;
    for (const target of targets.get(table) ?? []) visit(target, [...way, table]);
    order.push(table);
  };
  for (const table of targets.keys()) visit(table, []);
  return order.reverse().flatMap((table) => tables.get(table) ?? []);
}

function erasureOf({ tableName, columns, foreignKeys }: EntityMetadata): ErasedTable | null {
  const declared = DECLARED.get(tableName) ?? {};
  if ('keep' in declared) return null;
  const owned = columns.some(({ databaseName }) => databaseName === 'organization_id');
  if (!owned && !declared.where)
    throw new Error(`${tableName} has no organization_id, and nothing says how an organization's rows are erased`);
  const knots = foreignKeys
    .filter(({ referencedEntityMetadata, onDelete }) => referencedEntityMetadata.tableName === tableName && onDelete === 'RESTRICT')
    .flatMap(({ columnNames }) => columnNames.filter((name) => name !== 'organization_id'));
  return { table: tableName, where: declared.where ?? 'organization_id = $1', by: declared.by, knots };
}

import { DefaultNamingStrategy, ForeignKey, type ObjectType, type Table } from 'typeorm';

/**
 * What becomes of a row when the one it points to is deleted (most are only marked deleted: then nothing). RESTRICT: that one stays; no history is lost
 * by accident, who erases begins with it. CASCADE: it is a part of that one and goes too. SET NULL: it points to nothing; only the id becomes NULL,
 * which the migration must say (`ON DELETE SET NULL (x_id)`): TypeORM cannot.
 */
type OnDelete = 'RESTRICT' | 'CASCADE' | 'SET NULL';

/** The entity, or its name where its file stands upstairs or refers back to this one. */
type Target = string | (() => ObjectType<object>);

/** A column that names a row of the same organization: PostgreSQL refuses any other. The migration makes it. */
export const Reference = (to: Target, column: string, on_delete: OnDelete): ClassDecorator =>
  ForeignKey(to, ['organization_id', column], ['organization_id', 'id'], { onDelete: on_delete });

/** A reference that PostgreSQL does not check. */
interface Unchecked {
  entity: ObjectType<object>;
  column: string;
  to: Target;
}

/** Every reference that PostgreSQL does not check: `Orphans` counts those that point to nothing. */
export const unchecked: Unchecked[] = [];

/** The same where the check would cost too much; the reason stands beside it. */
export const UncheckedReference =
  (to: Target, column: string): ClassDecorator =>
  (entity) =>
    void unchecked.push({ entity: entity as unknown as ObjectType<object>, column, to });

const nameOf = (table: Table | string): string => (typeof table === 'string' ? table : table.name).replace(/^.*\./, '');

/** Names of constraints that say what they are, in errors too. */
export class ConstraintNames extends DefaultNamingStrategy {
  override primaryKeyName(table: Table | string): string {
    return `${nameOf(table)}_pkey`;
  }

  override foreignKeyName(table: Table | string, columns: string[]): string {
    return `${nameOf(table)}_${columns.filter((column) => column !== 'organization_id').join('_')}_fkey`;
  }
}

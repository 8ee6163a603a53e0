import type { Actor } from '#common/actor';
import { Conflict } from '#common/errors';
import type { Tx } from '#database/database';

/** A department that is deleted, and the one that takes over what it has; null: nobody does. */
export interface Departure {
  /** Who deletes it, in their organization. */
  actor: Actor;
  from: string;
  to: string | null;
}

/** In the transaction of the deletion: its rows become `to`'s, set-based. @throws {Conflict} `departmentInUse`: there are some, and nobody takes over. */
type Leave = (tx: Tx, departure: Departure) => Promise<void>;

const ROOMS: Leave[] = [];

/** What a room whose rows belong to departments does when one goes: queues and conversations know departments, and may not be called from there. */
export function declareDepartmentRows(leave: Leave): void {
  ROOMS.push(leave);
}

export const departmentRows = (): readonly Leave[] => ROOMS;

/** `what` keeps a department from being deleted. */
export const departmentInUse = (what: string): Conflict =>
  new Conflict('department_in_use', `The department has ${what}. Say in move_to_department_id who takes over.`);

import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { NotFound } from '#common/errors';
import type { Tx } from '#database/database';
import type { Sql } from '#database/sql';
import type { Condition } from '#database/tenant-repository';

/** How the departments of users are read and set. */
export interface DepartmentRows {
  /** The departments of each of these users; who is in none may be left out. One query. */
  of(sql: Sql, actor: Actor, user_ids: readonly string[]): Promise<Map<string, string[]>>;
  /** Makes these the departments of the user. @throws {NotFound} One of them is not in this organization. */
  set(tx: Tx, actor: Actor, user_id: string, department_ids: readonly string[]): Promise<void>;
  /** Of a row of `users`: they are in the department. */
  contains(row: string, department_id: string): Condition;
}

/** Departments stand upstairs, with the rows of who is in which: their room says here how these are read and set. Until it does there are none. */
@Injectable()
export class Memberships {
  private rows: DepartmentRows = {
    of: () => Promise.resolve(new Map()),
    set: (_tx, _actor, _user_id, department_ids) =>
      department_ids.length ? Promise.reject(new NotFound('Department')) : Promise.resolve(),
    contains: () => ({ sql: 'false', values: {} }),
  };

  keptIn(rows: DepartmentRows): void {
    this.rows = rows;
  }

  async of(sql: Sql, actor: Actor, user_ids: readonly string[]): Promise<Map<string, string[]>> {
    return user_ids.length ? this.rows.of(sql, actor, user_ids) : new Map();
  }

  set(tx: Tx, actor: Actor, user_id: string, department_ids: readonly string[]): Promise<void> {
    return this.rows.set(tx, actor, user_id, department_ids);
  }

  contains(row: string, department_id: string): Condition {
    return this.rows.contains(row, department_id);
  }
}

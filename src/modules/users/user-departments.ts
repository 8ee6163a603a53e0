import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Database, type Tx } from '#database/database';
import { type Sql, prepared } from '#database/sql';
import { agentRow } from './agents';

type Replace = (tx: Tx, actor: Actor, user_id: string, department_ids: readonly string[]) => Promise<void>;

const OF_USERS = prepared(
  `SELECT a.user_id, array_agg(a.department_id ORDER BY a.department_id) AS department_ids
     FROM department_agents a JOIN users u ON u.organization_id = a.organization_id AND u.id = a.user_id
    WHERE a.organization_id = $1 AND a.user_id = ANY($2) AND ${agentRow('u')} GROUP BY a.user_id`,
);

/** SQL: this row of users answers for the department :department_id. */
export const inDepartment = (row: string): string =>
  `${agentRow(row)} AND EXISTS (SELECT FROM department_agents a
    WHERE a.organization_id = ${row}.organization_id AND a.department_id = :department_id AND a.user_id = ${row}.id)`;

/** Departments that users answer for. They live upstairs and may not be called from here: their room says how they are changed. */
@Injectable()
export class UserDepartments {
  private write: Replace | undefined;

  constructor(private readonly database: Database) {}

  onReplace(write: Replace): void {
    this.write = write;
  }

  /** By user, the oldest department first; who has none is left out. One query, whatever their number. */
  async of(actor: Actor, user_ids: readonly string[], sql: Sql = this.database): Promise<Map<string, string[]>> {
    const rows = await sql.rows<{ user_id: string; department_ids: string[] }>(OF_USERS, [actor.organization_id, user_ids]);
    return new Map(rows.map(({ user_id, department_ids }) => [user_id, department_ids]));
  }

  /**
   * These and no others; the organization is locked. @throws {NotFound} A department is not in this organization.
   * @throws {Invalid} `user_not_agent`: a user who does not answer customers is in no department.
   */
  async replace(tx: Tx, actor: Actor, user_id: string, department_ids: readonly string[]): Promise<void> {
    await this.write?.(tx, actor, user_id, department_ids);
  }
}

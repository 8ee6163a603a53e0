import { type Sql, prepared } from '#database/sql';
import type { User } from './user.entity';

/** What other rooms show of a user whose id they have. */
export type Member = Pick<User, 'id' | 'full_name' | 'email' | 'is_online'>;

const MEMBERS = prepared('SELECT id, full_name, email, is_online FROM users WHERE organization_id = $1 AND id = ANY($2)');

/** Users of an organization by id, also those who left it; who is not there is not in it. */
export async function membersOf(sql: Sql, organization_id: string, ids: Iterable<string>): Promise<Map<string, Member>> {
  const asked = [...new Set(ids)];
  const members = asked.length ? await sql.rows<Member>(MEMBERS, [organization_id, asked]) : [];
  return new Map(members.map((member) => [member.id, member]));
}

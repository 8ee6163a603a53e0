import { Injectable } from '@nestjs/common';
import { type Actor, Role } from '#common/actor';
import { NotFound } from '#common/errors';
import { Database, type Tx } from '#database/database';
import type { Sql } from '#database/sql';
import { SubjectType } from './consent.entity';

/** Whose data it is. `anonymized_at`: since when it is nobody's. */
export interface Subject {
  type: SubjectType;
  id: string;
  anonymized_at?: Date | null;
}

const FIND = `SELECT 'contact' AS type, id, anonymized_at FROM contacts WHERE organization_id = $1 AND id = $2 AND $3 IN ('contact', 'any')
  UNION ALL SELECT 'user', id, anonymized_at FROM users WHERE organization_id = $1 AND id = $2 AND $3 IN ('user', 'any') AND (role <> 'super_admin' OR id = $4 OR $5)
  LIMIT 1`;

/** Contacts and users as people with rights; deleted ones too: their data is still there. */
@Injectable()
export class Subjects {
  constructor(private readonly database: Database) {}

  /** In contacts, then in users. @throws {NotFound} */
  async get(actor: Actor, id: string, type?: SubjectType, tx?: Tx): Promise<Subject> {
    const subject = await this.find(tx ?? this.database, actor, id, type);
    if (!subject) throw new NotFound('Subject');
    return subject;
  }

  /** @throws {NotFound} Nobody of this organization, and nobody who once was. */
  async assertKnown(actor: Actor, id: string): Promise<void> {
    if (await this.find(this.database, actor, id)) return;
    const [known] = await this.database.rows(
      `SELECT 1 FROM consents WHERE organization_id = $1 AND subject_id = $2
       UNION ALL SELECT 1 FROM data_requests WHERE organization_id = $1 AND subject_id = $2 LIMIT 1`,
      [actor.organization_id, id],
    );
    if (!known) throw new NotFound('Subject');
  }

  private async find(sql: Sql, actor: Actor, id: string, type?: SubjectType): Promise<Subject | undefined> {
    const [subject] = await sql.rows<Subject | undefined>(FIND, [
      actor.organization_id,
      id,
      type ?? 'any',
      actor.user_id,
      actor.role === Role.super_admin,
    ]);
    return subject;
  }
}

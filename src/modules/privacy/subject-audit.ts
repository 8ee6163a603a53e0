import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import type { Page } from '#common/page.dto';
import type { AuditEntry } from '#modules/audit/audit-log.dto';
import { AuditLogs } from '#modules/audit/audit-logs.service';
import type { SubjectAuditQuery } from './privacy.dto';
import { Subjects } from './subjects';

/** What was done about somebody. */
@Injectable()
export class SubjectAudit {
  constructor(
    private readonly logs: AuditLogs,
    private readonly subjects: Subjects,
  ) {}

  /** @throws {NotFound} */
  async page(actor: Actor, id: string, query: SubjectAuditQuery): Promise<Page<AuditEntry>> {
    await this.subjects.assertKnown(actor, id);
    return this.logs.page(actor, actor.organization_id, { ...query, resource_id: id });
  }
}

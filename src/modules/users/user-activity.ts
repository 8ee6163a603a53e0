import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import type { JsonObject } from '#common/json.scalar';
import type { Page } from '#common/page.dto';
import { Database } from '#database/database';
import type { AuditLog } from '#modules/audit/audit-log.entity';
import { AuditLogs } from '#modules/audit/audit-logs.service';
import type { ActivityEntry, ActivityQuery } from './user-activity.dto';
import { User } from './user.entity';
import { visible } from './visible-user';

/** What a user did, as the audit log has it. */
@Injectable()
export class UserActivity {
  constructor(
    private readonly database: Database,
    private readonly logs: AuditLogs,
  ) {}

  async page(actor: Actor, id: string, query: ActivityQuery): Promise<Page<ActivityEntry>> {
    visible(actor, await this.database.repository(User).find(actor, id));
    const page = await this.logs.page(actor, actor.organization_id, { ...query, actor_id: id });
    return { ...page, items: page.items.map(present) };
  }
}

const present = ({
  id,
  action,
  resource_type,
  resource_id,
  resource_name,
  result,
  metadata,
  ip_address,
  user_agent,
  created_at,
}: AuditLog): ActivityEntry => ({
  id,
  action,
  resource_type,
  resource_id,
  summary: [action.replaceAll(/[._]/g, ' '), resource_name, result === 'failure' && '(refused)'].filter(Boolean).join(' '),
  metadata: metadata as JsonObject,
  ip_address,
  user_agent,
  created_at,
});

import { Args, Context, Query, Resolver } from '@nestjs/graphql';
import { Allow, Caller, Resource } from '#access/decorators';
import type { AppRequest } from '#access/request';
import { IdArg } from '#api/graphql-id';
import type { Actor } from '#common/actor';
import type { Page } from '#common/page.dto';
import { AuditArgs, AuditEntry } from './audit-log.dto';
import { AuditLogs, scopeOf } from './audit-logs.service';

@Resolver(() => AuditEntry)
@Resource('audit')
@Allow('org_admin')
export class AuditLogsResolver {
  constructor(private readonly logs: AuditLogs) {}

  @Query(() => AuditEntry, { nullable: true, description: 'One entry of the audit log.' })
  audit_log(@Caller() actor: Actor, @Context('req') request: AppRequest, @IdArg() id: string): Promise<AuditEntry> {
    return this.logs.get(actor, scopeOf(actor, request.get('x-organization-id')), id);
  }

  @Query(() => [AuditEntry], { description: 'A page of what was done, newest first.' })
  audit_logs(@Caller() actor: Actor, @Context('req') request: AppRequest, @Args() query: AuditArgs): Promise<Page<AuditEntry>> {
    return this.logs.page(actor, scopeOf(actor, request.get('x-organization-id')), query);
  }
}

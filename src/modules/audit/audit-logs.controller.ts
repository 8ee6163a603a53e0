import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiProduces } from '@nestjs/swagger';
import type { Response } from 'express';
import { Allow, Caller, Resource } from '#access/decorators';
import type { AppRequest } from '#access/request';
import { answerMade } from '#api/answer-file';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { DEMO } from '#common/demo';
import { Room } from '#common/room';
import { AuditEntry, AuditEntryPage, AuditExportQuery, AuditQuery } from './audit-log.dto';
import { AuditLogs, scopeOf } from './audit-logs.service';

@Room('audit-log', 'Who did what, when, from where. Entries are never changed, and kept for two years (`AUDIT_RETENTION_DAYS`).', {
  audit_log_id: DEMO.audit_log_id,
})
@Controller('audit-logs')
@Resource('audit')
@Allow('org_admin')
export class AuditLogsController {
  constructor(private readonly logs: AuditLogs) {}

  /**
   * List what was done, newest first. `search` looks in the action and in the resource's name, among the 20,000 newest entries that the filters leave;
   * these are also what is listed by another `sort` than `created_at`.
   * super_admin reads all organizations, or the one of `X-Organization-Id`.
   */
  @Get()
  list(@Caller() actor: Actor, @Req() request: AppRequest, @Query() query: AuditQuery): Promise<AuditEntryPage> {
    return this.logs.page(actor, scopeOf(actor, request.get('x-organization-id')), query);
  }

  /** Export what was done, by the filters of the list, newest first, at most 50,000 entries: CSV that opens in a spreadsheet (no cell is taken for a formula), or JSON. */
  @Get('export')
  @ApiProduces('text/csv', 'application/json')
  @ApiOkResponse({
    description: 'The entries, as they are read.',
    content: {
      'text/csv': {
        schema: { type: 'string', example: 'created_at,action,result\n2026-11-22T12:00:00.000Z,conversation.assigned,success' },
      },
      'application/json': { schema: { type: 'array', items: { $ref: '#/components/schemas/AuditEntry' } } },
    },
  })
  async export(
    @Caller() actor: Actor,
    @Req() request: AppRequest,
    @Query() query: AuditExportQuery,
    @Res() response: Response,
  ): Promise<void> {
    const format = query.format ?? 'csv';
    const made = await this.logs.export(actor, scopeOf(actor, request.get('x-organization-id')), { ...query, format });
    await answerMade(response, `audit-log.${format}`, made);
  }

  /** One entry. */
  @Get(':audit_log_id')
  get(@Caller() actor: Actor, @Req() request: AppRequest, @Param('audit_log_id', Uuid) id: string): Promise<AuditEntry> {
    return this.logs.get(actor, scopeOf(actor, request.get('x-organization-id')), id);
  }
}

import { Controller, Get, Param, Query, Req, Res, StreamableFile } from '@nestjs/common';
import { ApiOkResponse, ApiProduces } from '@nestjs/swagger';
import type { Response } from 'express';
import { Allow, Caller, Resource } from '#access/decorators';
import type { AppRequest } from '#access/request';
import { Uuid } from '#api/validation.pipe';
import { type Actor, Role } from '#common/actor';
import { Room } from '#common/room';
import { AuditEntry, AuditEntryPage, AuditExportQuery, AuditQuery } from './audit-log.dto';
import { AuditLogs, type AuditScope } from './audit-logs.service';

const TYPES = { csv: 'text/csv; charset=utf-8', json: 'application/json; charset=utf-8' };

@Room('audit-log', 'Who did what, when, from where. Entries are never changed, and kept for two years (`AUDIT_RETENTION_DAYS`).')
@Controller('audit-logs')
@Resource('audit')
@Allow('org_admin')
export class AuditLogsController {
  constructor(private readonly logs: AuditLogs) {}

  /**
   * List what was done, newest first. `search` looks in the action and in the resource's name, among the 20,000 newest entries that the filters leave.
   * super_admin reads all organizations, or the one of `X-Organization-Id`.
   */
  @Get()
  list(@Caller() actor: Actor, @Req() request: AppRequest, @Query() query: AuditQuery): Promise<AuditEntryPage> {
    return this.logs.page(actor, scopeOf(actor, request), query);
  }

  /** Export what was done, newest first, at most 50,000 entries: CSV that opens in a spreadsheet (no cell is taken for a formula), or JSON. */
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
    @Res({ passthrough: true }) response: Response,
  ): Promise<StreamableFile> {
    const format = query.format ?? 'csv';
    response.setHeader('Cache-Control', 'no-store');
    return new StreamableFile(await this.logs.export(actor, scopeOf(actor, request), { ...query, format }), {
      type: TYPES[format],
      disposition: `attachment; filename="audit-log.${format}"`,
    });
  }

  /** One entry. */
  @Get(':audit_log_id')
  get(@Caller() actor: Actor, @Req() request: AppRequest, @Param('audit_log_id', Uuid) id: string): Promise<AuditEntry> {
    return this.logs.get(actor, scopeOf(actor, request), id);
  }
}

/** super_admin reads everybody's, unless they name an organization. */
const scopeOf = (actor: Actor, request: AppRequest): AuditScope =>
  actor.role === Role.super_admin && request.get('x-organization-id') === undefined ? null : actor.organization_id;

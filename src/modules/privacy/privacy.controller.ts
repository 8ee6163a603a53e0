import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiParam, ApiAcceptedResponse, ApiOkResponse, ApiProduces } from '@nestjs/swagger';
import type { Response } from 'express';
import { Allow, Caller, OwnAccount, RateClass, Resource } from '#access/decorators';
import type { AppRequest } from '#access/request';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { DEMO } from '#common/demo';
import { Bodies, Room } from '#common/room';
import { AuditEntryPage } from '#modules/audit/audit-log.dto';
import { type Client, FromClient } from '#modules/auth/client';
import { Compliance } from './compliance';
import { Consent } from './consent.entity';
import { Consents } from './consents';
import { DataRequest, RequestStatus } from './data-request.entity';
import { DataRequests } from './data-requests';
import { Exports } from './exports';
import {
  AnonymizeRequest,
  ComplianceStatus,
  ConsentCreate,
  ConsentPage,
  ConsentQuery,
  DataExport,
  DataExportRequest,
  DataRequestPage,
  DataRequestQuery,
  ErasureQuery,
  Reason,
  SubjectAuditQuery,
  SubjectQuery,
} from './privacy.dto';
import { SubjectAudit } from './subject-audit';

@Room('privacy', 'What people allow, and what they may ask of their data: LGPD and GDPR. A subject is a contact or a user.')
@Controller('privacy')
@Resource('privacy')
@Allow('org_admin')
export class PrivacyController {
  constructor(
    private readonly consents: Consents,
    private readonly requests: DataRequests,
    private readonly exports: Exports,
    private readonly audit: SubjectAudit,
    private readonly compliance: Compliance,
  ) {}

  /**
   * Record a consent, or a refusal (`granted: false`), which revokes the consent before it. Marketing also sets the contact's `opt_in`.
   * @throws {404} The subject is not in this organization.
   * @throws {409} It is nobody's any more (`already_anonymized`).
   * @throws {422} Also an end that is past.
   */
  @Post('consent')
  @Allow('agent')
  @Bodies({
    'marketing, for a year': {
      subject_id: DEMO.contact_id,
      purpose: 'marketing',
      granted: true,
      channel: 'web',
      version: '2026-01',
      evidence: 'Ticked "Quero receber ofertas" at the checkout.',
      expires_in_days: 365,
    },
    'a refusal': { subject_id: DEMO.contact_id, purpose: 'analytics', granted: false },
  })
  record(@Caller() actor: Actor, @Body() input: ConsentCreate, @FromClient() client: Client): Promise<Consent> {
    return this.consents.record(actor, input, client);
  }

  /** List what a contact or user allowed and refused, the newest first. `id` is theirs. Those who were erased have their history too. */
  @Get('consent/:id')
  @ApiParam({ name: 'id', schema: { type: 'string', format: 'uuid', example: DEMO.contact_id } })
  @Allow('agent')
  list(@Caller() actor: Actor, @Param('id', Uuid) id: string, @Query() query: ConsentQuery): Promise<ConsentPage> {
    return this.consents.page(actor, id, query);
  }

  /**
   * Revoke a consent. `id` is the consent's.
   * @throws {409} It is not granted, or a newer one took its place (`invalid_state`).
   */
  @Delete('consent/:id')
  @ApiParam({ name: 'id', schema: { type: 'string', format: 'uuid', example: DEMO.consent_id } })
  @Allow('agent')
  revoke(@Caller() actor: Actor, @Param('id', Uuid) id: string, @Query() { reason }: Reason): Promise<Consent> {
    return this.consents.revoke(actor, id, reason);
  }

  /**
   * Export all there is of a contact or user: at once as JSON with up to 5,000 messages and entries of the audit log, else 202 and a file that is made, kept for seven days. Your own
   * is yours to export.
   * @throws {404} The subject is not in this organization.
   */
  @Post('data/:user_id/export')
  @HttpCode(200)
  @Allow('viewer')
  @OwnAccount({ id: 'user_id', others: 'org_admin' })
  @RateClass('data_export')
  @Bodies({ 'everything, as JSON': {}, 'messages, as CSV': { format: 'csv', include: ['messages'] }, 'to read, as PDF': { format: 'pdf' } })
  @ApiOkResponse({ type: DataExport })
  @ApiAcceptedResponse({ type: DataExport, description: 'The file is being made; `download_url` answers 409 until it is ready.' })
  async export(
    @Caller() actor: Actor,
    @Param('user_id', Uuid) id: string,
    @Query() query: SubjectQuery,
    @Body() input: DataExportRequest,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DataExport> {
    const made = await this.exports.export(actor, id, query, input);
    response.setHeader('Cache-Control', 'no-store');
    response.status(made.status === RequestStatus.processing ? 202 : 200);
    return made;
  }

  /**
   * Erase a contact or user for good, with a receipt. Of a contact everything goes; of a user what says who it was, and the account is deleted.
   * @throws {403} Your own account (`cannot_modify_self`).
   * @throws {404} The subject is not in this organization.
   * @throws {409} The last active administrator (`last_admin`).
   */
  @Delete('data/:user_id')
  erase(@Caller() actor: Actor, @Param('user_id', Uuid) id: string, @Query() query: ErasureQuery): Promise<DataRequest> {
    return this.requests.erase(actor, id, query);
  }

  /**
   * Anonymize a contact or user, with a receipt: nothing says any more who it was; times, states and counts stay.
   * @throws {403} Your own account (`cannot_modify_self`).
   * @throws {404} The subject is not in this organization.
   * @throws {409} It is nobody's already (`already_anonymized`), or the last active administrator (`last_admin`).
   */
  @Post('data/:user_id/anonymize')
  @HttpCode(200)
  @Bodies({ 'with a reason': { reason: 'Asked for it by e-mail.' }, without: {} })
  anonymize(
    @Caller() actor: Actor,
    @Param('user_id', Uuid) id: string,
    @Query() query: ErasureQuery,
    @Body() { reason = query.reason }: AnonymizeRequest,
  ): Promise<DataRequest> {
    return this.requests.anonymize(actor, id, { ...query, reason });
  }

  /** List what was done about a contact or user, the newest first; after their erasure too. */
  @Get('audit/:user_id')
  auditOf(@Caller() actor: Actor, @Param('user_id', Uuid) id: string, @Query() query: SubjectAuditQuery): Promise<AuditEntryPage> {
    return this.audit.page(actor, id, query);
  }

  /** How the organization does by the law, at this moment. */
  @Get('compliance/status')
  status(@Caller() actor: Actor): Promise<ComplianceStatus> {
    return this.compliance.status(actor);
  }

  /** List exports, erasures and anonymizations: the receipts. `search` looks in the reason. */
  @Get('requests')
  dataRequests(@Caller() actor: Actor, @Query() query: DataRequestQuery): Promise<DataRequestPage> {
    return this.requests.page(actor, query);
  }

  /** One request, for administrators and who asked for it. */
  @Get('requests/:request_id')
  @ApiParam({ name: 'request_id', schema: { type: 'string', format: 'uuid', example: DEMO.data_request_id } })
  @Allow('viewer')
  @OwnAccount()
  get(@Caller() actor: Actor, @Param('request_id', Uuid) id: string): Promise<DataRequest> {
    return this.requests.get(actor, id);
  }

  /**
   * Download the file of an export, for administrators and who asked for it.
   * @throws {409} It is being made, or there is none (`invalid_state`).
   * @throws {410} It was kept for seven days (`expired`).
   */
  @Get('requests/:request_id/download')
  @ApiParam({ name: 'request_id', schema: { type: 'string', format: 'uuid', example: DEMO.data_request_id } })
  @Allow('viewer')
  @OwnAccount()
  @ApiProduces('application/octet-stream', 'application/pdf')
  @ApiOkResponse({
    description: 'JSON, a ZIP of CSV files, or a PDF (`application/pdf`).',
    content: {
      'application/octet-stream': { schema: { type: 'string', format: 'binary' } },
      'application/pdf': { schema: { type: 'string', format: 'binary' } },
    },
  })
  download(
    @Caller() actor: Actor,
    @Param('request_id', Uuid) id: string,
    @Req() request: AppRequest,
    @Res() response: Response,
  ): Promise<void> {
    return this.exports.respond(actor, id, request, response);
  }
}

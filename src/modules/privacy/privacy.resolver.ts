import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Allow, Caller, OwnAccount, RateClass, Resource } from '#access/decorators';
import { IdArg } from '#api/graphql-id';
import type { Actor } from '#common/actor';
import type { Page } from '#common/page.dto';
import { type Client, FromClient } from '#modules/auth/client';
import { Compliance } from './compliance';
import { Consent } from './consent.entity';
import { Consents } from './consents';
import { DataRequest } from './data-request.entity';
import { DataRequests } from './data-requests';
import { Exports } from './exports';
import {
  ComplianceStatus,
  ConsentArgs,
  ConsentCreate,
  DataExport,
  DataExportRequest,
  DataRequestArgs,
  ErasureQuery,
  Reason,
  SubjectQuery,
} from './privacy.dto';

@Resolver()
@Resource('privacy')
@Allow('org_admin')
export class PrivacyResolver {
  constructor(
    private readonly consents: Consents,
    private readonly requests: DataRequests,
    private readonly exports: Exports,
    private readonly compliance: Compliance,
  ) {}

  @Query(() => [Consent], { name: 'consents', description: 'A page of what a contact or user allowed and refused.' })
  @Allow('agent')
  list(@Caller() actor: Actor, @IdArg('subject_id') subject_id: string, @Args() query: ConsentArgs): Promise<Page<Consent>> {
    return this.consents.page(actor, subject_id, query);
  }

  @Query(() => [DataRequest], { description: 'A page of exports, erasures and anonymizations.' })
  data_requests(@Caller() actor: Actor, @Args() query: DataRequestArgs): Promise<Page<DataRequest>> {
    return this.requests.page(actor, query);
  }

  @Query(() => DataRequest, { nullable: true, description: 'One of them, for administrators and who asked for it.' })
  @Allow('viewer')
  @OwnAccount()
  data_request(@Caller() actor: Actor, @IdArg() id: string): Promise<DataRequest> {
    return this.requests.get(actor, id);
  }

  @Query(() => ComplianceStatus, { description: 'How the organization does by the law, at this moment.' })
  compliance_status(@Caller() actor: Actor): Promise<ComplianceStatus> {
    return this.compliance.status(actor);
  }

  @Mutation(() => Consent, { description: 'Record a consent, or a refusal, which revokes the consent before it.' })
  @Allow('agent')
  recordConsent(@Caller() actor: Actor, @Args('input') input: ConsentCreate, @FromClient() client: Client): Promise<Consent> {
    return this.consents.record(actor, input, client);
  }

  @Mutation(() => Consent, { description: 'Revoke a consent.' })
  @Allow('agent')
  removeConsent(@Caller() actor: Actor, @IdArg() id: string, @Args() { reason }: Reason): Promise<Consent> {
    return this.consents.revoke(actor, id, reason);
  }

  @Mutation(() => DataExport, { description: 'Export all there is of a contact or user; your own is yours to export.' })
  @Allow('viewer')
  @OwnAccount({ id: 'id', others: 'org_admin' })
  @RateClass('data_export')
  exportSubjectData(
    @Caller() actor: Actor,
    @IdArg() id: string,
    @Args() query: SubjectQuery,
    @Args('input', { nullable: true }) input?: DataExportRequest,
  ): Promise<DataExport> {
    return this.exports.export(actor, id, query, input ?? {});
  }

  @Mutation(() => DataRequest, { description: 'Erase a contact or user for good.' })
  deleteSubjectData(@Caller() actor: Actor, @IdArg() id: string, @Args() query: ErasureQuery): Promise<DataRequest> {
    return this.requests.erase(actor, id, query);
  }

  @Mutation(() => DataRequest, { description: 'Leave nothing that says who a contact or user was.' })
  anonymizeSubjectData(@Caller() actor: Actor, @IdArg() id: string, @Args() query: ErasureQuery): Promise<DataRequest> {
    return this.requests.anonymize(actor, id, query);
  }
}

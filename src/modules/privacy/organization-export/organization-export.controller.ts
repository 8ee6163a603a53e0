import { Controller, Get, Param, Res } from '@nestjs/common';
import { ApiOkResponse, ApiProduces } from '@nestjs/swagger';
import type { Response } from 'express';
import { Allow, Caller, PeopleOnly, RateClass, Resource } from '#access/decorators';
import { answerMade } from '#api/answer-file';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { Room } from '#common/room';
import { OrganizationExport } from './organization-export';

const ZIP = 'application/zip';
const ARCHIVE = { description: 'The archive, made as it is read.', content: { [ZIP]: { schema: { type: 'string', format: 'binary' } } } };

/** Before `{org_id}`: `me` is no id. */
@Room('organizations')
@Controller('organizations')
@Resource('privacy')
@Allow('org_admin')
@PeopleOnly()
export class OwnOrganizationExportController {
  constructor(private readonly organizations: OrganizationExport) {}

  /**
   * Export all data of your organization: a ZIP with a `README.txt`, the rows of every table as `TABLE.ndjson`, the files in `media/`, and `contents.json` last. Secrets
   * (passwords, tokens, keys, what is kept sealed) never leave. One at a time; it breaks off when nobody reads on for some minutes, and after six hours.
   * @throws {409} An export of it is being read (`invalid_state`).
   */
  @Get('me/export')
  @RateClass('data_export')
  @ApiProduces(ZIP)
  @ApiOkResponse(ARCHIVE)
  async mine(@Caller() actor: Actor, @Res() response: Response): Promise<void> {
    const { filename, made } = await this.organizations.export(actor);
    await answerMade(response, filename, made);
  }
}

/** One resource under two names, as its neighbours (contract 10 §3). */
@Room('organizations')
@Controller(['organizations', 'tenants'])
@Resource('privacy')
@Allow('org_admin')
@PeopleOnly()
export class OrganizationExportController {
  constructor(private readonly organizations: OrganizationExport) {}

  /**
   * Export all data of an organization, as `GET /organizations/me/export` does. Another one than your own: for super admins, who may export a deleted one too until it is erased
   * (`restorable_until`).
   * @throws {409} An export of it is being read (`invalid_state`).
   */
  @Get(':org_id/export')
  @RateClass('data_export')
  @ApiProduces(ZIP)
  @ApiOkResponse(ARCHIVE)
  async download(@Caller() actor: Actor, @Param('org_id', Uuid) id: string, @Res() response: Response): Promise<void> {
    const { filename, made } = await this.organizations.export(actor, id);
    await answerMade(response, filename, made);
  }
}

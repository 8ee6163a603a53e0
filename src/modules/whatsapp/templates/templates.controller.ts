import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import { Allow, Caller, Resource } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { DEMO } from '#common/demo';
import { Room } from '#common/room';
import { SyncTemplates } from './sync-templates';
import { TemplateLanguageQuery, TemplatePage, TemplateQuery, TemplateSync, TemplateSyncQuery, TemplateView } from './template.dto';
import { TemplatesService } from './templates.service';

@Room('templates', 'Texts approved by Meta: what may be sent outside the 24-hour window.', { template_id: DEMO.template_id })
@Controller('whatsapp/:number_id/templates')
@Resource('templates')
export class TemplatesController {
  constructor(
    private readonly templates: TemplatesService,
    private readonly syncing: SyncTemplates,
  ) {}

  /** List a number's templates as they are kept here. Meta is not asked. */
  @Get('local')
  @Allow('viewer')
  page(@Caller() actor: Actor, @Param('number_id', Uuid) number_id: string, @Query() query: TemplateQuery): Promise<TemplatePage> {
    return this.templates.page(actor, number_id, query);
  }

  /**
   * Bring a number's templates here from Meta. What Meta no longer has becomes DELETED and is switched off.
   * @throws {409} A sync runs (`sync_in_progress`), or the number cannot (`not_supported_for_connection_type`, `number_not_configured`).
   * @throws {502} Meta could not be reached or refused (`provider_unavailable`); nothing has changed.
   */
  @Post('sync')
  @HttpCode(200)
  @Allow('org_admin')
  sync(@Caller() actor: Actor, @Param('number_id', Uuid) number_id: string, @Query() { force }: TemplateSyncQuery): Promise<TemplateSync> {
    return this.syncing.sync(actor, number_id, force);
  }

  /** Get a template by its id here, Meta's id, or its name. */
  @Get(':template_id')
  @Allow('viewer')
  @ApiParam({ name: 'template_id', schema: { type: 'string', maxLength: 512 }, example: DEMO.template_id })
  get(
    @Caller() actor: Actor,
    @Param('number_id', Uuid) number_id: string,
    @Param('template_id') template_id: string,
    @Query() { language }: TemplateLanguageQuery,
  ): Promise<TemplateView> {
    return this.templates.get(actor, number_id, template_id, language);
  }
}

import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import { Allow, Caller, Resource } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { DEMO } from '#common/demo';
import { Bodies, Room } from '#common/room';
import { SyncTemplates } from './sync-templates';
import {
  TemplateCreate,
  TemplateLanguageQuery,
  TemplatePage,
  TemplateQuery,
  TemplateRemovalQuery,
  TemplateSubmitQuery,
  TemplateSync,
  TemplateSyncQuery,
  TemplateUpdate,
  TemplateView,
} from './template.dto';
import { MetaTemplatePage, MetaTemplateQuery } from './meta-template.dto';
import { TemplatesService } from './templates.service';

/** A local id, else Meta's id, else a name (with `?language`). */
const TemplateId = (example: string = DEMO.template_id): MethodDecorator =>
  ApiParam({ name: 'template_id', schema: { type: 'string', maxLength: 512, example } });

@Room('templates', 'Texts approved by Meta: what may be sent outside the 24-hour window.', { template_id: DEMO.template_id })
@Controller('whatsapp/:number_id/templates')
@Resource('templates')
export class TemplatesController {
  constructor(
    private readonly templates: TemplatesService,
    private readonly syncing: SyncTemplates,
  ) {}

  /**
   * List a number's templates as Meta has them now.
   * @throws {409} The number cannot (`not_supported_for_connection_type`, `number_not_configured`).
   * @throws {502} Meta could not be reached or refused (`provider_unavailable`).
   */
  @Get()
  @Allow('viewer')
  atMeta(
    @Caller() actor: Actor,
    @Param('number_id', Uuid) number_id: string,
    @Query() query: MetaTemplateQuery,
  ): Promise<MetaTemplatePage> {
    return this.templates.metaPage(actor, number_id, query);
  }

  /**
   * Make a template and have Meta review it. What goes wrong with the review stands in `submission_error`, and the draft is kept.
   * @throws {409} The name is taken in this language (`template_already_exists`), there are too many drafts (`limit_reached`), or the number cannot.
   * @throws {422} It is against Meta's rules, or lacks an example (`template_example_required`).
   */
  @Post()
  @Allow('org_admin')
  @Bodies({
    'laid flat': {
      name: 'pedido_a_caminho',
      category: 'UTILITY',
      body_text: 'Olá {{1}}, seu pedido {{2}} saiu para entrega.',
      footer_text: 'Padaria Demo',
      buttons: [{ type: 'QUICK_REPLY', text: 'Obrigada' }],
      examples: { body: ['Ana', '1042'] },
    },
    'in the form of Meta': {
      name: 'aniversario',
      language: 'pt_BR',
      category: 'MARKETING',
      components: [
        { type: 'HEADER', format: 'TEXT', text: 'Feliz aniversário!' },
        {
          type: 'BODY',
          text: 'Olá {{cliente}}, hoje o bolo é por nossa conta.',
          example: { body_text_named_params: [{ param_name: 'cliente', example: 'Ana' }] },
        },
        { type: 'BUTTONS', buttons: [{ type: 'COPY_CODE', example: 'BOLO10' }] },
      ],
    },
    'a code to sign in': {
      name: 'codigo_de_acesso',
      category: 'AUTHENTICATION',
      components: [
        { type: 'BODY', add_security_recommendation: true },
        { type: 'FOOTER', code_expiration_minutes: 10 },
        { type: 'BUTTONS', buttons: [{ type: 'OTP', otp_type: 'COPY_CODE', text: 'Copiar código' }] },
      ],
    },
  })
  create(
    @Caller() actor: Actor,
    @Param('number_id', Uuid) number_id: string,
    @Query() { submit }: TemplateSubmitQuery,
    @Body() input: TemplateCreate,
  ): Promise<TemplateView> {
    return this.templates.create(actor, number_id, input, submit);
  }

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
  @TemplateId()
  get(
    @Caller() actor: Actor,
    @Param('number_id', Uuid) number_id: string,
    @Param('template_id') template_id: string,
    @Query() { language }: TemplateLanguageQuery,
  ): Promise<TemplateView> {
    return this.templates.get(actor, number_id, template_id, language);
  }

  /**
   * Switch a template on or off, or give it another text: of a draft at once, of one that is APPROVED, REJECTED or PAUSED after another review.
   * @throws {409} It cannot be edited now (`template_not_editable`, `system_template`), or was too often (`template_edit_limit`).
   * @throws {422} It is against Meta's rules, or Meta refused it (`template_rejected_by_meta`).
   * @throws {502} Meta could not be reached (`provider_unavailable`); nothing has changed.
   */
  @Put(':template_id')
  @Allow('org_admin')
  @TemplateId()
  @Bodies({ 'the switch': { is_enabled: true } })
  update(
    @Caller() actor: Actor,
    @Param('number_id', Uuid) number_id: string,
    @Param('template_id') template_id: string,
    @Query() { language }: TemplateLanguageQuery,
    @Body() input: TemplateUpdate,
  ): Promise<TemplateView> {
    return this.templates.update(actor, number_id, template_id, input, language);
  }

  /**
   * Delete a template here, and with `delete_from_meta` at Meta in its language.
   * @throws {409} It is Meta's own (`system_template`), or just being handed to Meta (`template_not_editable`).
   * @throws {502} Meta did not delete it (`provider_unavailable`): it is still there.
   */
  @Delete(':template_id')
  @HttpCode(204)
  @Allow('org_admin')
  @TemplateId()
  remove(
    @Caller() actor: Actor,
    @Param('number_id', Uuid) number_id: string,
    @Param('template_id') template_id: string,
    @Query() query: TemplateRemovalQuery,
  ): Promise<void> {
    return this.templates.remove(actor, number_id, template_id, query);
  }

  /**
   * Have Meta review a draft, or what it rejected.
   * @throws {409} It is neither, or just being submitted (`template_not_submittable`), or the number cannot.
   * @throws {422} An example is missing (`template_example_required`), or Meta refused it (`template_rejected_by_meta`).
   * @throws {502} Meta could not be reached (`provider_unavailable`).
   */
  @Post(':template_id/submit')
  @HttpCode(200)
  @Allow('org_admin')
  @TemplateId(DEMO.draft_template_id)
  submit(
    @Caller() actor: Actor,
    @Param('number_id', Uuid) number_id: string,
    @Param('template_id') template_id: string,
    @Query() { language }: TemplateLanguageQuery,
  ): Promise<TemplateView> {
    return this.templates.submit(actor, number_id, template_id, language);
  }
}

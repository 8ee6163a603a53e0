import { Args, ID, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Allow, Caller } from '#access/decorators';
import { Uuid, parse } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { PAGE_SIZE_MAX } from '#common/page.dto';
import { Audit } from '#modules/audit/audit.interceptor';
import { SyncTemplates } from './sync-templates';
import { TemplateQuery, TemplateSync, TemplateView } from './template.dto';
import { TemplatesService } from './templates.service';

const NumberId = (): ParameterDecorator => Args('number_id', { type: () => ID }, Uuid);

@Resolver(() => TemplateView)
export class TemplatesResolver {
  constructor(
    private readonly templates: TemplatesService,
    private readonly syncing: SyncTemplates,
  ) {}

  @Query(() => [TemplateView], { description: 'The templates of a number, as they are kept here; at most 100.' })
  @Allow('viewer')
  async whatsapp_templates(
    @Caller() actor: Actor,
    @NumberId() number_id: string,
    @Args('status', { type: () => String, nullable: true }) status?: string,
  ): Promise<TemplateView[]> {
    const query = await parse(TemplateQuery, { status, sort: 'name:asc', limit: PAGE_SIZE_MAX }, 'query');
    return (await this.templates.page(actor, number_id, query)).items;
  }

  @Query(() => TemplateView, { nullable: true, description: 'One template.' })
  @Allow('viewer')
  whatsapp_template(@Caller() actor: Actor, @Args('id', { type: () => ID }, Uuid) id: string): Promise<TemplateView> {
    return this.templates.byId(actor, id);
  }

  @Mutation(() => TemplateSync, { description: 'Bring the templates of a number here from Meta.' })
  @Allow('org_admin')
  @Audit('template.synced')
  syncWhatsappTemplates(@Caller() actor: Actor, @NumberId() number_id: string): Promise<TemplateSync> {
    return this.syncing.sync(actor, number_id);
  }
}

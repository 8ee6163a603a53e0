import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Allow, Caller, Resource } from '#access/decorators';
import { IdArg } from '#api/graphql-id';
import type { Actor } from '#common/actor';
import { PAGE_SIZE_MAX } from '#common/page.dto';
import { SyncTemplates } from './sync-templates';
import { TemplateFilter, TemplateSync, TemplateSyncArgs, TemplateView } from './template.dto';
import { TemplatesService } from './templates.service';

@Resolver(() => TemplateView)
@Resource('templates')
export class TemplatesResolver {
  constructor(
    private readonly templates: TemplatesService,
    private readonly syncing: SyncTemplates,
  ) {}

  @Query(() => [TemplateView], { description: 'The templates of a number, as they are kept here; at most 100.' })
  @Allow('viewer')
  async whatsapp_templates(
    @Caller() actor: Actor,
    @IdArg('number_id') number_id: string,
    @Args() filter: TemplateFilter,
  ): Promise<TemplateView[]> {
    return (await this.templates.page(actor, number_id, { ...filter, sort: 'name:asc', limit: PAGE_SIZE_MAX })).items;
  }

  @Query(() => TemplateView, { nullable: true, description: 'One template.' })
  @Allow('viewer')
  whatsapp_template(@Caller() actor: Actor, @IdArg() id: string): Promise<TemplateView> {
    return this.templates.byId(actor, id);
  }

  @Mutation(() => TemplateSync, { description: 'Bring the templates of a number here from Meta.' })
  @Allow('org_admin')
  syncWhatsappTemplates(
    @Caller() actor: Actor,
    @IdArg('number_id') number_id: string,
    @Args() { force }: TemplateSyncArgs,
  ): Promise<TemplateSync> {
    return this.syncing.sync(actor, number_id, force);
  }
}

import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Allow, Caller, Resource } from '#access/decorators';
import { IdArg } from '#api/graphql-id';
import type { Actor } from '#common/actor';
import { PAGE_SIZE_MAX } from '#common/page.dto';
import { SuccessResponse } from '#common/success.dto';
import { SyncTemplates } from './sync-templates';
import {
  TemplateCreate,
  TemplateFilter,
  TemplateRemovalArgs,
  TemplateSubmitArgs,
  TemplateSync,
  TemplateSyncArgs,
  TemplateUpdate,
  TemplateView,
} from './template.dto';
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

  @Mutation(() => TemplateView, { description: 'Make a template and, unless submit is false, have Meta review it.' })
  @Allow('org_admin')
  createWhatsappTemplate(
    @Caller() actor: Actor,
    @IdArg('number_id') number_id: string,
    @Args('input') input: TemplateCreate,
    @Args() { submit }: TemplateSubmitArgs,
  ): Promise<TemplateView> {
    return this.templates.create(actor, number_id, input, submit);
  }

  @Mutation(() => TemplateView, { description: 'Switch a template on or off, or give it another text.' })
  @Allow('org_admin')
  async updateWhatsappTemplate(@Caller() actor: Actor, @IdArg() id: string, @Args('input') input: TemplateUpdate): Promise<TemplateView> {
    return this.templates.update(actor, await this.templates.numberOf(actor, id), id, input);
  }

  @Mutation(() => TemplateView, { description: 'Have Meta review a draft, or what it rejected.' })
  @Allow('org_admin')
  async submitWhatsappTemplate(@Caller() actor: Actor, @IdArg() id: string): Promise<TemplateView> {
    return this.templates.submit(actor, await this.templates.numberOf(actor, id), id);
  }

  @Mutation(() => SuccessResponse, { description: 'Delete a template here, and with delete_from_meta at Meta.' })
  @Allow('org_admin')
  async deleteWhatsappTemplate(
    @Caller() actor: Actor,
    @IdArg() id: string,
    @Args() { delete_from_meta }: TemplateRemovalArgs,
  ): Promise<SuccessResponse> {
    await this.templates.remove(actor, await this.templates.numberOf(actor, id), id, { delete_from_meta });
    return { success: true, message: 'Template deleted' };
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

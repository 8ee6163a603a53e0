import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Allow, Caller, CallerIp, EvenWhenSuspended, Resource } from '#access/decorators';
import { IdArg } from '#api/graphql-id';
import type { Actor } from '#common/actor';
import type { Page } from '#common/page.dto';
import { SuccessResponse } from '#common/success.dto';
import { ManageOrganizations } from './manage-organizations';
import {
  OrganizationAdminUpdate,
  OrganizationArgs,
  OrganizationCreate,
  OrganizationPlanUpdate,
  OrganizationSettingsUpdate,
  OrganizationStats,
  RestoredOrganization,
  SuspendRequest,
} from './organization.dto';
import { Organization } from './organization.entity';
import { OrganizationLife } from './organization-life';
import { OrganizationsService } from './organizations.service';

@Resolver(() => Organization)
@Resource('organization')
export class OrganizationsResolver {
  constructor(
    private readonly organizations: OrganizationsService,
    private readonly manage: ManageOrganizations,
    private readonly life: OrganizationLife,
  ) {}

  @Query(() => Organization, { description: 'Your organization.' })
  @Allow('viewer')
  @EvenWhenSuspended()
  my_organization(@Caller() actor: Actor): Promise<Organization> {
    return this.organizations.get(actor);
  }

  @Query(() => Organization, { nullable: true, description: 'One organization: your own; super admins: any.' })
  @Allow('viewer')
  organization(@Caller() actor: Actor, @IdArg() id: string): Promise<Organization> {
    return this.organizations.get(actor, id);
  }

  @Query(() => [Organization], { name: 'organizations', description: 'Super admins: a page of all organizations; others: their own.' })
  @Allow('viewer')
  list(@Caller() actor: Actor, @Args() query: OrganizationArgs): Promise<Page<Organization>> {
    return this.manage.page(actor, query);
  }

  @Query(() => OrganizationStats, { description: 'What an organization has, in numbers; default: your own.' })
  @Allow('viewer')
  organization_stats(@Caller() actor: Actor, @IdArg('id', { nullable: true }) id?: string): Promise<OrganizationStats> {
    return this.organizations.stats(actor, id);
  }

  @Mutation(() => Organization, { description: 'Make an organization, and with admin_email its first administrator.' })
  @Allow('super_admin')
  createOrganization(
    @Caller() actor: Actor,
    @Args('input') input: OrganizationCreate,
    @CallerIp() ip: string | null,
  ): Promise<Organization> {
    return this.manage.create(actor, input, ip);
  }

  @Mutation(() => Organization, { description: 'Change an organization; default: your own. Slug, domain and limits: super admins.' })
  @Allow('org_admin')
  updateOrganization(
    @Caller() actor: Actor,
    @Args('input') input: OrganizationAdminUpdate,
    @CallerIp() ip: string | null,
    @IdArg('id', { nullable: true }) id?: string,
  ): Promise<Organization> {
    return this.manage.update(actor, id ?? actor.organization_id, input, ip);
  }

  @Mutation(() => Organization, { description: "Change your organization's settings: keys replace, null goes back to the default." })
  @Allow('org_admin')
  updateOrganizationSettings(
    @Caller() actor: Actor,
    @Args('input') input: OrganizationSettingsUpdate,
    @CallerIp() ip: string | null,
  ): Promise<Organization> {
    return this.organizations.updateSettings(actor, input, ip);
  }

  @Mutation(() => Organization, { description: 'Set the plan; ends a trial.' })
  @Allow('super_admin')
  updateOrganizationPlan(@Caller() actor: Actor, @IdArg() id: string, @Args() input: OrganizationPlanUpdate): Promise<Organization> {
    return this.manage.setPlan(actor, id, input);
  }

  @Mutation(() => Organization, { description: 'Bring an organization back to work.' })
  @Allow('super_admin')
  activateOrganization(@Caller() actor: Actor, @IdArg() id: string): Promise<Organization> {
    return this.life.activate(actor, id);
  }

  @Mutation(() => Organization, { description: 'Switch an organization off.' })
  @Allow('super_admin')
  deactivateOrganization(@Caller() actor: Actor, @IdArg() id: string): Promise<Organization> {
    return this.life.deactivate(actor, id);
  }

  @Mutation(() => Organization, { description: 'Suspend an organization.' })
  @Allow('super_admin')
  suspendOrganization(@Caller() actor: Actor, @IdArg() id: string, @Args() { reason }: SuspendRequest): Promise<Organization> {
    return this.life.suspend(actor, id, reason ?? null);
  }

  @Mutation(() => RestoredOrganization, { description: 'Bring a deleted organization back, within its 30 days.' })
  @Allow('super_admin')
  restoreOrganization(@Caller() actor: Actor, @IdArg() id: string): Promise<RestoredOrganization> {
    return this.life.restore(actor, id);
  }

  @Mutation(() => SuccessResponse, { description: 'Delete an organization: it can be restored for 30 days.' })
  @Allow('super_admin')
  async deleteOrganization(@Caller() actor: Actor, @IdArg() id: string): Promise<SuccessResponse> {
    await this.life.remove(actor, id);
    return { success: true, message: 'Organization deleted' };
  }
}

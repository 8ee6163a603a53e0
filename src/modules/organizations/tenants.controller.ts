import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { Allow, Caller, CallerIp, Resource } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { Bodies, Room } from '#common/room';
import { ManageOrganizations } from './manage-organizations';
import {
  OrganizationAdminUpdate,
  OrganizationCreate,
  OrganizationPage,
  OrganizationQuery,
  SuspendRequest,
  UpgradeRequest,
} from './organization.dto';
import { Organization } from './organization.entity';
import { OrganizationLife } from './organization-life';
import { OrganizationsService } from './organizations.service';

/** What organizations and tenants have in common: one resource under two names (contract 10 §3). */
@Room('organizations')
@Controller(['organizations', 'tenants'])
@Resource('organization')
export class AllOrganizationsController {
  constructor(
    private readonly organizations: OrganizationsService,
    private readonly manage: ManageOrganizations,
    private readonly life: OrganizationLife,
  ) {}

  /** List all organizations. `search` looks in name, slug and domain. */
  @Get()
  @Allow('super_admin')
  page(@Caller() actor: Actor, @Query() query: OrganizationQuery): Promise<OrganizationPage> {
    return this.manage.page(actor, query);
  }

  /**
   * Make an organization, and with `admin_email` its first administrator.
   * @throws {409} Another organization has the slug or the domain (`already_exists`); the e-mail has an account (`email_already_registered`).
   */
  @Post()
  @Allow('super_admin')
  @Bodies({
    'with its administrator': {
      name: 'Confeitaria Doce',
      plan_type: 'starter',
      admin_email: 'dora@confeitaria.example',
      admin_full_name: 'Dora Reis',
    },
    'on trial': { name: 'Oficina Pereira', trial_days: 30 },
  })
  create(@Caller() actor: Actor, @Body() input: OrganizationCreate, @CallerIp() ip: string | null): Promise<Organization> {
    return this.manage.create(actor, input, ip);
  }

  /** Get an organization. Another one than your own: for super admins. */
  @Get(':org_id')
  @Allow('viewer')
  get(@Caller() actor: Actor, @Param('org_id', Uuid) id: string): Promise<Organization> {
    return this.organizations.get(actor, id);
  }

  /**
   * Suspend an organization: its users are shut out, sockets close, jobs stop and nothing leaves; what customers write is kept, and what waits to be
   * sent leaves when it is active again. Again: nothing changes.
   * @throws {409} Your own organization, or PyTake's (`invalid_state`).
   */
  @Post(':org_id/suspend')
  @HttpCode(200)
  @Allow('super_admin')
  @Bodies({ 'with a reason': { reason: 'Invoice 2026-10 is open' }, without: {} })
  suspend(@Caller() actor: Actor, @Param('org_id', Uuid) id: string, @Body() { reason }: SuspendRequest): Promise<Organization> {
    return this.life.suspend(actor, id, reason ?? null);
  }

  /** Bring an organization back to work, from whichever state. Again: nothing changes. */
  @Post([':org_id/activate', ':org_id/reactivate'])
  @HttpCode(200)
  @Allow('super_admin')
  activate(@Caller() actor: Actor, @Param('org_id', Uuid) id: string): Promise<Organization> {
    return this.life.activate(actor, id);
  }

  /**
   * Delete an organization: nobody of it gets in any more, its slug, domain and e-mails are free. It can be restored for 30 days, and exported
   * (`GET /organizations/{org_id}/export`); then it is erased.
   * @throws {409} Your own organization, or PyTake's (`invalid_state`).
   */
  @Delete(':org_id')
  @HttpCode(204)
  @Allow('super_admin')
  remove(@Caller() actor: Actor, @Param('org_id', Uuid) id: string): Promise<void> {
    return this.life.remove(actor, id);
  }
}

/** What `/tenants` alone has. */
@Room('organizations')
@Controller('tenants')
@Resource('organization')
export class TenantsController {
  constructor(private readonly manage: ManageOrganizations) {}

  /**
   * Change an organization: profile and settings, by its own administrators; slug, domain and limits by super admins, others ask for them in vain.
   * @throws {409} Another organization has the slug or the domain (`already_exists`).
   */
  @Put(':org_id')
  @Allow('org_admin')
  @Bodies({ 'a few fields': { name: 'Padaria Demo', settings: { language: 'pt-BR' } } })
  update(
    @Caller() actor: Actor,
    @Param('org_id', Uuid) id: string,
    @Body() input: OrganizationAdminUpdate,
    @CallerIp() ip: string | null,
  ): Promise<Organization> {
    return this.manage.update(actor, id, input, ip);
  }

  /**
   * Upgrade to a higher plan.
   * @throws {409} The plan is not a higher one (`invalid_state`).
   */
  @Post(':org_id/upgrade')
  @HttpCode(200)
  @Allow('super_admin')
  @Bodies({ 'all of it': { plan_type: 'enterprise' } })
  upgrade(@Caller() actor: Actor, @Param('org_id', Uuid) id: string, @Body() { plan_type }: UpgradeRequest): Promise<Organization> {
    return this.manage.upgrade(actor, id, plan_type);
  }
}

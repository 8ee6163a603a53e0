import { Body, Controller, Get, HttpCode, Param, Post, Put } from '@nestjs/common';
import { Allow, Caller, CallerIp, EvenWhenSuspended, Resource } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { DEMO } from '#common/demo';
import { Bodies, Room } from '#common/room';
import { ManageOrganizations } from './manage-organizations';
import {
  OrganizationAdminUpdate,
  OrganizationPlanUpdate,
  OrganizationSettings,
  OrganizationSettingsUpdate,
  OrganizationStats,
  OrganizationUpdate,
  RestoredOrganization,
} from './organization.dto';
import { Organization } from './organization.entity';
import { OrganizationLife } from './organization-life';
import { OrganizationsService } from './organizations.service';

const HOURS = [
  { start: '08:00', end: '12:00' },
  { start: '13:00', end: '18:00' },
];

/** One's own organization, and what `/organizations` alone has. Before its neighbours: `me` is no id. */
@Room('organizations', 'The company whose inbox it is: profile, plan and settings; for super admins all of them, and their life.', {
  org_id: DEMO.organization_id,
})
@Controller('organizations')
@Resource('organization')
export class OrganizationsController {
  constructor(
    private readonly organizations: OrganizationsService,
    private readonly manage: ManageOrganizations,
    private readonly life: OrganizationLife,
  ) {}

  /** Your organization, with its plan and what of it is in use. */
  @Get('me')
  @Allow('viewer')
  @EvenWhenSuspended()
  getMine(@Caller() actor: Actor): Promise<Organization> {
    return this.organizations.get(actor);
  }

  /** Change your organization's profile. */
  @Put('me')
  @Allow('org_admin')
  @Bodies({ 'a few fields': { name: 'Padaria Demo', website: 'https://padaria.example', phone: '+551140000001' } })
  updateMine(@Caller() actor: Actor, @Body() input: OrganizationUpdate): Promise<Organization> {
    return this.organizations.update(actor, input);
  }

  /** Your organization's settings; what was never set has its default. */
  @Get('me/settings')
  @Allow('viewer')
  settings(@Caller() actor: Actor): Promise<OrganizationSettings> {
    return this.organizations.settings(actor);
  }

  /** Change settings: top-level keys replace, null goes back to the default, keys of your own are kept. */
  @Put('me/settings')
  @Allow('org_admin')
  @Bodies({
    'business hours': {
      business_hours: {
        monday: { enabled: true, start: '08:00', end: '18:00' },
        saturday: { enabled: true, start: '08:00', end: '12:00' },
      },
    },
    'with a lunch break and holidays': {
      business_hours: {
        schedule: { monday: HOURS, tuesday: HOURS, wednesday: HOURS, thursday: HOURS, friday: HOURS },
        holidays: [{ date: '2026-12-24', name: 'Véspera de Natal', hours: [{ start: '08:00', end: '12:00' }] }],
        national_holidays: 'BR',
      },
    },
    'a mail a day': { notification_settings: { digest: true } },
    'longer passwords': { security_settings: { password_min_length: 10 } },
    'back to the default': { privacy_settings: null },
  })
  updateSettings(@Caller() actor: Actor, @Body() input: OrganizationSettingsUpdate, @CallerIp() ip: string | null): Promise<Organization> {
    return this.organizations.updateSettings(actor, input, ip);
  }

  /** What an organization has, in numbers. Another one's: for super admins. */
  @Get(':org_id/stats')
  @Allow('viewer')
  stats(@Caller() actor: Actor, @Param('org_id', Uuid) id: string): Promise<OrganizationStats> {
    return this.organizations.stats(actor, id);
  }

  /**
   * Change any organization: profile, slug, domain, settings (merged) and limits of its own (null: the plan's again).
   * @throws {409} Another organization has the slug or the domain (`already_exists`).
   */
  @Put(':org_id')
  @Allow('super_admin')
  @Bodies({ 'more users than the plan allows': { plan_limits: { max_users: 25 } }, 'a domain': { domain: 'padaria.example' } })
  update(
    @Caller() actor: Actor,
    @Param('org_id', Uuid) id: string,
    @Body() input: OrganizationAdminUpdate,
    @CallerIp() ip: string | null,
  ): Promise<Organization> {
    return this.manage.update(actor, id, input, ip);
  }

  /**
   * Set the plan, whichever way; a trial ends with it. When the subscription ends the plan becomes `free`.
   * @throws {422} Also a subscription that ends before it starts.
   */
  @Put(':org_id/plan')
  @Allow('super_admin')
  @Bodies({ 'a year': { plan_type: 'professional', subscription_starts_at: '2026-12-01', subscription_ends_at: '2027-11-30' } })
  setPlan(@Caller() actor: Actor, @Param('org_id', Uuid) id: string, @Body() input: OrganizationPlanUpdate): Promise<Organization> {
    return this.manage.setPlan(actor, id, input);
  }

  /**
   * Switch an organization off: its users are shut out and nothing leaves; what customers write is kept.
   * @throws {409} Your own organization, or PyTake's (`invalid_state`).
   */
  @Post(':org_id/deactivate')
  @HttpCode(200)
  @Allow('super_admin')
  deactivate(@Caller() actor: Actor, @Param('org_id', Uuid) id: string): Promise<Organization> {
    return this.life.deactivate(actor, id);
  }

  /**
   * Bring a deleted organization back, within its 30 days, to the state it was in; `GET /organizations?is_deleted=true` lists them, and
   * `GET /organizations/{org_id}/export` has their data until then. Its people sign in again with the passwords they had; who has an
   * account elsewhere by now stays there, and is named in `users_left_out`. A slug or domain that was taken meanwhile is not had back.
   * @throws {409} `last_admin`: each of its administrators has an account elsewhere by now; nobody could administer it.
   */
  @Post(':org_id/restore')
  @HttpCode(200)
  @Allow('super_admin')
  restore(@Caller() actor: Actor, @Param('org_id', Uuid) id: string): Promise<RestoredOrganization> {
    return this.life.restore(actor, id);
  }
}

import { Body, Controller, Get, Ip, Put } from '@nestjs/common';
import { ApiBody } from '@nestjs/swagger';
import { Allow, Caller, EvenWhenSuspended, Resource } from '#access/decorators';
import type { Actor } from '#common/actor';
import type { JsonObject } from '#common/json.scalar';
import { Bodies, Room } from '#common/room';
import { OrganizationSettings, OrganizationSettingsUpdate, OrganizationUpdate } from './organization.dto';
import { Organization } from './organization.entity';
import { OrganizationsService } from './organizations.service';

@Room('organizations', 'The company whose inbox it is: profile, plan and settings.')
@Controller('organizations')
@Resource('organization')
export class OrganizationsController {
  constructor(private readonly organizations: OrganizationsService) {}

  /** Your organization, with its plan and what of it is in use. */
  @Get('me')
  @Allow('viewer')
  @EvenWhenSuspended()
  get(@Caller() actor: Actor): Promise<Organization> {
    return this.organizations.get(actor);
  }

  /** Change your organization's profile. */
  @Put('me')
  @Allow('org_admin')
  @Bodies({ 'a few fields': { name: 'Padaria Demo', website: 'https://padaria.example', phone: '+551140000001' } })
  update(@Caller() actor: Actor, @Body() input: OrganizationUpdate): Promise<Organization> {
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
  @ApiBody({ type: OrganizationSettingsUpdate })
  @Bodies({
    'business hours': {
      business_hours: {
        monday: { enabled: true, start: '08:00', end: '18:00' },
        saturday: { enabled: true, start: '08:00', end: '12:00' },
      },
    },
    'longer passwords': { security_settings: { password_min_length: 10 } },
    'back to the default': { privacy_settings: null },
  })
  // Not typed as its class: the pipe would drop the keys we do not know.
  updateSettings(@Caller() actor: Actor, @Body() input: JsonObject, @Ip() ip: string): Promise<Organization> {
    return this.organizations.updateSettings(actor, input, ip);
  }
}

import { Controller, Get, Query } from '@nestjs/common';
import { Allow, Caller, Resource } from '#access/decorators';
import type { Actor } from '#common/actor';
import { PageQuery } from '#common/page.dto';
import { Room } from '#common/room';
import { PermissionPage, PermissionsQuery, RolePage } from './user-permissions.dto';
import { UserPermissionsService } from './user-permissions.service';

@Room('roles', 'What members may do: the built-in roles, and the permissions that narrow them.')
@Controller()
@Resource('users')
export class RolesController {
  constructor(private readonly rights: UserPermissionsService) {}

  /** The roles there are, and what each allows. */
  @Get('roles')
  @Allow('viewer')
  roles(@Caller() actor: Actor, @Query() query: PageQuery): Promise<RolePage> {
    return this.rights.roles(actor, query);
  }

  /** Every permission a member can be given. */
  @Get('permissions')
  @Allow('viewer')
  permissions(@Query() query: PermissionsQuery): PermissionPage {
    return this.rights.permissions(query);
  }
}

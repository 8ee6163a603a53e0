import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { Allow, Caller, OwnAccount, PeopleOnly, RateClass, Resource } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { DEMO } from '#common/demo';
import { Bodies, Room } from '#common/room';
import { SuccessResponse } from '#common/success.dto';
import { ChangePassword } from './change-password';
import { Invitations } from './invitations';
import { NewUsers } from './new-users';
import { UserActivity } from './user-activity';
import { ActivityEntryPage, ActivityQuery } from './user-activity.dto';
import { UserPermissions, UserPermissionsUpdate } from './user-permissions.dto';
import { UserPermissionsService } from './user-permissions.service';
import { ChangePasswordRequest, UserCreate, UserPage, UserProfile, UserSelfUpdate, UserUpdate, UsersQuery } from './user.dto';
import { User } from './user.entity';
import { UsersService } from './users.service';

@Room('users', 'The team: who may sign in, with which role, and who is there.', { user_id: DEMO.user_id, agent_id: DEMO.user_id })
@Controller('users')
@Resource('users')
export class UsersController {
  constructor(
    private readonly users: UsersService,
    private readonly newUsers: NewUsers,
    private readonly invitations: Invitations,
    private readonly passwords: ChangePassword,
    private readonly rights: UserPermissionsService,
    private readonly activities: UserActivity,
  ) {}

  /** The team. */
  @Get()
  @Allow('viewer')
  page(@Caller() actor: Actor, @Query() query: UsersQuery): Promise<UserPage> {
    return this.users.page(actor, query);
  }

  /**
   * Add a member; without a password they are invited by mail to set one, within seven days.
   * @throws {403} Beyond the plan's users (`plan_limit_exceeded`), or a role nobody can give (`cannot_assign_role`); an API key gives none of an administrator (`api_key_not_allowed`).
   * @throws {404} A department is not in this organization.
   * @throws {409} The e-mail belongs to an account already (`email_already_registered`).
   * @throws {422} Also departments for somebody who does not answer customers (`user_not_agent`).
   */
  @Post()
  @Allow('org_admin')
  @RateClass('invitation')
  @Bodies({
    'an invitation': { email: 'carla@padaria.example', full_name: 'Carla Dias', role: 'viewer' },
    'with a password': { email: 'davi@padaria.example', full_name: 'Davi Rocha', role: 'agent', password: 'forno-a-lenha-7' },
  })
  create(@Caller() actor: Actor, @Body() input: UserCreate): Promise<User> {
    return this.newUsers.create(actor, input);
  }

  /** Yourself. */
  @Get('me')
  @Allow('viewer')
  @OwnAccount()
  profile(@Caller() actor: Actor): Promise<UserProfile> {
    return this.users.profile(actor);
  }

  /**
   * Change your own profile. A new e-mail needs `current_password`, and has to be confirmed.
   * @throws {400} current_password is wrong (`current_password_incorrect`).
   * @throws {403} Your own role, state, departments and permissions are an administrator's to change (`cannot_modify_self`, `cannot_assign_role`), or too many wrong passwords (`account_locked`).
   * @throws {409} The e-mail is taken (`email_already_registered`).
   */
  @Put('me')
  @Allow('viewer')
  @OwnAccount()
  @Bodies({ 'a few fields': { full_name: 'Ana Souza', agent_status: 'available', timezone: 'America/Sao_Paulo' } })
  updateMe(@Caller() actor: Actor, @Body() input: UserSelfUpdate): Promise<UserProfile> {
    return this.users.updateMe(actor, input);
  }

  /** One member. */
  @Get(':user_id')
  @Allow('viewer')
  get(@Caller() actor: Actor, @Param('user_id', Uuid) id: string): Promise<User> {
    return this.users.get(actor, id);
  }

  /**
   * Change a member. Another role or `is_active: false` ends their sessions. Your own e-mail needs `current_password`.
   * @throws {400} current_password is wrong (`current_password_incorrect`).
   * @throws {403} Your own role, state, departments and permissions (`cannot_modify_self`), a role nobody can give (`cannot_assign_role`), or too many wrong passwords (`account_locked`); an API key makes no administrator (`api_key_not_allowed`).
   * @throws {404} The user or a department is not in this organization.
   * @throws {409} The last active administrator (`last_admin`), an e-mail that is taken (`email_already_registered`), or nobody's account any more (`already_anonymized`).
   * @throws {422} Also departments for somebody who does not answer customers (`user_not_agent`).
   */
  @Put(':user_id')
  @Allow('org_admin')
  @Bodies({ 'another name': { full_name: 'Bruno Alves Neto' }, 'another state': { agent_status: 'away' } })
  update(@Caller() actor: Actor, @Param('user_id', Uuid) id: string, @Body() input: UserUpdate): Promise<User> {
    return this.users.update(actor, id, input);
  }

  /**
   * Let a member in again; also lifts a login lock.
   * @throws {409} The account is nobody's any more (`already_anonymized`).
   */
  @Post(':user_id/activate')
  @HttpCode(200)
  @Allow('org_admin')
  activate(@Caller() actor: Actor, @Param('user_id', Uuid) id: string): Promise<User> {
    return this.users.activate(actor, id);
  }

  /**
   * Shut a member out; their sessions end at once.
   * @throws {403} Yourself (`cannot_modify_self`).
   * @throws {409} The last active administrator (`last_admin`).
   */
  @Post(':user_id/deactivate')
  @HttpCode(200)
  @Allow('org_admin')
  deactivate(@Caller() actor: Actor, @Param('user_id', Uuid) id: string): Promise<User> {
    return this.users.deactivate(actor, id);
  }

  /**
   * Mail the invitation again; the link mailed before is dead.
   * @throws {409} There is a password already, or the account is off (`invalid_state`).
   * @throws {429} Also an address that got five of them within the hour.
   */
  @Post(':user_id/resend-invite')
  @HttpCode(200)
  @Allow('org_admin')
  @RateClass('invitation')
  async resendInvite(@Caller() actor: Actor, @Param('user_id', Uuid) id: string): Promise<SuccessResponse> {
    await this.invitations.resend(actor, id);
    return { success: true, message: 'Invitation sent' };
  }

  /**
   * Delete a member, for good: their e-mail is free again, and their open conversations want another agent.
   * @throws {403} Yourself (`cannot_modify_self`).
   * @throws {409} The last active administrator (`last_admin`).
   */
  @Delete(':user_id')
  @HttpCode(204)
  @Allow('org_admin')
  remove(@Caller() actor: Actor, @Param('user_id', Uuid) id: string): Promise<void> {
    return this.users.remove(actor, id);
  }

  /**
   * Change your password, or as an administrator somebody else's. All their sessions end; of your own this one goes on once it is refreshed.
   * @throws {400} current_password is wrong (`current_password_incorrect`).
   * @throws {403} Too many wrong passwords (`account_locked`).
   * @throws {409} The account is nobody's any more (`already_anonymized`).
   * @throws {422} Also a password that is the present one.
   */
  @Post(':user_id/change-password')
  @HttpCode(200)
  @Allow('viewer')
  @PeopleOnly()
  @OwnAccount({ id: 'user_id', others: 'org_admin' })
  @Bodies({
    'your own': { current_password: 'forno-a-lenha-7', new_password: 'pao-de-queijo-9' },
    "another's, as an administrator": { new_password: 'pao-de-queijo-9' },
  })
  async changePassword(
    @Caller() actor: Actor,
    @Param('user_id', Uuid) id: string,
    @Body() input: ChangePasswordRequest,
  ): Promise<SuccessResponse> {
    await this.passwords.change(actor, id, input);
    return { success: true, message: 'Password changed' };
  }

  /** What a member may do: as their role allows, or less. */
  @Get(':user_id/permissions')
  @Allow('viewer')
  @OwnAccount({ id: 'user_id', others: 'org_admin' })
  permissions(@Caller() actor: Actor, @Param('user_id', Uuid) id: string): Promise<UserPermissions> {
    return this.rights.get(actor, id);
  }

  /**
   * Narrow what a member may do, from their next request on; null goes back to their role. Another role does so too.
   * @throws {403} Yourself (`cannot_modify_self`), or a super admin (`cannot_assign_role`); an API key changes none of an administrator (`api_key_not_allowed`).
   * @throws {422} Also more than the role allows (`permission_not_allowed_for_role`).
   */
  @Put(':user_id/permissions')
  @Allow('org_admin')
  @Bodies({
    'only reads and answers': { permissions: ['read:conversations', 'read:messages', 'read:contacts', 'write:messages'] },
    'as the role again': { permissions: null },
  })
  updatePermissions(
    @Caller() actor: Actor,
    @Param('user_id', Uuid) id: string,
    @Body() { permissions }: UserPermissionsUpdate,
  ): Promise<UserPermissions> {
    return this.rights.update(actor, id, permissions);
  }

  /** What a member did, newest first, as the audit log has it. */
  @Get(':user_id/activity')
  @Allow('viewer')
  @OwnAccount({ id: 'user_id', others: 'org_admin' })
  activity(@Caller() actor: Actor, @Param('user_id', Uuid) id: string, @Query() query: ActivityQuery): Promise<ActivityEntryPage> {
    return this.activities.page(actor, id, query);
  }
}

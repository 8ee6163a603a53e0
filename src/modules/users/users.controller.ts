import { Body, Controller, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { Allow, Caller } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { DEMO } from '#common/demo';
import { Bodies, Room } from '#common/room';
import { UserCreate, UserPage, UserProfile, UserSelfUpdate, UserUpdate, UsersQuery } from './user.dto';
import { User } from './user.entity';
import { UsersService } from './users.service';

@Room('users', 'The team: who may sign in, with which role, and who is there.', { user_id: DEMO.user_id, agent_id: DEMO.user_id })
@Controller('users')
export class UsersController {
  constructor(private readonly users: UsersService) {}

  /** The team. */
  @Get()
  @Allow('viewer')
  page(@Caller() actor: Actor, @Query() query: UsersQuery): Promise<UserPage> {
    return this.users.page(actor, query);
  }

  /**
   * Add a member; without a password the account is an invitation.
   * @throws {403} Beyond the plan's users (`plan_limit_exceeded`), or a role nobody can give (`cannot_assign_role`).
   * @throws {404} A department is not in this organization.
   * @throws {409} The e-mail belongs to an account already (`email_already_registered`).
   * @throws {422} Also departments for somebody who does not answer customers (`user_not_agent`).
   */
  @Post()
  @Allow('org_admin')
  @Bodies({
    'an invitation': { email: 'carla@padaria.example', full_name: 'Carla Dias', role: 'viewer' },
    'with a password': { email: 'davi@padaria.example', full_name: 'Davi Rocha', role: 'agent', password: 'forno-a-lenha-7' },
  })
  create(@Caller() actor: Actor, @Body() input: UserCreate): Promise<User> {
    return this.users.create(actor, input);
  }

  /** Yourself. */
  @Get('me')
  @Allow('viewer')
  profile(@Caller() actor: Actor): Promise<UserProfile> {
    return this.users.profile(actor);
  }

  /**
   * Change your own profile. A new e-mail needs `current_password`, and has to be confirmed.
   * @throws {400} current_password is wrong (`current_password_incorrect`).
   * @throws {403} Your own role, state and departments are an administrator's to change (`cannot_modify_self`, `cannot_assign_role`), or too many wrong passwords (`account_locked`).
   * @throws {409} The e-mail is taken (`email_already_registered`).
   */
  @Put('me')
  @Allow('viewer')
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
   * @throws {403} Your own role and state (`cannot_modify_self`), a role nobody can give (`cannot_assign_role`), or too many wrong passwords (`account_locked`).
   * @throws {404} The user or a department is not in this organization.
   * @throws {409} The last active administrator (`last_admin`), or an e-mail that is taken (`email_already_registered`).
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
   * @throws {403} Beyond the plan's users (`plan_limit_exceeded`), or yourself (`cannot_modify_self`).
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
}

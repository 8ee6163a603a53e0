import { Body, Controller, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Allow, Caller } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { UserCreate, UserPage, UserProfile, UserSelfUpdate, UserUpdate, UsersQuery } from './user.dto';
import { User } from './user.entity';
import { UsersService } from './users.service';

@ApiTags('users')
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
   * @throws {403} Beyond the plan's users, or a role nobody can give.
   * @throws {409} The e-mail belongs to an account already.
   */
  @Post()
  @Allow('org_admin')
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
   * @throws {409} The e-mail is taken.
   */
  @Put('me')
  @Allow('viewer')
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
   * @throws {409} The last active administrator, or an e-mail that is taken.
   */
  @Put(':user_id')
  @Allow('org_admin')
  update(@Caller() actor: Actor, @Param('user_id', Uuid) id: string, @Body() input: UserUpdate): Promise<User> {
    return this.users.update(actor, id, input);
  }

  /** Let a member in again; also lifts a login lock. */
  @Post(':user_id/activate')
  @HttpCode(200)
  @Allow('org_admin')
  activate(@Caller() actor: Actor, @Param('user_id', Uuid) id: string): Promise<User> {
    return this.users.activate(actor, id);
  }

  /**
   * Shut a member out; their sessions end at once.
   * @throws {409} The last active administrator.
   */
  @Post(':user_id/deactivate')
  @HttpCode(200)
  @Allow('org_admin')
  deactivate(@Caller() actor: Actor, @Param('user_id', Uuid) id: string): Promise<User> {
    return this.users.deactivate(actor, id);
  }
}

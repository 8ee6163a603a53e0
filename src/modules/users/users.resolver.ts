import { Args, Context, ID, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Allow, Caller, OwnAccount, RateClass, Resource } from '#access/decorators';
import { GraphqlContext } from '#api/graphql-context';
import { IdArg } from '#api/graphql-id';
import { Actor } from '#common/actor';
import { Unauthenticated } from '#common/errors';
import type { Page } from '#common/page.dto';
import { SuccessResponse } from '#common/success.dto';
import { Organization } from '#modules/organizations/organization.entity';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { ChangePassword } from './change-password';
import { NewUsers } from './new-users';
import { UserActivity } from './user-activity';
import { ActivityArgs, ActivityEntry } from './user-activity.dto';
import { RoleView, UserPermissions, UserPermissionsUpdate } from './user-permissions.dto';
import { UserPermissionsService } from './user-permissions.service';
import { ChangePasswordRequest, UserCreate, UserSelfUpdate, UserUpdate, UsersArgs } from './user.dto';
import { UserDepartments } from './user-departments';
import { User } from './user.entity';
import { UsersService } from './users.service';

@Resolver(() => User)
@Resource('users')
export class UsersResolver {
  constructor(
    private readonly users: UsersService,
    private readonly newUsers: NewUsers,
    private readonly organizations: OrganizationsService,
    private readonly passwords: ChangePassword,
    private readonly rights: UserPermissionsService,
    private readonly activity: UserActivity,
    private readonly departments: UserDepartments,
  ) {}

  @Query(() => User, { description: 'One member.', nullable: true })
  @Allow('viewer')
  user(@Caller() actor: Actor, @IdArg() id: string): Promise<User> {
    return this.users.get(actor, id);
  }

  @Query(() => [User], { name: 'users', description: 'The team.' })
  @Allow('viewer')
  page(@Caller() actor: Actor, @Args() query: UsersArgs): Promise<Page<User>> {
    return this.users.page(actor, query);
  }

  @Mutation(() => User, { description: 'Change your own profile.' })
  @Allow('viewer')
  @OwnAccount()
  updateMe(@Caller() actor: Actor, @Args('input') input: UserSelfUpdate): Promise<User> {
    return this.users.updateMe(actor, input);
  }

  @Mutation(() => User, { description: 'Add a member; without a password they are invited by mail to set one.' })
  @Allow('org_admin')
  @RateClass('invitation')
  createUser(@Caller() actor: Actor, @Args('input') input: UserCreate): Promise<User> {
    return this.newUsers.create(actor, input);
  }

  @Mutation(() => User, { description: 'Change a member.' })
  @Allow('org_admin')
  updateUser(@Caller() actor: Actor, @IdArg() id: string, @Args('input') input: UserUpdate): Promise<User> {
    return this.users.update(actor, id, input);
  }

  @Mutation(() => User, { description: 'Let a member in again; also lifts a login lock.' })
  @Allow('org_admin')
  activateUser(@Caller() actor: Actor, @IdArg() id: string): Promise<User> {
    return this.users.activate(actor, id);
  }

  @Mutation(() => User, { description: 'Shut a member out; their sessions end at once.' })
  @Allow('org_admin')
  deactivateUser(@Caller() actor: Actor, @IdArg() id: string): Promise<User> {
    return this.users.deactivate(actor, id);
  }

  @Mutation(() => SuccessResponse, { description: 'Delete a member, for good.' })
  @Allow('org_admin')
  async deleteUser(@Caller() actor: Actor, @IdArg() id: string): Promise<SuccessResponse> {
    await this.users.remove(actor, id);
    return { success: true, message: 'User deleted' };
  }

  @Mutation(() => SuccessResponse, { description: 'Change your own password; your other sessions end.' })
  @Allow('viewer')
  @OwnAccount()
  async changePassword(@Caller() actor: Actor, @Args() input: ChangePasswordRequest): Promise<SuccessResponse> {
    if (!actor.user_id) throw new Unauthenticated();
    await this.passwords.change(actor, actor.user_id, input);
    return { success: true, message: 'Password changed' };
  }

  @Query(() => UserPermissions, { description: 'What a member may do: as their role allows, or less.' })
  @Allow('viewer')
  @OwnAccount({ id: 'id', others: 'org_admin' })
  user_permissions(@Caller() actor: Actor, @IdArg() id: string): Promise<UserPermissions> {
    return this.rights.get(actor, id);
  }

  @Mutation(() => UserPermissions, { description: 'Narrow what a member may do; null goes back to their role.' })
  @Allow('org_admin')
  updateUserPermissions(
    @Caller() actor: Actor,
    @IdArg() id: string,
    @Args() { permissions }: UserPermissionsUpdate,
  ): Promise<UserPermissions> {
    return this.rights.update(actor, id, permissions);
  }

  @Query(() => [ActivityEntry], { description: 'What a member did, newest first.' })
  @Allow('viewer')
  @OwnAccount({ id: 'id', others: 'org_admin' })
  user_activity(@Caller() actor: Actor, @IdArg() id: string, @Args() query: ActivityArgs): Promise<Page<ActivityEntry>> {
    return this.activity.page(actor, id, query);
  }

  @Query(() => [RoleView], { description: 'The roles there are, and what each allows.' })
  @Allow('viewer')
  async roles(@Caller() actor: Actor): Promise<RoleView[]> {
    return (await this.rights.roles(actor, {})).items;
  }

  // Users that other rooms show (a conversation's agent) come as rows.
  @ResolveField(() => String)
  name(@Parent() user: User): string {
    return user.full_name;
  }

  @ResolveField(() => [ID])
  async department_ids(@Parent() user: User, @Context() context: GraphqlContext): Promise<string[]> {
    const { organization_id, id, department_ids } = user;
    return (
      department_ids ??
      (await context.loader(`department_ids ${organization_id}`, (ids) => this.departmentsOf(organization_id, ids)).load(id))
    );
  }

  // Who may see the user may see whose they are; the users of one answer share it.
  @ResolveField(() => Organization)
  organization(@Parent() { organization_id }: User, @Context() context: GraphqlContext): Promise<Organization> {
    return context
      .loader('organization', (ids) => Promise.all(ids.map((id) => this.organizations.get(Actor.system(id)))))
      .load(organization_id);
  }

  private async departmentsOf(organization_id: string, ids: readonly string[]): Promise<string[][]> {
    const departments = await this.departments.of(Actor.system(organization_id), ids);
    return ids.map((id) => departments.get(id) ?? []);
  }
}

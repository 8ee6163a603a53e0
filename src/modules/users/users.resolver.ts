import { Args, Context, ID, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Allow, Caller } from '#access/decorators';
import { GraphqlContext } from '#api/graphql-context';
import { IdArg } from '#api/graphql-id';
import { Actor } from '#common/actor';
import { Organization } from '#modules/organizations/organization.entity';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { UserCreate, UserSelfUpdate, UserUpdate, UsersArgs } from './user.dto';
import { UserDepartments } from './user-departments';
import { User } from './user.entity';
import { UsersService } from './users.service';

@Resolver(() => User)
export class UsersResolver {
  constructor(
    private readonly users: UsersService,
    private readonly organizations: OrganizationsService,
    private readonly departments: UserDepartments,
  ) {}

  @Query(() => User, { description: 'One member.', nullable: true })
  @Allow('viewer')
  user(@Caller() actor: Actor, @IdArg() id: string): Promise<User> {
    return this.users.get(actor, id);
  }

  @Query(() => [User], { name: 'users', description: 'The team.' })
  @Allow('viewer')
  async page(@Caller() actor: Actor, @Args() query: UsersArgs): Promise<User[]> {
    return (await this.users.page(actor, query)).items;
  }

  @Mutation(() => User, { description: 'Change your own profile.' })
  @Allow('viewer')
  updateMe(@Caller() actor: Actor, @Args('input') input: UserSelfUpdate): Promise<User> {
    return this.users.updateMe(actor, input);
  }

  @Mutation(() => User, { description: 'Add a member; without a password the account is an invitation.' })
  @Allow('org_admin')
  createUser(@Caller() actor: Actor, @Args('input') input: UserCreate): Promise<User> {
    return this.users.create(actor, input);
  }

  @Mutation(() => User, { description: 'Change a member.' })
  @Allow('org_admin')
  updateUser(@Caller() actor: Actor, @IdArg() id: string, @Args('input') input: UserUpdate): Promise<User> {
    return this.users.update(actor, id, input);
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

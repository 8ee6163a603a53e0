import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Allow, Caller, Resource } from '#access/decorators';
import { IdArg } from '#api/graphql-id';
import type { Actor } from '#common/actor';
import type { Page } from '#common/page.dto';
import { SuccessResponse } from '#common/success.dto';
import {
  DepartmentArgs,
  DepartmentCreate,
  DepartmentRemovalArgs,
  DepartmentStats,
  DepartmentUpdate,
  DepartmentView,
} from './department.dto';
import { DepartmentsService } from './departments.service';

@Resolver(() => DepartmentView)
@Resource('departments')
export class DepartmentsResolver {
  constructor(private readonly departments: DepartmentsService) {}

  @Query(() => DepartmentView, { nullable: true, description: 'One department.' })
  @Allow('viewer')
  department(@Caller() actor: Actor, @IdArg() id: string): Promise<DepartmentView> {
    return this.departments.get(actor, id);
  }

  @Query(() => [DepartmentView], { name: 'departments', description: 'A page of departments.' })
  @Allow('viewer')
  list(@Caller() actor: Actor, @Args() query: DepartmentArgs): Promise<Page<DepartmentView>> {
    return this.departments.page(actor, query);
  }

  @Query(() => DepartmentStats, { description: 'A department in numbers.' })
  @Allow('viewer')
  department_stats(@Caller() actor: Actor, @IdArg('department_id') id: string): Promise<DepartmentStats> {
    return this.departments.stats(actor, id);
  }

  @Mutation(() => DepartmentView, { description: 'Create a department.' })
  @Allow('org_admin')
  createDepartment(@Caller() actor: Actor, @Args('input') input: DepartmentCreate): Promise<DepartmentView> {
    return this.departments.create(actor, input);
  }

  @Mutation(() => DepartmentView, { description: 'Update a department: absent keeps, null clears what may be empty.' })
  @Allow('org_admin')
  updateDepartment(@Caller() actor: Actor, @IdArg() id: string, @Args('input') input: DepartmentUpdate): Promise<DepartmentView> {
    return this.departments.update(actor, id, input);
  }

  @Mutation(() => SuccessResponse, { description: 'Delete a department; another one may take over what it has.' })
  @Allow('org_admin')
  async deleteDepartment(
    @Caller() actor: Actor,
    @IdArg() id: string,
    @Args() { move_to_department_id }: DepartmentRemovalArgs,
  ): Promise<SuccessResponse> {
    await this.departments.remove(actor, id, move_to_department_id);
    return { success: true, message: 'Department deleted' };
  }

  @Mutation(() => DepartmentView, { description: 'Add an agent; again: nothing changes.' })
  @Allow('org_admin')
  addDepartmentAgent(
    @Caller() actor: Actor,
    @IdArg('department_id') id: string,
    @IdArg('agent_id') agent_id: string,
  ): Promise<DepartmentView> {
    return this.departments.addAgent(actor, id, agent_id);
  }

  @Mutation(() => DepartmentView, { description: 'Remove an agent; again: nothing changes.' })
  @Allow('org_admin')
  removeDepartmentAgent(
    @Caller() actor: Actor,
    @IdArg('department_id') id: string,
    @IdArg('agent_id') agent_id: string,
  ): Promise<DepartmentView> {
    return this.departments.removeAgent(actor, id, agent_id);
  }
}

import { ArgsType, Field, ID, Int, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsIn, IsOptional, IsString, MaxLength, ValidateIf } from 'class-validator';
import { Role } from '#common/actor';
import { PageOf, PageQuery } from '#common/page.dto';
import { PERMISSION_ACTIONS, PERMISSION_RESOURCES, type PermissionAction, type PermissionResource } from '#common/permissions';

/** What a user may do: what their role allows, or less. */
@ObjectType()
export class UserPermissions {
  @Field(() => ID)
  user_id: string;

  @Field(() => String)
  role: Role;

  /** What counts: the custom ones, else those of the role. */
  permissions: string[];

  /** Narrower than the role's; null: the role alone decides. */
  @Field(() => [String], { nullable: true })
  custom_permissions: string[] | null;

  /** What the role allows, and the most a custom list can hold. */
  role_permissions: string[];
}

@ArgsType()
export class UserPermissionsUpdate {
  /** `action:resource`, `*`, `read:*`, `write:*` or `delete:*`, within what the role allows; `[]`: the own account only; null: as the role. */
  @ApiProperty({ type: [String], nullable: true, maxItems: 100, example: ['read:contacts', 'read:conversations', 'write:messages'] })
  @Field(() => [String], { nullable: true })
  @ValidateIf((_, value) => value !== null)
  @IsArray()
  @ArrayMaxSize(100)
  @IsString({ each: true })
  @MaxLength(64, { each: true })
  permissions: string[] | null;
}

/** A built-in role. */
@ObjectType('Role')
export class RoleView {
  @Field(() => String)
  name: Role;

  label: string;
  description: string;

  /** True: nobody can change it. */
  is_system: boolean;

  /** False: nobody can be given it. */
  assignable: boolean;

  /** What it allows at most. */
  permissions: string[];

  /** Users of the organization who have it. */
  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  users_count: number;
}

export class RolePage extends PageOf(RoleView) {}

/** Something a user may be allowed. */
export class PermissionView {
  /** `action:resource`. */
  name: string;

  @ApiProperty({ enum: PERMISSION_ACTIONS })
  action: PermissionAction;

  @ApiProperty({ type: 'string', enum: PERMISSION_RESOURCES })
  resource: PermissionResource;

  description: string;
}

export class PermissionPage extends PageOf(PermissionView) {}

export class PermissionsQuery extends PageQuery {
  /** Of this resource only. */
  @ApiProperty({ type: 'string', enum: PERMISSION_RESOURCES, required: false })
  @IsOptional()
  @IsIn(PERMISSION_RESOURCES)
  resource?: PermissionResource;
}

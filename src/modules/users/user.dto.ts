import { ArgsType, Field, ID, InputType } from '@nestjs/graphql';
import { ArrayMaxSize, IsArray, IsBoolean, IsEnum, IsOptional, IsString, IsUUID, MaxLength, ValidateIf } from 'class-validator';
import { Role } from '#common/actor';
import { QueryBoolean } from '#common/fields';
import { ArgsOf, IntersectionType, OmitType, PartialType, PickType } from '#common/mapped-types';
import { PageOf, PageQuery } from '#common/page.dto';
import { OrganizationStatus, PlanType } from '#modules/organizations/organization.entity';
import { AgentStatus, User } from './user.entity';

/** The caller's organization in a few words. */
export class OrganizationSummary {
  id: string;
  name: string;
  slug: string;
  plan_type: PlanType;
  status: OrganizationStatus;
  is_trial: boolean;
  trial_ends_at: Date | null;
}

/** A user as they see themselves. */
export class UserProfile extends User {
  organization: OrganizationSummary;
}

/** What the sockets hear of who is there. */
export class AgentStatusNews {
  agent_id: string;
  agent_name: string;

  /** `offline` while no socket of theirs is open, whatever they chose. */
  status: AgentStatus;
  previous_status: AgentStatus;
  is_online: boolean;
  at: Date;
}

export class UserPage extends PageOf(User) {}

export class UsersQuery extends PageQuery {
  @IsOptional()
  @IsEnum(Role)
  role?: Role;

  @IsOptional()
  @QueryBoolean()
  @IsBoolean()
  is_active?: boolean;

  @IsOptional()
  @IsUUID()
  department_id?: string;

  @IsOptional()
  @IsEnum(AgentStatus)
  agent_status?: AgentStatus;

  @IsOptional()
  @QueryBoolean()
  @IsBoolean()
  is_online?: boolean;
}

@ArgsType()
export class UsersArgs extends ArgsOf(UsersQuery) {}

/** A new member. Without a password the account is an invitation: nobody can log in until one is set. */
@InputType('UserCreateInput')
export class UserCreate extends IntersectionType(
  PickType(User, ['email', 'full_name']),
  PartialType(PickType(User, ['role', 'phone_number', 'avatar_url', 'bio', 'agent_greeting_message', 'timezone', 'language'])),
) {
  // Not required by GraphQL, where it may come as `name`; by the validator it is.
  @Field({ nullable: true })
  override full_name: string;

  /** Another spelling of full_name. */
  @IsOptional()
  @IsString()
  name?: string;

  /** 8 to 100 characters with a letter and a digit, not the e-mail. */
  @IsOptional()
  @IsString()
  @MaxLength(100)
  password?: string;

  /** Departments the agent answers for; on an update these replace the present ones. */
  @Field(() => [ID], { nullable: true })
  @ValidateIf((_, value) => value !== undefined)
  @IsArray()
  @ArrayMaxSize(100)
  @IsUUID(undefined, { each: true })
  department_ids?: string[];
}

/** Absent keeps, null clears what may be empty. A password is not taken here. */
@InputType('UserUpdateInput')
export class UserUpdate extends PartialType(
  IntersectionType(OmitType(UserCreate, ['password']), PickType(User, ['is_active', 'agent_status', 'max_conversations', 'preferences'])),
) {
  /** Effective permissions as they are: others are set at `PUT /users/{user_id}/permissions`, your own by another administrator. */
  @Field(() => [String], { nullable: true })
  @ValidateIf((_, value) => value !== undefined)
  @IsArray()
  @ArrayMaxSize(100)
  @IsString({ each: true })
  permissions?: string[];

  /** Needed to change your own e-mail. */
  @IsOptional()
  @IsString()
  @MaxLength(100)
  current_password?: string;
}

/** Your own role, state, departments and permissions are an administrator's to change: another value than the present one is refused. */
@InputType('UserSelfUpdateInput')
export class UserSelfUpdate extends UserUpdate {}

/** Another password; one's own with the present one. */
@ArgsType()
export class ChangePasswordRequest {
  /** The present one; not asked of an administrator who sets somebody else's. */
  @IsOptional()
  @IsString()
  @MaxLength(100)
  current_password?: string;

  /** 8 to 100 characters with a letter and a digit, not the e-mail, not the present one. */
  @IsString()
  @MaxLength(100)
  new_password: string;
}

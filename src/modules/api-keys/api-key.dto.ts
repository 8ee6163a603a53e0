import { ArgsType, Field, InputType, Int, ObjectType } from '@nestjs/graphql';
import { ArrayMaxSize, IsArray, IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { ArgsOf, IntersectionType, PartialType, PickType } from '#common/mapped-types';
import { PageOf, PageQuery } from '#common/page.dto';
import { ApiKey } from './api-key.entity';

export class ApiKeyPage extends PageOf(ApiKey) {}

export class ApiKeyQuery extends PageQuery {}

@ArgsType()
export class ApiKeyArgs extends ArgsOf(ApiKeyQuery) {}

/** A key with its value, which is shown only now. */
@ObjectType()
export class ApiKeyCreated extends ApiKey {
  /** `Authorization: Bearer KEY`, or `X-API-Key: KEY`. */
  key: string;
}

@InputType({ isAbstract: true })
class ApiKeyScopes {
  /** Permissions that narrow the role, such as `read:contacts`, `write:messages`, `read:*`; see `GET /permissions`. Absent or null: all the role may. */
  @Field(() => [String], { nullable: true })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(100)
  @IsString({ each: true })
  @MaxLength(100, { each: true })
  scopes?: string[] | null;
}

@InputType('ApiKeyCreateInput')
export class ApiKeyCreate extends IntersectionType(
  IntersectionType(PickType(ApiKey, ['name', 'role']), PartialType(PickType(ApiKey, ['expires_at']))),
  ApiKeyScopes,
) {}

/** Absent keeps, null clears. The role stays what it is. */
@InputType('ApiKeyUpdateInput')
export class ApiKeyUpdate extends IntersectionType(PartialType(PickType(ApiKey, ['name', 'expires_at'])), ApiKeyScopes) {}

/** A month: longer would be a second key. */
const OVERLAP_HOURS_MAX = 720;

@ArgsType()
export class ApiKeyRotate {
  /** Hours the value of before goes on working; 0 ends it at once. Default: 24. */
  @Field(() => Int, { nullable: true })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(OVERLAP_HOURS_MAX)
  overlap_hours?: number;
}

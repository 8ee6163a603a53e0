import { ArgsType, Field, InputType } from '@nestjs/graphql';
import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsInt, IsOptional, IsString, IsUUID, Max, MaxLength, Min, ValidateBy } from 'class-validator';
import { BareList } from '#common/alias';
import { NestedEach, OneLine } from '#common/fields';
import { ArgsOf, IntersectionType, PartialType, PickType } from '#common/mapped-types';
import { PageOf, PageQuery } from '#common/page.dto';
import { AgentSkill, skillKey } from './agent-skill.entity';

/** One agent has so many at most: lists show them all. */
export const SKILLS_MAX = 50;

export class AgentSkillPage extends PageOf(AgentSkill) {}

/** Names of skills, A to Z. */
export class SkillNamePage extends PageOf(String) {}

/** A skill without its agent. */
@InputType()
export class AgentSkillInput extends IntersectionType(
  PickType(AgentSkill, ['skill_name']),
  PartialType(PickType(AgentSkill, ['proficiency_level'])),
) {}

export class AgentSkillCreate extends IntersectionType(PickType(AgentSkill, ['user_id']), AgentSkillInput) {}

/** Absent keeps. */
export class AgentSkillUpdate extends PartialType(AgentSkillInput) {}

const NoTwoAlike = (): PropertyDecorator =>
  ValidateBy({
    name: 'noTwoAlike',
    validator: {
      validate: (skills) => Array.isArray(skills) && new Set(skills.map(keyOf)).size === skills.length,
      defaultMessage: () => 'A skill is named twice; case does not tell two apart.',
    },
  });

/** One's own for what has no name: that is another mistake. */
const keyOf = (skill: unknown): unknown =>
  typeof skill === 'object' && skill !== null && 'skill_name' in skill && typeof skill.skill_name === 'string'
    ? skillKey(skill.skill_name)
    : skill;

/** All skills of an agent, instead of those there are; the list alone means the same. */
@ArgsType()
export class AgentSkillReplace {
  @Field(() => [AgentSkillInput])
  @BareList()
  @IsArray()
  @ArrayMaxSize(SKILLS_MAX)
  @NoTwoAlike()
  @NestedEach(() => AgentSkillInput)
  skills: AgentSkillInput[];
}

export class AgentSkillQuery extends PageQuery {
  @IsOptional()
  @IsUUID()
  user_id?: string;

  /** In any case. */
  @OneLine()
  @IsOptional()
  @IsString()
  @MaxLength(100)
  skill_name?: string;

  /** This level, or a better one. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(5)
  min_proficiency?: number;
}

@ArgsType()
export class AgentSkillArgs extends ArgsOf(AgentSkillQuery) {}

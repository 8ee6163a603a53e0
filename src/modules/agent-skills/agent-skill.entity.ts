import { Field, HideField, ID, Int, ObjectType } from '@nestjs/graphql';
import { ApiHideProperty } from '@nestjs/swagger';
import { IsInt, IsString, IsUUID, Length, Max, Min } from 'class-validator';
import { Column, Entity, Index } from 'typeorm';
import { OneLine } from '#common/fields';
import { declareUserRows } from '#database/personal-data';
import { Reference } from '#database/references';
import { TenantEntity } from '#database/tenant.entity';
import { User } from '#modules/users/user.entity';

export const PROFICIENCY_DEFAULT = 3;

/** What an agent can do, and how well; for routing by skills. */
@Entity('agent_skills')
@ObjectType()
@Reference(() => User, 'user_id', 'CASCADE')
@Index('agent_skills_key', ['organization_id', 'user_id', 'skill_key'], { unique: true })
@Index('agent_skills_name_idx', ['organization_id', 'skill_key', 'proficiency_level'])
@Index('agent_skills_newest_idx', ['organization_id', 'created_at', 'id'])
export class AgentSkill extends TenantEntity {
  /** Whose skill it is. */
  @Column('uuid')
  @Field(() => ID)
  @IsUUID()
  user_id: string;

  /** As it is shown; case does not tell two apart. */
  @Column('varchar', { length: 100 })
  @OneLine()
  @IsString()
  @Length(1, 100)
  skill_name: string;

  /** The name as it is compared. */
  // Made here: which letters PostgreSQL's lower() knows depends on the locale of its database.
  @Column('varchar', { length: 300 })
  @HideField()
  @ApiHideProperty()
  skill_key?: string;

  /** 1: knows a little, to 5: knows best. */
  @Column('int', { default: PROFICIENCY_DEFAULT })
  @Field(() => Int)
  @IsInt()
  @Min(1)
  @Max(5)
  proficiency_level: number;
}

/** A skill's name as it is compared, with those that a queue requires too. */
export const skillKey = (skill_name: string): string => skill_name.toLowerCase();

declareUserRows('agent_skills', { erase: 'delete', export: ['skill_name', 'proficiency_level', 'created_at'] });

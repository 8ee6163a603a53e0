import { HideField, ObjectType } from '@nestjs/graphql';
import { ApiHideProperty, ApiProperty } from '@nestjs/swagger';
import { IsHexColor, IsOptional, IsString, Length, Matches, MaxLength, ValidateBy } from 'class-validator';
import { Column, Entity, Index } from 'typeorm';
import { OneLine, Trim, isBlank } from '#common/fields';
import { isUuid } from '#common/uuid';
import { TenantEntity } from '#database/tenant.entity';
import { declareResource } from '#modules/organizations/plan-resources';

export const TAG_NAME_MAX = 50;

/** What is wrong with a name of a tag; null: nothing. */
export function flawOfTagName(name: string): string | null {
  if (isBlank(name)) return 'a tag has a name to read';
  // A list of names is told apart by these: in a query, and in the files contacts are imported from and exported to.
  if (/[,;|]/.test(name)) return 'a tag’s name has no comma, semicolon or bar: they stand between names';
  return isUuid(name) ? 'a UUID is the id of a tag, and cannot be its name' : null;
}

const TagName = (): PropertyDecorator =>
  ValidateBy({
    name: 'tagName',
    validator: {
      validate: (name) => typeof name === 'string' && flawOfTagName(name) === null,
      defaultMessage: (args) => flawOfTagName(String(args?.value)) ?? 'must be a text',
    },
  });

/** A label of contacts. */
@Entity('tags')
@ObjectType({ isAbstract: true })
@Index('tags_name_key', ['organization_id', 'name_key'], { unique: true })
export class Tag extends TenantEntity {
  /** As it is shown; case does not tell two apart. Without `,`, `;` and `|`. */
  @Column('varchar', { length: TAG_NAME_MAX })
  @OneLine()
  @IsString()
  @Length(1, 50)
  @TagName()
  name: string;

  /** The name as it is compared. */
  // Made here: which letters PostgreSQL's lower() knows depends on the locale of its database.
  @Column('varchar', { length: 3 * TAG_NAME_MAX })
  @HideField()
  @ApiHideProperty()
  name_key?: string;

  /** The name as it may stand in an address. */
  @Column('varchar', { length: 100 })
  @ApiProperty({ maxLength: 100 })
  slug: string;

  @Column('varchar', { length: 500, nullable: true })
  @Trim()
  @IsOptional()
  @IsString()
  @MaxLength(500)
  description: string | null;

  /** `#` and six hexadecimal digits. */
  @Column('varchar', { length: 7, default: '#3B82F6' })
  @IsString()
  @IsHexColor()
  @Matches(/^#[0-9A-Fa-f]{6}$/, { message: '$property must be # and six hexadecimal digits, such as #3B82F6' })
  color: string;

  /** PyTake itself uses it: it cannot be deleted. */
  @Column('boolean', { default: false })
  is_system: boolean;
}

/** A tag's name as it is compared. */
export const tagKey = (name: string): string => name.normalize('NFC').toLowerCase();

const TAGS_MAX = 1000;

declareResource('tags', {
  text: 'Tags of contacts.',
  limits: { free: TAGS_MAX, starter: TAGS_MAX, growth: TAGS_MAX, professional: TAGS_MAX, enterprise: TAGS_MAX },
  usage: 'SELECT count(*)::int FROM tags WHERE organization_id = $1',
});

declare module '#modules/organizations/plan-resources' {
  interface PlanResources {
    tags: true;
  }
}

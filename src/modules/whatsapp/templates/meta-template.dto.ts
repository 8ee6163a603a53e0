import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { Type as Cast } from 'class-transformer';
import { IsInt, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { Alias } from '#common/alias';
import { Trim } from '#common/fields';
import { PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, PageOf } from '#common/page.dto';
import { Capitals } from './template.dto';
import { TemplateComponent } from './template.entity';

/** Which templates Meta is asked for; its own words. */
export class MetaTemplateQuery {
  /** Such as APPROVED; default: all. */
  @Capitals()
  @IsOptional()
  @IsString()
  @MaxLength(30)
  status?: string;

  @Capitals()
  @IsOptional()
  @IsString()
  @MaxLength(30)
  category?: string;

  @Trim()
  @IsOptional()
  @IsString()
  @MaxLength(20)
  language?: string;

  @Trim()
  @IsOptional()
  @IsString()
  @MaxLength(512)
  name?: string;

  /** At most; above 100 is 422. */
  @ApiPropertyOptional({ default: PAGE_SIZE_DEFAULT })
  @IsOptional()
  @Cast(() => Number)
  @IsInt()
  @Min(1)
  @Max(PAGE_SIZE_MAX)
  limit?: number;

  /** The `paging.after` of an earlier page. Alias: cursor. */
  @Alias('cursor')
  @IsOptional()
  @IsString()
  @Matches(/^[\w+/=.-]{1,4096}$/, { message: 'Give the paging.after of an earlier page.' })
  after?: string;
}

/** A template as Meta has it; what else it says stands beside these. */
export class MetaTemplate {
  @ApiProperty({ pattern: '^\\d+$', example: '110296375334066' })
  id: string;

  name: string;

  language: string;

  status: string;

  category: string;

  @ApiPropertyOptional({ example: 'POSITIONAL' })
  parameter_format?: string;

  @ApiProperty({ type: [TemplateComponent] })
  components: TemplateComponent[];
}

class MetaPaging {
  /** Where the next page begins; null: there is none. */
  @ApiProperty({ type: String, nullable: true, example: null })
  after: string | null;
}

/** Meta's objects as they are, in our envelope; `total` counts those of this page. */
@ApiSchema({ name: 'MetaTemplateList' })
export class MetaTemplatePage extends PageOf(MetaTemplate) {
  paging: MetaPaging;
}

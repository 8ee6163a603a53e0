import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsBoolean, IsEnum, IsOptional, IsString, Length, Matches, ValidateBy } from 'class-validator';
import { QueryBoolean } from '#common/fields';
import { oneLine } from '#common/one-line';
import { PageOf, PageQuery } from '#common/page.dto';
import { flawOfTagName } from '#modules/tags/tag.entity';
import { ContactImport, ImportStatus, OnDuplicate } from './contact-import.entity';

/** What a form brings as text: a list by commas, or JSON. */
const listOf = (value: unknown): unknown => {
  if (typeof value !== 'string') return value;
  const list = value.trimStart().startsWith('[') ? jsonOf(value) : value.split(',');
  return Array.isArray(list)
    ? list.map((item: unknown) => (typeof item === 'string' ? oneLine(item) : item)).filter((item) => item !== '')
    : list;
};

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const isMapping = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((field) => field === null || typeof field === 'string');

/** A file of contacts and how to take it in. */
export class ContactImportForm {
  /** CSV (`,` `;` or tab; UTF-8 or Latin-1) or a spreadsheet (.xlsx, .xls: the first sheet), with a header; 10 MB and 50,000 rows at most. */
  @ApiProperty({ type: 'string', format: 'binary' })
  file?: unknown;

  /** JSON, `{"column": "field"}`: where columns go whose names do not say it; `attributes.name` is an attribute, null leaves a column out. */
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? jsonOf(value) : value))
  @IsOptional()
  @ValidateBy({
    name: 'mapping',
    validator: { validate: isMapping, defaultMessage: () => 'mapping must be a JSON object of column names and the fields they are' },
  })
  @ApiPropertyOptional({ type: String, example: '{"Fone": "whatsapp_id", "Aniversário": "attributes.birthday"}' })
  mapping?: Record<string, string | null>;

  /** What becomes of a row whose phone a contact has already, or an earlier row: skip, update, or error. */
  @IsOptional()
  @IsEnum(OnDuplicate)
  @ApiPropertyOptional({ enum: OnDuplicate, default: OnDuplicate.skip })
  on_duplicate?: OnDuplicate;

  /** true: as `on_duplicate=update`, where that is not said. */
  @QueryBoolean()
  @IsOptional()
  @IsBoolean()
  update_existing?: boolean;

  /** Names, by commas or as a JSON list: every contact of the file gets them, beside those of its row. */
  @Transform(({ value }: { value: unknown }) => listOf(value))
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(50)
  @IsString({ each: true })
  @Length(1, 50, { each: true })
  @ValidateBy(
    {
      name: 'tagName',
      validator: {
        validate: (name) => typeof name === 'string' && flawOfTagName(name) === null,
        defaultMessage: () => 'each is the name of a tag, without comma, semicolon or bar',
      },
    },
    { each: true },
  )
  @ApiPropertyOptional({ type: String, example: 'feira 2026,atacado' })
  tags?: string[];

  /** With `on_duplicate=update`: the tags of a row take the place of those the contact has. A row without tags keeps them. */
  @QueryBoolean()
  @IsOptional()
  @IsBoolean()
  replace_tags?: boolean;

  /** Digits, such as 55: put before numbers of 10 or 11 digits that have no `+`. */
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.replace(/^\s*\+?|\s+$/g, '') : value))
  @IsOptional()
  @IsString()
  @Matches(/^[1-9]\d{0,2}$/, { message: '$property must be the digits of a country code, such as 55' })
  default_country_code?: string;

  /** Whether the new contacts gave leave to write first, where their row says nothing of it. Who is a contact already is only changed by their row. */
  @QueryBoolean()
  @IsOptional()
  @IsBoolean()
  opt_in?: boolean;

  /** Only looks: the counts and errors are what an import would have. */
  @QueryBoolean()
  @IsOptional()
  @IsBoolean()
  dry_run?: boolean;
}

/** A file of contacts that is, or was, taken in. */
@ApiSchema({ name: 'ContactImport' })
export class ContactImportView extends ContactImport {
  /** Always created_count. */
  @ApiProperty({ type: 'integer', minimum: 0 })
  created: number;

  /** Always updated_count. */
  @ApiProperty({ type: 'integer', minimum: 0 })
  updated: number;

  /** Always skipped_count. */
  @ApiProperty({ type: 'integer', minimum: 0 })
  skipped: number;

  /** Always failed_count. */
  @ApiProperty({ type: 'integer', minimum: 0 })
  failed: number;

  /** Created and updated. */
  @ApiProperty({ type: 'integer', minimum: 0 })
  imported: number;
}

@ApiSchema({ name: 'ContactImportList' })
export class ContactImportPage extends PageOf(ContactImportView) {}

export class ContactImportQuery extends PageQuery {
  @IsOptional()
  @IsEnum(ImportStatus)
  @ApiPropertyOptional({ enum: ImportStatus })
  status?: ImportStatus;
}

/** How far an import is. */
export class ContactImportProgress {
  import_id: string;

  @ApiProperty({ enum: ImportStatus })
  status: ImportStatus;

  dry_run: boolean;

  @ApiProperty({ type: 'integer', minimum: 0 })
  total_rows: number;

  @ApiProperty({ type: 'integer', minimum: 0 })
  processed_rows: number;

  @ApiProperty({ type: 'integer', minimum: 0 })
  created_count: number;

  @ApiProperty({ type: 'integer', minimum: 0 })
  updated_count: number;

  @ApiProperty({ type: 'integer', minimum: 0 })
  skipped_count: number;

  @ApiProperty({ type: 'integer', minimum: 0 })
  failed_count: number;
}

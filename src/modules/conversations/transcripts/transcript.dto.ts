import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsEnum, IsOptional } from 'class-validator';
import { QueryBoolean } from '#common/fields';

export enum TranscriptFormat {
  pdf = 'pdf',
  txt = 'txt',
  csv = 'csv',
  json = 'json',
}

export class TranscriptQuery {
  @ApiPropertyOptional({ enum: TranscriptFormat, default: TranscriptFormat.pdf })
  @IsOptional()
  @IsEnum(TranscriptFormat)
  format?: TranscriptFormat;

  /** Also what the team noted among itself. Default: false. */
  @IsOptional()
  @QueryBoolean()
  @IsBoolean()
  include_notes?: boolean;
}

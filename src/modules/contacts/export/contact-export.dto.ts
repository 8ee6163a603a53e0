import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsEnum, IsOptional } from 'class-validator';
import { QueryWithout } from '#common/mapped-types';
import { ContactQuery } from '../contact.dto';

export enum ContactFileFormat {
  csv = 'csv',
  xlsx = 'xlsx',
  json = 'json',
}

/** The filters and the order of the list, and the kind of file. */
export class ContactExportQuery extends QueryWithout(ContactQuery, ['skip', 'limit', 'page', 'cursor']) {
  @IsOptional()
  @IsEnum(ContactFileFormat)
  @ApiPropertyOptional({ enum: ContactFileFormat, default: ContactFileFormat.csv })
  format?: ContactFileFormat;
}

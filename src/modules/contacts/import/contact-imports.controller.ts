import { Body, Controller, Get, Param, Post, Query, UploadedFile, UseInterceptors } from '@nestjs/common';
import { FileInterceptor } from '@nestjs/platform-express';
import { ApiConsumes } from '@nestjs/swagger';
import { Allow, Caller, RateClass, Resource } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { Room } from '#common/room';
import { ContactImportForm, ContactImportPage, ContactImportQuery, ContactImportView } from './contact-import.dto';
import { ContactImports } from './contact-imports.service';
import type { ReceivedSheet } from './receive-sheet';

@Room('contacts')
@Controller('contacts')
@Resource('contacts')
export class ContactImportsController {
  constructor(private readonly imports: ContactImports) {}

  /**
   * Import contacts from CSV or Excel. Columns are known by their names in Portuguese and English, or by `mapping`; others become attributes. Rows that cannot
   * be read are reported and left out. Up to 1,000 rows are in when it answers; more are `queued`: ask `GET /contacts/imports/{import_id}`, or listen to
   * `contact:import_progress`.
   * @throws {403} The plan's contacts are used up (`plan_limit_exceeded`).
   * @throws {409} Too many imports wait already (`too_many_imports`).
   * @throws {413} More than 10 MB (`payload_too_large`).
   * @throws {422} No CSV or spreadsheet, or a broken one (`unsupported_file`); no column with the phone (`missing_phone_column`); no row, or more than 50,000.
   */
  @Post('import')
  @Allow('agent')
  @RateClass('upload')
  @UseInterceptors(FileInterceptor('file'))
  @ApiConsumes('multipart/form-data')
  import(
    @Caller() actor: Actor,
    @UploadedFile() file: ReceivedSheet | undefined,
    @Body() form: ContactImportForm,
  ): Promise<ContactImportView> {
    return this.imports.start(actor, file, form);
  }

  /** List imports, newest first. They are kept for 30 days. */
  @Get('imports')
  @Allow('agent')
  page(@Caller() actor: Actor, @Query() query: ContactImportQuery): Promise<ContactImportPage> {
    return this.imports.page(actor, query);
  }

  /** Get an import: how far it is, and which rows were left out. */
  @Get('imports/:import_id')
  @Allow('agent')
  get(@Caller() actor: Actor, @Param('import_id', Uuid) id: string): Promise<ContactImportView> {
    return this.imports.get(actor, id);
  }
}

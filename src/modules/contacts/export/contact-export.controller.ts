import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiProduces } from '@nestjs/swagger';
import type { Response } from 'express';
import { Allow, Caller, RateClass, Resource } from '#access/decorators';
import { answerMade } from '#api/answer-file';
import type { Actor } from '#common/actor';
import { Room } from '#common/room';
import { ContactExport } from './contact-export';
import { ContactExportQuery } from './contact-export.dto';

const XLSX = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

@Room('contacts')
@Controller('contacts')
@Resource('contacts')
export class ContactExportController {
  constructor(private readonly contacts: ContactExport) {}

  /**
   * Export contacts by the filters of the list, at most 100,000: CSV or XLSX, which `POST /contacts/import` reads again and a spreadsheet opens without taking a
   * cell for a formula; or JSON. For a spreadsheet that speaks Portuguese take XLSX: it splits CSV at `;`, this one has `,`.
   */
  @Get('export')
  @Allow('org_admin')
  @RateClass('data_export')
  @ApiProduces('text/csv', XLSX, 'application/json')
  @ApiOkResponse({
    description: 'The contacts, as they are read.',
    content: {
      'text/csv': { schema: { type: 'string', example: 'whatsapp_id,name,email\n+5511987654321,João Pereira,joao@cliente.example' } },
      [XLSX]: { schema: { type: 'string', format: 'binary' } },
      'application/json': { schema: { type: 'array', items: { type: 'object' } } },
    },
  })
  async export(@Caller() actor: Actor, @Query() query: ContactExportQuery, @Res() response: Response): Promise<void> {
    const { filename, made } = await this.contacts.export(actor, query);
    await answerMade(response, filename, made);
  }
}

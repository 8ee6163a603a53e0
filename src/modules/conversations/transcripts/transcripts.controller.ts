import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiProduces } from '@nestjs/swagger';
import type { Response } from 'express';
import { Allow, Caller, Resource } from '#access/decorators';
import { answerMade } from '#api/answer-file';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { Room } from '#common/room';
import { TranscriptQuery } from './transcript.dto';
import { Transcripts } from './transcripts.service';

const FILE = { schema: { type: 'string', format: 'binary' } };

@Room('conversations')
@Controller('conversations')
@Resource('conversations')
export class TranscriptsController {
  constructor(private readonly transcripts: Transcripts) {}

  /**
   * Export a conversation as a document to hand out, oldest message first, with the times of the organization's clocks. PDF has the newest messages alone
   * where there are very many (3,000, or 600,000 characters), and says so; TXT, CSV and JSON have all of them.
   * @throws {503} Too many documents are made at this moment (`busy`).
   */
  @Get(':conversation_id/export')
  @Allow('viewer')
  @ApiProduces('application/pdf', 'text/plain', 'text/csv', 'application/json')
  @ApiOkResponse({
    description: 'The document, as an attachment.',
    content: { 'application/pdf': FILE, 'text/plain': FILE, 'text/csv': FILE, 'application/json': FILE },
  })
  async export(
    @Caller() actor: Actor,
    @Param('conversation_id', Uuid) id: string,
    @Query() query: TranscriptQuery,
    @Res() response: Response,
  ): Promise<void> {
    const { filename, made } = await this.transcripts.export(actor, id, query);
    await answerMade(response, filename, made);
  }
}

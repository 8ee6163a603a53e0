import { Body, Controller, Get, HttpCode, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Allow, Caller } from '#access/decorators';
import { Idempotent } from '#api/idempotency';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import type { Page } from '#common/page.dto';
import { Audit } from '#modules/audit/audit.interceptor';
import { HistoryQuery } from '../conversation.dto';
import {
  composeAudio,
  composeButtons,
  composeContacts,
  composeDocument,
  composeList,
  composeLocation,
  composeMedia,
  composeTemplate,
  composeText,
} from './compose';
import { MessagePage, MessageResponse } from './message.dto';
import { MessagesService } from './messages.service';
import { SendMessage } from './send-message';
import {
  MessageStatusAnswer,
  SendAudio,
  SendButtons,
  SendContact,
  SendDocument,
  SendList,
  SendLocation,
  SendMedia,
  SendResult,
  SendTemplate,
  SendText,
} from './send.dto';

/** Sending by phone number, and every message of the organization. */
@ApiTags('whatsapp')
@Controller('whatsapp')
export class MessagesController {
  constructor(
    private readonly sending: SendMessage,
    private readonly messages: MessagesService,
  ) {}

  /** Send a text (or, with type template, a template). */
  @Post('send')
  @Allow('agent')
  @Idempotent()
  @Audit('message.sent')
  sendText(@Caller() actor: Actor, @Body() input: SendText): Promise<SendResult> {
    return this.sending.toPhone(actor, input, composeText(input));
  }

  /** Send a template. */
  @Post('send-template')
  @Allow('agent')
  @Idempotent()
  @Audit('message.sent')
  sendTemplate(@Caller() actor: Actor, @Body() input: SendTemplate): Promise<SendResult> {
    return this.sending.toPhone(actor, input, composeTemplate(input));
  }

  /** Send a file. */
  @Post('send-media')
  @Allow('agent')
  @Idempotent()
  @Audit('message.sent')
  sendMedia(@Caller() actor: Actor, @Body() input: SendMedia): Promise<SendResult> {
    return this.sending.toPhone(actor, input, composeMedia(input));
  }

  /** Send an audio or a voice note. */
  @Post('send-audio')
  @Allow('agent')
  @Idempotent()
  @Audit('message.sent')
  sendAudio(@Caller() actor: Actor, @Body() input: SendAudio): Promise<SendResult> {
    return this.sending.toPhone(actor, input, composeAudio(input));
  }

  /** Send a document. */
  @Post('send-document')
  @Allow('agent')
  @Idempotent()
  @Audit('message.sent')
  sendDocument(@Caller() actor: Actor, @Body() input: SendDocument): Promise<SendResult> {
    return this.sending.toPhone(actor, input, composeDocument(input));
  }

  /** Send a place. */
  @Post('send-location')
  @Allow('agent')
  @Idempotent()
  @Audit('message.sent')
  sendLocation(@Caller() actor: Actor, @Body() input: SendLocation): Promise<SendResult> {
    return this.sending.toPhone(actor, input, composeLocation(input));
  }

  /** Send contact cards. */
  @Post('send-contact')
  @Allow('agent')
  @Idempotent()
  @Audit('message.sent')
  sendContact(@Caller() actor: Actor, @Body() input: SendContact): Promise<SendResult> {
    return this.sending.toPhone(actor, input, composeContacts(input));
  }

  /** Send up to three reply buttons. */
  @Post('send-buttons')
  @Allow('agent')
  @Idempotent()
  @Audit('message.sent')
  sendButtons(@Caller() actor: Actor, @Body() input: SendButtons): Promise<SendResult> {
    return this.sending.toPhone(actor, input, composeButtons(input));
  }

  /** Send a list to choose from. */
  @Post('send-list')
  @Allow('agent')
  @Idempotent()
  @Audit('message.sent')
  sendList(@Caller() actor: Actor, @Body() input: SendList): Promise<SendResult> {
    return this.sending.toPhone(actor, input, composeList(input));
  }

  /**
   * List messages, newest first.
   * @throws {404} The message of `before` or `after` is not here.
   */
  @Get('messages')
  @Allow('viewer')
  @ApiOkResponse({ type: MessagePage })
  page(@Caller() actor: Actor, @Query() query: HistoryQuery): Promise<Page<MessageResponse>> {
    return this.messages.list(actor, query);
  }

  /** Read a message. */
  @Get('messages/:message_id')
  @Allow('viewer')
  get(@Caller() actor: Actor, @Param('message_id', Uuid) id: string): Promise<MessageResponse> {
    return this.messages.get(actor, id);
  }

  /** What became of a message. */
  @Get('messages/:message_id/status')
  @Allow('viewer')
  status(@Caller() actor: Actor, @Param('message_id', Uuid) id: string): Promise<MessageStatusAnswer> {
    return this.messages.status(actor, id);
  }

  /**
   * Mark a message and all before it read.
   * @throws {409} not_incoming.
   */
  @Put('messages/:message_id/read')
  @Allow('agent')
  @Audit(false)
  read(@Caller() actor: Actor, @Param('message_id', Uuid) id: string): Promise<MessageResponse> {
    return this.messages.markRead(actor, id);
  }

  /**
   * Send a failed message again, as a new one.
   * @throws {409} message_not_failed, and what a send may be refused for.
   */
  @Post('messages/:message_id/resend')
  @HttpCode(201)
  @Allow('agent')
  @Idempotent()
  @Audit('message.resent')
  resend(@Caller() actor: Actor, @Param('message_id', Uuid) id: string): Promise<MessageResponse> {
    return this.messages.resend(actor, id);
  }

  /**
   * Download a message's file; Range is served.
   * @throws {409} media_not_ready. @throws {410} media_gone.
   */
  @Get('messages/:message_id/media')
  @Allow('viewer')
  @ApiProduces('application/octet-stream')
  @ApiOkResponse({ description: 'The file.', schema: { type: 'string', format: 'binary' } })
  async file(
    @Caller() actor: Actor,
    @Param('message_id', Uuid) id: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    await this.messages.file(actor, id, request, response);
  }
}

import { Body, Controller, Get, HttpCode, Param, Post, Put, Query, Req, Res, applyDecorators } from '@nestjs/common';
import { ApiOkResponse, ApiParam, ApiProduces } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Allow, Caller, Resource } from '#access/decorators';
import { Idempotent } from '#api/idempotency';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { DEMO } from '#common/demo';
import type { Page } from '#common/page.dto';
import { Bodies, Room } from '#common/room';
import { Audit } from '#modules/audit/audit.interceptor';
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
import { MessageHistoryQuery } from './message-query.dto';
import { MessageSearchPage, MessageSearchQuery } from './message-search.dto';
import { MessagesService } from './messages.service';
import { ReactionInput } from './reaction.dto';
import { SearchMessages } from './search-messages';
import { SendMessage } from './send-message';
import { SendRefusals } from './send-refusals';
import { AGENT } from './sender';
import { SendAudio, SendButtons, SendContact, SendDocument, SendList, SendLocation, SendMedia, SendTemplate, SendText } from './send.dto';
import { MessageStatusAnswer, SendResult } from './send-answers.dto';

/** What every send has in common. */
const Sends = (): MethodDecorator => applyDecorators(Allow('agent'), Idempotent(), SendRefusals());

/** Sending by phone number, and every message of the organization. */
@Room('messages', 'Sending to a phone number, and every message of the organization.', { message_id: DEMO.message_id })
@Controller('whatsapp')
@Resource('messages')
export class MessagesController {
  constructor(
    private readonly sending: SendMessage,
    private readonly messages: MessagesService,
    private readonly search: SearchMessages,
  ) {}

  /** Send a text (or, with type template, a template). */
  @Post('send')
  @Sends()
  @Bodies({
    'a text': { to: DEMO.phone, message: 'Seu pedido saiu para entrega.' },
    'a template': { to: DEMO.phone, type: 'template', template_name: DEMO.template_name, parameters: ['João', '1042'] },
  })
  sendText(@Caller() actor: Actor, @Body() input: SendText): Promise<SendResult> {
    return this.sending.toPhone(actor, AGENT, input, composeText(input));
  }

  /** Send a template. */
  @Post('send-template')
  @Sends()
  @Bodies({
    'values in order': { to: DEMO.phone, template_name: DEMO.template_name, language: 'pt_BR', parameters: ['João', '1042'] },
    "in Meta's form": {
      to: DEMO.phone,
      template_id: DEMO.template_id,
      components: [
        {
          type: 'body',
          parameters: [
            { type: 'text', text: 'João' },
            { type: 'text', text: '1042' },
          ],
        },
      ],
    },
  })
  sendTemplate(@Caller() actor: Actor, @Body() input: SendTemplate): Promise<SendResult> {
    return this.sending.toPhone(actor, AGENT, input, composeTemplate(input));
  }

  /** Send a file. */
  @Post('send-media')
  @Sends()
  @Bodies({
    'an image at an address': { to: DEMO.phone, type: 'image', media_url: 'https://padaria.example/bolo.jpg', caption: 'O bolo de hoje' },
    'a file of yours': { to: DEMO.phone, type: 'document', media_id: DEMO.media_id, filename: 'comprovante.png' },
  })
  sendMedia(@Caller() actor: Actor, @Body() input: SendMedia): Promise<SendResult> {
    return this.sending.toPhone(actor, AGENT, input, composeMedia(input));
  }

  /** Send an audio or a voice note. */
  @Post('send-audio')
  @Sends()
  @Bodies({ 'an audio at an address': { to: DEMO.phone, audio_url: 'https://padaria.example/recado.mp3' } })
  sendAudio(@Caller() actor: Actor, @Body() input: SendAudio): Promise<SendResult> {
    return this.sending.toPhone(actor, AGENT, input, composeAudio(input));
  }

  /** Send a document. */
  @Post('send-document')
  @Sends()
  @Bodies({
    'a document at an address': { to: DEMO.phone, document_url: 'https://padaria.example/cardapio.pdf', filename: 'cardapio.pdf' },
    'a file of yours': { to: DEMO.phone, media_id: DEMO.media_id, caption: 'Seu comprovante' },
  })
  sendDocument(@Caller() actor: Actor, @Body() input: SendDocument): Promise<SendResult> {
    return this.sending.toPhone(actor, AGENT, input, composeDocument(input));
  }

  /** Send a place. */
  @Post('send-location')
  @Sends()
  @Bodies({
    'the bakery': { to: DEMO.phone, latitude: -23.5614, longitude: -46.6559, name: 'Padaria Demo', address: 'Av. Paulista, 1578' },
  })
  sendLocation(@Caller() actor: Actor, @Body() input: SendLocation): Promise<SendResult> {
    return this.sending.toPhone(actor, AGENT, input, composeLocation(input));
  }

  /** Send contact cards. */
  @Post('send-contact')
  @Sends()
  @Bodies({
    'one card': { to: DEMO.phone, contact: { name: 'Entregas', phone: '+5511987650077' } },
    'two cards': {
      to: DEMO.phone,
      contacts: [
        { name: 'Entregas', phone: '+5511987650077' },
        { name: 'Encomendas', phone: '+5511987650078', email: 'encomendas@padaria.example' },
      ],
    },
  })
  sendContact(@Caller() actor: Actor, @Body() input: SendContact): Promise<SendResult> {
    return this.sending.toPhone(actor, AGENT, input, composeContacts(input));
  }

  /** Send up to three reply buttons. */
  @Post('send-buttons')
  @Sends()
  @Bodies({
    'two buttons': {
      to: DEMO.phone,
      message: 'Podemos entregar agora?',
      buttons: [
        { id: 'yes', title: 'Sim' },
        { id: 'later', title: 'Mais tarde' },
      ],
    },
  })
  sendButtons(@Caller() actor: Actor, @Body() input: SendButtons): Promise<SendResult> {
    return this.sending.toPhone(actor, AGENT, input, composeButtons(input));
  }

  /** Send a list to choose from. */
  @Post('send-list')
  @Sends()
  @Bodies({
    'one section': {
      to: DEMO.phone,
      body: 'Qual bolo?',
      button_text: 'Ver bolos',
      sections: [
        {
          title: 'Bolos',
          rows: [
            { id: 'carrot', title: 'Cenoura' },
            { id: 'corn', title: 'Fubá', description: 'Com goiabada' },
          ],
        },
      ],
    },
  })
  sendList(@Caller() actor: Actor, @Body() input: SendList): Promise<SendResult> {
    return this.sending.toPhone(actor, AGENT, input, composeList(input));
  }

  /**
   * List messages, newest first.
   * @throws {404} The message of `before` or `after` is not here.
   */
  @Get('messages')
  @Allow('viewer')
  @ApiOkResponse({ type: MessagePage })
  page(@Caller() actor: Actor, @Query() query: MessageHistoryQuery): Promise<Page<MessageResponse>> {
    return this.messages.list(actor, query);
  }

  /**
   * Search the texts of messages, newest first; notes are not searched. Where much was found `total` says at least how many, and pages far on are reached by `cursor`.
   * @throws {503} It took too long, or too many search at once (`busy`).
   */
  @Get('messages/search')
  @Allow('viewer')
  @ApiOkResponse({ type: MessageSearchPage })
  searchTexts(@Caller() actor: Actor, @Query() query: MessageSearchQuery): Promise<MessageSearchPage> {
    return this.search.page(actor, query);
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
   * @throws {409} It is not an incoming one (`not_incoming`).
   */
  @Put('messages/:message_id/read')
  @Allow('agent')
  @Audit(false)
  read(@Caller() actor: Actor, @Param('message_id', Uuid) id: string): Promise<MessageResponse> {
    return this.messages.markRead(actor, id);
  }

  /**
   * React to a message, or take the reaction back. The business has one reaction to a message, whoever of the team gives it; the message says which.
   */
  @Post('messages/:message_id/reactions')
  @HttpCode(200)
  @Allow('agent')
  @SendRefusals('It stands in WhatsApp no longer or not yet, or is older than 30 days (`message_not_reactable`). ')
  @Bodies({ 'a reaction': { emoji: '👍' }, 'taken back': { emoji: '' } })
  react(@Caller() actor: Actor, @Param('message_id', Uuid) id: string, @Body() input: ReactionInput): Promise<MessageResponse> {
    return this.messages.react(actor, id, input.emoji);
  }

  /** Send a failed message again, as a new one. */
  @Post('messages/:message_id/resend')
  @HttpCode(201)
  @Allow('agent')
  @Idempotent()
  @SendRefusals('It did not fail, or was sent again already (`message_not_failed`). ')
  @ApiParam({ name: 'message_id', schema: { type: 'string', example: DEMO.failed_message_id } })
  resend(@Caller() actor: Actor, @Param('message_id', Uuid) id: string): Promise<MessageResponse> {
    return this.messages.resend(actor, id);
  }

  /**
   * Download a message's file; Range is served.
   * @throws {409} It is still being fetched (`media_not_ready`).
   * @throws {410} It is no longer there (`media_gone`).
   * @throws {416} The range lies outside the file (`range_not_satisfiable`).
   */
  @Get('messages/:message_id/media')
  @Allow('viewer')
  @ApiProduces('*/*')
  @ApiParam({ name: 'message_id', schema: { type: 'string', example: DEMO.file_message_id } })
  @ApiOkResponse({ description: 'The file.', schema: { type: 'string', format: 'binary' } })
  async file(
    @Caller() actor: Actor,
    @Param('message_id', Uuid) id: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    await this.messages.file(actor, id, request, response);
  }

  /**
   * Download the thumbnail of a message's image: image/webp, at most 320 pixels on the longer side. JPEG, PNG and WebP have one from when they are ready;
   * an animated, broken or very large image has none (404). Of an image that was here before there were thumbnails it is made when it is first asked for.
   * @throws {409} The file is still being fetched (`media_not_ready`).
   * @throws {410} It is no longer there (`media_gone`).
   * @throws {416} The range lies outside the file (`range_not_satisfiable`).
   */
  @Get('messages/:message_id/media/thumbnail')
  @Allow('viewer')
  @ApiProduces('image/webp')
  @ApiParam({ name: 'message_id', schema: { type: 'string', example: DEMO.file_message_id } })
  @ApiOkResponse({ description: 'The thumbnail.', schema: { type: 'string', format: 'binary' } })
  async thumbnail(
    @Caller() actor: Actor,
    @Param('message_id', Uuid) id: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    await this.messages.thumbnail(actor, id, request, response);
  }
}

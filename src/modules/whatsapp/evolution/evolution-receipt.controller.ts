import { Controller, HttpCode, Post } from '@nestjs/common';
import { ApiBody, ApiParam } from '@nestjs/swagger';
import { CountRefusals } from '#access/count-refusals';
import { Public } from '#access/decorators';
import { DEMO } from '#common/demo';
import { Bodies, Room } from '#common/room';
import { Audit } from '#modules/audit/audit.interceptor';
import { WebhookAck } from '../receipt/webhook-ack.dto';

const BODY = {
  schema: {
    type: 'object',
    required: ['event', 'instance', 'data'],
    properties: { event: { type: 'string' }, instance: { type: 'string' }, data: {} },
  },
};

const TOKEN = { name: 'webhook_token', schema: { type: 'string', format: 'uuid', example: DEMO.webhook_token } } as const;

const BODIES = {
  'a text': {
    event: 'messages.upsert',
    instance: 'pytake_019aa000_5511987654321',
    data: {
      key: { remoteJid: '5511987650009@s.whatsapp.net', fromMe: false, id: '3EB0C431C26A1916E07E' },
      pushName: 'Carla',
      messageType: 'conversation',
      message: { conversation: 'Bom dia!' },
      messageTimestamp: 1795176000,
    },
  },
};

/** Where the Evolution servers deliver: one address for each number, which `webhook_callback_url` of the number shows. */
@Room('whatsapp-receipt', 'Where Meta and Evolution tell what happened. For them; nobody else can sign, or knows the address.')
@Controller('whatsapp/webhook/evolution')
@CountRefusals('webhook')
export class EvolutionReceiptController {
  /**
   * Take a webhook of Evolution. Answered once it is stored.
   * @throws {403} An `X-PyTake-Token` that is not the number's (`invalid_signature`).
   * @throws {404} Nobody has this token.
   * @throws {408} The body did not arrive in time (`request_timeout`).
   * @throws {413} More than 30 MB, or more than 1 MB beside the files (`payload_too_large`).
   * @throws {429} Too many refused requests came from this address (`rate_limit_exceeded`).
   * @throws {503} It could not be stored now, or too much of this organization waits already: send it again.
   */
  @Post(':webhook_token')
  @HttpCode(200)
  @Public()
  // What came in is a row of inbound_events; nobody did it.
  @Audit(false)
  @ApiParam(TOKEN)
  @ApiBody(BODY)
  @Bodies(BODIES)
  receive(): WebhookAck {
    throw new Error('EvolutionReceiptDoor answers these.');
  }

  /**
   * Take a webhook of an Evolution instance that adds the event to the address.
   * @throws {403} An `X-PyTake-Token` that is not the number's (`invalid_signature`).
   * @throws {404} Nobody has this token.
   * @throws {408} The body did not arrive in time (`request_timeout`).
   * @throws {413} More than 30 MB, or more than 1 MB beside the files (`payload_too_large`).
   * @throws {429} Too many refused requests came from this address (`rate_limit_exceeded`).
   * @throws {503} It could not be stored now, or too much of this organization waits already: send it again.
   */
  @Post(':webhook_token/:event_slug')
  @HttpCode(200)
  @Public()
  @Audit(false)
  @ApiParam(TOKEN)
  @ApiParam({ name: 'event_slug', schema: { type: 'string', example: 'messages-upsert' } })
  @ApiBody(BODY)
  @Bodies(BODIES)
  receiveEvent(): WebhookAck {
    throw new Error('EvolutionReceiptDoor answers these.');
  }
}

import { Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { Response } from 'express';
import { ApiBody, ApiOkResponse, ApiProduces, ApiQuery } from '@nestjs/swagger';
import { CountRefusals } from '#access/count-refusals';
import { Public } from '#access/decorators';
import type { AppRequest } from '#access/request';
import { Forbidden, Invalid } from '#common/errors';
import { Bodies, Room } from '#common/room';
import { Audit } from '#modules/audit/audit.interceptor';
import { SIMULATOR_DEMO_NUMBER } from '#modules/simulator/simulator-number';
import { WebhookAck } from '../receipt/webhook-ack.dto';
import { Receipt } from './receive';

/** Where Meta delivers. One URL for all numbers of all organizations. */
@Room('whatsapp-receipt', 'Where Meta and Evolution tell what happened. For them; nobody else can sign, or knows the address.')
@Controller('whatsapp/webhook')
@CountRefusals('webhook')
export class ReceiptController {
  constructor(private readonly receipt: Receipt) {}

  /**
   * Verify the webhook for Meta.
   * @throws {403} The token is not one of ours (`invalid_verify_token`).
   */
  @Get()
  @Public()
  @ApiProduces('text/plain')
  @ApiQuery({ name: 'hub.mode', schema: { type: 'string', example: 'subscribe' } })
  @ApiQuery({ name: 'hub.verify_token', schema: { type: 'string', example: 'your META_WEBHOOK_VERIFY_TOKEN' } })
  @ApiQuery({ name: 'hub.challenge', schema: { type: 'string', example: '1158201444' } })
  @ApiOkResponse({ description: 'The challenge, bare.', schema: { type: 'string', example: '1158201444' } })
  async verify(@Req() request: AppRequest, @Res({ passthrough: true }) response: Response): Promise<string> {
    const query = new URL(request.originalUrl, 'http://localhost').searchParams;
    const [mode, token, challenge] = ['hub.mode', 'hub.verify_token', 'hub.challenge'].map((name) => {
      const value = query.get(name);
      if (value === null) throw Invalid.query(name, `${name} is missing`, 'missing');
      return value;
    });
    if (mode !== 'subscribe' || !(await this.receipt.knowsVerifyToken(token)))
      throw new Forbidden(
        'invalid_verify_token',
        'The verify token is not one of ours: copy it from the number or from META_WEBHOOK_VERIFY_TOKEN.',
      );
    // Not by @Header: a refusal is JSON.
    response.type('text/plain');
    return challenge;
  }

  /**
   * Take a webhook of Meta. Answered once it is stored; signed requests are never rate limited.
   * @throws {403} The signature over the raw body is missing or wrong (`invalid_signature`).
   * @throws {408} The body did not arrive in time (`request_timeout`).
   * @throws {429} Too many refused requests came from this address (`rate_limit_exceeded`).
   * @throws {503} It could not be stored now, or too much of this organization waits already: send it again.
   */
  @Post()
  @HttpCode(200)
  @Public()
  // What came in is a row of inbound_events; nobody did it.
  @Audit(false)
  @ApiBody({
    schema: {
      type: 'object',
      required: ['object', 'entry'],
      properties: { object: { type: 'string' }, entry: { type: 'array', items: {} } },
    },
  })
  @Bodies({
    'a text to the number of the demo': {
      object: 'whatsapp_business_account',
      entry: [
        {
          id: SIMULATOR_DEMO_NUMBER.waba_id,
          changes: [
            {
              field: 'messages',
              value: {
                messaging_product: 'whatsapp',
                metadata: { display_phone_number: '551140000001', phone_number_id: SIMULATOR_DEMO_NUMBER.phone_number_id },
                contacts: [{ profile: { name: 'Carla' }, wa_id: '5511987650009' }],
                messages: [
                  { from: '5511987650009', id: 'wamid.example1', timestamp: '1795176000', type: 'text', text: { body: 'Bom dia!' } },
                ],
              },
            },
          ],
        },
      ],
    },
  })
  receive(): WebhookAck {
    throw new Error('ReceiptDoor answers these.');
  }
}

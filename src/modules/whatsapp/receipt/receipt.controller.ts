import { Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { Response } from 'express';
import { ApiBody, ApiOkResponse, ApiProduces, ApiProperty, ApiQuery, ApiTags } from '@nestjs/swagger';
import { CountRefusals } from '#access/count-refusals';
import { Public } from '#access/decorators';
import type { AppRequest } from '#access/request';
import { Forbidden, Invalid } from '#common/errors';
import { Audit } from '#modules/audit/audit.interceptor';
import { Receipt } from './receive';

class WebhookAck {
  @ApiProperty({ enum: ['ok'], example: 'ok' })
  status: 'ok';
}

const ACK: WebhookAck = { status: 'ok' };

/** Where Meta delivers. One URL for all numbers of all organizations. */
@ApiTags('whatsapp')
@Controller('whatsapp/webhook')
@CountRefusals('webhook')
export class ReceiptController {
  constructor(private readonly receipt: Receipt) {}

  /**
   * Verify the webhook for Meta.
   * @throws {403} The token is not one of ours.
   */
  @Get()
  @Public()
  @ApiProduces('text/plain')
  @ApiQuery({ name: 'hub.mode', schema: { type: 'string', example: 'subscribe' } })
  @ApiQuery({ name: 'hub.verify_token', schema: { type: 'string' } })
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
   * @throws {403} The signature over the raw body is missing or wrong.
   * @throws {429} Too many refused requests came from this address.
   * @throws {503} It could not be stored now, or too much of this organization waits already: send it again.
   */
  @Post()
  @HttpCode(200)
  @Public()
  // What came in is a row of inbound_events; nobody did it.
  @Audit(false)
  @ApiBody({ schema: { type: 'object', example: { object: 'whatsapp_business_account', entry: [] } } })
  async receive(@Req() request: AppRequest): Promise<WebhookAck> {
    await this.receipt.receive(request);
    return ACK;
  }
}

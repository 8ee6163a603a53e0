import { Injectable, type NestMiddleware } from '@nestjs/common';
import type { NextFunction, Response } from 'express';
import type { AppRequest } from '#access/request';
import { ThrottleGuard } from '#access/throttle';
import { Forbidden, NotFound } from '#common/errors';
import { EvolutionReceipt } from './receive';

const ACK = JSON.stringify({ status: 'ok' });

/** Where Evolution's webhooks are answered, as Meta's are: before Nest's guards and interceptors. EvolutionReceiptController describes the route. */
@Injectable()
export class EvolutionReceiptDoor implements NestMiddleware {
  constructor(
    private readonly receipt: EvolutionReceipt,
    private readonly throttle: ThrottleGuard,
  ) {}

  async use(request: AppRequest, response: Response, _next: NextFunction): Promise<void> {
    const { webhook_token, event_slug } = request.params;
    try {
      await this.receipt.receive(request, String(webhook_token), event_slug === undefined ? undefined : String(event_slug));
    } catch (error) {
      if (error instanceof Forbidden || error instanceof NotFound) await this.throttle.hit(request, response, 'webhook', null);
      throw error;
    }
    response.setHeader('Content-Type', 'application/json; charset=utf-8').setHeader('Content-Length', ACK.length);
    response.end(ACK);
  }
}

import { Injectable, type NestMiddleware } from '@nestjs/common';
import type { NextFunction, Response } from 'express';
import type { AppRequest } from '#access/request';
import { ThrottleGuard } from '#access/throttle';
import { Forbidden } from '#common/errors';
import { Receipt } from './receive';

const ACK = JSON.stringify({ status: 'ok' });

/**
 * Where webhooks are answered: before Nest's guards and interceptors, which have nothing to say of them and would cost a tenth of what a message costs.
 * ReceiptController describes the route.
 */
@Injectable()
export class ReceiptDoor implements NestMiddleware {
  constructor(
    private readonly receipt: Receipt,
    private readonly throttle: ThrottleGuard,
  ) {}

  async use(request: AppRequest, response: Response, _next: NextFunction): Promise<void> {
    try {
      await this.receipt.receive(request);
    } catch (error) {
      if (error instanceof Forbidden) await this.throttle.hit(request, response, 'webhook', null);
      throw error;
    }
    response.setHeader('Content-Type', 'application/json; charset=utf-8').setHeader('Content-Length', ACK.length);
    response.end(ACK);
  }
}

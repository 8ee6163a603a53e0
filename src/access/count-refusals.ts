import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  SetMetadata,
  UseInterceptors,
  applyDecorators,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ApiExtension } from '@nestjs/swagger';
import { type Observable, catchError } from 'rxjs';
import { Forbidden } from '#common/errors';
import type { RateLimitClass } from '#config/rate-classes';
import { RateClass } from './decorators';
import { requestOf, responseOf } from './request';
import { ThrottleGuard } from './throttle';

const REFUSAL_CLASS = 'access:refusal-class';

/** Counts what a route refuses with 403. */
@Injectable()
class RefusalCounter implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    private readonly throttle: ThrottleGuard,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(catchError((error: unknown) => this.count(context, error)));
  }

  private async count(context: ExecutionContext, error: unknown): Promise<never> {
    if (error instanceof Forbidden) {
      const name = this.reflector.get<RateLimitClass>(REFUSAL_CLASS, context.getClass());
      await this.throttle.hit(requestOf(context), responseOf(context), name, null);
    }
    throw error;
  }
}

/** Only refusals count in the class, and beyond its limit they are 429: who is let in is never limited. */
export const CountRefusals = (name: RateLimitClass): ClassDecorator =>
  applyDecorators(SetMetadata(REFUSAL_CLASS, name), RateClass('none'), ApiExtension('x-rate-limit', name), UseInterceptors(RefusalCounter));

import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  UseInterceptors,
  applyDecorators,
} from '@nestjs/common';
import { type Observable, catchError, mergeMap } from 'rxjs';
import { Invalid } from '#common/errors';
import { RateClass } from './decorators';
import { requestOf, responseOf } from './request';
import { ThrottleGuard } from './throttle';

/** Gives back what the guard counted, once the token was seen to be good. */
@Injectable()
class GoodTokens implements NestInterceptor {
  constructor(private readonly throttle: ThrottleGuard) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const giveBack = (): Promise<void> => this.throttle.giveBack(requestOf(context), responseOf(context), 'auth_token');
    return next.handle().pipe(
      catchError(async (error: unknown) => {
        // The policy is asked about a password only where the token is good.
        if (error instanceof Invalid && error.details?.some(({ type }) => type === 'password_policy')) await giveBack();
        throw error;
      }),
      mergeMap(async (answer: unknown) => {
        await giveBack();
        return answer;
      }),
    );
  }
}

/** Counts who brings mailed tokens that are not good: an office behind one address may accept as many invitations as it was sent. */
export const CountGuesses = (): MethodDecorator => applyDecorators(RateClass('auth_token'), UseInterceptors(GoodTokens));

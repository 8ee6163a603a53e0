import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { Response } from 'express';
import { type Observable, map } from 'rxjs';

/** X-Total-Count on every list. */
@Injectable()
export class EnvelopeInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType<string>() !== 'http') return next.handle();
    return next.handle().pipe(
      map((answer: unknown) => {
        if (answer !== null && typeof answer === 'object' && 'total_pages' in answer && 'total' in answer)
          context.switchToHttp().getResponse<Response>().setHeader('X-Total-Count', String(answer.total));
        return answer;
      }),
    );
  }
}

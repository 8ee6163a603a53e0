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
        const list = answer as { total_pages?: number; total?: number } | null | undefined;
        if (list?.total_pages !== undefined && list.total !== undefined)
          context.switchToHttp().getResponse<Response>().setHeader('X-Total-Count', String(list.total));
        return answer;
      }),
    );
  }
}

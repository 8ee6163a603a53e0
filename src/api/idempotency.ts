import { createHash } from 'node:crypto';
import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  UseInterceptors,
  applyDecorators,
} from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import { type Observable, from } from 'rxjs';
import { lastValueFrom } from 'rxjs';
import type { AppRequest } from '#access/request';
import type { ErrorCode } from '#common/error-codes';
import { AppError, Conflict, Invalid } from '#common/errors';
import { Database } from '#database/database';
import { toAppError } from './errors.filter';

const KEY_MAX = 128;
/** A second request with the same key waits this long for the first one's answer. */
const WAIT_MS = 10_000;
const POLL_MS = 50;

interface Kept {
  fingerprint: string;
  status_code: number | null;
  answer: { body?: unknown; error_code?: ErrorCode; message?: string } | null;
  expired: boolean;
}

/**
 * `Idempotency-Key`, Stripe's rules: the first answer is kept for 24 hours and given again, a 500 included; another body under the same key is a
 * conflict; two at once have one effect and the other waits. What was refused before anything happened (4xx) is not kept: it may be put right.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(private readonly database: Database) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType<string>() !== 'http') return next.handle();
    const request = context.switchToHttp().getRequest<AppRequest>();
    const key = request.get('idempotency-key');
    if (key === undefined || !request.actor) return next.handle();
    if (!key || key.length > KEY_MAX)
      throw new Invalid([
        { loc: ['header', 'Idempotency-Key'], msg: `Idempotency-Key has 1 to ${KEY_MAX} characters`, type: 'string_length' },
      ]);
    return from(this.once(request, request.actor.organization_id, key, () => lastValueFrom(next.handle())));
  }

  private async once(request: AppRequest, organization_id: string, key: string, run: () => Promise<unknown>): Promise<unknown> {
    const print = fingerprint(request);
    for (const until = Date.now() + WAIT_MS; ; await new Promise((resolve) => setTimeout(resolve, POLL_MS))) {
      const [taken] = await this.database.rows<unknown>(
        `INSERT INTO idempotency_keys (organization_id, key, fingerprint) VALUES ($1, $2, $3)
         ON CONFLICT (organization_id, key) DO UPDATE SET fingerprint = excluded.fingerprint, status_code = NULL, answer = NULL, created_at = now()
           WHERE idempotency_keys.created_at < now() - interval '24 hours'
         RETURNING 1`,
        [organization_id, key, print],
      );
      if (taken) return this.first(organization_id, key, run);
      const [kept] = await this.database.rows<Kept>(
        'SELECT fingerprint, status_code, answer FROM idempotency_keys WHERE organization_id = $1 AND key = $2',
        [organization_id, key],
      );
      // Given up by the first one between our two looks: ours is the first now.
      if (!kept) continue;
      if (kept.fingerprint !== print)
        throw new Conflict('idempotency_key_reused', 'This Idempotency-Key was used with another request. Use a new one.');
      if (kept.status_code !== null) {
        if (kept.status_code >= 500)
          throw new AppError(
            kept.status_code,
            kept.answer?.error_code ?? 'internal_error',
            kept.answer?.message ?? 'The first request failed.',
          );
        request.is_repeat = true;
        return kept.answer?.body;
      }
      if (Date.now() > until)
        throw new Conflict(
          'idempotency_key_in_use',
          'A request with this Idempotency-Key is still at work, or was cut off. Look whether it took effect before you use a new key.',
        );
    }
  }

  private async first(organization_id: string, key: string, run: () => Promise<unknown>): Promise<unknown> {
    const id = [organization_id, key];
    const keep = (status_code: number, answer: object): Promise<unknown> =>
      this.database.rows('UPDATE idempotency_keys SET status_code = $3, answer = $4 WHERE organization_id = $1 AND key = $2', [
        ...id,
        status_code,
        JSON.stringify(answer),
      ]);
    try {
      const body = await run();
      await keep(201, { body });
      return body;
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error.status === 500) await keep(500, { error_code: error.error_code, message: error.message });
      else await this.database.rows('DELETE FROM idempotency_keys WHERE organization_id = $1 AND key = $2', id);
      throw error;
    }
  }
}

/** What makes two requests the same: route and body. */
const fingerprint = (request: AppRequest): string =>
  createHash('sha256')
    .update(`${request.method} ${request.originalUrl}\n${JSON.stringify(request.body ?? null)}`)
    .digest('hex');

/** The route honours `Idempotency-Key`. */
export const Idempotent = (): MethodDecorator & ClassDecorator =>
  applyDecorators(
    UseInterceptors(IdempotencyInterceptor),
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description: 'Repeat the request with the same key to get the first answer again instead of a second effect (24 hours).',
      schema: { type: 'string', maxLength: KEY_MAX },
    }),
  );

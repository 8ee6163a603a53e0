import { AsyncLocalStorage } from 'node:async_hooks';
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
import { type Observable, from, lastValueFrom } from 'rxjs';
import type { AppRequest } from '#access/request';
import type { ErrorCode } from '#common/error-codes';
import { AppError, Conflict, Invalid } from '#common/errors';
import { Database } from '#database/database';
import type { Sql } from '#database/sql';
import { toAppError } from './errors.filter';

const KEY_MAX = 128;
/** A second request with the same key waits this long for the first one's answer. */
const WAIT_MS = 10_000;
const POLL_MS = 50;
/** A first request that has no answer by then was cut off: the next one does the work, and what the first still does is undone. */
const LEASE_SECONDS = 30;

interface Kept {
  fingerprint: string;
  status_code: number | null;
  answer: { body?: unknown; error_code?: ErrorCode; message?: string } | null;
}

/** A first request at work; `claimed_at` is whose turn it is. */
interface Claim {
  organization_id: string;
  key: string;
  claimed_at: Date;
  is_answered?: true;
}

const claims = new AsyncLocalStorage<Claim>();

const KEEP = `UPDATE idempotency_keys SET status_code = $4, answer = $5
  WHERE organization_id = $1 AND key = $2 AND created_at = $3 AND status_code IS NULL RETURNING 1`;

const cutOff = (): Conflict =>
  new Conflict(
    'idempotency_key_in_use',
    'A request with this Idempotency-Key is still at work, or was cut off. Send it again in half a minute.',
  );

/**
 * `Idempotency-Key`, Stripe's rules: the first answer is kept for 24 hours and given again, a 500 included; another body under the same key is a
 * conflict; two at once have one effect and the other waits. What was refused before anything happened (4xx) is not kept: it may be put right.
 * The answer is written in the transaction that does the work (`tx.answer`): after a crash there are both or neither.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(private readonly database: Database) {
    database.keepAnswersIn(this);
  }

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

  /** Keeps the answer of the request that runs, if it has a key, with what it did. */
  async keep(sql: Sql, body: object): Promise<void> {
    const claim = claims.getStore();
    if (!claim) return;
    if (!(await settle(sql, claim, 201, { body }))) throw cutOff();
    claim.is_answered = true;
  }

  private async once(request: AppRequest, organization_id: string, key: string, run: () => Promise<unknown>): Promise<unknown> {
    const print = fingerprint(request);
    for (const until = Date.now() + WAIT_MS; ; await new Promise((resolve) => setTimeout(resolve, POLL_MS))) {
      const [claim] = await this.database.rows<Claim | undefined>(
        `INSERT INTO idempotency_keys AS k (organization_id, key, fingerprint) VALUES ($1, $2, $3)
         ON CONFLICT (organization_id, key) DO UPDATE SET fingerprint = excluded.fingerprint, status_code = NULL, answer = NULL, created_at = now()
           WHERE k.created_at < now() - interval '24 hours'
              OR (k.status_code IS NULL AND k.fingerprint = excluded.fingerprint AND k.created_at < now() - make_interval(secs => $4))
         RETURNING organization_id, key, created_at AS claimed_at`,
        [organization_id, key, print, LEASE_SECONDS],
      );
      if (claim) return claims.run(claim, () => this.first(claim, run));
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
      if (Date.now() > until) throw cutOff();
    }
  }

  private async first(claim: Claim, run: () => Promise<unknown>): Promise<unknown> {
    try {
      const body = await run();
      // A route whose work does not say its answer.
      if (!claim.is_answered) await settle(this.database, claim, 201, { body });
      return body;
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error.status === 500) await settle(this.database, claim, 500, { error_code: error.error_code, message: error.message });
      else await this.database.rows(FREE, [claim.organization_id, claim.key, claim.claimed_at]);
      throw error;
    }
  }
}

const FREE = 'DELETE FROM idempotency_keys WHERE organization_id = $1 AND key = $2 AND created_at = $3 AND status_code IS NULL';

/** False: it has an answer, or another request is at it by now. */
async function settle(sql: Sql, { organization_id, key, claimed_at }: Claim, status_code: number, answer: object): Promise<boolean> {
  const { length } = await sql.rows(KEEP, [organization_id, key, claimed_at, status_code, JSON.stringify(answer)]);
  return length > 0;
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

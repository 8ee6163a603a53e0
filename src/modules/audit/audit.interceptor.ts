import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { GqlExecutionContext } from '@nestjs/graphql';
import { type Observable, from, lastValueFrom } from 'rxjs';
import { type AppRequest, requestOf } from '#access/request';
import type { Act } from '#database/tx';
import { type AuditRequest, AuditService, auditRequestOf, idOf, singular } from './audit.service';

export const AUDIT = 'audit:written';

/** `@Audit(false)`: the route writes no entry (a provider's door, a query by POST). What others are called their service says: `tx.audit`. */
export const Audit = (written: false): MethodDecorator & ClassDecorator => SetMetadata(AUDIT, written);

const READING = new Set(['GET', 'HEAD', 'OPTIONS']);
const PARTIAL = /^(?:PUT|PATCH)$/;

/**
 * Gives what a service says of an act its request, and keeps the answer until the entry is kept. A net besides: a POST, PUT, PATCH, DELETE or
 * mutation that succeeds, and of which no service spoke, has an entry by its handler's name.
 */
@Injectable()
export class AuditInterceptor implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    private readonly audit: AuditService,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const written = this.reflector.getAllAndOverride<false | undefined>(AUDIT, [context.getHandler(), context.getClass()]);
    if (written === false || context.getType<string>() === 'ws') return next.handle();
    const request = auditRequestOf(requestOf(context));
    return from(this.audit.within(request, () => this.answer(context, next, request)));
  }

  private async answer(context: ExecutionContext, next: CallHandler, request: AuditRequest): Promise<unknown> {
    try {
      const answer: unknown = await lastValueFrom(next.handle());
      const http = requestOf(context);
      if (!request.spoken && !http.is_repeat && writes(context))
        await this.audit.record(http.actor ?? null, actionOf(context), describe(context, http, answer));
      return answer;
    } finally {
      request.over = true;
      await Promise.all(request.entries);
    }
  }
}

function writes(context: ExecutionContext): boolean {
  if (context.getType<string>() !== 'graphql') return !READING.has(requestOf(context).method);
  return GqlExecutionContext.create(context).getInfo<{ parentType: { name: string } }>().parentType.name === 'Mutation';
}

/** `AgentSkillsController.create` → `agent_skill.create` */
function actionOf(context: ExecutionContext): string {
  const plural = context
    .getClass()
    .name.replace(/(Controller|Resolver)$/, '')
    .replace(/(?<=[a-z])(?=[A-Z])/g, '_')
    .toLowerCase();
  return `${singular(plural)}.${context.getHandler().name}`;
}

function describe(context: ExecutionContext, http: AppRequest, answer: unknown): Act {
  const graphql = context.getType<string>() === 'graphql';
  const args = graphql ? GqlExecutionContext.create(context).getArgs<Record<string, unknown>>() : http.params;
  const id = idOf(args) ?? idOf(fieldsOf(answer));
  // What a partial update asks for.
  const asked = graphql ? idOf(args) && args.input : PARTIAL.test(http.method) && (http.body as unknown);
  return { ...(id && { resource: { id, name: nameOf(answer) } }), after: fieldsOf(asked) };
}

const fieldsOf = (value: unknown): Record<string, unknown> =>
  value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {};

function nameOf(answer: unknown): string | null {
  const { name, full_name, title, key } = fieldsOf(answer);
  return [name, full_name, title, key].find((value): value is string => typeof value === 'string' && value !== '') ?? null;
}

import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { GqlExecutionContext } from '@nestjs/graphql';
import { type Observable, concatMap } from 'rxjs';
import { type AppRequest, requestOf } from '#access/request';
import { type AuditNote, AuditService, auditRequestOf, idOf, singular } from './audit.service';
import type { AuditChanges } from './audit-log.entity';

const AUDIT = 'audit:action';

/** The action of a route's entry, e.g. `contact.created`; `false`: the route writes none (a provider's door, a query by POST). */
export const Audit = (action: string | false): MethodDecorator & ClassDecorator => SetMetadata(AUDIT, action);

const READING = new Set(['GET', 'HEAD', 'OPTIONS']);
const PARTIAL = /^(?:PUT|PATCH)$/;

/** One entry for every POST, PUT, PATCH, DELETE and mutation that succeeds, kept before the answer leaves; a room's own words come first. */
@Injectable()
export class AuditInterceptor implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    private readonly audit: AuditService,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const action = this.reflector.getAllAndOverride<string | false | undefined>(AUDIT, [context.getHandler(), context.getClass()]);
    if (action === false || !writes(context)) return next.handle();

    const http = requestOf(context);
    const facts = auditRequestOf(http);
    return this.audit
      .within(facts, () => next.handle())
      .pipe(
        concatMap(async (answer: unknown) => {
          if (!facts.spoken)
            await this.audit.within(facts, () => this.audit.record(http.actor ?? null, describe(context, http, action, answer)));
          return answer;
        }),
      );
  }
}

function writes(context: ExecutionContext): boolean {
  const type = context.getType<'http' | 'graphql' | 'ws'>();
  if (type === 'http') return !READING.has(requestOf(context).method);
  return (
    type === 'graphql' && GqlExecutionContext.create(context).getInfo<{ parentType: { name: string } }>().parentType.name === 'Mutation'
  );
}

function describe(context: ExecutionContext, http: AppRequest, action: string | undefined, answer: unknown): AuditNote {
  const graphql = context.getType<string>() === 'graphql';
  const args = graphql ? GqlExecutionContext.create(context).getArgs<Record<string, unknown>>() : http.params;
  const input = graphql ? args.input : PARTIAL.test(http.method) ? (http.body as unknown) : undefined;
  const changed = graphql ? idOf(args) !== null : true;
  return {
    action: action ?? `${resourceOf(context)}.${context.getHandler().name}`,
    resource_id: idOf(args) ?? idOf(fieldsOf(answer)),
    resource_name: nameOf(answer),
    changes: changed ? changesOf(input) : {},
  };
}

/** `AgentSkillsController` → `agent_skill` */
const resourceOf = (context: ExecutionContext): string =>
  singular(
    context
      .getClass()
      .name.replace(/(Controller|Resolver)$/, '')
      .replace(/(?<=[a-z])(?=[A-Z])/g, '_')
      .toLowerCase(),
  );

const fieldsOf = (value: unknown): Record<string, unknown> =>
  value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {};

function nameOf(answer: unknown): string | null {
  const { name, full_name, title, key } = fieldsOf(answer);
  return [name, full_name, title, key].find((value): value is string => typeof value === 'string' && value !== '') ?? null;
}

/** What a partial update asked for. Rooms that know what was there before say so themselves (`diff`). */
const changesOf = (input: unknown): AuditChanges =>
  Object.fromEntries(Object.entries(fieldsOf(input)).map(([field, to]) => [field, { to }]));

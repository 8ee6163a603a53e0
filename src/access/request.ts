import type { ExecutionContext } from '@nestjs/common';
import { GqlExecutionContext } from '@nestjs/graphql';
import type { Request, Response } from 'express';
import type { Actor } from '#common/actor';
import type { Session } from './sessions';

/** An HTTP request with what our middlewares and guards know of it. */
export interface AppRequest extends Request {
  /** X-Request-ID, echoed or made. */
  request_id?: string;
  actor?: Actor;
  session?: Session;
  /** Where the organization the actor acts in lets people in from (CIDR); empty: anywhere. */
  allowed_ip_ranges?: readonly string[];
  /** The route reads the body itself: webhooks' raw bytes. */
  reads_own_body?: true;
  /** Nothing is done: the answer an earlier request was given is given again. */
  is_repeat?: true;
}

/** The request of a REST or GraphQL call. */
export function requestOf(context: ExecutionContext): AppRequest {
  if (context.getType<'http' | 'graphql' | 'ws'>() === 'graphql')
    return GqlExecutionContext.create(context).getContext<{ req: AppRequest }>().req;
  return context.switchToHttp().getRequest<AppRequest>();
}

export function responseOf(context: ExecutionContext): Response {
  if (context.getType<'http' | 'graphql' | 'ws'>() === 'graphql')
    return GqlExecutionContext.create(context).getContext<{ req: AppRequest & { res: Response } }>().req.res;
  return context.switchToHttp().getResponse<Response>();
}

import { type ExecutionContext, createParamDecorator } from '@nestjs/common';
import { requestOf } from '#access/request';

/** Where a login comes from; kept with its session. */
export interface Client {
  ip: string | null;
  user_agent: string | null;
}

export const FromClient = createParamDecorator((_: unknown, context: ExecutionContext): Client => {
  const request = requestOf(context);
  return { ip: request.ip ?? null, user_agent: request.get('user-agent')?.slice(0, 512) ?? null };
});

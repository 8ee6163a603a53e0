import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Allow, Caller, OwnAccount } from '#access/decorators';
import { IdArg } from '#api/graphql-id';
import type { Actor } from '#common/actor';
import { SuccessResponse } from '#common/success.dto';
import { SessionArgs, SessionList } from './own-session.dto';
import { OwnSessions } from './own-sessions';

@Resolver()
@OwnAccount()
export class OwnSessionsResolver {
  constructor(private readonly own: OwnSessions) {}

  @Query(() => SessionList, { description: 'Where you are signed in.' })
  @Allow('viewer')
  sessions(@Caller() actor: Actor, @Args() query: SessionArgs): Promise<SessionList> {
    return this.own.page(actor, query);
  }

  @Mutation(() => SuccessResponse, { description: 'End one of your sessions: its tokens and its sockets are dead at once.' })
  @Allow('viewer')
  async deleteSession(@Caller() actor: Actor, @IdArg() id: string): Promise<SuccessResponse> {
    await this.own.end(actor, id);
    return { success: true, message: 'Session ended' };
  }
}

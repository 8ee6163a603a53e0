import { Args, Context, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Allow, Caller, Resource } from '#access/decorators';
import type { AppRequest } from '#access/request';
import { IdArg } from '#api/graphql-id';
import type { Actor } from '#common/actor';
import type { Page } from '#common/page.dto';
import { SuccessResponse } from '#common/success.dto';
import { OnlineUser, OnlineUserArgs, WsBroadcast, WsBroadcastResult, WsConnection, WsConnectionArgs, WsStats } from './websocket.dto';
import { WebsocketService, scopeOf } from './websocket.service';

@Resolver(() => WsConnection)
@Resource('users')
export class WebsocketResolver {
  constructor(private readonly sockets: WebsocketService) {}

  @Query(() => WsConnection, { nullable: true, description: 'One open socket.' })
  @Allow('org_admin')
  websocket_connection(@Caller() actor: Actor, @IdArg() id: string): Promise<WsConnection> {
    return this.sockets.get(actor, id);
  }

  @Query(() => [WsConnection], { description: 'A page of open sockets, newest first.' })
  @Allow('org_admin')
  websocket_connections(@Caller() actor: Actor, @Args() query: WsConnectionArgs): Promise<Page<WsConnection>> {
    return this.sockets.page(actor, query);
  }

  @Query(() => WsStats, { description: 'Open sockets in numbers; super admins: of all organizations.' })
  @Allow('viewer')
  websocket_stats(@Caller() actor: Actor, @Context('req') request: AppRequest): Promise<WsStats> {
    return this.sockets.stats(scopeOf(actor, request.get('x-organization-id')));
  }

  @Query(() => [OnlineUser], { description: 'A page of who is online.' })
  @Allow('viewer')
  online_users(@Caller() actor: Actor, @Args() query: OnlineUserArgs): Promise<Page<OnlineUser>> {
    return this.sockets.online(actor, query);
  }

  @Mutation(() => WsBroadcastResult, { description: 'Announce something to everybody who is connected, or to those of a role.' })
  @Allow('org_admin')
  sendAnnouncement(@Caller() actor: Actor, @Args('input') input: WsBroadcast): Promise<WsBroadcastResult> {
    return this.sockets.broadcast(actor, input);
  }

  @Mutation(() => SuccessResponse, { description: 'Close a socket; the client may connect again.' })
  @Allow('org_admin')
  async deleteWebsocketConnection(@Caller() actor: Actor, @IdArg() id: string): Promise<SuccessResponse> {
    await this.sockets.drop(actor, id);
    return { success: true, message: 'Connection closed' };
  }
}

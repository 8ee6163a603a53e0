import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import { Allow, Caller, Resource } from '#access/decorators';
import type { AppRequest } from '#access/request';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { DEMO } from '#common/demo';
import { Bodies, Room } from '#common/room';
import {
  OnlineUserList,
  OnlineUserQuery,
  WsBroadcast,
  WsBroadcastResult,
  WsConnection,
  WsConnectionList,
  WsConnectionQuery,
  WsStats,
} from './websocket.dto';
import { WebsocketService, scopeOf } from './websocket.service';

@Room('websocket', 'Who is connected to the sockets now, on all nodes; they themselves are in `/api/v1/realtime`.', {
  connection_id: DEMO.connection_id,
})
@Controller('websocket')
@Resource('users')
export class WebsocketController {
  constructor(private readonly sockets: WebsocketService) {}

  /** List the open sockets of the organization, newest first. `search` looks in names. */
  @Get()
  @Allow('org_admin')
  page(@Caller() actor: Actor, @Query() query: WsConnectionQuery): Promise<WsConnectionList> {
    return this.sockets.page(actor, query);
  }

  /** Open sockets in numbers. super_admin sees those of all organizations, or of the one of `X-Organization-Id`. */
  @Get('stats')
  @Allow('viewer')
  stats(@Caller() actor: Actor, @Req() request: AppRequest): Promise<WsStats> {
    return this.sockets.stats(scopeOf(actor, request.get('x-organization-id')));
  }

  /** List who is online: who has a socket, or had one within the last minute. Sorted and searched as users are. */
  @Get('online-users')
  @Allow('viewer')
  online(@Caller() actor: Actor, @Query() query: OnlineUserQuery): Promise<OnlineUserList> {
    return this.sockets.online(actor, query);
  }

  /** Announce something to everybody who is connected, or to those of a role: socket event `announcement`. */
  @Post('broadcast')
  @HttpCode(200)
  @Allow('org_admin')
  @Bodies({
    'to everybody': { message: 'O sistema reinicia às 22h.' },
    'to the agents': { message: 'O forno 2 parou: avisem quem espera.', level: 'warning', role: 'agent' },
  })
  broadcast(@Caller() actor: Actor, @Body() input: WsBroadcast): Promise<WsBroadcastResult> {
    return this.sockets.broadcast(actor, input);
  }

  /** Get an open socket. */
  @Get(':connection_id')
  @Allow('org_admin')
  get(@Caller() actor: Actor, @Param('connection_id', Uuid) id: string): Promise<WsConnection> {
    return this.sockets.get(actor, id);
  }

  /** Close a socket. Its session goes on: the client may connect again. */
  @Delete(':connection_id')
  @HttpCode(204)
  @Allow('org_admin')
  drop(@Caller() actor: Actor, @Param('connection_id', Uuid) id: string): Promise<void> {
    return this.sockets.drop(actor, id);
  }
}

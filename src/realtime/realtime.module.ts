import { Global, Module } from '@nestjs/common';
import './realtime.errors';
import { Presence } from './presence';
import { RawGateway } from './raw.gateway';
import { RealtimeGateway } from './realtime.gateway';
import { RealtimeHub } from './realtime.hub';
import { RealtimeRedis } from './realtime.redis';
import { RealtimeRooms } from './realtime.rooms';
import { Roster } from './roster';

@Global()
@Module({
  providers: [RealtimeRedis, RealtimeRooms, Roster, Presence, RealtimeHub],
  exports: [RealtimeHub, RealtimeRooms, Roster],
})
class HubModule {}

/**
 * One hub, three transports: Socket.IO, `/ws` and `/ws/conversations`.
 * The doors are in a module of their own, not global, so that Nest closes them among the first: Apollo, deeper down, ends every idle
 * TCP connection of the HTTP server when it stops, and a socket would never get its close frame.
 */
@Module({ imports: [HubModule], providers: [RealtimeGateway, RawGateway] })
export class RealtimeModule {}

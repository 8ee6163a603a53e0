import { Global, Module } from '@nestjs/common';
import { Presence } from './presence';
import { RawGateway } from './raw.gateway';
import { RealtimeGateway } from './realtime.gateway';
import { RealtimeHub } from './realtime.hub';
import { RealtimeRedis } from './realtime.redis';
import { RealtimeRooms } from './realtime.rooms';

/** One hub, three transports: Socket.IO, `/ws` and `/ws/conversations`. */
@Global()
@Module({
  providers: [RealtimeRedis, RealtimeRooms, Presence, RealtimeHub, RealtimeGateway, RawGateway],
  exports: [RealtimeHub, RealtimeRooms],
})
export class RealtimeModule {}

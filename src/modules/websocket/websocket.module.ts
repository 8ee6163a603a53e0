import { Module } from '@nestjs/common';
import { UsersModule } from '#modules/users/users.module';
import './websocket.events';
import { WebsocketController } from './websocket.controller';
import { WebsocketResolver } from './websocket.resolver';
import { WebsocketService } from './websocket.service';

/** Who is connected to the sockets. */
@Module({ imports: [UsersModule], controllers: [WebsocketController], providers: [WebsocketService, WebsocketResolver] })
export class WebsocketModule {}

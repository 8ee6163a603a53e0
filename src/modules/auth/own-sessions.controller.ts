import { Controller, Delete, Get, HttpCode, Param } from '@nestjs/common';
import { Allow, Caller, OwnAccount } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { Room } from '#common/room';
import { SessionList } from './own-session.dto';
import { OwnSessions } from './own-sessions';

@Room('auth')
@Controller('auth/sessions')
@OwnAccount()
export class OwnSessionsController {
  constructor(private readonly sessions: OwnSessions) {}

  /** Where you are signed in. */
  @Get()
  @Allow('viewer')
  list(@Caller() actor: Actor): Promise<SessionList> {
    return this.sessions.list(actor);
  }

  /** End one of your sessions: its tokens and its sockets are dead at once. */
  @Delete(':session_id')
  @HttpCode(204)
  @Allow('viewer')
  end(@Caller() actor: Actor, @Param('session_id', Uuid) id: string): Promise<void> {
    return this.sessions.end(actor, id);
  }
}

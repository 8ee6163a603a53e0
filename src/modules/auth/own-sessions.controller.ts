import { Controller, Delete, Get, HttpCode, Param, Query } from '@nestjs/common';
import { Allow, Caller, OwnAccount } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { Room } from '#common/room';
import { SessionPage, SessionQuery } from './own-session.dto';
import { OwnSessions } from './own-sessions';

@Room('auth')
@Controller('auth/sessions')
@OwnAccount()
export class OwnSessionsController {
  constructor(private readonly sessions: OwnSessions) {}

  /** Where you are signed in: the session you ask with, then the last used first; at most 1000. */
  @Get()
  @Allow('viewer')
  page(@Caller() actor: Actor, @Query() query: SessionQuery): Promise<SessionPage> {
    return this.sessions.page(actor, query);
  }

  /** End one of your sessions: its tokens and its sockets are dead at once. */
  @Delete(':session_id')
  @HttpCode(204)
  @Allow('viewer')
  end(@Caller() actor: Actor, @Param('session_id', Uuid) id: string): Promise<void> {
    return this.sessions.end(actor, id);
  }
}

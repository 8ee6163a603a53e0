import { Body, Controller, Get, HttpCode, Post, Query, Req, UseGuards } from '@nestjs/common';
import { Allow, Caller, PeopleOnly } from '#access/decorators';
import type { AppRequest } from '#access/request';
import type { Actor } from '#common/actor';
import { PageQuery } from '#common/page.dto';
import { Bodies, Room } from '#common/room';
import { SuccessResponse } from '#common/success.dto';
import { DebugEnabled } from '../closed-unless';
import {
  DebugConfig,
  DebugEcho,
  DebugEmailPage,
  DebugEmailQuery,
  DebugEvent,
  DebugInfo,
  DebugJobs,
  DebugJobsQuery,
  DebugRoutePage,
} from './debug.dto';
import { DebugService } from './debug.service';

@Room(
  'debug',
  'For developers: what this process is, has and hears. There only where `DEBUG_ENDPOINTS_ENABLED` says so, and never in production.',
)
@Controller('debug')
@Allow('super_admin')
@PeopleOnly()
@UseGuards(DebugEnabled)
export class DebugController {
  constructor(private readonly debug: DebugService) {}

  /**
   * What runs here.
   * @throws {404} Closed in this installation.
   */
  @Get('info')
  info(): DebugInfo {
    return this.debug.info();
  }

  /**
   * The settings it runs with, without secrets.
   * @throws {404} Closed in this installation.
   */
  @Get('config')
  config(): DebugConfig {
    return this.debug.settings();
  }

  /**
   * List the routes. `search` looks in path and role.
   * @throws {404} Closed in this installation.
   */
  @Get('routes')
  routes(@Query() query: PageQuery): DebugRoutePage {
    return this.debug.pageOfRoutes(query);
  }

  /**
   * The request as it arrives here: what proxies made of it. Takes any query.
   * @throws {404} Closed in this installation.
   */
  @Get('echo')
  echo(@Caller() actor: Actor, @Req() request: AppRequest): DebugEcho {
    return this.debug.echo(actor, request);
  }

  /**
   * How the job queues are, and which jobs failed last.
   * @throws {404} Closed in this installation.
   */
  @Get('jobs')
  jobs(@Query() query: DebugJobsQuery): Promise<DebugJobs> {
    return this.debug.jobsOf(query);
  }

  /**
   * List the last 200 mails, newest first: with `MAIL_DRIVER=memory` they come here instead of leaving. `search` looks in address, subject and text.
   * @throws {404} Closed in this installation, or mails leave.
   */
  @Get('emails')
  emails(@Query() query: DebugEmailQuery): DebugEmailPage {
    return this.debug.pageOfMails(query);
  }

  /**
   * Say something on your own open sockets, to see what your client does with it.
   * @throws {404} Closed in this installation.
   */
  @Post('events')
  @HttpCode(200)
  @Bodies({ 'a message': { event: 'message:new', payload: { content: 'Olá!' } } })
  async event(@Caller() actor: Actor, @Body() input: DebugEvent): Promise<SuccessResponse> {
    await this.debug.tell(actor, input);
    return { success: true, message: 'Told to your sockets.' };
  }
}

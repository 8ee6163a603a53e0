import { Body, Controller, Get, HttpCode, Post, Req } from '@nestjs/common';
import { ApiBody, ApiTags } from '@nestjs/swagger';
import { Allow, Caller, EvenWhenSuspended, Public, RateClass } from '#access/decorators';
import type { AppRequest } from '#access/request';
import type { Session } from '#access/sessions';
import type { Actor } from '#common/actor';
import { SuccessResponse } from '#common/success.dto';
import { AuthResponse, LoginRequest, LogoutRequest, MeResponse, RefreshRequest, RegisterRequest, TokenStatus } from './auth.dto';
import { AuthService } from './auth.service';
import { type Client, FromClient } from './client';

@ApiTags('auth')
@Controller('auth')
export class AuthController {
  constructor(private readonly auth: AuthService) {}

  /**
   * Register an organization and its first administrator; you are logged in at once.
   * @throws {403} The operator closed registration (REGISTRATION_ENABLED=false).
   * @throws {409} The e-mail belongs to an account already.
   */
  @Post('register')
  @Public()
  @RateClass('auth_register')
  register(@Body() input: RegisterRequest, @FromClient() client: Client): Promise<AuthResponse> {
    return this.auth.register(input, client);
  }

  /**
   * Log in. Five wrong passwords in a row lock the login for half an hour.
   * @throws {401} E-mail or password is wrong.
   * @throws {403} The login is locked, or the account or its organization is switched off.
   */
  @Post('login')
  @HttpCode(200)
  @Public()
  @RateClass('auth_login')
  login(@Body() input: LoginRequest, @FromClient() client: Client): Promise<AuthResponse> {
    return this.auth.login(input, client);
  }

  /**
   * The next pair of tokens; the refresh token given is dead from now on.
   * @throws {401} Not valid, expired, or used before: then the whole session ends.
   */
  @Post('refresh')
  @HttpCode(200)
  @Public()
  @RateClass('auth_refresh')
  refresh(@Body() input: RefreshRequest, @FromClient() client: Client): Promise<AuthResponse> {
    return this.auth.refresh(input.refresh_token, client);
  }

  /** Log out: this session, the one of the given refresh token, or all of yours. */
  @Post('logout')
  @HttpCode(200)
  @ApiBody({ type: LogoutRequest, required: false })
  @Allow('viewer')
  @EvenWhenSuspended()
  logout(@Caller() actor: Actor, @Body() input: LogoutRequest): Promise<SuccessResponse> {
    return this.auth.logout(actor, input);
  }

  /** Who you are, in which organization, and what you may. */
  @Get('me')
  @Allow('viewer')
  @EvenWhenSuspended()
  me(@Caller() actor: Actor): Promise<MeResponse> {
    return this.auth.me(actor);
  }

  /** Is the access token good, and until when? */
  @Get('verify-token')
  @Allow('viewer')
  verifyToken(@Req() { session }: AppRequest & { session: Session }): TokenStatus {
    return this.auth.status(session);
  }
}

import { Body, Controller, Get, HttpCode, Post, Req } from '@nestjs/common';
import { CountGuesses } from '#access/count-guesses';
import { Allow, Caller, EvenWhenSuspended, EvenWithoutTwoFactor, OwnAccount, Public, RateClass } from '#access/decorators';
import type { AppRequest } from '#access/request';
import type { UserSession } from '#access/sessions';
import type { Actor } from '#common/actor';
import { DEMO } from '#common/demo';
import { Bodies, Room } from '#common/room';
import { SuccessResponse } from '#common/success.dto';
import {
  AuthResponse,
  ForgotPasswordRequest,
  LoginRequest,
  LogoutRequest,
  MeResponse,
  RefreshRequest,
  RegisterRequest,
  ResetPasswordRequest,
  TokenStatus,
  VerifyEmailRequest,
} from './auth.dto';
import { AuthService } from './auth.service';
import { type Client, FromClient } from './client';
import { Recovery } from './recovery';
import { Registration } from './registration';

@Room('auth', 'Sign up, sign in, go on with fresh tokens, and come back in by mail.', { session_id: DEMO.session_id })
@Controller('auth')
@OwnAccount()
export class AuthController {
  constructor(
    private readonly auth: AuthService,
    private readonly registration: Registration,
    private readonly recovery: Recovery,
  ) {}

  /**
   * Register an organization and its first administrator; you are logged in at once.
   * @throws {403} The operator closed registration (`registration_disabled`; REGISTRATION_ENABLED=false).
   * @throws {409} The e-mail belongs to an account already (`email_already_registered`).
   */
  @Post('register')
  @Public()
  @RateClass('auth_register')
  @Bodies({
    'a new organization': {
      email: 'carla@confeitaria.example',
      password: 'pao-de-queijo-1',
      full_name: 'Carla Dias',
      organization_name: 'Confeitaria Carla',
    },
  })
  register(@Body() input: RegisterRequest, @FromClient() client: Client): Promise<AuthResponse> {
    return this.registration.register(input, client);
  }

  /**
   * Log in. Five wrong passwords in a row lock the login for half an hour.
   * @throws {401} E-mail or password is wrong (`invalid_credentials`).
   * @throws {403} A code is needed (`two_factor_required`): it goes with the mfa_token beside this error to `/auth/2fa/verify`. Locked (`account_locked`), switched off or not confirmed (`account_inactive`, `organization_suspended`, `organization_inactive`), or from elsewhere (`ip_not_allowed`).
   */
  @Post('login')
  @HttpCode(200)
  @Public()
  @RateClass('auth_login')
  @Bodies({ 'the administrator of the demo': { email: DEMO.email, password: 'the one printed at the first start' } })
  login(@Body() input: LoginRequest, @FromClient() client: Client): Promise<AuthResponse> {
    return this.auth.login(input, client);
  }

  /**
   * The next pair of tokens; the refresh token given is dead from now on.
   * @throws {401} Not valid (`invalid_refresh_token`), ended (`token_revoked`), or used before: then the whole session ends (`refresh_token_reused`).
   */
  @Post('refresh')
  @HttpCode(200)
  @Public()
  @RateClass('auth_refresh')
  @Bodies({ 'the newest refresh token': { refresh_token: 'the refresh_token of your login' } })
  refresh(@Body() input: RefreshRequest, @FromClient() client: Client): Promise<AuthResponse> {
    return this.auth.refresh(input.refresh_token, client);
  }

  /**
   * Ask for a mail with a link that sets a new password; it works once, within an hour, and the one before it no more. The answer is the same whether
   * there is such an account or not.
   */
  @Post('forgot-password')
  @HttpCode(200)
  @Public()
  @RateClass('auth_recovery')
  @Bodies({ 'the administrator of the demo': { email: DEMO.email } })
  forgotPassword(@Body() input: ForgotPasswordRequest): Promise<SuccessResponse> {
    return this.recovery.forgotPassword(input);
  }

  /**
   * Set a new password by a mailed token, of a lost password or of an invitation. Every session ends, a lock is lifted, the e-mail counts as confirmed.
   * Only refused tokens count in the rate limit.
   * @throws {400} The token was used, has expired, or a newer one was mailed (`invalid_token`).
   */
  @Post('reset-password')
  @HttpCode(200)
  @Public()
  @CountGuesses()
  @Bodies({ 'a new password': { token: 'the token of the mailed link', new_password: 'fornada-das-6' } })
  resetPassword(@Body() input: ResetPasswordRequest): Promise<SuccessResponse> {
    return this.recovery.resetPassword(input);
  }

  /**
   * Confirm your e-mail by the token that was mailed to it. Only refused tokens count in the rate limit.
   * @throws {400} The token was used, has expired, or a newer one was mailed (`invalid_token`).
   */
  @Post('verify-email')
  @HttpCode(200)
  @Public()
  @CountGuesses()
  @Bodies({ 'the token': { token: 'the token of the mail to confirm' } })
  verifyEmail(@Body() input: VerifyEmailRequest): Promise<SuccessResponse> {
    return this.recovery.verifyEmail(input);
  }

  /** Ask for the mail that confirms your e-mail again. The answer is the same whether there is such an account or not. */
  @Post('resend-verification')
  @HttpCode(200)
  @Public()
  @RateClass('auth_recovery')
  @Bodies({ 'the administrator of the demo': { email: DEMO.email } })
  resendVerification(@Body() input: ForgotPasswordRequest): Promise<SuccessResponse> {
    return this.recovery.resendVerification(input);
  }

  /** Log out: this session, the one of the given refresh token, or all of yours. */
  @Post('logout')
  @HttpCode(200)
  @Bodies({ 'this session': {}, 'every session': { all: true } })
  @Allow('viewer')
  @EvenWhenSuspended()
  @EvenWithoutTwoFactor()
  logout(@Caller() actor: Actor, @Body() input: LogoutRequest): Promise<SuccessResponse> {
    return this.auth.logout(actor, input);
  }

  /** Who you are, in which organization, and what you may. */
  @Get('me')
  @Allow('viewer')
  @EvenWhenSuspended()
  @EvenWithoutTwoFactor()
  me(@Caller() actor: Actor): Promise<MeResponse> {
    return this.auth.me(actor);
  }

  /** Is the access token good, and until when? */
  @Get('verify-token')
  @Allow('viewer')
  verifyToken(@Req() { session }: AppRequest & { session: UserSession }): TokenStatus {
    return this.auth.status(session);
  }
}

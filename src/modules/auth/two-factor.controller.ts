import { Body, Controller, Header, HttpCode, Post } from '@nestjs/common';
import { Allow, Caller, EvenWithoutTwoFactor, OwnAccount, Public, RateClass } from '#access/decorators';
import type { Actor } from '#common/actor';
import { Bodies, Room } from '#common/room';
import { AuthResponse } from './auth.dto';
import { AuthService } from './auth.service';
import { type Client, FromClient } from './client';
import { RecoveryCodes, TwoFactorCode, TwoFactorDisable, TwoFactorPassword, TwoFactorSetup, TwoFactorVerify } from './two-factor.dto';
import { TwoFactors } from './two-factors';

@Room('auth')
@Controller('auth/2fa')
@OwnAccount()
export class TwoFactorController {
  constructor(
    private readonly twoFactors: TwoFactors,
    private readonly auth: AuthService,
  ) {}

  /**
   * Set up a second factor, with your password: the secret for your authenticator app. It counts once you enable it with a code; until then it may be set up
   * anew. Guesses count as at the login.
   * @throws {400} The password is wrong (`current_password_incorrect`).
   * @throws {403} Too many wrong ones (`account_locked`).
   * @throws {409} It is on already (`two_factor_enabled`).
   */
  @Post('setup')
  @HttpCode(200)
  @Allow('viewer')
  @EvenWithoutTwoFactor()
  @Header('Cache-Control', 'no-store')
  @Bodies({ 'your password': { password: 'your password' } })
  setup(@Caller() actor: Actor, @Body() { password }: TwoFactorPassword): Promise<TwoFactorSetup> {
    return this.twoFactors.setup(actor, password);
  }

  /**
   * Switch the second factor on with a first code of your app. Answers ten recovery codes, shown only now: each is good for one login.
   * @throws {400} The code is wrong (`two_factor_code_incorrect`).
   * @throws {409} Nothing is set up (`two_factor_not_set_up`), or it is on already (`two_factor_enabled`).
   */
  @Post('enable')
  @HttpCode(200)
  @Allow('viewer')
  @EvenWithoutTwoFactor()
  @Header('Cache-Control', 'no-store')
  @Bodies({ 'what the app shows': { code: '123456' } })
  enable(@Caller() actor: Actor, @Body() input: TwoFactorCode): Promise<RecoveryCodes> {
    return this.twoFactors.enable(actor, input.code);
  }

  /**
   * Switch the second factor off, with your password and a code of the app or for recovery. Guesses count as at the login. Who has another phone, or wants
   * other recovery codes, switches it off and sets it up anew.
   * @throws {400} The password (`current_password_incorrect`) or the code (`two_factor_code_incorrect`) is wrong.
   * @throws {403} Too many wrong ones (`account_locked`).
   * @throws {409} It is off (`two_factor_not_enabled`).
   */
  @Post('disable')
  @HttpCode(204)
  @Allow('viewer')
  @Bodies({
    'what the app shows': { password: 'your password', code: '123456' },
    'a recovery code': { password: 'your password', recovery_code: '0a1b-2c3d-4e5f-6g7h' },
  })
  disable(@Caller() actor: Actor, @Body() input: TwoFactorDisable): Promise<void> {
    return this.twoFactors.disable(actor, input);
  }

  /**
   * The second step of a login that answered `two_factor_required`: its `mfa_token`, good for five minutes, and a code. Wrong codes count as wrong passwords.
   * @throws {401} The code is wrong or was used (`invalid_credentials`), or the token is not valid any more (`invalid_mfa_token`): log in again.
   * @throws {403} Locked (`account_locked`), switched off or not confirmed (`account_inactive`, `organization_suspended`, `organization_inactive`), or from elsewhere (`ip_not_allowed`).
   */
  @Post('verify')
  @HttpCode(200)
  @Public()
  @RateClass('auth_login')
  @Bodies({
    'what the app shows': { mfa_token: 'the mfa_token of your login', code: '123456' },
    'a recovery code': { mfa_token: 'the mfa_token of your login', recovery_code: '0a1b-2c3d-4e5f-6g7h' },
  })
  verify(@Body() input: TwoFactorVerify, @FromClient() client: Client): Promise<AuthResponse> {
    return this.auth.verifyTwoFactor(input, client);
  }
}

import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { CountGuesses } from '#access/count-guesses';
import { Allow, Caller, EvenWhenSuspended, EvenWithoutTwoFactor, OwnAccount, Public, RateClass } from '#access/decorators';
import type { Actor } from '#common/actor';
import { SuccessResponse } from '#common/success.dto';
import { User } from '#modules/users/user.entity';
import {
  type AuthResponse,
  ForgotPasswordRequest,
  LoginRequest,
  LoginResponse,
  LogoutRequest,
  RefreshRequest,
  RegisterRequest,
  RegisterResponse,
  ResetPasswordRequest,
  VerifyEmailRequest,
} from './auth.dto';
import { AuthService } from './auth.service';
import { type Client, FromClient } from './client';
import { Recovery } from './recovery';
import { Registration } from './registration';

@Resolver()
@OwnAccount()
export class AuthResolver {
  constructor(
    private readonly auth: AuthService,
    private readonly registration: Registration,
    private readonly recovery: Recovery,
  ) {}

  @Query(() => User, { description: 'Who you are.' })
  @Allow('viewer')
  @EvenWhenSuspended()
  @EvenWithoutTwoFactor()
  me(@Caller() actor: Actor): Promise<User> {
    return this.auth.me(actor);
  }

  @Mutation(() => RegisterResponse, { description: 'Register an organization and its first administrator.' })
  @Public()
  @RateClass('auth_register')
  register(@Args('input') input: RegisterRequest, @FromClient() client: Client): Promise<AuthResponse> {
    return this.registration.register(input, client);
  }

  @Mutation(() => LoginResponse, { description: 'Log in.' })
  @Public()
  @RateClass('auth_login')
  login(@Args() input: LoginRequest, @FromClient() client: Client): Promise<AuthResponse> {
    return this.auth.login(input, client);
  }

  @Mutation(() => LoginResponse, { description: 'The next pair of tokens; select refresh_token, the old one is dead.' })
  @Public()
  @RateClass('auth_refresh')
  refreshToken(@Args() input: RefreshRequest, @FromClient() client: Client): Promise<AuthResponse> {
    return this.auth.refresh(input.refresh_token, client);
  }

  @Mutation(() => SuccessResponse, { description: 'Ask for a mail with a link that sets a new password.' })
  @Public()
  @RateClass('auth_recovery')
  forgotPassword(@Args() input: ForgotPasswordRequest): Promise<SuccessResponse> {
    return this.recovery.forgotPassword(input);
  }

  @Mutation(() => SuccessResponse, { description: 'Set a new password by a mailed token; every session ends.' })
  @Public()
  @CountGuesses()
  resetPassword(@Args() input: ResetPasswordRequest): Promise<SuccessResponse> {
    return this.recovery.resetPassword(input);
  }

  @Mutation(() => SuccessResponse, { description: 'Confirm your e-mail by the token that was mailed to it.' })
  @Public()
  @CountGuesses()
  verifyEmail(@Args() input: VerifyEmailRequest): Promise<SuccessResponse> {
    return this.recovery.verifyEmail(input);
  }

  @Mutation(() => SuccessResponse, { description: 'Ask for the mail that confirms your e-mail again.' })
  @Public()
  @RateClass('auth_recovery')
  resendVerification(@Args() input: ForgotPasswordRequest): Promise<SuccessResponse> {
    return this.recovery.resendVerification(input);
  }

  @Mutation(() => SuccessResponse, { description: 'Log out: this session, the one of the refresh token, or all of yours.' })
  @Allow('viewer')
  @EvenWhenSuspended()
  @EvenWithoutTwoFactor()
  logout(@Caller() actor: Actor, @Args() input: LogoutRequest): Promise<SuccessResponse> {
    return this.auth.logout(actor, input);
  }
}

import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Allow, Caller, EvenWhenSuspended, EvenWithoutTwoFactor, OwnAccount, Public, RateClass } from '#access/decorators';
import type { Actor } from '#common/actor';
import { SuccessResponse } from '#common/success.dto';
import { User } from '#modules/users/user.entity';
import {
  type AuthResponse,
  LoginRequest,
  LoginResponse,
  LogoutRequest,
  RefreshRequest,
  RegisterRequest,
  RegisterResponse,
} from './auth.dto';
import { AuthService } from './auth.service';
import { type Client, FromClient } from './client';

@Resolver()
@OwnAccount()
export class AuthResolver {
  constructor(private readonly auth: AuthService) {}

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
    return this.auth.register(input, client);
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

  @Mutation(() => SuccessResponse, { description: 'Log out: this session, the one of the refresh token, or all of yours.' })
  @Allow('viewer')
  @EvenWhenSuspended()
  @EvenWithoutTwoFactor()
  logout(@Caller() actor: Actor, @Args() input: LogoutRequest): Promise<SuccessResponse> {
    return this.auth.logout(actor, input);
  }
}

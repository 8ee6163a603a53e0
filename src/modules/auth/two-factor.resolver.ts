import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Allow, Caller, EvenWithoutTwoFactor, OwnAccount, Public, RateClass } from '#access/decorators';
import type { Actor } from '#common/actor';
import { SuccessResponse } from '#common/success.dto';
import { type AuthResponse, LoginResponse } from './auth.dto';
import { AuthService } from './auth.service';
import { type Client, FromClient } from './client';
import {
  RecoveryCodes,
  TwoFactorCode,
  TwoFactorDisable,
  TwoFactorPassword,
  TwoFactorSetup,
  TwoFactorState,
  TwoFactorVerify,
} from './two-factor.dto';
import { TwoFactors } from './two-factors';

@Resolver()
@OwnAccount()
export class TwoFactorResolver {
  constructor(
    private readonly twoFactors: TwoFactors,
    private readonly auth: AuthService,
  ) {}

  @Query(() => TwoFactorState, { description: 'The second factor of your login.' })
  @Allow('viewer')
  @EvenWithoutTwoFactor()
  two_factor(@Caller() actor: Actor): Promise<TwoFactorState> {
    return this.twoFactors.state(actor);
  }

  @Mutation(() => TwoFactorSetup, { description: 'Set up a second factor, with your password: the secret for your authenticator app.' })
  @Allow('viewer')
  @EvenWithoutTwoFactor()
  setupTwoFactor(@Caller() actor: Actor, @Args() { password }: TwoFactorPassword): Promise<TwoFactorSetup> {
    return this.twoFactors.setup(actor, password);
  }

  @Mutation(() => RecoveryCodes, { description: 'Switch the second factor on with a first code; answers recovery codes, shown only now.' })
  @Allow('viewer')
  @EvenWithoutTwoFactor()
  enableTwoFactor(@Caller() actor: Actor, @Args() { code }: TwoFactorCode): Promise<RecoveryCodes> {
    return this.twoFactors.enable(actor, code);
  }

  @Mutation(() => SuccessResponse, { description: 'Switch the second factor off, with your password and a code.' })
  @Allow('viewer')
  async disableTwoFactor(@Caller() actor: Actor, @Args() input: TwoFactorDisable): Promise<SuccessResponse> {
    await this.twoFactors.disable(actor, input);
    return { success: true, message: 'Second factor switched off' };
  }

  @Mutation(() => LoginResponse, { description: 'The second step of a login that answered `two_factor_required`.' })
  @Public()
  @RateClass('auth_login')
  verifyTwoFactor(@Args() input: TwoFactorVerify, @FromClient() client: Client): Promise<AuthResponse> {
    return this.auth.verifyTwoFactor(input, client);
  }
}

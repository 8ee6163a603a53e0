import { Mutation, Resolver } from '@nestjs/graphql';
import { Allow, Caller, PeopleOnly, Resource } from '#access/decorators';
import { IdArg } from '#api/graphql-id';
import type { Actor } from '#common/actor';
import { SuccessResponse } from '#common/success.dto';
import { TwoFactors } from './two-factors';

@Resolver()
@Resource('users')
export class UserTwoFactorResolver {
  constructor(private readonly twoFactors: TwoFactors) {}

  @Mutation(() => SuccessResponse, { description: 'Switch off the second factor of a member who lost it; their sessions end.' })
  @Allow('org_admin')
  @PeopleOnly()
  async resetUserTwoFactor(@Caller() actor: Actor, @IdArg() id: string): Promise<SuccessResponse> {
    await this.twoFactors.resetOf(actor, id);
    return { success: true, message: 'Second factor switched off' };
  }
}

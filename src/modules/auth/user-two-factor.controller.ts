import { Controller, HttpCode, Param, Post } from '@nestjs/common';
import { Allow, Caller, PeopleOnly, Resource } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { Room } from '#common/room';
import { SuccessResponse } from '#common/success.dto';
import { TwoFactors } from './two-factors';

/** What an administrator may do to somebody else's second factor. */
@Room('auth')
@Controller('users')
@Resource('users')
export class UserTwoFactorController {
  constructor(private readonly twoFactors: TwoFactors) {}

  /**
   * Switch off the second factor of a member who lost phone and recovery codes: their sessions end, and the password alone lets them in.
   * @throws {403} Your own (`cannot_modify_self`).
   * @throws {409} It is off (`two_factor_not_enabled`).
   */
  @Post(':user_id/reset-two-factor')
  @HttpCode(200)
  @Allow('org_admin')
  @PeopleOnly()
  async reset(@Caller() actor: Actor, @Param('user_id', Uuid) id: string): Promise<SuccessResponse> {
    await this.twoFactors.resetOf(actor, id);
    return { success: true, message: 'Second factor switched off' };
  }
}

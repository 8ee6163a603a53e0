import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { Allow, Caller, Resource } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { DEMO } from '#common/demo';
import { Bodies, Room } from '#common/room';
import { RateLimitUsages } from './rate-limit-usages';
import { RateLimitReset, RateLimitResetResult, RateLimitUsage } from './rate-limit.dto';

@Room('whatsapp', 'The numbers you send from, and files to send.', { number_id: DEMO.number_id })
@Controller('whatsapp/:number_id/rate-limit')
@Resource('whatsapp')
export class RateLimitsController {
  constructor(private readonly usages: RateLimitUsages) {}

  /** How much a number has sent of what it may send, and whether something keeps it. Nobody outside is asked. */
  @Get('usage')
  @Allow('viewer')
  usage(@Caller() actor: Actor, @Param('number_id', Uuid) id: string): Promise<RateLimitUsage> {
    return this.usages.get(actor, id);
  }

  /** Count anew from zero: our own counters, not WhatsApp's. What waits for them leaves. A pause by WhatsApp's word goes on unless `lift_pause` ends it. */
  @Post('reset')
  @HttpCode(200)
  @Allow('org_admin')
  @Bodies({ 'the counters': {}, 'the pause too': { lift_pause: true } })
  reset(@Caller() actor: Actor, @Param('number_id', Uuid) id: string, @Body() input: RateLimitReset): Promise<RateLimitResetResult> {
    return this.usages.reset(actor, id, input);
  }
}

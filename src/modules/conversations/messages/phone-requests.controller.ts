import { Controller, Param, Post } from '@nestjs/common';
import { Allow, Caller, Resource } from '#access/decorators';
import { Idempotent } from '#api/idempotency';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { Room } from '#common/room';
import { PhoneRequests } from './phone-requests';
import { SendRefusals } from './send-refusals';
import { SendResult } from './send-answers.dto';

/** Stands here and not with the contacts: what comes of it is a message. */
@Room('contacts')
@Controller('contacts')
@Resource('messages')
export class PhoneRequestsController {
  constructor(private readonly requests: PhoneRequests) {}

  /** Ask a contact for their phone, where WhatsApp hides it: a message with a button, on the number they wrote to last. Who taps it is known by that phone. */
  @Post(':contact_id/request-phone')
  @Allow('agent')
  @Idempotent()
  @SendRefusals()
  create(@Caller() actor: Actor, @Param('contact_id', Uuid) id: string): Promise<SendResult> {
    return this.requests.create(actor, id);
  }
}

import { Mutation, Resolver } from '@nestjs/graphql';
import { Allow, Caller, Resource } from '#access/decorators';
import { IdArg } from '#api/graphql-id';
import type { Actor } from '#common/actor';
import { PhoneRequests } from './phone-requests';
import { SendResult } from './send-answers.dto';

@Resolver(() => SendResult)
@Resource('messages')
export class PhoneRequestsResolver {
  constructor(private readonly requests: PhoneRequests) {}

  @Mutation(() => SendResult, { description: 'Ask a contact for their phone, where WhatsApp hides it.' })
  @Allow('agent')
  requestContactPhone(@Caller() actor: Actor, @IdArg() id: string): Promise<SendResult> {
    return this.requests.create(actor, id);
  }
}

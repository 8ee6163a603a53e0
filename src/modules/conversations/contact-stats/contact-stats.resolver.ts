import { Query, Resolver } from '@nestjs/graphql';
import { Allow, Caller, Resource } from '#access/decorators';
import { IdArg } from '#api/graphql-id';
import type { Actor } from '#common/actor';
import { ContactStats } from './contact-stats.dto';
import { ContactStatsService } from './contact-stats.service';

@Resolver(() => ContactStats)
@Resource('contacts')
export class ContactStatsResolver {
  constructor(private readonly stats: ContactStatsService) {}

  @Query(() => ContactStats, { description: 'What was said with a contact, in numbers.' })
  @Allow('viewer')
  contact_stats(@Caller() actor: Actor, @IdArg() id: string): Promise<ContactStats> {
    return this.stats.get(actor, id);
  }
}

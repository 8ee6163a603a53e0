import { Controller, Get, Param } from '@nestjs/common';
import { Allow, Caller, Resource } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { Room } from '#common/room';
import { ContactStats } from './contact-stats.dto';
import { ContactStatsService } from './contact-stats.service';

/** Stands here and not with the contacts: what is counted are conversations and messages. */
@Room('contacts')
@Controller('contacts')
@Resource('contacts')
export class ContactStatsController {
  constructor(private readonly stats: ContactStatsService) {}

  /** What was said with a contact, in numbers. */
  @Get(':contact_id/stats')
  @Allow('viewer')
  get(@Caller() actor: Actor, @Param('contact_id', Uuid) id: string): Promise<ContactStats> {
    return this.stats.get(actor, id);
  }
}

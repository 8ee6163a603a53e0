import { Injectable } from '@nestjs/common';
import type { FactName } from '#events/facts';
import { WebhookEvents } from '#events/webhook-events';
import type { ContactView } from './contact.dto';
import { CONTACT_EVENTS } from './contacts.events';
import { ContactsService } from './contacts.service';

const TOLD = [
  'contact.created',
  'contact.updated',
  'contact.deleted',
  'contact.blocked',
  'contact.unblocked',
  'contact.opted_in',
  'contact.opted_out',
  'contact.tag_added',
  'contact.tag_removed',
  'contact.merged',
] as const satisfies readonly FactName[];

/** What customers' webhooks hear of the contacts. */
@Injectable()
export class ContactWebhooks {
  constructor(events: WebhookEvents, contacts: ContactsService) {
    const { contact: sample } = CONTACT_EVENTS['contact.created'].sample;
    events.carry<ContactView>('contact', { show: (tx, actor, ids) => contacts.views(tx, actor, ids), sample });
    for (const name of TOLD) events.tell({ [name]: { text: CONTACT_EVENTS[name].text, of: [name], carries: ['contact'] } });
  }
}

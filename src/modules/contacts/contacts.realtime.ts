import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Actor } from '#common/actor';
import { DEMO } from '#common/demo';
import { EventBus } from '#common/events';
import { type PayloadsOf, declareEvents } from '#realtime/realtime.events';
import { RealtimeHub } from '#realtime/realtime.hub';
import { ContactGone, ContactView } from './contact.dto';
import { ContactsService } from './contacts.service';

export const CONTACT_EVENTS = declareEvents({
  'contact:created': { text: 'A contact was added: by a person, an import or a first message.', channel: 'contacts', payload: ContactView },
  'contact:updated': {
    text: 'A contact changed, was blocked or unblocked, or took another one in.',
    channel: 'contacts',
    payload: ContactView,
  },
  'contact:deleted': {
    text: 'A contact was deleted, or became part of another one.',
    channel: 'contacts',
    payload: ContactGone,
    sample: { id: DEMO.contact_id },
  },
});

declare module '#realtime/realtime.events' {
  interface RealtimeEvents extends PayloadsOf<typeof CONTACT_EVENTS> {}
}

/** The room's events on the organization's sockets. */
@Injectable()
export class ContactsRealtime implements OnModuleInit {
  constructor(
    private readonly events: EventBus,
    private readonly hub: RealtimeHub,
    private readonly contacts: ContactsService,
  ) {}

  onModuleInit(): void {
    this.events.on('contact.created', ({ organization_id, contact }) =>
      this.hub.publish({ organization_id, event: 'contact:created', data: contact }),
    );
    this.events.on('contact.updated', ({ organization_id, contact }) =>
      this.hub.publish({ organization_id, event: 'contact:updated', data: contact }),
    );
    this.events.on('contact.deleted', ({ organization_id, contact }) => this.publishDeleted(organization_id, contact.id));
    this.events.on('contact.merged', async ({ organization_id, contact_id, merged_contact_id }) => {
      this.publishDeleted(organization_id, merged_contact_id);
      const contact = await this.contacts.get(Actor.system(organization_id), contact_id);
      this.hub.publish({ organization_id, event: 'contact:updated', data: contact });
    });
  }

  private publishDeleted(organization_id: string, id: string): void {
    this.hub.publish({ organization_id, event: 'contact:deleted', data: { id } });
  }
}

import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Actor } from '#common/actor';
import { EventBus } from '#common/events';
import { RealtimeHub } from '#realtime/realtime.hub';
import { ContactsService } from './contacts.service';

/** What the sockets hear of the contacts. */
@Injectable()
export class ContactsRealtime implements OnModuleInit {
  constructor(
    private readonly events: EventBus,
    private readonly hub: RealtimeHub,
    private readonly contacts: ContactsService,
  ) {}

  onModuleInit(): void {
    // Those of a large file are told as its progress: tens of thousands one by one would drown whoever listens.
    this.events.on('contact.created', ({ organization_id, contact, import_id }) =>
      import_id ? undefined : this.hub.publish({ organization_id, event: 'contact:created', data: contact }),
    );
    this.events.on('contact.updated', ({ organization_id, contact, import_id }) =>
      import_id ? undefined : this.hub.publish({ organization_id, event: 'contact:updated', data: contact }),
    );
    this.events.on('contact.deleted', ({ organization_id, contact }) => this.publishDeleted(organization_id, contact.id));
    this.events.on('contact.merged', async ({ organization_id, contact_id, merged_contact_id }) => {
      this.hub.publish({ organization_id, event: 'contact:merged', data: { contact_id, merged_contact_id } });
      this.publishDeleted(organization_id, merged_contact_id);
      const contact = await this.contacts.get(Actor.system(organization_id), contact_id);
      this.hub.publish({ organization_id, event: 'contact:updated', data: contact });
    });
  }

  private publishDeleted(organization_id: string, id: string): void {
    this.hub.publish({ organization_id, event: 'contact:deleted', data: { id } });
  }
}

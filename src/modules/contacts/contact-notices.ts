import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Role } from '#common/actor';
import { EventBus } from '#common/events';
import { declareNotice } from '#modules/notifications/notice-types';
import { Notices } from '#modules/notifications/notices';
import type { ContactView } from './contact.dto';

const NEW_CONTACT = declareNotice('new_contact', { text: 'Somebody wrote for the first time.', channels: [] });

/** Tells administrators who want it of people who write for the first time. */
@Injectable()
export class ContactNotices implements OnModuleInit {
  constructor(
    private readonly events: EventBus,
    private readonly notices: Notices,
  ) {}

  onModuleInit(): void {
    this.events.on('contact.created', ({ contact }) => (contact.last_message_received_at ? this.tell(contact) : undefined));
  }

  private async tell({ organization_id, id: contact_id, display_name }: ContactView): Promise<void> {
    if (!(await this.notices.isWanted(organization_id, NEW_CONTACT))) return;
    const name = display_name ?? '?';
    this.notices.tellSoon({
      organization_id,
      role: Role.org_admin,
      type: NEW_CONTACT,
      title: { 'pt-BR': `Novo contato: ${name}`, en: `New contact: ${name}` },
      message: { 'pt-BR': `${name} escreveu pela primeira vez.`, en: `${name} wrote for the first time.` },
      data: { contact_id },
    });
  }
}

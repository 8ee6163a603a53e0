import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Actor } from '#common/actor';
import { EventBus, type Events } from '#common/events';
import { Database } from '#database/database';
import { prepared } from '#database/sql';
import { ADDRESS, addressedTo } from '#modules/contacts/contact-address';
import { ProviderFailure } from '#modules/whatsapp/provider-failure';
import { Providers } from '#modules/whatsapp/providers';

const PERSON = prepared(`SELECT v.whatsapp_number_id, ${ADDRESS}
   FROM conversations v
   JOIN contacts c ON c.organization_id = v.organization_id AND c.id = v.contact_id AND c.deleted_at IS NULL AND NOT c.is_blocked
   ${addressedTo('v.contact_identity_id')}
   JOIN whatsapp_numbers n ON n.organization_id = v.organization_id AND n.id = v.whatsapp_number_id AND n.deleted_at IS NULL
  WHERE v.organization_id = $1 AND v.id = $2 AND n.is_active AND n.connection_status = 'connected'`);

interface Person {
  whatsapp_number_id: string;
  phone: string | null;
  bsuid: string | null;
}

/** Shows customers that an agent writes, where the provider can. Best effort: it is over in seconds. */
@Injectable()
export class ShowTyping implements OnModuleInit {
  private readonly logger = new Logger(ShowTyping.name);

  constructor(
    private readonly events: EventBus,
    private readonly database: Database,
    private readonly providers: Providers,
  ) {}

  onModuleInit(): void {
    this.events.on('agent.typing', (typing) => this.show(typing));
  }

  private async show({ organization_id, conversation_id, typing }: Events['agent.typing']): Promise<void> {
    const [person] = await this.database.rows<Person | undefined>(PERSON, [organization_id, conversation_id]);
    if (!person) return;
    try {
      const line = await this.providers.findLine(Actor.system(organization_id), person.whatsapp_number_id);
      await line?.showTyping?.(person, typing);
    } catch (error) {
      if (!(error instanceof ProviderFailure)) throw error;
      this.logger.debug({ msg: 'typing not shown', conversation_id, reason: error.message });
    }
  }
}

import { Injectable } from '@nestjs/common';
import { Role } from '#common/actor';
import type { Tx } from '#database/database';
import { Facts, type ReadFact } from '#events/facts';
import { Channel, declareNotice } from '#modules/notifications/notice-types';
import { Notices } from '#modules/notifications/notices';

const DISCONNECTED = declareNotice('whatsapp_disconnected', {
  text: 'A WhatsApp number lost its connection.',
  channels: [Channel.in_app, Channel.websocket, Channel.email],
});

interface Line {
  id: string;
  phone_number: string;
  display_name: string | null;
  last_error: string | null;
}

/** Tells administrators of numbers that no longer work. */
@Injectable()
export class NumberNotices {
  constructor(
    private readonly notices: Notices,
    facts: Facts,
  ) {
    facts.reader({ name: 'number-notices', events: ['whatsapp_number.disconnected'], read: (tx, told) => this.read(tx, told) });
  }

  private async read(tx: Tx, facts: readonly ReadFact[]): Promise<void> {
    const { organization_id } = facts[0];
    const lines = await tx.rows<Line>(
      'SELECT id, phone_number, display_name, last_error FROM whatsapp_numbers WHERE organization_id = $1 AND id = ANY($2) AND deleted_at IS NULL',
      [organization_id, facts.map(({ data }) => data.number_id)],
    );
    for (const { id, phone_number, display_name, last_error } of lines) {
      const name = display_name ? `${display_name} (${phone_number})` : phone_number;
      const reason = last_error ? `\n\n${last_error}` : '';
      await this.notices.tell(tx, {
        organization_id,
        role: Role.org_admin,
        type: DISCONNECTED,
        title: { 'pt-BR': `WhatsApp desconectado: ${name}`, en: `WhatsApp disconnected: ${name}` },
        message: {
          'pt-BR': `O número ${name} perdeu a conexão: por enquanto nada chega e nada sai por ele.${reason}`,
          en: `The number ${name} lost its connection: nothing comes in or leaves by it for now.${reason}`,
        },
        data: { whatsapp_number_id: id },
        priority: 'high',
      });
    }
  }
}

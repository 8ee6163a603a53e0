import { Injectable } from '@nestjs/common';
import type { FactName } from '#events/facts';
import { WebhookEvents } from '#events/webhook-events';
import { NUMBER_EVENTS } from './numbers.events';
import { NumbersService } from './numbers.service';
import type { WhatsAppNumberView } from './whatsapp-number.dto';

const TOLD = {
  'whatsapp.number.connected': 'whatsapp_number.connected',
  'whatsapp.number.disconnected': 'whatsapp_number.disconnected',
  'whatsapp.number.quality_updated': 'whatsapp_number.quality_updated',
} as const satisfies Record<string, FactName>;

/** What customers' webhooks hear of the numbers. */
@Injectable()
export class NumberWebhooks {
  constructor(events: WebhookEvents, numbers: NumbersService) {
    const { number, organization_id } = NUMBER_EVENTS['whatsapp_number.connected'].sample;
    events.carry<WhatsAppNumberView>('whatsapp_number', {
      show: (tx, actor, ids) => numbers.views(tx, actor, ids),
      named_by: ['whatsapp_number_id', 'number_id'],
      sample: { organization_id, ...number } as Partial<WhatsAppNumberView> & { id: string },
    });
    for (const [name, of] of Object.entries(TOLD))
      events.tell({ [name]: { text: NUMBER_EVENTS[of].text, of: [of], carries: ['whatsapp_number'] } });
  }
}

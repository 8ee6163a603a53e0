import { Injectable } from '@nestjs/common';
import { WebhookEvents } from '#events/webhook-events';
import { QUEUE_EVENTS } from '../queues.events';

/** What customers' webhooks hear of SLAs. */
@Injectable()
export class SlaWebhooks {
  constructor(events: WebhookEvents) {
    const { text } = QUEUE_EVENTS['sla.breached'];
    events.tell({ 'sla.breached': { text, of: ['sla.breached'], carries: ['conversation', 'contact'] } });
  }
}

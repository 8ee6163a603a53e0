import { Injectable } from '@nestjs/common';
import { Database } from '#database/database';
import { WebhookEvents } from '#events/webhook-events';
import { type TemplateView, presentTemplate } from './template.dto';
import { Template } from './template.entity';
import { TEMPLATE_EVENTS } from './templates.events';

/** What customers' webhooks hear of the templates. */
@Injectable()
export class TemplateWebhooks {
  constructor(events: WebhookEvents, database: Database) {
    const { text, sample } = TEMPLATE_EVENTS['template.status_updated'];
    events.carry<TemplateView>('template', {
      show: async (tx, actor, ids) => (await database.repository(Template, tx).many(actor, ids)).map(presentTemplate),
      sample: sample.template as Partial<TemplateView> & { id: string },
    });
    events.tell({ 'template.status_updated': { text, of: ['template.status_updated'], carries: ['template'] } });
  }
}

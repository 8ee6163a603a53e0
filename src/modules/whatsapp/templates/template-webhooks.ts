import { Injectable } from '@nestjs/common';
import { Database } from '#database/database';
import { WebhookEvents } from '#events/webhook-events';
import { presentTemplates } from './present-templates';
import type { TemplateView } from './template.dto';
import { Template } from './template.entity';
import { TEMPLATE_EVENTS } from './templates.events';

const TOLD = ['template.status_updated', 'template.category_updated', 'template.quality_updated'] as const;

/** What customers' webhooks hear of the templates. */
@Injectable()
export class TemplateWebhooks {
  constructor(events: WebhookEvents, database: Database) {
    const { sample } = TEMPLATE_EVENTS['template.status_updated'];
    events.carry<TemplateView>('template', {
      show: async (tx, actor, ids) => presentTemplates(tx, actor, await database.repository(Template, tx).many(actor, ids)),
      sample: sample.template as Partial<TemplateView> & { id: string },
    });
    for (const name of TOLD) events.tell({ [name]: { text: TEMPLATE_EVENTS[name].text, of: [name], carries: ['template'] } });
  }
}

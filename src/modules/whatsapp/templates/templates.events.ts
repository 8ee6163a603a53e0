import { DEMO } from '#common/demo';
import { type PayloadsOf, declareEvents, event } from '#common/events';
import { type DataOf, declareSocketEvents } from '#realtime/realtime.events';
import { TemplateStatusNews } from './template.dto';
import type { Template } from './template.entity';

interface TemplateHappened {
  organization_id: string;
  template: Pick<Template, 'id' | 'whatsapp_number_id' | 'name' | 'language' | 'category' | 'status' | 'rejected_reason' | 'quality_score'>;
}

const named = { name: DEMO.template_name, language: 'pt_BR', status: 'APPROVED' };

const happened: TemplateHappened = {
  organization_id: DEMO.organization_id,
  template: {
    id: DEMO.template_id,
    whatsapp_number_id: DEMO.number_id,
    category: 'UTILITY',
    rejected_reason: null,
    quality_score: 'GREEN',
    ...named,
  },
};

export const TEMPLATE_EVENTS = declareEvents({
  'template.status_updated': event<TemplateHappened & { previous_status: string }>({
    text: 'Meta decided on a template, or took its word back.',
    sample: { ...happened, previous_status: 'PENDING' },
    sockets: ['template:status'],
  }),
  'template.category_updated': event<TemplateHappened & { previous_category: string }>({
    text: 'Meta put a template into another category, which is another price.',
    sample: { ...happened, previous_category: 'MARKETING' },
  }),
  'template.quality_updated': event<TemplateHappened & { previous_quality_score: string | null }>({
    text: 'Customers think otherwise of a template now, by the word of Meta.',
    sample: { ...happened, previous_quality_score: 'YELLOW' },
  }),
});

/** What the sockets hear of the templates. */
export const TEMPLATE_NEWS = declareSocketEvents({
  'template:status': {
    text: 'Meta decided on a template, or took its word back.',
    channel: 'whatsapp',
    payload: TemplateStatusNews,
    sample: { template_id: DEMO.template_id, ...named },
  },
});

declare module '#common/events' {
  interface Events extends PayloadsOf<typeof TEMPLATE_EVENTS> {}
}

declare module '#realtime/realtime.events' {
  interface RealtimeEvents extends DataOf<typeof TEMPLATE_NEWS> {}
}

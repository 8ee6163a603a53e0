import { DEMO } from '#common/demo';
import { type PayloadsOf, declareEvents, event } from '#common/events';
import { type DataOf, declareSocketEvents } from '#realtime/realtime.events';
import { TemplateStatusNews } from './template.dto';
import type { Template } from './template.entity';

interface TemplateStatusUpdated {
  organization_id: string;
  template: Pick<Template, 'id' | 'whatsapp_number_id' | 'name' | 'language' | 'category' | 'status' | 'rejected_reason'>;
  previous_status: string;
}

const named = { name: DEMO.template_name, language: 'pt_BR', status: 'APPROVED' };

export const TEMPLATE_EVENTS = declareEvents({
  'template.status_updated': event<TemplateStatusUpdated>({
    text: 'Meta decided on a template, or took its word back.',
    sample: {
      organization_id: DEMO.organization_id,
      template: { id: DEMO.template_id, whatsapp_number_id: DEMO.number_id, category: 'UTILITY', rejected_reason: null, ...named },
      previous_status: 'PENDING',
    },
    sockets: ['template:status'],
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

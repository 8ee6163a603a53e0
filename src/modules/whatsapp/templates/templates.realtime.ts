import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DEMO } from '#common/demo';
import { EventBus } from '#common/events';
import { type PayloadsOf, declareEvents } from '#realtime/realtime.events';
import { RealtimeHub } from '#realtime/realtime.hub';
import { TemplateStatusNews } from './template.dto';
import './templates.events';

export const TEMPLATE_EVENTS = declareEvents({
  'template:status': {
    text: 'Meta decided on a template, or took its word back.',
    channel: 'whatsapp',
    payload: TemplateStatusNews,
    sample: { template_id: DEMO.template_id, name: DEMO.template_name, language: 'pt_BR', status: 'APPROVED' },
  },
});

declare module '#realtime/realtime.events' {
  interface RealtimeEvents extends PayloadsOf<typeof TEMPLATE_EVENTS> {}
}

/** What the sockets hear of the templates. */
@Injectable()
export class TemplatesRealtime implements OnModuleInit {
  constructor(
    private readonly events: EventBus,
    private readonly hub: RealtimeHub,
  ) {}

  onModuleInit(): void {
    this.events.on('template.status_updated', ({ organization_id, template: { id, name, language, status, rejected_reason } }) =>
      this.hub.publish({
        organization_id,
        event: 'template:status',
        data: { template_id: id, name, language, status, ...(rejected_reason && { rejected_reason }) },
      }),
    );
  }
}

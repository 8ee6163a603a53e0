import { Injectable, type OnModuleInit } from '@nestjs/common';
import { EventBus } from '#common/events';
import { RealtimeHub } from '#realtime/realtime.hub';

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

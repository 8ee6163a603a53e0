import { Injectable, type OnModuleInit } from '@nestjs/common';
import { EventBus } from '#common/events';
import { RealtimeHub } from '#realtime/realtime.hub';

/** What the sockets hear of imports. */
@Injectable()
export class ContactImportsRealtime implements OnModuleInit {
  constructor(
    private readonly events: EventBus,
    private readonly hub: RealtimeHub,
  ) {}

  onModuleInit(): void {
    this.events.on('contact_import.progressed', ({ organization_id, progress }) =>
      this.hub.publish({ organization_id, event: 'contact:import_progress', data: progress }),
    );
  }
}

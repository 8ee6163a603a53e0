import { Injectable, type OnModuleInit } from '@nestjs/common';
import { EventBus } from '#common/events';
import { RealtimeHub } from '#realtime/realtime.hub';

/** What the sockets hear of the departments. */
@Injectable()
export class DepartmentsRealtime implements OnModuleInit {
  constructor(
    private readonly events: EventBus,
    private readonly hub: RealtimeHub,
  ) {}

  onModuleInit(): void {
    for (const name of ['department.created', 'department.updated'] as const)
      this.events.on(name, ({ organization_id, department }) =>
        this.hub.publish({ organization_id, event: 'department:updated', data: department }),
      );
    this.events.on('department.deleted', ({ organization_id, ...data }) =>
      this.hub.publish({ organization_id, event: 'department:deleted', data }),
    );
  }
}

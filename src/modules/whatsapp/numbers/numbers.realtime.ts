import { Injectable, type OnModuleInit } from '@nestjs/common';
import { EventBus } from '#common/events';
import { RealtimeHub } from '#realtime/realtime.hub';
import { presentStatus } from './whatsapp-number.dto';

/** What the sockets hear of the numbers. */
@Injectable()
export class NumbersRealtime implements OnModuleInit {
  constructor(
    private readonly events: EventBus,
    private readonly hub: RealtimeHub,
  ) {}

  onModuleInit(): void {
    this.events.on('whatsapp_number.status', ({ organization_id, number }) =>
      this.hub.publish({ organization_id, event: 'whatsapp:number_status', data: presentStatus(number) }),
    );
    this.events.on('whatsapp_number.code_shown', ({ organization_id, ...data }) =>
      this.hub.publish({ organization_id, event: 'whatsapp:qrcode', data, org_admins_only: true }),
    );
  }
}

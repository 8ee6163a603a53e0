import { Injectable, type OnModuleInit } from '@nestjs/common';
import { EventBus } from '#common/events';
import { type PayloadsOf, declareEvents } from '#realtime/realtime.events';
import { RealtimeHub } from '#realtime/realtime.hub';
import './numbers.events';
import { WhatsAppNumberStatus, presentStatus } from './whatsapp-number.dto';

export const NUMBER_EVENTS = declareEvents({
  'whatsapp:number_status': {
    text: 'A number was switched on or off, connected, or lost its connection.',
    channel: 'whatsapp',
    payload: WhatsAppNumberStatus,
  },
});

declare module '#realtime/realtime.events' {
  interface RealtimeEvents extends PayloadsOf<typeof NUMBER_EVENTS> {}
}

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
  }
}

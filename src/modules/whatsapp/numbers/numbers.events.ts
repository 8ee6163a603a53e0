import { DEMO } from '#common/demo';
import { type PayloadsOf, declareEvents, event } from '#common/events';
import { type DataOf, declareSocketEvents } from '#realtime/realtime.events';
import { QrCodeNews, type ToldNumber, WhatsAppNumberStatus } from './whatsapp-number.dto';
import { ConnectionStatus, ConnectionType } from './whatsapp-number.entity';

interface NumberHappened {
  organization_id: string;
  number: ToldNumber;
}

const sample: NumberHappened = {
  organization_id: DEMO.organization_id,
  number: {
    id: DEMO.number_id,
    phone_number: '+5511987654321',
    display_name: 'Padaria Demo',
    connection_type: ConnectionType.official,
    connection_status: ConnectionStatus.connected,
    is_active: true,
    quality_rating: 'GREEN',
    messaging_limit_tier: 'TIER_2K',
    connected_at: DEMO.time,
    last_seen_at: DEMO.time,
    last_checked_at: DEMO.time,
    last_error: null,
  },
};
const lost: NumberHappened = {
  ...sample,
  number: { ...sample.number, connection_status: ConnectionStatus.error, last_error: 'Error validating access token' },
};

const code: QrCodeNews = {
  number_id: DEMO.number_id,
  qr_code: 'data:image/png;base64,iVBORw0KGgo=',
  pairing_code: null,
  expires_at: DEMO.time,
};

export const NUMBER_EVENTS = declareEvents({
  'whatsapp_number.created': event<NumberHappened>({ text: 'A WhatsApp number was added.', sample }),
  'whatsapp_number.updated': event<NumberHappened>({ text: 'A number changed, in whatever way.', sample }),
  'whatsapp_number.deleted': event<NumberHappened>({ text: 'A number was deleted.', sample }),
  'whatsapp_number.status': event<NumberHappened>({
    text: 'A number was switched on or off, connected, or lost its connection.',
    sample,
    sockets: ['whatsapp:number_status'],
  }),
  'whatsapp_number.connected': event<NumberHappened>({ text: 'A number connected.', sample }),
  'whatsapp_number.disconnected': event<NumberHappened>({ text: 'A number lost its connection.', sample: lost }),
  'whatsapp_number.code_shown': event<QrCodeNews & { organization_id: string }>({
    text: 'A QR code is to be scanned with the phone of a number.',
    sample: { organization_id: DEMO.organization_id, ...code },
    sockets: ['whatsapp:qrcode'],
  }),
  'whatsapp_number.quality_updated': event<NumberHappened & { previous_quality_rating: string | null }>({
    text: 'WhatsApp rates the quality of a number anew.',
    sample: { ...sample, previous_quality_rating: 'YELLOW' },
  }),
  'whatsapp_number.limit_reached': event<NumberHappened>({
    text: 'The account of a number wrote first to as many people as it may in a day: templates to others wait.',
    sample,
  }),
  'whatsapp_number.restricted': event<NumberHappened>({
    text: 'WhatsApp restricted a number: nothing leaves by it for an hour, or until an administrator ends that.',
    sample,
  }),
  'whatsapp_number.limits_reset': event<NumberHappened>({ text: "A number's own counters were set to zero.", sample }),
});

/** What the sockets hear of the numbers. */
export const NUMBER_NEWS = declareSocketEvents({
  'whatsapp:number_status': {
    text: 'A number was switched on or off, connected, or lost its connection.',
    channel: 'whatsapp',
    payload: WhatsAppNumberStatus,
  },
  'whatsapp:qrcode': {
    text: 'A QR code is to be scanned with the phone of a number. Only to administrators.',
    channel: 'whatsapp',
    payload: QrCodeNews,
    sample: code,
  },
});

declare module '#common/events' {
  interface Events extends PayloadsOf<typeof NUMBER_EVENTS> {}
}

declare module '#realtime/realtime.events' {
  interface RealtimeEvents extends DataOf<typeof NUMBER_NEWS> {}
}

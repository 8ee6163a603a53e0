import { DEMO } from '#common/demo';
import { type PayloadsOf, declareEvents, event } from '#common/events';
import { type DataOf, declareSocketEvents } from '#realtime/realtime.events';
import { OfferEndNews, OfferNews, QueueNews, SlaNews } from './queue-news.dto';
import { OfferStatus } from './offers/queue-offer.entity';

interface QueueHappened {
  organization_id: string;
  queue_id: string;
}

type WithOrganization<T> = T & { organization_id: string };

const { organization_id, queue_id, conversation_id, user_id: agent_id, queue_offer_id: offer_id } = DEMO;
const queue: QueueHappened = { organization_id, queue_id };
const warning: SlaNews = { conversation_id, queue_id, sla_minutes: 30, waited_minutes: 24, progress: 0.8 };
const breach: SlaNews = { ...warning, waited_minutes: 30, progress: 1 };
const offer: OfferNews = { offer_id, conversation_id, queue_id, agent_id, expires_at: new Date(DEMO.time.getTime() + 30_000) };
const over: OfferEndNews = { offer_id, conversation_id, queue_id, agent_id, status: OfferStatus.expired };

export const QUEUE_EVENTS = declareEvents({
  'queue.created': event<QueueHappened>({ text: 'A queue was added.', sample: queue, sockets: ['queue:updated'] }),
  'queue.updated': event<QueueHappened>({
    text: 'A queue, or its place in the order, changed.',
    sample: queue,
    sockets: ['queue:updated'],
  }),
  'queue.deleted': event<QueueHappened>({ text: 'A queue was deleted.', sample: queue }),
  'queue.overflowed': event<QueueHappened & { waiting: number }>({
    text: 'A queue is full, and there is none with room to send on to.',
    sample: { ...queue, waiting: 51 },
  }),
  'queue.offered': event<WithOrganization<OfferNews>>({
    text: 'A conversation is held out to an agent.',
    sample: { organization_id, ...offer },
    sockets: ['queue:offer'],
  }),
  'queue.offer_ended': event<WithOrganization<OfferEndNews>>({
    text: 'An offer was accepted or declined, or its time went by.',
    sample: { organization_id, ...over },
    sockets: ['queue:offer_ended'],
  }),
  'sla.warning': event<WithOrganization<SlaNews>>({
    text: "A conversation has waited for 80 % of what its queue's SLA allows.",
    sample: { organization_id, ...warning },
    sockets: ['sla:warning'],
  }),
  'sla.breached': event<WithOrganization<SlaNews>>({
    text: "A conversation has waited for longer than its queue's SLA allows.",
    sample: { organization_id, ...breach },
    sockets: ['sla:breached'],
  }),
});

/** What the sockets hear of the queues. */
export const QUEUE_NEWS = declareSocketEvents({
  'queue:updated': {
    text: 'A queue was added or changed, or another number of conversations waits in it.',
    channel: 'conversations',
    payload: QueueNews,
    sample: { queue_id, waiting: 3, waiting_since: DEMO.time, active: 12 },
  },
  'queue:offer': {
    text: 'A conversation is held out to an agent: theirs if they accept in time.',
    channel: 'conversations',
    payload: OfferNews,
    sample: offer,
  },
  'queue:offer_ended': {
    text: 'An offer was accepted or declined, or its time went by.',
    channel: 'conversations',
    payload: OfferEndNews,
    sample: over,
  },
  'sla:warning': {
    text: "A conversation has waited for 80 % of what its queue's SLA allows.",
    channel: 'conversations',
    payload: SlaNews,
    sample: warning,
  },
  'sla:breached': {
    text: "A conversation has waited for longer than its queue's SLA allows.",
    channel: 'conversations',
    payload: SlaNews,
    sample: breach,
  },
});

declare module '#common/events' {
  interface Events extends PayloadsOf<typeof QUEUE_EVENTS> {}
}

declare module '#realtime/realtime.events' {
  interface RealtimeEvents extends DataOf<typeof QUEUE_NEWS> {}
}

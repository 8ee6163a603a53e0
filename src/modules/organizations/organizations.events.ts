import { DEMO } from '#common/demo';
import { type PayloadsOf, declareEvents, event } from '#common/events';
import { type DataOf, declareSocketEvents } from '#realtime/realtime.events';
import type { NearLimit } from './followers';
import { OrganizationNews } from './organization.dto';
import { OrganizationStatus, PlanType } from './organization.entity';

interface OrganizationHappened {
  organization_id: string;
}

interface StatusChanged extends OrganizationHappened {
  status: OrganizationStatus;
  previous_status: OrganizationStatus;
}

const { organization_id } = DEMO;

export const ORGANIZATION_EVENTS = declareEvents({
  'organization.created': event<OrganizationHappened>({
    text: 'An organization came to be: somebody registered it, or a super admin made it.',
    sample: { organization_id },
  }),
  'organization.updated': event<OrganizationHappened>({
    text: "An organization's profile, plan, settings or state changed.",
    sample: { organization_id },
    sockets: ['organization:updated'],
  }),
  'organization.status_changed': event<StatusChanged>({
    text: 'An organization was suspended, switched off, or is at work again.',
    sample: { organization_id, status: OrganizationStatus.active, previous_status: OrganizationStatus.suspended },
  }),
  'organization.deleted': event<OrganizationHappened>({
    text: 'An organization was deleted: it can be restored for 30 days, then it is erased.',
    sample: { organization_id },
  }),
  'organization.restored': event<OrganizationHappened>({
    text: 'A deleted organization is there again.',
    sample: { organization_id },
  }),
  'organization.limit_near': event<OrganizationHappened & NearLimit>({
    text: 'An organization has come near a limit of its plan, or has reached it; told once.',
    sample: { organization_id, resource: 'contacts', percent: 80, used: 800, max: 1000 },
  }),
});

/** What the sockets hear of their organization. */
export const ORGANIZATION_NEWS = declareSocketEvents({
  'organization:updated': {
    text: 'The profile, plan, settings or state of your organization changed.',
    channel: 'organization',
    payload: OrganizationNews,
    sample: {
      id: organization_id,
      name: 'Padaria Demo',
      slug: 'padaria-demo',
      status: OrganizationStatus.active,
      is_active: true,
      plan_type: PlanType.professional,
      is_trial: false,
      trial_ends_at: null,
    },
  },
});

declare module '#common/events' {
  interface Events extends PayloadsOf<typeof ORGANIZATION_EVENTS> {}
}

declare module '#realtime/realtime.events' {
  interface RealtimeEvents extends DataOf<typeof ORGANIZATION_NEWS> {}
}

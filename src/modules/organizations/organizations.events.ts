import { DEMO } from '#common/demo';
import { type PayloadsOf, declareEvents, event } from '#common/events';

export const ORGANIZATION_EVENTS = declareEvents({
  'organization.updated': event<{ organization_id: string }>({
    text: "An organization's profile, plan or settings changed.",
    sample: { organization_id: DEMO.organization_id },
  }),
});

declare module '#common/events' {
  interface Events extends PayloadsOf<typeof ORGANIZATION_EVENTS> {}
}

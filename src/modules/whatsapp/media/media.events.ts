import { DEMO } from '#common/demo';
import { type PayloadsOf, declareEvents, event } from '#common/events';

export const MEDIA_EVENTS = declareEvents({
  'media.quota_warning': event<{ organization_id: string; used_bytes: number; max_bytes: number }>({
    text: 'The files of an organization have come to take 80 % of what its plan allows.',
    sample: { organization_id: DEMO.organization_id, used_bytes: 4_300_000_000, max_bytes: 5_368_709_120 },
  }),
});

declare module '#common/events' {
  interface Events extends PayloadsOf<typeof MEDIA_EVENTS> {}
}

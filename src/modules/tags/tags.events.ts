import { DEMO } from '#common/demo';
import { type PayloadsOf, declareEvents, event } from '#common/events';
import type { Tag } from './tag.entity';

interface TagHappened {
  organization_id: string;
  tag: Tag;
}

const { organization_id } = DEMO;

export const TAG_EVENTS = declareEvents({
  'tag.deleted': event<TagHappened>({
    text: 'A tag was deleted, and with it taken from all of its contacts.',
    sample: {
      organization_id,
      tag: {
        id: DEMO.tag_id,
        organization_id,
        name: 'Cliente fiel',
        slug: 'cliente-fiel',
        description: null,
        color: '#3B82F6',
        is_system: false,
        created_at: DEMO.time,
        updated_at: DEMO.time,
      },
    },
  }),
});

declare module '#common/events' {
  interface Events extends PayloadsOf<typeof TAG_EVENTS> {}
}

import { DEMO } from '#common/demo';
import { type PayloadsOf, declareEvents, event } from '#common/events';
import { type DataOf, declareSocketEvents } from '#realtime/realtime.events';
import { ContactImportProgress } from './contact-import.dto';
import { ImportStatus } from './contact-import.entity';

const PROGRESS: ContactImportProgress = {
  import_id: DEMO.contact_import_id,
  status: ImportStatus.processing,
  dry_run: false,
  total_rows: 12_000,
  processed_rows: 4500,
  created_count: 4380,
  updated_count: 0,
  skipped_count: 112,
  failed_count: 8,
};

export const IMPORT_EVENTS = declareEvents({
  'contact_import.progressed': event<{ organization_id: string; progress: ContactImportProgress }>({
    text: 'An import of contacts came further or ended; once a second at most, its end always.',
    sample: { organization_id: DEMO.organization_id, progress: PROGRESS },
    sockets: ['contact:import_progress'],
  }),
});

export const IMPORT_NEWS = declareSocketEvents({
  'contact:import_progress': {
    text: 'An import of contacts came further, or ended: the contacts of a file are told so, and not one by one.',
    channel: 'contacts',
    payload: ContactImportProgress,
    sample: PROGRESS,
  },
});

declare module '#common/events' {
  interface Events extends PayloadsOf<typeof IMPORT_EVENTS> {}
}

declare module '#realtime/realtime.events' {
  interface RealtimeEvents extends DataOf<typeof IMPORT_NEWS> {}
}

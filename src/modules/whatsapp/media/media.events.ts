import type { MediaOfMessage } from './media.dto';

/** A file of a message is here, or never will be. */
export interface MediaSettled {
  organization_id: string;
  message_id: string;
  media: MediaOfMessage;
}

declare module '#common/events' {
  interface Events {
    /** Files wait to be fetched from the provider. */
    'media.waiting': { organization_id: string; media_ids: string[] };
    'media.ready': MediaSettled;
    'media.failed': MediaSettled;
  }
}

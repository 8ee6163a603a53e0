import { DEMO } from '#common/demo';
import { type PayloadsOf, declareEvents, event } from '#common/events';

interface MailSettled {
  organization_id: string;
  mail_id: string;
  /** As its room declared it. */
  mail: string;
  status: 'sent' | 'failed';
  /** What the mail server said. */
  error: string | null;
  /** Tries in all. */
  attempts: number;
}

export const MAIL_EVENTS = declareEvents({
  'mail.settled': event<MailSettled>({
    text: 'A mail has left, or was given up.',
    sample: {
      organization_id: DEMO.organization_id,
      mail_id: '019aa000-0000-7000-8000-000000000f01',
      mail: 'notifications.notice',
      status: 'sent',
      error: null,
      attempts: 1,
    },
  }),
});

declare module '#common/events' {
  interface Events extends PayloadsOf<typeof MAIL_EVENTS> {}
}

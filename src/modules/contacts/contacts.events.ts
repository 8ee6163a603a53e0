import { DEMO } from '#common/demo';
import { type PayloadsOf, declareEvents, event } from '#common/events';
import { type DataOf, declareSocketEvents } from '#realtime/realtime.events';
import type { TagDetail } from '#modules/tags/tag.dto';
import { ContactGone, ContactView, ContactsMerged } from './contact.dto';

interface ContactHappened {
  organization_id: string;
  contact: ContactView;
  /** It came with a large file: sockets hear of that as a whole. */
  import_id?: string;
}

interface ContactTagged extends ContactHappened {
  /** Which came, or went. */
  tags: TagDetail[];
}

/** Without the rows: the receipt tells it too, from the middle of its own work. */
interface ContactMerged {
  organization_id: string;
  /** The one that stays. */
  contact_id: string;
  merged_contact_id: string;
}

const CONTACT: ContactView = {
  id: DEMO.contact_id,
  organization_id: DEMO.organization_id,
  whatsapp_id: DEMO.phone,
  phone_number: DEMO.phone,
  phone: DEMO.phone,
  wa_id: DEMO.phone.slice(1),
  alternative_phone: null,
  whatsapp_user_id: null,
  username: null,
  whatsapp_name: 'João',
  name: 'João Pereira',
  display_name: 'João Pereira',
  email: 'joao@cliente.example',
  avatar_url: null,
  company: null,
  job_title: null,
  notes: null,
  address_street: null,
  address_city: 'Rio de Janeiro',
  address_state: 'RJ',
  address_country: 'BR',
  address_postal_code: null,
  attributes: {},
  source: 'whatsapp',
  lifecycle_stage: 'customer',
  lead_score: 0,
  opt_in: true,
  opt_in_date: DEMO.time,
  opt_out_date: null,
  can_receive_marketing: true,
  is_blocked: false,
  blocked_at: null,
  blocked_reason: null,
  is_vip: false,
  assigned_agent_id: null,
  assigned_department_id: null,
  tags: ['Cliente fiel'],
  tag_details: [{ id: DEMO.tag_id, name: 'Cliente fiel', color: '#3B82F6' }],
  last_message_at: DEMO.time,
  last_interaction_at: DEMO.time,
  last_message_received_at: DEMO.time,
  last_message_sent_at: null,
  total_messages_sent: 0,
  total_messages_received: 1,
  total_conversations: 1,
  anonymized_at: null,
  identities: [
    {
      kind: 'phone',
      value: DEMO.phone.slice(1),
      portfolio_id: null,
      is_active: true,
      first_seen_at: DEMO.time,
      last_seen_at: DEMO.time,
    },
  ],
  created_at: DEMO.time,
  updated_at: DEMO.time,
};

const { organization_id } = DEMO;
const sample: ContactHappened = { organization_id, contact: CONTACT };
const tagged: ContactTagged = { ...sample, tags: CONTACT.tag_details };
const blocked: ContactHappened = {
  organization_id,
  contact: { ...CONTACT, is_blocked: true, blocked_at: DEMO.time, can_receive_marketing: false },
};
const opted_out: ContactHappened = {
  organization_id,
  contact: { ...CONTACT, opt_in: false, opt_in_date: null, opt_out_date: DEMO.time, can_receive_marketing: false },
};

export const CONTACT_EVENTS = declareEvents({
  'contact.created': event<ContactHappened>({
    text: 'A contact was added: by a person, an import or a first message.',
    sample,
    sockets: ['contact:created'],
  }),
  'contact.updated': event<ContactHappened>({
    text: 'A contact changed, in whatever way.',
    sample,
    sockets: ['contact:updated'],
  }),
  'contact.blocked': event<ContactHappened>({ text: 'A contact was blocked.', sample: blocked }),
  'contact.unblocked': event<ContactHappened>({ text: 'A contact is no longer blocked.', sample }),
  'contact.opted_in': event<ContactHappened>({ text: 'A contact gave leave to write first.', sample }),
  'contact.opted_out': event<ContactHappened>({ text: 'A contact withdrew the leave to write first.', sample: opted_out }),
  'contact.tag_added': event<ContactTagged>({ text: 'A contact got tags.', sample: tagged }),
  'contact.tag_removed': event<ContactTagged>({
    text: 'Tags were taken from a contact.',
    sample: { organization_id, contact: { ...CONTACT, tags: [], tag_details: [] }, tags: CONTACT.tag_details },
  }),
  'contact.deleted': event<ContactHappened>({ text: 'A contact was deleted.', sample, sockets: ['contact:deleted'] }),
  'contact.merged': event<ContactMerged>({
    text: 'Two contacts became one: by hand, or because WhatsApp says that they are one person.',
    sample: { organization_id, contact_id: DEMO.contact_id, merged_contact_id: DEMO.other_contact_id },
    sockets: ['contact:merged', 'contact:deleted', 'contact:updated'],
  }),
});

/** What the sockets hear of the contacts. */
export const CONTACT_NEWS = declareSocketEvents({
  'contact:created': {
    text: 'A contact was added: by a person, a first message, or an import of up to 1,000 rows (`contact:import_progress` tells of larger ones).',
    channel: 'contacts',
    payload: ContactView,
    sample: CONTACT,
  },
  'contact:updated': {
    text: 'A contact changed, was blocked or unblocked, or took another one in.',
    channel: 'contacts',
    payload: ContactView,
    sample: CONTACT,
  },
  'contact:deleted': {
    text: 'A contact was deleted, or became part of another one.',
    channel: 'contacts',
    payload: ContactGone,
    sample: { id: DEMO.contact_id },
  },
  'contact:merged': {
    text: 'Two contacts became one: the first of these stays.',
    channel: 'contacts',
    payload: ContactsMerged,
    sample: { contact_id: DEMO.contact_id, merged_contact_id: DEMO.other_contact_id },
  },
});

declare module '#common/events' {
  interface Events extends PayloadsOf<typeof CONTACT_EVENTS> {}
}

declare module '#realtime/realtime.events' {
  interface RealtimeEvents extends DataOf<typeof CONTACT_NEWS> {}
}

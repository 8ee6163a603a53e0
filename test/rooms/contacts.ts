import { phone } from '../support/acts';
import type { RoomFacts } from '../support/rooms';

export const facts: RoomFacts = {
  roles: {
    viewer: ['GET /contacts', 'GET /contacts/search', 'GET /contacts/{contact_id}'],
    agent: [
      'DELETE /contacts/{contact_id}',
      'POST /contacts',
      'POST /contacts/{contact_id}/block',
      'POST /contacts/{contact_id}/merge',
      'POST /contacts/{contact_id}/unblock',
      'PUT /contacts/{contact_id}',
    ],
  },
  ids: { contact_id: 'contact', other_contact_id: 'contact' },
  no_ids: {
    whatsapp_id: 'a phone number',
  },
  bodies: (own) => ({
    'POST /contacts': { whatsapp_id: '+5511912345678' },
    'POST /contacts/{contact_id}/merge': { other_contact_id: own.contact },
  }),
  acts: [
    {
      rest: 'POST contacts',
      mutation: 'createContact',
      said: ['contact.created'],
      given: () => Promise.resolve({ body: { whatsapp_id: phone(), name: 'Carla Dias' } }),
      wrong: { whatsapp_id: 'nobody' },
    },
    {
      rest: 'PUT contacts/:contact_id',
      mutation: 'updateContact',
      said: ['contact.updated'],
      changes: ['company', 'lead_score', 'whatsapp_id'],
      given: async (stage) => ({ id: await stage.contact(), body: { company: 'Oficina', lead_score: 40, whatsapp_id: phone() } }),
      wrong: { lead_score: -1 },
    },
    {
      rest: 'DELETE contacts/:contact_id',
      mutation: 'deleteContact',
      said: ['contact.deleted'],
      given: async (stage) => ({ id: await stage.contact() }),
    },
    {
      rest: 'POST contacts/:contact_id/block',
      mutation: 'blockContact',
      said: ['contact.blocked'],
      changes: ['blocked_at', 'blocked_reason', 'is_blocked'],
      given: async (stage) => ({ id: await stage.contact(), body: { reason: 'Spam' } }),
      wrong: { reason: 5 },
    },
    {
      rest: 'POST contacts/:contact_id/unblock',
      mutation: 'unblockContact',
      said: ['contact.unblocked'],
      changes: ['blocked_at', 'is_blocked'],
      given: async (stage) => ({ id: await stage.contact({ is_blocked: true }) }),
    },
    {
      rest: 'POST contacts/:contact_id/merge',
      said: ['contact.merged'],
      given: async (stage) => ({ id: await stage.contact(), body: { other_contact_id: await stage.contact() } }),
      wrong: { other_contact_id: 'nobody' },
    },
  ],
};

import { type Stage, phone } from '../support/acts';
import { META_SECRET, META_TOKEN } from '../support/fake-meta';
import type { RoomFacts } from '../support/rooms';

const PIXEL = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

const DRAFT = { name: 'aviso', category: 'UTILITY', body_text: 'Olá {{1}}, tudo bem?', examples: { body: ['Ana'] } };

/** A draft at a number Meta knows. */
const draft = async (stage: Stage): Promise<{ id: string; ids: { number_id: string; template_id: string } }> => {
  const number_id = await stage.number();
  const template_id = await stage.made(`/whatsapp/${number_id}/templates?submit=false`, DRAFT);
  return { id: template_id, ids: { number_id, template_id } };
};

export const facts: RoomFacts = {
  roles: {
    public: [
      'GET /whatsapp/webhook',
      'POST /whatsapp/webhook',
      'POST /whatsapp/webhook/evolution/{webhook_token}',
      'POST /whatsapp/webhook/evolution/{webhook_token}/{event_slug}',
    ],
    viewer: [
      'GET /whatsapp',
      'GET /whatsapp-configs',
      'GET /whatsapp-configs/numbers',
      'GET /whatsapp-configs/{number_id}',
      'GET /whatsapp-configs/{number_id}/status',
      'GET /whatsapp/numbers',
      'GET /whatsapp/{number_id}/rate-limit/usage',
      'GET /whatsapp/{number_id}',
      'GET /whatsapp/{number_id}/status',
      'GET /whatsapp/{number_id}/templates',
      'GET /whatsapp/{number_id}/templates/local',
      'GET /whatsapp/{number_id}/templates/{template_id}',
    ],
    agent: [
      'GET /whatsapp-configs/{number_id}/qrcode/status',
      'GET /whatsapp/{number_id}/qrcode/status',
      'POST /whatsapp-configs/{number_id}/test',
      'POST /whatsapp/media',
      'POST /whatsapp/{number_id}/test',
    ],
    org_admin: [
      'DELETE /whatsapp-configs/{number_id}',
      'DELETE /whatsapp/{number_id}',
      'GET /whatsapp-configs/{number_id}/qrcode',
      'GET /whatsapp/{number_id}/qrcode',
      'DELETE /whatsapp/{number_id}/templates/{template_id}',
      'POST /whatsapp',
      'POST /whatsapp-configs',
      'POST /whatsapp-configs/{number_id}/activate',
      'POST /whatsapp-configs/{number_id}/deactivate',
      'POST /whatsapp-configs/{number_id}/disconnect',
      'POST /whatsapp-configs/{number_id}/qrcode',
      'POST /whatsapp/{number_id}/activate',
      'POST /whatsapp/{number_id}/deactivate',
      'POST /whatsapp/{number_id}/disconnect',
      'POST /whatsapp/{number_id}/qrcode',
      'POST /whatsapp/{number_id}/rate-limit/reset',
      'POST /whatsapp/{number_id}/templates',
      'POST /whatsapp/{number_id}/templates/sync',
      'POST /whatsapp/{number_id}/templates/{template_id}/submit',
      'PUT /whatsapp-configs/{number_id}',
      'PUT /whatsapp/{number_id}',
      'PUT /whatsapp/{number_id}/templates/{template_id}',
    ],
  },
  ids: {
    number_id: 'number',
    whatsapp_number_id: 'number',
    template_id: 'template',
    media_id: 'media',
    webhook_token: 'webhook_token',
    event_slug: 'event_slug',
    // generateWhatsappQrcode says its noun so.
    qrcode_id: 'qrcode',
  },
  belongings: async (w, company) => {
    const [{ id }] = await w.sql<{ id: string }>('SELECT id FROM whatsapp_numbers WHERE organization_id = $1 LIMIT 1', [company.id]);
    return { qrcode: id };
  },
  no_ids: {
    phone_number_id: "Meta's",
    whatsapp_business_account_id: "Meta's",
  },
  bodies: () => ({ 'POST /whatsapp/{number_id}/templates': DRAFT, createWhatsappTemplate: DRAFT }),
  acts: [
    {
      rest: 'POST whatsapp',
      mutation: 'createWhatsappNumber',
      said: ['whatsapp_number.created'],
      given: () => Promise.resolve({ body: { phone_number: phone(), display_name: 'Loja' } }),
      wrong: { phone_number: 'nobody' },
    },
    {
      rest: 'PUT whatsapp/:number_id',
      mutation: 'updateWhatsappNumber',
      said: ['whatsapp_number.updated'],
      changes: ['access_token', 'app_secret', 'display_name'],
      given: async (stage) => ({
        id: await stage.number(),
        body: { display_name: 'Outra loja', access_token: META_TOKEN, app_secret: `${META_SECRET}-2` },
      }),
      wrong: { phone_number_id: 'none' },
    },
    {
      rest: 'DELETE whatsapp/:number_id',
      mutation: 'deleteWhatsappNumber',
      said: ['whatsapp_number.deleted'],
      given: async (stage) => ({ id: await stage.number() }),
    },
    {
      rest: 'POST whatsapp/:number_id/test',
      mutation: 'testWhatsappNumber',
      said: ['whatsapp_number.tested'],
      changes: ['last_checked_at'],
      given: async (stage) => ({ person: stage.agent, id: await stage.number() }),
    },
    {
      rest: 'POST whatsapp/:number_id/activate',
      said: ['whatsapp_number.activated'],
      changes: ['is_active'],
      given: async (stage) => {
        const id = await stage.number();
        await stage.admin.post(`/whatsapp/${id}/deactivate`).expect(200);
        return { id };
      },
    },
    {
      rest: 'POST whatsapp/:number_id/deactivate',
      said: ['whatsapp_number.deactivated'],
      changes: ['is_active'],
      given: async (stage) => ({ id: await stage.number() }),
    },
    {
      rest: 'POST whatsapp/:number_id/disconnect',
      mutation: 'disconnectWhatsappNumber',
      said: ['whatsapp_number.deactivated', 'whatsapp_number.disconnected'],
      given: async (stage) => ({ id: await stage.number() }),
    },
    {
      rest: 'POST whatsapp/:number_id/qrcode',
      mutation: 'generateWhatsappQrcode',
      said: ['whatsapp_number.qrcode_generated'],
      given: async (stage) => ({ id: await stage.pairing() }),
    },
    {
      rest: 'POST whatsapp/:number_id/rate-limit/reset',
      said: ['whatsapp_number.rate_limit_reset'],
      changes_nothing: 'counters are no row',
      given: async (stage) => ({ id: await stage.number() }),
    },
    {
      rest: 'POST whatsapp/:number_id/rate-limit/reset',
      said: ['whatsapp_number.rate_limit_reset'],
      changes: ['paused_until'],
      given: async (stage) => {
        const id = await stage.number();
        await stage.world.sql("UPDATE whatsapp_numbers SET paused_until = now() + interval '1 hour' WHERE id = $1", [id]);
        return { id, body: { lift_pause: true } };
      },
      wrong: { lift_pause: 'yes' },
    },
    {
      rest: 'POST whatsapp/:number_id/templates/sync',
      mutation: 'syncWhatsappTemplates',
      said: ['template.synced'],
      changes_nothing: 'many templates: their numbers are in the metadata',
      given: async (stage) => ({ id: await stage.number() }),
    },
    {
      rest: 'POST whatsapp/:number_id/templates',
      mutation: 'createWhatsappTemplate',
      said: ['template.created', 'template.submitted'],
      given: async (stage) => ({ id: await stage.number(), body: DRAFT }),
      wrong: { name: 'Aviso!' },
    },
    {
      rest: 'PUT whatsapp/:number_id/templates/:template_id',
      mutation: 'updateWhatsappTemplate',
      said: ['template.updated'],
      changes: ['is_enabled'],
      given: async (stage) => ({ ...(await draft(stage)), body: { is_enabled: false } }),
      wrong: { is_enabled: 'off' },
    },
    {
      rest: 'POST whatsapp/:number_id/templates/:template_id/submit',
      mutation: 'submitWhatsappTemplate',
      said: ['template.submitted'],
      changes: ['status'],
      given: draft,
    },
    {
      rest: 'DELETE whatsapp/:number_id/templates/:template_id',
      mutation: 'deleteWhatsappTemplate',
      said: ['template.deleted'],
      given: draft,
    },
    {
      rest: 'POST whatsapp/media',
      said: ['media.uploaded'],
      given: (stage) => Promise.resolve({ person: stage.agent, file: PIXEL }),
    },
  ],
};

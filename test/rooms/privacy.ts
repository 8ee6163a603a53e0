import type { Stage } from '../support/acts';
import type { RoomFacts } from '../support/rooms';

const consent = async (stage: Stage, subject_id: string): Promise<string> =>
  stage.made('/privacy/consent', { subject_id, purpose: 'support', granted: true });

export const facts: RoomFacts = {
  roles: {
    viewer: ['GET /privacy/requests/{request_id}', 'GET /privacy/requests/{request_id}/download', 'POST /privacy/data/{user_id}/export'],
    agent: ['DELETE /privacy/consent/{id}', 'GET /privacy/consent/{id}', 'POST /privacy/consent'],
    org_admin: [
      'DELETE /privacy/data/{user_id}',
      'GET /privacy/audit/{user_id}',
      'GET /privacy/compliance/status',
      'GET /privacy/requests',
      'POST /privacy/data/{user_id}/anonymize',
    ],
  },
  ids: { id: 'consent', subject_id: 'subject', request_id: 'data_request' },
  bodies: (own) => ({
    'POST /privacy/consent': { subject_id: own.subject, purpose: 'marketing', granted: true },
  }),
  belongings: async (w, company) => {
    const { body: contact } = await company.admin.post('/contacts', { whatsapp_id: '+5511912340001', name: 'Rita' }).expect(201);
    const subject = (contact as { id: string }).id;
    const { body: made } = await company.admin
      .post('/privacy/consent', { subject_id: subject, purpose: 'billing', granted: true })
      .expect(201);
    // One parameter is a subject's id in one route and a consent's in another: this one is both.
    await w.sql('UPDATE consents SET id = subject_id WHERE organization_id = $1 AND id = $2', [company.id, (made as { id: string }).id]);
    const { body: exported } = await company.admin.post(`/privacy/data/${subject}/export`, {}).expect(200);
    return { subject, consent: subject, data_request: (exported as { request_id: string }).request_id };
  },
  acts: [
    {
      rest: 'POST privacy/consent',
      mutation: 'recordConsent',
      said: ['privacy.consent_recorded'],
      given: async (stage) => ({ body: { subject_id: await stage.contact(), purpose: 'billing', granted: true } }),
      wrong: { purpose: 'fun' },
    },
    {
      rest: 'DELETE privacy/consent/:id',
      mutation: 'removeConsent',
      said: ['privacy.consent_revoked'],
      given: async (stage) => ({ id: await consent(stage, await stage.contact()) }),
    },
    {
      rest: 'POST privacy/data/:user_id/export',
      mutation: 'exportSubjectData',
      said: ['privacy.exported'],
      given: async (stage) => ({ id: await stage.contact(), body: { include: ['profile'] } }),
      wrong: { include: ['everything'] },
    },
    {
      rest: 'DELETE privacy/data/:user_id',
      mutation: 'deleteSubjectData',
      said: ['privacy.erased'],
      given: async (stage) => ({ id: await stage.contact() }),
    },
    {
      rest: 'POST privacy/data/:user_id/anonymize',
      mutation: 'anonymizeSubjectData',
      said: ['privacy.anonymized'],
      given: async (stage) => ({ id: await stage.contact(), body: { reason: 'Asked for it.' } }),
      wrong: { reason: 5 },
    },
  ],
};

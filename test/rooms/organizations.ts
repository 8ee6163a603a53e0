import { randomBytes } from 'node:crypto';
import type { Given, Stage } from '../support/acts';
import type { RoomFacts } from '../support/rooms';
import type { Person } from '../support/world';

/** A super admin, and another organization they do it to. */
const elsewhere = async ({ world }: Stage, status = 'active'): Promise<Given & { person: Person; id: string }> => ({
  person: await world.superAdmin(),
  id: (await world.organization('Initech', { status })).id,
  elsewhere: true,
});

export const facts: RoomFacts = {
  roles: {
    viewer: [
      'GET /organizations/me',
      'GET /organizations/me/settings',
      'GET /organizations/{org_id}',
      'GET /organizations/{org_id}/stats',
      'GET /tenants/{org_id}',
    ],
    org_admin: [
      'GET /organizations/me/export',
      'GET /organizations/{org_id}/export',
      'GET /tenants/{org_id}/export',
      'PUT /organizations/me',
      'PUT /organizations/me/settings',
      'PUT /tenants/{org_id}',
    ],
    super_admin: [
      'DELETE /organizations/{org_id}',
      'DELETE /tenants/{org_id}',
      'GET /organizations',
      'GET /tenants',
      'POST /organizations',
      'POST /organizations/{org_id}/activate',
      'POST /organizations/{org_id}/deactivate',
      'POST /organizations/{org_id}/reactivate',
      'POST /organizations/{org_id}/restore',
      'POST /organizations/{org_id}/suspend',
      'POST /tenants',
      'POST /tenants/{org_id}/activate',
      'POST /tenants/{org_id}/reactivate',
      'POST /tenants/{org_id}/suspend',
      'POST /tenants/{org_id}/upgrade',
      'PUT /organizations/{org_id}',
      'PUT /organizations/{org_id}/plan',
    ],
  },
  ids: { org_id: 'organization' },
  belongings: (_, { id }) => Promise.resolve({ organization: id }),
  acts: [
    {
      rest: 'PUT organizations/me',
      said: ['organization.updated'],
      changes: ['description', 'name'],
      given: () => Promise.resolve({ body: { name: 'Padaria Central', description: 'Pães' } }),
      wrong: { name: '' },
    },
    {
      rest: 'PUT organizations/me/settings',
      mutation: 'updateOrganizationSettings',
      said: ['organization.settings_updated'],
      changes: ['language'],
      given: () => Promise.resolve({ body: { language: 'en-US' } }),
      wrong: { language: 'Klingon, perhaps' },
    },
    {
      rest: 'PUT organizations/:org_id',
      crosses: true,
      mutation: 'updateOrganization',
      said: ['organization.updated', 'organization.settings_updated'],
      changes: ['name'],
      given: async (stage) => ({ ...(await elsewhere(stage)), body: { name: 'Initech Ltda', settings: { language: 'en-US' } } }),
      wrong: { slug: 'No Slug' },
    },
    {
      rest: 'PUT tenants/:org_id',
      said: ['organization.updated'],
      changes: ['name'],
      given: ({ world }) => Promise.resolve({ id: world.acme.id, body: { name: 'Acme Ltda' } }),
      wrong: { name: '' },
    },
    {
      rest: 'POST organizations',
      mutation: 'createOrganization',
      said: ['organization.created', 'user.invited'],
      given: async ({ world }) => {
        const name = `initech-${randomBytes(4).toString('hex')}`;
        return {
          person: await world.superAdmin(),
          elsewhere: true,
          body: { name, slug: name, plan_type: 'starter', admin_email: `ana@${name}.example` },
        };
      },
      wrong: { name: '' },
    },
    {
      rest: 'PUT organizations/:org_id/plan',
      crosses: true,
      mutation: 'updateOrganizationPlan',
      said: ['organization.plan_changed'],
      changes: ['plan_type'],
      given: async (stage) => ({ ...(await elsewhere(stage)), body: { plan_type: 'starter' } }),
      wrong: { plan_type: 'gold' },
    },
    {
      rest: 'POST tenants/:org_id/upgrade',
      crosses: true,
      said: ['organization.plan_changed'],
      changes: ['plan_type'],
      given: async (stage) => ({ ...(await elsewhere(stage)), body: { plan_type: 'enterprise' } }),
      wrong: { plan_type: 'gold' },
    },
    {
      rest: 'POST organizations/:org_id/activate',
      crosses: true,
      mutation: 'activateOrganization',
      said: ['organization.activated'],
      changes: ['status'],
      given: (stage) => elsewhere(stage, 'suspended'),
    },
    {
      rest: 'POST organizations/:org_id/deactivate',
      crosses: true,
      mutation: 'deactivateOrganization',
      said: ['organization.deactivated'],
      changes: ['status'],
      given: (stage) => elsewhere(stage),
    },
    {
      rest: 'POST organizations/:org_id/suspend',
      crosses: true,
      mutation: 'suspendOrganization',
      said: ['organization.suspended'],
      changes: ['status'],
      given: async (stage) => ({ ...(await elsewhere(stage)), body: { reason: 'Invoice' } }),
      wrong: { reason: 'x'.repeat(501) },
    },
    {
      rest: 'POST organizations/:org_id/restore',
      crosses: true,
      mutation: 'restoreOrganization',
      said: ['organization.restored'],
      changes: ['deleted_at'],
      given: async (stage) => {
        const { person, id } = await elsewhere(stage);
        await person.delete(`/organizations/${id}`).expect(204);
        return { person, id, elsewhere: true };
      },
    },
    {
      rest: 'DELETE organizations/:org_id',
      crosses: true,
      mutation: 'deleteOrganization',
      said: ['organization.deleted'],
      given: (stage) => elsewhere(stage),
    },
  ],
};

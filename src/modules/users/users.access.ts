import { declarePermissions } from '#common/permissions';
import { declareRates } from '#config/rate-classes';

declarePermissions('users', { called: 'users, their skills and their rights', read: 'viewer', write: 'org_admin' });

// Contract 10, 4 names them before their rooms are built; each goes to its room.
declarePermissions('campaigns', { called: 'campaigns', read: 'viewer', write: 'org_admin' });
declarePermissions('flows', { called: 'flows', read: 'viewer', write: 'org_admin' });
declarePermissions('chatbots', { called: 'chatbots', read: 'viewer', write: 'org_admin' });
declarePermissions('automations', { called: 'automations', read: 'viewer', write: 'agent' });
declarePermissions('analytics', { called: 'analytics and dashboards', read: 'viewer', write: 'agent' });
declarePermissions('erp', { called: 'ERP connections', read: 'agent', write: 'agent' });
declarePermissions('ai', { called: 'the AI assistant', read: 'viewer', write: 'agent' });

export const USER_RATES = declareRates({
  invitation: { limit: 100, seconds: 3600 },
});

declare module '#common/permissions' {
  interface PermissionResources {
    users: true;
    campaigns: true;
    flows: true;
    chatbots: true;
    automations: true;
    analytics: true;
    erp: true;
    ai: true;
  }
}

declare module '#config/rate-classes' {
  interface RateClasses extends Record<keyof typeof USER_RATES, true> {}
}

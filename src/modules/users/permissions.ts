import { Role } from '#common/actor';

const READ_BY_ALL = [
  'messages',
  'conversations',
  'contacts',
  'campaigns',
  'flows',
  'chatbots',
  'automations',
  'whatsapp',
  'templates',
  'analytics',
  'users',
  'departments',
  'queues',
  'organization',
  'ai',
];

const CHANGED_BY_AGENTS = [
  'messages',
  'conversations',
  'contacts',
  'queues',
  'automations',
  'whatsapp',
  'templates',
  'analytics',
  'ai',
  'erp',
  'privacy',
];

const viewer = READ_BY_ALL.map((resource) => `read:${resource}`);

/** What a role may do at most, as `action:resource`; the role of each route still decides. */
export const ROLE_PERMISSIONS: Record<Role, readonly string[]> = {
  super_admin: ['*'],
  org_admin: ['*'],
  agent: [
    ...viewer,
    'read:erp',
    'read:privacy',
    ...CHANGED_BY_AGENTS.map((resource) => `write:${resource}`),
    ...CHANGED_BY_AGENTS.map((resource) => `delete:${resource}`),
  ],
  viewer,
};

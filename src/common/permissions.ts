import { type Actor, Role } from './actor';

/** What a permission lets do: read; create, change and act; delete. */
export const PERMISSION_ACTIONS = ['read', 'write', 'delete'] as const;

/** What is read, written or deleted, and what people call it. */
const RESOURCE_NAMES = {
  messages: 'messages',
  conversations: 'conversations',
  contacts: 'contacts',
  campaigns: 'campaigns',
  flows: 'flows',
  chatbots: 'chatbots',
  automations: 'automations',
  whatsapp: 'WhatsApp numbers and files',
  templates: 'message templates',
  analytics: 'analytics and dashboards',
  users: 'users, their skills and their rights',
  departments: 'departments',
  queues: 'queues',
  organization: 'the organization',
  secrets: 'secrets',
  webhooks: 'webhooks',
  erp: 'ERP connections',
  ai: 'the AI assistant',
  privacy: 'requests about personal data',
  audit: 'the audit log',
} as const;

export type PermissionAction = (typeof PERMISSION_ACTIONS)[number];
export type PermissionResource = keyof typeof RESOURCE_NAMES;

/** One permission, as `action:resource`. */
export interface Permission {
  name: string;
  action: PermissionAction;
  resource: PermissionResource;
  description: string;
}

const DOES: Record<PermissionAction, string> = { read: 'See', write: 'Create, change and act on', delete: 'Delete' };

/** Every single permission; wildcards (`*`, `read:*`, `write:*`, `delete:*`) stand for several of them. */
export const PERMISSIONS: readonly Permission[] = Object.entries(RESOURCE_NAMES).flatMap(([resource, called]) =>
  PERMISSION_ACTIONS.map((action) => ({
    name: `${action}:${resource}`,
    action,
    resource: resource as PermissionResource,
    description: `${DOES[action]} ${called}.`,
  })),
);

const KNOWN = new Set([...PERMISSIONS.map(({ name }) => name), '*', ...PERMISSION_ACTIONS.map((action) => `${action}:*`)]);

export const isPermission = (name: string): boolean => KNOWN.has(name);

/** Whether a list of permissions holds this one; a wildcard is held by itself or a wider one. */
export function holds(permissions: readonly string[], name: string): boolean {
  const [action] = name.split(':');
  return permissions.some((held) => held === '*' || held === name || held === `${action}:*`);
}

/** What both lists hold; null holds all. */
export function narrowest(a: string[] | null, b: string[] | null): string[] | null {
  if (a === null || b === null) return a ?? b;
  return [...new Set([...a.filter((name) => holds(b, name)), ...b.filter((name) => holds(a, name))])];
}

const READ_BY_ALL: PermissionResource[] = [
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

const CHANGED_BY_AGENTS: PermissionResource[] = [
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

/** What a role may do at most; the role of each route still decides. */
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

/** Whether somebody may, by their role and by permissions of their own: for what stands beside what a guard has let them see. */
export const may = ({ role, permissions }: Pick<Actor, 'role' | 'permissions'>, name: string): boolean =>
  holds(ROLE_PERMISSIONS[role], name) && (permissions === null || holds(permissions, name));

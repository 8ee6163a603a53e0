import { type Actor, Role } from './actor';

/** What a permission lets do: read; create, change and act; delete. */
export const PERMISSION_ACTIONS = ['read', 'write', 'delete'] as const;

/** What is read, written or deleted, as its room declares it. */
interface DeclaredResource {
  /** What people call it. */
  called: string;
  /** The least role that may read it; the role of each route still decides. */
  read: 'viewer' | 'agent' | 'org_admin';
  /** The least role that may create, change and act on it, and delete it. */
  write: 'agent' | 'org_admin';
}

/** Contract 10, 4 names them before their rooms are built; a room's own declaration stands in place of the one here. */
const FORETOLD = {
  campaigns: { called: 'campaigns', read: 'viewer', write: 'org_admin' },
  flows: { called: 'flows', read: 'viewer', write: 'org_admin' },
  chatbots: { called: 'chatbots', read: 'viewer', write: 'org_admin' },
  automations: { called: 'automations', read: 'viewer', write: 'agent' },
  analytics: { called: 'analytics and dashboards', read: 'viewer', write: 'agent' },
  erp: { called: 'ERP connections', read: 'agent', write: 'agent' },
  ai: { called: 'the AI assistant', read: 'viewer', write: 'agent' },
} as const satisfies Record<string, DeclaredResource>;

/** What permissions are about, by name; each room adds its own by declaration merging, beside its declaration. */
export interface PermissionResources extends Record<keyof typeof FORETOLD, true> {}

export type PermissionAction = (typeof PERMISSION_ACTIONS)[number];
export type PermissionResource = keyof PermissionResources;

/** One permission, as `action:resource`. */
export interface Permission {
  name: string;
  action: PermissionAction;
  resource: PermissionResource;
  description: string;
}

/** As contract 10, 4 lists them; what it does not know comes after them, by name. */
const ORDER =
  'messages conversations contacts campaigns flows chatbots automations whatsapp templates analytics users departments queues organization secrets webhooks erp ai privacy audit'.split(
    ' ',
  );

const RESOURCES = new Map(Object.entries(FORETOLD) as [PermissionResource, DeclaredResource][]);
const foretold = new Set(RESOURCES.keys());

/** The names of all, in order; one list that grows, for decorators that are read before every room has said its own. */
export const PERMISSION_RESOURCES: PermissionResource[] = [...foretold];

/** Something that permissions are about, in the `*.access.ts` of its room. */
export function declarePermissions(resource: PermissionResource, declared: DeclaredResource): void {
  const is_foretold = foretold.delete(resource);
  if (RESOURCES.has(resource) && !is_foretold) throw new Error(`The permissions of ${resource} are declared twice`);
  RESOURCES.set(resource, declared);
  if (is_foretold) return;
  const placeOf = (name: string): number => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  PERMISSION_RESOURCES.push(resource);
  PERMISSION_RESOURCES.sort((a, b) => placeOf(a) - placeOf(b) || (a < b ? -1 : 1));
}

const DOES: Record<PermissionAction, string> = { read: 'See', write: 'Create, change and act on', delete: 'Delete' };

/** Every single permission; wildcards (`*`, `read:*`, `write:*`, `delete:*`) stand for several of them. */
export const permissions = (): Permission[] =>
  PERMISSION_RESOURCES.flatMap((resource) =>
    PERMISSION_ACTIONS.map((action) => ({
      name: `${action}:${resource}`,
      action,
      resource,
      description: `${DOES[action]} ${RESOURCES.get(resource)?.called}.`,
    })),
  );

export const isPermission = (name: string): boolean =>
  name === '*' || PERMISSION_ACTIONS.some((action) => name === `${action}:*`) || permissions().some((one) => one.name === name);

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

/** What a role may do at most; the role of each route still decides. */
export function rolePermissions(role: `${Role}`): readonly string[] {
  if (role === 'super_admin' || role === 'org_admin') return ['*'];
  const open = (to: 'read' | 'write', least: Role): PermissionResource[] =>
    PERMISSION_RESOURCES.filter((resource) => RESOURCES.get(resource)?.[to] === least);
  const read = open('read', Role.viewer).map((resource) => `read:${resource}`);
  if (role === 'viewer') return read;
  const written = open('write', Role.agent);
  return [
    ...read,
    ...open('read', Role.agent).map((resource) => `read:${resource}`),
    ...written.map((resource) => `write:${resource}`),
    ...written.map((resource) => `delete:${resource}`),
  ];
}

/** Whether somebody may, by their role and by permissions of their own: for what stands beside what a guard has let them see. */
export const may = ({ role, permissions }: Pick<Actor, 'role' | 'permissions'>, name: string): boolean =>
  holds(rolePermissions(role), name) && (permissions === null || holds(permissions, name));

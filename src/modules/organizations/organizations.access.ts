import { declarePermissions } from '#common/permissions';

declarePermissions('organization', { called: 'the organization', read: 'viewer', write: 'org_admin' });

declare module '#common/permissions' {
  interface PermissionResources {
    organization: true;
  }
}

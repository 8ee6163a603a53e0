import { declarePermissions } from '#common/permissions';

declarePermissions('departments', { called: 'departments', read: 'viewer', write: 'org_admin' });

declare module '#common/permissions' {
  interface PermissionResources {
    departments: true;
  }
}

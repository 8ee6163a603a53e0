import { declarePermissions } from '#common/permissions';

declarePermissions('audit', { called: 'the audit log', read: 'org_admin', write: 'org_admin' });

declare module '#common/permissions' {
  interface PermissionResources {
    audit: true;
  }
}

import { declarePermissions } from '#common/permissions';

declarePermissions('webhooks', { called: 'webhooks', read: 'org_admin', write: 'org_admin' });

declare module '#common/permissions' {
  interface PermissionResources {
    webhooks: true;
  }
}

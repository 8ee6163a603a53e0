import { declarePermissions } from '#common/permissions';

declarePermissions('contacts', { called: 'contacts', read: 'viewer', write: 'agent' });

declare module '#common/permissions' {
  interface PermissionResources {
    contacts: true;
  }
}

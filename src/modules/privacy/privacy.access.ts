import { declarePermissions } from '#common/permissions';

declarePermissions('privacy', { called: 'requests about personal data', read: 'agent', write: 'agent' });

declare module '#common/permissions' {
  interface PermissionResources {
    privacy: true;
  }
}

import { declarePermissions } from '#common/permissions';

declarePermissions('queues', { called: 'queues', read: 'viewer', write: 'agent' });

declare module '#common/permissions' {
  interface PermissionResources {
    queues: true;
  }
}

import { declarePermissions } from '#common/permissions';

declarePermissions('messages', { called: 'messages', read: 'viewer', write: 'agent' });
declarePermissions('conversations', { called: 'conversations', read: 'viewer', write: 'agent' });

declare module '#common/permissions' {
  interface PermissionResources {
    messages: true;
    conversations: true;
  }
}

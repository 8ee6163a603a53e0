import { declarePermissions } from '#common/permissions';
import { declareRates } from '#config/rate-classes';

declarePermissions('users', { called: 'users, their skills and their rights', read: 'viewer', write: 'org_admin' });

export const USER_RATES = declareRates({
  invitation: { limit: 100, seconds: 3600 },
});

declare module '#common/permissions' {
  interface PermissionResources {
    users: true;
  }
}

declare module '#config/rate-classes' {
  interface RateClasses extends Record<keyof typeof USER_RATES, true> {}
}

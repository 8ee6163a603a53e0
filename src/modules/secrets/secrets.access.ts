import { declarePermissions } from '#common/permissions';
import { declareRates } from '#config/rate-classes';

declarePermissions('secrets', { called: 'secrets', read: 'org_admin', write: 'org_admin' });

export const SECRET_RATES = declareRates({
  secret_reveal: { limit: 10, seconds: 60 },
});

declare module '#common/permissions' {
  interface PermissionResources {
    secrets: true;
  }
}

declare module '#config/rate-classes' {
  interface RateClasses extends Record<keyof typeof SECRET_RATES, true> {}
}

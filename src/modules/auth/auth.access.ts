import { declareRates } from '#config/rate-classes';

export const AUTH_RATES = declareRates({
  auth_login: { limit: 5, seconds: 60, by_address: true },
  auth_register: { limit: 3, seconds: 3600, by_address: true },
  auth_refresh: { limit: 10, seconds: 60, by_address: true },
  auth_recovery: { limit: 3, seconds: 3600, by_address: true },
  auth_recovery_address: { limit: 30, seconds: 3600, by_address: true },
  auth_token: { limit: 10, seconds: 3600, by_address: true },
});

declare module '#config/rate-classes' {
  interface RateClasses extends Record<keyof typeof AUTH_RATES, true> {}
}

import { declareRates } from '#config/rate-classes';

export const OPERATIONS_RATES = declareRates({
  database_query: { limit: 30, seconds: 60 },
});

declare module '#config/rate-classes' {
  interface RateClasses extends Record<keyof typeof OPERATIONS_RATES, true> {}
}

/** `limit` requests within `seconds`; an operator says `RATE_LIMIT_<CLASS>` as `limit/seconds`. */
export interface RateLimit {
  limit: number;
  seconds: number;
}

/** Requests that are counted together, as a room declares them: so many unless the operator says otherwise. */
export interface RateClass extends RateLimit {
  /** By the address they come from, whoever asks; else by user or API key, where one is known. */
  by_address?: true;
}

const CLASSES = new Map<string, RateClass>();

/**
 * A room's rate classes, in its `*.access.ts`. Beside it the room adds them to `RateClasses` by declaration merging, so that a class nobody declared does
 * not compile: `declare module '#config/rate-classes' { interface RateClasses extends Record<keyof typeof SECRET_RATES, true> {} }`.
 */
export function declareRates<const T extends Record<string, RateClass>>(classes: T): T {
  for (const [name, declared] of Object.entries<RateClass>(classes)) {
    if (CLASSES.has(name)) throw new Error(`The rate class ${name} is declared twice`);
    CLASSES.set(name, declared);
  }
  return classes;
}

export const rateClasses = (): ReadonlyMap<string, RateClass> => CLASSES;

export const COMMON_RATES = declareRates({
  general: { limit: 100, seconds: 60 },
  api_key: { limit: 600, seconds: 60 },
  graphql: { limit: 50, seconds: 60 },
  upload: { limit: 10, seconds: 60 },
  data_export: { limit: 30, seconds: 3600 },
});

/** The rate classes there are; each room adds its own. */
export interface RateClasses extends Record<keyof typeof COMMON_RATES, true> {}

export type RateLimitClass = keyof RateClasses;

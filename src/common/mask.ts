import { maskPhone } from './phone';

/** Field names whose values nobody outside the owning room may read (contract 10 §11). */
const SECRET_NAME =
  /passw|token|secret|authorization|cookie|api[-_]?key|private[-_]?key|encryption[-_]?key|credential|signature|^value(_encrypted)?$/i;
/** Names that only sound secret: they say how long or which kind, not what. */
const HARMLESS_NAME = /(_expires_at|_expires_in|_ttl_seconds|_at|_type|_version|_id|_count|tokens_used|max_tokens)$/i;

export const MASK = '***';
const MAX_DEPTH = 6;

export const isSecretName = (name: string): boolean => SECRET_NAME.test(name) && !HARMLESS_NAME.test(name);

interface MaskOptions {
  /** Rewrites the strings that stay. */
  text?: (value: string) => string;
  /** What stands for a field's value; undefined keeps it. */
  hide?: (name: string, value: unknown) => string | undefined;
}

const hideSecrets = (name: string): string | undefined => (isSecretName(name) ? MASK : undefined);

/** A copy with the value of every secret-sounding field replaced by `***`, at any depth. */
export function maskSecrets(value: unknown, options: MaskOptions = {}, depth = 0): unknown {
  const { text, hide = hideSecrets } = options;
  if (typeof value === 'string') return text ? text(value) : value;
  if (typeof value === 'bigint') return value.toString();
  if (value === null || typeof value !== 'object' || value instanceof Date) return value;
  if (value instanceof Error) return maskError(value, options, depth);
  if (Buffer.isBuffer(value)) return `[${value.length} bytes]`;
  if (depth >= MAX_DEPTH) return '[…]';
  if (Array.isArray(value)) return value.map((item) => maskSecrets(item, options, depth + 1));
  if (value instanceof Map || value instanceof Set) return maskSecrets([...value], options, depth);
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      (inner !== null && inner !== undefined && hide(name, inner)) || maskSecrets(inner, options, depth + 1),
    ]),
  );
}

/** Errors keep their words outside their enumerable fields; drivers add the query's parameters inside, which stay out. */
function maskError(error: Error, options: MaskOptions, depth: number): unknown {
  const { text = (same: string): string => same } = options;
  const { code, cause } = error as Error & { code?: unknown };
  return {
    type: error.constructor.name,
    message: text(error.message),
    ...((typeof code === 'string' || typeof code === 'number') && { code }),
    ...(error.stack !== undefined && { stack: text(error.stack) }),
    ...(cause !== undefined && depth < 3 && { cause: maskSecrets(cause, options, depth + 1) }),
  };
}

/** A line for the log: no token in a query or a header, digits that can be a phone masked. */
export function scrubText(text: string): string {
  return text
    .replace(/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, `$1 ${MASK}`)
    .replace(/([?&;]|\b)([\w.-]*(?:token|secret|password|api_?key|signature))=[^&\s"'#;]+/gi, `$1$2=${MASK}`)
    .replace(/\bpk_[0-9a-f]{16,}/g, MASK)
    .replace(/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, MASK)
    .replace(/:\/\/[^/\s:@]+:[^/\s@]+@/g, `://${MASK}@`)
    .replace(/(?<![\w-])\+?\d{10,15}(?![\w-])/g, (digits) => maskPhone(digits));
}

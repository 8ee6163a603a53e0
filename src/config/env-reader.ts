interface EnvReader {
  /** One line each. */
  mistakes: string[];
  /** The names that were asked for. */
  known: Set<string>;
  text: (name: string) => string | null;
  oneOf: <T extends string>(name: string, allowed: readonly T[], fallback: T) => T;
  int: (name: string, fallback: number, min: number, max: number) => number;
  bool: (name: string, fallback: boolean) => boolean;
  url: (name: string, fallback: string | null, protocols: string[]) => string | null;
  /** Parted by commas. */
  list: (name: string) => string[];
}

/** Readings of an environment. What is wrong is noted and not thrown: who starts us wants to hear of all of it. */
export function envReader(env: NodeJS.ProcessEnv): EnvReader {
  const mistakes: string[] = [];
  const known = new Set<string>();
  const text = (name: string): string | null => {
    known.add(name);
    return env[name]?.trim() || null;
  };
  const oneOf = <T extends string>(name: string, allowed: readonly T[], fallback: T): T => {
    const value = text(name) as T | null;
    if (value === null) return fallback;
    if (!allowed.includes(value)) mistakes.push(`${name} is "${value}", use one of ${allowed.join(', ')}`);
    return value;
  };
  const int = (name: string, fallback: number, min: number, max: number): number => {
    const value = text(name);
    if (value === null) return fallback;
    const number = Number(value);
    if (!Number.isInteger(number) || number < min || number > max)
      mistakes.push(`${name} is "${value}", use a whole number from ${min} to ${max}`);
    return number;
  };
  const bool = (name: string, fallback: boolean): boolean => {
    const value = text(name)?.toLowerCase();
    if (value === undefined) return fallback;
    if (!['true', 'false', '1', '0'].includes(value)) mistakes.push(`${name} is "${value}", use true or false`);
    return value === 'true' || value === '1';
  };
  const url = (name: string, fallback: string | null, protocols: string[]): string | null => {
    const value = text(name);
    if (value === null) return fallback;
    if (!isUrl(value, protocols)) mistakes.push(`${name} is not a URL that starts with ${protocols.map((p) => `${p}//`).join(' or ')}`);
    return value.replace(/\/+$/, '');
  };
  const list = (name: string): string[] =>
    (text(name) ?? '')
      .split(',')
      .map((item) => item.trim())
      .filter(Boolean);
  return { mistakes, known, text, oneOf, int, bool, url, list };
}

function isUrl(value: string, protocols: string[]): boolean {
  // MongoDB's replica sets name several hosts, which no URL does.
  const single = value.replace(/,[^/?@]*(?=[/?]|$)/, '');
  if (!URL.canParse(single)) return false;
  const { protocol, hostname } = new URL(single);
  // PostgreSQL's host may be a socket's directory, among the parameters.
  return protocols.includes(protocol) && (hostname !== '' || protocol.startsWith('postgres'));
}

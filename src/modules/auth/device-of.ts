/** The names by which clients call themselves, the more special ones first: Edge and Opera say Chrome too, and Chrome says Safari. */
const CLIENTS: [pattern: RegExp, name: string][] = [
  [/\bEdgA?(?:iOS)?\//, 'Edge'],
  [/\b(?:OPR|Opera)\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(?:Firefox|FxiOS)\//, 'Firefox'],
  [/\b(?:Chrome|CriOS)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];

const SYSTEMS: [pattern: RegExp, name: string][] = [
  [/\biPad\b/, 'iPad'],
  [/\biPhone\b/, 'iPhone'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b|\bMacintosh\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
];

/** A User-Agent header for people: `Chrome on Windows`, `curl`; null: it says nothing. */
export function deviceOf(user_agent: string | null): string | null {
  if (!user_agent?.trim()) return null;
  const named = (names: [RegExp, string][]): string | undefined => names.find(([pattern]) => pattern.test(user_agent))?.[1];
  const client = named(CLIENTS) ?? /^[\w.-]+/.exec(user_agent)?.[0] ?? user_agent.slice(0, 40);
  const system = named(SYSTEMS);
  return system ? `${client} on ${system}` : client;
}

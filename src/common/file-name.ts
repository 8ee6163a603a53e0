import { withoutUnfit } from './one-line';

const NAME_MAX = 240;

/** A file's name as it came from outside, without directories and what deceives the eye: it is only ever shown. null: nothing is left. */
export function fileName(name: string): string | null {
  const base = name.split(/[\\/]/).at(-1) ?? '';
  return withoutUnfit(withoutUnfit(base).trim().slice(-NAME_MAX)).trim() || null;
}

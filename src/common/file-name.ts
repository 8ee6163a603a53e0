const NAME_MAX = 240;

/**
 * What a name may not carry: control characters, halves of surrogate pairs, line separators, and format characters, among them those that turn
 * the direction of writing ("gpj.exe" shown as "exe.jpg"). The joiners stay: Persian and many emoji are written with them.
 */
const UNFIT = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]|(?![\u200c\u200d])\p{Cf}/gu;

/** A file's name as it came from outside, without directories and what deceives the eye: it is only ever shown. null: nothing is left. */
export function fileName(name: string): string | null {
  const base = name.split(/[\\/]/).at(-1) ?? '';
  return base.replace(UNFIT, '').trim().slice(-NAME_MAX).replace(UNFIT, '').trim() || null;
}

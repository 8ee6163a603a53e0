const BREAKS = /[\t\n\v\f\r\u0085\p{Zl}\p{Zp}]+/gu;

/**
 * What a name may not carry: control characters (a terminal obeys them), halves of surrogate pairs, line separators, and format characters, among
 * them those that turn the direction of writing ("gpj.exe" shown as "exe.jpg"). The joiners stay: Persian and many emoji are written with them.
 */
const UNFIT = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]|(?![\u200c\u200d])\p{Cf}/gu;

/** A text without what deceives the eye or commands a terminal. */
export const withoutUnfit = (text: string): string => text.replace(UNFIT, '');

/** A name on one line: breaks and tabs are blanks, what else may not be in a name is gone. */
export const oneLine = (text: string): string => withoutUnfit(text.replace(BREAKS, ' ')).trim();

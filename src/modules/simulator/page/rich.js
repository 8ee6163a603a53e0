import { h } from './dom.js';

/** WhatsApp's marks, the strongest first: what stands in one is looked through for the weaker ones. */
const MARKS = [
  { pattern: /```([\s\S]+?)```/g, element: ([, code]) => h('code', { class: 'block' }, code) },
  { pattern: /`([^`\n]+)`/g, element: ([, code]) => h('code', {}, code) },
  {
    pattern: /https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)]/g,
    element: ([url]) => h('a', { href: url, target: '_blank', rel: 'noopener noreferrer' }, url),
  },
  {
    // Between words only: `2*3*4` and `a_b_c` are no marks.
    pattern: /(?<![\p{L}\p{N}])([*_~])(?!\s)((?:(?!\1).)+)(?<!\s)\1(?![\p{L}\p{N}])/gu,
    element: ([, mark, text]) => h({ '*': 'strong', _: 'em', '~': 's' }[mark], {}, marked(text, MARKS.slice(-1))),
  },
];

/** Text with its links alive and its *bold*, _italic_, ~strike~ and ```code``` shown; all of it nodes, never HTML. */
export const rich = (text) => marked(String(text ?? ''), MARKS);

function marked(text, [mark, ...weaker]) {
  if (!mark) return [text];
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(mark.pattern)) {
    nodes.push(marked(text.slice(from, found.index), weaker), mark.element(found));
    from = found.index + found[0].length;
  }
  return [...nodes, marked(text.slice(from), weaker)];
}

import { avatar, h } from '../dom.js';

/** As many as are offered at once. */
const OFFERED = 6;
const BEGUN = /(?:^|\s)@([\p{L}\p{N}.'’ -]{0,40})$/u;

/** Offers colleagues after an `@` while `isOn()`, and knows whom a text names. */
export function mentionOffer({ input, team, isOn }) {
  const list = h('ul', { class: 'mentions', id: 'mentions', role: 'listbox', 'aria-label': 'Colleagues', hidden: true });
  let offered = [];
  let at = 0;
  /** Of colleagues who are called the same: who was meant. */
  const picked = new Map();

  function look() {
    const [, begun] = (isOn() && BEGUN.exec(input.value.slice(0, input.selectionStart))) || [];
    const words = begun?.toLowerCase();
    offered =
      words === undefined
        ? []
        : team
            .others()
            .filter(({ full_name }) => full_name.toLowerCase().startsWith(words) || full_name.toLowerCase().includes(` ${words}`))
            .filter(({ full_name }) => full_name.toLowerCase() !== words.trim())
            .slice(0, OFFERED);
    at = 0;
    draw();
  }

  function draw() {
    list.hidden = !offered.length;
    list.replaceChildren(
      ...offered.map((agent, index) =>
        h(
          'li',
          {
            id: `mention-${index}`,
            role: 'option',
            'aria-selected': String(index === at),
            'data-testid': 'mention',
            // Before the text loses the focus.
            onpointerdown: (event) => (event.preventDefault(), take(agent)),
          },
          avatar(agent.full_name, 'tiny'),
          h('span', { class: 'ellipsis' }, agent.full_name),
          h('small', {}, team.wordOf(agent)),
        ),
      ),
    );
    if (offered.length) input.setAttribute('aria-activedescendant', `mention-${at}`);
    else input.removeAttribute('aria-activedescendant');
  }

  function take({ id, full_name }) {
    picked.set(full_name, id);
    const { value, selectionStart: caret } = input;
    const from = value.slice(0, caret).lastIndexOf('@');
    input.setRangeText(`@${full_name} `, from, caret, 'end');
    look();
  }

  function close() {
    offered = [];
    draw();
  }

  input.setAttribute('aria-controls', 'mentions');
  input.addEventListener('input', look);
  input.addEventListener('blur', close);
  // Before Enter sends what is written.
  input.addEventListener(
    'keydown',
    (event) => {
      if (!offered.length) return;
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) {
        at = (at + step + offered.length) % offered.length;
        draw();
      } else if (event.key === 'Enter' || event.key === 'Tab') take(offered[at]);
      else if (event.key === 'Escape') close();
      else return;
      event.preventDefault();
      event.stopImmediatePropagation();
    },
    true,
  );

  /** Ids of the colleagues whose names stand in a text after an `@`. */
  const namedIn = (text) =>
    team
      .others()
      .filter(({ id, full_name }) => text.includes(`@${full_name}`) && (picked.get(full_name) ?? id) === id)
      .map(({ id }) => id);

  return { list, namedIn };
}

/** A note's text with the names of whom it mentions set off. */
export function withMentions(text, names) {
  const marks = names.filter(Boolean).map((name) => `@${name}`);
  const parts = [];
  let from = 0;
  for (let index = 0; index < text.length;) {
    const mark = text[index] === '@' && marks.find((name) => text.startsWith(name, index));
    if (!mark) {
      index++;
      continue;
    }
    parts.push(text.slice(from, index), h('b', { class: 'mention' }, mark));
    index += mark.length;
    from = index;
  }
  return [...parts, text.slice(from)];
}

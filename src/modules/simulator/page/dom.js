/** `h('button', { class: 'x', onclick }, 'text', child)`: an element; text goes in as text, never as HTML. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (key === 'class') element.className = value;
    else if (key in element) element[key] = value;
    else element.setAttribute(key, String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false && child !== ''));
  return element;
}

const ICONS = {
  send: 'M3 20.5 21.500 12 3 3.500v6.600L15 12 3 13.900z',
  plus: 'M11 4h2v7h7v2h-7v7h-2v-7H4v-2h7z',
  back: 'm14.700 5.300-6.700 6.700 6.700 6.700 1.400-1.400-5.300-5.300 5.300-5.300z',
  close: 'm6.400 5 5.600 5.600L17.600 5 19 6.400 13.400 12l5.600 5.600-1.400 1.400-5.600-5.600L6.400 19 5 17.600l5.600-5.600L5 6.400z',
  search:
    'M10.500 4a6.500 6.500 0 1 0 3.970 11.640l4.450 4.450 1.410-1.410-4.450-4.450A6.500 6.500 0 0 0 10.500 4m0 2a4.500 4.500 0 1 1 0 9 4.500 4.500 0 0 1 0-9',
  image:
    'M5 4h14a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2m0 13.500V18h14v-3l-4-4-5.500 5.500L7 14zM8 7a2 2 0 1 0 0 4 2 2 0 0 0 0-4',
  file: 'M6 2h8l5 5v13a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V4a2 2 0 0 1 2-2m7 1.500V8h4.500zM8 12v1.500h8V12zm0 4v1.500h8V16z',
  pin: 'M12 2a7 7 0 0 0-7 7c0 5.250 7 13 7 13s7-7.750 7-13a7 7 0 0 0-7-7m0 4.500a2.500 2.500 0 1 1 0 5 2.500 2.500 0 0 1 0-5',
  person: 'M12 12a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9m0 2c-4 0-8 2-8 5v2h16v-2c0-3-4-5-8-5',
  mic: 'M12 2a3 3 0 0 0-3 3v6a3 3 0 0 0 6 0V5a3 3 0 0 0-3-3M5 11h2a5 5 0 0 0 10 0h2a7 7 0 0 1-6 6.900V21h-2v-3.100A7 7 0 0 1 5 11',
  list: 'M4 6h2v2H4zm4 0h12v2H8zM4 11h2v2H4zm4 0h12v2H8zM4 16h2v2H4zm4 0h12v2H8z',
  buttons:
    'M4 5h16a1 1 0 0 1 1 1v4a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1m1 2v2h14V7zm-1 6h16a1 1 0 0 1 1 1v4a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1v-4a1 1 0 0 1 1-1m1 2v2h14v-2z',
  template: 'M4 4h16v4H4zm0 6h7v10H4zm9 0h7v2h-7zm0 4h7v2h-7zm0 4h7v2h-7z',
  note: 'M4 3h16v12l-6 6H4zm2 2v14h7v-5h5V5zm2 3h8v1.800H8zm0 3.700h5v1.800H8z',
  reply: 'M10 8.500V4.500l-7 7 7 7v-4.100c5 0 8.500 1.600 11 5.100-1-5-4-10-11-11',
  more: 'M12 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4m0 2a2 2 0 1 0 0 4 2 2 0 0 0 0-4m0 6a2 2 0 1 0 0 4 2 2 0 0 0 0-4',
  edit: 'm4 16.500-1 4.500 4.500-1L18 9.500 14.500 6zM19.200 8.300l1.500-1.500a1 1 0 0 0 0-1.400l-2.100-2.100a1 1 0 0 0-1.400 0l-1.500 1.500z',
  down: 'm6.700 8.300-1.400 1.400 6.700 6.700 6.700-6.700-1.400-1.400-5.300 5.300z',
  clock: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18m0 2a7 7 0 1 1 0 14 7 7 0 0 1 0-14m-1 2.500V13l4.200 2.500.8-1.300-3.500-2V7.500z',
  failed: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18m-1 4h2v7h-2zm0 8.500h2v2h-2z',
  logout: 'M4 4h8v2H6v12h6v2H4zm11.500 3.500 4.500 4.500-4.500 4.500-1.400-1.400 2.100-2.100H9v-2h7.200l-2.100-2.100z',
  link: 'M14 4h6v6h-2V7.400l-7.300 7.300-1.400-1.400L16.600 6H14zM5 6h6v2H7v9h9v-4h2v6H5z',
  block:
    'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18m0 2c1.600 0 3 .500 4.200 1.400L6.400 16.200A7 7 0 0 1 12 5m0 14a7 7 0 0 1-4.200-1.400l9.800-9.800A7 7 0 0 1 12 19',
  filter: 'M4 5h16v2l-6 6.500V20l-4-2v-4.500L4 7z',
  forward: 'm14 8.500v-4l7 7-7 7v-4.100c-5 0-8.500 1.600-11 5.100 1-5 4-10 11-11',
  archive: 'M3 4h18v5h-1v11H4V9H3zm3 5v9h12V9zm3 2h6v2H9zM5 6v1h14V6z',
  bell: 'M12 22a2 2 0 0 0 2-2h-4a2 2 0 0 0 2 2m6-6v-5c0-3-1.600-5.600-4.500-6.300V4a1.500 1.500 0 0 0-3 0v.700C7.600 5.400 6 8 6 11v5l-2 2v1h16v-1z',
};
const SVG = 'http://www.w3.org/2000/svg';

export function icon(name) {
  return svg('0 0 24 24', [[ICONS[name] ?? '', false]], 'icon');
}

/** The mark of a message's way: clock, one tick, two ticks, two blue ticks, or the cross of a failure. */
export function ticks(status) {
  const label = {
    pending: 'Waiting',
    accepted: 'Waiting',
    sent: 'Sent',
    delivered: 'Delivered',
    read: 'Read',
    played: 'Played',
    failed: 'Not delivered',
  }[status];
  if (!label) return null;
  let mark;
  if (status === 'failed') mark = svg('0 0 24 24', [[ICONS.failed, false]], 'tick failed');
  else if (status === 'pending' || status === 'accepted') mark = svg('0 0 24 24', [[ICONS.clock, false]], 'tick');
  else if (status === 'sent') mark = svg('0 0 18 12', [['m3 6.500 3.500 3.500L14 2.500', true]], 'tick');
  else
    mark = svg(
      '0 0 18 12',
      [
        ['m1 6.500 3.500 3.500L12 2.500', true],
        ['m8.500 9.500.5.500L16.500 2.500', true],
      ],
      status === 'delivered' ? 'tick' : 'tick read',
    );
  mark.setAttribute('role', 'img');
  mark.setAttribute('aria-label', label);
  const title = document.createElementNS(SVG, 'title');
  title.textContent = label;
  mark.prepend(title);
  return mark;
}

function svg(viewBox, paths, className) {
  const element = document.createElementNS(SVG, 'svg');
  element.setAttribute('viewBox', viewBox);
  element.setAttribute('class', className);
  element.setAttribute('aria-hidden', 'true');
  for (const [d, stroke] of paths) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', d);
    if (stroke) {
      for (const [key, value] of [
        ['fill', 'none'],
        ['stroke', 'currentColor'],
        ['stroke-width', '1.7'],
        ['stroke-linecap', 'round'],
        ['stroke-linejoin', 'round'],
      ])
        path.setAttribute(key, value);
    }
    element.append(path);
  }
  if (className !== 'icon') element.removeAttribute('aria-hidden');
  return element;
}

export function avatar(name, extra = '') {
  const words = String(name || '?')
    .replace(/^[+@]/, '')
    .split(/\s+/)
    .filter((word) => /^[\p{L}\d]/u.test(word));
  const letters = /^\d/.test(words[0] ?? '')
    ? words.join('').slice(-2)
    : words
        .slice(0, 2)
        .map((word) => [...word][0] ?? '')
        .join('');
  let hue = 0;
  for (const char of String(name)) hue = (hue * 31 + char.codePointAt(0)) % 8;
  return h('span', { class: `avatar hue-${hue} ${extra}`, 'aria-hidden': 'true' }, letters.toUpperCase());
}

/** Keeps a log at its end while pictures come in, unless the reader has scrolled up or was taken `away`. */
export function sticky(log) {
  let atEnd = true;
  let top = 0;
  const scrolled = () => {
    // What grew below in the meantime is not the reader's doing: who leaves the end goes up.
    atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 120 || (atEnd && log.scrollTop >= top);
    top = log.scrollTop;
  };
  log.addEventListener('scroll', scrolled, { passive: true });
  log.addEventListener('load', () => atEnd && end(), true);
  new ResizeObserver(() => atEnd && end()).observe(log);
  const end = () => {
    atEnd = true;
    log.scrollTop = log.scrollHeight;
    top = log.scrollTop;
  };
  return { end, redrawn: () => atEnd && end(), away: () => void (atEnd = false) };
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const shortDay = new Intl.DateTimeFormat(undefined, { day: '2-digit', month: '2-digit' });
const longDay = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });

export const timeOf = (iso) => (iso ? clock.format(new Date(iso)) : '');
export const listTimeOf = (iso) => (!iso ? '' : sameDay(iso, new Date()) ? timeOf(iso) : shortDay.format(new Date(iso)));
export function dayOf(iso) {
  if (sameDay(iso, new Date())) return 'Today';
  return sameDay(iso, new Date(Date.now() - 86_400_000)) ? 'Yesterday' : longDay.format(new Date(iso));
}
function sameDay(iso, day) {
  return new Date(iso).toDateString() === day.toDateString();
}

/** Enter sends, Shift+Enter makes a line; the box grows with its text. */
function growing(textarea, send) {
  const fit = () => {
    textarea.style.height = 'auto';
    textarea.style.height = `${Math.min(textarea.scrollHeight, 120)}px`;
  };
  textarea.addEventListener('input', fit);
  textarea.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    }
  });
  return fit;
}

/** Where a message is written: the text between the menu of everything else and its button, and above it what it answers. */
export function messageForm({ side, placeholder, label, menuLabel, openMenu, sendLabel, send }) {
  const quote = h('div', { class: 'quoting', hidden: true });
  const input = h('textarea', { rows: 1, placeholder, 'aria-label': label, maxlength: '4096', 'data-testid': `${side}-input` });
  const attach = h(
    'button',
    {
      type: 'button',
      class: 'round plain',
      'aria-label': menuLabel,
      'aria-haspopup': 'menu',
      'data-testid': `${side}-attach`,
      onclick: () => openMenu(),
    },
    icon('plus'),
  );
  const submit = h('button', { type: 'submit', class: 'round send', 'aria-label': sendLabel, 'data-testid': `${side}-send` }, icon('send'));
  const element = h('form', { class: 'composer', onsubmit: (event) => (event.preventDefault(), send()) }, attach, input, submit);

  /** Shows what is answered; null: nothing any more. */
  function answer(quoted, cancel) {
    quote.hidden = !quoted;
    if (!quoted) return;
    quote.replaceChildren(
      h('div', { class: 'quoted' }, h('b', {}, quoted.who), h('span', {}, quoted.words)),
      h('button', { type: 'button', class: 'round plain', 'aria-label': 'Do not reply', onclick: cancel }, icon('close')),
    );
    input.focus();
  }

  return { quote, element, input, attach, submit, fit: growing(input, send), answer };
}

/** A random id; `crypto.randomUUID` is missing on plain http away from localhost. */
export function randomId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

import { h, icon } from './dom.js';

/** What a message is reacted to with, at a touch. */
export const REACTIONS = ['👍', '❤️', '😂', '😮', '😢', '🙏'];

export function toast(message, kind = 'error') {
  const box = document.getElementById('toasts');
  const note = h(
    'div',
    { class: `toast ${kind}`, 'data-testid': 'toast' },
    h('span', {}, message),
    h('button', { type: 'button', 'aria-label': 'Dismiss', onclick: () => note.remove() }, icon('close')),
  );
  box.replaceChildren(note);
  setTimeout(() => note.remove(), kind === 'info' ? 3500 : 7000);
}

/** A form in a dialog around these fields; resolves when it is closed: true if it was sent. */
export function sheet(title, fields, submit = 'Send') {
  return new Promise((resolve) => {
    let sent = false;
    const form = h(
      'form',
      { method: 'dialog' },
      h('h2', {}, title),
      fields,
      h(
        'div',
        { class: 'actions' },
        h('button', { type: 'button', class: 'ghost', onclick: () => dialog.close() }, 'Cancel'),
        h('button', { type: 'submit', class: 'primary', 'data-testid': 'dialog-submit' }, submit),
      ),
    );
    form.addEventListener('submit', () => (sent = true));
    const dialog = h('dialog', { class: 'sheet', 'aria-label': title }, form);
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(sent);
    });
    dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
    document.body.append(dialog);
    dialog.showModal();
  });
}

/**
 * A dialog for `fields`: [name, label, attributes]. Resolves with the values, or null when dismissed.
 * Attributes: type, value, placeholder, required, rows, hint.
 */
export async function ask(title, fields, submit) {
  const inputs = fields.map(([name, , { rows, hint: _, ...attributes } = {}]) =>
    rows ? h('textarea', { name, rows, ...attributes }) : h('input', { name, type: 'text', autocomplete: 'off', ...attributes }),
  );
  const labels = inputs.map((input, index) => {
    const [, label, { hint } = {}] = fields[index];
    const words = [h('span', {}, label), input];
    return input.type === 'checkbox'
      ? h('label', { class: 'check' }, words.reverse(), hint && h('small', {}, hint))
      : h('label', {}, words, hint && h('small', {}, hint));
  });
  if (!(await sheet(title, labels, submit))) return null;
  return Object.fromEntries(inputs.map((input) => [input.name, input.type === 'checkbox' ? input.checked : input.value.trim()]));
}

/** A small menu beside its button, `first` above its items; the arrows walk through it, choice, Escape, Tab and a click elsewhere close it. */
export function menu(anchor, items, first = []) {
  document.querySelector('.menu')?.remove();
  const choose = (run) => () => {
    close();
    run();
  };
  const list = h(
    'div',
    { class: 'menu', role: 'menu', 'aria-label': anchor.getAttribute('aria-label') },
    first.length > 0 &&
      h(
        'div',
        { class: 'reactions', role: 'group', 'aria-label': 'React' },
        first.map(([label, run, checked]) =>
          h(
            'button',
            {
              type: 'button',
              role: 'menuitemradio',
              'aria-label': `React ${label}`,
              'aria-checked': String(checked),
              onclick: choose(run),
            },
            label,
          ),
        ),
      ),
    items
      .filter(Boolean)
      .map(([label, name, run, testid]) =>
        h('button', { type: 'button', role: 'menuitem', 'data-testid': testid, onclick: choose(run) }, icon(name), label),
      ),
  );
  const buttons = [...list.querySelectorAll('button')];
  const close = () => {
    list.remove();
    document.removeEventListener('pointerdown', outside, true);
    document.removeEventListener('keydown', keys, true);
    anchor.setAttribute('aria-expanded', 'false');
    anchor.focus();
  };
  const outside = (event) => !list.contains(event.target) && close();
  const keys = (event) => {
    const at = buttons.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (event.key === 'Escape' || event.key === 'Tab') close();
    else if (to === undefined) return;
    else buttons.at(to % buttons.length).focus();
    event.preventDefault();
  };
  document.body.append(list);
  const at = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = list;
  list.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`;
  list.style.top = `${at.top - height - 6 > 8 ? at.top - height - 6 : Math.min(at.bottom + 6, innerHeight - height - 8)}px`;
  anchor.setAttribute('aria-expanded', 'true');
  buttons[0]?.focus();
  document.addEventListener('pointerdown', outside, true);
  document.addEventListener('keydown', keys, true);
}

export function pickFile(accept) {
  return new Promise((resolve) => {
    const input = h('input', { type: 'file', accept, class: 'hidden' });
    input.addEventListener('change', () => resolve(input.files[0] ?? null));
    input.addEventListener('cancel', () => resolve(null));
    document.body.append(input);
    input.click();
    input.remove();
  });
}

/** Which kind WhatsApp makes of a file. */
export function kindOfFile(file) {
  if (/^image\/(png|jpeg)$/.test(file.type)) return 'image';
  if (file.type === 'image/webp') return 'sticker';
  if (/^video\/(mp4|3gpp)$/.test(file.type)) return 'video';
  if (/^audio\//.test(file.type)) return 'audio';
  return 'document';
}

import { sheet, toast } from '../dialogs.js';
import { h, icon } from '../dom.js';

const MOST = 100;
const PAUSE_MS = 200;
/** What a new tag may look like; the first is the API's own. */
const COLORS = ['#3B82F6', '#10B981', '#F59E0B', '#EF4444', '#8B5CF6', '#EC4899', '#0EA5E9', '#64748B'];
const NAME_MAX = 50;

/** The organization's tags, by their names: a name is there once, whatever its case. */
export function tagBook({ api, changed, mergeContact }) {
  const colors = new Map();
  const keyOf = (name) => name.toLowerCase();

  function learn(tags) {
    for (const { name, color } of tags ?? []) colors.set(keyOf(name), color);
  }

  async function find(search = '') {
    const { items } = await api.get(`/contacts/tags?limit=${MOST}${search && `&search=${encodeURIComponent(search)}`}`);
    learn(items);
    return items;
  }

  async function load() {
    try {
      await find();
      changed();
    } catch (error) {
      if (api.token && error.status !== 403) toast(error.message);
    }
  }

  /** A tag as it stands beside others; `take` is what its cross does. */
  function chip(name, take) {
    return h(
      'span',
      { class: 'tag-chip', 'data-testid': 'contact-tag' },
      spot(colors.get(keyOf(name))),
      h('span', { class: 'ellipsis' }, name),
      take && h('button', { type: 'button', 'aria-label': `Take the tag ${name}`, onclick: take }, icon('close')),
    );
  }

  const change = async (contact, method, tags) => {
    const { tag_details, ...changed } = await api.call(method, `/contacts/${contact.id}/tags`, { tags });
    learn(tag_details);
    mergeContact(changed);
  };

  const take = (contact, name) => change(contact, 'DELETE', [name]).catch((error) => toast(error.message));

  /** A dialog in which a contact's tags are ticked, and new ones made. */
  async function choose(contact) {
    const chosen = new Map((contact.tags ?? []).map((name) => [keyOf(name), name]));
    const before = new Map(chosen);
    /** Tags that are made when the dialog is sent: their names to colors. */
    const made = new Map();
    let found = [];
    let waiting;
    const search = h('input', {
      type: 'search',
      maxlength: NAME_MAX,
      autocomplete: 'off',
      placeholder: 'Find a tag, or name a new one',
      'aria-label': 'Find a tag, or name a new one',
      'data-testid': 'tag-search',
    });
    const rows = h('div', { class: 'picks', role: 'group', 'aria-label': 'Tags' });
    const palette = h('div', { class: 'palette', role: 'group', 'aria-label': 'Color of the new tag' });

    function draw() {
      const words = search.value.trim();
      const own = [...made].map(([key, { name, color }]) => ({ key, name, color }));
      const shown = [...own, ...found.filter(({ name }) => !made.has(keyOf(name)))].filter(({ name }) =>
        keyOf(name).includes(keyOf(words)),
      );
      const isNew = words && !shown.some(({ name }) => keyOf(name) === keyOf(words));
      rows.replaceChildren(
        ...shown.map(({ name, color }) => {
          const box = h('input', {
            type: 'checkbox',
            checked: chosen.has(keyOf(name)),
            onchange: () => (box.checked ? chosen.set(keyOf(name), name) : chosen.delete(keyOf(name))),
          });
          return h('label', { class: 'check', 'data-testid': 'tag-pick' }, box, spot(color), h('span', { class: 'ellipsis' }, name));
        }),
        shown.length || isNew ? '' : h('p', { class: 'soft' }, 'No tags yet: name the first one.'),
      );
      palette.hidden = !isNew;
      palette.replaceChildren(
        h('span', { class: 'ellipsis' }, `New tag “${words}”:`),
        ...COLORS.map((color, index) => {
          const swatch = h('button', {
            type: 'button',
            class: 'swatch',
            'aria-label': `Make it, color ${index + 1}`,
            'data-testid': 'tag-new',
            onclick: () => {
              made.set(keyOf(words), { name: words, color });
              chosen.set(keyOf(words), words);
              search.value = '';
              draw();
              search.focus();
            },
          });
          swatch.style.background = color;
          return swatch;
        }),
      );
    }

    async function look() {
      try {
        const words = search.value.trim();
        const answer = await find(words);
        if (search.value.trim() === words) found = answer;
      } catch (error) {
        toast(error.message);
      }
      draw();
    }

    search.addEventListener('input', () => {
      draw();
      clearTimeout(waiting);
      waiting = setTimeout(look, PAUSE_MS);
    });
    // Enter is for the new tag, not for the dialog.
    search.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter') return;
      event.preventDefault();
      if (!palette.hidden) palette.querySelector('button').click();
    });
    await look();
    const sent = await sheet('Tags', [search, palette, rows], 'Save');
    clearTimeout(waiting);
    if (!sent) return;
    const [added, taken] = [beyond(chosen, before), beyond(before, chosen)];
    try {
      for (const [key, { name, color }] of made) if (chosen.has(key)) learn([await api.post('/contacts/tags', { name, color })]);
      if (added.length) await change(contact, 'POST', added);
      if (taken.length) await change(contact, 'DELETE', taken);
    } catch (error) {
      toast(error.message);
    }
  }

  return { load, learn, chip, take, choose };
}

/** The names of one that the other has not. */
const beyond = (one, other) => [...one].filter(([key]) => !other.has(key)).map(([, name]) => name);

export function spot(color) {
  const mark = h('i', { class: 'spot', 'aria-hidden': 'true' });
  if (color) mark.style.background = color;
  return mark;
}

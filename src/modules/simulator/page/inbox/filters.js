import { toast } from '../dialogs.js';
import { h, icon } from '../dom.js';

/** What is asked for most, at a touch: each sets these three and leaves the rest. */
const VIEWS = [
  ['all', 'All', {}],
  ['active', 'Open', { status: 'active' }],
  ['waiting', 'Waiting', { status: 'queued' }],
  ['me', 'Mine', { assigned_to: 'me' }],
  ['unread', 'Unread', { unread: 'true' }],
];
const VIEWED = ['status', 'assigned_to', 'unread'];

/** [query parameter, label, what no choice is called, choices]; those without choices are given theirs as they become known. */
const CHOICES = [
  [
    'status',
    'Status',
    'Any status',
    [
      ['active', 'Open or pending'],
      ['queued', 'Waiting'],
      ['open', 'Open'],
      ['pending', 'Pending'],
      ['resolved', 'Resolved'],
      ['closed', 'Closed'],
      ['archived', 'Archived'],
    ],
  ],
  ['assigned_to', 'Assigned to', 'Anybody’s'],
  ['department_id', 'Department', 'Any department'],
  ['queue_id', 'Queue', 'Any queue'],
  ['whatsapp_number_id', 'Number', 'Any number'],
  [
    'priority',
    'Priority',
    'Any priority',
    [
      ['urgent', 'Urgent'],
      ['high', 'High'],
      ['medium', 'Medium'],
      ['low', 'Low'],
    ],
  ],
  ['tags', 'Label', 'Any label'],
  ['unread', 'Read', 'Read or not', [['true', 'Unread only']]],
];

/** Before those that become known. */
const FIXED = {
  assigned_to: [
    ['me', 'Me'],
    ['none', 'Nobody'],
  ],
};

/** By what the list is narrowed: `state.filters`, by the names the API has for it. */
export function listFilters({ api, state, changed }) {
  const selects = new Map(CHOICES.map(([name, label, every, choices]) => [name, select(name, label, every, choices)]));
  const chips = h(
    'div',
    { class: 'chips', role: 'group', 'aria-label': 'Views' },
    VIEWS.map(([id, label]) => h('button', { type: 'button', class: 'chip', 'data-view': id, onclick: () => view(id) }, label)),
  );
  const count = h('span', { class: 'badge', hidden: true, 'data-testid': 'filter-count' });
  const toggle = h(
    'button',
    {
      type: 'button',
      class: 'round plain more-filters',
      'aria-label': 'Filters',
      title: 'Filters',
      'aria-expanded': 'false',
      'aria-controls': 'filters',
      'data-testid': 'filters',
      onclick: () => {
        panel.hidden = !panel.hidden;
        toggle.setAttribute('aria-expanded', String(!panel.hidden));
      },
    },
    icon('filter'),
    count,
  );
  const panel = h(
    'div',
    { class: 'filters', id: 'filters', hidden: true },
    [...selects.values()].map(({ field }) => field),
    h('button', { type: 'button', class: 'ghost small', 'data-testid': 'filters-clear', onclick: () => set({}) }, 'Clear'),
  );
  const labels = new Set();
  offer('assigned_to', []);

  function select(name, label, every, choices = []) {
    const element = h('select', {
      'aria-label': label,
      'data-testid': `filter-${name.replace(/_id$/, '')}`,
      onchange: () => {
        state.filters = { ...state.filters, [name]: element.value };
        draw();
        changed();
      },
    });
    const field = h('label', {}, h('span', {}, label), element);
    const kept = { element, field, every, print: '' };
    fill(kept, choices);
    return kept;
  }

  /** A choice that is open is left alone where nothing in it changed. */
  function fill(kept, choices) {
    const print = JSON.stringify(choices);
    if (kept.print === print) return;
    kept.print = print;
    kept.element.replaceChildren(h('option', { value: '' }, kept.every), ...choices.map(([value, label]) => h('option', { value }, label)));
  }

  /** What a filter may be: [value, label]. */
  function offer(name, choices) {
    fill(selects.get(name), [...(FIXED[name] ?? []), ...choices]);
    draw();
  }

  function view(id) {
    const [, , filters] = VIEWS.find(([known]) => known === id);
    const others = Object.fromEntries(Object.entries(state.filters).filter(([name]) => !VIEWED.includes(name)));
    set({ ...others, ...filters });
  }

  function set(filters) {
    state.filters = filters;
    draw();
    changed();
  }

  function draw() {
    for (const [name, { element }] of selects) {
      element.value = state.filters[name] ?? '';
      element.classList.toggle('set', Boolean(element.value));
    }
    const isShown = (filters) => VIEWED.every((name) => (state.filters[name] ?? '') === (filters[name] ?? ''));
    for (const chip of chips.children) {
      const [, , filters] = VIEWS.find(([id]) => id === chip.dataset.view);
      chip.setAttribute('aria-pressed', String(isShown(filters)));
    }
    // What a view says needs no figure.
    const viewed = VIEWS.some(([, , filters]) => isShown(filters));
    const set = Object.entries(state.filters).filter(([name, value]) => value && !(viewed && VIEWED.includes(name)));
    toggle.setAttribute('aria-label', set.length ? `Filters, ${set.length} set` : 'Filters');
    count.textContent = String(set.length);
    count.hidden = !set.length;
  }

  /** The labels that were seen are those one can choose; the API tells them apart by commas. */
  function learn(conversations) {
    const before = labels.size;
    for (const { tags } of conversations) for (const tag of tags ?? []) if (!tag.includes(',')) labels.add(tag);
    if (labels.size > before)
      offer(
        'tags',
        [...labels].sort((a, b) => a.localeCompare(b)).map((tag) => [tag, tag]),
      );
  }

  async function load() {
    try {
      const { items } = await api.get('/whatsapp/numbers?limit=100&sort=display_name:asc');
      offer(
        'whatsapp_number_id',
        items.map(({ id, display_name, phone_number }) => [id, display_name ? `${display_name} ${phone_number}` : phone_number]),
      );
    } catch (error) {
      if (api.token && error.status !== 403) toast(error.message);
    }
  }

  /** As the API takes them. */
  function query() {
    return Object.entries(state.filters)
      .filter(([, value]) => value)
      .map(([name, value]) => `&${name}=${encodeURIComponent(value)}`)
      .join('');
  }

  /** Whether a conversation belongs in the list as it is narrowed. */
  function fits(conversation) {
    const { status, assigned_to, unread, tags, ...same } = state.filters;
    if (Boolean(conversation.is_archived) !== (status === 'archived')) return false;
    if (status === 'queued' ? !conversation.is_queued : status && !STATUSES[status]?.includes(conversation.status)) return false;
    const holder = { me: api.session?.user?.id, none: null }[assigned_to];
    if (assigned_to && (conversation.current_agent_id ?? null) !== (holder === undefined ? assigned_to : holder)) return false;
    if (unread && !(conversation.unread_count > 0)) return false;
    if (tags && !conversation.tags?.includes(tags)) return false;
    return Object.entries(same).every(([name, value]) => !value || conversation[name] === value);
  }

  return { toggle, chips, panel, offer, learn, load, query, fits, draw };
}

const LIVE = ['open', 'pending'];
const STATUSES = {
  active: LIVE,
  open: ['open'],
  pending: ['pending'],
  resolved: ['resolved'],
  closed: ['closed'],
  archived: [...LIVE, 'resolved', 'closed'],
};

import { avatar, h, icon, listTimeOf, ticks } from '../dom.js';
import { nameOf, preview } from './words.js';

export const FILTERS = [
  ['all', 'All', ''],
  ['active', 'Open', '&status=active'],
  ['waiting', 'Waiting', '&status=queued'],
  ['me', 'Mine', '&assigned_to=me'],
  ['unread', 'Unread', '&unread=true'],
];

/** Conversations to a page of the list. */
export const PAGE = 50;

/** The column of conversations: who is signed in, what is offered to them, search, filters, items. */
export function conversationList({ api, state, show, reload, nextPage, parts: { presence, bell, offers, board, home } }) {
  const list = h('ul', { class: 'list', 'aria-label': 'Conversations', 'data-testid': 'conversation-list' });
  const search = h('input', { type: 'search', placeholder: 'Search', 'aria-label': 'Search conversations', 'data-testid': 'search' });
  const chips = h(
    'div',
    { class: 'chips', role: 'group', 'aria-label': 'Filter' },
    FILTERS.map(([id, label]) =>
      h(
        'button',
        { type: 'button', class: 'chip', 'data-filter': id, 'aria-pressed': String(id === 'all'), onclick: () => filterBy(id) },
        label,
      ),
    ),
  );
  const unreadBadge = h('span', { class: 'badge', hidden: true, 'data-testid': 'unread-total' });
  const whoami = h('small', { class: 'soft ellipsis' });
  const signOut = h(
    'button',
    { type: 'button', class: 'round plain', 'aria-label': 'Sign out', title: 'Sign out', onclick: () => api.logout() },
    icon('logout'),
  );
  const element = h(
    'div',
    { class: 'side' },
    h('header', { class: 'side-top' }, h('div', { class: 'titles' }, h('h2', {}, 'Inbox', unreadBadge), whoami), presence, bell, signOut),
    offers,
    h('label', { class: 'search' }, icon('search'), search),
    chips,
    board,
    list,
  );
  let searching;
  search.addEventListener('input', () => {
    clearTimeout(searching);
    searching = setTimeout(() => {
      state.search = search.value.trim();
      void reload();
    }, 250);
  });

  function filterBy(id) {
    state.filter = id;
    for (const chip of chips.children) chip.setAttribute('aria-pressed', String(chip.dataset.filter === id));
    void reload();
  }

  function draw() {
    const sorted = [...state.conversations.values()].sort((a, b) =>
      String(b.last_message_at ?? b.created_at ?? '').localeCompare(String(a.last_message_at ?? a.created_at ?? '')),
    );
    const unread = sorted.reduce((sum, c) => sum + (c.unread_count > 0 ? 1 : 0), 0);
    whoami.textContent = api.session?.user?.full_name ?? api.session?.user?.email ?? '';
    unreadBadge.textContent = String(unread);
    unreadBadge.hidden = !unread;
    document.title = `${unread ? `(${unread}) ` : ''}PyTake · WhatsApp simulator`;
    const shown = sorted.slice(0, state.page * PAGE);
    const focused = document.activeElement?.dataset?.id;
    list.replaceChildren(
      ...shown.map(item),
      sorted.length ? '' : h('li', { class: 'empty-list' }, state.search ? 'Nothing found.' : 'No conversations here yet.'),
      state.page < state.pages || shown.length < sorted.length
        ? h('li', {}, h('button', { type: 'button', class: 'ghost more', onclick: nextPage }, 'Show more'))
        : '',
    );
    if (focused) list.querySelector(`[data-id="${focused}"]`)?.focus();
  }

  function item(c) {
    const last = c.last_message;
    const name = nameOf(c);
    const agent = c.current_agent?.full_name;
    return h(
      'li',
      {},
      h(
        'button',
        {
          type: 'button',
          class: 'conversation',
          'data-testid': 'conversation-item',
          'data-id': c.id,
          'data-unread': String(c.unread_count ?? 0),
          'aria-current': c.id === state.current?.id ? 'true' : null,
          onclick: () => show(c.id),
        },
        avatar(name),
        h(
          'span',
          { class: 'middle' },
          h('span', { class: 'line1' }, h('b', { class: 'ellipsis' }, name), h('time', {}, listTimeOf(c.last_message_at ?? c.created_at))),
          h(
            'span',
            { class: 'line2' },
            h(
              'span',
              { class: 'ellipsis preview', 'data-testid': 'preview' },
              last?.direction === 'outgoing' && ticks(last.status),
              last ? preview(last) : 'No messages yet',
            ),
            c.contact?.is_blocked && h('span', { class: 'tag blocked' }, 'blocked'),
            c.status && c.status !== 'open' && h('span', { class: `tag ${c.status}` }, c.status),
            agent &&
              h(
                'span',
                { class: 'assignee', title: `Assigned to ${agent}`, 'data-testid': 'assignee' },
                avatar(agent, 'tiny'),
                h('span', { class: 'unseen' }, `Assigned to ${agent}`),
              ),
            c.unread_count > 0 && h('span', { class: 'badge', 'data-testid': 'unread-badge' }, String(c.unread_count)),
          ),
          home(c),
        ),
      ),
    );
  }

  return { element, draw };
}

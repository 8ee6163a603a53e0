import { avatar, h, icon, listTimeOf, ticks } from '../dom.js';
import { PAGE } from './conversations.js';
import { nameOf, preview } from './words.js';

/** Tags and labels an item shows; the details show all. */
const SHOWN = 2;

/** The column of conversations: who is signed in, what is offered to them, search, filters, items. */
export function conversationList({
  api,
  state,
  show,
  search: find,
  nextPage,
  found,
  parts: { presence, bell, offers, filters, board, team, tags, typing },
}) {
  const list = h('ul', { class: 'list', 'aria-label': 'Conversations', 'data-testid': 'conversation-list' });
  const search = h('input', {
    type: 'search',
    placeholder: 'Search',
    'aria-label': 'Search people and messages',
    maxlength: '100',
    'data-testid': 'search',
  });
  const within = h('button', { type: 'button', class: 'chip within', hidden: true, onclick: () => searchWithin(null) });
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
    h(
      'header',
      { class: 'side-top' },
      h('div', { class: 'titles' }, h('h2', {}, 'Inbox', unreadBadge), whoami),
      presence.element,
      bell,
      signOut,
    ),
    offers.element,
    h('div', { class: 'search-row' }, h('label', { class: 'search' }, icon('search'), search), filters.toggle),
    within,
    filters.chips,
    filters.panel,
    h('div', { class: 'board' }, board.element, team.element),
    list,
  );
  let searching;
  search.addEventListener('input', () => {
    clearTimeout(searching);
    searching = setTimeout(() => {
      state.search = search.value.trim();
      find(one);
    }, 250);
  });

  /** The one conversation that is searched; null: all are. */
  let one = null;
  function searchWithin(conversation) {
    one = conversation;
    within.hidden = !one;
    within.replaceChildren('In ', one ? nameOf(one) : '', icon('close'));
    within.setAttribute('aria-label', one ? `Only in the conversation with ${nameOf(one)}: search everywhere again` : '');
    search.focus();
    find(one);
  }

  function draw() {
    const sorted = [...state.conversations.values()].sort((a, b) =>
      String(b.last_message_at ?? b.created_at ?? '').localeCompare(String(a.last_message_at ?? a.created_at ?? '')),
    );
    filters.learn(sorted);
    const unread = sorted.reduce((sum, c) => sum + (c.unread_count > 0 ? 1 : 0), 0);
    whoami.textContent = api.session?.user?.full_name ?? api.session?.user?.email ?? '';
    unreadBadge.textContent = String(unread);
    unreadBadge.hidden = !unread;
    document.title = `${unread ? `(${unread}) ` : ''}PyTake · WhatsApp simulator`;
    const messages = found();
    // Within one conversation no other is searched.
    const shown = one ? [] : sorted.slice(0, state.page * PAGE);
    const focused = document.activeElement?.dataset?.id;
    list.replaceChildren(
      ...shown.map(item),
      sorted.length || messages.length
        ? ''
        : h(
            'li',
            { class: 'empty-list' },
            state.search ? 'Nothing found.' : isNarrowed() ? 'None is like this.' : 'No conversations here yet.',
          ),
      !one && (state.page < state.pages || shown.length < sorted.length)
        ? h('li', {}, h('button', { type: 'button', class: 'ghost more', onclick: nextPage }, 'Show more'))
        : '',
      ...messages,
    );
    if (focused) list.querySelector(`[data-id="${focused}"]`)?.focus();
  }

  const isNarrowed = () => Object.values(state.filters).some(Boolean);

  function item(c) {
    const last = c.last_message;
    const name = nameOf(c);
    const agent = c.current_agent?.full_name;
    const writes = typing.wordsOf(c.id);
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
              writes
                ? h('span', { class: 'typing' }, writes)
                : [last?.direction === 'outgoing' && ticks(last.status), last ? preview(last) : 'No messages yet'],
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
          marks(c),
          board.home(c),
        ),
      ),
    );
  }

  /** How it is sorted, where it is: a priority beyond the usual, the customer's tags, the labels. */
  function marks({ priority, contact, tags: labels }) {
    const urgent = ['urgent', 'high'].includes(priority);
    const names = contact?.tags ?? [];
    if (!urgent && !contact?.is_vip && !names.length && !labels?.length) return null;
    const rest = names.length + (labels?.length ?? 0) - SHOWN;
    return h(
      'span',
      { class: 'line3 marks' },
      urgent && h('span', { class: `tag ${priority}` }, priority),
      contact?.is_vip && h('span', { class: 'tag vip' }, 'VIP'),
      [
        ...names.map((name) => tags.chip(name)),
        ...(labels ?? []).map((name) => h('span', { class: 'tag-chip label ellipsis' }, name)),
      ].slice(0, SHOWN),
      rest > 0 && h('small', {}, `+${rest}`),
    );
  }

  return { element, draw, searchWithin };
}

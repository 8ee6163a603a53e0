import { toast } from '../dialogs.js';
import { h, icon, listTimeOf } from '../dom.js';

const PAGE = 20;
/** What is older is not brought to the page. */
const MOST = 200;

/** The bell: how much is unread, and what it is. */
export function noticeBell({ api, show }) {
  let known = new Map();
  let unread = 0;
  let older = null;

  const badge = h('span', { class: 'badge', 'data-testid': 'notice-count', 'aria-hidden': 'true', hidden: true });
  const bell = h(
    'button',
    { type: 'button', class: 'round plain bell', 'aria-haspopup': 'dialog', 'data-testid': 'bell', onclick: () => dialog.showModal() },
    icon('bell'),
    badge,
  );
  const list = h('ul', { class: 'notices' });
  const readAll = h('button', { type: 'button', class: 'ghost small', 'data-testid': 'read-all', onclick: allRead }, 'Mark all read');
  const more = h('button', { type: 'button', class: 'ghost more', onclick: () => void load(older) }, 'Older ones');
  const dialog = h(
    'dialog',
    { class: 'sheet notice-sheet', 'aria-label': 'Notifications' },
    h(
      'header',
      {},
      h('h2', {}, 'Notifications'),
      readAll,
      h('button', { type: 'button', class: 'round plain', 'aria-label': 'Close', onclick: () => dialog.close() }, icon('close')),
    ),
    list,
    more,
  );
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());

  /** The newest, or with a cursor those after it. */
  async function load(cursor = null) {
    try {
      const [page, count] = await Promise.all([
        api.get(`/notifications?limit=${PAGE}${cursor ? `&cursor=${cursor}` : ''}`),
        api.get('/notifications/unread-count'),
      ]);
      if (!cursor) known = new Map();
      for (const notice of page.items) known.set(notice.id, notice);
      older = known.size < MOST ? page.next_cursor : null;
      draw(count.unread_count);
    } catch (error) {
      if (api.token) toast(error.message);
    }
  }

  function listen(socket) {
    socket.on('notification:new', (notice) => {
      const before = known.get(notice.id);
      known.set(notice.id, notice);
      draw(before && !before.is_read ? unread : unread + 1);
    });
    socket.on('notification:read', ({ id, all, unread_count }) => {
      for (const notice of known.values()) if (all || notice.id === id) notice.is_read = true;
      draw(unread_count);
    });
  }

  function draw(count) {
    unread = count;
    badge.textContent = count > 99 ? '99+' : String(count);
    badge.hidden = !count;
    bell.setAttribute('aria-label', count ? `Notifications, ${count} unread` : 'Notifications');
    bell.title = 'Notifications';
    readAll.disabled = !count;
    more.hidden = !older;
    const newest = [...known.values()].sort((a, b) => b.created_at.localeCompare(a.created_at)).slice(0, MOST);
    const focused = document.activeElement?.dataset?.notice;
    list.replaceChildren(...newest.map(row), newest.length ? '' : h('li', { class: 'empty-list' }, 'Nothing yet.'));
    if (focused) list.querySelector(`[data-notice="${focused}"]`)?.focus();
  }

  function row(notice) {
    const { id, title, message, created_at, is_read, data } = notice;
    return h(
      'li',
      {},
      h(
        'button',
        {
          type: 'button',
          class: 'notice-row',
          'data-testid': 'notice',
          'data-notice': id,
          'data-read': String(is_read),
          onclick: () => {
            if (!is_read) void read(id);
            if (!data?.conversation_id) return;
            dialog.close();
            void show(data.conversation_id);
          },
        },
        h(
          'span',
          { class: 'line1' },
          h('b', {}, !is_read && h('span', { class: 'unseen' }, 'Unread: '), title),
          h('time', {}, listTimeOf(created_at)),
        ),
        h('span', { class: 'soft' }, message),
      ),
    );
  }

  /** What follows, `notification:read` tells every open page, this one too. */
  const act = (path) => api.post(path).catch((error) => toast(error.message));
  const read = (id) => act(`/notifications/${id}/read`);
  function allRead() {
    void act('/notifications/read-all');
  }

  return { bell, dialog, load: () => load(), listen };
}

import { menu, toast } from '../dialogs.js';
import { avatar, h, icon } from '../dom.js';
import { askTransfer } from './transfer.js';
import { isClosed, nameOf } from './words.js';

/** Whose conversation it is, what may be done to it, and the line that says why nothing may be written. */
export function conversationHead({ api, state, team, board, typing, merge, mergeContact, leave, sendTemplate, details, searchWithin }) {
  const element = h('header', { class: 'thread-top' });
  const notice = h('div', { class: 'notice', hidden: true, 'data-testid': 'window-notice' });
  setInterval(() => state.current && draw(), 60_000);

  async function act(work, done) {
    try {
      await work();
      toast(done, 'info');
    } catch (error) {
      toast(error.message);
    }
  }

  function draw() {
    const c = state.current;
    if (!c) return;
    const name = nameOf(c);
    const closed = isClosed(c);
    const blocked = c.contact?.is_blocked;
    const mine = c.current_agent_id && c.current_agent_id === api.session?.user?.id;
    const button = (label, testid, done, path, body, className = 'ghost') =>
      h(
        'button',
        {
          type: 'button',
          class: `${className} small`,
          'data-testid': testid,
          onclick: () => act(async () => merge(await api.post(`/conversations/${c.id}/${path}`, body)), done),
        },
        label,
      );
    const focused = element.contains(document.activeElement) && document.activeElement.dataset.testid;
    element.replaceChildren(
      ...[
        h('button', { type: 'button', class: 'round plain back', 'aria-label': 'Back to the list', onclick: leave }, icon('back')),
        h(
          'button',
          { type: 'button', class: 'person', title: 'Details', 'data-testid': 'details', onclick: () => details() },
          avatar(name),
          h(
            'span',
            { class: 'titles' },
            h('strong', { class: 'ellipsis' }, name),
            typing.wordsOf(c.id)
              ? h('small', { class: 'ellipsis typing', 'data-testid': 'typing' }, typing.wordsOf(c.id))
              : h(
                  'small',
                  { class: 'ellipsis' },
                  [holder(c, mine), c.contact?.phone_number ?? c.contact?.username ?? 'no phone', c.status !== 'open' && c.status]
                    .filter(Boolean)
                    .join(' · '),
                ),
            board.home(c),
          ),
        ),
        c.rating && h('span', { class: 'window', title: `The customer rated this conversation ${c.rating} of 5` }, `★ ${c.rating}`),
        windowChip(c),
        c.status &&
          !closed &&
          !mine &&
          button('Assign to me', 'assign-me', 'Assigned to you', 'assign', { agent_id: api.session?.user?.id }),
        c.status && !closed && button('Close', 'close', 'Conversation closed', 'close'),
        closed && !blocked && button('Reopen', 'reopen', 'Conversation reopened', 'reopen', {}, 'primary'),
        c.contact && moreMenu(c, name, closed),
      ].filter(Boolean),
    );
    if (focused) element.querySelector(`[data-testid="${focused}"]`)?.focus();
    drawNotice(c, { name, closed, blocked });
  }

  /** Passes the open conversation on. */
  async function transfer() {
    const c = state.current;
    const to = await askTransfer({ team, board, conversation: c });
    if (to) await act(async () => merge(await api.post(`/conversations/${c.id}/transfer`, to)), 'Transferred');
  }

  function moreMenu(c, name, closed) {
    const { id, is_blocked } = c.contact;
    const block = (verb, done) => () => act(async () => mergeContact(await api.post(`/contacts/${id}/${verb}`)), done);
    const turn = (path, body, done) => () => act(async () => merge(await api.post(`/conversations/${c.id}/${path}`, body)), done);
    const more = h(
      'button',
      {
        type: 'button',
        class: 'round plain',
        'aria-label': 'More about this conversation',
        'aria-haspopup': 'menu',
        'data-testid': 'contact-menu',
        onclick: () =>
          menu(more, [
            ['Details and tags', 'person', () => details(true), 'open-details'],
            ['Search in this conversation', 'search', () => searchWithin(c), 'search-within'],
            !closed && ['Transfer', 'forward', transfer, 'transfer'],
            !closed && c.current_agent_id && ['Give back', 'back', turn('assign', { agent_id: null }, 'Nobody has it now'), 'unassign'],
            ['Save as PDF', 'file', () => saveAs(c.id, name), 'export'],
            !c.is_archived && ['Archive', 'archive', turn('archive', {}, 'Archived'), 'archive'],
            is_blocked
              ? ['Unblock contact', 'block', block('unblock', `${name} may be written to again`), 'unblock']
              : ['Block contact', 'block', block('block', `${name} is blocked`), 'block'],
          ]),
      },
      icon('more'),
    );
    return more;
  }

  async function saveAs(id, name) {
    try {
      const href = await api.blobUrl(`/api/v1/conversations/${id}/export?format=pdf`);
      h('a', { href, download: `${name}.pdf` }).click();
      setTimeout(() => URL.revokeObjectURL(href), 60_000);
    } catch (error) {
      toast(error.message);
    }
  }

  function drawNotice(c, { name, closed, blocked }) {
    const shut = !closed && c.status && c.is_window_open === false;
    notice.hidden = !(blocked || closed || shut);
    if (blocked) notice.replaceChildren(`${name} is blocked: nothing can be sent.`);
    else if (closed) notice.replaceChildren('This conversation is closed. Reopen it to answer.');
    else
      notice.replaceChildren(
        'The 24-hour window is closed: only a template can be sent.',
        h('button', { type: 'button', class: 'ghost small', 'data-testid': 'choose-template', onclick: sendTemplate }, 'Choose a template'),
      );
  }

  return { element, notice, draw, transfer };
}

/** Who has it, as a reader of the head asks. */
function holder({ current_agent, is_queued }, mine) {
  if (mine) return 'yours';
  if (current_agent) return `with ${current_agent.full_name}`;
  return is_queued ? 'waiting for somebody' : 'nobody has it';
}

function windowChip(c) {
  if (!c.window_expires_at && c.is_window_open !== false) return null;
  const left = Date.parse(c.window_expires_at ?? '') - Date.now();
  if (!(left > 0))
    return h(
      'span',
      { class: 'window shut', title: 'Only templates until the customer writes', 'data-testid': 'window', 'data-open': 'false' },
      icon('clock'),
      'Closed',
    );
  const hours = Math.floor(left / 3_600_000);
  return h(
    'span',
    {
      class: `window ${left < 3_600_000 ? 'soon' : ''}`,
      title: `Free to answer until ${new Date(c.window_expires_at).toLocaleString()}`,
      'data-testid': 'window',
      'data-open': 'true',
    },
    icon('clock'),
    hours ? `${hours} h` : `${Math.max(1, Math.floor(left / 60_000))} min`,
  );
}

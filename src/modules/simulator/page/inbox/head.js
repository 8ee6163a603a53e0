import { menu, toast } from '../dialogs.js';
import { avatar, h, icon } from '../dom.js';
import { isClosed, nameOf } from './words.js';

/** Whose conversation it is, what may be done to it, and the line that says why nothing may be written. */
export function conversationHead({ api, state, merge, mergeContact, leave, sendTemplate, home }) {
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
    element.replaceChildren(
      ...[
        h('button', { type: 'button', class: 'round plain back', 'aria-label': 'Back to the list', onclick: leave }, icon('back')),
        avatar(name),
        h(
          'div',
          { class: 'titles' },
          h('strong', { class: 'ellipsis' }, name),
          h(
            'small',
            { class: 'ellipsis' },
            [holder(c, mine), c.contact?.phone_number ?? c.contact?.username ?? 'no phone', c.status !== 'open' && c.status]
              .filter(Boolean)
              .join(' · '),
          ),
          home(c),
        ),
        windowChip(c),
        c.status &&
          !closed &&
          !mine &&
          button('Assign to me', 'assign-me', 'Assigned to you', 'assign', { agent_id: api.session?.user?.id }),
        c.status && !closed && button('Close', 'close', 'Conversation closed', 'close'),
        closed && !blocked && button('Reopen', 'reopen', 'Conversation reopened', 'reopen', {}, 'primary'),
        c.contact && contactMenu(c.contact, name),
      ].filter(Boolean),
    );
    drawNotice(c, { name, closed, blocked });
  }

  function contactMenu({ id, is_blocked }, name) {
    const block = (verb, done) => () => act(async () => mergeContact(await api.post(`/contacts/${id}/${verb}`)), done);
    const more = h(
      'button',
      {
        type: 'button',
        class: 'round plain',
        'aria-label': 'More about this contact',
        'aria-haspopup': 'menu',
        'data-testid': 'contact-menu',
        onclick: () =>
          menu(more, [
            is_blocked
              ? ['Unblock contact', 'block', block('unblock', `${name} may be written to again`), 'unblock']
              : ['Block contact', 'block', block('block', `${name} is blocked`), 'block'],
          ]),
      },
      icon('more'),
    );
    return more;
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

  return { element, notice, draw };
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

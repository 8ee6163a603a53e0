import { io } from '/simulator/socket.io.js';
import { Api } from './api.js';
import {
  ask,
  avatar,
  dayOf,
  growing,
  h,
  icon,
  kindOfFile,
  listTimeOf,
  menu,
  pickFile,
  randomId,
  rich,
  sticky,
  ticks,
  timeOf,
  toast,
} from './dom.js';

const FILTERS = [
  ['all', 'All', ''],
  ['active', 'Open', '&status=active'],
  ['me', 'Mine', '&assigned_to=me'],
  ['unread', 'Unread', '&unread=true'],
];
const RANK = ['pending', 'sent', 'delivered', 'read'];
const BRIEF = {
  image: '📷 Photo',
  video: '🎬 Video',
  audio: '🎤 Audio',
  document: '📄 Document',
  sticker: 'Sticker',
  location: '📍 Location',
  contacts: '👤 Contact',
  template: 'Template',
  interactive: 'Options',
  order: '🛒 Order',
  unsupported: 'Not supported',
  system: 'System',
};

/** The agent's side, over the same REST and Socket.IO that any client of PyTake uses. */
export function startInbox(root, { isVisible, onNews, setLive }) {
  const api = new Api((why) => signedOut(why));
  const state = {
    conversations: new Map(),
    filter: 'all',
    search: '',
    page: 1,
    pages: 1,
    current: null,
    messages: [],
    hasOlder: false,
    drafts: new Map(),
    sending: null,
    quote: null,
    files: new Map(),
  };
  let socket = null;
  let demoEmail = '';

  // Signing in

  function signIn(why) {
    const email = h('input', {
      type: 'email',
      name: 'email',
      autocomplete: 'username',
      required: true,
      value: demoEmail,
      'data-testid': 'login-email',
    });
    const password = h('input', {
      type: 'password',
      name: 'password',
      autocomplete: 'current-password',
      required: true,
      'data-testid': 'login-password',
    });
    const problem = h('p', { class: 'problem', role: 'alert', hidden: !why, 'data-testid': 'login-error' }, why ?? '');
    const submit = h('button', { type: 'submit', class: 'primary', 'data-testid': 'login-submit' }, 'Sign in');
    const form = h(
      'form',
      { class: 'login' },
      h('img', { src: '/simulator/icon.svg', alt: '', class: 'login-mark' }),
      h('h2', {}, 'The agent’s inbox'),
      h(
        'p',
        { class: 'soft' },
        'Sign in to answer the phone on the other side. The password of the demo was printed on the console at the first start.',
      ),
      h('label', {}, h('span', {}, 'E-mail'), email),
      h('label', {}, h('span', {}, 'Password'), password),
      problem,
      submit,
    );
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      submit.disabled = true;
      problem.hidden = true;
      try {
        await api.login(email.value.trim(), password.value);
        await open();
      } catch (error) {
        problem.textContent = error.message;
        problem.hidden = false;
        password.select();
      } finally {
        submit.disabled = false;
      }
    });
    root.className = 'inbox';
    root.replaceChildren(form);
    setLive('off', 'Not signed in');
  }

  function signedOut(why) {
    socket?.disconnect();
    socket = null;
    state.conversations.clear();
    state.current = null;
    state.messages = [];
    for (const url of state.files.values()) void Promise.resolve(url).then((u) => u && URL.revokeObjectURL(u));
    state.files.clear();
    signIn(why);
  }

  // The frame

  const list = h('div', { class: 'list', role: 'list', 'aria-label': 'Conversations', 'data-testid': 'conversation-list' });
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
  const me = h(
    'button',
    { type: 'button', class: 'round plain', 'aria-label': 'Sign out', title: 'Sign out', onclick: () => api.logout() },
    icon('logout'),
  );
  const whoami = h('small', { class: 'soft ellipsis' });
  const thread = h('div', {
    class: 'thread',
    role: 'log',
    tabindex: '0',
    'aria-label': 'Messages of the conversation',
    'data-testid': 'thread',
  });
  const head = h('header', { class: 'thread-top' });
  const notice = h('div', { class: 'notice', hidden: true, 'data-testid': 'window-notice' });
  const quote = h('div', { class: 'quoting', hidden: true });
  const input = h('textarea', {
    rows: 1,
    placeholder: 'Write a reply',
    'aria-label': 'Write a reply',
    maxlength: '4096',
    'data-testid': 'agent-input',
  });
  const plus = h(
    'button',
    {
      type: 'button',
      class: 'round plain',
      'aria-label': 'Send something else',
      'aria-haspopup': 'menu',
      'data-testid': 'agent-attach',
      onclick: () => plusMenu(),
    },
    icon('plus'),
  );
  const submit = h(
    'button',
    { type: 'submit', class: 'round send', 'aria-label': 'Send the reply', 'data-testid': 'agent-send' },
    icon('send'),
  );
  const composer = h('form', { class: 'composer', onsubmit: (event) => (event.preventDefault(), sendText()) }, plus, input, submit);
  const fit = growing(input, sendText);
  const pane = h('div', { class: 'pane' });
  const stick = sticky(thread);
  let searching;
  search.addEventListener('input', () => {
    clearTimeout(searching);
    searching = setTimeout(() => {
      state.search = search.value.trim();
      void reload();
    }, 250);
  });
  thread.addEventListener('scroll', () => thread.scrollTop < 40 && state.hasOlder && !state.loadingOlder && void older());

  async function open() {
    root.className = 'inbox signed-in';
    root.replaceChildren(
      h(
        'div',
        { class: 'side' },
        h('header', { class: 'side-top' }, h('div', { class: 'titles' }, h('h2', {}, 'Inbox', unreadBadge), whoami), me),
        h('label', { class: 'search' }, icon('search'), search),
        chips,
        list,
      ),
      pane,
    );
    whoami.textContent = api.session?.user?.full_name ?? api.session?.user?.email ?? '';
    nothingOpen();
    connect();
    await reload();
  }

  function nothingOpen() {
    root.classList.remove('reading');
    pane.replaceChildren(
      h(
        'div',
        { class: 'nothing' },
        h('img', { src: '/simulator/icon.svg', alt: '' }),
        h('h2', {}, 'Choose a conversation'),
        h('p', { class: 'soft' }, 'Or write on the phone: it appears here by itself.'),
      ),
    );
  }

  // Live

  function connect() {
    socket?.disconnect();
    socket = io({ auth: (give) => give({ token: api.token }), transports: ['websocket', 'polling'] });
    let lost = false;
    socket.on('connect', () => {
      setLive('on', 'Live');
      // What happened while the line was cut is only in the database.
      if (lost) void catchUp();
      lost = false;
    });
    socket.on('disconnect', () => {
      lost = true;
      if (api.token) setLive('wait', 'Reconnecting…');
    });
    socket.on('connect_error', async (error) => {
      setLive('wait', 'Connecting…');
      const refused = error.message === 'unauthorized' || error.data?.error_code === 'unauthorized';
      // A refused handshake is not tried again by itself.
      if (refused && (await api.refresh())) socket?.connect();
    });
    socket.on('auth:expired', async () => {
      if (await api.refresh()) socket?.emit('auth:refresh', { token: api.token });
    });
    socket.on('message:new', (message) => arrived(message));
    socket.on('message:status', (change) => statusChanged(change));
    socket.on('message:updated', (message) => {
      if (message.conversation_id === state.current?.id) {
        state.messages = state.messages.map((m) => (m.id === message.id ? { ...m, ...message } : m));
        drawThread();
      }
    });
    for (const name of ['conversation:new', 'conversation:updated', 'conversation:status'])
      socket.on(name, (conversation) => merge(conversation));
    for (const name of ['conversation:assigned', 'conversation:transferred'])
      socket.on(name, ({ conversation }) => conversation && merge(conversation));
    socket.on('conversation:unassigned', ({ conversation_id }) =>
      patch(conversation_id, { current_agent_id: null, assigned_agent_id: null, current_agent: null }),
    );
    socket.on('conversation:unread_update', ({ conversation_id, unread_count }) => patch(conversation_id, { unread_count }));
    socket.on('conversation:window_expiring', ({ conversation_id, window_expires_at }) => patch(conversation_id, { window_expires_at }));
  }

  async function catchUp() {
    await reload();
    if (state.current) await show(state.current.id, true);
  }

  function arrived(message) {
    const id = message.conversation_id;
    const incoming = message.direction === 'incoming';
    const known = state.conversations.get(id);
    const change = { last_message: message, last_message_at: message.created_at, ...(message.conversation ?? {}) };
    if (incoming)
      Object.assign(change, {
        is_window_open: true,
        window_expires_at: new Date(Date.parse(message.created_at) + 86_400_000).toISOString(),
      });
    if (known) merge({ ...known, ...change, id });
    else void fetchOne(id);
    if (id === state.current?.id) {
      upsert(message);
      if (incoming && reading()) markRead();
    }
    if (incoming && !(isVisible() && id === state.current?.id)) onNews();
  }

  function statusChanged({ message_id, conversation_id, status, error_code, error_message }) {
    const apply = (message) => {
      // Statuses may overtake each other; the way leads up only.
      if (status === 'failed' || message.status === 'failed' || RANK.indexOf(status) > RANK.indexOf(message.status))
        Object.assign(message, { status, error_code, error_message });
    };
    const message = conversation_id === state.current?.id && state.messages.find((m) => m.id === message_id);
    if (message) {
      apply(message);
      drawThread();
    } else if (conversation_id === state.current?.id)
      state.early = { ...state.early, [message_id]: { message_id, conversation_id, status, error_code } };
    const last = state.conversations.get(conversation_id)?.last_message;
    if (last?.id === message_id) {
      apply(last);
      drawList();
    }
  }

  // Conversations

  async function reload() {
    const more = FILTERS.find(([id]) => id === state.filter)[2];
    const asked = `${state.filter} ${state.search}`;
    state.asked = asked;
    try {
      const answer = await api.get(
        `/conversations?limit=50&page=1${more}${state.search ? `&search=${encodeURIComponent(state.search)}` : ''}`,
      );
      if (state.asked !== asked) return;
      state.conversations = new Map(answer.items.map((c) => [c.id, c]));
      state.page = 1;
      state.pages = answer.total_pages;
      drawList();
    } catch (error) {
      if (api.token) toast(error.message);
    }
  }

  async function nextPage() {
    try {
      const more = FILTERS.find(([id]) => id === state.filter)[2];
      const answer = await api.get(
        `/conversations?limit=50&page=${state.page + 1}${more}${state.search ? `&search=${encodeURIComponent(state.search)}` : ''}`,
      );
      state.page++;
      for (const conversation of answer.items) state.conversations.set(conversation.id, conversation);
      drawList();
    } catch (error) {
      toast(error.message);
    }
  }

  function filterBy(id) {
    state.filter = id;
    for (const chip of chips.children) chip.setAttribute('aria-pressed', String(chip.dataset.filter === id));
    void reload();
  }

  async function fetchOne(id) {
    try {
      merge(await api.get(`/conversations/${id}`));
    } catch (error) {
      if (error.status !== 404) toast(error.message);
    }
  }

  function merge(conversation) {
    const known = state.conversations.get(conversation.id);
    const next = { ...known, ...conversation };
    if (known || fits(next)) state.conversations.set(next.id, next);
    if (state.current?.id === next.id) {
      state.current = { ...state.current, ...conversation };
      drawHead();
    }
    drawList();
  }

  function patch(id, change) {
    const known = state.conversations.get(id) ?? (state.current?.id === id ? state.current : null);
    if (known) merge({ ...known, ...change });
  }

  /** Whether a conversation nobody asked the server about belongs in the list as filtered. */
  function fits(conversation) {
    if (conversation.is_archived) return false;
    const words = `${nameOf(conversation)} ${conversation.contact?.phone_number ?? ''}`.toLowerCase();
    if (state.search && !words.includes(state.search.toLowerCase())) return false;
    if (state.filter === 'active') return ['open', 'pending'].includes(conversation.status);
    if (state.filter === 'me') return conversation.current_agent_id === api.session?.user?.id;
    if (state.filter === 'unread') return conversation.unread_count > 0;
    return true;
  }

  function drawList() {
    const sorted = [...state.conversations.values()].sort((a, b) =>
      String(b.last_message_at ?? b.created_at ?? '').localeCompare(String(a.last_message_at ?? a.created_at ?? '')),
    );
    const unread = sorted.reduce((sum, c) => sum + (c.unread_count > 0 ? 1 : 0), 0);
    unreadBadge.textContent = String(unread);
    unreadBadge.hidden = !unread;
    document.title = `${unread ? `(${unread}) ` : ''}PyTake · WhatsApp simulator`;
    const focused = document.activeElement?.dataset?.id;
    list.replaceChildren(
      ...sorted.map(item),
      sorted.length ? '' : h('p', { class: 'empty-list' }, state.search ? 'Nothing found.' : 'No conversations here yet.'),
      state.page < state.pages ? h('button', { type: 'button', class: 'ghost more', onclick: nextPage }, 'Show more') : '',
    );
    if (focused) list.querySelector(`[data-id="${focused}"]`)?.focus();
  }

  function item(c) {
    const last = c.last_message;
    const name = nameOf(c);
    return h(
      'div',
      { role: 'listitem' },
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
              { class: 'ellipsis preview' },
              last?.direction === 'outgoing' && ticks(last.status),
              last ? preview(last) : 'No messages yet',
            ),
            c.status && c.status !== 'open' && h('span', { class: `tag ${c.status}` }, c.status),
            c.unread_count > 0 && h('span', { class: 'badge', 'data-testid': 'unread-badge' }, String(c.unread_count)),
          ),
        ),
      ),
    );
  }

  // A conversation

  async function show(id, again = false) {
    if (!again) {
      if (state.current) state.drafts.set(state.current.id, input.value);
      state.current = state.conversations.get(id) ?? { id };
      state.messages = [];
      state.early = {};
      input.value = state.drafts.get(id) ?? '';
      root.classList.add('reading');
      pane.replaceChildren(head, thread, notice, quote, composer);
      reply(null);
      thread.replaceChildren(h('div', { class: 'loading' }, 'Loading…'));
      drawHead();
      drawList();
      fit();
      if (matchMedia('(min-width: 900px)').matches) input.focus();
    }
    try {
      const [conversation, answer] = await Promise.all([
        api.get(`/conversations/${id}`),
        api.get(`/conversations/${id}/messages?limit=50&sort=created_at:desc`),
      ]);
      if (state.current?.id !== id) return;
      // What came by socket while we were asking stays.
      const live = state.messages.filter((m) => !answer.items.some((known) => known.id === m.id));
      state.messages = inOrder([...answer.items, ...(again ? [] : live)]);
      state.hasOlder = answer.items.length === 50;
      merge(conversation);
      drawThread(true);
      if (conversation.unread_count > 0 && reading()) markRead();
    } catch (error) {
      if (api.token) toast(error.message);
    }
  }

  async function older() {
    const first = state.messages[0];
    const { id } = state.current ?? {};
    if (!first || !id) return;
    state.loadingOlder = true;
    try {
      const answer = await api.get(`/conversations/${id}/messages?limit=50&sort=created_at:desc&before=${first.id}`);
      if (state.current?.id !== id) return;
      const known = new Set(state.messages.map((m) => m.id));
      state.messages = inOrder([...answer.items.filter((m) => !known.has(m.id)), ...state.messages]);
      state.hasOlder = answer.items.length === 50;
      const from = thread.scrollHeight - thread.scrollTop;
      drawThread();
      thread.scrollTop = thread.scrollHeight - from;
    } catch (error) {
      toast(error.message);
    } finally {
      state.loadingOlder = false;
    }
  }

  function upsert(message) {
    const early = state.early?.[message.id];
    const known = state.messages.find((m) => m.id === message.id);
    // The answer of our own POST may be older than what the socket said meanwhile.
    const status = known && RANK.indexOf(known.status) > RANK.indexOf(message.status) ? known.status : message.status;
    state.messages = inOrder([...state.messages.filter((m) => m.id !== message.id), { ...message, status }]);
    if (early) {
      delete state.early[message.id];
      statusChanged(early);
    }
    drawThread(message.direction === 'outgoing');
  }

  function reading() {
    return isVisible() && document.visibilityState === 'visible';
  }

  /** Once for a burst of messages. */
  let reads;
  function markRead() {
    const { id } = state.current ?? {};
    clearTimeout(reads);
    reads = setTimeout(() => {
      if (id && api.token)
        api
          .post(`/conversations/${id}/read`)
          .then(() => patch(id, { unread_count: 0 }))
          .catch(() => undefined);
    }, 200);
  }
  const resume = () => reading() && state.current?.unread_count > 0 && markRead();
  document.addEventListener('visibilitychange', resume);

  function drawHead() {
    const c = state.current;
    if (!c) return;
    const name = nameOf(c);
    const closed = ['closed', 'resolved'].includes(c.status);
    const mine = c.current_agent_id && c.current_agent_id === api.session?.user?.id;
    const act = (path, body, done) => async () => {
      try {
        const answer = await api.post(`/conversations/${c.id}/${path}`, body);
        if (answer?.id) merge(answer);
        toast(done, 'info');
      } catch (error) {
        toast(error.message);
      }
    };
    head.replaceChildren(
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
            [
              c.contact?.phone_number ?? c.contact?.username ?? 'no phone',
              c.current_agent?.full_name ? `· ${c.current_agent.full_name}` : '',
              c.status && c.status !== 'open' ? `· ${c.status}` : '',
            ]
              .filter(Boolean)
              .join(' '),
          ),
        ),
        windowChip(c),
        c.status &&
          !closed &&
          !mine &&
          h(
            'button',
            {
              type: 'button',
              class: 'ghost small',
              'data-testid': 'assign-me',
              onclick: act('assign', { agent_id: api.session?.user?.id }, 'Assigned to you'),
            },
            'Assign to me',
          ),
        c.status &&
          !closed &&
          h(
            'button',
            { type: 'button', class: 'ghost small', 'data-testid': 'close', onclick: act('close', {}, 'Conversation closed') },
            'Close',
          ),
        closed &&
          h(
            'button',
            { type: 'button', class: 'primary small', 'data-testid': 'reopen', onclick: act('reopen', {}, 'Conversation reopened') },
            'Reopen',
          ),
      ].filter(Boolean),
    );
    notice.hidden = !(closed || (c.status && c.is_window_open === false));
    notice.textContent = closed
      ? 'This conversation is closed. Reopen it to answer.'
      : 'The 24-hour window is closed: only a template can be sent (＋ → Template).';
    submit.disabled = closed;
    input.disabled = closed;
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
    const text = hours ? `${hours} h` : `${Math.max(1, Math.floor(left / 60_000))} min`;
    return h(
      'span',
      {
        class: `window ${left < 3_600_000 ? 'soon' : ''}`,
        title: `Free to answer until ${new Date(c.window_expires_at).toLocaleString()}`,
        'data-testid': 'window',
        'data-open': 'true',
      },
      icon('clock'),
      text,
    );
  }
  setInterval(() => state.current && drawHead(), 60_000);

  function leave() {
    if (state.current) state.drafts.set(state.current.id, input.value);
    state.current = null;
    nothingOpen();
    drawList();
  }

  function drawThread(toEnd = false) {
    const nodes = [];
    if (state.hasOlder) nodes.push(h('button', { type: 'button', class: 'ghost more', onclick: older }, 'Older messages'));
    let day = '';
    for (const message of state.messages) {
      const on = dayOf(message.created_at);
      if (on !== day) nodes.push(h('div', { class: 'day' }, (day = on)));
      nodes.push(bubble(message));
    }
    if (!nodes.length) nodes.push(h('div', { class: 'empty' }, h('p', {}, 'No messages yet.')));
    thread.replaceChildren(...nodes);
    if (toEnd) stick.end();
    else stick.redrawn();
  }

  function bubble(m) {
    const out = m.direction === 'outgoing';
    const side = m.direction === 'internal' ? 'note' : out ? 'out' : 'in';
    const quoted = m.reply_to_message_id && state.messages.find((known) => known.id === m.reply_to_message_id);
    if (m.message_type === 'system')
      return h('div', { class: 'day', 'data-testid': 'thread-message' }, m.content ?? m.payload?.body ?? 'System');
    return h(
      'div',
      {
        class: `bubble ${side} kind-${m.message_type}`,
        'data-testid': 'thread-message',
        'data-id': m.id,
        'data-direction': m.direction,
        'data-status': m.status,
      },
      out && m.sender_type && m.sender_type !== 'agent' && h('span', { class: 'sender who-sent' }, m.sender_type),
      m.direction === 'internal' && h('span', { class: 'sender' }, 'Internal note'),
      m.forwarded && h('span', { class: 'sender' }, 'Forwarded'),
      quoted &&
        h(
          'div',
          { class: 'quoted' },
          h('b', {}, quoted.direction === 'outgoing' ? 'You' : nameOf(state.current)),
          h('span', {}, preview(quoted)),
        ),
      m.is_deleted ? h('p', { class: 'deleted' }, 'This message was deleted') : content(m),
      m.error_code && m.status === 'failed' && h('p', { class: 'error' }, m.error_message ?? m.error_code),
      h('span', { class: 'meta' }, m.edited_at && 'edited ', timeOf(m.created_at), out && ticks(m.status)),
      (m.reactions ?? []).length > 0 && h('span', { class: 'reaction' }, m.reactions.map((r) => r.emoji).join('')),
      m.direction !== 'internal' &&
        m.whatsapp_message_id &&
        !m.is_deleted &&
        h(
          'button',
          { type: 'button', class: 'bubble-more', 'aria-label': 'Reply to this message', title: 'Reply', onclick: () => reply(m) },
          icon('reply'),
        ),
    );
  }

  function content(m) {
    const p = m.payload ?? {};
    const text = m.content && h('p', { class: 'text' }, rich(m.content));
    switch (m.message_type) {
      case 'image':
      case 'sticker':
      case 'video':
      case 'audio':
      case 'document':
        return [medium(m), m.message_type === 'document' && m.content === m.media?.filename ? null : text];
      case 'location':
        return h(
          'div',
          { class: 'place' },
          h('div', { class: 'map' }, icon('pin')),
          h('b', {}, p.name ?? 'Location'),
          p.address && h('small', {}, p.address),
          h('small', {}, `${Number(p.latitude).toFixed(4)}, ${Number(p.longitude).toFixed(4)}`),
        );
      case 'contacts':
        return (p.contacts ?? []).map((c) => {
          const name = (typeof c.name === 'string' ? c.name : c.name?.formatted_name) ?? c.phones?.[0]?.phone ?? 'Contact';
          return h(
            'div',
            { class: 'card' },
            avatar(name),
            h(
              'div',
              {},
              h('b', {}, name),
              (c.phones ?? []).map((phone) => h('small', {}, phone.phone)),
            ),
          );
        });
      case 'interactive': {
        const rows = (p.sections ?? []).flatMap((section) => section.rows ?? []);
        const options = [...(p.buttons ?? []), ...rows].map((o) => h('span', { class: 'option quiet' }, o.title ?? o.text));
        return [
          p.header && h('p', { class: 'head' }, typeof p.header === 'string' ? p.header : p.header.text),
          h('p', { class: 'text' }, rich(p.body ?? p.title ?? m.content)),
          p.description && h('small', { class: 'soft' }, p.description),
          p.footer && h('p', { class: 'foot' }, p.footer),
          options.length > 0 && h('div', { class: 'options' }, options),
        ];
      }
      case 'template':
        return [h('span', { class: 'sender' }, `Template ${p.name ?? ''}`), text ?? h('p', { class: 'text' }, p.rendered_text ?? p.name)];
      case 'unsupported':
        return h('p', { class: 'text soft' }, 'This kind of message is not supported.');
      default:
        return text ?? h('p', { class: 'text soft' }, BRIEF[m.message_type] ?? m.message_type);
    }
  }

  function medium(m) {
    const { media } = m;
    const label = media?.filename ?? m.payload?.filename ?? BRIEF[m.message_type];
    const file = (note) =>
      h(
        'span',
        { class: 'file' },
        icon(m.message_type === 'image' ? 'image' : m.message_type === 'audio' ? 'mic' : 'file'),
        h('span', {}, label, h('small', {}, note)),
      );
    if (!media && m.payload?.link)
      return h(
        'a',
        { class: 'file', href: m.payload.link, target: '_blank', rel: 'noopener noreferrer' },
        icon('file'),
        h('span', {}, label, h('small', {}, m.payload.link)),
      );
    if (!media || media.status === 'pending') return file('Loading…');
    if (media.status !== 'ready') return file(media.status === 'expired' ? 'Expired' : 'Could not be loaded');
    const known = state.files.get(media.id ?? m.id);
    const show = (url) => {
      if (m.message_type === 'image' || m.message_type === 'sticker')
        return h('img', { class: `photo ${m.message_type}`, src: url, alt: m.content ?? label });
      if (m.message_type === 'video') return h('video', { class: 'photo', src: url, controls: true });
      if (m.message_type === 'audio') return h('audio', { src: url, controls: true });
      return h(
        'a',
        { class: 'file', href: url, download: label },
        icon('file'),
        h('span', {}, label, h('small', {}, `${media.mime_type ?? ''} ${sizeOf(media.size_bytes)}`)),
      );
    };
    if (typeof known === 'string') return show(known);
    const holder = h('div', { class: 'holder' }, file(sizeOf(media.size_bytes) || 'Loading…'));
    if (!known) {
      const key = media.id ?? m.id;
      state.files.set(
        key,
        api.blobUrl(media.url ?? m.media_url ?? `/api/v1/whatsapp/messages/${m.id}/media`).then(
          (url) => (state.files.set(key, url), drawThread(), url),
          () => (state.files.delete(key), null),
        ),
      );
    }
    return holder;
  }

  function reply(message) {
    state.quote = message;
    quote.hidden = !message;
    if (!message) return;
    quote.replaceChildren(
      h(
        'div',
        { class: 'quoted' },
        h('b', {}, message.direction === 'outgoing' ? 'You' : nameOf(state.current)),
        h('span', {}, preview(message)),
      ),
      h('button', { type: 'button', class: 'round plain', 'aria-label': 'Do not reply', onclick: () => reply(null) }, icon('close')),
    );
    input.focus();
  }

  // Sending

  async function send(body) {
    const { id } = state.current ?? {};
    if (!id) return false;
    const whole = { ...body, ...(state.quote ? { reply_to_message_id: state.quote.id } : {}) };
    // The same words tried again after an error carry the same key: they go out once.
    const print = JSON.stringify([id, whole]);
    if (state.sending?.print !== print) state.sending = { print, key: randomId() };
    try {
      const message = await api.post(`/conversations/${id}/messages`, whole, state.sending.key);
      state.sending = null;
      if (state.current?.id === id && message?.id) {
        upsert(message);
        reply(null);
      }
      return true;
    } catch (error) {
      // A refusal is final; only silence or an outage is worth the same key.
      if (error.status !== undefined && error.status < 500) state.sending = null;
      toast(error.message);
      if (error.code === 'window_closed') void fetchOne(id);
      return false;
    }
  }

  async function sendText() {
    const content = input.value.trim();
    if (!content || submit.disabled) return;
    const { id } = state.current;
    submit.disabled = true;
    const sent = await send({ content });
    submit.disabled = ['closed', 'resolved'].includes(state.current?.status);
    if (!sent) return;
    if (state.current?.id === id) {
      input.value = '';
      fit();
    }
    state.drafts.delete(id);
  }

  function plusMenu() {
    const closed = ['closed', 'resolved'].includes(state.current?.status);
    menu(plus, [
      !closed && ['Photo or video', 'image', () => sendFile('image/png,image/jpeg,video/mp4'), 'send-image'],
      !closed && ['Document', 'file', () => sendFile(''), 'send-document'],
      !closed && ['Buttons', 'buttons', sendButtons, 'send-buttons'],
      !closed && ['List', 'list', sendList, 'send-list'],
      !closed && ['Location', 'pin', sendLocation, 'send-location'],
      !closed && ['Contact', 'person', sendContact, 'send-contact'],
      !closed && ['Template', 'template', sendTemplate, 'send-template'],
      ['Internal note', 'note', sendNote, 'send-note'],
    ]);
  }

  async function sendFile(accept) {
    const file = await pickFile(accept);
    if (!file) return;
    const form = new FormData();
    form.append('file', file);
    try {
      const media = await api.call('POST', '/whatsapp/media', form);
      const caption = input.value.trim();
      const message_type = kindOfFile(file);
      const sent = await send({
        message_type,
        media_id: media.id,
        ...(caption && message_type !== 'audio' ? { media_caption: caption } : {}),
        ...(message_type === 'document' ? { filename: file.name } : {}),
      });
      if (sent && caption) {
        input.value = '';
        fit();
      }
    } catch (error) {
      toast(error.message);
    }
  }

  async function sendButtons() {
    const values = await ask('Send buttons', [
      ['body', 'Message', { rows: 3, value: 'Podemos confirmar a entrega?', required: true, maxlength: 1024 }],
      ['one', 'Button 1', { value: 'Sim', required: true, maxlength: 20 }],
      ['two', 'Button 2', { value: 'Não', maxlength: 20 }],
      ['three', 'Button 3', { maxlength: 20 }],
    ]);
    if (!values) return;
    const buttons = [values.one, values.two, values.three].filter(Boolean).map((title, index) => ({ id: `option_${index + 1}`, title }));
    await send({ message_type: 'interactive', interactive: { kind: 'buttons', body: values.body, buttons } });
  }

  async function sendList() {
    const values = await ask('Send a list', [
      ['body', 'Message', { rows: 2, value: 'Com qual setor deseja falar?', required: true, maxlength: 1024 }],
      ['button', 'Button', { value: 'Escolher setor', required: true, maxlength: 20 }],
      [
        'rows',
        'Rows, one per line: title | description',
        { rows: 4, value: 'Vendas | Produtos e preços\nFinanceiro | Boletos e notas\nSuporte', required: true },
      ],
    ]);
    if (!values) return;
    const rows = values.rows
      .split('\n')
      .map((row) => row.split('|').map((part) => part.trim()))
      .filter(([title]) => title)
      .map(([title, description], index) => ({ id: `row_${index + 1}`, title, ...(description ? { description } : {}) }));
    await send({
      message_type: 'interactive',
      interactive: { kind: 'list', body: values.body, button_text: values.button, sections: [{ title: 'Opções', rows }] },
    });
  }

  async function sendLocation() {
    const values = await ask('Send a location', [
      ['name', 'Place', { value: 'Nossa loja' }],
      ['address', 'Address', { value: 'Rua Augusta, 1500, São Paulo' }],
      ['latitude', 'Latitude', { type: 'number', step: 'any', min: -90, max: 90, value: '-23.5566', required: true }],
      ['longitude', 'Longitude', { type: 'number', step: 'any', min: -180, max: 180, value: '-46.6596', required: true }],
    ]);
    if (values)
      await send({
        message_type: 'location',
        location: { ...filled(values), latitude: Number(values.latitude), longitude: Number(values.longitude) },
      });
  }

  async function sendContact() {
    const values = await ask('Send a contact', [
      ['name', 'Name', { value: 'Suporte Técnico', required: true }],
      ['phone', 'Phone', { value: '+55 11 4000-2000', required: true }],
    ]);
    if (values) await send({ message_type: 'contacts', contacts: [values] });
  }

  async function sendTemplate() {
    const values = await ask('Send a template', [
      ['name', 'Name', { value: 'pedido_pronto', required: true, hint: 'It must be approved, and known to PyTake.' }],
      ['language', 'Language', { value: 'pt_BR', required: true }],
      ['parameters', 'Body variables, one per line', { rows: 3, value: `${(nameOf(state.current) || 'Ana').split(' ')[0]}\n42` }],
    ]);
    if (!values) return;
    const parameters = values.parameters
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean);
    await send({
      message_type: 'template',
      template: { template_name: values.name, language: values.language, ...(parameters.length ? { parameters } : {}) },
    });
  }

  async function sendNote() {
    const values = await ask('Internal note', [['note', 'Only your team sees it', { rows: 3, required: true, maxlength: 4000 }]], 'Keep');
    const { id } = state.current ?? {};
    if (!values || !id) return;
    try {
      upsert(await api.post(`/conversations/${id}/messages`, { content: values.note, is_internal_note: true }));
    } catch (error) {
      toast(error.message);
    }
  }

  return {
    resume,
    async load(hello) {
      demoEmail = hello?.demo_email ?? '';
      if (!api.token) return signIn();
      return open();
    },
  };
}

function nameOf(conversation) {
  const c = conversation?.contact ?? {};
  return c.display_name ?? c.name ?? (c.username ? `@${c.username}` : null) ?? c.phone_number ?? 'Customer';
}

function preview(message) {
  if (message.is_deleted) return 'Deleted message';
  return message.content || message.payload?.body || BRIEF[message.message_type] || message.message_type || '';
}

function inOrder(messages) {
  return messages.sort((a, b) => String(a.created_at).localeCompare(String(b.created_at)) || String(a.id).localeCompare(String(b.id)));
}

function filled(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ''));
}

function sizeOf(bytes) {
  if (!bytes) return '';
  return bytes < 1_048_576 ? `${Math.max(1, Math.round(bytes / 1024))} kB` : `${(bytes / 1_048_576).toFixed(1)} MB`;
}

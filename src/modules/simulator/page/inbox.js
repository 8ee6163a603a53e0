import { io } from '/simulator/socket.io.js';
import { Api } from './api.js';
import { toast } from './dialogs.js';
import { h } from './dom.js';
import { replyComposer } from './inbox/composer.js';
import { conversationHead } from './inbox/head.js';
import { conversationList, FILTERS, PAGE } from './inbox/list.js';
import { noticeBell } from './inbox/notices.js';
import { offerCards } from './inbox/offers.js';
import { presenceChoice } from './inbox/presence.js';
import { queueBoard } from './inbox/queues.js';
import { signInForm } from './inbox/sign-in.js';
import { messageThread } from './inbox/thread.js';
import { nameOf } from './inbox/words.js';

const RANK = ['pending', 'sent', 'delivered', 'read', 'failed'];
const rank = ({ status }) => RANK.indexOf(status);

/** Two answers about one message, in whatever order they came: the row written last, and the furthest status (the socket tells that alone). */
function newest(known, news) {
  const { status, error_code, error_message } = rank(known) > rank(news) ? known : news;
  const row = news.updated_at >= known.updated_at ? { ...known, ...news } : { ...news, ...known };
  return { ...row, status, error_code, error_message };
}

/** The agent's side, over the same REST and Socket.IO that any client of PyTake uses: what is known, and what changes it. */
export function startInbox(root, { isVisible, onNews, setLive }) {
  const api = new Api((why) => signedOut(why));
  const state = {
    conversations: new Map(),
    filter: 'all',
    queue_id: '',
    department_id: '',
    search: '',
    page: 1,
    pages: 1,
    current: null,
    messages: [],
    /** Message id to what the socket said of it before it was here. */
    early: {},
    hasOlder: false,
  };
  let socket = null;
  let demoEmail = '';

  const board = queueBoard({ api, state, changed: (narrowed = true) => (narrowed ? void reload() : redraw()) });
  const offers = offerCards({ api, merge, show, queueName: board.nameOf });
  const presence = presenceChoice({ api });
  const notices = noticeBell({ api, show });
  const live = [board, offers, presence, notices];
  const list = conversationList({
    api,
    state,
    show,
    reload,
    nextPage,
    parts: { presence: presence.element, bell: notices.bell, offers: offers.element, board: board.element, home: board.home },
  });
  const composer = replyComposer({ api, state, upsert, fetchOne });
  const head = conversationHead({ api, state, merge, mergeContact, leave, sendTemplate: composer.sendTemplate, home: board.home });
  const thread = messageThread({ api, state, upsert, older, reply: composer.reply });
  const pane = h('div', { class: 'pane' });

  function signIn(why) {
    root.className = 'inbox';
    root.replaceChildren(signInForm({ api, email: demoEmail, why, enter: open }));
    setLive('off', 'Not signed in');
  }

  function signedOut(why) {
    socket?.disconnect();
    socket = null;
    state.conversations.clear();
    state.current = null;
    state.messages = [];
    thread.forget();
    signIn(why);
  }

  async function open() {
    root.className = 'inbox signed-in';
    root.replaceChildren(list.element, pane, notices.dialog);
    nothingOpen();
    connect();
    await readAnew();
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
        if (state.messages.some((m) => m.id === message.id)) upsert(message, false);
        else state.early[message.id] = { ...message, ...state.early[message.id] };
      }
      if (state.conversations.get(message.conversation_id)?.last_message?.id === message.id)
        patch(message.conversation_id, { last_message: message });
    });
    for (const name of ['conversation:new', 'conversation:updated', 'conversation:status'])
      socket.on(name, (conversation) => merge(conversation));
    for (const name of ['conversation:assigned', 'conversation:transferred'])
      socket.on(name, ({ conversation }) => conversation && merge(conversation));
    socket.on('conversation:unassigned', ({ conversation_id }) =>
      patch(conversation_id, { current_agent_id: null, assigned_agent_id: null, current_agent: null }),
    );
    socket.on('sla:warning', ({ conversation_id }) => patch(conversation_id, { sla_warned_at: new Date().toISOString() }));
    socket.on('sla:breached', ({ conversation_id }) => patch(conversation_id, { sla_breached_at: new Date().toISOString() }));
    for (const part of live) part.listen(socket);
    socket.on('contact:updated', mergeContact);
    socket.on('conversation:unread_update', ({ conversation_id, unread_count }) => patch(conversation_id, { unread_count }));
    socket.on('conversation:window_expiring', ({ conversation_id, window_expires_at }) => patch(conversation_id, { window_expires_at }));
  }

  /** An offer names its queue once. */
  async function readAnew() {
    await Promise.all([board.load().then(offers.load), reload(), presence.load(), notices.load()]);
  }

  async function catchUp() {
    await readAnew();
    if (state.current) await show(state.current.id, true);
  }

  function arrived(message) {
    const id = message.conversation_id;
    const incoming = message.direction === 'incoming';
    const known = state.conversations.get(id);
    // A note is for the team: the list goes on showing what was said last.
    const said = message.direction === 'internal' ? {} : { last_message: message, last_message_at: message.created_at };
    const change = { ...said, ...(message.conversation ?? {}) };
    if (incoming)
      Object.assign(change, {
        is_window_open: true,
        window_expires_at: new Date(Date.parse(message.created_at) + 86_400_000).toISOString(),
      });
    if (known) merge({ ...known, ...change, id });
    // Whose it is now, the event says by id only.
    if (change.current_agent_id !== known?.current_agent_id || !known) void fetchOne(id);
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
      thread.draw();
      if (status === 'failed') askWhy(message_id);
    } else if (conversation_id === state.current?.id) state.early[message_id] = { ...state.early[message_id], status, error_code };
    const last = state.conversations.get(conversation_id)?.last_message;
    if (last?.id === message_id) {
      apply(last);
      list.draw();
    }
  }

  /** The event has the code, the message the sentence. */
  function askWhy(message_id) {
    void api
      .get(`/whatsapp/messages/${message_id}`)
      .then((message) => upsert(message, false))
      .catch(() => undefined);
  }

  // Conversations

  /** The filters as the API takes them. */
  function wanted() {
    const { filter, ...narrow } = {
      filter: state.filter,
      queue_id: state.queue_id,
      department_id: state.department_id,
      search: state.search,
    };
    const words = Object.entries(narrow).filter(([, value]) => value);
    return FILTERS.find(([id]) => id === filter)[2] + words.map(([name, value]) => `&${name}=${encodeURIComponent(value)}`).join('');
  }

  /** A page of the list as filtered now; null: it is filtered another way since. */
  async function ask(page) {
    const asked = wanted();
    const answer = await api.get(`/conversations?limit=${PAGE}&page=${page}${asked}`);
    return asked === wanted() ? answer : null;
  }

  async function reload() {
    try {
      const answer = await ask(1);
      if (!answer) return;
      state.conversations = new Map(answer.items.map((c) => [c.id, c]));
      state.page = 1;
      state.pages = answer.total_pages;
      list.draw();
    } catch (error) {
      if (api.token) toast(error.message);
    }
  }

  async function nextPage() {
    try {
      const page = state.page + 1;
      if (page > state.pages) {
        // What came by itself is here already.
        state.page = page;
        return list.draw();
      }
      const answer = await ask(page);
      if (!answer) return;
      state.page = page;
      for (const conversation of answer.items) state.conversations.set(conversation.id, conversation);
      list.draw();
    } catch (error) {
      toast(error.message);
    }
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
    // What is open stays in sight, whatever becomes of it.
    const stays = known && state.current?.id === next.id;
    if (stays || (fits(next) && (known || isFound(next)))) state.conversations.set(next.id, next);
    else state.conversations.delete(next.id);
    if (state.current?.id === next.id) {
      state.current = { ...state.current, ...conversation };
      drawHead();
    }
    list.draw();
  }

  /** A contact changed: its conversations show it. */
  function mergeContact({ id, name, display_name, phone_number, is_blocked, is_vip }) {
    const news = { name, display_name, phone_number, is_blocked, is_vip };
    const known = [...state.conversations.values(), ...(state.current ? [state.current] : [])];
    for (const conversation of known)
      if (conversation.contact?.id === id) merge({ id: conversation.id, contact: { ...conversation.contact, ...news } });
  }

  function patch(id, change) {
    const known = state.conversations.get(id) ?? (state.current?.id === id ? state.current : null);
    if (known) merge({ ...known, ...change });
  }

  /** Whether a conversation belongs in the list as filtered. */
  function fits(conversation) {
    if (conversation.is_archived) return false;
    if (state.queue_id && conversation.queue_id !== state.queue_id) return false;
    if (state.department_id && conversation.department_id !== state.department_id) return false;
    if (state.filter === 'waiting') return conversation.is_queued;
    if (state.filter === 'active') return ['open', 'pending'].includes(conversation.status);
    if (state.filter === 'me') return conversation.current_agent_id === api.session?.user?.id;
    if (state.filter === 'unread') return conversation.unread_count > 0;
    return true;
  }

  /** Of one nobody asked the server about: whether it is what is searched. */
  function isFound(conversation) {
    const words = `${nameOf(conversation)} ${conversation.contact?.phone_number ?? ''}`.toLowerCase();
    return words.includes(state.search.toLowerCase());
  }

  // A conversation

  async function show(id, again = false) {
    if (!again) {
      const before = state.current?.id;
      state.current = state.conversations.get(id) ?? { id };
      state.messages = [];
      state.hasOlder = false;
      state.early = {};
      root.classList.add('reading');
      pane.replaceChildren(head.element, thread.element, head.notice, composer.quote, composer.element);
      composer.turn(before, id);
      thread.loading();
      drawHead();
      list.draw();
      if (matchMedia('(min-width: 900px)').matches) composer.focus();
    }
    try {
      const [conversation, answer] = await Promise.all([
        api.get(`/conversations/${id}`),
        api.get(`/conversations/${id}/messages?limit=50&sort=created_at:desc`),
      ]);
      if (state.current?.id !== id) return;
      // What came by socket while we were asking stays, and may be newer than the answer; after a cut line, messages may be missing before it.
      const live = state.messages.filter((m) => !answer.items.some((known) => known.id === m.id));
      const items = answer.items.map((item) => {
        const known = state.messages.find((m) => m.id === item.id);
        return withEarly(known ? newest(known, item) : item);
      });
      state.messages = inOrder([...items, ...(again ? [] : live)]);
      state.hasOlder = answer.items.length === 50;
      merge(conversation);
      thread.draw(true);
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
      thread.drawAbove();
    } catch (error) {
      toast(error.message);
    } finally {
      state.loadingOlder = false;
    }
  }

  /** With what the socket said of it before it was here. */
  function withEarly(message) {
    const early = state.early[message.id];
    delete state.early[message.id];
    if (early?.status === 'failed') askWhy(message.id);
    return early ? newest(message, early) : message;
  }

  function upsert(message, toEnd = message.direction === 'outgoing') {
    const known = state.messages.find((m) => m.id === message.id);
    const others = state.messages.filter((m) => m !== known);
    state.messages = inOrder([...others, withEarly(known ? newest(known, message) : message)]);
    thread.draw(toEnd);
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

  /** What conversations are called by has other words. */
  function redraw() {
    list.draw();
    drawHead();
  }

  function drawHead() {
    head.draw();
    composer.draw();
  }

  function leave() {
    composer.turn(state.current?.id, null);
    state.current = null;
    nothingOpen();
    list.draw();
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

function inOrder(messages) {
  return messages.sort((a, b) => String(a.created_at).localeCompare(String(b.created_at)) || String(a.id).localeCompare(String(b.id)));
}

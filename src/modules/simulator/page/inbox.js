import { Api } from './api.js';
import { toast } from './dialogs.js';
import { h } from './dom.js';
import { replyComposer } from './inbox/composer.js';
import { knownConversations } from './inbox/conversations.js';
import { detailsPanel } from './inbox/details.js';
import { listFilters } from './inbox/filters.js';
import { conversationHead } from './inbox/head.js';
import { conversationList } from './inbox/list.js';
import { liveLine } from './inbox/live.js';
import { climb, knownMessages } from './inbox/messages.js';
import { noticeBell } from './inbox/notices.js';
import { offerCards } from './inbox/offers.js';
import { presenceChoice } from './inbox/presence.js';
import { queueBoard } from './inbox/queues.js';
import { messageSearch } from './inbox/search.js';
import { signInForm } from './inbox/sign-in.js';
import { tagBook } from './inbox/tags.js';
import { colleagues } from './inbox/team.js';
import { messageThread } from './inbox/thread.js';
import { typingNews } from './inbox/typing.js';

/** The agent's side, over the same REST and Socket.IO that any client of PyTake uses: its parts, and what passes between them. */
export function startInbox(root, { isVisible, onNews, setLive }) {
  const api = new Api((why) => signedOut(why));
  const state = {
    conversations: new Map(),
    /** By the names the API has for them. */
    filters: {},
    search: '',
    page: 1,
    pages: 1,
    current: null,
    messages: [],
    /** Message id to what the socket said of it before it was here. */
    early: {},
    hasOlder: false,
    hasNewer: false,
  };
  let demoEmail = '';

  const line = liveLine({ api, setLive, hear, back: catchUp });
  const filters = listFilters({ api, state, changed: () => (board.draw(), reload(), found.again()) });
  const conversations = knownConversations({
    api,
    state,
    filters,
    drawn: (id) => (list.draw(), id && id === state.current?.id && drawPane()),
  });
  const { reload, fetchOne, merge, mergeContact, patch } = conversations;
  const board = queueBoard({ api, state, offer: filters.offer, changed: redraw, narrowed: reload });
  const team = colleagues({ api, changed: teamChanged });
  const tags = tagBook({ api, changed: redraw, mergeContact });
  const typing = typingNews({ say: line.say, state, changed: redraw });
  const offers = offerCards({ api, merge, show, queueName: board.nameOf });
  const presence = presenceChoice({ api });
  const notices = noticeBell({ api, show });
  const found = messageSearch({ api, state, show, drawn: () => list.draw() });
  const list = conversationList({
    api,
    state,
    show,
    search: (conversation) => (void reload(), void found.find(conversation)),
    nextPage: conversations.nextPage,
    found: found.rows,
    parts: { presence, bell: notices.bell, offers, filters, board, team, tags, typing },
  });
  const thread = messageThread({
    api,
    state,
    team,
    board,
    upsert: (...message) => messages.upsert(...message),
    older: () => messages.older(),
    newer: () => messages.newer(),
    reply: (message) => composer.reply(message),
  });
  const messages = knownMessages({ api, state, thread });
  const composer = replyComposer({ api, state, team, typing, upsert: messages.upsert, fetchOne });
  const head = conversationHead({
    api,
    state,
    team,
    board,
    typing,
    merge,
    mergeContact,
    leave,
    sendTemplate: composer.sendTemplate,
    details: (open) => details.toggle(open),
    searchWithin: (conversation) => (root.classList.remove('reading'), list.searchWithin(conversation)),
  });
  const details = detailsPanel({ api, state, team, tags, board, merge, mergeContact, transfer: head.transfer });
  const live = [board, offers, presence, notices, team, typing];
  const talk = h('div', { class: 'talk' }, thread.element, head.notice, composer.parts, details.element);
  const pane = h('div', { class: 'pane' });
  pane.addEventListener('dragover', (event) => event.preventDefault());
  pane.addEventListener('drop', (event) => {
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file && state.current) void composer.upload(file);
  });

  function signIn(why) {
    root.className = 'inbox';
    root.replaceChildren(signInForm({ api, email: demoEmail, why, enter: open }));
    setLive('off', 'Not signed in');
  }

  function signedOut(why) {
    line.close();
    state.conversations.clear();
    state.current = null;
    messages.forget();
    thread.forget();
    signIn(why);
  }

  async function open() {
    root.className = 'inbox signed-in';
    root.replaceChildren(list.element, pane, notices.dialog);
    nothingOpen();
    line.open();
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

  function hear(socket) {
    socket.on('message:new', arrived);
    socket.on('message:status', (change) => {
      messages.statusChanged(change);
      const last = state.conversations.get(change.conversation_id)?.last_message;
      if (last?.id !== change.message_id) return;
      climb(last, change);
      list.draw();
    });
    socket.on('message:updated', (message) => {
      messages.updated(message);
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
    socket.on('contact:updated', (contact) => (tags.learn(contact.tag_details), mergeContact(contact)));
    socket.on('conversation:unread_update', ({ conversation_id, unread_count }) => patch(conversation_id, { unread_count }));
    socket.on('conversation:window_expiring', ({ conversation_id, window_expires_at }) => patch(conversation_id, { window_expires_at }));
    socket.on('conversation:rated', ({ conversation_id, rating, rating_comment, rated_at }) =>
      patch(conversation_id, { rating, rating_comment, rated_at }),
    );
    for (const part of live) part.listen(socket);
  }

  /** An offer names its queue once. */
  async function readAnew() {
    await Promise.all([board.load().then(offers.load), reload(), ...[presence, notices, team, tags, filters].map((part) => part.load())]);
  }

  async function catchUp() {
    await readAnew();
    if (state.current) await show(state.current.id, { again: true });
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
    typing.over(id, incoming ? message.contact_id : message.sender_user_id);
    if (known) merge({ ...known, ...change, id });
    // Whose it is now, the event says by id only.
    if (change.current_agent_id !== known?.current_agent_id || !known) void fetchOne(id);
    if (id === state.current?.id) {
      messages.upsert(message);
      if (incoming && reading()) markRead();
    }
    if (incoming && !(isVisible() && id === state.current?.id)) onNews();
  }

  // A conversation

  /** `at`: a message in it that was looked for; `again`: it is open, and read anew. */
  async function show(id, { at = null, again = false } = {}) {
    if (!again) root.classList.add('reading');
    if (at && id === state.current?.id) return void messages.load(id, { at }).catch((error) => toast(error.message));
    if (!again) {
      const before = state.current?.id;
      state.current = state.conversations.get(id) ?? { id };
      messages.forget();
      pane.replaceChildren(head.element, talk);
      composer.turn(before, id);
      typing.turn(before, id);
      thread.loading();
      drawPane();
      list.draw();
      if (matchMedia('(min-width: 900px)').matches) composer.focus();
    }
    try {
      const [conversation, items] = await Promise.all([api.get(`/conversations/${id}`), messages.load(id, { at, again })]);
      if (!items || state.current?.id !== id) return;
      merge(conversation);
      if (conversation.unread_count > 0 && !state.hasNewer && reading()) markRead();
    } catch (error) {
      if (api.token) toast(error.message);
    }
  }

  const reading = () => isVisible() && document.visibilityState === 'visible';

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
    drawPane();
  }

  function teamChanged() {
    filters.offer(
      'assigned_to',
      team.others().map(({ id, full_name }) => [id, full_name]),
    );
    redraw();
  }

  function drawPane() {
    head.draw();
    composer.draw();
    details.draw();
    thread.follow();
  }

  function leave() {
    composer.turn(state.current?.id, null);
    typing.turn(state.current?.id, null);
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

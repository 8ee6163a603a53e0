import { toast } from '../dialogs.js';

/** Messages to a page of the thread, and so many on either side of one that was looked for. */
const PAGE = 50;
const AROUND = 25;

const RANK = ['pending', 'sent', 'delivered', 'read', 'failed'];
const rank = ({ status }) => RANK.indexOf(status);

/** The messages of the open conversation: what is known of them, from where to where. */
export function knownMessages({ api, state, thread }) {
  let asking = null;
  let loadingMore = false;
  const path = (id, query) => `/conversations/${id}/messages?${query}`;

  function forget() {
    state.messages = [];
    state.early = {};
    state.hasOlder = state.hasNewer = false;
  }

  /** The newest, or with `at` those around one. null: another conversation is open by now. */
  async function load(id, { at = null, again = false } = {}) {
    const asked = (asking = {});
    const { items, hasOlder, hasNewer } = at ? await around(id, at) : await newest(id);
    if (state.current?.id !== id || asking !== asked) return null;
    // What came by socket while we were asking stays, and may be newer than the answer; after a cut line, messages may be missing before it.
    const ids = new Set(items.map((m) => m.id));
    const live = again || hasNewer ? [] : state.messages.filter((m) => !ids.has(m.id));
    const read = items.map((item) => {
      const known = state.messages.find((m) => m.id === item.id);
      return withEarly(known ? latest(known, item) : item);
    });
    state.messages = inOrder([...read, ...live]);
    Object.assign(state, { hasOlder, hasNewer });
    if (at) thread.reveal(at);
    else thread.draw(true);
    return items;
  }

  async function newest(id) {
    const { items } = await api.get(path(id, `limit=${PAGE}&sort=created_at:desc`));
    return { items, hasOlder: items.length === PAGE, hasNewer: false };
  }

  async function around(id, at) {
    const [before, message, after] = await Promise.all([
      api.get(path(id, `limit=${AROUND}&sort=created_at:desc&before=${at}`)),
      api.get(`/whatsapp/messages/${at}`),
      api.get(path(id, `limit=${AROUND}&sort=created_at:asc&after=${at}`)),
    ]);
    return {
      items: [...before.items, message, ...after.items],
      hasOlder: before.items.length === AROUND,
      hasNewer: after.items.length === AROUND,
    };
  }

  const older = () => more('desc', 'before', state.messages[0], (full) => ((state.hasOlder = full), thread.drawAbove()));
  const newer = () => more('asc', 'after', state.messages.at(-1), (full) => ((state.hasNewer = full), thread.drawBelow()));

  async function more(order, side, edge, done) {
    const { id } = state.current ?? {};
    if (!edge || !id || loadingMore) return;
    loadingMore = true;
    try {
      const { items } = await api.get(path(id, `limit=${PAGE}&sort=created_at:${order}&${side}=${edge.id}`));
      if (state.current?.id !== id || !state.messages.includes(edge)) return;
      const known = new Set(state.messages.map((m) => m.id));
      state.messages = inOrder([...items.filter((m) => !known.has(m.id)), ...state.messages]);
      done(items.length === PAGE);
    } catch (error) {
      toast(error.message);
    } finally {
      loadingMore = false;
    }
  }

  /** With what the socket said of it before it was here. */
  function withEarly(message) {
    const early = state.early[message.id];
    delete state.early[message.id];
    if (early?.status === 'failed') askWhy(message.id);
    return early ? latest(message, early) : message;
  }

  function upsert(message, toEnd = message.direction === 'outgoing') {
    // An answer may come when another conversation is open.
    if (message.conversation_id !== state.current?.id) return;
    const known = state.messages.find((m) => m.id === message.id);
    // Between what is shown and this one messages are missing: who writes goes to the end, who reads stays.
    if (!known && state.hasNewer) return toEnd ? void load(message.conversation_id).catch((error) => toast(error.message)) : undefined;
    const others = state.messages.filter((m) => m !== known);
    state.messages = inOrder([...others, withEarly(known ? latest(known, message) : message)]);
    thread.draw(toEnd);
  }

  /** Edited, deleted, reacted to, or its file is here. */
  function updated(message) {
    if (message.conversation_id !== state.current?.id) return;
    if (state.messages.some((m) => m.id === message.id)) upsert(message, false);
    else state.early[message.id] = { ...message, ...state.early[message.id] };
  }

  function statusChanged({ message_id, conversation_id, status, error_code, error_message }) {
    if (conversation_id !== state.current?.id) return;
    const message = state.messages.find((m) => m.id === message_id);
    if (!message) return void (state.early[message_id] = { ...state.early[message_id], status, error_code });
    climb(message, { status, error_code, error_message });
    thread.draw();
    if (status === 'failed') askWhy(message_id);
  }

  /** The event has the code, the message the sentence. */
  function askWhy(message_id) {
    void api
      .get(`/whatsapp/messages/${message_id}`)
      .then((message) => upsert(message, false))
      .catch(() => undefined);
  }

  return { forget, load, older, newer, upsert, updated, statusChanged };
}

/** Statuses may overtake each other; the way leads up only. */
export function climb(message, { status, error_code, error_message }) {
  if (status === 'failed' || message.status === 'failed' || RANK.indexOf(status) > rank(message))
    Object.assign(message, { status, error_code, error_message });
}

/** Two answers about one message, in whatever order they came: the row written last, and the furthest status (the socket tells that alone). */
function latest(known, news) {
  const { status, error_code, error_message } = rank(known) > rank(news) ? known : news;
  const row = news.updated_at >= known.updated_at ? { ...known, ...news } : { ...news, ...known };
  return { ...row, status, error_code, error_message };
}

function inOrder(messages) {
  return messages.sort((a, b) => String(a.created_at).localeCompare(String(b.created_at)) || String(a.id).localeCompare(String(b.id)));
}

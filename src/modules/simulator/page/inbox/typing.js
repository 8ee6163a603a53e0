/** How often who goes on writing says so, and how long it is believed: PyTake ends it after 10 s. */
const AGAIN_MS = 5_000;
const BELIEVED_MS = 12_000;

/** Who writes where: told to the others of the team (and the customer, where WhatsApp can show it), and heard of them. */
export function typingNews({ say, state, changed }) {
  /** Conversation id to who writes there: their id to name and timer. */
  const writers = new Map();
  let mine = null;

  function listen(socket) {
    socket.on('typing', ({ conversation_id, actor, contact_id, contact_name, user_id, user_name, typing }) =>
      heard(
        conversation_id,
        actor === 'contact' ? contact_id : user_id,
        (actor === 'contact' ? contact_name : user_name) ?? 'Somebody',
        typing,
      ),
    );
    // A new line is in no room yet.
    socket.on('connect', () => state.current && say('join_conversation', { conversation_id: state.current.id }));
  }

  function heard(conversation_id, id, name, typing) {
    const here = writers.get(conversation_id) ?? new Map();
    clearTimeout(here.get(id)?.timer);
    if (typing) here.set(id, { name, timer: setTimeout(() => heard(conversation_id, id, name, false), BELIEVED_MS) });
    else here.delete(id);
    if (here.size) writers.set(conversation_id, here);
    else writers.delete(conversation_id);
    changed();
  }

  /** `Ana is typing…`; null: nobody is. */
  function wordsOf(conversation_id) {
    const names = [...(writers.get(conversation_id)?.values() ?? [])].map(({ name }) => name);
    if (!names.length) return null;
    return names.length === 1 ? `${names[0]} is typing…` : `${names.length} people are typing…`;
  }

  /** A message came: who sent it writes no longer. */
  const over = (conversation_id, id) => writers.get(conversation_id)?.has(id) && heard(conversation_id, id, '', false);

  function turn(from, to) {
    stop();
    if (from) say('leave_conversation', { conversation_id: from });
    if (to) say('join_conversation', { conversation_id: to });
  }

  function start() {
    const { id } = state.current ?? {};
    if (!id || (mine?.id === id && Date.now() - mine.at < AGAIN_MS)) return;
    mine = { id, at: Date.now() };
    say('typing_start', { conversation_id: id });
  }

  function stop() {
    if (mine) say('typing_stop', { conversation_id: mine.id });
    mine = null;
  }

  return { listen, wordsOf, over, turn, start, stop };
}

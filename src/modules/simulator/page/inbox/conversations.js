import { toast } from '../dialogs.js';
import { nameOf } from './words.js';

/** Conversations to a page of the list. */
export const PAGE = 50;

/** The conversations that are known, by the API's answers and by what the socket tells; `drawn` is called after each change. */
export function knownConversations({ api, state, filters, drawn }) {
  function wanted() {
    return `${filters.query()}${state.search ? `&search=${encodeURIComponent(state.search)}` : ''}`;
  }

  /** A page of the list as narrowed now; null: it is narrowed another way since. */
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
      drawn();
    } catch (error) {
      if (api.token) toast(error.message);
    }
  }

  async function nextPage() {
    try {
      const page = state.page + 1;
      // What came by itself is here already.
      const answer = page > state.pages ? { items: [] } : await ask(page);
      if (!answer) return;
      state.page = page;
      for (const conversation of answer.items) state.conversations.set(conversation.id, conversation);
      drawn();
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
    if (stays || (filters.fits(next) && (known || isFound(next)))) state.conversations.set(next.id, next);
    else state.conversations.delete(next.id);
    if (state.current?.id === next.id) state.current = { ...state.current, ...conversation };
    drawn(next.id);
  }

  /** A contact changed: its conversations show it. */
  function mergeContact({ id, name, display_name, phone_number, email, is_blocked, is_vip, tags }) {
    const news = { name, display_name, phone_number, email, is_blocked, is_vip, tags };
    const known = [...state.conversations.values(), ...(state.current ? [state.current] : [])];
    for (const conversation of known)
      if (conversation.contact?.id === id) merge({ id: conversation.id, contact: { ...conversation.contact, ...news } });
  }

  /** What the socket says of a conversation in part. */
  function patch(id, change) {
    const known = state.conversations.get(id) ?? (state.current?.id === id ? state.current : null);
    if (known) merge({ ...known, ...change });
  }

  /** Of one nobody asked the server about: whether it is what is searched. */
  function isFound(conversation) {
    const words = `${nameOf(conversation)} ${conversation.contact?.phone_number ?? ''}`.toLowerCase();
    return words.includes(state.search.toLowerCase());
  }

  return { reload, nextPage, fetchOne, merge, mergeContact, patch };
}

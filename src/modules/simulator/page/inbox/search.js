import { toast } from '../dialogs.js';
import { h, listTimeOf } from '../dom.js';
import { nameOf, senderOf } from './words.js';

const PAGE = 10;
const LEAST = 2;

/** The messages in which the searched words stand, below the conversations that are called so. */
export function messageSearch({ api, state, show, drawn }) {
  let found = [];
  let cursor = null;
  let within = null;

  /** `conversation`: in that one only. */
  async function find(conversation = null) {
    within = conversation;
    found = [];
    cursor = null;
    drawn();
    if (state.search.length >= LEAST) await more();
  }

  async function more() {
    const asked = [state.search, within?.id].join();
    const query = new URLSearchParams({
      search: state.search,
      limit: String(PAGE),
      ...(within && { conversation_id: within.id }),
      ...(state.filters.whatsapp_number_id && { whatsapp_number_id: state.filters.whatsapp_number_id }),
      ...(cursor && { cursor }),
    });
    try {
      const { items, next_cursor } = await api.get(`/whatsapp/messages/search?${query}`);
      // Typed on meanwhile: the next answer is the right one.
      if (asked !== [state.search, within?.id].join()) return;
      found = [...found, ...items];
      cursor = next_cursor ?? null;
      drawn();
    } catch (error) {
      if (api.token) toast(error.message);
    }
  }

  /** As the list shows them: a heading, what was found, and more of it. */
  function rows() {
    const short = state.search.length < LEAST;
    if (!within && (short || !found.length)) return [];
    return [
      h('li', { class: 'found-head' }, h('h3', {}, within ? `Messages with ${nameOf(within)}` : 'Messages')),
      ...found.map(row),
      found.length ? '' : h('li', { class: 'empty-list' }, short ? 'Write two letters or more.' : 'Nothing found.'),
      cursor ? h('li', {}, h('button', { type: 'button', class: 'ghost more', onclick: () => void more() }, 'More messages')) : '',
    ];
  }

  function row(message) {
    const { id, conversation_id, contact, snippet, created_at, direction } = message;
    return h(
      'li',
      {},
      h(
        'button',
        {
          type: 'button',
          class: 'conversation found',
          'data-unread': '0',
          'data-id': id,
          'data-testid': 'found-message',
          onclick: () => show(conversation_id, { at: id }),
        },
        h(
          'span',
          { class: 'middle' },
          h('span', { class: 'line1' }, h('b', { class: 'ellipsis' }, contact.display_name), h('time', {}, listTimeOf(created_at))),
          h(
            'span',
            { class: 'snippet', 'data-testid': 'snippet' },
            direction === 'outgoing' && `${senderOf(message, api.session?.user?.id)}: `,
            marked(snippet),
          ),
        ),
      ),
    );
  }

  return { find, again: () => void find(within), rows };
}

const LETTERS = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" };
const plain = (html) => html.replace(/&(?:amp|lt|gt|quot|#39);/g, (letter) => LETTERS[letter]);

/** The API's snippet, text with `<mark>`, as nodes: it is taken apart, never read as HTML. */
function marked(snippet) {
  return snippet.split(/<mark>([\s\S]*?)<\/mark>/).map((part, index) => (index % 2 ? h('mark', {}, plain(part)) : plain(part)));
}

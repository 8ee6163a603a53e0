import { toast } from '../dialogs.js';
import { h } from '../dom.js';
import { until } from './clocks.js';
import { nameOf } from './words.js';

/** Held out at a time; the others follow when one of these is answered. */
const SHOWN = 3;

/** Conversations that are held out to who is signed in, above the list. */
export function offerCards({ api, merge, show, queueName }) {
  const offers = new Map();
  const element = h('section', { class: 'offers', 'aria-label': 'Offers', 'aria-live': 'polite', hidden: true });

  async function load() {
    try {
      const { items } = await api.get('/queue/offers?limit=20');
      offers.clear();
      element.replaceChildren();
      await Promise.all(items.map(({ id, ...offer }) => arrived({ offer_id: id, ...offer })));
      draw();
    } catch (error) {
      // Who only looks on is offered nothing.
      if (error.status === 403) for (const id of [...offers.keys()]) ended(id);
      else if (api.token) toast(error.message);
    }
  }

  async function arrived(offer) {
    if (offer.agent_id !== api.session?.user?.id) return;
    offers.set(offer.offer_id, { ...offer, card: null });
    const conversation = await api.get(`/conversations/${offer.conversation_id}`).catch(() => null);
    // It may have ended while we asked.
    const held = offers.get(offer.offer_id);
    if (!held) return;
    held.card = card(offer, conversation);
    draw();
  }

  function ended(id) {
    offers.get(id)?.card?.remove();
    offers.delete(id);
    draw();
  }

  function listen(socket) {
    socket.on('queue:offer', (offer) => void arrived(offer));
    socket.on('queue:offer_ended', ({ offer_id }) => ended(offer_id));
  }

  /** Cards that stand stay where they are: the keyboard may be on one. */
  function draw() {
    const cards = [...offers.values()].flatMap(({ card }) => card ?? []).slice(0, SHOWN);
    for (const card of cards) if (!card.isConnected) element.append(card);
    element.hidden = cards.length === 0;
  }

  function card({ offer_id, conversation_id, queue_id, expires_at }, conversation) {
    const answer = (verb, done) => async () => {
      for (const button of element.querySelectorAll('button')) button.disabled = true;
      try {
        const answered = await api.post(`/queue/offers/${offer_id}/${verb}`);
        ended(offer_id);
        done?.(answered);
      } catch (error) {
        toast(error.message);
        if (error.status === 409 || error.status === 404) ended(offer_id);
      } finally {
        for (const button of element.querySelectorAll('button')) button.disabled = false;
      }
    };
    const button = (label, verb, className, done) =>
      h('button', { type: 'button', class: `${className} small`, 'data-testid': `offer-${verb}`, onclick: answer(verb, done) }, label);
    return h(
      'article',
      { class: 'offer', 'data-testid': 'offer', 'data-id': offer_id },
      h(
        'div',
        { class: 'titles' },
        h('b', { class: 'ellipsis' }, nameOf(conversation)),
        h(
          'small',
          {},
          queueName(queue_id) ?? 'Offered to you',
          ' · ',
          until(expires_at, () => ended(offer_id)),
          ' left',
        ),
      ),
      h(
        'div',
        { class: 'answers' },
        button('Decline', 'decline', 'ghost'),
        button('Accept', 'accept', 'primary', (mine) => {
          merge(mine);
          void show(conversation_id);
        }),
      ),
    );
  }

  return { element, load, listen };
}

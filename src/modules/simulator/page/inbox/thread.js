import { menu, REACTIONS, toast } from '../dialogs.js';
import { avatar, dayOf, h, icon, sticky, ticks, timeOf } from '../dom.js';
import { rich } from '../rich.js';
import { happenings } from './events.js';
import { withMentions } from './mentions.js';
import { BRIEF, nameOf, preview, senderOf } from './words.js';

const REVEALED_MS = 3_000;

/** The messages of the open conversation. */
export function messageThread({ api, state, team, board, upsert, older, newer, reply }) {
  const element = h('div', {
    class: 'thread',
    role: 'log',
    tabindex: '0',
    'aria-label': 'Messages of the conversation',
    'data-testid': 'thread',
  });
  /** Media id to its address here, or to the promise of one. */
  const files = new Map();
  let revealed = null;
  /** What had happened besides messages when it was drawn. */
  let drawn = '';
  const printOf = (conversation) =>
    `${conversation?.id} ${conversation?.transfers?.at(-1)?.transferred_at} ${conversation?.rated_at} ${conversation?.rating_comment}`;
  const stick = sticky(element);
  element.addEventListener('scroll', () => {
    const { scrollTop, scrollHeight, clientHeight } = element;
    if (scrollTop < 40 && state.hasOlder) void older();
    else if (scrollHeight - scrollTop - clientHeight < 40 && state.hasNewer) void newer();
  });

  function loading() {
    element.replaceChildren(h('div', { class: 'loading' }, 'Loading…'));
  }

  function draw(toEnd = false) {
    const nodes = [];
    if (state.hasOlder) nodes.push(h('button', { type: 'button', class: 'ghost more', onclick: older }, 'Older messages'));
    let day = '';
    const add = (at, node) => {
      const on = dayOf(at);
      if (on !== day) nodes.push(h('div', { class: 'day' }, (day = on)));
      nodes.push(node);
    };
    drawn = printOf(state.current);
    const happened = shownHappenings();
    for (const message of state.messages) {
      while (happened[0]?.at < message.created_at) add(happened[0].at, happened.shift().node());
      add(message.created_at, bubble(message));
    }
    for (const { at, node } of happened) add(at, node());
    if (state.hasNewer) nodes.push(h('button', { type: 'button', class: 'ghost more', onclick: newer }, 'Newer messages'));
    if (!nodes.length) nodes.push(h('div', { class: 'empty' }, h('p', {}, 'No messages yet.')));
    element.replaceChildren(...nodes);
    if (toEnd) stick.end();
    else stick.redrawn();
  }

  /** What happened from the oldest to the newest message that is shown. */
  function shownHappenings() {
    const [first, last] = [state.messages[0]?.created_at, state.messages.at(-1)?.created_at];
    return happenings(state.current ?? {}, { team, board }).filter(
      ({ at }) => !(state.hasOlder && at < first) && !(state.hasNewer && at > last),
    );
  }

  /** The conversation is another: what happened to it stands among its messages. */
  function follow() {
    if (state.messages.length && drawn !== printOf(state.current)) draw();
  }

  /** Draws what was put behind without moving what is being read. */
  function drawBelow() {
    stick.away();
    draw();
  }

  /** Shows a message that was looked for, and for a moment which one it is. */
  function reveal(id) {
    stick.away();
    revealed = id;
    draw();
    element.querySelector(`[data-id="${id}"]`)?.scrollIntoView({ block: 'center' });
    setTimeout(() => revealed === id && ((revealed = null), draw()), REVEALED_MS);
  }

  /** Draws what was put in front without moving what is being read. */
  function drawAbove() {
    const from = element.scrollHeight - element.scrollTop;
    draw();
    element.scrollTop = element.scrollHeight - from;
  }

  function forget() {
    for (const url of files.values()) void Promise.resolve(url).then((known) => known && URL.revokeObjectURL(known));
    files.clear();
  }

  /** A failed message once more, as a new one. */
  const again = (m) => async (event) => {
    event.currentTarget.disabled = true;
    try {
      const sent = await api.post(`/whatsapp/messages/${m.id}/resend`);
      upsert({ ...m, resent_as_id: sent.id });
      upsert(sent);
    } catch (error) {
      toast(error.message);
      draw();
    }
  };

  function bubble(m) {
    const out = m.direction === 'outgoing';
    const me = api.session?.user?.id;
    const side = m.direction === 'internal' ? 'note' : out ? 'out' : 'in';
    const quoted = m.reply_to_message_id && state.messages.find((known) => known.id === m.reply_to_message_id);
    if (m.message_type === 'system')
      return h('div', { class: 'day', 'data-testid': 'thread-message' }, m.content ?? m.payload?.body ?? 'System');
    return h(
      'div',
      {
        class: `bubble ${side} kind-${m.message_type} ${m.id === revealed ? 'found-here' : ''}`,
        'data-testid': 'thread-message',
        'data-id': m.id,
        'data-direction': m.direction,
        'data-status': m.status,
      },
      out && h('span', { class: 'sender', 'data-testid': 'sender' }, senderOf(m, me)),
      m.direction === 'internal' && h('span', { class: 'sender' }, `Internal note · ${senderOf(m, me)}`),
      m.forwarded && h('span', { class: 'sender' }, 'Forwarded'),
      quoted &&
        h(
          'div',
          { class: 'quoted' },
          h('b', {}, quoted.direction === 'outgoing' ? senderOf(quoted, me) : nameOf(state.current)),
          h('span', {}, preview(quoted)),
        ),
      m.is_deleted ? h('p', { class: 'deleted' }, 'This message was deleted') : content(m),
      m.error_code && m.status === 'failed' && h('p', { class: 'error' }, m.error_message ?? m.error_code),
      out &&
        m.status === 'failed' &&
        (m.resent_as_id
          ? h('small', { class: 'soft' }, 'Sent again below')
          : h('button', { type: 'button', class: 'ghost small', 'data-testid': 'resend', onclick: again(m) }, 'Send again')),
      h('span', { class: 'meta' }, m.edited_at && 'edited ', timeOf(m.created_at), out && ticks(m.status)),
      (m.reactions ?? []).length > 0 &&
        h(
          'span',
          { class: 'reaction', 'data-testid': 'reaction', title: m.reactions.map(reactedBy).join(', ') },
          m.reactions.map((r) => r.emoji),
        ),
      m.direction !== 'internal' &&
        m.whatsapp_message_id &&
        !m.is_deleted &&
        h(
          'button',
          {
            type: 'button',
            class: 'bubble-more',
            'aria-label': 'Message actions',
            'aria-haspopup': 'menu',
            'data-testid': 'message-actions',
            onclick: ({ currentTarget }) => actions(currentTarget, m),
          },
          icon('down'),
        ),
    );
  }

  const reactedBy = ({ from, user_id, emoji }) =>
    `${emoji} ${from === 'contact' ? nameOf(state.current) : (team.called(user_id) ?? 'the business')}`;

  function actions(anchor, m) {
    // The business has one reaction, whoever of the team gave it.
    const given = m.reactions?.find(({ from }) => from === 'business')?.emoji;
    const react = async (emoji) => {
      try {
        upsert(await api.post(`/whatsapp/messages/${m.id}/reactions`, { emoji }), false);
      } catch (error) {
        toast(error.message);
      }
    };
    menu(
      anchor,
      [['Reply', 'reply', () => reply(m), 'reply']],
      REACTIONS.map((emoji) => [emoji, () => void react(emoji === given ? '' : emoji), emoji === given]),
    );
  }

  function content(m) {
    const p = m.payload ?? {};
    if (m.direction === 'internal') {
      const { mentions = [] } = m.metadata ?? {};
      return h('p', { class: 'text' }, withMentions(m.content ?? '', mentions.map(team.nameOf)));
    }
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
    const known = files.get(media.id ?? m.id);
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
      files.set(
        key,
        api.blobUrl(media.url ?? m.media_url ?? `/api/v1/whatsapp/messages/${m.id}/media`).then(
          (url) => (files.set(key, url), draw(), url),
          () => (files.delete(key), null),
        ),
      );
    }
    return holder;
  }

  return { element, loading, draw, drawAbove, drawBelow, follow, reveal, forget };
}

function sizeOf(bytes) {
  if (!bytes) return '';
  return bytes < 1_048_576 ? `${Math.max(1, Math.round(bytes / 1024))} kB` : `${(bytes / 1_048_576).toFixed(1)} MB`;
}

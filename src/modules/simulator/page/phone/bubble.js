import { avatar, h, icon, ticks, timeOf } from '../dom.js';
import { rich } from '../rich.js';
import { API } from './api.js';

/** A message as the phone shows it. `quoted` is the one it answers; what is tapped goes to `on`. */
export function bubble(message, { quoted, business, on }) {
  const mine = message.direction === 'customer';
  const parts = message.deleted ? [h('p', { class: 'deleted' }, 'This message was deleted')] : content(message, on);
  return h(
    'div',
    {
      class: `bubble ${mine ? 'out' : 'in'} kind-${message.type}`,
      'data-testid': 'phone-message',
      'data-status': message.status,
      'data-direction': message.direction,
    },
    quoted && h('div', { class: 'quoted' }, h('b', {}, quoted.direction === 'customer' ? 'You' : business), h('span', {}, brief(quoted))),
    parts,
    h('span', { class: 'meta' }, message.edited && 'edited ', timeOf(message.timestamp), mine && ticks(message.status)),
    message.reaction && h('span', { class: 'reaction' }, message.reaction.emoji),
    h(
      'button',
      {
        type: 'button',
        class: 'bubble-more',
        'aria-label': 'Message actions',
        onclick: (event) => on.more(event.currentTarget, message),
      },
      icon('down'),
    ),
  );
}

function content(message, on) {
  const { type } = message;
  const c = message.content ?? {};
  if (type === 'text') return [h('p', { class: 'text' }, rich(c.body))];
  if (type === 'template') return composed(message.rendered ?? { body: c.name }, message, true, on);
  if (type === 'interactive' && message.direction === 'business') return composed(interactiveParts(c, on), message, false, on);
  if (type === 'interactive')
    return [
      h('p', { class: 'text' }, c.button_reply?.title ?? c.list_reply?.title ?? c.nfm_reply?.body ?? 'Reply'),
      c.list_reply?.description && h('small', { class: 'soft' }, c.list_reply.description),
    ];
  if (type === 'button') return [h('p', { class: 'text' }, c.text)];
  if (type === 'location') return [place(c)];
  if (type === 'poll') return [h('p', { class: 'head' }, c.name), h('p', { class: 'text' }, c.options.map((o) => `○ ${o}`).join('\n'))];
  if (type === 'contacts') return c.map((contact) => card(contact));
  if (['image', 'video', 'audio', 'document', 'sticker'].includes(type)) return medium(type, c);
  return [h('p', { class: 'text soft' }, `[${type}]`)];
}

function composed({ header, body, footer, buttons, list }, message, isTemplate, on) {
  const options = (buttons ?? []).map((button) =>
    h(
      'button',
      { type: 'button', class: 'option', 'data-testid': 'phone-option', onclick: () => on.tap(button, message, isTemplate) },
      button.icon && icon(button.icon),
      button.text,
    ),
  );
  if (list)
    options.push(
      h(
        'button',
        { type: 'button', class: 'option', 'data-testid': 'phone-list', onclick: () => on.list(list, message) },
        icon('list'),
        list.button,
      ),
    );
  return [
    header?.text && h('p', { class: 'head' }, header.text),
    header && !header.text && ['image', 'video', 'document'].includes(header.type) && medium(header.type, header[header.type] ?? {}),
    h('p', { class: 'text' }, rich(body)),
    footer && h('p', { class: 'foot' }, footer),
    options.length > 0 && h('div', { class: 'options' }, options),
  ];
}

function interactiveParts({ type, header, body, footer, action = {} }, on) {
  const parts = { header, body: body?.text ?? '', footer: footer?.text };
  const { parameters = {} } = action;
  if (type === 'button') parts.buttons = action.buttons.map(({ reply: r }) => ({ text: r.title, id: r.id, icon: 'reply' }));
  else if (type === 'list') parts.list = { button: action.button, sections: action.sections };
  else if (type === 'cta_url') parts.buttons = [{ text: parameters.display_text, url: parameters.url, icon: 'link' }];
  else if (type === 'location_request_message') parts.buttons = [{ text: 'Send location', run: on.sendLocation, icon: 'pin' }];
  else if (type === 'request_contact_info') parts.buttons = [{ text: 'Share phone number', run: on.sharePhone, icon: 'person' }];
  else if (type === 'flow')
    parts.buttons = [
      {
        text: parameters.flow_cta,
        run: (m) =>
          on.answer(m, {
            type: 'nfm_reply',
            nfm_reply: { name: 'flow', body: 'Sent', response_json: JSON.stringify({ flow_token: parameters.flow_token }) },
          }),
      },
    ];
  return parts;
}

function medium(type, c) {
  const source = c.id ? `${API}/phone/media/${encodeURIComponent(c.id)}` : null;
  const caption = c.caption && h('p', { class: 'text' }, rich(c.caption));
  if (!source)
    return [
      h(
        'a',
        { class: 'file', href: c.link, target: '_blank', rel: 'noopener noreferrer' },
        icon(type === 'image' ? 'image' : 'file'),
        h('span', {}, c.filename ?? type, h('small', {}, c.link)),
      ),
      caption,
    ];
  if (type === 'image' || type === 'sticker')
    return [h('img', { class: `photo ${type}`, src: source, alt: c.caption ?? type, loading: 'lazy' }), caption];
  if (type === 'video') return [h('video', { class: 'photo', src: source, controls: true, preload: 'metadata' }), caption];
  if (type === 'audio') return [h('audio', { src: source, controls: true, preload: 'metadata' })];
  return [
    h(
      'a',
      { class: 'file', href: source, target: '_blank' },
      icon('file'),
      h('span', {}, c.filename ?? 'Document', h('small', {}, c.mime_type ?? '')),
    ),
    caption,
  ];
}

function place({ latitude, longitude, name, address }) {
  return h(
    'div',
    { class: 'place' },
    h('div', { class: 'map' }, icon('pin')),
    h('b', {}, name ?? 'Location'),
    address && h('small', {}, address),
    h('small', {}, `${Number(latitude).toFixed(4)}, ${Number(longitude).toFixed(4)}`),
  );
}

function card(contact) {
  const name = contact.name?.formatted_name ?? contact.phones?.[0]?.phone ?? 'Contact';
  return h(
    'div',
    { class: 'card' },
    avatar(name),
    h(
      'div',
      {},
      h('b', {}, name),
      (contact.phones ?? []).map((p) => h('small', {}, p.phone)),
    ),
  );
}

export function brief(message) {
  const c = message.content ?? {};
  return (
    message.rendered?.body ??
    c.body?.text ??
    c.body ??
    c.caption ??
    c.text ??
    c.button_reply?.title ??
    c.list_reply?.title ??
    c.name ??
    message.type
  );
}

import { ask, kindOfFile, menu, pickFile, toast } from './dialogs.js';
import { avatar, dayOf, growing, h, icon, sticky, ticks, timeOf } from './dom.js';
import { rich } from './rich.js';

const API = '/simulator/api';
const STORE = 'pytake.simulator.customers';
const FIRST = [
  { name: 'Mariana Costa', wa_id: '5511987650001' },
  { name: 'João Pereira', wa_id: '5521987650002' },
  { name: 'Carla Mendes', user_id: 'BR.7301956482', username: 'carla.m' },
];
const EMOJI = ['👍', '❤️', '😂', '😮', '😢', '🙏'];

/** The phone of a customer: writes by the simulator's control route, hears by its event stream. */
export function startPhone(root, { isVisible, onNews }) {
  const state = { numbers: [], number: null, customers: read(), customer: null, messages: [], quote: null, typing: null, looking: true };

  const title = h('strong', { class: 'name' });
  const subtitle = h('small', {});
  const chat = h('div', { class: 'chat', 'data-testid': 'phone-chat', tabindex: '0', 'aria-label': 'Messages on the phone', role: 'log' });
  const quote = h('div', { class: 'quoting', hidden: true });
  const input = h('textarea', {
    rows: 1,
    placeholder: 'Message',
    'aria-label': 'Write as the customer',
    'data-testid': 'customer-input',
    maxlength: '4096',
  });
  const face = h('span', { class: 'face' });
  const who = h('select', { 'aria-label': 'Customer', 'data-testid': 'customer-select', onchange: () => choose(who.value) });
  const line = h('select', { 'aria-label': 'Business number', class: 'line', onchange: () => chooseNumber(line.value) });
  const clock = h('span', {});
  const looking = h(
    'button',
    { type: 'button', class: 'chip', 'aria-pressed': 'true', 'data-testid': 'phone-looking', onclick: toggleLooking },
    'Chat open',
  );
  const attach = h(
    'button',
    {
      type: 'button',
      class: 'round plain',
      'aria-label': 'Attach',
      'aria-haspopup': 'menu',
      'data-testid': 'customer-attach',
      onclick: () => attachMenu(),
    },
    icon('plus'),
  );
  const submit = h(
    'button',
    { type: 'submit', class: 'round send', 'aria-label': 'Send as the customer', 'data-testid': 'customer-send' },
    icon('send'),
  );
  const composer = h('form', { class: 'composer', onsubmit: (event) => (event.preventDefault(), sendText()) }, attach, input, submit);
  const fit = growing(input, sendText);

  root.append(
    h(
      'div',
      { class: 'who' },
      h('label', { class: 'who-pick' }, h('span', {}, 'Writing as'), who),
      h('button', { type: 'button', class: 'ghost small', onclick: () => editCustomer(state.customer) }, 'Edit'),
      h('button', { type: 'button', class: 'ghost small', 'data-testid': 'customer-new', onclick: () => editCustomer(null) }, 'New'),
      line,
    ),
    h(
      'div',
      { class: 'device' },
      h(
        'div',
        { class: 'screen' },
        h('div', { class: 'status-bar', 'aria-hidden': 'true' }, clock, h('i', { class: 'island' }), h('span', { class: 'battery' })),
        h('header', { class: 'phone-top' }, face, h('div', { class: 'titles' }, title, subtitle), looking),
        chat,
        quote,
        composer,
      ),
    ),
    h(
      'p',
      { class: 'hint' },
      'Numbers ending in 00131026, 00130429 … provoke Meta’s errors. ',
      h('a', { href: `${API}/control/faults`, target: '_blank' }, 'All faults'),
    ),
  );
  const tick = () => (clock.textContent = timeOf(new Date().toISOString()));
  tick();
  setInterval(tick, 20_000);
  const stick = sticky(chat);

  // What the phone shows

  async function load() {
    const hello = await call('GET', '/hello');
    state.numbers = hello.numbers;
    for (const known of hello.customers) if (!state.customers.some((c) => keyOf(c) === keyOf(known))) state.customers.push(pick(known));
    state.number ??= state.numbers[0]?.phone_number_id ?? null;
    line.replaceChildren(
      ...state.numbers.map((n) => h('option', { value: n.phone_number_id }, `${n.verified_name} ${n.display_phone_number}`)),
    );
    line.hidden = state.numbers.length < 2;
    line.value = state.number;
    const last = localStorage.getItem(`${STORE}.last`);
    await choose(state.customers.some((c) => keyOf(c) === last) ? last : keyOf(state.customers[0]));
    return hello;
  }

  async function chooseNumber(id) {
    state.number = id;
    state.messages = [];
    await choose(keyOf(state.customer));
  }

  async function choose(key) {
    const customer = state.customers.find((c) => keyOf(c) === key) ?? state.customers[0];
    const again = customer === state.customer;
    state.customer = customer;
    if (!again) state.messages = [];
    localStorage.setItem(`${STORE}.last`, keyOf(state.customer));
    who.replaceChildren(...state.customers.map((c) => h('option', { value: keyOf(c) }, c.wa_id ? c.name : `${c.name} · no phone`)));
    who.value = keyOf(state.customer);
    reply(null);
    const number = state.numbers.find((n) => n.phone_number_id === state.number);
    title.textContent = number?.verified_name ?? 'No number';
    face.replaceChildren(avatar(number?.verified_name ?? '?'));
    subtitleNow();
    const thread = await call('GET', `/phone/${state.number}/${encodeURIComponent(keyOf(state.customer))}/thread`);
    if (state.customer !== customer || thread.phone_number_id !== state.number) return;
    // What came while we were asking stays.
    const known = new Set(thread.messages.map((m) => m.id));
    state.messages = [...thread.messages, ...state.messages.filter((m) => !known.has(m.id))];
    stick.end();
    if (thread.customer) customer.key = thread.customer.key;
    draw();
    stick.end();
    look();
  }

  function subtitleNow() {
    const number = state.numbers.find((n) => n.phone_number_id === state.number);
    subtitle.textContent = state.typing ? 'typing…' : (number?.display_phone_number ?? '');
    subtitle.classList.toggle('typing', Boolean(state.typing));
  }

  function draw() {
    const nodes = [];
    let day = '';
    for (const message of state.messages) {
      const on = dayOf(message.timestamp);
      if (on !== day) nodes.push(h('div', { class: 'day' }, (day = on)));
      nodes.push(bubble(message));
    }
    if (!nodes.length)
      nodes.push(
        h(
          'div',
          { class: 'empty' },
          h('p', {}, 'Write a message as the customer.'),
          h('p', {}, 'It reaches the inbox the way a message from Meta would.'),
        ),
      );
    if (state.typing) nodes.push(h('div', { class: 'bubble in typing-dots', 'aria-label': 'Business is typing' }, h('i'), h('i'), h('i')));
    chat.replaceChildren(...nodes);
    stick.redrawn();
  }

  function bubble(message) {
    const mine = message.direction === 'customer';
    const quoted = message.context_message_id && state.messages.find((m) => m.id === message.context_message_id);
    const parts = message.deleted ? [h('p', { class: 'deleted' }, 'This message was deleted')] : content(message);
    return h(
      'div',
      {
        class: `bubble ${mine ? 'out' : 'in'} kind-${message.type}`,
        'data-testid': 'phone-message',
        'data-status': message.status,
        'data-direction': message.direction,
      },
      quoted &&
        h(
          'div',
          { class: 'quoted' },
          h('b', {}, quoted.direction === 'customer' ? 'You' : title.textContent),
          h('span', {}, brief(quoted)),
        ),
      parts,
      h('span', { class: 'meta' }, message.edited && 'edited ', timeOf(message.timestamp), mine && ticks(message.status)),
      message.reaction && h('span', { class: 'reaction' }, message.reaction.emoji),
      h(
        'button',
        {
          type: 'button',
          class: 'bubble-more',
          'aria-label': 'Message actions',
          onclick: (event) => actions(event.currentTarget, message),
        },
        icon('down'),
      ),
    );
  }

  function content(message) {
    const { type } = message;
    const c = message.content ?? {};
    if (type === 'text') return [h('p', { class: 'text' }, rich(c.body))];
    if (type === 'template') return composed(message.rendered ?? { body: c.name }, message, true);
    if (type === 'interactive' && message.direction === 'business') return composed(interactiveParts(c), message, false);
    if (type === 'interactive')
      return [
        h('p', { class: 'text' }, c.button_reply?.title ?? c.list_reply?.title ?? c.nfm_reply?.body ?? 'Reply'),
        c.list_reply?.description && h('small', { class: 'soft' }, c.list_reply.description),
      ];
    if (type === 'button') return [h('p', { class: 'text' }, c.text)];
    if (type === 'location') return [place(c)];
    if (type === 'contacts') return c.map((contact) => card(contact));
    if (['image', 'video', 'audio', 'document', 'sticker'].includes(type)) return medium(type, c);
    return [h('p', { class: 'text soft' }, `[${type}]`)];
  }

  function composed({ header, body, footer, buttons, list }, message, isTemplate) {
    const options = (buttons ?? []).map((button) =>
      h(
        'button',
        { type: 'button', class: 'option', 'data-testid': 'phone-option', onclick: () => tap(button, message, isTemplate) },
        button.icon && icon(button.icon),
        button.text,
      ),
    );
    if (list)
      options.push(
        h(
          'button',
          { type: 'button', class: 'option', 'data-testid': 'phone-list', onclick: () => openList(list, message) },
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

  function interactiveParts({ type, header, body, footer, action = {} }) {
    const parts = { header, body: body?.text ?? '', footer: footer?.text };
    const { parameters = {} } = action;
    if (type === 'button') parts.buttons = action.buttons.map(({ reply: r }) => ({ text: r.title, id: r.id, icon: 'reply' }));
    else if (type === 'list') parts.list = { button: action.button, sections: action.sections };
    else if (type === 'cta_url') parts.buttons = [{ text: parameters.display_text, url: parameters.url, icon: 'link' }];
    else if (type === 'location_request_message') parts.buttons = [{ text: 'Send location', run: sendLocation, icon: 'pin' }];
    else if (type === 'request_contact_info') parts.buttons = [{ text: 'Share phone number', run: shareOwnPhone, icon: 'person' }];
    else if (type === 'flow')
      parts.buttons = [
        {
          text: parameters.flow_cta,
          run: (m) =>
            answer(m, {
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

  // What the customer does

  async function write(message) {
    if (!state.customer || !state.number) return false;
    const context = state.quote ? { context: { message_id: state.quote.id } } : {};
    // Another customer may be chosen before the answer is there.
    const { customer } = state;
    const { name, wa_id, user_id, username, phone_hidden } = customer;
    try {
      const answer = await call('POST', '/control/customer-message', {
        phone_number_id: state.number,
        from: { wa_id, user_id, username, phone_hidden },
        name,
        ...context,
        ...message,
      });
      customer.key = answer.customer.key;
      if (state.customer === customer) reply(null);
      return true;
    } catch (error) {
      toast(error.message);
      return false;
    }
  }

  async function sendText() {
    const body = input.value.trim();
    if (!body) return;
    input.value = '';
    fit();
    if (!(await write({ type: 'text', text: { body } }))) input.value = body;
  }

  async function sendFile(file, voice = false) {
    if (!file) return;
    const form = new FormData();
    form.append('phone_number_id', state.number);
    form.append('file', file);
    try {
      const media = await call('POST', '/phone/media', form);
      const type = kindOfFile(file);
      const caption = ['image', 'video', 'document'].includes(type) && input.value.trim();
      if (caption) input.value = '';
      await write({
        type,
        [type]: {
          id: media.id,
          ...(caption ? { caption } : {}),
          ...(type === 'audio' ? { voice } : {}),
          ...(type === 'document' ? { filename: file.name } : {}),
        },
      });
    } catch (error) {
      toast(error.message);
    }
  }

  async function sendLocation() {
    const values = await ask('Send a location', [
      ['name', 'Place', { value: 'Parque Ibirapuera' }],
      ['address', 'Address', { value: 'Av. Pedro Álvares Cabral, São Paulo' }],
      ['latitude', 'Latitude', { type: 'number', step: 'any', min: -90, max: 90, value: '-23.5874', required: true }],
      ['longitude', 'Longitude', { type: 'number', step: 'any', min: -180, max: 180, value: '-46.6576', required: true }],
    ]);
    if (values)
      await write({
        type: 'location',
        location: {
          name: values.name || undefined,
          address: values.address || undefined,
          latitude: Number(values.latitude),
          longitude: Number(values.longitude),
        },
      });
  }

  async function sendContact() {
    const values = await ask('Send a contact card', [
      ['name', 'Name', { value: 'Rui Andrade', required: true }],
      ['phone', 'Phone', { value: '+55 11 91234-5678', required: true }],
    ]);
    if (!values) return;
    await write({
      type: 'contacts',
      contacts: [
        {
          name: { formatted_name: values.name, first_name: values.name.split(' ')[0] },
          phones: [{ phone: values.phone, wa_id: values.phone.replace(/\D/g, ''), type: 'CELL' }],
        },
      ],
    });
  }

  async function shareOwnPhone() {
    let { wa_id } = state.customer;
    if (!wa_id)
      wa_id = (await ask('Share phone number', [['wa_id', 'Phone', { value: '+55 11 95555-0000', required: true }]]))?.wa_id.replace(
        /\D/g,
        '',
      );
    if (wa_id)
      await write({ type: 'contacts', contacts: [{ origin: 'contact_request', phones: [{ phone: `+${wa_id}`, wa_id, type: 'CELL' }] }] });
  }

  function attachMenu() {
    menu(attach, [
      ['Photo or video', 'image', async () => sendFile(await pickFile('image/png,image/jpeg,image/webp,video/mp4')), 'attach-image'],
      ['Document', 'file', async () => sendFile(await pickFile('')), 'attach-document'],
      ['Voice note', 'mic', async () => sendFile(await pickFile('audio/*'), true), 'attach-voice'],
      ['Location', 'pin', sendLocation, 'attach-location'],
      ['Contact', 'person', sendContact, 'attach-contact'],
    ]);
  }

  function tap(button, message, isTemplate) {
    if (button.url) return void window.open(button.url, '_blank', 'noopener');
    if (button.run) return void button.run(message);
    if (!isTemplate) return void answer(message, { type: 'button_reply', button_reply: { id: button.id, title: button.text } });
    if (button.type === 'QUICK_REPLY')
      return void write({ type: 'button', button: { payload: button.payload, text: button.text }, context: { message_id: message.id } });
    return void toast(`${button.text}: WhatsApp would open this outside the chat`, 'info');
  }

  function answer(message, interactive) {
    return write({ type: 'interactive', interactive, context: { message_id: message.id } });
  }

  function openList(list, message) {
    const rows = list.sections.map((section) =>
      h(
        'fieldset',
        {},
        section.title && h('legend', {}, section.title),
        section.rows.map((row) =>
          h(
            'button',
            {
              type: 'button',
              class: 'row',
              'data-testid': 'phone-row',
              onclick: () => (
                dialog.close(),
                answer(message, {
                  type: 'list_reply',
                  list_reply: { id: row.id, title: row.title, ...(row.description ? { description: row.description } : {}) },
                })
              ),
            },
            h('b', {}, row.title),
            row.description && h('small', {}, row.description),
          ),
        ),
      ),
    );
    const dialog = h('dialog', { class: 'sheet', 'aria-label': list.button }, h('h2', {}, list.button), rows);
    dialog.addEventListener('close', () => dialog.remove());
    dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
    document.body.append(dialog);
    dialog.showModal();
  }

  function actions(anchor, message) {
    const mine = message.direction === 'customer';
    const react = (emoji) => write({ type: 'reaction', reaction: { message_id: message.id, emoji } });
    const picked = message.reaction?.by === 'customer' ? message.reaction.emoji : null;
    menu(
      anchor,
      [
        ['Reply', 'reply', () => reply(message)],
        mine && message.type === 'text' && !message.deleted && ['Edit', 'edit', () => editMessage(message), 'edit-message'],
        mine &&
          !message.deleted && [
            'Delete for everyone',
            'close',
            () => write({ type: 'revoke', revoke: { original_message_id: message.id } }),
            'delete-message',
          ],
      ],
      EMOJI.map((emoji) => [emoji, () => react(emoji === picked ? '' : emoji), emoji === picked]),
    );
  }

  async function editMessage(message) {
    const values = await ask('Edit the message', [['body', 'Text', { value: message.content.body, rows: 3, required: true }]], 'Save');
    if (values)
      await write({ type: 'edit', edit: { original_message_id: message.id, message: { type: 'text', text: { body: values.body } } } });
  }

  function reply(message) {
    state.quote = message;
    quote.hidden = !message;
    if (!message) return;
    quote.replaceChildren(
      h(
        'div',
        { class: 'quoted' },
        h('b', {}, message.direction === 'customer' ? 'You' : title.textContent),
        h('span', {}, brief(message)),
      ),
      h('button', { type: 'button', class: 'round plain', 'aria-label': 'Do not reply', onclick: () => reply(null) }, icon('close')),
    );
    input.focus();
  }

  async function editCustomer(customer) {
    const values = await ask(
      customer ? 'Edit the customer' : 'New customer',
      [
        ['name', 'Name', { value: customer?.name ?? '', required: true, maxlength: 100 }],
        [
          'wa_id',
          'Phone with country code',
          { value: customer?.wa_id ? `+${customer.wa_id}` : '', placeholder: '+55 11 98765-4321', inputmode: 'tel' },
        ],
        [
          'user_id',
          'Business-scoped user id (BSUID)',
          {
            value: customer?.user_id ?? '',
            placeholder: 'BR.1A2B3C',
            pattern: '[A-Z]{2}\\.(ENT\\.)?[A-Za-z0-9]{1,128}',
            hint: 'Leave empty unless the customer has no phone here.',
          },
        ],
        ['username', 'Username', { value: customer?.username ?? '', placeholder: 'ana.souza' }],
        ['phone_hidden', 'Hide the phone: webhooks carry the BSUID only', { type: 'checkbox', checked: customer?.phone_hidden ?? false }],
      ],
      'Save',
    );
    if (!values) return;
    const wa_id = values.wa_id.replace(/\D/g, '') || undefined;
    if (!wa_id && !values.user_id) return void toast('A customer needs a phone or a BSUID.');
    const next = {
      name: values.name,
      wa_id,
      user_id: values.user_id || undefined,
      username: values.username || undefined,
      phone_hidden: values.phone_hidden,
    };
    try {
      const known = await call('POST', '/phone/customers', { from: next, name: next.name });
      next.key = known.key;
    } catch (error) {
      return void toast(error.message);
    }
    if (customer) state.customers = state.customers.filter((c) => c !== customer);
    state.customers = [...state.customers.filter((c) => keyOf(c) !== keyOf(next)), next];
    localStorage.setItem(STORE, JSON.stringify(state.customers.slice(-30)));
    await choose(keyOf(next));
  }

  function toggleLooking() {
    state.looking = !state.looking;
    looking.setAttribute('aria-pressed', String(state.looking));
    looking.textContent = state.looking ? 'Chat open' : 'Chat closed';
    look();
  }

  /** A chat in view turns what was delivered into read. */
  function look() {
    if (!state.looking || !isVisible() || !state.customer || document.visibilityState !== 'visible') return;
    if (!state.messages.some((m) => m.direction === 'business' && !['read', 'failed'].includes(m.status))) return;
    call('POST', '/phone/read', { phone_number_id: state.number, customer: keyOf(state.customer) }).catch(() => undefined);
  }

  // What reaches the phone

  const events = new EventSource(`${API}/phone/events`);
  let connectedBefore = false;
  events.addEventListener('open', () => {
    if (connectedBefore && state.customer) void choose(keyOf(state.customer)).catch(() => undefined);
    connectedBefore = true;
  });
  const here = (event) => event.phone_number_id === state.number && state.customer && event.customer === keyOf(state.customer);
  const on = (name, run) => events.addEventListener(name, (raw) => run(JSON.parse(raw.data)));
  on('message', (event) => {
    if (!here(event)) return void (event.data.direction === 'business' && onNews());
    if (!state.messages.some((m) => m.id === event.data.id)) state.messages.push(event.data);
    if (event.data.direction === 'customer') stick.end();
    else stopTyping();
    draw();
    look();
    if (event.data.direction === 'business' && !isVisible()) onNews();
  });
  on('status', (event) => {
    const message = here(event) && state.messages.find((m) => m.id === event.data.id);
    if (!message) return;
    message.status = event.data.status;
    draw();
    look();
  });
  on('updated', (event) => {
    if (!here(event)) return;
    state.messages = state.messages.map((m) => (m.id === event.data.id ? event.data : m));
    draw();
  });
  on('typing', (event) => {
    if (!here(event)) return;
    clearTimeout(state.typing);
    // Meta: typing ends with the reply or after 25 s.
    state.typing = setTimeout(() => (stopTyping(), draw()), 25_000);
    subtitleNow();
    draw();
  });
  on('reset', () => {
    state.messages = [];
    draw();
  });
  function stopTyping() {
    clearTimeout(state.typing);
    state.typing = null;
    subtitleNow();
  }
  document.addEventListener('visibilitychange', look);

  return { load, look };
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

function brief(message) {
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

/** How the simulator names the thread; before it said so, the phone or else the BSUID. */
function keyOf(customer) {
  return customer?.key ?? customer?.wa_id ?? customer?.user_id ?? '';
}

function pick({ key, name, wa_id, user_id, username, phone_hidden }) {
  return { key, name, wa_id: wa_id ?? undefined, user_id: wa_id ? undefined : user_id, username: username ?? undefined, phone_hidden };
}

function read() {
  try {
    const saved = JSON.parse(localStorage.getItem(STORE) ?? 'null');
    if (Array.isArray(saved) && saved.length) return saved;
  } catch {
    // A damaged note is no note.
  }
  return FIRST.map((customer) => ({ ...customer }));
}

async function call(method, path, body) {
  const json = body !== undefined && !(body instanceof FormData);
  const response = await fetch(`${API}${path}`, {
    method,
    // A form of another site could send neither.
    headers: json ? { 'content-type': 'application/json' } : { 'x-pytake-simulator': '1' },
    body: json ? JSON.stringify(body) : body,
  });
  const answer = response.headers.get('content-type')?.includes('json') ? await response.json() : null;
  if (!response.ok) throw new Error(answer?.error?.message ?? `The simulator answered ${response.status}`);
  return answer;
}

import { toast } from './dialogs.js';
import { avatar, dayOf, h, sticky, timeOf } from './dom.js';
import { customerActs } from './phone/acts.js';
import { API, call } from './phone/api.js';
import { bubble } from './phone/bubble.js';
import { customerComposer } from './phone/composer.js';
import { askCustomer, keepChosen, keepCustomers, keyOf, lastChosen, pick, readCustomers } from './phone/customers.js';
import { isUnlinked, linkScreen } from './phone/link.js';

/** The phone of a customer: writes by the simulator's control route, hears by its event stream. */
export function startPhone(root, { isVisible, onNews }) {
  const state = {
    numbers: [],
    number: null,
    customers: readCustomers(),
    customer: null,
    messages: [],
    quote: null,
    typing: null,
    looking: true,
  };

  const title = h('strong', { class: 'name' });
  const subtitle = h('small', {});
  const chat = h('div', { class: 'chat', 'data-testid': 'phone-chat', tabindex: '0', 'aria-label': 'Messages on the phone', role: 'log' });
  const face = h('span', { class: 'face' });
  const who = h('select', { 'aria-label': 'Customer', 'data-testid': 'customer-select', onchange: () => choose(who.value) });
  const line = h('select', { 'aria-label': 'Business number', class: 'line', onchange: () => chooseNumber(line.value) });
  const unlink = h(
    'button',
    { type: 'button', class: 'ghost small', 'data-testid': 'unlink', hidden: true, onclick: unlinkPhone },
    'Log out on the phone',
  );
  const clock = h('span', {});
  const link = linkScreen();
  const looking = h(
    'button',
    { type: 'button', class: 'chip', 'aria-pressed': 'true', 'data-testid': 'phone-looking', onclick: toggleLooking },
    'Chat open',
  );
  const acts = customerActs({ state, write, reply: (message) => composer.reply(message) });
  const composer = customerComposer({ state, write, acts, business: () => title.textContent });

  root.append(
    h(
      'div',
      { class: 'who' },
      h('label', { class: 'who-pick' }, h('span', {}, 'Writing as'), who),
      h('button', { type: 'button', class: 'ghost small', onclick: () => editCustomer(state.customer) }, 'Edit'),
      h('button', { type: 'button', class: 'ghost small', 'data-testid': 'customer-new', onclick: () => editCustomer(null) }, 'New'),
      line,
      unlink,
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
        composer.quote,
        composer.element,
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
    listNumbers();
    const last = lastChosen();
    await choose(state.customers.some((c) => keyOf(c) === last) ? last : keyOf(state.customers[0]));
    return hello;
  }

  const chosenNumber = () => state.numbers.find((n) => n.phone_number_id === state.number);

  function listNumbers() {
    line.replaceChildren(
      ...state.numbers.map((n) => h('option', { value: n.phone_number_id }, `${n.verified_name} ${n.display_phone_number}`)),
    );
    line.hidden = state.numbers.length < 2;
    line.value = state.number;
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
    keepChosen(customer);
    who.replaceChildren(...state.customers.map((c) => h('option', { value: keyOf(c) }, c.wa_id ? c.name : `${c.name} · no phone`)));
    who.value = keyOf(state.customer);
    composer.reply(null);
    titleNow();
    const thread = await call('GET', `/phone/${encodeURIComponent(state.number)}/${encodeURIComponent(keyOf(state.customer))}/thread`);
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

  function titleNow() {
    const name = chosenNumber()?.verified_name;
    title.textContent = name ?? 'No number';
    face.replaceChildren(avatar(name ?? '?'));
    unlink.hidden = chosenNumber()?.qrcode?.state !== 'open';
    subtitleNow();
  }

  function subtitleNow() {
    subtitle.textContent = state.typing ? 'typing…' : (chosenNumber()?.display_phone_number ?? '');
    subtitle.classList.toggle('typing', Boolean(state.typing));
  }

  function draw() {
    const unlinked = isUnlinked(chosenNumber());
    composer.element.hidden = unlinked;
    if (unlinked) return void chat.replaceChildren(link.show(chosenNumber()));
    const nodes = [];
    let day = '';
    for (const message of state.messages) {
      const on = dayOf(message.timestamp);
      if (on !== day) nodes.push(h('div', { class: 'day' }, (day = on)));
      const quoted = message.context_message_id && state.messages.find((m) => m.id === message.context_message_id);
      nodes.push(bubble(message, { quoted, business: title.textContent, on: acts }));
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
      if (state.customer === customer) composer.reply(null);
      return true;
    } catch (error) {
      toast(error.message);
      return false;
    }
  }

  function unlinkPhone() {
    call('POST', `/control/evolution/${encodeURIComponent(state.number)}/unlink`, {}).catch((error) => toast(error.message));
  }

  async function editCustomer(customer) {
    const next = await askCustomer(customer);
    if (!next) return;
    if (customer) state.customers = state.customers.filter((c) => c !== customer);
    state.customers = [...state.customers.filter((c) => keyOf(c) !== keyOf(next)), next];
    keepCustomers(state.customers);
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
  on('line', ({ exists, ...changed }) => {
    const at = state.numbers.findIndex((n) => n.phone_number_id === changed.phone_number_id);
    if (!exists) state.numbers = state.numbers.filter((_, index) => index !== at);
    else if (at < 0) state.numbers.push(changed);
    else state.numbers[at] = changed;
    if (!chosenNumber()) return void chooseNumber(state.numbers[0]?.phone_number_id ?? null).then(listNumbers, () => undefined);
    listNumbers();
    if (state.number !== changed.phone_number_id) return;
    titleNow();
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

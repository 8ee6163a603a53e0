import { toast } from '../dialogs.js';
import { h } from '../dom.js';
import { since, slaClock } from './clocks.js';

/** As many as the page asks for and shows. */
const MOST = 100;

/** The lines people wait in and whose they are: the figures, the choice by which the list is narrowed, and a conversation's place. */
export function queueBoard({ api, state, changed }) {
  const queues = new Map();
  const departments = new Map();

  const pick = (what, label) =>
    h('select', {
      'aria-label': label,
      'data-testid': `filter-${what}`,
      onchange: ({ target }) => {
        state[`${what}_id`] = target.value;
        draw();
        changed();
      },
    });
  const byQueue = pick('queue', 'Queue');
  const byDepartment = pick('department', 'Department');
  const summary = h('summary', {}, 'Queues');
  const rows = h('ul', { class: 'queues', tabindex: '0', 'aria-label': 'Queues' });
  const element = h(
    'div',
    { class: 'board' },
    h('div', { class: 'narrow' }, byDepartment, byQueue),
    h('details', { 'data-testid': 'queue-figures' }, summary, rows),
  );

  async function load() {
    try {
      const [lines, teams] = await Promise.all([
        api.get(`/queues?limit=${MOST}&is_active=true`),
        api.get(`/departments/active?limit=${MOST}`),
      ]);
      keep(queues, lines.items);
      keep(departments, teams.items);
      draw();
      changed(false);
    } catch (error) {
      if (api.token) toast(error.message);
    }
  }

  /** What is told though no figure changed is news of the queue itself: the event does not say which. */
  async function figures({ queue_id, waiting: queued_conversations, waiting_since, active: active_conversations }) {
    const queue = queues.get(queue_id);
    const news = Object.entries({ queued_conversations, waiting_since, active_conversations });
    if (queue && news.some(([name, value]) => queue[name] !== value)) {
      Object.assign(queue, Object.fromEntries(news));
      return draw();
    }
    const now = await api.get(`/queues/${queue_id}`).catch(() => null);
    if (now?.is_active) queues.set(queue_id, now);
    else queues.delete(queue_id);
    draw();
    changed(false);
  }

  function listen(socket) {
    socket.on('queue:updated', (news) => void figures(news));
    socket.on('department:updated', (department) => {
      if (department.is_active) departments.set(department.id, department);
      else departments.delete(department.id);
      draw();
      changed(false);
    });
    socket.on('department:deleted', () => void load());
  }

  function draw() {
    const { queue_id, department_id } = state;
    const lines = [...queues.values()].filter((queue) => !department_id || queue.department_id === department_id);
    if (queue_id && !lines.some(({ id }) => id === queue_id)) {
      state.queue_id = '';
      changed();
    }
    choices(byDepartment, 'Any department', [...departments.values()], department_id);
    choices(byQueue, 'Any queue', lines, state.queue_id);
    const waiting = lines.reduce((sum, queue) => sum + queue.queued_conversations, 0);
    const longest = lines
      .map((queue) => queue.waiting_since)
      .filter(Boolean)
      .sort()[0];
    summary.replaceChildren(`Queues · ${waiting} waiting`, ...(longest ? [' · longest ', since(longest)] : []));
    rows.replaceChildren(...lines.slice(0, MOST).map(row));
  }

  const row = (queue) =>
    h(
      'li',
      { 'data-testid': 'queue-figure', 'data-id': queue.id },
      h('span', { class: 'ellipsis' }, dot(queue), queue.name),
      queue.is_open === false && h('small', {}, 'closed'),
      h('b', {}, String(queue.queued_conversations), h('span', { class: 'unseen' }, ' waiting')),
      h('small', {}, queue.waiting_since ? since(queue.waiting_since) : '–'),
    );

  /** Where a conversation is at home and the time left there, as a line; null: it is nowhere. */
  function home(conversation) {
    const { name, color } = queues.get(conversation.queue_id) ?? departments.get(conversation.department_id) ?? {};
    const clock = slaClock(conversation);
    if (!name && !clock) return null;
    const chip = name && h('span', { class: 'home ellipsis', 'data-testid': 'home', title: name }, dot({ color }), name);
    return h('span', { class: 'line3' }, chip, clock);
  }

  const nameOf = (id) => queues.get(id)?.name;

  return { element, load, listen, home, nameOf };
}

function keep(map, items) {
  map.clear();
  for (const item of items) map.set(item.id, item);
}

/** A choice that is open keeps what is chosen, and is left alone where nothing in it changed. */
function choices(select, every, items, chosen) {
  const print = JSON.stringify(items.map(({ id, name }) => [id, name]));
  if (select.dataset.print !== print) {
    select.dataset.print = print;
    select.replaceChildren(h('option', { value: '' }, every), ...items.map(({ id, name }) => h('option', { value: id }, name)));
  }
  select.value = chosen;
}

function dot({ color }) {
  const mark = h('i', { class: 'spot', 'aria-hidden': 'true' });
  if (color) mark.style.background = color;
  return mark;
}

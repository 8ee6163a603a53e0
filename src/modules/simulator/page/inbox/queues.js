import { toast } from '../dialogs.js';
import { h } from '../dom.js';
import { since, slaClock } from './clocks.js';
import { spot } from './tags.js';

/** As many as the page asks for and shows. */
const MOST = 100;

/** The lines people wait in and whose they are: the figures, by which the list may be narrowed, and a conversation's place. */
export function queueBoard({ api, state, offer, changed, narrowed }) {
  const queues = new Map();
  const departments = new Map();

  const summary = h('summary', {}, 'Queues');
  const rows = h('ul', { class: 'queues', tabindex: '0', 'aria-label': 'Queues' });
  const element = h('details', { 'data-testid': 'queue-figures' }, summary, rows);

  async function load() {
    try {
      const [lines, teams] = await Promise.all([
        api.get(`/queues?limit=${MOST}&is_active=true`),
        api.get(`/departments/active?limit=${MOST}`),
      ]);
      keep(queues, lines.items);
      keep(departments, teams.items);
      draw();
      changed();
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
    changed();
  }

  function listen(socket) {
    socket.on('queue:updated', (news) => void figures(news));
    socket.on('department:updated', (department) => {
      if (department.is_active) departments.set(department.id, department);
      else departments.delete(department.id);
      draw();
      changed();
    });
    socket.on('department:deleted', () => void load());
  }

  function draw() {
    const { queue_id, department_id } = state.filters;
    const lines = [...queues.values()].filter((queue) => !department_id || queue.department_id === department_id);
    // Of another department, or gone.
    if (queue_id && !lines.some(({ id }) => id === queue_id)) {
      state.filters = { ...state.filters, queue_id: '' };
      narrowed();
    }
    offer('department_id', choicesOf(departments.values()));
    offer('queue_id', choicesOf(lines));
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
      h('span', { class: 'ellipsis' }, spot(queue.color), queue.name),
      queue.is_open === false && h('small', {}, 'closed'),
      h('b', {}, String(queue.queued_conversations), h('span', { class: 'unseen' }, ' waiting')),
      h('small', {}, queue.waiting_since ? since(queue.waiting_since) : '–'),
    );

  /** Where a conversation is at home and the time left there, as a line; null: it is nowhere. */
  function home(conversation) {
    const { name, color } = queues.get(conversation.queue_id) ?? departments.get(conversation.department_id) ?? {};
    const clock = slaClock(conversation);
    if (!name && !clock) return null;
    const chip = name && h('span', { class: 'home ellipsis', 'data-testid': 'home', title: name }, spot(color), name);
    return h('span', { class: 'line3' }, chip, clock);
  }

  const nameOf = (id) => queues.get(id)?.name;
  const departmentOf = (id) => departments.get(id)?.name;

  return {
    element,
    load,
    listen,
    draw,
    home,
    nameOf,
    departmentOf,
    queues: () => choicesOf(queues.values()),
    departments: () => choicesOf(departments.values()),
  };
}

const choicesOf = (items) => [...items].map(({ id, name }) => [id, name]);

function keep(map, items) {
  map.clear();
  for (const item of items) map.set(item.id, item);
}

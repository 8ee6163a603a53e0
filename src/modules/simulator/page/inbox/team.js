import { toast } from '../dialogs.js';
import { avatar, h } from '../dom.js';

const MOST = 100;
const WORDS = { available: 'online', busy: 'busy', away: 'away', offline: 'offline' };
/** Who could answer first. */
const ORDER = Object.keys(WORDS);

/** The colleagues and whether they are there, as the server says; `changed` is called when names change. */
export function colleagues({ api, changed }) {
  const team = new Map();
  const summary = h('summary', {}, 'Team');
  const rows = h('ul', { class: 'queues', tabindex: '0', 'aria-label': 'Team' });
  const element = h('details', { 'data-testid': 'team' }, summary, rows);

  async function load() {
    try {
      const { items } = await api.get(`/users?limit=${MOST}&is_active=true&sort=full_name:asc`);
      team.clear();
      for (const { id, full_name, role, is_online, agent_status } of items)
        team.set(id, { id, full_name, role, status: is_online ? agent_status : 'offline' });
      draw();
      changed();
    } catch (error) {
      if (api.token && error.status !== 403) toast(error.message);
    }
  }

  function listen(socket) {
    socket.on('agent:status', ({ agent_id: id, agent_name: full_name, status }) => {
      // Somebody new is taken for one who answers.
      team.set(id, { role: 'agent', ...team.get(id), id, full_name, status });
      draw();
    });
  }

  const byPresence = (a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status) || a.full_name.localeCompare(b.full_name);

  /** Who may be given a conversation, those who are there first. */
  const agents = () => [...team.values()].filter(({ role }) => role !== 'viewer').sort(byPresence);

  function draw() {
    const all = agents();
    summary.textContent = `Team · ${all.filter(({ status }) => status !== 'offline').length} of ${all.length} online`;
    rows.replaceChildren(...all.map(row));
  }

  const row = ({ id, full_name, status }) =>
    h(
      'li',
      { 'data-testid': 'colleague', 'data-id': id, 'data-status': status },
      h('span', { class: 'ellipsis colleague' }, avatar(full_name, 'tiny'), full_name, id === api.session?.user?.id && ' (you)'),
      h('small', {}, h('i', { class: `spot ${status}`, 'aria-hidden': 'true' }), WORDS[status] ?? status),
    );

  const nameOf = (id) => team.get(id)?.full_name ?? null;
  /** As who is signed in would say it. */
  const called = (id) => (id && id === api.session?.user?.id ? 'you' : nameOf(id));
  const others = () => agents().filter(({ id }) => id !== api.session?.user?.id);

  return { element, load, listen, agents, others, nameOf, called, wordOf: ({ status }) => WORDS[status] ?? status };
}

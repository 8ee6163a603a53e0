import { toast } from '../dialogs.js';
import { h } from '../dom.js';

const STATES = [
  ['available', 'Online'],
  ['busy', 'Busy'],
  ['away', 'Away'],
  ['offline', 'Offline'],
];

/** What the agent says of being there: only who is online is given conversations. */
export function presenceChoice({ api }) {
  const choice = h(
    'select',
    { 'aria-label': 'Your presence', 'data-testid': 'presence', onchange: () => void say(choice.value) },
    STATES.map(([value, label]) => h('option', { value }, label)),
  );
  const capacity = h('small', { class: 'soft', 'data-testid': 'capacity' });
  const element = h('div', { class: 'presence' }, choice, capacity);

  function draw({ agent_status, max_conversations, role }) {
    // Who only looks on is given nothing.
    if (role) element.hidden = role === 'viewer';
    choice.value = choice.dataset.state = agent_status;
    if (max_conversations === undefined) return;
    capacity.textContent = max_conversations ? `at most ${max_conversations}` : '';
    capacity.title = 'Conversations you may have at a time; an administrator says how many.';
  }

  async function load() {
    try {
      draw(await api.get('/users/me'));
    } catch (error) {
      if (api.token) toast(error.message);
    }
  }

  async function say(agent_status) {
    try {
      draw(await api.call('PUT', '/users/me', { agent_status }));
    } catch (error) {
      toast(error.message);
      await load();
    }
  }

  function listen(socket) {
    // What is told of who has no socket is not what they chose.
    socket.on('agent:status', ({ agent_id, status, is_online }) => {
      if (is_online && agent_id === api.session?.user?.id) draw({ agent_status: status });
    });
  }

  return { element, load, listen };
}

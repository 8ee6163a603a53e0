import { sheet } from '../dialogs.js';
import { h } from '../dom.js';

/** Asks to whom a conversation goes; resolves with what the API takes as a transfer, or null when dismissed. */
export async function askTransfer({ team, board, conversation }) {
  const groups = [
    [
      'Colleagues',
      'to_agent_id',
      team
        .agents()
        .filter(({ id }) => id !== conversation.current_agent_id)
        .map((agent) => [agent.id, `${agent.full_name} · ${team.wordOf(agent)}`]),
    ],
    ['Queues', 'queue_id', board.queues()],
    ['Departments', 'department_id', board.departments()],
  ];
  const to = h(
    'select',
    { required: true, 'data-testid': 'transfer-to' },
    h('option', { value: '' }, 'Choose…'),
    groups
      .filter(([, , choices]) => choices.length)
      .map(([label, field, choices]) =>
        h(
          'optgroup',
          { label },
          choices.map(([id, name]) => h('option', { value: `${field}=${id}` }, name)),
        ),
      ),
  );
  const note = h('textarea', { rows: 2, maxlength: 500, placeholder: 'What they should know', 'data-testid': 'transfer-note' });
  const fields = [h('label', {}, h('span', {}, 'To'), to), h('label', {}, h('span', {}, 'Note'), note)];
  if (!(await sheet('Transfer', fields, 'Transfer'))) return null;
  const [field, id] = to.value.split('=');
  return { [field]: id, ...(note.value.trim() && { note: note.value.trim() }) };
}

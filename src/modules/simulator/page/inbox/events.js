import { h } from '../dom.js';

/** What happened to a conversation besides messages, oldest first: when, and as a line of the thread. */
export function happenings({ transfers, rating, rating_comment, rated_at }, { team, board }) {
  const passed = (transfers ?? []).map((transfer) => {
    const { to_agent_id, to_queue_id, to_department_id, transferred_by, transferred_at, note } = transfer;
    const to =
      (to_agent_id && (team.called(to_agent_id) ?? 'an agent')) ||
      (to_queue_id && (board.nameOf(to_queue_id) ?? 'a queue')) ||
      (board.departmentOf(to_department_id) ?? 'a department');
    const by = transferred_by ? (team.called(transferred_by) ?? 'an agent') : 'PyTake';
    return {
      at: transferred_at,
      node: () =>
        h('div', { class: 'day happened', 'data-testid': 'transferred' }, `Transferred to ${to} by ${by}`, note && h('q', {}, note)),
    };
  });
  const rated = rated_at && {
    at: rated_at,
    node: () =>
      h(
        'div',
        { class: 'day happened', 'data-testid': 'rated' },
        'The customer rated ',
        stars(rating),
        rating_comment && h('q', {}, rating_comment),
      ),
  };
  return [...passed, ...(rated ? [rated] : [])].sort((a, b) => a.at.localeCompare(b.at));
}

/** `★★★★☆`, and in words for who listens. */
export function stars(rating) {
  return h('span', { class: 'stars', role: 'img', 'aria-label': `${rating} of 5` }, '★'.repeat(rating), '☆'.repeat(5 - rating));
}

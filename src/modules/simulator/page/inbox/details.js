import { toast } from '../dialogs.js';
import { avatar, h, icon } from '../dom.js';
import { stars } from './events.js';
import { nameOf } from './words.js';

const PRIORITIES = ['urgent', 'high', 'medium', 'low'];
const LABELS_MAX = 20;

/** Beside the thread: who the customer is, their tags, and how the conversation is sorted. */
export function detailsPanel({ api, state, team, tags, board, merge, mergeContact, transfer }) {
  let isOpen = false;
  const who = h('div', { class: 'details-who' });
  const given = h('div', { class: 'tag-chips', 'data-testid': 'contact-tags' });
  const editTags = h(
    'button',
    { type: 'button', class: 'ghost small', 'data-testid': 'edit-tags', onclick: () => void tags.choose(state.current.contact) },
    'Edit tags',
  );
  const labels = h('div', { class: 'tag-chips', 'data-testid': 'labels' });
  const newLabel = h('input', {
    type: 'text',
    maxlength: 50,
    autocomplete: 'off',
    placeholder: 'Add a label',
    'aria-label': 'Add a label',
    'data-testid': 'label-new',
  });
  const addLabel = h('form', { onsubmit: (event) => (event.preventDefault(), void label(newLabel.value.trim())) }, newLabel);
  const priority = h(
    'select',
    { 'aria-label': 'Priority', 'data-testid': 'priority', onchange: () => void save({ priority: priority.value }) },
    PRIORITIES.map((value) => h('option', { value }, value[0].toUpperCase() + value.slice(1))),
  );
  const facts = h('dl', {});
  const pass = h(
    'button',
    { type: 'button', class: 'ghost small', 'data-testid': 'details-transfer', onclick: () => void transfer() },
    'Transfer…',
  );
  const element = h(
    'aside',
    { class: 'details', 'aria-label': 'Details', 'data-testid': 'details-panel', hidden: true },
    h(
      'header',
      {},
      h('h3', {}, 'Details'),
      h('button', { type: 'button', class: 'round plain', 'aria-label': 'Close the details', onclick: () => toggle(false) }, icon('close')),
    ),
    who,
    part('Tags', given, editTags),
    part('Labels of this conversation', labels, addLabel),
    part('Priority', priority),
    part('Conversation', facts, pass),
  );

  element.addEventListener('keydown', (event) => event.key === 'Escape' && toggle(false));

  function part(title, ...children) {
    return h('section', {}, h('h4', {}, title), children);
  }

  async function save(change) {
    try {
      merge(await api.call('PUT', `/conversations/${state.current.id}`, change));
    } catch (error) {
      toast(error.message);
      draw();
    }
  }

  async function label(name) {
    if (!name) return;
    try {
      merge(await api.post(`/conversations/${state.current.id}/tags`, { tags: [name] }));
      newLabel.value = '';
    } catch (error) {
      toast(error.message);
    }
  }

  function toggle(open = !isOpen) {
    isOpen = open;
    element.parentElement.classList.toggle('with-details', open);
    draw();
    // The colors of tags that are not among the first of the organization.
    const { contact } = state.current ?? {};
    if (open && contact)
      void api.get(`/contacts/${contact.id}`).then(
        ({ tag_details }) => (tags.learn(tag_details), draw()),
        () => undefined,
      );
  }

  function draw() {
    const c = state.current;
    element.hidden = !isOpen || !c?.contact;
    if (element.hidden) return;
    const { contact } = c;
    const name = nameOf(c);
    who.replaceChildren(
      avatar(name, 'large'),
      h('strong', {}, name),
      h('small', {}, contact.phone_number ?? 'no phone'),
      contact.email ? h('small', {}, contact.email) : '',
      h(
        'button',
        {
          type: 'button',
          class: 'chip',
          'aria-pressed': String(Boolean(contact.is_vip)),
          'data-testid': 'vip',
          onclick: async () => {
            try {
              mergeContact(await api.call(contact.is_vip ? 'DELETE' : 'POST', `/contacts/${contact.id}/vip`));
            } catch (error) {
              toast(error.message);
            }
          },
        },
        '★ VIP',
      ),
    );
    given.replaceChildren(...(contact.tags ?? []).map((tag) => tags.chip(tag, () => void tags.take(contact, tag))));
    labels.replaceChildren(...(c.tags ?? []).map(labelChip));
    addLabel.hidden = (c.tags ?? []).length >= LABELS_MAX;
    priority.value = c.priority;
    pass.hidden = !['open', 'pending'].includes(c.status);
    const held = c.current_agent_id ? (team.called(c.current_agent_id) ?? c.current_agent?.full_name) : 'nobody';
    const rows = [
      ['Status', c.is_archived ? `${c.status}, archived` : c.status],
      ['With', held],
      ['Queue', board.nameOf(c.queue_id)],
      ['Department', board.departmentOf(c.department_id)],
      ['Number', c.whatsapp_number?.display_name ?? c.whatsapp_number?.phone_number],
      ['Began', c.created_at && new Date(c.created_at).toLocaleString()],
      ['Rating', c.rating && [stars(c.rating), c.rating_comment && h('q', {}, c.rating_comment)]],
    ];
    facts.replaceChildren(
      ...rows
        .filter(([, value]) => value)
        .flatMap(([term, value]) => [h('dt', {}, term), h('dd', { 'data-testid': `fact-${term.toLowerCase()}` }, value)]),
    );
  }

  const labelChip = (name) =>
    h(
      'span',
      { class: 'tag-chip label', 'data-testid': 'label' },
      h('span', { class: 'ellipsis' }, name),
      h(
        'button',
        {
          type: 'button',
          'aria-label': `Take the label ${name}`,
          onclick: () => void save({ tags: state.current.tags.filter((tag) => tag !== name) }),
        },
        icon('close'),
      ),
    );

  return { element, toggle, draw, isOpen: () => isOpen };
}

import { ask, menu, REACTIONS, toast } from '../dialogs.js';
import { h } from '../dom.js';

/** What the customer does besides writing: taps on what was sent, reacts, edits, shares. */
export function customerActs({ state, write, reply }) {
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

  function list({ button, sections }, message) {
    const rows = sections.map((section) =>
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
    const dialog = h('dialog', { class: 'sheet', 'aria-label': button }, h('h2', {}, button), rows);
    dialog.addEventListener('close', () => dialog.remove());
    dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
    document.body.append(dialog);
    dialog.showModal();
  }

  function more(anchor, message) {
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
      REACTIONS.map((emoji) => [emoji, () => react(emoji === picked ? '' : emoji), emoji === picked]),
    );
  }

  async function editMessage(message) {
    const values = await ask('Edit the message', [['body', 'Text', { value: message.content.body, rows: 3, required: true }]], 'Save');
    if (values)
      await write({ type: 'edit', edit: { original_message_id: message.id, message: { type: 'text', text: { body: values.body } } } });
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

  async function sharePhone() {
    let { wa_id } = state.customer;
    if (!wa_id)
      wa_id = (await ask('Share phone number', [['wa_id', 'Phone', { value: '+55 11 95555-0000', required: true }]]))?.wa_id.replace(
        /\D/g,
        '',
      );
    if (wa_id)
      await write({ type: 'contacts', contacts: [{ origin: 'contact_request', phones: [{ phone: `+${wa_id}`, wa_id, type: 'CELL' }] }] });
  }

  return { tap, answer, list, more, sendLocation, sendContact, sharePhone };
}

import { ask, kindOfFile, menu, pickFile, toast } from '../dialogs.js';
import { h, icon, messageForm, randomId } from '../dom.js';
import { mentionOffer } from './mentions.js';
import { chooseTemplate } from './template.js';
import { isClosed, nameOf, preview, senderOf } from './words.js';

/** Where the agent writes: text, files and everything else WhatsApp carries. */
export function replyComposer({ api, state, team, typing, upsert, fetchOne }) {
  const { quote, element, input, attach, submit, fit, answer } = messageForm({
    side: 'agent',
    placeholder: 'Write a reply',
    label: 'Write a reply',
    menuLabel: 'Send something else',
    openMenu: plusMenu,
    sendLabel: 'Send the reply',
    send: sendText,
  });
  /** Conversation id to what was begun there: a reply, and beside it a note, so that neither becomes the other. */
  const drafts = new Map();
  let draft = { reply: '', note: '' };
  let sending = null;
  /** What is written is for the team alone. */
  let isNote = false;
  const kind = () => (isNote ? 'note' : 'reply');
  const mentions = mentionOffer({ input, team, isOn: () => isNote });
  const noting = h(
    'div',
    { class: 'quoting noting', hidden: true },
    icon('note'),
    h('span', {}, 'Internal note: only your team sees it. @ names a colleague.'),
    h('button', { type: 'button', class: 'round plain', 'aria-label': 'No note', onclick: () => note(false) }, icon('close')),
  );
  input.addEventListener('input', () => (isNote || !input.value.trim() ? typing.stop() : typing.start()));
  input.addEventListener('blur', typing.stop);
  input.addEventListener('paste', (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (!file) return;
    event.preventDefault();
    void upload(file);
  });

  /** Another conversation is open now, or none: what was begun in the one before waits there. */
  function turn(from, to) {
    note(false);
    if (from) drafts.set(from, draft);
    draft = drafts.get(to) ?? { reply: '', note: '' };
    input.value = draft.reply;
    reply(null);
    fit();
  }

  function draw() {
    const closed = isClosed(state.current) && !isNote;
    submit.disabled = closed;
    input.disabled = closed;
  }

  function note(on) {
    draft[kind()] = input.value;
    isNote = on;
    input.value = draft[kind()];
    noting.hidden = !on;
    element.classList.toggle('is-note', on);
    input.placeholder = on ? 'Write a note' : 'Write a reply';
    input.setAttribute('aria-label', input.placeholder);
    submit.setAttribute('aria-label', on ? 'Keep the note' : 'Send the reply');
    if (on) reply(null);
    draw();
    fit();
    if (on) input.focus();
  }

  function reply(message) {
    if (message) note(false);
    state.quote = message;
    const who = message && (message.direction === 'outgoing' ? senderOf(message, api.session?.user?.id) : nameOf(state.current));
    answer(message && { who, words: preview(message) }, () => reply(null));
  }

  async function send(body) {
    const { id } = state.current ?? {};
    if (!id) return false;
    const whole = { ...body, ...(state.quote ? { reply_to_message_id: state.quote.id } : {}) };
    // The same words tried again after an error carry the same key: they go out once.
    const print = JSON.stringify([id, whole]);
    if (sending?.print !== print) sending = { print, key: randomId() };
    try {
      const message = await api.post(`/conversations/${id}/messages`, whole, sending.key);
      sending = null;
      if (state.current?.id === id && message?.id) {
        upsert(message);
        reply(null);
      }
      return true;
    } catch (error) {
      // A refusal is final; only silence or an outage is worth the same key.
      if (error.status !== undefined && error.status < 500) sending = null;
      toast(error.message);
      if (error.code === 'window_closed') void fetchOne(id);
      return false;
    }
  }

  async function sendText() {
    const content = input.value.trim();
    if (!content || submit.disabled) return;
    const [begun, as] = [draft, kind()];
    typing.stop();
    submit.disabled = true;
    input.value = '';
    fit();
    const sent = isNote ? await keepNote(content) : await send({ content });
    draw();
    if (sent) return;
    // It stands where it was written, unless other words do by now.
    if (begun !== draft || as !== kind()) begun[as] ||= content;
    else if (!input.value) {
      input.value = content;
      fit();
    }
  }

  function plusMenu() {
    const closed = isClosed(state.current);
    if (isNote) return menu(attach, [['Write a reply', 'reply', () => note(false), 'send-reply']]);
    menu(attach, [
      !closed && ['Photo or video', 'image', () => sendFile('image/png,image/jpeg,video/mp4'), 'send-image'],
      !closed && ['Document', 'file', () => sendFile(''), 'send-document'],
      !closed && ['Buttons', 'buttons', sendButtons, 'send-buttons'],
      !closed && ['List', 'list', sendList, 'send-list'],
      !closed && ['Location', 'pin', sendLocation, 'send-location'],
      !closed && ['Contact', 'person', sendContact, 'send-contact'],
      !closed && ['Template', 'template', sendTemplate, 'send-template'],
      ['Internal note', 'note', () => note(true), 'send-note'],
    ]);
  }

  async function sendFile(accept) {
    const file = await pickFile(accept);
    if (file) await upload(file);
  }

  async function upload(file) {
    if (isNote) return toast('A note has no files: they would go to the customer.');
    if (isClosed(state.current)) return;
    const form = new FormData();
    form.append('file', file);
    try {
      const media = await api.call('POST', '/whatsapp/media', form);
      const caption = input.value.trim();
      const message_type = kindOfFile(file);
      const sent = await send({
        message_type,
        media_id: media.id,
        ...(caption && message_type !== 'audio' ? { media_caption: caption } : {}),
        ...(message_type === 'document' ? { filename: file.name } : {}),
      });
      if (sent && caption && input.value.trim() === caption) {
        input.value = '';
        fit();
      }
    } catch (error) {
      toast(error.message);
    }
  }

  async function sendButtons() {
    const values = await ask('Send buttons', [
      ['body', 'Message', { rows: 3, value: 'Podemos confirmar a entrega?', required: true, maxlength: 1024 }],
      ['one', 'Button 1', { value: 'Sim', required: true, maxlength: 20 }],
      ['two', 'Button 2', { value: 'Não', maxlength: 20 }],
      ['three', 'Button 3', { maxlength: 20 }],
    ]);
    if (!values) return;
    const buttons = [values.one, values.two, values.three].filter(Boolean).map((title, index) => ({ id: `option_${index + 1}`, title }));
    await send({ message_type: 'interactive', interactive: { kind: 'buttons', body: values.body, buttons } });
  }

  async function sendList() {
    const values = await ask('Send a list', [
      ['body', 'Message', { rows: 2, value: 'Com qual setor deseja falar?', required: true, maxlength: 1024 }],
      ['button', 'Button', { value: 'Escolher setor', required: true, maxlength: 20 }],
      [
        'rows',
        'Rows, one per line: title | description',
        { rows: 4, value: 'Vendas | Produtos e preços\nFinanceiro | Boletos e notas\nSuporte', required: true },
      ],
    ]);
    if (!values) return;
    const rows = values.rows
      .split('\n')
      .map((row) => row.split('|').map((part) => part.trim()))
      .filter(([title]) => title)
      .map(([title, description], index) => ({ id: `row_${index + 1}`, title, ...(description ? { description } : {}) }));
    await send({
      message_type: 'interactive',
      interactive: { kind: 'list', body: values.body, button_text: values.button, sections: [{ title: 'Opções', rows }] },
    });
  }

  async function sendLocation() {
    const values = await ask('Send a location', [
      ['name', 'Place', { value: 'Nossa loja' }],
      ['address', 'Address', { value: 'Rua Augusta, 1500, São Paulo' }],
      ['latitude', 'Latitude', { type: 'number', step: 'any', min: -90, max: 90, value: '-23.5566', required: true }],
      ['longitude', 'Longitude', { type: 'number', step: 'any', min: -180, max: 180, value: '-46.6596', required: true }],
    ]);
    if (values)
      await send({
        message_type: 'location',
        location: { ...filled(values), latitude: Number(values.latitude), longitude: Number(values.longitude) },
      });
  }

  async function sendContact() {
    const values = await ask('Send a contact', [
      ['name', 'Name', { value: 'Suporte Técnico', required: true }],
      ['phone', 'Phone', { value: '+55 11 4000-2000', required: true }],
    ]);
    if (values) await send({ message_type: 'contacts', contacts: [values] });
  }

  async function sendTemplate() {
    const { whatsapp_number } = state.current ?? {};
    try {
      const template = await chooseTemplate(api, whatsapp_number?.id, nameOf(state.current).split(' ')[0]);
      if (template) await send({ message_type: 'template', template });
    } catch (error) {
      toast(error.message);
    }
  }

  async function keepNote(content) {
    const { id } = state.current;
    try {
      upsert(await api.post(`/conversations/${id}/notes`, { note: content, mentions: mentions.namedIn(content) }));
      return true;
    } catch (error) {
      toast(error.message);
      return false;
    }
  }

  return {
    parts: [mentions.list, quote, noting, element],
    turn,
    draw,
    reply,
    upload,
    sendTemplate,
    focus: () => input.focus(),
  };
}

function filled(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ''));
}

import { kindOfFile, menu, pickFile, toast } from '../dialogs.js';
import { messageForm } from '../dom.js';
import { call } from './api.js';
import { brief } from './bubble.js';

const AGAIN_MS = 5_000;

/** Where the customer writes: text, files and what else a phone has. */
export function customerComposer({ state, write, acts, business }) {
  const { quote, element, input, attach, fit, answer } = messageForm({
    side: 'customer',
    placeholder: 'Message',
    label: 'Write as the customer',
    menuLabel: 'Attach',
    openMenu: attachMenu,
    sendLabel: 'Send as the customer',
    send: sendText,
  });

  /** An Evolution line hears that a customer writes, Meta's does not. */
  let typing = 0;
  input.addEventListener('input', () => {
    if (!state.numbers.find((n) => n.phone_number_id === state.number)?.qrcode || Date.now() - typing < AGAIN_MS) return;
    typing = Date.now();
    const { name, wa_id, user_id, username, phone_hidden } = state.customer;
    const from = { wa_id, user_id, username, phone_hidden };
    void call('POST', `/control/evolution/${encodeURIComponent(state.number)}/presence`, { from, name, presence: 'composing' }).catch(
      () => undefined,
    );
  });

  function reply(message) {
    state.quote = message;
    answer(message && { who: message.direction === 'customer' ? 'You' : business(), words: brief(message) }, () => reply(null));
  }

  async function sendText() {
    const body = input.value.trim();
    if (!body) return;
    input.value = '';
    typing = 0;
    fit();
    if (!(await write({ type: 'text', text: { body } }))) input.value = body;
  }

  async function sendFile(file, voice = false) {
    if (!file) return;
    const form = new FormData();
    form.append('phone_number_id', state.number);
    form.append('file', file);
    try {
      const media = await call('POST', '/phone/media', form);
      const type = kindOfFile(file);
      const caption = ['image', 'video', 'document'].includes(type) && input.value.trim();
      if (caption) input.value = '';
      await write({
        type,
        [type]: {
          id: media.id,
          ...(caption ? { caption } : {}),
          ...(type === 'audio' ? { voice } : {}),
          ...(type === 'document' ? { filename: file.name } : {}),
        },
      });
    } catch (error) {
      toast(error.message);
    }
  }

  function attachMenu() {
    menu(attach, [
      ['Photo or video', 'image', async () => sendFile(await pickFile('image/png,image/jpeg,image/webp,video/mp4')), 'attach-image'],
      ['Document', 'file', async () => sendFile(await pickFile('')), 'attach-document'],
      ['Voice note', 'mic', async () => sendFile(await pickFile('audio/*'), true), 'attach-voice'],
      ['Location', 'pin', acts.sendLocation, 'attach-location'],
      ['Contact', 'person', acts.sendContact, 'attach-contact'],
    ]);
  }

  return { quote, element, reply };
}

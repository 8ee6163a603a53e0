import { toast } from '../dialogs.js';
import { h } from '../dom.js';
import { API, call } from './api.js';

const WORDS = {
  close: 'No phone is linked. Ask PyTake for a QR code, and it appears here.',
  connecting: 'WhatsApp prepares a QR code…',
  shown: 'This is what the business sees. Scan it with the phone of the business:',
};

/** Where a number that is linked by QR code waits for its phone. */
export function linkScreen() {
  let line = null;
  const words = h('p', {});
  const picture = h('img', { class: 'qr', alt: 'QR code to link a phone', 'data-testid': 'qr' });
  const phone = h('input', {
    'aria-label': 'Phone that scans',
    inputmode: 'tel',
    placeholder: '+55 11 4000-0002',
    'data-testid': 'qr-phone',
  });
  const form = h(
    'form',
    { onsubmit: (event) => (event.preventDefault(), scan()) },
    phone,
    h('button', { type: 'submit', class: 'primary', 'data-testid': 'qr-scan' }, 'Scan'),
  );
  const element = h('div', { class: 'link', 'data-testid': 'link' }, words, picture, form);

  function scan() {
    const { phone_number_id } = line;
    const number = phone.value.trim();
    call('POST', `/control/evolution/${encodeURIComponent(phone_number_id)}/scan`, number ? { number } : {}).catch((error) =>
      toast(error.message),
    );
  }

  /** What was typed stays while the codes change. */
  function show(next) {
    const { count, state, number } = next.qrcode;
    if (next.phone_number_id !== line?.phone_number_id) phone.value = number ? `+${number}` : '';
    line = next;
    words.textContent = WORDS[count ? 'shown' : state] ?? '';
    picture.hidden = form.hidden = !count;
    if (count) picture.src = `${API}/phone/qr/${encodeURIComponent(next.phone_number_id)}?count=${count}`;
    return element;
  }

  return { show };
}

export const isUnlinked = (line) => Boolean(line?.qrcode) && line.qrcode.state !== 'open';

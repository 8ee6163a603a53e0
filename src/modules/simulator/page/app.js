import { toast } from './dialogs.js';
import { startInbox } from './inbox.js';
import { startPhone } from './phone.js';

const wide = matchMedia('(min-width: 900px)');
const live = document.getElementById('live');
const shows = (tab) => wide.matches || document.body.dataset.tab === tab;
const news = (tab) => () => {
  if (!shows(tab)) document.getElementById(`${tab}-dot`).hidden = false;
};

const phone = startPhone(document.getElementById('phone'), { isVisible: () => shows('phone'), onNews: news('phone') });
const inbox = startInbox(document.getElementById('inbox'), {
  isVisible: () => shows('inbox'),
  onNews: news('inbox'),
  setLive: (state, text) => {
    live.dataset.state = state;
    live.textContent = text;
  },
});

for (const button of document.querySelectorAll('[data-tab-button]')) {
  button.addEventListener('click', () => {
    const tab = button.dataset.tabButton;
    document.body.dataset.tab = tab;
    for (const other of document.querySelectorAll('[data-tab-button]')) other.setAttribute('aria-pressed', String(other === button));
    document.getElementById(`${tab}-dot`).hidden = true;
    phone.look();
    inbox.resume();
  });
}
wide.addEventListener('change', () => {
  phone.look();
  inbox.resume();
});

const hello = await phone.load().catch((error) => void toast(error.message));
await inbox.load(hello);

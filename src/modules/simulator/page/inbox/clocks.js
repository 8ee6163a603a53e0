import { h, icon } from '../dom.js';

const draws = new WeakMap();

/** A span that `draw` shapes anew every second, for as long as it is on the page. */
function clock(props, draw) {
  const element = h('span', { ...props, class: `clock ${props.class ?? ''}` });
  draws.set(element, draw);
  draw(element);
  return element;
}

export const redrawClocks = () => {
  for (const element of document.getElementsByClassName('clock')) draws.get(element)?.(element);
};
setInterval(redrawClocks, 1000);

/** How long something takes: `42 s`, `7 min`, `3 h 05`, `2 d`. */
export function spell(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  if (seconds < 60) return `${seconds} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${String(minutes % 60).padStart(2, '0')}` : `${Math.floor(hours / 24)} d`;
}

export const since = (iso) => clock({}, (element) => (element.textContent = spell(Date.now() - Date.parse(iso))));

export const until = (iso, over) =>
  clock({ role: 'timer' }, (element) => {
    const left = Date.parse(iso) - Date.now();
    element.textContent = spell(left);
    if (left <= 0) over?.();
  });

/** The SLA of a conversation that waits: until when is the server's word, and so is the warning. null: none runs. */
export function slaClock({ is_queued, sla_ends_at, sla_warned_at, sla_breached_at }) {
  const ends = sla_ends_at ?? sla_breached_at;
  if (!is_queued || !ends) return null;
  const words = h('span', {});
  const element = clock({ class: 'sla', role: 'timer', 'data-testid': 'sla' }, (self) => {
    const left = Date.parse(ends) - Date.now();
    const state = sla_breached_at || left <= 0 ? 'breached' : sla_warned_at ? 'warned' : 'running';
    self.dataset.state = state;
    self.setAttribute('aria-label', state === 'breached' ? `SLA breached ${spell(-left)} ago` : `${spell(left)} left of the SLA`);
    words.textContent = state === 'breached' ? `+${spell(-left)}` : spell(left);
  });
  element.title = `To be taken by ${new Date(ends).toLocaleString()}`;
  element.append(icon('clock'), words);
  return element;
}

import { h } from '../dom.js';

/** The form that stands where the inbox will be; `enter` is called once somebody is signed in. */
export function signInForm({ api, email: known, why, enter }) {
  const email = h('input', {
    type: 'email',
    name: 'email',
    autocomplete: 'username',
    required: true,
    value: known,
    'data-testid': 'login-email',
  });
  const password = h('input', {
    type: 'password',
    name: 'password',
    autocomplete: 'current-password',
    required: true,
    'data-testid': 'login-password',
  });
  const problem = h('p', { class: 'problem', role: 'alert', hidden: !why, 'data-testid': 'login-error' }, why ?? '');
  const submit = h('button', { type: 'submit', class: 'primary', 'data-testid': 'login-submit' }, 'Sign in');
  const form = h(
    'form',
    { class: 'login' },
    h('img', { src: '/simulator/icon.svg', alt: '', class: 'login-mark' }),
    h('h2', {}, 'The agent’s inbox'),
    h(
      'p',
      { class: 'soft' },
      'Sign in to answer the phone on the other side. The password of the demo was printed on the console at the first start.',
    ),
    h('label', {}, h('span', {}, 'E-mail'), email),
    h('label', {}, h('span', {}, 'Password'), password),
    problem,
    submit,
  );
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    submit.disabled = true;
    problem.hidden = true;
    try {
      await api.login(email.value.trim(), password.value);
      await enter();
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
      password.select();
    } finally {
      submit.disabled = false;
    }
  });
  return form;
}

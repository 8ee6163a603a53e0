import { createHash } from 'node:crypto';
import { FAVICON_LINK } from '#api/favicon';
import { LANGUAGES, type Language } from '#common/languages';

/** The small pages that mailed links lead to while there is no front end (APP_URL): each does its one thing over the REST door. */
export const ACCOUNT_PAGES = ['reset-password', 'verify-email', 'forgot-password'] as const;
export type AccountPage = (typeof ACCOUNT_PAGES)[number];

interface PageText {
  title: string;
  intro: string;
  submit: string;
  done: string;
}

interface CommonText {
  password: string;
  repeat: string;
  email: string;
  /** By the error_code of the answer; `error` stands for all others. */
  says: Record<'mismatch' | 'invalid_token' | 'validation_error' | 'rate_limit_exceeded' | 'error', string>;
  new_link: string;
  no_script: string;
}

const COMMON: Record<Language, CommonText> = {
  'pt-BR': {
    password: 'Nova senha',
    repeat: 'Repita a nova senha',
    email: 'E-mail',
    says: {
      mismatch: 'As duas senhas são diferentes.',
      invalid_token: 'Este link não vale mais: já foi usado, expirou, ou um mais novo foi enviado.',
      validation_error:
        'Isso não é aceito. Uma senha tem 8 caracteres ou mais (a sua organização pode pedir mais), com letras e números, e não é o e-mail.',
      rate_limit_exceeded: 'Tentativas demais. Tente de novo mais tarde.',
      error: 'Não deu certo agora. Tente de novo em instantes.',
    },
    new_link: 'Pedir um novo link',
    no_script: 'Esta página precisa de JavaScript.',
  },
  en: {
    password: 'New password',
    repeat: 'Repeat the new password',
    email: 'E-mail',
    says: {
      mismatch: 'The two passwords differ.',
      invalid_token: 'This link is not valid any more: it was used, has expired, or a newer one was sent.',
      validation_error:
        'This is not accepted. A password has 8 or more characters (your organization may ask for more), with letters and digits, and is not the e-mail.',
      rate_limit_exceeded: 'Too many attempts. Try again later.',
      error: 'This did not work. Try again in a moment.',
    },
    new_link: 'Ask for a new link',
    no_script: 'This page needs JavaScript.',
  },
};

const TEXTS: Record<AccountPage, Record<Language, PageText>> = {
  'reset-password': {
    'pt-BR': {
      title: 'Definir a senha',
      intro: 'Escolha a nova senha da sua conta do PyTake.',
      submit: 'Salvar a senha',
      done: 'A senha está salva. Entre com ela onde você usa o PyTake.',
    },
    en: {
      title: 'Set your password',
      intro: 'Choose the new password of your PyTake account.',
      submit: 'Save the password',
      done: 'The password is saved. Sign in with it where you use PyTake.',
    },
  },
  'verify-email': {
    'pt-BR': {
      title: 'Confirmar o e-mail',
      intro: 'Confirme que este e-mail é seu.',
      submit: 'Confirmar',
      done: 'O e-mail está confirmado.',
    },
    en: { title: 'Confirm your e-mail', intro: 'Confirm that this e-mail is yours.', submit: 'Confirm', done: 'The e-mail is confirmed.' },
  },
  'forgot-password': {
    'pt-BR': {
      title: 'Pedir uma nova senha',
      intro: 'Enviamos um link para o e-mail da sua conta do PyTake.',
      submit: 'Enviar o link',
      done: 'Se existe uma conta com este e-mail, o link está a caminho.',
    },
    en: {
      title: 'Ask for a new password',
      intro: 'We send a link to the e-mail of your PyTake account.',
      submit: 'Send the link',
      done: 'If an account has this e-mail, the link is on its way.',
    },
  },
};

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: light-dark(#f2f6f4, #10201a); color: light-dark(#14261e, #e6f2ec); }
main { width: min(24rem, 88vw); padding: 2rem 0; }
h1 { margin: 0 0 .25rem; font-size: 1.6rem; }
form { display: grid; gap: 1rem; }
label { display: grid; gap: .25rem; }
input, button { font: inherit; padding: .7rem .8rem; border-radius: .6rem; border: 1px solid light-dark(#8aa398, #4c6b5f); }
input { background: light-dark(#fff, #183026); color: inherit; }
button { background: #0b7a49; border-color: #0b7a49; color: #fff; font-weight: 600; cursor: pointer; }
button:disabled { opacity: .6; cursor: default; }
a { color: light-dark(#0b7a49, #4fd798); }
[data-say] { padding: .7rem .8rem; border-radius: .6rem; background: light-dark(#fdeceb, #47201d); }
[data-say=done] { background: light-dark(#e2f3ec, #14352a); }
[hidden] { display: none; }
`;

/** The token comes behind `#`, which no server sees, and leaves the address at once. */
const SCRIPT = `
const page = document.body.dataset.page;
const form = document.querySelector('form');
const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? '';
history.replaceState(null, '', location.pathname);

const say = (word) => {
  const known = [...document.querySelectorAll('[data-say]')].some((one) => one.dataset.say === word);
  for (const one of document.querySelectorAll('[data-say]')) one.hidden = one.dataset.say !== (known ? word : 'error');
  form.hidden = word === 'done' || word === 'invalid_token';
};

form.hidden = false;
if (!token && page !== 'forgot-password') say('invalid_token');

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const { email, password, repeat } = form.elements;
  if (repeat && password.value !== repeat.value) return say('mismatch');
  const body = page === 'forgot-password' ? { email: email.value } : password ? { token, new_password: password.value } : { token };
  const button = form.querySelector('button');
  button.disabled = true;
  try {
    const answer = await fetch('/api/v1/auth/' + page, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    say(answer.ok ? 'done' : (await answer.json()).error_code);
  } catch {
    say('error');
  } finally {
    button.disabled = false;
  }
});
`;

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Its own script and style, its own server, and nothing else. */
export const ACCOUNT_PAGE_POLICY = [
  "default-src 'none'",
  `script-src ${hashOf(SCRIPT)}`,
  `style-src ${hashOf(STYLE)}`,
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const field = (label: string, name: string, type: string, autocomplete: string): string =>
  `<label>${label}<input name="${name}" type="${type}" autocomplete="${autocomplete}" required maxlength="${type === 'email' ? 255 : 100}"></label>`;

const fieldsOf = (page: AccountPage, { password, repeat, email }: CommonText): string[] => {
  if (page === 'forgot-password') return [field(email, 'email', 'email', 'email')];
  if (page === 'verify-email') return [];
  return [field(password, 'password', 'password', 'new-password'), field(repeat, 'repeat', 'password', 'new-password')];
};

const write = (page: AccountPage, language: Language): string => {
  const { title, intro, submit, done } = TEXTS[page][language];
  const common = COMMON[language];
  const said = (word: string, text: string): string => `<p data-say="${word}" role="status" hidden>${text}</p>`;
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · PyTake</title>
${FAVICON_LINK}
<style>${STYLE}</style>
</head>
<body data-page="${page}"><main>
<h1>${title}</h1>
<p>${intro}</p>
${said('done', done)}
${Object.entries(common.says)
  .map(([word, text]) =>
    said(word, word === 'invalid_token' && page === 'reset-password' ? `${text} <a href="/forgot-password">${common.new_link}</a>` : text),
  )
  .join('\n')}
<form hidden>
${fieldsOf(page, common).join('\n')}
<button>${submit}</button>
</form>
<noscript><p>${common.no_script}</p></noscript>
</main>
<script>${SCRIPT}</script>
</body>
</html>
`;
};

const WRITTEN = new Map(ACCOUNT_PAGES.flatMap((page) => LANGUAGES.map((language) => [`${page} ${language}`, write(page, language)])));

export const accountPage = (page: AccountPage, language: Language): string => WRITTEN.get(`${page} ${language}`) ?? '';

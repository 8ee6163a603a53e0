import { oneLine } from '#common/one-line';
import type { Language } from '#common/languages';
import { type MailText, type MailValues, filled } from './mail-texts';

/** A mail as its reader sees it, in both forms. */
export interface RenderedMail {
  subject: string;
  text: string;
  html: string;
}

const SUBJECT_MAX = 200;

const SENT_BY: Record<Language, string> = {
  'pt-BR': 'Mensagem automática do PyTake',
  en: 'An automatic message of PyTake',
};

const escape = (text: string): string => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** Every value is text and never markup; nothing is loaded from anywhere. `home`: where this PyTake is, told below. */
export function renderMail(text: MailText, values: MailValues, language: Language, home: string): RenderedMail {
  const subject = oneLine(filled(text.subject, values)).slice(0, SUBJECT_MAX);
  const paragraphs = text.text.split(/\n{2,}/).map((paragraph) => filled(paragraph.trim(), values));
  const action = text.action && { label: filled(text.action.label, values), url: webAddress(filled(text.action.url, values)) };
  const small = text.small && filled(text.small, values);
  const footer = `${SENT_BY[language]} · ${home}`;

  return {
    subject,
    text: [...paragraphs, action?.url && `${action.label}:\n${action.url}`, small, `-- \n${footer}`].filter(Boolean).join('\n\n') + '\n',
    html: layout(language, subject, [
      ...paragraphs.map((paragraph) => `<p style="margin:0 0 16px">${lines(paragraph)}</p>`),
      action?.url ? button(action.label, action.url) : '',
      small ? `<p style="margin:0 0 16px;font-size:14px;color:#51655b">${lines(small)}</p>` : '',
      `<p style="margin:24px 0 0;padding-top:16px;border-top:1px solid #d7e5dd;font-size:12px;color:#51655b">${escape(footer)}</p>`,
    ]),
  };
}

const lines = (text: string): string => escape(text).replaceAll('\n', '<br>');

/** null: nowhere a mail may lead. */
const webAddress = (address: string): string | null =>
  URL.canParse(address) && ['http:', 'https:'].includes(new URL(address).protocol) ? address : null;

const button = (label: string, url: string): string =>
  `<p style="margin:24px 0"><a href="${escape(url)}" style="display:inline-block;padding:12px 20px;border-radius:8px;background:#0b7a49;color:#ffffff;text-decoration:none;font-weight:600">${escape(label)}</a></p>
<p style="margin:0 0 16px;font-size:12px;color:#51655b;word-break:break-all">${escape(url)}</p>`;

const layout = (language: Language, title: string, body: string[]): string => `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light">
<title>${escape(title)}</title>
</head>
<body style="margin:0;background:#f2f6f4">
<div style="max-width:560px;margin:0 auto;padding:32px 24px;background:#ffffff;color:#14261e;font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif">
${body.filter(Boolean).join('\n')}
</div>
</body>
</html>
`;

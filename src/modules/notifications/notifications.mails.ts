import type { Language } from '#common/languages';
import { type MailText, declareMail } from '#mail/mail-texts';

const NOTICE: Record<Language, MailText> = {
  'pt-BR': {
    subject: '{{title}}',
    text: '{{message}}',
    action: { label: 'Abrir', url: '{{link}}' },
    small: 'O que chega por e-mail você escolhe nas suas preferências de notificação.',
  },
  en: {
    subject: '{{title}}',
    text: '{{message}}',
    action: { label: 'Open', url: '{{link}}' },
    small: 'You choose what comes by mail in your notification preferences.',
  },
};

/** One notice. How many an hour its user says. */
export const NOTICE_MAIL = 'notifications.notice';
declareMail(NOTICE_MAIL, NOTICE, { per_hour: 100 });

/** One that concerns the account itself. */
export const ALERT_MAIL = 'notifications.alert';
declareMail(
  ALERT_MAIL,
  {
    'pt-BR': { ...NOTICE['pt-BR'], small: 'Este aviso trata da segurança da sua conta: chega sempre.' },
    en: { ...NOTICE.en, small: 'This concerns the security of your account: it always comes.' },
  },
  { per_hour: 20 },
);

/** What waited since the last one. */
export const DIGEST_MAIL = 'notifications.digest';
declareMail(DIGEST_MAIL, {
  'pt-BR': {
    ...NOTICE['pt-BR'],
    subject: 'Notificações que você ainda não leu: {{count}}',
    text: 'O que você ainda não leu:\n\n{{list}}',
  },
  en: { ...NOTICE.en, subject: 'Notifications you have not read yet: {{count}}', text: 'What you have not read yet:\n\n{{list}}' },
});

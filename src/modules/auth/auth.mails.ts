import { declareMail } from '#mail/mail-texts';

declareMail(
  'auth.password_reset',
  {
    'pt-BR': {
      subject: 'Definir uma nova senha',
      text: 'Olá!\n\nAlguém pediu uma nova senha para a conta do PyTake com este e-mail.',
      action: { label: 'Definir a nova senha', url: '{{link}}' },
      small: 'O link vale por 60 minutos e só uma vez. Se não foi você, ignore esta mensagem: a senha continua a mesma.',
    },
    en: {
      subject: 'Set a new password',
      text: 'Hello!\n\nSomebody asked for a new password for the PyTake account with this e-mail.',
      action: { label: 'Set the new password', url: '{{link}}' },
      small: 'The link works once, within 60 minutes. If it was not you, ignore this message: the password stays as it is.',
    },
  },
  { per_hour: 5 },
);

import { declareMail } from '#mail/mail-texts';

declareMail(
  'users.email_verification',
  {
    'pt-BR': {
      subject: 'Confirme o seu e-mail',
      text: 'Olá!\n\nEste endereço foi informado em uma conta do PyTake. Confirme que ele é seu.',
      action: { label: 'Confirmar o e-mail', url: '{{link}}' },
      small: 'O link vale por 72 horas e só uma vez. Se não foi você, ignore esta mensagem.',
    },
    en: {
      subject: 'Confirm your e-mail',
      text: 'Hello!\n\nThis address was given for a PyTake account. Confirm that it is yours.',
      action: { label: 'Confirm the e-mail', url: '{{link}}' },
      small: 'The link works once, within 72 hours. If it was not you, ignore this message.',
    },
  },
  { per_hour: 5 },
);

declareMail('users.password_changed', {
  'pt-BR': {
    subject: 'A sua senha foi alterada',
    text: 'Olá!\n\nA senha da sua conta do PyTake ({{email}}) foi alterada, e as outras sessões foram encerradas.',
    action: { label: 'Não fui eu: definir outra senha', url: '{{link}}' },
    small: 'Se foi você, não é preciso fazer nada.',
  },
  en: {
    subject: 'Your password was changed',
    text: 'Hello!\n\nThe password of your PyTake account ({{email}}) was changed, and the other sessions have ended.',
    action: { label: 'It was not me: set another password', url: '{{link}}' },
    small: 'If it was you, there is nothing to do.',
  },
});

declareMail('users.email_changed', {
  'pt-BR': {
    subject: 'O e-mail da sua conta foi alterado',
    text: 'Olá!\n\nA sua conta do PyTake tem agora outro e-mail, e nada mais sobre ela chega a este endereço.',
    small: 'Se não foi você nem um administrador da sua organização, fale com ele.',
  },
  en: {
    subject: 'The e-mail of your account was changed',
    text: 'Hello!\n\nYour PyTake account has another e-mail now, and nothing about it comes to this address any more.',
    small: 'If it was neither you nor an administrator of your organization, talk to them.',
  },
});

declareMail(
  'users.invited',
  {
    'pt-BR': {
      subject: 'Convite para a equipe de {{organization}}',
      text: 'Olá, {{full_name}}!\n\nVocê recebeu um convite para a equipe de {{organization}} no PyTake. Defina a sua senha para entrar.',
      action: { label: 'Definir a senha', url: '{{link}}' },
      small: 'O link vale por 7 dias e só uma vez. Se você não esperava este convite, ignore esta mensagem.',
    },
    en: {
      subject: 'You are invited to join the team of {{organization}}',
      text: 'Hello {{full_name}}!\n\nYou are invited to join the team of {{organization}} on PyTake. Set your password to sign in.',
      action: { label: 'Set the password', url: '{{link}}' },
      small: 'The link works once, within 7 days. If you did not expect this invitation, ignore this message.',
    },
  },
  { per_hour: 5 },
);

declareMail(
  'users.locked',
  {
    'pt-BR': {
      subject: 'Muitas tentativas de entrar na sua conta',
      text: 'Olá!\n\nA senha da sua conta do PyTake ({{email}}) foi digitada errada muitas vezes. O acesso está bloqueado por {{minutes}} minutos.',
      action: { label: 'Definir uma nova senha', url: '{{link}}' },
      small: 'Uma nova senha desbloqueia a conta. Se não foi você, alguém tentou adivinhar a sua senha, sem conseguir.',
    },
    en: {
      subject: 'Too many attempts to sign in to your account',
      text: 'Hello!\n\nWrong passwords were given for your PyTake account ({{email}}) too many times. It is locked for {{minutes}} minutes.',
      action: { label: 'Set a new password', url: '{{link}}' },
      small: 'A new password unlocks the account. If it was not you, somebody tried to guess your password, and failed.',
    },
  },
  { per_hour: 2 },
);

import { declareMail } from '#mail/mail-texts';

declareMail('organizations.suspended', {
  'pt-BR': {
    subject: '{{organization}} foi suspensa',
    text: 'Olá!\n\nA organização {{organization}} foi suspensa no PyTake. Motivo: {{reason}}\n\nNinguém dela consegue entrar e nada é enviado. As mensagens dos seus clientes continuam sendo guardadas.',
    small: 'Fale com quem opera este servidor.',
  },
  en: {
    subject: '{{organization}} was suspended',
    text: 'Hello!\n\nThe organization {{organization}} was suspended on PyTake. Reason: {{reason}}\n\nNobody of it can sign in, and nothing is sent. What your customers write is still kept.',
    small: 'Talk to whoever operates this server.',
  },
});

declareMail('organizations.deactivated', {
  'pt-BR': {
    subject: '{{organization}} foi desativada',
    text: 'Olá!\n\nA organização {{organization}} foi desativada no PyTake: ninguém dela consegue entrar e nada é enviado. As mensagens dos seus clientes continuam sendo guardadas.',
    small: 'Fale com quem opera este servidor.',
  },
  en: {
    subject: '{{organization}} was switched off',
    text: 'Hello!\n\nThe organization {{organization}} was switched off on PyTake: nobody of it can sign in, and nothing is sent. What your customers write is still kept.',
    small: 'Talk to whoever operates this server.',
  },
});

declareMail('organizations.activated', {
  'pt-BR': {
    subject: '{{organization}} está ativa de novo',
    text: 'Olá!\n\nA organização {{organization}} está ativa de novo no PyTake. O que esperava para ser enviado está saindo.',
    action: { label: 'Entrar', url: '{{link}}' },
  },
  en: {
    subject: '{{organization}} is active again',
    text: 'Hello!\n\nThe organization {{organization}} is active again on PyTake. What waited to be sent is leaving.',
    action: { label: 'Sign in', url: '{{link}}' },
  },
});

declareMail('organizations.deleted', {
  'pt-BR': {
    subject: '{{organization}} foi excluída',
    text: 'Olá!\n\nA organização {{organization}} foi excluída do PyTake. Até {{until}} ela ainda pode ser restaurada, e os seus dados, exportados; depois, tudo é apagado de vez.',
    small: 'Se foi um engano, ou se você quer os dados, fale com quem opera este servidor antes desse dia.',
  },
  en: {
    subject: '{{organization}} was deleted',
    text: 'Hello!\n\nThe organization {{organization}} was deleted from PyTake. Until {{until}} it can still be restored, and its data exported; then all of it is erased for good.',
    small: 'If this is a mistake, or if you want the data, talk to whoever operates this server before that day.',
  },
});

declareMail('organizations.restored', {
  'pt-BR': {
    subject: '{{organization}} foi restaurada',
    text: 'Olá!\n\nA organização {{organization}} está de volta no PyTake, com os seus dados. Entre com a senha que você tinha.',
    action: { label: 'Entrar', url: '{{link}}' },
  },
  en: {
    subject: '{{organization}} was restored',
    text: 'Hello!\n\nThe organization {{organization}} is back on PyTake, with its data. Sign in with the password you had.',
    action: { label: 'Sign in', url: '{{link}}' },
  },
});

declareMail('organizations.trial_ending', {
  'pt-BR': {
    subject: 'O período de teste de {{organization}} termina em {{ends_on}}',
    text: 'Olá!\n\nO período de teste de {{organization}} termina em {{ends_on}}. Depois valem os limites do plano {{plan}}. O que existe continua existindo; só não será possível criar além dos limites.',
    small: 'Para ficar com mais, fale com quem opera este servidor antes desse dia.',
    action: { label: 'Ver o plano', url: '{{link}}' },
  },
  en: {
    subject: 'The trial of {{organization}} ends on {{ends_on}}',
    text: 'Hello!\n\nThe trial of {{organization}} ends on {{ends_on}}. The limits of the plan {{plan}} hold after that. What exists stays; only nothing beyond the limits can be made.',
    small: 'If you need more, talk to whoever operates this server before that day.',
    action: { label: 'See the plan', url: '{{link}}' },
  },
});

declareMail('organizations.trial_ended', {
  'pt-BR': {
    subject: 'O período de teste de {{organization}} terminou',
    text: 'Olá!\n\nO período de teste de {{organization}} terminou. Agora valem os limites do plano {{plan}}. O que existe continua existindo; só não é possível criar além dos limites.',
    action: { label: 'Ver o plano', url: '{{link}}' },
  },
  en: {
    subject: 'The trial of {{organization}} has ended',
    text: 'Hello!\n\nThe trial of {{organization}} has ended. The limits of the plan {{plan}} hold from now on. What exists stays; only nothing beyond the limits can be made.',
    action: { label: 'See the plan', url: '{{link}}' },
  },
});

declareMail('organizations.subscription_ended', {
  'pt-BR': {
    subject: 'A assinatura de {{organization}} terminou',
    text: 'Olá!\n\nA assinatura de {{organization}} terminou, e o plano agora é {{plan}}. O que existe continua existindo; só não é possível criar além dos limites.',
    action: { label: 'Ver o plano', url: '{{link}}' },
  },
  en: {
    subject: 'The subscription of {{organization}} has ended',
    text: 'Hello!\n\nThe subscription of {{organization}} has ended, and the plan is {{plan}} now. What exists stays; only nothing beyond the limits can be made.',
    action: { label: 'See the plan', url: '{{link}}' },
  },
});

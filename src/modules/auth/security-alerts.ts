import { Injectable } from '@nestjs/common';
import type { Tx } from '#database/database';
import { Channel, declareNotice } from '#modules/notifications/notice-types';
import { type Notice, Notices } from '#modules/notifications/notices';

const SECURITY_ALERT = declareNotice('security_alert', {
  text: 'Something happened to your account that you should know of.',
  channels: [Channel.in_app, Channel.email],
  always_by_mail: true,
});

interface Account {
  id: string;
  organization_id: string;
}

type Words = Pick<Notice, 'title' | 'message' | 'channels'>;

const OFF = {
  'pt-BR': 'A verificação em duas etapas da sua conta foi desativada',
  en: 'The second factor of your account was switched off',
};

const TWO_FACTOR = {
  on: {
    title: {
      'pt-BR': 'A verificação em duas etapas da sua conta foi ativada',
      en: 'The second factor of your account was switched on',
    },
    message: {
      'pt-BR': 'Agora a entrada na sua conta pede também um código. Se não foi você, fale com um administrador e troque a sua senha.',
      en: 'Signing in to your account takes a code too from now on. If it was not you, talk to an administrator and change your password.',
    },
  },
  off: {
    title: OFF,
    message: {
      'pt-BR': 'A senha sozinha abre a sua conta. Se não foi você, troque a sua senha e ative a verificação de novo.',
      en: 'The password alone opens your account. If it was not you, change your password and switch the second factor on again.',
    },
  },
  reset: {
    title: OFF,
    message: {
      'pt-BR': 'Um administrador a desativou e encerrou as suas sessões. Entre com a senha e ative a verificação de novo.',
      en: 'An administrator switched it off and ended your sessions. Sign in with your password and switch it on again.',
    },
  },
} satisfies Record<string, Words>;

const API_KEY = {
  made: (name) => ({
    title: { 'pt-BR': 'Uma chave de API foi criada com a sua conta', en: 'An API key was made with your account' },
    message: {
      'pt-BR': `A chave “${name}” age em nome da sua organização. Se não foi você, exclua a chave e troque a sua senha.`,
      en: `The key “${name}” acts in the name of your organization. If it was not you, revoke the key and change your password.`,
    },
  }),
  rotated: (name) => ({
    title: { 'pt-BR': 'Uma chave de API tem um novo valor', en: 'An API key has a new value' },
    message: {
      'pt-BR': `A chave “${name}” recebeu um novo valor. Se não foi um administrador da sua organização, exclua a chave e troque a sua senha.`,
      en: `The key “${name}” was given a new value. If it was no administrator of your organization, revoke the key and change your password.`,
    },
  }),
} satisfies Record<string, (name: string) => Words>;

/** Tells users what happens to their account, that they see what was not them. */
@Injectable()
export class SecurityAlerts {
  constructor(private readonly notices: Notices) {}

  /** An old refresh token was used again: somebody has a copy, and the session has ended. */
  async tokenReused(tx: Tx, account: Account): Promise<void> {
    await this.tell(tx, account, {
      title: { 'pt-BR': 'Encerramos uma sessão sua por segurança', en: 'We ended one of your sessions for safety' },
      message: {
        'pt-BR':
          'Uma credencial já usada de uma sessão sua foi apresentada de novo: alguém pode tê-la copiado. A sessão foi encerrada. Entre de novo e, se não foi você, troque a sua senha.',
        en: 'A used credential of one of your sessions was presented again: somebody may have copied it. The session has ended. Sign in again, and change your password if it was not you.',
      },
    });
  }

  /** Too many wrong passwords; `AccountMails` mails it. */
  async locked(tx: Tx, account: Account): Promise<void> {
    await this.tell(tx, account, {
      title: { 'pt-BR': 'O acesso à sua conta foi bloqueado por um tempo', en: 'Access to your account was locked for a while' },
      message: {
        'pt-BR': 'Houve senhas erradas demais, uma atrás da outra. Se não foi você, alguém tentou entrar na sua conta.',
        en: 'There were too many wrong passwords in a row. If it was not you, somebody tried to get into your account.',
      },
      channels: [Channel.in_app],
    });
  }

  /** Whoever has one of them and the password needs no phone. */
  async recoveryCodeUsed(tx: Tx, account: Account, left: number): Promise<void> {
    await this.tell(tx, account, {
      title: { 'pt-BR': 'Um código de recuperação foi usado', en: 'A recovery code was used' },
      message: {
        'pt-BR': `Alguém entrou na sua conta com a senha e um código de recuperação; códigos que restam: ${left}. Se não foi você, troque a senha.`,
        en: `Somebody signed in to your account with the password and a recovery code; codes left: ${left}. If it was not you, change the password.`,
      },
    });
  }

  /** Another password; `AccountMails` mails it. */
  async passwordChanged(tx: Tx, account: Account): Promise<void> {
    await this.tell(tx, account, {
      title: { 'pt-BR': 'A senha da sua conta foi alterada', en: 'The password of your account was changed' },
      message: {
        'pt-BR': 'As outras sessões foram encerradas. Se não foi você, peça uma nova senha.',
        en: 'The other sessions have ended. If it was not you, ask for a new password.',
      },
      channels: [Channel.in_app],
    });
  }

  /** `reset`: by somebody else, for who lost it. */
  async twoFactor(tx: Tx, account: Account, now: keyof typeof TWO_FACTOR): Promise<void> {
    await this.tell(tx, account, TWO_FACTOR[now]);
  }

  /** Whoever makes a key, or gives it a value, has what it may. */
  async apiKey(
    tx: Tx,
    what: keyof typeof API_KEY,
    { organization_id, name }: { organization_id: string; name: string },
    user_ids: readonly string[],
  ): Promise<void> {
    await this.tellAll(tx, organization_id, user_ids, API_KEY[what](name));
  }

  private tell(tx: Tx, { id, organization_id }: Account, words: Words): Promise<void> {
    return this.tellAll(tx, organization_id, [id], words);
  }

  private async tellAll(tx: Tx, organization_id: string, user_ids: readonly string[], words: Words): Promise<void> {
    await this.notices.tell(tx, { organization_id, user_ids, type: SECURITY_ALERT, priority: 'high', ...words });
  }
}

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

/** Tells users what happens to their account without them. */
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

  /** Without it a password alone lets in. */
  async twoFactorOff(tx: Tx, account: Account): Promise<void> {
    await this.tell(tx, account, {
      title: { 'pt-BR': 'A verificação em duas etapas foi desligada', en: 'Two-step verification was switched off' },
      message: {
        'pt-BR': 'A sua senha basta agora para entrar na sua conta. Se não foi você, troque a senha e ligue a verificação de novo.',
        en: 'Your password alone now lets you into your account. If it was not you, change it, and switch the verification on again.',
      },
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

  private async tell(tx: Tx, { id, organization_id }: Account, words: Pick<Notice, 'title' | 'message' | 'channels'>): Promise<void> {
    await this.notices.tell(tx, { organization_id, user_ids: [id], type: SECURITY_ALERT, priority: 'high', ...words });
  }
}

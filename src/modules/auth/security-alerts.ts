import { Injectable, Logger } from '@nestjs/common';
import { Database, type Tx } from '#database/database';
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
  private readonly logger = new Logger(SecurityAlerts.name);

  constructor(
    private readonly database: Database,
    private readonly notices: Notices,
  ) {}

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

  /** Too many wrong passwords. Beside the request: how long its answer takes says nothing of whether the account exists. */
  locked(account: Account): void {
    this.database
      .tx((tx) =>
        this.tell(tx, account, {
          title: { 'pt-BR': 'O acesso à sua conta foi bloqueado por um tempo', en: 'Access to your account is locked for a while' },
          message: {
            'pt-BR': 'Houve senhas erradas demais, uma atrás da outra. Se não foi você, alguém está tentando entrar na sua conta.',
            en: 'There were too many wrong passwords in a row. If it was not you, somebody is trying to get into your account.',
          },
        }),
      )
      .catch((error: unknown) => this.logger.warn({ msg: 'a user was not told of a lock', err: error }));
  }

  private async tell(tx: Tx, { id, organization_id }: Account, words: Pick<Notice, 'title' | 'message'>): Promise<void> {
    await this.notices.tell(tx, { organization_id, user_ids: [id], type: SECURITY_ALERT, priority: 'high', ...words });
  }
}

import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Encryption } from '#common/encryption';
import { nearestLanguage } from '#common/languages';
import { scrubText } from '#common/mask';
import { newId } from '#common/uuid';
import { Config } from '#config/config';
import { Database, type Tx } from '#database/database';
import { type DueRow, DueRows, type Wake, inTurn } from '#database/due-rows';
import { Metrics } from '#observability/metrics';
import { type MailValues, declaredMail } from './mail-texts';
import { MAILS_AT_ONCE, MailRefused, Mailer } from './mailer';
import type { OutboundMail } from './outbound-mail.entity';
import { type RenderedMail, renderMail } from './render-mail';

/** A mail to be written. */
export interface NewMail {
  /** Under which `mail.settled` tells what became of it; default: a new one. */
  id?: string;
  organization_id: string;
  to: string;
  /** The account it is to: its rows go with it. */
  user_id?: string | null;
  /** BCP-47; null: the organization's. */
  language: string | null;
  /** As its room declared it. */
  mail: string;
  /** Instead of what its room declared. */
  per_hour?: number;
  values: MailValues;
}

type Claimed = Pick<OutboundMail, 'id' | 'organization_id' | 'recipient' | 'mail' | 'language' | 'values_encrypted' | 'attempts'>;

/** Contract 10, 2: 3 tries in all. */
const TRIES = 3;
/** After the first and the second: a grey list lets in who comes again after five to ten minutes. */
const PAUSES_SECONDS = [60, 600];
const TIMEOUT_SECONDS = 60;
/** A try that takes longer than it may is of a worker that died. */
const LEASE_SECONDS = 120;

const OVERDUE = inTurn(
  "SELECT organization_id FROM outbound_mails WHERE status = 'pending'",
  `SELECT id FROM outbound_mails
    WHERE organization_id = w.organization_id AND status = 'pending' AND due_at < now() - interval '5 seconds' ORDER BY due_at`,
);

/** Writes mails and sends them. The row is the queue: whatever becomes of the process or the mail server, it is sent or failed. */
@Injectable()
export class Mails implements OnModuleInit {
  private readonly logger = new Logger(Mails.name);
  private readonly wake: Wake;

  constructor(
    private readonly config: Config,
    private readonly database: Database,
    private readonly encryption: Encryption,
    private readonly mailer: Mailer,
    private readonly metrics: Metrics,
    rows: DueRows,
  ) {
    this.wake = rows.add({
      name: 'mail',
      concurrency: MAILS_AT_ONCE,
      timeout_seconds: TIMEOUT_SECONDS,
      sweep_seconds: 15,
      work: (row, signal) => this.send(row, signal),
      overdue: (limit) => this.database.rows(OVERDUE, [limit]),
    });
  }

  onModuleInit(): void {
    this.metrics.gauge('mails_waiting').collectFrom(() => this.waiting());
  }

  /** Written with what it tells: it leaves once that is committed. false: the recipient had their share of this mail for the hour. */
  async queue(tx: Tx, mail: NewMail): Promise<boolean> {
    const [queued] = await this.queueAll(tx, [mail]);
    return queued;
  }

  /** As `queue`, in one statement; answers for each whether it is queued. */
  async queueAll(tx: Tx, mails: readonly NewMail[]): Promise<boolean[]> {
    if (!mails.length) return [];
    const rows = mails.map(({ id = newId(), organization_id, to, user_id, language, mail, per_hour, values }) => ({
      id,
      organization_id,
      recipient: to,
      user_id: user_id ?? null,
      mail,
      language,
      per_hour: per_hour ?? declaredMail(mail, values).per_hour,
      values_encrypted: this.encryption.encrypt(JSON.stringify(values), [organization_id, id]),
    }));
    const written = await tx.rows<{ id: string; organization_id: string }>(
      `INSERT INTO outbound_mails (id, organization_id, recipient, user_id, mail, language, values_encrypted)
       SELECT m.id, m.organization_id, m.recipient, m.user_id, m.mail,
              coalesce(m.language, left(o.settings->>'language', 35)), m.values_encrypted
         FROM json_to_recordset($1) AS m(id uuid, organization_id uuid, recipient text, user_id uuid, mail text, language text, per_hour int, values_encrypted text)
         JOIN organizations o ON o.id = m.organization_id
        WHERE (SELECT count(*) FROM outbound_mails s WHERE s.organization_id = m.organization_id AND s.recipient = m.recipient
                  AND s.mail = m.mail AND s.created_at > now() - interval '1 hour') < m.per_hour
       RETURNING id, organization_id`,
      [JSON.stringify(rows)],
    );
    tx.afterCommit(() => {
      for (const row of written) this.wake(row);
    });
    const queued = new Set(written.map(({ id }) => id));
    return rows.map(({ id }) => queued.has(id));
  }

  /** Where a mail leads: a page of the front end (APP_URL). The token stands behind `#`, so that no server and no proxy writes it down. */
  link(page: string, token?: string): string {
    return `${this.config.app_url}${page}${token === undefined ? '' : `#token=${token}`}`;
  }

  /** One try; answers in how many milliseconds to try again, null: it is settled, not due, or somebody else is at it. */
  private async send(row: DueRow, signal: AbortSignal): Promise<number | null> {
    const mail = await this.claim(row);
    if (!mail) return null;
    const { id, recipient: to, attempts } = mail;
    try {
      // Out of tries before this one: the last worker died at it.
      if (attempts > TRIES) throw new MailRefused('The server did not end its tries.', true, 'abandoned');
      await this.mailer.send({ id, to, ...this.render(mail) }, signal);
    } catch (error) {
      return this.refused(mail, error as Error);
    }
    this.metrics.counter('mails_total').inc({ result: 'sent' });
    await this.settle(mail, 'sent', null);
    return null;
  }

  /** The mail, for this try alone. */
  private async claim({ organization_id, id }: DueRow): Promise<Claimed | undefined> {
    const [mail] = await this.database.rows<Claimed | undefined>(
      `UPDATE outbound_mails SET attempts = attempts + 1, due_at = now() + $3 * interval '1 second', updated_at = now()
        WHERE organization_id = $1 AND id = $2 AND status = 'pending' AND due_at <= now()
       RETURNING id, organization_id, recipient, mail, language, values_encrypted, attempts`,
      [organization_id, id, LEASE_SECONDS],
    );
    return mail;
  }

  private render({ organization_id, id, mail, language: wanted, values_encrypted }: Claimed): RenderedMail {
    const language = nearestLanguage(wanted);
    const values = JSON.parse(this.encryption.decrypt(values_encrypted ?? '', [organization_id, id])) as MailValues;
    return renderMail(declaredMail(mail, values).texts[language], values, language, this.config.app_url);
  }

  private async refused(mail: Claimed, error: Error): Promise<number | null> {
    const { id, attempts } = mail;
    const { is_final, code } = error instanceof MailRefused ? error : { is_final: true, code: error.name };
    const seconds = is_final || attempts >= TRIES ? null : PAUSES_SECONDS[attempts - 1];
    const reason = scrubText(error.message).slice(0, 500);
    this.logger.warn({ msg: 'mail not sent', id, mail: mail.mail, attempt: attempts, code, tried_again: seconds !== null });
    this.metrics.counter('mails_total').inc({ result: seconds === null ? 'failed' : 'retried' });
    if (seconds === null) {
      await this.settle(mail, 'failed', reason);
      return null;
    }
    await this.database.rows(
      `UPDATE outbound_mails SET due_at = now() + $3 * interval '1 second', error = $4, updated_at = now()
        WHERE organization_id = $1 AND id = $2 AND status = 'pending'`,
      [mail.organization_id, id, seconds, reason],
    );
    return seconds * 1000;
  }

  /** Its end; what it said is gone with it. */
  private async settle({ organization_id, id, mail, attempts }: Claimed, status: 'sent' | 'failed', error: string | null): Promise<void> {
    await this.database.tx(async (tx) => {
      const [settled] = await tx.rows(
        `UPDATE outbound_mails SET status = $3, error = $4, values_encrypted = NULL, settled_at = now(), updated_at = now()
          WHERE organization_id = $1 AND id = $2 AND status = 'pending' RETURNING id`,
        [organization_id, id, status, error],
      );
      if (settled) tx.tell('mail.settled', { organization_id, mail_id: id, mail, status, error, attempts });
    });
  }

  /** Over all organizations: the operator's gauge. Bounded, so that a scrape stays cheap. */
  private async waiting(): Promise<number> {
    const [{ count }] = await this.database.rows<{ count: number }>(
      `SELECT count(*)::int AS count FROM (SELECT organization_id FROM outbound_mails WHERE status = 'pending' LIMIT 100000) m`,
    );
    return count;
  }
}

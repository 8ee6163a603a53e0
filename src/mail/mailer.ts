import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import nodemailer from 'nodemailer';
import { Config } from '#config/config';
import type { RenderedMail } from './render-mail';

/** A mail that leaves. */
export interface Letter extends RenderedMail {
  id: string;
  to: string;
}

/** What the memory driver keeps of a mail. */
export interface KeptMail extends Letter {
  /** Every address its text names. */
  links: string[];
  created_at: Date;
}

/** Connections, and so mails, at a time. */
export const MAILS_AT_ONCE = 4;
const KEPT_MAX = 200;
/** A server that hangs is given up at each step; together well inside a try's lease. */
const DNS_MS = 5_000;
const CONNECT_MS = 10_000;
const GREETING_MS = 10_000;
const SOCKET_MS = 20_000;

/** Why a mail did not leave. */
export class MailRefused extends Error {
  constructor(
    message: string,
    /** Another try would end the same. */
    readonly is_final: boolean,
    /** For the log: what happened, and to nobody in particular. */
    readonly code: string,
  ) {
    super(message);
  }
}

/** The way out for mail: SMTP, this process's memory, or none (MAIL_DRIVER). */
@Injectable()
export class Mailer implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger(Mailer.name);
  private readonly transport: ReturnType<typeof smtpTransport> | null;
  private readonly kept: KeptMail[] = [];

  constructor(private readonly config: Config) {
    const { mail_driver, smtp_url } = config;
    this.transport = mail_driver === 'smtp' && smtp_url ? smtpTransport(config, smtp_url) : null;
  }

  onModuleInit(): void {
    const { mail_driver, production } = this.config;
    if (mail_driver === 'memory' && production)
      this.logger.warn('Mail stays in the memory of this process (MAIL_DRIVER): invitations, resets and notices reach nobody');
    if (mail_driver === 'none')
      this.logger.warn('Mail is off: no SMTP server is configured (SMTP_URL), so invitations, resets and notices reach nobody by mail');
  }

  /** `signal` ends a try, also of a server that answers letter by letter. @throws {MailRefused} */
  async send(letter: Letter, signal?: AbortSignal): Promise<void> {
    if (this.config.mail_driver === 'memory') return this.keep(letter);
    if (!this.transport) throw new MailRefused('No SMTP server is configured.', true, 'not_configured');
    const { id, to, subject, text, html } = letter;
    try {
      await this.transport.sendMail({
        messageId: `<${id}@${new URL(this.config.app_url).hostname}>`,
        // As an object: an address is never parsed as several.
        to: { name: '', address: to },
        subject,
        text,
        html,
        signal,
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
      });
    } catch (error) {
      throw refusalOf(error as SmtpError);
    }
  }

  /** The last mails of the memory driver, newest first. */
  lastMails(): readonly KeptMail[] {
    return this.kept.toReversed();
  }

  onApplicationShutdown(): void {
    this.transport?.close({ force: true });
  }

  private keep(letter: Letter): void {
    const links = letter.text.match(/https?:\/\/\S+/g) ?? [];
    this.kept.push({ ...letter, links: [...new Set(links)], created_at: new Date() });
    if (this.kept.length > KEPT_MAX) this.kept.shift();
  }
}

const smtpTransport = ({ mail_from, production }: Config, smtp_url: string) => {
  const { username, searchParams } = new URL(smtp_url);
  return nodemailer.createTransport(
    {
      url: smtp_url,
      pool: true,
      maxConnections: MAILS_AT_ONCE,
      // Rows are tried again; a pool that did it besides would send twice.
      maxRequeues: 0,
      dnsTimeout: DNS_MS,
      connectionTimeout: CONNECT_MS,
      greetingTimeout: GREETING_MS,
      socketTimeout: SOCKET_MS,
      // A password crosses no network in the clear, unless the operator says so in the address.
      ...(production && username && !searchParams.has('requireTLS') && { requireTLS: true }),
      disableFileAccess: true,
      disableUrlAccess: true,
    },
    { from: mail_from },
  );
};

interface SmtpError extends Error {
  code?: string;
  responseCode?: number;
}

/** 5xx about the recipient or the message is the server's last word (RFC 5321, 4.2.1); about the login it is the operator's to mend. */
function refusalOf({ message, code = 'unknown', responseCode }: SmtpError): MailRefused {
  const is_final = (code === 'EENVELOPE' || code === 'EMESSAGE') && responseCode !== undefined && responseCode >= 500;
  return new MailRefused(message, is_final, responseCode === undefined ? code : `${code} ${responseCode}`);
}

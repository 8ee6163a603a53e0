import { Global, Module } from '@nestjs/common';
import './mail.events';
import './mail.metrics';
import { Mailer } from './mailer';
import { Mails } from './mails';

/** Outgoing mail, for every room that has something to say to somebody who is not there. */
@Global()
@Module({ providers: [Mailer, Mails], exports: [Mailer, Mails] })
export class MailModule {}

import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Actor } from '#common/actor';
import { Database } from '#database/database';
import { FetchMedia } from '#modules/whatsapp/media/fetch-media';
import { presentMessage } from './message.dto';
import { Message } from './message.entity';

/** A customer's file arrived, or never will: its message says so from the same commit on. */
@Injectable()
export class MessageFiles implements OnModuleInit {
  constructor(
    private readonly fetching: FetchMedia,
    private readonly database: Database,
  ) {}

  onModuleInit(): void {
    this.fetching.onSettled(async (tx, { organization_id, message_id, media }) => {
      const actor = Actor.system(organization_id);
      const messages = this.database.repository(Message, tx);
      // Erased meanwhile: there is nobody to tell.
      if (!(await messages.find(actor, message_id))) return;
      const message = await messages.patch(actor, message_id, { media });
      tx.tell('message.updated', { organization_id, message: presentMessage(message), change: 'file' });
    });
  }
}

import { Injectable } from '@nestjs/common';
import { Database } from '#database/database';
import { WebhookEvents } from '#events/webhook-events';
import { Tag } from './tag.entity';
import { TAG_EVENTS } from './tags.events';

/** What customers' webhooks hear of the tags. */
@Injectable()
export class TagWebhooks {
  constructor(events: WebhookEvents, database: Database) {
    const { text, sample } = TAG_EVENTS['tag.deleted'];
    events.carry<Tag>('tag', { show: (tx, actor, ids) => database.repository(Tag, tx).many(actor, ids), sample: { id: sample.tag.id } });
    events.tell({ 'tag.deleted': { text, of: ['tag.deleted'], carries: ['tag'] } });
  }
}

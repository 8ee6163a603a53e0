import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { type Page, pageWindow, parseSort, toPage } from '#common/page.dto';
import { Database } from '#database/database';
import { LIST_MAX } from '#database/total';
import type { ConversationView } from '#modules/conversations/conversation.dto';
import { ConversationsService } from '#modules/conversations/conversations.service';
import { waitingRow } from '#modules/conversations/state/queueing';
import { Department } from '#modules/departments/department.entity';
import type { WaitingQuery } from './queue.dto';
import { Queue } from './queue.entity';
import { likeOf } from './queue-reports';

/** SQL: conversations `c` that wait, as they are asked for. */
const FROM = `FROM conversations c WHERE c.organization_id = $1 AND ${waitingRow('c')}
  AND ($2::uuid IS NULL OR c.queue_id = $2) AND ($3::uuid IS NULL OR c.department_id = $3)
  AND ($4::text IS NULL OR EXISTS (SELECT FROM contacts k WHERE k.organization_id = $1 AND k.id = c.contact_id
        AND fold(concat_ws(' ', k.name, k.whatsapp_name, k.whatsapp_id)) LIKE fold($4)))`;

const SORTS = ['queue_priority', 'queued_at'];

/** A place in a line that moves: who comes back later finds it further on. */
const CURSOR = /^from-(\d{1,9})$/;

/** Conversations that wait for an agent, of some queues or all, in the order they are served. */
@Injectable()
export class WaitingLine {
  constructor(
    private readonly database: Database,
    private readonly conversations: ConversationsService,
  ) {}

  /** @throws {404} The queue or department is not there. */
  async page(actor: Actor, query: WaitingQuery): Promise<Page<ConversationView>> {
    const { queue_id = null, department_id = null } = query;
    if (queue_id) await this.database.repository(Queue).get(actor, queue_id);
    if (department_id) await this.database.repository(Department).get(actor, department_id);
    const values = [actor.organization_id, queue_id, department_id, likeOf(query.search)];
    const [column, direction] = parseSort(query.sort ?? 'queue_priority:desc', SORTS);
    const { skip: first, limit } = pageWindow(query);
    const skip = Number(CURSOR.exec(query.cursor ?? '')?.[1] ?? first);
    const rows = await this.database.rows<{ id: string }>(
      `SELECT c.id ${FROM} ORDER BY c.${column} ${direction}, c.queued_at, c.id OFFSET ${skip} LIMIT ${limit + 1}`,
      values,
    );
    const ids = rows.slice(0, limit).map(({ id }) => id);
    const [{ total }] = await this.database.rows<{ total: number }>(
      `SELECT count(*)::int AS total FROM (SELECT ${FROM} LIMIT ${LIST_MAX + 1}) counted`,
      values,
    );
    return toPage(
      { items: await this.conversations.views(actor, ids), next_cursor: rows.length > limit ? `from-${skip + limit}` : null },
      { total: Math.min(total, LIST_MAX), is_estimate: total > LIST_MAX },
      query,
    );
  }
}

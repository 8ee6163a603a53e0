import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { breather } from '#common/breath';
import { nearestLanguage } from '#common/languages';
import { type LocalTime, localClock } from '#common/local-clock';
import { Turns } from '#common/turns';
import { BEFORE_ALL } from '#common/uuid';
import { askAgain } from '#database/ask-again';
import { Database } from '#database/database';
import { prepared } from '#database/sql';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { slugify } from '#modules/organizations/slugs';
import { membersOf } from '#modules/users/members';
import { conversationViews } from '../conversation-views';
import { Conversation } from '../conversation.entity';
import { Message, MessageType } from '../messages/message.entity';
import { PDF_TEXT_MAX } from './pdf/pdf-limits';
import { PdfTranscripts } from './pdf/pdf-transcripts';
import type { TranscriptEntry, TranscriptHead } from './transcript';
import { TranscriptFormat, type TranscriptQuery } from './transcript.dto';
import { type Names, entryOf } from './transcript-entry';
import { type Entries, csvTranscript, jsonTranscript, textTranscript } from './transcript-texts';

/** Messages read at once. */
const STEP = 500;
/** Parts of documents read and worded at once: one organization's leave connections, and the processor, to the others. */
const PARTS_AT_ONCE = 4;
const TEAM_MAX = 20;
/** What fits into a PDF that somebody reads: the newest messages, so many and so long; a line counts as so many characters at least. */
const PDF_MESSAGES = 3000;
const PDF_CHARACTERS = 600_000;
const PDF_LINE = 60;

const AFTER = '(m.created_at, m.id) >= ($4, $5)';
/** Of conversation $2 what is handed out: no reactions, which stand at their messages; notes where $3; what came until $6. */
const HANDED_OUT = `FROM messages m WHERE m.organization_id = $1 AND m.conversation_id = $2 AND m.message_type <> 'reaction'
  AND ($3::boolean OR m.direction <> 'internal')`;

const SUMMARY = prepared(`SELECT count(*)::int AS messages, min(m.created_at) AS first_at, max(m.created_at) AS last_at,
    (array_agg(DISTINCT m.sender_name) FILTER (WHERE m.sender_type = 'agent' AND m.sender_name IS NOT NULL))[1:${TEAM_MAX}] AS team
   ${HANDED_OUT} AND ${AFTER} AND m.created_at <= $6`);

/** The first message of the newest ones that are neither too many nor too long. */
const NEWEST = prepared(`SELECT n.created_at, n.id FROM (
    SELECT s.created_at, s.id, sum(100 + least(${PDF_TEXT_MAX}, length(s.words) + ${PDF_LINE} * (length(s.words) - length(replace(s.words, chr(10), '')))))
             OVER (ORDER BY s.created_at DESC, s.id DESC) AS characters FROM (
      SELECT m.created_at, m.id, coalesce(m.content, m.payload::text) AS words ${HANDED_OUT} AND m.created_at <= $4
       ORDER BY m.created_at DESC, m.id DESC LIMIT ${PDF_MESSAGES}) s) n
  WHERE n.characters <= ${PDF_CHARACTERS} ORDER BY n.created_at, n.id LIMIT 1`);

interface Place {
  created_at: Date;
  id: string;
}

/** Before every message. */
const BEGINNING: Place = { created_at: new Date(0), id: BEFORE_ALL };

interface Asked {
  actor: Actor;
  conversation_id: string;
  notes: boolean;
  until: Date;
}

/** Conversations as documents. They are written as they are read: no more than a few hundred messages are held at a time. */
@Injectable()
export class Transcripts {
  private readonly turns = new Turns(PARTS_AT_ONCE, { shared: true });

  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
    private readonly pdfs: PdfTranscripts,
  ) {}

  /** @throws {NotFound} @throws {Unavailable} `busy`. */
  async export(actor: Actor, conversation_id: string, query: TranscriptQuery): Promise<{ filename: string; made: Readable }> {
    const { format = TranscriptFormat.pdf, include_notes = false } = query;
    await this.database.tx(async (tx) => {
      await this.database.repository(Conversation, tx).get(actor, conversation_id);
      tx.audit(actor, 'conversation.exported', { resource: { id: conversation_id }, metadata: { format, include_notes } });
    });
    const asked: Asked = { actor, conversation_id, notes: include_notes, until: new Date() };
    const from = format === TranscriptFormat.pdf ? await this.newest(asked) : BEGINNING;
    const { head, clock } = await this.head(asked, from);
    const entries = this.entries(asked, from, head, clock);
    const day = head.exported_at.iso.slice(0, 10);
    return {
      filename: `${slugify(head.contact.name, 'conversation')}-${day}.${format}`,
      made: await this.write(format, actor, head, entries),
    };
  }

  private async write(format: TranscriptFormat, actor: Actor, head: TranscriptHead, entries: Entries): Promise<Readable> {
    switch (format) {
      case TranscriptFormat.pdf:
        return this.pdfs.make(actor, head, entries);
      case TranscriptFormat.txt:
        return textTranscript(head, entries);
      case TranscriptFormat.csv:
        return csvTranscript(entries);
      case TranscriptFormat.json:
        return jsonTranscript(head, entries);
    }
  }

  private async newest({ actor, conversation_id, notes, until }: Asked): Promise<Place> {
    const [place] = await this.database.rows<Place | undefined>(NEWEST, [actor.organization_id, conversation_id, notes, until]);
    return place ?? BEGINNING;
  }

  private async head(asked: Asked, from: Place): Promise<{ head: TranscriptHead; clock: (at: Date) => LocalTime }> {
    const { actor, conversation_id, notes, until } = asked;
    const [conversation] = await conversationViews(this.database, actor, [conversation_id]);
    const { name: organization } = await this.organizations.summary(actor);
    const { timezone: time_zone, language: wanted } = await this.organizations.settings(actor);
    const language = nearestLanguage(wanted);
    const clock = localClock(time_zone, language);
    const count = async (place: Place): Promise<Summary> => {
      const values = [actor.organization_id, conversation_id, notes, place.created_at, place.id, until];
      return (await this.database.rows<Summary>(SUMMARY, values))[0];
    };
    const summary = await count(from);
    const all = from === BEGINNING ? summary : await count(BEGINNING);
    const { display_name: name, phone_number: phone } = conversation.contact;
    const { whatsapp_number: number } = conversation;
    return {
      clock,
      head: {
        conversation_id,
        language,
        organization,
        contact: { name, phone },
        number: number && { name: number.display_name, phone: number.phone_number },
        team: summary.team ?? [],
        time_zone,
        exported_at: clock(until),
        first_at: summary.first_at && clock(summary.first_at),
        last_at: summary.last_at && clock(summary.last_at),
        messages: summary.messages,
        left_out: all.messages - summary.messages,
        rating: conversation.rating,
      },
    };
  }

  private async *entries(
    { actor, conversation_id, notes, until }: Asked,
    from: Place,
    head: TranscriptHead,
    clock: (at: Date) => LocalTime,
  ): AsyncGenerator<TranscriptEntry[]> {
    const { organization_id } = actor;
    const messages = this.database.repository(Message);
    const page = (after: string): string => `SELECT ${messages.columnsOf('m')}, q.content AS quoted_content, q.message_type AS quoted_type,
         q.is_deleted AS quoted_is_deleted
      FROM (SELECT m.* ${HANDED_OUT} AND ${after} AND m.created_at <= $6 ORDER BY m.created_at, m.id LIMIT ${STEP}) m
      LEFT JOIN messages q ON q.organization_id = $1 AND q.id = m.reply_to_message_id ORDER BY m.created_at, m.id`;
    const users = new Map<string, string>();
    const names: Names = { contact: head.contact.name, business: head.number?.name ?? head.organization, users };
    const breathe = breather();
    const next = async (
      after: string,
      place: Place,
    ): Promise<{ entries: TranscriptEntry[]; last: Message | undefined; is_all: boolean }> => {
      const values = [organization_id, conversation_id, notes, place.created_at, place.id, until];
      const rows = await askAgain(organization_id, () => this.database.rows<RawMessage>(page(after), values));
      const some = rows.map((raw) => ({
        message: messages.hydrate(raw),
        quoted: raw.quoted_type && {
          content: raw.quoted_content,
          message_type: raw.quoted_type,
          is_deleted: raw.quoted_is_deleted === true,
        },
      }));
      const strangers = some.flatMap(({ message }) =>
        message.reactions.flatMap(({ user_id }) => (user_id && !users.has(user_id) ? [user_id] : [])),
      );
      if (strangers.length)
        for (const [id, { full_name }] of await askAgain(organization_id, () => membersOf(this.database, organization_id, strangers)))
          users.set(id, full_name);
      const entries: TranscriptEntry[] = [];
      for (const one of some) {
        await breathe();
        entries.push(entryOf(one, names, head.language, clock));
      }
      return { entries, last: some.at(-1)?.message, is_all: some.length < STEP };
    };
    let after = AFTER;
    for (let place = from; ;) {
      const { entries, last, is_all } = await this.turns.run(() => next(after, place), organization_id);
      yield entries;
      if (!last || is_all) return;
      after = AFTER.replace('>=', '>');
      place = last;
    }
  }
}

interface Summary {
  messages: number;
  first_at: Date | null;
  last_at: Date | null;
  team: string[] | null;
}

type RawMessage = Record<string, unknown> & {
  quoted_content: string | null;
  quoted_type: MessageType | null;
  quoted_is_deleted: boolean | null;
};

import { Readable, pipeline } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { Injectable } from '@nestjs/common';
import { stringify } from 'csv-stringify';
import type { Actor } from '#common/actor';
import { breather } from '#common/breath';
import { dayIn } from '#common/period';
import { askAgain } from '#database/ask-again';
import { Database } from '#database/database';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { Tags } from '#modules/tags/tags';
import { membersOf } from '#modules/users/members';
import type { Contact } from '../contact.entity';
import { ContactsService } from '../contacts.service';
import { cellOfAttribute, cellOfTags, guarded, guardedPhone } from '../import/cells';
import { ATTRIBUTE, CONTACT_COLUMNS, type ContactColumn } from '../import/columns';
import { ContactFileFormat, type ContactExportQuery } from './contact-export.dto';

/** Contract 20, 1.3. */
const ROWS_MAX = 100_000;
/** Rows in memory. */
const STEP = 500;
/** Attributes with a column of their own; what others there are stands together in one more. */
const KEYS_MAX = 200;

/** A contact and what a file tells besides its row. */
interface Exported {
  contact: Contact;
  tags: string[];
  assigned_agent_email: string | null;
}

export interface ContactFile {
  filename: string;
  made: Readable;
}

type Cell = string | number;

/** Contacts as a file that is made as it is read: what `POST /contacts/import` reads again. */
@Injectable()
export class ContactExport {
  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
    private readonly contacts: ContactsService,
    private readonly tags: Tags,
  ) {}

  /** @throws {Invalid} An order there is not. */
  async export(actor: Actor, { format = ContactFileFormat.csv, ...query }: ContactExportQuery): Promise<ContactFile> {
    const { contacts, keys } = await this.contacts.walk(actor, query, { step: STEP, keys_max: KEYS_MAX + 1 });
    // Read now: what is wrong with the question is answered as an error, and not in the middle of a file.
    const first = await contacts.next();
    await this.database.tx(async (tx) => {
      // Which filters, not what they say: a search may be a name.
      const filters = Object.entries(query)
        .flatMap(([name, value]) => (value === undefined ? [] : name))
        .sort();
      tx.audit(actor, 'contact.exported', { resource: { id: actor.organization_id }, metadata: { format, filters } });
    });
    const rows = this.rows(actor, first.value ?? undefined, contacts);
    return { filename: `contacts-${await this.today(actor)}.${format}`, made: await fileOf(format, rows, keys) };
  }

  private async *rows(actor: Actor, first: Contact[] | undefined, contacts: AsyncGenerator<Contact[], void>): AsyncGenerator<Exported> {
    const breathe = breather();
    let left = ROWS_MAX;
    try {
      // An empty one is of contacts that were all deleted since, and not the end.
      for (let batch = first; batch && left > 0; left -= batch.length, batch = (await contacts.next()).value ?? undefined) {
        const ids = batch.map(({ id }) => id);
        const tags = await askAgain(actor.organization_id, () => this.tags.ofContacts(actor, ids));
        const emails = await this.emailsOf(actor, batch);
        for (const contact of batch.slice(0, left)) {
          await breathe();
          const names = (tags.get(contact.id) ?? []).map(({ name }) => name);
          yield { contact, tags: names, assigned_agent_email: emails.get(contact.assigned_agent_id) ?? null };
        }
      }
    } finally {
      await contacts.return();
    }
  }

  private async emailsOf({ organization_id }: Actor, contacts: readonly Contact[]): Promise<Map<string | null, string>> {
    const ids = contacts.flatMap(({ assigned_agent_id }) => assigned_agent_id ?? []);
    const agents = await askAgain(organization_id, () => membersOf(this.database, organization_id, ids));
    return new Map([...agents].map(([id, { email }]) => [id, email]));
  }

  /** As the organization's calendar says. */
  private async today(actor: Actor): Promise<string> {
    const { timezone } = await this.organizations.settings(actor);
    return dayIn(timezone);
  }
}

async function fileOf(format: ContactFileFormat, rows: AsyncGenerator<Exported>, keys: readonly string[]): Promise<Readable> {
  if (format === ContactFileFormat.json) return Readable.from(jsonOf(rows));
  const table = tableOf(rows, keys.slice(0, KEYS_MAX), keys.length > KEYS_MAX);
  if (format === ContactFileFormat.csv) {
    // What breaks off is told by the stream that is handed out.
    return pipeline(Readable.from(table), stringify({ bom: true, quoted_match: /[\r\n]/ }), () => undefined);
  }
  const { writeXlsxStream } = await import('hucre/xlsx');
  return Readable.fromWeb(writeXlsxStream(escapedOf(table), { name: 'Contacts' }) as ReadableStream);
}

/** A header, then a row for each contact. */
async function* tableOf(rows: AsyncGenerator<Exported>, keys: readonly string[], has_more: boolean): AsyncGenerator<Cell[]> {
  const named = new Set(keys);
  yield [...CONTACT_COLUMNS, ...keys.map((key) => ATTRIBUTE + key), ...(has_more ? ['attributes'] : []), 'created_at'];
  for await (const row of rows) {
    const { attributes, created_at } = row.contact;
    const others = has_more ? Object.entries(attributes).filter(([key]) => !named.has(key)) : [];
    yield [
      ...CONTACT_COLUMNS.map((column) => cellOf(row, column)),
      ...keys.map((key) => cellOfKey(attributes[key])),
      ...(has_more ? [others.length ? JSON.stringify(Object.fromEntries(others)) : ''] : []),
      created_at.toISOString(),
    ];
  }
}

function cellOf(row: Exported, column: ContactColumn): Cell {
  if (column === 'tags') return guarded(cellOfTags(row.tags));
  const value = column === 'assigned_agent_email' ? row.assigned_agent_email : row.contact[column];
  if (value === null) return '';
  if (typeof value !== 'string') return typeof value === 'number' ? value : String(value);
  return column === 'whatsapp_id' || column === 'alternative_phone' ? guardedPhone(value) : guarded(value);
}

function cellOfKey(value: unknown): Cell {
  if (value === undefined || value === null) return '';
  const cell = cellOfAttribute(value);
  return typeof cell === 'string' ? guarded(cell) : cell;
}

/** In a spreadsheet `_x0041_` is an A, so a text of these letters is written otherwise (ECMA-376, 22.9.2.19). */
async function* escapedOf(table: AsyncGenerator<Cell[]>): AsyncGenerator<Cell[]> {
  for await (const cells of table)
    yield cells.map((cell) => (typeof cell === 'string' ? cell.replace(/_(?=x[0-9A-Fa-f]{4}_)/g, '_x005F_') : cell));
}

async function* jsonOf(rows: AsyncGenerator<Exported>): AsyncGenerator<string> {
  let before = '[';
  for await (const row of rows) {
    const { attributes, created_at } = row.contact;
    const shown = Object.fromEntries(
      CONTACT_COLUMNS.map((column) => [
        column,
        column === 'tags' ? row.tags : column === 'assigned_agent_email' ? row.assigned_agent_email : row.contact[column],
      ]),
    );
    yield before + JSON.stringify({ ...shown, attributes, created_at });
    before = ',\n';
  }
  yield before === '[' ? '[]\n' : ']\n';
}

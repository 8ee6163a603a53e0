import { extname } from 'node:path';
import { Injectable, Logger } from '@nestjs/common';
import { Actor, Role } from '#common/actor';
import { breather } from '#common/breath';
import { Conflict, Invalid } from '#common/errors';
import { EventBus } from '#common/events';
import { fileName } from '#common/file-name';
import { assertFit } from '#common/fit';
import type { Page } from '#common/page.dto';
import { Turns } from '#common/turns';
import { BEFORE_ALL, newId } from '#common/uuid';
import { Config } from '#config/config';
import { Database, type Tx } from '#database/database';
import { type DueRow, DueRows, type Wake, inTurn } from '#database/due-rows';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { MediaStorage } from '#modules/whatsapp/media/media-storage';
import { columnsOf } from './columns';
import type { ContactImportForm, ContactImportProgress, ContactImportQuery, ContactImportView } from './contact-import.dto';
import { ContactImport, type ImportSettings, ImportStatus, OnDuplicate } from './contact-import.entity';
import { type ImportRow, RowFlaws, type StagedRow, readRow } from './import-rows';
import type { ReceivedSheet } from './receive-sheet';
import { isSpreadsheet } from './sheets/read-batches';
import { readSheet, unsupported } from './sheets/sheet';
import { type Outcome, WriteContacts } from './write-contacts';

/** Contract 20, 1.2 and 1.3. */
const ROWS_MAX = 50_000;
const AT_ONCE_MAX = 1000;
const ERRORS_MAX = 100;
const EXTENSIONS = new Set(['.csv', '.xlsx', '.xls']);
/** Imports of an organization that may wait. */
const WAITING_MAX = 5;
/** Rows of a transaction: more at once would keep others waiting, for the thread and for the organization's lock. */
const BATCH = 250;
/** Who works on an import has it so long, anew with each batch. */
const LEASE_SECONDS = 30;
const TIMEOUT_SECONDS = 600;
/** In a row that came to nothing. */
const TRIES = 5;
const PROGRESS_MS = 1000;

/** Files that are read at the same time in this process, and who waits for that. */
const READING = { at_once: 2, limits: { shared: true, line_max: 100, wait_ms: 30_000 } };

const DUE = 'SELECT organization_id FROM contact_imports WHERE due_at <= now()';
const OVERDUE = inTurn(DUE, 'SELECT w.organization_id AS id');

/** Of several processes one starts an import of an organization. */
const CLAIM = `UPDATE contact_imports SET status = '${ImportStatus.processing}', due_at = now() + interval '${LEASE_SECONDS} seconds', attempts = attempts + 1,
    started_at = coalesce(started_at, now()), updated_at = now()
  WHERE organization_id = $1
    AND id = (SELECT id FROM contact_imports WHERE organization_id = $1 AND due_at <= now() ORDER BY created_at, id LIMIT 1)
    AND NOT EXISTS (SELECT FROM contact_imports WHERE organization_id = $1 AND due_at > now())
  RETURNING id`;

/** Where an import of this process is. */
interface Run {
  /** The last part that is done. */
  after: string;
  /** Of a dry run, which leaves nothing behind: the people of its rows so far. */
  seen: Set<string> | null;
  told_at: number;
}

type Counts = Pick<ContactImport, 'processed_rows' | 'created_count' | 'updated_count' | 'skipped_count' | 'failed_count' | 'errors'>;

const NOTHING: Counts = { processed_rows: 0, created_count: 0, updated_count: 0, skipped_count: 0, failed_count: 0, errors: [] };

/** Files of contacts that are taken in. Their rows wait in the database: whoever takes over from a process that died goes on where it was. */
@Injectable()
export class ContactImports {
  private readonly logger = new Logger('contacts-import');
  private readonly reading = new Turns(READING.at_once, READING.limits);
  private readonly files: MediaStorage;
  private readonly wake: Wake;

  constructor(
    config: Config,
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
    private readonly contacts: WriteContacts,
    private readonly events: EventBus,
    rows: DueRows,
  ) {
    this.files = new MediaStorage(config);
    this.wake = rows.add({
      name: 'contacts-import',
      concurrency: 2,
      timeout_seconds: TIMEOUT_SECONDS,
      sweep_seconds: 10,
      work: (row, signal) => this.work(row, signal),
      overdue: (limit) => this.database.rows(OVERDUE, [limit]),
    });
  }

  async page(actor: Actor, query: ContactImportQuery): Promise<Page<ContactImportView>> {
    const { status } = query;
    const page = await this.database.repository(ContactImport).page(actor, query, {
      sort: ['created_at', 'finished_at', 'total_rows'],
      search: ['filename'],
      filter: { status },
    });
    return { ...page, items: page.items.map(present) };
  }

  async get(actor: Actor, id: string): Promise<ContactImportView> {
    return present(await this.database.repository(ContactImport).get(actor, id));
  }

  /**
   * Takes a file in: at once where it has few rows, else later.
   * @throws {Forbidden} plan_limit_exceeded: there is no room for a single contact, and nothing else to do.
   * @throws {Invalid} unsupported_file, missing_phone_column. @throws {Conflict} too_many_imports.
   */
  async start(actor: Actor, file: ReceivedSheet | undefined, form: ContactImportForm): Promise<ContactImportView> {
    if (!file) throw unsupported('file is missing: send multipart/form-data with the file in this field');
    try {
      await assertAsNamed(file);
      assertFit({ mapping: form.mapping, tags: form.tags }, 'body');
      const on_duplicate = form.on_duplicate ?? (form.update_existing ? OnDuplicate.update : OnDuplicate.skip);
      if (on_duplicate !== OnDuplicate.update) await this.organizations.assertWithinPlan(actor, 'contacts');
      const staged = await this.reading.run(() => this.stage(actor, file, form, on_duplicate), actor.organization_id);
      if (staged.status === ImportStatus.queued) this.wakeUp(actor);
      else await this.runNow(staged);
      return await this.get(actor, staged.id);
    } finally {
      await this.files.discard(file);
    }
  }

  /** All rows of a file, as it has them, and the import they wait for; or nothing. */
  private async stage(actor: Actor, file: ReceivedSheet, form: ContactImportForm, on_duplicate: OnDuplicate): Promise<ContactImport> {
    return this.database.tx(async (tx) => {
      const imports = this.database.repository(ContactImport, tx);
      const import_id = newId();
      let total_rows = 0;
      for await (const read of readSheet(file.path, BATCH)) {
        if (Array.isArray(read)) {
          await imports.insert(actor, {
            id: import_id,
            status: ImportStatus.processing,
            filename: fileName(file.originalname) ?? 'contacts',
            dry_run: form.dry_run ?? false,
            on_duplicate,
            total_rows,
            created_by: actor.member_id,
            settings: {
              columns: columnsOf(read, form.mapping ?? {}),
              country_code: form.default_country_code ?? null,
              tags: form.tags ?? [],
              replace_tags: form.replace_tags ?? false,
              opt_in: form.opt_in ?? null,
              user_id: actor.user_id,
              role: actor.role,
              api_key_id: actor.api_key_id,
              home_organization_id: actor.home_organization_id,
            },
          });
          continue;
        }
        total_rows += read.count;
        if (total_rows > ROWS_MAX) throw Invalid.field('file', `The file has more than ${ROWS_MAX} rows.`, undefined, 'too_long');
        // As JSON that nobody here has to read.
        await tx.rows('INSERT INTO contact_import_parts (organization_id, id, import_id, rows) VALUES ($1, $2, $3, $4)', [
          actor.organization_id,
          newId(),
          import_id,
          read.json,
        ]);
      }
      if (!total_rows) throw Invalid.field('file', 'The file has no rows below its header.', undefined, 'too_short');
      const later = total_rows > AT_ONCE_MAX;
      if (later) await this.assertFewWait(tx, actor);
      const now = new Date();
      return imports.patch(actor, import_id, {
        total_rows,
        ...(later
          ? { status: ImportStatus.queued, due_at: now }
          : { started_at: now, due_at: new Date(now.getTime() + LEASE_SECONDS * 1000) }),
      });
    });
  }

  /** Two at once follow each other. */
  private async assertFewWait(tx: Tx, { organization_id }: Actor): Promise<void> {
    await tx.rows("SELECT pg_advisory_xact_lock(hashtextextended('contact imports ' || $1, 0))", [organization_id]);
    const [{ waiting }] = await tx.rows<{ waiting: number }>(
      'SELECT count(*)::int AS waiting FROM contact_imports WHERE organization_id = $1 AND due_at IS NOT NULL AND total_rows > $2',
      [organization_id, AT_ONCE_MAX],
    );
    if (waiting >= WAITING_MAX) throw new Conflict('too_many_imports', `${waiting} imports wait already. Wait until one has ended.`);
  }

  /** What cannot be ended now is gone on with later; the answer says how far it is. */
  private async runNow(started: ContactImport): Promise<void> {
    try {
      await this.run(started);
    } catch (error) {
      this.logger.warn({ msg: 'an import is gone on with later', id: started.id, err: error });
    }
    this.wakeUp(started);
  }

  private wakeUp({ organization_id }: Pick<ContactImport, 'organization_id'>): void {
    this.wake({ organization_id, id: organization_id });
  }

  /** One import of an organization after the other. */
  private async work({ organization_id }: DueRow, signal: AbortSignal): Promise<number | null> {
    const claimed = await this.claim(organization_id);
    if (!claimed) return null;
    if ((claimed.attempts ?? 0) > TRIES) await this.giveUp(claimed);
    else await this.run(claimed, signal);
    return 0;
  }

  private async claim(organization_id: string): Promise<ContactImport | null> {
    return this.database.tx(async (tx) => {
      await tx.rows("SELECT pg_advisory_xact_lock(hashtextextended('contact imports ' || $1, 0))", [organization_id]);
      const [claimed] = await tx.rows<{ id: string } | undefined>(CLAIM, [organization_id]);
      return claimed ? this.database.repository(ContactImport, tx).get(Actor.system(organization_id), claimed.id) : null;
    });
  }

  /** From where it is to its end. */
  private async run(started: ContactImport, signal?: AbortSignal): Promise<void> {
    const run: Run = { after: BEFORE_ALL, seen: started.dry_run ? new Set() : null, told_at: 0 };
    let now = started;
    // A dry run has left nothing but its counts, and begins again.
    if (run.seen) now = await this.database.repository(ContactImport).patch(actorOf(now), now.id, NOTHING);
    while (now.status === ImportStatus.processing && !signal?.aborted) {
      now = await this.step(now, run);
      const ended = now.status !== ImportStatus.processing;
      if (!ended && Date.now() - run.told_at < PROGRESS_MS) continue;
      run.told_at = Date.now();
      this.tell(now);
    }
  }

  /** One batch: its contacts, the counts and its end are there together, or nothing of it is. */
  private async step(before: ContactImport, run: Run): Promise<ContactImport> {
    const { organization_id, id, settings } = before;
    if (!settings) throw new Error('an import without settings');
    const [part] = await this.database.rows<{ id: string; rows: StagedRow[] } | undefined>(
      `SELECT id, rows FROM contact_import_parts WHERE organization_id = $1 AND import_id = $2 AND id > $3 ORDER BY id LIMIT 1`,
      [organization_id, id, run.after],
    );
    const { rows, flaws } = await this.read(part?.rows ?? [], settings);
    const actor = actorOf(before);
    return this.database.tx(async (tx) => {
      const imports = this.database.repository(ContactImport, tx);
      const current = await imports.lock(actor, id);
      // Another process was faster, because this one was thought dead.
      if (current.status !== ImportStatus.processing || (part && !(await this.take(tx, current, part.id)))) return current;
      const outcomes = await this.contacts.write(tx, actor, rows, {
        ...settings,
        import_id: id,
        on_duplicate: current.on_duplicate,
        is_large: current.total_rows > AT_ONCE_MAX,
        seen: run.seen,
      });
      if (part) run.after = part.id;
      const counts = counted(current, [...outcomes, ...flaws]);
      const ended = counts.processed_rows >= current.total_rows || !part;
      if (ended) this.audit(tx, actor, { ...current, ...counts });
      if (ended) await tx.rows('DELETE FROM contact_import_parts WHERE organization_id = $1 AND import_id = $2', [organization_id, id]);
      return imports.patch(actor, id, {
        ...counts,
        attempts: 0,
        ...(ended
          ? { status: ImportStatus.completed, finished_at: new Date(), due_at: null }
          : { due_at: new Date(Date.now() + LEASE_SECONDS * 1000) }),
      });
    });
  }

  /** A batch goes with what becomes of it; a dry run leaves it where it is. */
  private async take(tx: Tx, { organization_id, dry_run }: ContactImport, part_id: string): Promise<boolean> {
    if (dry_run) return true;
    const taken = await tx.rows('DELETE FROM contact_import_parts WHERE organization_id = $1 AND id = $2 RETURNING id', [
      organization_id,
      part_id,
    ]);
    return taken.length > 0;
  }

  private async read(
    staged: readonly StagedRow[],
    { columns, country_code }: ImportSettings,
  ): Promise<{ rows: ImportRow[]; flaws: RowFlaws[] }> {
    const breathe = breather();
    const rows: ImportRow[] = [];
    const flaws: RowFlaws[] = [];
    for (const row of staged) {
      await breathe();
      try {
        rows.push(await readRow(row, columns, country_code));
      } catch (error) {
        if (!(error instanceof RowFlaws)) throw error;
        flaws.push(error);
      }
    }
    return { rows, flaws };
  }

  /** It came to nothing several times: what is in stays, and nobody tries again. */
  private async giveUp({ organization_id, id }: ContactImport): Promise<void> {
    const failed = await this.database.tx(async (tx) => {
      const imports = this.database.repository(ContactImport, tx);
      const current = await imports.lock(Actor.system(organization_id), id);
      const actor = actorOf(current);
      this.audit(tx, actor, current, 'failure');
      await tx.rows('DELETE FROM contact_import_parts WHERE organization_id = $1 AND import_id = $2', [organization_id, id]);
      const why = { row: null, field: null, value: null, message: 'The import could not be gone on with; rows after these were not read.' };
      return imports.patch(actor, id, {
        status: ImportStatus.failed,
        finished_at: new Date(),
        due_at: null,
        errors: [...current.errors, why].slice(-ERRORS_MAX),
      });
    });
    this.tell(failed);
  }

  private audit(tx: Tx, actor: Actor, ended: ContactImport, result: 'success' | 'failure' = 'success'): void {
    const { id, dry_run, on_duplicate, total_rows, created_count, updated_count, skipped_count, failed_count } = ended;
    tx.audit(actor, 'contact.imported', {
      resource_type: 'contact_import',
      resource: { id },
      before: { status: ImportStatus.processing },
      after: { status: result === 'success' ? ImportStatus.completed : ImportStatus.failed },
      metadata: { dry_run, on_duplicate, total_rows, created_count, updated_count, skipped_count, failed_count },
      result,
    });
  }

  private tell(now: ContactImport): void {
    this.events.emit('contact_import.progressed', { organization_id: now.organization_id, progress: progressOf(now) });
  }
}

/** Who started it, as whoever goes on with it knows them. */
function actorOf({ organization_id, settings }: ContactImport): Actor {
  const { user_id = null, role = Role.agent, api_key_id = null, home_organization_id = null } = settings ?? {};
  return new Actor(organization_id, role, user_id, null, null, api_key_id, home_organization_id);
}

/** By its content, it is what its name says: whoever calls a text a spreadsheet means another file. @throws {Invalid} `unsupported_file`. */
async function assertAsNamed({ path, originalname }: ReceivedSheet): Promise<void> {
  const extension = extname(originalname).toLowerCase();
  if (!EXTENSIONS.has(extension)) throw unsupported('A .csv, .xlsx or .xls file is wanted.');
  const [is_text, said_text] = [!(await isSpreadsheet(path)), extension === '.csv'];
  if (is_text && !said_text)
    throw unsupported(
      `The file is called ${extension}, but it is no spreadsheet. Send one, or call it .csv if it is text with separators.`,
    );
  if (!is_text && said_text)
    throw unsupported('The file is called .csv, but it is a spreadsheet. Call it .xlsx (or .xls), or save it as CSV.');
}

function counted(before: Counts, outcomes: readonly Outcome[]): Counts {
  const errors = outcomes.flatMap((outcome) => (outcome instanceof RowFlaws ? outcome.errors : []));
  const many = (what: Outcome): number => outcomes.filter((outcome) => outcome === what).length;
  return {
    processed_rows: before.processed_rows + outcomes.length,
    created_count: before.created_count + many('created'),
    updated_count: before.updated_count + many('updated'),
    skipped_count: before.skipped_count + many('skipped'),
    failed_count: before.failed_count + outcomes.filter((outcome) => outcome instanceof RowFlaws).length,
    errors: [...before.errors, ...errors.sort((a, b) => (a.row ?? 0) - (b.row ?? 0))].slice(0, ERRORS_MAX),
  };
}

export function present(row: ContactImport): ContactImportView {
  const { settings, due_at, attempts, ...shown } = row;
  const { created_count, updated_count, skipped_count, failed_count } = row;
  return {
    ...shown,
    created: created_count,
    updated: updated_count,
    skipped: skipped_count,
    failed: failed_count,
    imported: created_count + updated_count,
  };
}

function progressOf({
  id: import_id,
  status,
  dry_run,
  total_rows,
  processed_rows,
  created_count,
  updated_count,
  skipped_count,
  failed_count,
}: ContactImport): ContactImportProgress {
  return { import_id, status, dry_run, total_rows, processed_rows, created_count, updated_count, skipped_count, failed_count };
}

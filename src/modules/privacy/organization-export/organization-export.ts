import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { Actor } from '#common/actor';
import { Conflict } from '#common/errors';
import { nearestLanguage } from '#common/languages';
import { type ZipEntry, zipOf } from '#common/zip';
import { dayIn } from '#common/period';
import { Database } from '#database/database';
import { type OwnedTable, ownedTable, ownedTables } from '#database/organization-rows';
import { AuditLogs } from '#modules/audit/audit-logs.service';
import { restorableUntil } from '#modules/organizations/grace';
import type { Organization } from '#modules/organizations/organization.entity';
import { settingsOf } from '#modules/organizations/organization-settings';
import { OrganizationsService, inside } from '#modules/organizations/organizations.service';
import { AllFiles } from '#modules/whatsapp/media/all-files';
import { readmeOf } from './readme';

/** Who takes a byte a minute has a place in the line for so long, and no longer. */
const DEADLINE_MS = 6 * 3_600_000;

export interface OrganizationArchive {
  filename: string;
  made: Readable;
}

/** What an archive has, told at its end. */
interface Contents {
  tables: Record<string, number>;
  media: { files: number; missing: number };
}

/** All that an organization has, to be taken elsewhere: an archive that is made as it is read, and kept nowhere. */
@Injectable()
export class OrganizationExport {
  /** Of this process. */
  private readonly running = new Set<string>();

  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
    private readonly audit: AuditLogs,
    private readonly files: AllFiles,
  ) {}

  /**
   * Of one that was deleted too, as long as it can be had back.
   * @throws {NotFound} Another organization, and no super admin; or it is erased. @throws {Conflict} `invalid_state`: one export of it is being read.
   */
  async export(actor: Actor, id = actor.organization_id): Promise<OrganizationArchive> {
    const organization = await this.organizations.evenDeleted(actor, id);
    if (this.running.has(id))
      throw new Conflict('invalid_state', 'An export of this organization is being read. Wait for its end, or break it off.');
    this.running.add(id);
    try {
      await this.database.tx(async (tx) => tx.audit(inside(actor, id), 'organization.exported', { resource: organization }));
    } catch (error) {
      this.running.delete(id);
      throw error;
    }
    const made = zipOf(this.entries(organization));
    const deadline = setTimeout(() => made.destroy(new Error('The export took too long.')), DEADLINE_MS).unref();
    made.once('close', () => {
      clearTimeout(deadline);
      this.running.delete(id);
    });
    return { filename: `${organization.slug}-${dayIn(settingsOf(organization).timezone)}.zip`, made };
  }

  private async *entries(organization: Organization): AsyncGenerator<ZipEntry> {
    const { id, name, slug } = organization;
    const exported_at = new Date();
    const tables = this.tables();
    const language = nearestLanguage(settingsOf(organization).language);
    const contents: Contents = { tables: {}, media: { files: 0, missing: 0 } };
    const until = restorableUntil(organization);
    yield textOf('README.txt', readmeOf(language, { id, name, exported_at, until, tables }));
    for (const { table, rows } of tables)
      yield {
        name: `${table}.ndjson`,
        read: () =>
          Readable.from(
            linesOf(rows(id), (count) => (contents.tables[table] = count)),
            { objectMode: false },
          ),
      };
    for await (const { name: file, created_at: modified_at, compress, open } of this.files.of(id)) {
      const read = async (): Promise<Readable | null> => {
        const found = await open();
        contents.media[found ? 'files' : 'missing']++;
        return found;
      };
      yield { name: `media/${file}`, modified_at, compress, read };
    }
    const told = { organization: { id, name, slug }, exported_at, finished_at: new Date(), ...contents };
    yield textOf('contents.json', `${JSON.stringify(told, null, 2)}\n`);
  }

  /** The organization itself, and every table of which it has rows. */
  private tables(): OwnedTable[] {
    const own = this.database.source.entityMetadatas.filter(({ tableName }) => tableName === 'organizations');
    return [...own.map((entity) => ownedTable(this.database, entity, 'id = $1')), ...ownedTables(this.database)].map((table) =>
      // In whichever store it stands, and with the names users have today.
      table.table === 'audit_logs' ? { ...table, rows: (id) => this.log(id) } : table,
    );
  }

  private async *log(organization_id: string): AsyncGenerator<string[]> {
    for await (const entries of this.audit.whole(Actor.system(organization_id), { ascending: true }))
      yield entries.map((entry) => JSON.stringify(entry));
  }
}

const textOf = (name: string, text: string): ZipEntry => ({ name, read: () => Readable.from([text], { objectMode: false }) });

/** A line for each row; `count` hears how many there were. */
async function* linesOf(batches: AsyncIterable<string[]>, count: (rows: number) => void): AsyncGenerator<string> {
  let rows = 0;
  for await (const lines of batches) {
    rows += lines.length;
    yield `${lines.join('\n')}\n`;
  }
  count(rows);
}

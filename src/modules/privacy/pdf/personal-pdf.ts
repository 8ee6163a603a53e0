import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { Actor } from '#common/actor';
import { nearestLanguage } from '#common/languages';
import { pdfOf } from '#common/pdf/pdf-thread';
import { Database } from '#database/database';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { membersOf } from '#modules/users/members';
import { SubjectType } from '../consent.entity';
import type { DataRequest } from '../data-request.entity';
import type { ExportedTable } from '../personal-export';
import type { PersonalHead, PersonalRows } from './personal-document';

/** Within the time of a request's turn. */
const MAKE_MS = 570_000;
const WORKER = join(__dirname, 'personal-pdf.worker.js');

/** Also of one that is deleted. */
const CONTACT_NAME = 'SELECT coalesce(name, whatsapp_name, whatsapp_id) AS name FROM contacts WHERE organization_id = $1 AND id = $2';

/** A person's data as PDF, for them to read. */
@Injectable()
export class PersonalPdf {
  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
  ) {}

  /** Its pages, set while the rows are read. */
  async make(request: DataRequest, tables: readonly ExportedTable[]): Promise<Readable> {
    const { organization_id, id: request_id, subject_type: type, subject_id: id } = request;
    const actor = Actor.system(organization_id);
    const { name: organization } = await this.organizations.summary(actor);
    const { timezone: time_zone, language } = await this.organizations.settings(actor);
    const name = type === SubjectType.contact ? await this.contactName(actor, id) : await this.userName(actor, id);
    const head: PersonalHead = {
      request_id,
      organization,
      language: nearestLanguage(language),
      time_zone,
      made_at: new Date(),
      subject: { type, id, name: name ?? id },
    };
    return Readable.from(pdfOf({ worker: WORKER, head, source: rowsOf(tables), make_ms: MAKE_MS }), { objectMode: false });
  }

  private async contactName({ organization_id }: Actor, id: string): Promise<string | null | undefined> {
    const [contact] = await this.database.rows<{ name: string | null } | undefined>(CONTACT_NAME, [organization_id, id]);
    return contact?.name;
  }

  private async userName({ organization_id }: Actor, id: string): Promise<string | undefined> {
    const user = (await membersOf(this.database, organization_id, [id])).get(id);
    return user?.full_name ?? user?.email;
  }
}

async function* rowsOf(tables: readonly ExportedTable[]): AsyncGenerator<PersonalRows> {
  for (const { name: table, rows: read } of tables) {
    let is_empty = true;
    for await (const rows of read()) {
      if (!rows.length) continue;
      is_empty = false;
      yield { table, rows };
    }
    if (is_empty) yield { table, rows: [] };
  }
}

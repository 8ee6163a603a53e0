import { Injectable, Logger } from '@nestjs/common';
import { Actor, Role } from '#common/actor';
import { Encryption } from '#common/encryption';
import { Forbidden, NotFound } from '#common/errors';
import type { Page } from '#common/page.dto';
import { newId } from '#common/uuid';
import { Database, type Tx } from '#database/database';
import { type DueRow, DueRows, type Wake, inTurn } from '#database/due-rows';
import { ForgetContact } from '#modules/contacts/forget-contact';
import { Notices } from '#modules/notifications/notices';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { UsersService } from '#modules/users/users.service';
import { SubjectType } from './consent.entity';
import { DataRequest, RequestStatus, RequestType } from './data-request.entity';
import { ExportFiles } from './export-files';
import { ForgetPeople } from './forget-people';
import { tellCompleted } from './request-notices';
import type { DataRequestQuery, ErasureQuery } from './privacy.dto';
import { type Subject, Subjects } from './subjects';

const DAY_MS = 86_400_000;
/** Who works on a request has it so long. */
const LEASE_SECONDS = 900;
const TIMEOUT_SECONDS = 600;
/** The answer waits so long for the end of it. */
const AT_ONCE_MS = 5000;
const TRIES = 10;
/** Of a try that failed: until the next. */
const PAUSE_SECONDS = 60;

const OVERDUE = inTurn(
  'SELECT organization_id FROM data_requests WHERE due_at <= now()',
  'SELECT id FROM data_requests WHERE organization_id = w.organization_id AND due_at <= now() ORDER BY due_at',
);

/** What people ask of their data, and its receipts. The row is the queue. */
@Injectable()
export class DataRequests {
  private readonly logger = new Logger(DataRequests.name);
  private readonly wake: Wake;

  constructor(
    private readonly database: Database,
    private readonly encryption: Encryption,
    private readonly organizations: OrganizationsService,
    private readonly contacts: ForgetContact,
    private readonly users: UsersService,
    private readonly subjects: Subjects,
    private readonly people: ForgetPeople,
    private readonly files: ExportFiles,
    private readonly notices: Notices,
    rows: DueRows,
  ) {
    this.wake = rows.add({
      name: 'privacy.requests',
      concurrency: 2,
      timeout_seconds: TIMEOUT_SECONDS,
      sweep_seconds: 30,
      work: (row, signal) => this.work(row, signal),
      overdue: (limit) => this.database.rows(OVERDUE, [limit]),
    });
  }

  async page(actor: Actor, query: DataRequestQuery): Promise<Page<DataRequest>> {
    const { type, status, subject_id } = query;
    const page = await this.database.repository(DataRequest).page(actor, query, {
      sort: ['created_at', 'updated_at', 'type', 'status', 'deadline', 'completed_at'],
      search: ['reason'],
      filter: { type, status, subject_id },
    });
    return { ...page, items: page.items.map(present) };
  }

  /** An administrator's, or who asked for it. @throws {NotFound} */
  async get(actor: Actor, id: string): Promise<DataRequest> {
    return present(await this.row(actor, id));
  }

  /** The row itself. @throws {NotFound} */
  async row(actor: Actor, id: string): Promise<DataRequest> {
    const request = await this.database.repository(DataRequest).get(actor, id);
    if (!actor.may(Role.org_admin) && (!actor.user_id || request.requested_by !== actor.user_id)) throw new NotFound('Request');
    return request;
  }

  /**
   * For good. Asked again while it is under way: the same receipt.
   * @throws {NotFound} @throws {Forbidden} `cannot_modify_self`. @throws {Conflict} `last_admin`.
   */
  erase(actor: Actor, id: string, query: ErasureQuery): Promise<DataRequest> {
    return this.forget(actor, id, RequestType.erasure, query);
  }

  /** As `erase`; what says nothing of who it was stays. @throws {Conflict} `already_anonymized`. */
  anonymize(actor: Actor, id: string, query: ErasureQuery): Promise<DataRequest> {
    return this.forget(actor, id, RequestType.anonymization, query);
  }

  /** A request whose work is somebody's from now on. */
  async add(tx: Tx, actor: Actor, subject: Subject, values: Partial<DataRequest> & { type: RequestType }): Promise<DataRequest> {
    const { privacy_settings } = await this.organizations.settings(actor, tx);
    return this.database.repository(DataRequest, tx).insert(actor, {
      ...values,
      subject_type: subject.type,
      subject_id: subject.id,
      requested_by: actor.user_id,
      deadline: new Date(Date.now() + (privacy_settings.response_deadline_days ?? 15) * DAY_MS),
    });
  }

  /** Its work is for whoever is free. */
  hand({ organization_id, id }: DataRequest): void {
    this.wake({ organization_id, id });
  }

  private async forget(actor: Actor, id: string, type: RequestType, { reason, subject_type }: ErasureQuery): Promise<DataRequest> {
    const how = type === RequestType.erasure ? 'erase' : 'anonymize';
    const request = await this.database.tx(async (tx) => {
      const subject = await this.subjects.get(actor, id, subject_type, tx);
      if (subject.id === actor.user_id)
        throw new Forbidden('cannot_modify_self', 'Your own account is for another administrator to erase.');
      const room = subject.type === SubjectType.contact ? this.contacts : this.users;
      const names = await room.forget(tx, actor, id, how);
      // Those at once wait above for each other.
      const running = type === RequestType.erasure ? await this.underWay(tx, actor, id) : undefined;
      if (running) return running;
      await this.endExports(tx, actor, id);
      const request_id = newId();
      tx.audit(actor, how === 'erase' ? 'privacy.erased' : 'privacy.anonymized', {
        resource_type: subject.type,
        resource: { id },
        after: { [how === 'erase' ? 'erased_at' : 'anonymized_at']: new Date() },
        metadata: { request_id },
      });
      return this.add(tx, actor, subject, {
        id: request_id,
        type,
        reason: reason ?? null,
        names_encrypted: this.encryption.encrypt(JSON.stringify(names), [actor.organization_id, request_id]),
        due_at: new Date(),
      });
    });
    if (request.names_encrypted && (await this.work(request, AbortSignal.timeout(AT_ONCE_MS), true)) !== null) this.hand(request);
    return present(await this.database.repository(DataRequest).get(actor, request.id));
  }

  /** Files with what the person was go at once, and what is being written becomes none. */
  private async endExports(tx: Tx, { organization_id }: Actor, subject_id: string): Promise<void> {
    const ended = await tx.rows<DueRow>(
      `UPDATE data_requests SET status = CASE status WHEN 'processing' THEN 'failed' ELSE status END, expires_at = now(), due_at = now(),
              error = CASE status WHEN 'processing' THEN 'The person was erased or anonymized meanwhile.' END, updated_at = now()
        WHERE organization_id = $1 AND subject_id = $2 AND type = 'export' AND (status = 'processing' OR file_key_encrypted IS NOT NULL)
       RETURNING organization_id, id`,
      [organization_id, subject_id],
    );
    tx.afterCommit(() => ended.forEach((row) => this.wake(row)));
  }

  /** @throws {NotFound} It is done. */
  private async underWay(tx: Tx, actor: Actor, subject_id: string): Promise<DataRequest | undefined> {
    const [running] = await tx.rows<Pick<DataRequest, 'id' | 'status'> | undefined>(
      `SELECT id, status FROM data_requests WHERE organization_id = $1 AND subject_id = $2 AND type = 'erasure' AND status <> 'failed' LIMIT 1`,
      [actor.organization_id, subject_id],
    );
    if (!running) return undefined;
    // A user who is gone is still named by what they wrote.
    if (running.status === RequestStatus.completed) throw new NotFound('Subject');
    return { ...(await this.database.repository(DataRequest, tx).get(actor, running.id)), names_encrypted: null };
  }

  /** One turn; answers in how many milliseconds to look again, null: it is done, or somebody else's. Who waits for the answer is told by it. */
  private async work(row: DueRow, signal: AbortSignal, is_awaited = false): Promise<number | null> {
    const request = await this.claim(row);
    if (!request) return null;
    if (request.status !== RequestStatus.processing) {
      await this.files.remove(request);
      await this.settle(request, { due_at: null, file_key_encrypted: null });
      return null;
    }
    const summary = { ...(request.summary as Record<string, number>) };
    try {
      if (request.type === RequestType.export) {
        if (!(await this.finish(request, await this.files.write(request, signal), is_awaited))) await this.files.remove(request);
        return null;
      }
      if (await this.people.run(request, summary, signal)) {
        await this.finish(request, { summary, names_encrypted: null, due_at: null }, is_awaited);
        return null;
      }
      await this.settle(request, { summary, due_at: new Date(), attempts: 0 });
      return 0;
    } catch (error) {
      const is_last = (request.attempts ?? 0) >= TRIES;
      this.logger.error({
        msg: 'a request about personal data failed',
        id: request.id,
        type: request.type,
        tried_again: !is_last,
        err: error,
      });
      await this.settle(request, {
        summary,
        error: 'It could not be done; the log of the server says why.',
        ...(is_last ? { status: RequestStatus.failed, due_at: null } : { due_at: new Date(Date.now() + PAUSE_SECONDS * 1000) }),
      });
      return is_last ? null : PAUSE_SECONDS * 1000;
    }
  }

  /** The request, for this turn alone. */
  private async claim({ organization_id, id }: DueRow): Promise<DataRequest | undefined> {
    const requests = this.database.repository(DataRequest);
    const [raw] = await this.database.rows<Record<string, unknown> | undefined>(
      `UPDATE data_requests SET attempts = attempts + 1, due_at = now() + make_interval(secs => $3)
        WHERE organization_id = $1 AND id = $2 AND due_at <= now() RETURNING ${requests.columns}`,
      [organization_id, id, LEASE_SECONDS],
    );
    return raw && requests.hydrate(raw);
  }

  /** false: it was ended meanwhile. */
  private finish(request: DataRequest, values: Partial<DataRequest>, is_awaited: boolean): Promise<boolean> {
    const { organization_id, id } = request;
    const actor = Actor.system(organization_id);
    return this.database.tx(async (tx) => {
      const requests = this.database.repository(DataRequest, tx);
      const { status } = await requests.lock(actor, id);
      if (status !== RequestStatus.processing) return false;
      await requests.patch(actor, id, { status: RequestStatus.completed, completed_at: new Date(), error: null, ...values });
      if (!is_awaited) await tellCompleted(tx, this.notices, request);
      return true;
    });
  }

  private async settle({ organization_id, id }: DataRequest, values: Partial<DataRequest>): Promise<void> {
    await this.database.repository(DataRequest).patch(Actor.system(organization_id), id, values);
  }
}

/** As the API shows it. */
const present = (request: DataRequest): DataRequest => {
  const { format, include, expires_at, size_bytes, due_at, attempts, names_encrypted, file_key_encrypted, ...shown } = request;
  return { ...shown, user_id: request.subject_id };
};

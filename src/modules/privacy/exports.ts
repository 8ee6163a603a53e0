import type { Request, Response } from 'express';
import { Injectable } from '@nestjs/common';
import { answerFile } from '#api/answer-file';
import type { Actor } from '#common/actor';
import { AppError, Conflict } from '#common/errors';
import type { JsonObject } from '#common/json.scalar';
import { newId } from '#common/uuid';
import { Database } from '#database/database';
import { DataRequest, ExportFormat, RequestStatus, RequestType } from './data-request.entity';
import { DataRequests } from './data-requests';
import { ExportFiles } from './export-files';
import { PersonalExport } from './personal-export';
import { type DataExport, type DataExportRequest, EXPORT_PARTS, type SubjectQuery } from './privacy.dto';
import { Subjects } from './subjects';

/** Contract 10, 10: so many messages are answered at once; entries of the audit log count as well. */
const AT_ONCE = 5000;
const DEFAULT_PARTS = EXPORT_PARTS.filter((part) => part !== 'media');

const FILES: Record<ExportFormat, { extension: string; mime_type: string }> = {
  [ExportFormat.json]: { extension: 'json', mime_type: 'application/octet-stream' },
  [ExportFormat.csv]: { extension: 'zip', mime_type: 'application/octet-stream' },
  [ExportFormat.pdf]: { extension: 'pdf', mime_type: 'application/pdf' },
};

/** A person's data, given to them. */
@Injectable()
export class Exports {
  constructor(
    private readonly database: Database,
    private readonly subjects: Subjects,
    private readonly requests: DataRequests,
    private readonly exports: PersonalExport,
    private readonly files: ExportFiles,
  ) {}

  /** At once as JSON, or as a file that is made. @throws {NotFound} */
  async export(actor: Actor, id: string, { subject_type }: SubjectQuery, input: DataExportRequest): Promise<DataExport> {
    const subject = await this.subjects.get(actor, id, subject_type);
    const format = input.format ?? ExportFormat.json;
    const include = [...new Set(input.include ?? DEFAULT_PARTS)];
    const is_small = format === ExportFormat.json && (await this.exports.count(actor, subject, include, AT_ONCE)) <= AT_ONCE;
    const data = is_small ? await this.exports.whole(this.exports.tables(actor, subject, include), include) : null;
    const request = await this.database.tx(async (tx) => {
      const request_id = newId();
      const values = { id: request_id, type: RequestType.export, format, include };
      const { id: _, ...after } = { ...values, request_id };
      tx.audit(actor, 'privacy.exported', { resource_type: subject.type, resource: { id }, after, metadata: { request_id, format } });
      return data
        ? this.requests.add(tx, actor, subject, {
            ...values,
            status: RequestStatus.completed,
            completed_at: new Date(),
            summary: countsOf(data),
          })
        : this.requests.add(tx, actor, subject, { ...values, due_at: new Date() });
    });
    if (!data) this.requests.hand(request);
    return present(request, data);
  }

  /** The file. @throws {NotFound} @throws {Conflict} `invalid_state`: it is not ready, or there is none. @throws {AppError} 410 `expired`. */
  async respond(actor: Actor, id: string, http: Request, response: Response): Promise<void> {
    const request = await this.requests.row(actor, id);
    const { type, status, format, expires_at, file_key_encrypted, subject_type, subject_id } = request;
    if (type !== RequestType.export || status !== RequestStatus.completed || !expires_at)
      throw new Conflict('invalid_state', 'There is no file: it is being made, it failed, or the data was in the answer.');
    if (expires_at <= new Date() || !file_key_encrypted)
      throw new AppError(410, 'expired', 'The file was kept for seven days and is gone.');
    await this.database.tx(async (tx) => {
      tx.audit(actor, 'privacy.export_downloaded', {
        resource_type: subject_type,
        resource: { id: subject_id },
        metadata: { request_id: id },
      });
    });
    const { extension, mime_type } = FILES[format ?? ExportFormat.json];
    await answerFile(http, response, {
      filename: `personal-data-${id}.${extension}`,
      mime_type,
      size_bytes: request.size_bytes ?? 0,
      etag: null,
      read: (range) => this.files.read(request, range),
    });
  }
}

const countsOf = (data: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(data).flatMap(([part, rows]) => (Array.isArray(rows) ? [[part, rows.length]] : [])));

function present(request: DataRequest, data: JsonObject | null): DataExport {
  const { id: request_id, subject_type, subject_id, status, completed_at, size_bytes = null } = request;
  return {
    request_id,
    subject_type,
    subject_id,
    user_id: subject_id,
    status,
    format: request.format ?? ExportFormat.json,
    generated_at: completed_at,
    expires_at: request.expires_at ?? null,
    download_url: data ? null : `/api/v1/privacy/requests/${request_id}/download`,
    size_bytes,
    data,
  };
}

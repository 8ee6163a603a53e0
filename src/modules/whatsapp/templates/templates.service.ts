import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { AppError } from '#common/errors';
import { isUuid } from '#common/uuid';
import { Database } from '#database/database';
import type { TenantRepository } from '#database/tenant-repository';
import { Template } from './template.entity';

/** Meta's default for Brazil; names without a language mean this one. */
export const DEFAULT_LANGUAGE = 'pt_BR';

/** The texts Meta has approved, as we last saw them. */
@Injectable()
export class TemplatesService {
  constructor(private readonly database: Database) {}

  /** The template a send names: by local id, Meta's id or name (with its language). @throws {AppError} 404: unknown here, sync first. */
  async findForSend(
    actor: Actor,
    whatsapp_number_id: string,
    { template_id, template_name, language }: { template_id?: string; template_name?: string; language?: string },
  ): Promise<Template> {
    const found = await this.find(actor, whatsapp_number_id, template_id ?? template_name ?? '', language);
    if (!found) throw new AppError(404, 'not_found', 'Template not found here. If Meta has it, sync first.');
    return found;
  }

  private async find(actor: Actor, whatsapp_number_id: string, name: string, language?: string): Promise<Template | null> {
    const own = this.templates().query(actor, 't').andWhere('t.whatsapp_number_id = :whatsapp_number_id', { whatsapp_number_id });
    if (isUuid(name)) {
      const found = await own.clone().andWhere('t.id = :name', { name }).getOne();
      if (found) return found;
    }
    if (/^\d+$/.test(name)) {
      const found = await own.clone().andWhere('t.meta_template_id = :name', { name }).getOne();
      if (found) return found;
    }
    return own.andWhere('t.name = :name AND t.language = :language', { name, language: language ?? DEFAULT_LANGUAGE }).getOne();
  }

  private templates(): TenantRepository<Template> {
    return this.database.repository(Template);
  }
}

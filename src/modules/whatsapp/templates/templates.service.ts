import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { AppError, NotFound } from '#common/errors';
import type { Page } from '#common/page.dto';
import { isUuid } from '#common/uuid';
import { Database, type Tx } from '#database/database';
import type { TenantRepository } from '#database/tenant-repository';
import { WhatsAppNumber } from '../numbers/whatsapp-number.entity';
import { type TemplateQuery, type TemplateView, presentTemplate } from './template.dto';
import { Template } from './template.entity';

/** Contract 20, 6.1: what a name without a language means. */
const DEFAULT_LANGUAGE = 'pt_BR';

/** The texts Meta has approved, as we last saw them. */
@Injectable()
export class TemplatesService {
  constructor(private readonly database: Database) {}

  async page(actor: Actor, whatsapp_number_id: string, query: TemplateQuery): Promise<Page<TemplateView>> {
    await this.database.repository(WhatsAppNumber).get(actor, whatsapp_number_id);
    const { status, category, language, name, is_enabled } = query;
    const found = await this.templates().page(actor, query, {
      search: ['name'],
      sort: ['name', 'language', 'category', 'status', 'created_at', 'updated_at', 'last_synced_at'],
      filter: { whatsapp_number_id, status: status?.toUpperCase(), category: category?.toUpperCase(), language, name, is_enabled },
    });
    return { ...found, items: found.items.map(presentTemplate) };
  }

  /** By local id, Meta's id, or name with its language. @throws {NotFound} */
  async get(actor: Actor, whatsapp_number_id: string, template_id: string, language?: string): Promise<TemplateView> {
    await this.database.repository(WhatsAppNumber).get(actor, whatsapp_number_id);
    const found = await this.find(actor, whatsapp_number_id, template_id, language);
    if (!found) throw new NotFound('Template');
    return presentTemplate(found);
  }

  /** By local id alone, on whichever number (GraphQL). @throws {NotFound} */
  async byId(actor: Actor, id: string): Promise<TemplateView> {
    return presentTemplate(await this.templates().get(actor, id));
  }

  /** The template a send names: by local id, Meta's id or name (with its language). @throws {AppError} 404: unknown here, sync first. */
  async findForSend(
    actor: Actor,
    whatsapp_number_id: string,
    { template_id, template_name, language }: { template_id?: string; template_name?: string; language?: string },
    tx?: Tx,
  ): Promise<Template> {
    const found = await this.find(actor, whatsapp_number_id, template_id ?? template_name ?? '', language, tx);
    if (!found) throw new AppError(404, 'not_found', 'Template not found here. If Meta has it, sync first.');
    return found;
  }

  private async find(actor: Actor, whatsapp_number_id: string, name: string, language?: string, tx?: Tx): Promise<Template | null> {
    const own = this.templates(tx).query(actor, 't').andWhere('t.whatsapp_number_id = :whatsapp_number_id', { whatsapp_number_id });
    if (isUuid(name)) return own.andWhere('t.id = :name', { name }).getOne();
    if (/^\d+$/.test(name)) {
      const found = await own.clone().andWhere('t.meta_template_id = :name', { name }).getOne();
      if (found) return found;
    }
    return own.andWhere('t.name = :name AND t.language = :language', { name, language: language ?? DEFAULT_LANGUAGE }).getOne();
  }

  private templates(tx?: Tx): TenantRepository<Template> {
    return this.database.repository(Template, tx);
  }
}

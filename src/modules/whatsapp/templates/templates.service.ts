import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { AppError, Conflict, Invalid, NotFound, ProviderError } from '#common/errors';
import type { JsonObject } from '#common/json.scalar';
import { PAGE_SIZE_DEFAULT, type Page } from '#common/page.dto';
import { isUuid } from '#common/uuid';
import { Database, type Tx } from '#database/database';
import { onDuplicate } from '#database/database-errors';
import type { TenantRepository } from '#database/tenant-repository';
import { WhatsAppNumber } from '../numbers/whatsapp-number.entity';
import { ProviderFailure } from '../provider-failure';
import { AccountOfNumber } from './account-of-number';
import { HeaderSamples } from './header-samples';
import { presentTemplates } from './present-templates';
import { SubmitTemplate, assertIdle, diffOf, isRecent, leaseEnd } from './submit-template';
import { canonical } from './sync-templates';
import { type TemplateCreate, type TemplateQuery, type TemplateUpdate, type TemplateView } from './template.dto';
import { type MetaTemplate, type MetaTemplatePage, type MetaTemplateQuery } from './meta-template.dto';
import { Template } from './template.entity';
import { FLAT_FIELDS, componentsOf, detailOf, relaid, upperCase } from './template-form';
import { type TemplateText, formatOf, mistakesOf, missingExamples } from './template-rules';

onDuplicate(
  'whatsapp_templates_key',
  () => new Conflict('template_already_exists', 'The number has a template of this name in this language already.'),
);

/** Contract 20, 6.1: what a name without a language means. */
const DEFAULT_LANGUAGE = 'pt_BR';
/** Of a number, at Meta or not: what Meta takes of an account for sure. */
const DRAFTS_MAX = 250;
/** Meta, template management: of an approved one. */
const EDITS = { a_day: 1, in_30_days: 10 };
const DAY_MS = 86_400_000;

/** What can be handed to Meta in another text, beside drafts. */
const EDITABLE = new Set(['APPROVED', 'REJECTED', 'PAUSED']);

/** The texts Meta has approved, as we last saw them, and those it is to approve. */
@Injectable()
export class TemplatesService {
  constructor(
    private readonly database: Database,
    private readonly accounts: AccountOfNumber,
    private readonly samples: HeaderSamples,
    private readonly submission: SubmitTemplate,
  ) {}

  async page(actor: Actor, whatsapp_number_id: string, query: TemplateQuery): Promise<Page<TemplateView>> {
    await this.database.repository(WhatsAppNumber).get(actor, whatsapp_number_id);
    const { status, category, language, name, is_enabled } = query;
    const found = await this.templates().page(actor, query, {
      search: ['name'],
      sort: ['name', 'language', 'category', 'status', 'created_at', 'updated_at', 'last_synced_at'],
      filter: { whatsapp_number_id, status: status?.toUpperCase(), category: category?.toUpperCase(), language, name, is_enabled },
    });
    return { ...found, items: await presentTemplates(this.database, actor, found.items) };
  }

  /** As Meta has them now. @throws {Conflict} not_supported_for_connection_type, number_not_configured. @throws {ProviderError} provider_unavailable. */
  async metaPage(actor: Actor, whatsapp_number_id: string, query: MetaTemplateQuery): Promise<MetaTemplatePage> {
    await this.accounts.number(actor, whatsapp_number_id);
    const { limit = PAGE_SIZE_DEFAULT, ...filter } = query;
    try {
      const { items, after } = await this.accounts.ask(actor, whatsapp_number_id, (account) => account.list({ ...filter, limit }));
      const total = items.length + (after === null ? 0 : 1);
      return {
        items: items as unknown as MetaTemplate[],
        total,
        page: 1,
        page_size: limit,
        total_pages: Math.ceil(total / limit),
        next_cursor: after,
        ...(after !== null && { total_is_estimate: true }),
        paging: { after },
      };
    } catch (error) {
      if (!(error instanceof ProviderFailure)) throw error;
      throw new ProviderError(`Meta did not list the templates: ${error.message}`, undefined, { cause: error });
    }
  }

  /** By local id, Meta's id, or name with its language. @throws {NotFound} */
  async get(actor: Actor, whatsapp_number_id: string, template_id: string, language?: string): Promise<TemplateView> {
    await this.database.repository(WhatsAppNumber).get(actor, whatsapp_number_id);
    return this.present(actor, await this.named(actor, whatsapp_number_id, template_id, language));
  }

  /** By local id alone, on whichever number (GraphQL). @throws {NotFound} */
  async byId(actor: Actor, id: string): Promise<TemplateView> {
    return this.present(actor, await this.templates().get(actor, id));
  }

  /** The number of a template that is known by its local id alone. @throws {NotFound} */
  async numberOf(actor: Actor, id: string): Promise<string> {
    return (await this.templates().get(actor, id)).whatsapp_number_id;
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

  /**
   * A draft, which is submitted at once unless `submit` is false. What goes wrong with that stands in its `submission_error`: the draft is never lost.
   * @throws {Invalid} validation_error, template_example_required, url_not_allowed, unsupported_file.
   * @throws {Conflict} template_already_exists, limit_reached, not_supported_for_connection_type.
   */
  async create(actor: Actor, whatsapp_number_id: string, input: TemplateCreate, submit = true): Promise<TemplateView> {
    const text = textOf(input);
    assertRight(text, { examples: submit, is_flat: !input.components });
    await this.samples.checkLinks(text.components);
    const { name, language, allow_category_change } = input;
    const draft = await this.database.tx(async (tx) => {
      await this.accounts.number(actor, whatsapp_number_id, tx);
      await this.assertRoom(tx, actor, whatsapp_number_id);
      await this.samples.take(tx, actor, text.components);
      const template = await this.templates(tx).insert(actor, {
        ...text,
        whatsapp_number_id,
        name,
        language: language ?? DEFAULT_LANGUAGE,
        status: 'DRAFT',
        parameter_format: formatOf(text.components),
        busy_until: submit ? leaseEnd() : null,
      });
      const { category } = template;
      tx.audit(actor, 'template.created', { ...diffOf(null, template), metadata: { language: template.language, category } });
      return template;
    });
    if (!submit) return this.present(actor, draft);
    try {
      return await this.present(
        actor,
        await this.submission.submit(actor, draft, { allow_category_change: allow_category_change ?? undefined }),
      );
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return this.byId(actor, draft.id);
    }
  }

  /**
   * Has Meta review a draft, or what it rejected.
   * @throws {NotFound} @throws {Conflict} template_not_submittable, number_not_configured, not_supported_for_connection_type.
   * @throws {Invalid} template_example_required, template_rejected_by_meta. @throws {ProviderError} provider_unavailable.
   */
  async submit(actor: Actor, whatsapp_number_id: string, template_id: string, language?: string): Promise<TemplateView> {
    await this.accounts.number(actor, whatsapp_number_id);
    const { id } = await this.named(actor, whatsapp_number_id, template_id, language);
    const claimed = await this.claim(actor, id, (template) => {
      if (template.status !== 'DRAFT' && template.status !== 'REJECTED')
        throw new Conflict(
          'template_not_submittable',
          `The template is ${template.status}; a DRAFT or what was REJECTED can be submitted.`,
        );
      assertIdle(template, 'template_not_submittable');
      assertExamples(template, false);
    });
    return this.present(actor, await this.submission.submit(actor, claimed));
  }

  /**
   * The switch at any time; another text of a draft at once, of what Meta has after its review.
   * @throws {NotFound} @throws {Conflict} template_not_editable, template_edit_limit, system_template, number_not_configured, not_supported_for_connection_type.
   * @throws {Invalid} validation_error, template_example_required, template_rejected_by_meta. @throws {ProviderError} provider_unavailable.
   */
  async update(
    actor: Actor,
    whatsapp_number_id: string,
    template_id: string,
    input: TemplateUpdate,
    language?: string,
  ): Promise<TemplateView> {
    await this.accounts.number(actor, whatsapp_number_id);
    const found = await this.named(actor, whatsapp_number_id, template_id, language);
    const { is_enabled } = input;
    const content = changedContent(found, input);
    if (!content || found.status === 'DRAFT') return this.keep(actor, found.id, { is_enabled, ...content });
    await this.samples.checkLinks(content.components);
    const claimed = await this.claim(actor, found.id, async (template, tx) => {
      assertEditable(template, content);
      await this.samples.take(tx, actor, content.components);
    });
    return this.present(actor, await this.submission.edit(actor, claimed, { is_enabled, ...content }));
  }

  /**
   * @throws {NotFound} @throws {Conflict} system_template, template_not_editable, not_supported_for_connection_type.
   * @throws {ProviderError} provider_unavailable: Meta still has it, and so have we.
   */
  async remove(
    actor: Actor,
    whatsapp_number_id: string,
    template_id: string,
    { delete_from_meta = false, language }: { delete_from_meta?: boolean; language?: string },
  ): Promise<void> {
    await this.accounts.number(actor, whatsapp_number_id);
    const { id } = await this.named(actor, whatsapp_number_id, template_id, language);
    const claimed = await this.claim(actor, id, (template) => {
      if (template.is_system_template) throw new Conflict('system_template', 'This template is Meta’s own and stays.');
      assertIdle(template, 'template_not_editable');
    });
    const is_at_meta = claimed.meta_template_id !== null;
    if (delete_from_meta && is_at_meta) await this.submission.withdraw(actor, claimed);
    await this.database.tx(async (tx) => {
      // What Meta never had leaves no trace that a sync would have to heed.
      if (claimed.status === 'DRAFT' && !claimed.submitted_at)
        await tx.rows('DELETE FROM whatsapp_templates WHERE organization_id = $1 AND id = $2', [actor.organization_id, id]);
      else {
        if (delete_from_meta) await this.templates(tx).patch(actor, id, { status: 'DELETED' });
        await this.templates(tx).remove(actor, id);
      }
      tx.audit(actor, 'template.deleted', {
        ...diffOf(claimed, null),
        metadata: { language: claimed.language, delete_from_meta: delete_from_meta && is_at_meta },
      });
    });
  }

  /** The row is this caller's until Meta has answered, if it may be. */
  private claim(actor: Actor, id: string, assertMay: (template: Template, tx: Tx) => void | Promise<void>): Promise<Template> {
    return this.database.tx(async (tx) => {
      const template = await this.templates(tx).lock(actor, id);
      await assertMay(template, tx);
      return this.templates(tx).patch(actor, id, { busy_until: leaseEnd() });
    });
  }

  /** What Meta need not know of. */
  private async keep(actor: Actor, id: string, changes: Partial<Template>): Promise<TemplateView> {
    const { components } = changes;
    if (components) await this.samples.checkLinks(components);
    const after = await this.database.tx(async (tx) => {
      const before = await this.templates(tx).lock(actor, id);
      if (components) {
        if (before.status !== 'DRAFT') throw notEditable(before);
        assertIdle(before, 'template_not_editable');
        await this.samples.take(tx, actor, components);
      }
      const template = await this.templates(tx).patch(actor, id, changes);
      tx.audit(actor, 'template.updated', diffOf(before, template));
      return template;
    });
    return this.present(actor, after);
  }

  /** Whoever makes another one holds the number's lock. */
  private async assertRoom(tx: Tx, { organization_id }: Actor, whatsapp_number_id: string): Promise<void> {
    const [{ count }] = await tx.rows<{ count: number }>(
      `SELECT count(*)::int AS count FROM whatsapp_templates
        WHERE organization_id = $1 AND whatsapp_number_id = $2 AND status = 'DRAFT' AND deleted_at IS NULL`,
      [organization_id, whatsapp_number_id],
    );
    if (count >= DRAFTS_MAX) throw new Conflict('limit_reached', `The number has ${DRAFTS_MAX} drafts. Submit or delete some.`);
  }

  /** @throws {NotFound} */
  private async named(actor: Actor, whatsapp_number_id: string, template_id: string, language?: string): Promise<Template> {
    const found = await this.find(actor, whatsapp_number_id, template_id, language);
    if (!found) throw new NotFound('Template');
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

  private async present(actor: Actor, template: Template): Promise<TemplateView> {
    return (await presentTemplates(this.database, actor, [template]))[0];
  }

  private templates(tx?: Tx): TenantRepository<Template> {
    return this.database.repository(Template, tx);
  }
}

/** What is to be approved, in Meta's form. @throws {Invalid} Both forms, or neither. */
function textOf(input: TemplateCreate): TemplateText & { components: JsonObject[] } {
  const { components, category } = input;
  const flat = FLAT_FIELDS.filter((field) => input[field] !== undefined && input[field] !== null);
  if (!components) return { category, components: componentsOf(input, category) };
  if (flat.length) throw Invalid.field(flat[0], `${flat[0]} is not given together with components`);
  return { category, components: upperCase(components) };
}

/** @throws {Invalid} validation_error, template_example_required. */
function assertRight(text: TemplateText, { examples, is_flat = false }: { examples: boolean; is_flat?: boolean }): void {
  const mistakes = mistakesOf(text);
  if (mistakes.length) throw new Invalid(mistakes.map((mistake) => detailOf(mistake, 'value_error', text.components, is_flat)));
  if (examples) assertExamples(text, is_flat);
}

function assertExamples(text: TemplateText, is_flat: boolean): void {
  const missing = missingExamples(text);
  if (missing.length)
    throw new Invalid(
      missing.map((mistake) => detailOf(mistake, 'template_example_required', text.components, is_flat)),
      'template_example_required',
    );
}

/** What is another content than there is, as it would be kept; null: nothing is. @throws {Invalid} */
function changedContent(template: Template, input: TemplateUpdate): (Partial<Template> & Pick<Template, 'components'>) | null {
  const { components, category = template.category } = input;
  const flat = FLAT_FIELDS.filter((field) => input[field] !== undefined);
  if (components && flat.length) throw Invalid.field(flat[0], `${flat[0]} is not given together with components`);
  const laid = flat.length ? relaid(template.components, input, category) : template.components;
  const next = { category, components: components ? upperCase(components) : laid };
  if (next.category === template.category && canonical(next.components) === canonical(template.components)) return null;
  assertRight(next, { examples: template.status !== 'DRAFT', is_flat: flat.length > 0 });
  return { ...next, parameter_format: formatOf(next.components), ...(template.status === 'DRAFT' && { submission_error: null }) };
}

const notEditable = ({ status }: Template): Conflict =>
  new Conflict('template_not_editable', `The template is ${status}; Meta takes another text of what is ${[...EDITABLE].join(', ')}.`);

/** @throws {Conflict} template_not_editable, system_template, template_edit_limit. @throws {Invalid} The category of an approved one. */
function assertEditable(template: Template, { category }: Partial<Template>): void {
  if (template.is_system_template) throw new Conflict('system_template', 'This template is Meta’s own and stays as it is.');
  if (!EDITABLE.has(template.status) || template.meta_template_id === null) throw notEditable(template);
  assertIdle(template, 'template_not_editable');
  if (template.status !== 'APPROVED') return;
  if (category !== template.category)
    throw Invalid.field('category', 'The category of an approved template cannot be changed', undefined, 'immutable');
  const edits = template.approved_edits.filter(isRecent);
  const today = edits.filter((at) => Date.now() - Date.parse(at) < DAY_MS);
  if (today.length >= EDITS.a_day || edits.length >= EDITS.in_30_days)
    throw new Conflict('template_edit_limit', 'An approved template can be edited once in 24 hours, and ten times in 30 days.');
}

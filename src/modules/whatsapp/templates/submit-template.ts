import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { AppError, Conflict, Invalid, ProviderError } from '#common/errors';
import type { JsonObject } from '#common/json.scalar';
import { Database } from '#database/database';
import type { Act } from '#database/tx';
import type { TemplateAccount } from '../provider';
import { type FailureClass, ProviderFailure } from '../provider-failure';
import { AccountOfNumber } from './account-of-number';
import { HeaderSamples } from './header-samples';
import { isUntold, stampOf, tellChanges } from './tell-template';
import { Template, type TemplateSubmissionError } from './template.entity';

/** Longer than handing over a file and asking Meta take. A process that dies lets go after it. */
const LEASE_SECONDS = 300;

/** Meta has read it and says no to its content; whatever else goes wrong says nothing of it. */
const REJECTED: ReadonlySet<FailureClass> = new Set(['final', 'admin', 'campaign']);

/** Who may talk to Meta about a template now. */
export const leaseEnd = (): Date => new Date(Date.now() + LEASE_SECONDS * 1000);

const isBusy = ({ busy_until }: Template): boolean => busy_until !== null && busy_until > new Date();

/** Asks Meta about templates that the caller has claimed by `busy_until`; whatever comes of it, the claim ends here. */
@Injectable()
export class SubmitTemplate {
  constructor(
    private readonly database: Database,
    private readonly accounts: AccountOfNumber,
    private readonly samples: HeaderSamples,
  ) {}

  /**
   * Has Meta review it, for the first time or again. What comes of it is kept in the template either way.
   * @throws {ProviderError} provider_unavailable. @throws {Invalid} template_rejected_by_meta. @throws {AppError} The number or the header's file is not ready.
   */
  async submit(actor: Actor, claimed: Template, { allow_category_change }: { allow_category_change?: boolean } = {}): Promise<Template> {
    try {
      const verdict = await this.accounts.ask(actor, claimed.whatsapp_number_id, (account) =>
        this.review(actor, account, claimed, allow_category_change),
      );
      return await this.settle(actor, claimed, 'template.submitted', {
        ...verdict,
        submitted_at: new Date(),
        submission_error: null,
      });
    } catch (error) {
      const { submission_error, is_unknown } = failureOf(error);
      await this.database.repository(Template).patch(actor, claimed.id, {
        busy_until: null,
        ...(submission_error && { submission_error }),
        ...(is_unknown && { submitted_at: new Date() }),
      });
      throw asAnswer(error);
    }
  }

  /** Another text of one that Meta has; it is reviewed again. @throws As `submit`; nothing has changed here then. */
  async edit(actor: Actor, claimed: Template, changes: Partial<Template> & Pick<Template, 'components'>): Promise<Template> {
    const { id, meta_template_id, status } = claimed;
    const { components, category = claimed.category } = changes;
    try {
      await this.accounts.ask(actor, claimed.whatsapp_number_id, async (account) => {
        const handed = forMeta(category, await this.samples.handOver(actor, account, components));
        // Meta refuses even the same category of an approved one.
        await account.edit(meta_template_id ?? '', { components: handed, ...(status !== 'APPROVED' && { category }) });
      });
      const now = new Date();
      return await this.settle(actor, claimed, 'template.updated', {
        ...changes,
        status: 'PENDING',
        submitted_at: now,
        submission_error: null,
        ...(status === 'APPROVED' && { approved_edits: [...claimed.approved_edits.filter(isRecent), now.toISOString()] }),
      });
    } catch (error) {
      await this.database.repository(Template).patch(actor, id, { busy_until: null });
      throw asAnswer(error);
    }
  }

  /** Takes it from Meta, in its language alone. @throws {ProviderError} provider_unavailable: it is still there, or perhaps. @throws {Conflict} number_not_configured. */
  async withdraw(actor: Actor, claimed: Template): Promise<void> {
    try {
      await this.accounts.ask(actor, claimed.whatsapp_number_id, (account) => account.remove(claimed));
    } catch (error) {
      await this.database.repository(Template).patch(actor, claimed.id, { busy_until: null });
      if (!(error instanceof ProviderFailure)) throw error;
      throw new ProviderError(`Meta did not delete the template: ${error.message}`, undefined, { cause: error });
    }
  }

  private async review(
    actor: Actor,
    account: TemplateAccount,
    { name, language, category, parameter_format, components, meta_template_id }: Template,
    allow_category_change?: boolean,
  ): Promise<Partial<Template>> {
    const handed = forMeta(category, await this.samples.handOver(actor, account, components));
    if (meta_template_id === null)
      return account.create({ name, language, category, parameter_format, components: handed, allow_category_change });
    await account.edit(meta_template_id, { components: handed, category });
    return { status: 'PENDING' };
  }

  /** Unless Meta's verdict came before its answer: that is the newer word. */
  private async settle(actor: Actor, claimed: Template, act: string, values: Partial<Template>): Promise<Template> {
    return this.database.tx(async (tx) => {
      const templates = this.database.repository(Template, tx);
      const before = await templates.lock(actor, claimed.id);
      const { status, ...others } = values;
      const verdict = isUntold(claimed, before) && status ? { status, rejected_reason: null, ...stampOf(status, new Date()) } : {};
      const after = await templates.patch(actor, claimed.id, { ...others, ...verdict, busy_until: null });
      tx.audit(actor, act, diffOf(claimed, after));
      tellChanges(tx, before, after);
      return after;
    });
  }
}

/** What the audit log says of a template that is new (no `before`), another or gone (no `after`); of a text, which may be long, only that it is another one. */
export const diffOf = (before: Template | null, after: Template | null): Act => {
  const { id, name } = (after ?? before) as Template;
  return {
    resource: { id, name },
    ...(before && { before: told(before) }),
    ...(after && { after: told(after) }),
    may_tell: (field) => field !== 'components',
  };
};

const told = ({ whatsapp_number_id, name, language, status, category, components, is_enabled }: Template): object => ({
  whatsapp_number_id,
  name,
  language,
  status,
  category,
  components,
  is_enabled,
});

/** Meta, template management: ten edits of an approved template in 30 days. */
export const isRecent = (at: string): boolean => Date.now() - Date.parse(at) < 30 * 86_400_000;

/** Meta's own texts are not handed back to it. */
function forMeta(category: string, components: readonly JsonObject[]): JsonObject[] {
  if (category !== 'AUTHENTICATION') return [...components];
  return components.map(({ text: _, ...component }) => component);
}

/** What a draft says of its failed submission; null: that is a fault of ours. */
function failureOf(error: unknown): { submission_error: TemplateSubmissionError | null; is_unknown: boolean } {
  if (error instanceof ProviderFailure) {
    const { error_code, error_message, class: kind } = error.decision;
    return { submission_error: { code: error_code, message: error_message.slice(0, 2000) }, is_unknown: kind === 'unknown' };
  }
  if (!(error instanceof AppError)) return { submission_error: null, is_unknown: false };
  return { submission_error: { code: error.error_code, message: error.message.slice(0, 2000) }, is_unknown: false };
}

function asAnswer(error: unknown): unknown {
  if (!(error instanceof ProviderFailure)) return error;
  const { decision } = error;
  if (decision.provider_code === null || !REJECTED.has(decision.class))
    return new ProviderError(`Meta did not take the template: ${error.message}`, undefined, { cause: error });
  return new Invalid([{ msg: error.message, type: 'template_rejected_by_meta' }], 'template_rejected_by_meta', error.message);
}

/** Of two who want to change a template at once one does. */
export const assertIdle = (template: Template, error_code: 'template_not_submittable' | 'template_not_editable'): void => {
  if (isBusy(template)) throw new Conflict(error_code, 'The template is just being handed to Meta. Try again in a moment.');
};

import { Bounded } from '#common/bounded';
import type { Clock } from './clock';
import { GraphError } from './graph-error';
import { digitsOf, listAt, stringAt, type JsonObject } from './json';
import type { SimulatorOptions } from './simulator-options';
import { checkCategory, checkComponents, checkTemplate, type Template } from './template';
import type { Updates } from './updates';
import type { Delivery } from './deliveries';

const DAY_MS = 86_400_000;
/** Of an account. */
const MAX_TEMPLATES = 6000;
/** Meta, "Error codes": cannot be edited at the moment. */
const NOT_NOW = 2388039;

/** The templates of the accounts, and Meta's verdict on them. */
export class AccountTemplates {
  private readonly byId = new Bounded<string, Template>({ count: 10_000 });
  /** When approved ones were edited. */
  private readonly edits = new Bounded<string, number[]>({ count: 10_000 });
  /** Names that were approved and deleted, and until when nobody may have them. */
  private readonly blocked = new Bounded<string, number>({ count: 10_000 });
  /** Files that are being uploaded, with their size. */
  private readonly sessions = new Bounded<string, number>({ count: 1000 });
  private readonly handles = new Bounded<string, true>({ count: 10_000 });

  constructor(
    private readonly options: SimulatorOptions,
    private readonly updates: Updates,
    private readonly clock: Clock,
  ) {}

  of(waba_id: string): Template[] {
    return [...this.byId.values()].filter((template) => template.waba_id === waba_id);
  }

  get(id: string): Template | undefined {
    return this.byId.get(id);
  }

  /** A new account has some from the start. */
  stock(waba_id: string): void {
    if (!this.of(waba_id).length) for (const template of starterTemplates(waba_id)) this.byId.set(template.id, template);
  }

  /** @throws {GraphError} 100: bad shape, or the name stands in this language already, or did until lately. */
  create(waba_id: string, body: unknown): Template {
    const checked = checkTemplate(body, this.knows);
    const { name, language } = checked;
    const others = this.of(waba_id);
    if (others.some((t) => t.name === name && t.language === language))
      throw new GraphError(
        100,
        `There is already ${language} content for this template. You can create a new template and try again.`,
        2388024,
      );
    if ((this.blocked.get(`${waba_id} ${name}`) ?? 0) > Date.now())
      throw new GraphError(
        100,
        `New ${language} content can't be added while the existing content is being deleted. Try again in 4 weeks.`,
        2388023,
      );
    if (others.length >= MAX_TEMPLATES) throw new GraphError(100, 'The account has as many templates as it may.', 2388019);
    const template: Template = {
      id: digitsOf(`${waba_id}:${name}:${language}:${process.hrtime.bigint()}`, 15),
      waba_id,
      status: 'PENDING',
      rejected_reason: 'NONE',
      quality_score: { score: 'UNKNOWN' },
      ...checked,
    };
    this.byId.set(template.id, template);
    this.review(template);
    return template;
  }

  /** @throws {GraphError} 100: bad shape, not now, or too often. */
  edit(template: Template, body: unknown): void {
    const { id, status, parameter_format } = template;
    if (!['APPROVED', 'REJECTED', 'PAUSED'].includes(status) || isSample(template))
      throw new GraphError(100, 'Only approved, rejected or paused templates can be edited', NOT_NOW);
    const given = stringAt(body, 'category');
    const category = given === undefined ? template.category : checkCategory(given);
    const edits = (this.edits.get(id) ?? []).filter((at) => Date.now() - at < 30 * DAY_MS);
    if (status === 'APPROVED') {
      if (category !== template.category) throw new GraphError(100, 'The category of an approved template cannot be edited', NOT_NOW);
      if (edits.length >= 10 || edits.some((at) => Date.now() - at < DAY_MS))
        throw new GraphError(100, 'An approved template can be edited once in 24 hours and 10 times in 30 days', NOT_NOW);
    }
    template.components = checkComponents(listAt(body, 'components'), { category, parameter_format, knows: this.knows });
    if (status === 'APPROVED') this.edits.set(id, [...edits, Date.now()]);
    Object.assign(template, { category, status: 'PENDING', rejected_reason: 'NONE' });
    this.review(template);
  }

  delete(waba_id: string, name: string, hsm_id?: string): void {
    const doomed = this.of(waba_id).filter((t) => t.name === name && (hsm_id === undefined || t.id === hsm_id));
    if (!doomed.length) throw new GraphError(100, `Message template "${name}" was not found`, 2593002);
    if (doomed.some((t) => t.status === 'DISABLED' || isSample(t))) throw new GraphError(100, 'This template cannot be deleted');
    for (const template of doomed) {
      if (template.status === 'APPROVED') this.blocked.set(`${waba_id} ${name}`, Date.now() + 30 * DAY_MS);
      this.byId.delete(template.id);
      void this.setStatus(template, 'DELETED');
    }
  }

  /** Meta, "Resumable Upload API": a session for a file, then its bytes, then a handle that examples are named by. */
  openUpload(file_length: number): string {
    const session = `upload:${digitsOf(String(process.hrtime.bigint()), 20)}?sig=${digitsOf(String(file_length), 10)}`;
    this.sessions.set(session, file_length);
    return session;
  }

  /** @throws {GraphError} 100: no such session, or not all of the file. */
  closeUpload(session: string, size_bytes: number): string {
    if (this.sessions.get(session) !== size_bytes) throw new GraphError(100, 'The upload is not open, or the file is not whole');
    this.sessions.delete(session);
    const handle = `4::${digitsOf(session, 30)}`;
    this.handles.set(handle, true);
    return handle;
  }

  /** Meta's verdict comes by webhook. A name with `reject` in it is refused. */
  private review(template: Template): void {
    const rejected = /reject|recusad/.test(template.name);
    this.clock.later(
      this.options.delays.template_review_ms,
      () => void this.setStatus(template, rejected ? 'REJECTED' : 'APPROVED', rejected ? 'INVALID_FORMAT' : 'NONE'),
    );
  }

  setStatus(template: Template, event: string, reason = 'NONE'): Promise<Delivery> {
    template.status = event === 'REINSTATED' || event === 'UNARCHIVED' ? 'APPROVED' : event;
    template.rejected_reason = reason;
    return this.tell(template, 'message_template_status_update', { event, message_template_category: template.category, reason });
  }

  /** Meta's other changes of mind: of the category, the quality, or somebody's of the text. @throws {GraphError} A text against the rules. */
  async change(template: Template, { category, quality, components }: TemplateChange): Promise<void> {
    const { category: previous_category, quality_score, parameter_format } = template;
    if (category) {
      template.category = checkCategory(category);
      await this.tell(template, 'template_category_update', { previous_category, new_category: template.category });
    }
    if (quality) {
      template.quality_score = { score: quality };
      await this.tell(template, 'message_template_quality_update', {
        previous_quality_score: quality_score.score,
        new_quality_score: quality,
      });
    }
    if (components) {
      template.components = checkComponents(components, { category: template.category, parameter_format, knows: this.knows });
      const body = template.components.find((component) => stringAt(component, 'type')?.toUpperCase() === 'BODY');
      await this.tell(template, 'message_template_components_update', { message_template_element: stringAt(body, 'text') ?? '' });
    }
  }

  private tell(template: Template, field: string, value: JsonObject): Promise<Delivery> {
    return this.updates.tellAccount(template.waba_id, field, {
      message_template_id: Number(template.id),
      message_template_name: template.name,
      message_template_language: template.language,
      ...value,
    });
  }

  /** A simulator that forgets lets handles through that an earlier one gave. */
  private readonly knows = (handle: string): boolean => this.handles.has(handle) || !this.options.strict;
}

export interface TemplateChange {
  category?: string;
  quality?: string;
  components?: unknown[];
}

/** Meta's own can be sent, and that is all. */
const isSample = ({ name }: Template): boolean => name === 'hello_world' || name.startsWith('sample_');

/** What every new account at Meta has, and one with everything in it. */
function starterTemplates(waba_id: string): Template[] {
  const approved = {
    waba_id,
    status: 'APPROVED',
    parameter_format: 'POSITIONAL',
    rejected_reason: 'NONE',
    quality_score: { score: 'GREEN' },
  } as const;
  return [
    {
      ...approved,
      id: digitsOf(`${waba_id}:hello_world`, 15),
      name: 'hello_world',
      language: 'en_US',
      category: 'UTILITY',
      components: [
        { type: 'HEADER', format: 'TEXT', text: 'Hello World' },
        {
          type: 'BODY',
          text: 'Welcome and congratulations!! This message demonstrates your ability to send a WhatsApp message notification.',
        },
        { type: 'FOOTER', text: 'WhatsApp Business Platform sample message' },
      ],
    },
    {
      ...approved,
      id: digitsOf(`${waba_id}:pedido_pronto`, 15),
      name: 'pedido_pronto',
      language: 'pt_BR',
      category: 'UTILITY',
      components: [
        { type: 'BODY', text: 'Olá {{1}}, seu pedido {{2}} está pronto para retirada.', example: { body_text: [['Ana', '1042']] } },
        { type: 'FOOTER', text: 'Padaria Demo' },
        {
          type: 'BUTTONS',
          buttons: [
            { type: 'QUICK_REPLY', text: 'Estou a caminho' },
            { type: 'QUICK_REPLY', text: 'Falar com atendente' },
          ],
        },
      ],
    },
  ];
}

import { Bounded } from '#common/bounded';
import type { Clock } from './clock';
import { GraphError } from './graph-error';
import { digitsOf, listAt } from './json';
import type { SimulatorOptions } from './simulator-options';
import { checkComponents, checkTemplate, type Template } from './template';
import type { Updates } from './updates';
import type { Delivery } from './deliveries';

/** The templates of the accounts, and Meta's verdict on them. */
export class AccountTemplates {
  private readonly byId = new Bounded<string, Template>({ count: 10_000 });

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

  /** @throws {GraphError} 100: bad shape, or the name stands in this language already. */
  create(waba_id: string, body: unknown): Template {
    const checked = checkTemplate(body);
    if (this.of(waba_id).some((t) => t.name === checked.name && t.language === checked.language)) {
      throw new GraphError(
        100,
        `There is already ${checked.language} content for this template. You can create a new template and try again.`,
        2388024,
      );
    }
    const template: Template = {
      id: digitsOf(`${waba_id}:${checked.name}:${checked.language}:${process.hrtime.bigint()}`, 15),
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

  edit(template: Template, body: unknown): void {
    if (!['APPROVED', 'REJECTED', 'PAUSED'].includes(template.status))
      throw new GraphError(100, 'Only approved, rejected or paused templates can be edited');
    template.components = checkComponents(listAt(body, 'components'), template.category);
    template.status = 'PENDING';
    this.review(template);
  }

  delete(waba_id: string, name: string, hsm_id?: string): void {
    const doomed = this.of(waba_id).filter((t) => t.name === name && (hsm_id === undefined || t.id === hsm_id));
    if (!doomed.length) throw new GraphError(100, `Message template "${name}" was not found`, 2593002);
    for (const template of doomed) this.byId.delete(template.id);
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
    const value = {
      event,
      message_template_id: Number(template.id),
      message_template_name: template.name,
      message_template_language: template.language,
      message_template_category: template.category,
      reason,
    };
    return this.updates.tellAccount(template.waba_id, 'message_template_status_update', value);
  }
}

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

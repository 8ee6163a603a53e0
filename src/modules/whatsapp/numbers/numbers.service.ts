import { Injectable } from '@nestjs/common';
import { onDuplicate } from '#database/database-errors';
import { Actor, Role } from '#common/actor';
import { EgressClient } from '#common/egress';
import { Conflict, Invalid, NotFound } from '#common/errors';
import { overlaid, withoutNulls } from '#common/given';
import type { JsonObject } from '#common/json.scalar';
import type { Page } from '#common/page.dto';
import { Config } from '#config/config';
import { Database, type Tx } from '#database/database';
import { prepared } from '#database/sql';
import type { TenantRepository } from '#database/tenant-repository';
import { toBusinessHours } from '#modules/organizations/business-hours';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { CAPABILITIES } from '../provider';
import { CheckNumber } from './check-number';
import { InstanceSettings } from './instance-settings';
import { NumberJobs } from './numbers.jobs';
import { NumberDirectory } from './number-directory';
import { NO_TRACES, NumberKeys, maskedTraces } from './number-keys';
import {
  type ConnectionTestResult,
  type NumberQuery,
  type NumberStatus,
  type WhatsAppNumberCreate,
  type WhatsAppNumberStatus,
  type WhatsAppNumberUpdate,
  type WhatsAppNumberView,
  presentStatus,
  statusOf,
} from './whatsapp-number.dto';
import { ConnectionStatus, DEFAULT_CONNECTION, WhatsAppNumber } from './whatsapp-number.entity';

onDuplicate(
  'whatsapp_numbers_phone_key',
  () => new Conflict('number_already_registered', 'This phone number is registered in your organization already.'),
);
// Another organization's, perhaps: nobody is named.
const inUse = (): Conflict => new Conflict('phone_number_id_in_use', 'This phone_number_id is in use.');
onDuplicate('whatsapp_numbers_phone_number_id_key', inUse);
onDuplicate('whatsapp_numbers_proved_key', inUse);

const STATUS_SQL: Record<NumberStatus, string> = {
  active: `row.is_active AND row.connection_status = '${ConnectionStatus.connected}'`,
  inactive: 'NOT row.is_active',
  pending: `row.is_active AND row.connection_status <> '${ConnectionStatus.connected}'`,
};

/** The lines an organization owns. Whoever changes which one is the default holds the organization's lock. */
@Injectable()
export class NumbersService {
  constructor(
    private readonly database: Database,
    private readonly config: Config,
    private readonly keys: NumberKeys,
    private readonly directory: NumberDirectory,
    private readonly organizations: OrganizationsService,
    private readonly checks: CheckNumber,
    private readonly jobs: NumberJobs,
    private readonly instances: InstanceSettings,
    private readonly egress: EgressClient,
  ) {}

  async page(actor: Actor, query: NumberQuery): Promise<Page<WhatsAppNumberView>> {
    const { status, connection_type, is_active } = query;
    const found = await this.numbers().page(actor, query, {
      search: ['display_name', 'phone_number'],
      sort: ['created_at', 'updated_at', 'display_name', 'phone_number'],
      filter: { connection_type, is_active },
      refine: (rows) => status && rows.andWhere(`(${STATUS_SQL[status]})`),
    });
    return { ...found, items: await this.presentAll(actor, found.items) };
  }

  async get(actor: Actor, id: string): Promise<WhatsAppNumberView> {
    return this.present(actor, await this.numbers().get(actor, id));
  }

  /** Those of these that are there, as whoever is not an administrator sees them. */
  async views(tx: Tx, { organization_id }: Actor, ids: readonly string[]): Promise<WhatsAppNumberView[]> {
    const viewer = new Actor(organization_id, Role.viewer);
    return this.presentAll(viewer, await this.numbers(tx).many(viewer, ids), tx);
  }

  /**
   * @throws {Forbidden} plan_limit_exceeded.
   * @throws {Conflict} number_already_registered; phone_number_id_in_use, here or where it was proved.
   */
  async create(actor: Actor, input: WhatsAppNumberCreate): Promise<WhatsAppNumberView> {
    const given = withoutNulls(input) as WhatsAppNumberCreate;
    const { access_token, app_secret, evolution_api_key, webhook_verify_token, business_profile, settings, ...values } = given;
    const { organization_id } = actor;
    await this.instances.check(given);
    await this.assertUrl(values.webhook_url);
    return this.database.tx(async (tx) => {
      await this.organizations.assertWithinPlan(actor, 'whatsapp_numbers', undefined, tx);
      const is_default = values.is_default || (await this.lacksDefault(tx, actor, values.is_active !== false));
      await this.assertFree(tx, actor, values.phone_number_id);
      await assertDefaults(tx, actor, values);
      if (is_default) await this.clearDefault(tx, actor);
      const { phone_number, connection_type = DEFAULT_CONNECTION } = values;
      const number = await this.numbers(tx).insert(actor, {
        ...withHours(values),
        ...(await this.instances.settle(tx, actor, { phone_number, connection_type }, given, false)),
        is_default,
        business_profile: (business_profile as JsonObject | undefined) ?? null,
        settings: overlaid({}, settings ?? {}),
      });
      const keys = { access_token, app_secret, evolution_api_key, webhook_verify_token };
      await this.keys.create(tx, number, keys);
      const view = await this.present(actor, number, tx);
      tx.afterCommit(() => this.directory.forget());
      tx.audit(actor, 'whatsapp_number.created', {
        resource: nameOf(number),
        after: { ...number, ...keys },
        metadata: { phone_number, connection_type },
      });
      tx.tell('whatsapp_number.created', { organization_id, number });
      if (view.has_access_token) this.jobs.wake(tx, 'connect', view);
      if (business_profile) this.jobs.wake(tx, 'profile', view);
      return view;
    });
  }

  /** @throws {Invalid} Another phone_number or connection_type. @throws {Conflict} phone_number_id_in_use. */
  async update(actor: Actor, id: string, input: WhatsAppNumberUpdate): Promise<WhatsAppNumberView> {
    const { business_profile, settings, phone_number, connection_type, ...given } = input;
    const { access_token, app_secret, evolution_api_key, webhook_verify_token, ...values } = given;
    await this.instances.check(values);
    await this.assertUrl(values.webhook_url);
    return this.database.tx(async (tx) => {
      await this.organizations.lock(tx, actor);
      const before = await this.numbers(tx).lock(actor, id);
      if (phone_number !== undefined && phone_number !== before.phone_number)
        throw Invalid.field('phone_number', 'phone_number cannot be changed: delete this number and add the other', undefined, 'immutable');
      if (connection_type !== undefined && connection_type !== before.connection_type)
        throw Invalid.field('connection_type', 'connection_type cannot be changed', undefined, 'immutable');
      if (before.is_default && (values.is_default === false || values.is_active === false))
        values.is_default = !(await this.promoteHeir(tx, actor, id));
      else if (!before.is_default && values.is_active && (await this.lacksDefault(tx, actor, true))) values.is_default = true;
      if (values.is_default) await this.clearDefault(tx, actor, id);
      await assertDefaults(tx, actor, values);
      const was = await this.present(actor, before, tx);
      Object.assign(values, await this.instances.settle(tx, actor, before, given, was.has_evolution_api_key));
      const moved =
        values.evolution_instance_name !== before.evolution_instance_name || values.evolution_api_url !== before.evolution_api_url;
      const cleared = access_token === null || values.phone_number_id === null || moved;
      const reconnected = access_token !== undefined || hasOtherIds(before, values);
      if (reconnected) await this.assertFree(tx, actor, values.phone_number_id);
      const number = await this.numbers(tx).patch(actor, id, {
        ...withHours(values),
        ...(reconnected && { proved_at: null }),
        ...(cleared && { connection_status: ConnectionStatus.disconnected, connected_at: null }),
        ...(business_profile !== undefined && { business_profile: business_profile as JsonObject | null }),
        ...(settings !== undefined && { settings: overlaid(before.settings, settings) }),
      });
      if (number.phone_number_id !== before.phone_number_id) await this.forgetProviderMedia(tx, number);
      if (moved)
        await tx.rows('DELETE FROM whatsapp_number_pairings WHERE organization_id = $1 AND whatsapp_number_id = $2', [
          actor.organization_id,
          id,
        ]);
      const keys = { access_token, app_secret, evolution_api_key, webhook_verify_token };
      tx.audit(actor, actionOf(before, number), {
        resource: nameOf(number),
        before: { ...before, ...maskedTraces(was) },
        after: { ...number, ...keys },
      });
      await this.keys.save(tx, number, keys);
      const view = await this.present(actor, number, tx);
      tx.afterCommit(() => this.directory.forget());
      this.tell(tx, before, number);
      if (reconnected && view.has_access_token) this.jobs.wake(tx, 'connect', view);
      if (business_profile) this.jobs.wake(tx, 'profile', view);
      return view;
    });
  }

  /** Softly: its conversations stay, its phone and ids are free again, its keys are gone but for the secret of what Meta still sends. */
  async remove(actor: Actor, id: string): Promise<void> {
    const { organization_id } = actor;
    await this.database.tx(async (tx) => {
      await this.organizations.lock(tx, actor);
      const number = await this.numbers(tx).lock(actor, id);
      await this.numbers(tx).remove(actor, id);
      await this.keys.forget(tx, number);
      if (number.is_default) await this.promoteHeir(tx, actor, id, true);
      if (CAPABILITIES[number.connection_type].is_paired) this.jobs.wake(tx, 'remove', number);
      tx.afterCommit(() => this.directory.forget());
      tx.audit(actor, 'whatsapp_number.deleted', { resource: nameOf(number), before: number });
      tx.tell('whatsapp_number.deleted', { organization_id, number });
    });
  }

  /** Switches sending on or off; what comes in is kept either way. */
  async setActive(actor: Actor, id: string, is_active: boolean): Promise<WhatsAppNumberView> {
    return this.update(actor, id, { is_active });
  }

  test(actor: Actor, id: string): Promise<ConnectionTestResult> {
    return this.checks.test(actor, id);
  }

  async status(actor: Actor, id: string, refresh = false): Promise<WhatsAppNumberStatus> {
    if (refresh) await this.checks.test(actor, id);
    return presentStatus(await this.numbers().get(actor, id));
  }

  /** @throws {Invalid} url_not_allowed. */
  private async assertUrl(url: string | null | undefined): Promise<void> {
    if (url) await this.egress.checkUrl(url, 'webhook_url', this.config.production);
  }

  private tell(tx: Tx, before: WhatsAppNumber, number: WhatsAppNumber): void {
    const happened = { organization_id: number.organization_id, number };
    tx.tell('whatsapp_number.updated', happened);
    if (statusOf(number) !== statusOf(before)) tx.tell('whatsapp_number.status', happened);
  }

  /** Whether a number that comes is to be the default: there is none, or only one that is switched off while this one is on. */
  private async lacksDefault(tx: Tx, actor: Actor, is_active: boolean): Promise<boolean> {
    const current = await this.numbers(tx).query(actor, 'row').andWhere('row.is_default').getOne();
    return !current || (is_active && !current.is_active);
  }

  /**
   * Another number becomes the default instead of `id`: the oldest that is on, and with `any` else the oldest. False: there is no other. So an
   * organization that has numbers always has one default.
   */
  private async promoteHeir(tx: Tx, actor: Actor, id: string, any = false): Promise<boolean> {
    const others = this.numbers(tx).query(actor, 'row').andWhere('row.id <> :id', { id });
    if (!any) others.andWhere('row.is_active');
    const heir = await others.orderBy('row.is_active', 'DESC').addOrderBy('row.created_at').addOrderBy('row.id').getOne();
    if (!heir) return false;
    await this.clearDefault(tx, actor);
    const number = await this.numbers(tx).patch(actor, heir.id, { is_default: true });
    tx.tell('whatsapp_number.updated', { organization_id: actor.organization_id, number });
    return true;
  }

  /** An id somebody else only claims is free, and so is one whose holder was refused lately: a connection test says whose it is. */
  private async assertFree(tx: Tx, { organization_id }: Actor, phone_number_id: string | null | undefined): Promise<void> {
    if (!phone_number_id) return;
    const [proved] = await tx.rows<unknown>(
      `SELECT 1 FROM whatsapp_numbers
        WHERE phone_number_id = $1 AND organization_id <> $2 AND proved_at IS NOT NULL AND connection_status = $3 AND deleted_at IS NULL`,
      [phone_number_id, organization_id, ConnectionStatus.connected],
    );
    if (proved) throw inUse();
  }

  private async clearDefault(tx: Tx, actor: Actor, except?: string): Promise<void> {
    await tx.rows(
      'UPDATE whatsapp_numbers SET is_default = false, updated_at = now() WHERE organization_id = $1 AND is_default AND deleted_at IS NULL AND id IS DISTINCT FROM $2',
      [actor.organization_id, except ?? null],
    );
  }

  /** What Meta keeps for one phone_number_id no other can send. */
  private async forgetProviderMedia(tx: Tx, { organization_id, id }: WhatsAppNumber): Promise<void> {
    await tx.rows(`UPDATE media_files SET due_at = now() WHERE organization_id = $1 AND whatsapp_number_id = $2 AND status = 'ready'`, [
      organization_id,
      id,
    ]);
  }

  private async present(actor: Actor, number: WhatsAppNumber, tx?: Tx): Promise<WhatsAppNumberView> {
    const [view] = await this.presentAll(actor, [number], tx);
    return view;
  }

  /** Numbers as the API shows them; their keys' traces in one query. */
  private async presentAll(actor: Actor, numbers: readonly WhatsAppNumber[], tx?: Tx): Promise<WhatsAppNumberView[]> {
    const keys = await this.keys.tracesOf(
      actor,
      numbers.map(({ id }) => id),
      tx,
    );
    const admin = actor.may(Role.org_admin);
    return numbers.map((number) => {
      const { deleted_at, paused_until, templates_sync_until, proved_at, throughput, ...shown } = number;
      const { webhook_token, ...known } = keys.get(number.id) ?? NO_TRACES;
      const webhook_path = CAPABILITIES[number.connection_type].webhook_path(webhook_token);
      return {
        ...shown,
        ...known,
        settings: { native_interactive: false, mark_as_read: true, ...number.settings },
        status: statusOf(number),
        messaging_limit: number.messaging_limit_tier,
        webhook_verify_token: admin ? known.webhook_verify_token : null,
        webhook_callback_url: admin ? `${this.config.public_base_url}${webhook_path}` : null,
      } as unknown as WhatsAppNumberView;
    });
  }

  private numbers(tx?: Tx): TenantRepository<WhatsAppNumber> {
    return this.database.repository(WhatsAppNumber, tx);
  }
}

const nameOf = ({ id, display_name }: WhatsAppNumber): { id: string; name: string | null } => ({ id, name: display_name });

/** What an audit entry calls a change: by the weightiest part of it. */
function actionOf(before: WhatsAppNumber, { is_active }: WhatsAppNumber): string {
  if (is_active === before.is_active) return 'whatsapp_number.updated';
  return is_active ? 'whatsapp_number.activated' : 'whatsapp_number.deactivated';
}

const withHours = <T extends Pick<WhatsAppNumberUpdate, 'business_hours'>>(values: T): T =>
  values.business_hours ? { ...values, business_hours: toBusinessHours(values.business_hours) } : values;

/** Whether an update names ids of Meta's that the number does not have yet; absent keeps. */
const hasOtherIds = (
  before: WhatsAppNumber,
  { phone_number_id = before.phone_number_id, whatsapp_business_account_id = before.whatsapp_business_account_id }: WhatsAppNumberUpdate,
): boolean => phone_number_id !== before.phone_number_id || whatsapp_business_account_id !== before.whatsapp_business_account_id;

/** Rows of rooms upstairs, of which only the ids are known here. */
const DEFAULTS = prepared(`SELECT
   $2::uuid IS NULL OR EXISTS (SELECT FROM departments WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL) AS has_department,
   $3::uuid IS NULL OR EXISTS (SELECT FROM queues WHERE organization_id = $1 AND id = $3 AND deleted_at IS NULL) AS has_queue`);

/** Where its conversations begin to wait. @throws {NotFound} */
async function assertDefaults(
  tx: Tx,
  { organization_id }: Actor,
  { default_department_id = null, default_queue_id = null }: Pick<WhatsAppNumberUpdate, 'default_department_id' | 'default_queue_id'>,
): Promise<void> {
  if (!default_department_id && !default_queue_id) return;
  const [{ has_department, has_queue }] = await tx.rows<{ has_department: boolean; has_queue: boolean }>(DEFAULTS, [
    organization_id,
    default_department_id,
    default_queue_id,
  ]);
  if (!has_department) throw new NotFound('Department');
  if (!has_queue) throw new NotFound('Queue');
}

import { Body, Controller, Delete, Get, Header, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { Allow, Caller, RateClass, Resource } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { PageQuery } from '#common/page.dto';
import { Bodies, Room } from '#common/room';
import {
  SecretCreate,
  SecretPage,
  SecretQuery,
  SecretRemoval,
  SecretRotate,
  SecretTest,
  SecretTestResult,
  SecretTotals,
  SecretUpdate,
  SecretUsageQuery,
  SecretUsageStats,
  SecretUsageStatsPage,
  SecretValue,
  SecretVersionPage,
  SecretView,
} from './secret.dto';
import { DEMO_SECRET_ID } from './secrets.demo';
import { SecretsService } from './secrets.service';

@Room('secrets', 'API keys and passwords for flows, AI providers, ERPs and webhooks, encrypted.', { secret_id: DEMO_SECRET_ID })
@Controller('secrets')
@Resource('secrets')
@Allow('org_admin')
export class SecretsController {
  constructor(private readonly secrets: SecretsService) {}

  /** List secrets, without their values. `search` looks in key, display name, description and service. */
  @Get()
  page(@Caller() actor: Actor, @Query() query: SecretQuery): Promise<SecretPage> {
    return this.secrets.page(actor, query);
  }

  /**
   * Create a secret.
   * @throws {403} Beyond the plan's secrets (`plan_limit_exceeded`).
   * @throws {404} The chatbot is not in this organization.
   * @throws {409} There is one of this key, case aside, in this environment and scope (`already_exists`).
   * @throws {422} Also an encryption provider that is not configured.
   */
  @Post()
  @Bodies({
    'an API key': { key: 'ANTHROPIC_API_KEY', value: 'sk-ant-0000-not-a-real-key', service: 'anthropic', display_name: 'Anthropic' },
    'for tests': { key: 'ERP_PASSWORD', value: 'pao-de-queijo', service: 'erp', environment: 'development', metadata: { owner: 'Ana' } },
  })
  create(@Caller() actor: Actor, @Body() input: SecretCreate): Promise<SecretView> {
    return this.secrets.create(actor, input);
  }

  /** Count the secrets: all, active and inactive, by environment, scope, service and encryption provider. */
  @Get('stats')
  totals(@Caller() actor: Actor): Promise<SecretTotals> {
    return this.secrets.totals(actor);
  }

  /** How the secrets of the organization are used. */
  @Get('usage/organization')
  usageOfAll(@Caller() actor: Actor, @Query() query: SecretUsageQuery): Promise<SecretUsageStatsPage> {
    return this.secrets.usageOfAll(actor, query);
  }

  /** Get a secret, without its value. */
  @Get(':secret_id')
  get(@Caller() actor: Actor, @Param('secret_id', Uuid) id: string): Promise<SecretView> {
    return this.secrets.get(actor, id);
  }

  /**
   * Update a secret: absent keeps, null clears. A value makes another version; old ones are kept for 30 days, the last 50.
   * @throws {409} There is one of this key in the other environment (`already_exists`).
   */
  @Put(':secret_id')
  @Bodies({ 'another name': { display_name: 'OpenAI, matriz' }, 'another value': { value: 'sk-demo-1111-not-a-real-key' } })
  update(@Caller() actor: Actor, @Param('secret_id', Uuid) id: string, @Body() input: SecretUpdate): Promise<SecretView> {
    return this.secrets.update(actor, id, input);
  }

  /**
   * Delete a secret: its values are destroyed, its key is free again.
   * @throws {409} Something uses it (`secret_in_use`); the details name what. `force=true` deletes it all the same.
   */
  @Delete(':secret_id')
  @HttpCode(204)
  remove(@Caller() actor: Actor, @Param('secret_id', Uuid) id: string, @Query() query: SecretRemoval): Promise<void> {
    return this.secrets.remove(actor, id, query);
  }

  /**
   * Reveal a secret's value. The audit log says who did.
   * @throws {409} It is switched off (`secret_inactive`).
   */
  @Get(':secret_id/value')
  @RateClass('secret_reveal')
  @Header('Cache-Control', 'no-store')
  value(@Caller() actor: Actor, @Param('secret_id', Uuid) id: string): Promise<SecretValue> {
    return this.secrets.value(actor, id);
  }

  /**
   * Rotate a secret: another value, or the same one encrypted again with the newest key. It goes on working.
   * @throws {422} Also an encryption provider that is not configured.
   */
  @Post(':secret_id/rotate')
  @HttpCode(200)
  @Bodies({ 'another value': { new_value: 'sk-demo-2222-not-a-real-key' }, 'the same value': {} })
  rotate(@Caller() actor: Actor, @Param('secret_id', Uuid) id: string, @Body() input: SecretRotate): Promise<SecretView> {
    return this.secrets.rotate(actor, id, input);
  }

  /** Switch a secret on. */
  @Post(':secret_id/activate')
  @HttpCode(200)
  activate(@Caller() actor: Actor, @Param('secret_id', Uuid) id: string): Promise<SecretView> {
    return this.secrets.setActive(actor, id, true);
  }

  /** Switch a secret off: it no longer resolves in flows and is not revealed. */
  @Post(':secret_id/deactivate')
  @HttpCode(200)
  deactivate(@Caller() actor: Actor, @Param('secret_id', Uuid) id: string): Promise<SecretView> {
    return this.secrets.setActive(actor, id, false);
  }

  /**
   * Test a secret: does it open, or does the provider of its service (openai, anthropic, anythingllm, meta) take it within 10 seconds.
   * @throws {422} Also a service nobody can be asked about (`unsupported_test`).
   */
  @Post(':secret_id/test')
  @HttpCode(200)
  @Bodies({ 'does it open': { test_type: 'decrypt' }, default: {} })
  test(@Caller() actor: Actor, @Param('secret_id', Uuid) id: string, @Body() input: SecretTest): Promise<SecretTestResult> {
    return this.secrets.test(actor, id, input);
  }

  /** How a secret is used. */
  @Get(':secret_id/usage')
  usage(@Caller() actor: Actor, @Param('secret_id', Uuid) id: string): Promise<SecretUsageStats> {
    return this.secrets.usage(actor, id);
  }

  /** List a secret's versions, the newest first, without their values. */
  @Get(':secret_id/versions')
  versions(@Caller() actor: Actor, @Param('secret_id', Uuid) id: string, @Query() query: PageQuery): Promise<SecretVersionPage> {
    return this.secrets.versions(actor, id, query);
  }
}

import { Body, Controller, Delete, Get, Header, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { Allow, Caller, PeopleOnly, Resource } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { DEMO } from '#common/demo';
import { Bodies, Room } from '#common/room';
import { ApiKeyCreate, ApiKeyCreated, ApiKeyPage, ApiKeyQuery, ApiKeyRotate, ApiKeyUpdate } from './api-key.dto';
import { ApiKey } from './api-key.entity';
import { ApiKeysService } from './api-keys.service';

@Room('api-keys', 'How programs ask in the organization’s name, on every door.', { api_key_id: DEMO.api_key_id })
@Controller('api-keys')
@Resource('organization')
@PeopleOnly()
export class ApiKeysController {
  constructor(private readonly keys: ApiKeysService) {}

  /** List API keys; never their values. */
  @Get()
  @Allow('org_admin')
  page(@Caller() actor: Actor, @Query() query: ApiKeyQuery): Promise<ApiKeyPage> {
    return this.keys.page(actor, query);
  }

  /**
   * Create an API key. Its value is shown only now: send it as `Authorization: Bearer KEY` or `X-API-Key: KEY`, on REST, GraphQL and both sockets.
   * @throws {403} A role above your own (`cannot_assign_role`), or beyond the plan's keys (`plan_limit_exceeded`).
   * @throws {422} Also scopes beyond the role (`permission_not_allowed_for_role`).
   */
  @Post()
  @Allow('org_admin')
  @Header('Cache-Control', 'no-store')
  @Bodies({
    'an integration that reads': { name: 'Data warehouse', role: 'viewer' },
    'narrower than its role': {
      name: 'ERP',
      role: 'agent',
      scopes: ['read:contacts', 'write:contacts'],
      expires_at: '2030-01-01T00:00:00Z',
    },
  })
  create(@Caller() actor: Actor, @Body() input: ApiKeyCreate): Promise<ApiKeyCreated> {
    return this.keys.create(actor, input);
  }

  /**
   * Change name, scopes or expiry. Open sockets of the key go on by the new ones.
   * @throws {422} Also scopes beyond the role (`permission_not_allowed_for_role`).
   */
  @Put(':api_key_id')
  @Allow('org_admin')
  @Bodies({ 'another name': { name: 'ERP, second try' }, 'all the role may': { scopes: null } })
  update(@Caller() actor: Actor, @Param('api_key_id', Uuid) id: string, @Body() input: ApiKeyUpdate): Promise<ApiKey> {
    return this.keys.update(actor, id, input);
  }

  /**
   * Give the key a new value, shown only now. The one of before works on for a day, or as long as you say.
   * @throws {409} The key has expired (`api_key_expired`).
   */
  @Post(':api_key_id/rotate')
  @HttpCode(200)
  @Allow('org_admin')
  @Header('Cache-Control', 'no-store')
  @Bodies({ 'a day for both': {}, 'the old one ends at once': { overlap_hours: 0 } })
  rotate(@Caller() actor: Actor, @Param('api_key_id', Uuid) id: string, @Body() input: ApiKeyRotate): Promise<ApiKeyCreated> {
    return this.keys.rotate(actor, id, input);
  }

  /** Revoke an API key: it is dead on every door at once, its sockets are closed. */
  @Delete(':api_key_id')
  @HttpCode(204)
  @Allow('org_admin')
  remove(@Caller() actor: Actor, @Param('api_key_id', Uuid) id: string): Promise<void> {
    return this.keys.remove(actor, id);
  }
}

import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import { Allow, Caller, Resource, Writes } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { DEMO } from '#common/demo';
import { Bodies, Room } from '#common/room';
import { NumbersService } from './numbers.service';
import { PairNumber } from './pair-number';
import {
  ConnectionTestResult,
  DisconnectResult,
  NumberQuery,
  NumberStatusQuery,
  QRCodeResponse,
  WhatsAppNumberCreate,
  WhatsAppNumberPage,
  WhatsAppNumberStatus,
  WhatsAppNumberUpdate,
  WhatsAppNumberView,
} from './whatsapp-number.dto';

const UNPAIRED = { name: 'number_id', schema: { type: 'string', format: 'uuid', example: DEMO.qrcode_number_id } } as const;

/** `/whatsapp-configs` and `/whatsapp/numbers` are the sources' other names for the same. */
@Room('whatsapp', 'The numbers you send from, and files to send.', { number_id: DEMO.number_id, whatsapp_number_id: DEMO.number_id })
@Controller(['whatsapp', 'whatsapp-configs'])
@Resource('whatsapp')
export class NumbersController {
  constructor(
    private readonly numbers: NumbersService,
    private readonly pairing: PairNumber,
  ) {}

  /** List the WhatsApp numbers. Nobody outside is asked. */
  @Get(['', 'numbers'])
  @Allow('viewer')
  page(@Caller() actor: Actor, @Query() query: NumberQuery): Promise<WhatsAppNumberPage> {
    return this.numbers.page(actor, query);
  }

  /**
   * Add a WhatsApp number. With an access token it is tested in the background; without, it waits as pending.
   * @throws {403} The plan's numbers are used up (`plan_limit_exceeded`).
   * @throws {409} The phone is registered here (`number_already_registered`), or the phone_number_id anywhere (`phone_number_id_in_use`).
   */
  @Post()
  @Allow('org_admin')
  @Bodies({
    'to be completed later': { phone_number: '+5511987654321', display_name: 'Loja Centro' },
    'with its keys': {
      phone_number: '+5511987654322',
      display_name: 'Loja Jardins',
      phone_number_id: '106540352242922',
      whatsapp_business_account_id: '102290129340398',
      access_token: 'the-token-of-your-system-user',
    },
  })
  create(@Caller() actor: Actor, @Body() input: WhatsAppNumberCreate): Promise<WhatsAppNumberView> {
    return this.numbers.create(actor, input);
  }

  /** Get a WhatsApp number. */
  @Get(':number_id')
  @Allow('viewer')
  get(@Caller() actor: Actor, @Param('number_id', Uuid) id: string): Promise<WhatsAppNumberView> {
    return this.numbers.get(actor, id);
  }

  /**
   * Update a WhatsApp number: absent keeps, null clears.
   * @throws {409} The phone_number_id is in use (`phone_number_id_in_use`).
   * @throws {422} Another phone_number or connection_type.
   */
  @Put(':number_id')
  @Allow('org_admin')
  @Bodies({
    'name and settings': { display_name: 'Padaria Demo', settings: { mark_as_read: true } },
    'what WhatsApp shows': { business_profile: { about: 'Pães e bolos todos os dias.', vertical: 'RESTAURANT' } },
  })
  update(@Caller() actor: Actor, @Param('number_id', Uuid) id: string, @Body() input: WhatsAppNumberUpdate): Promise<WhatsAppNumberView> {
    return this.numbers.update(actor, id, input);
  }

  /** Delete a WhatsApp number: its conversations stay, its phone is free again. */
  @Delete(':number_id')
  @HttpCode(204)
  @Allow('org_admin')
  remove(@Caller() actor: Actor, @Param('number_id', Uuid) id: string): Promise<void> {
    return this.numbers.remove(actor, id);
  }

  /** Ask the provider how the number is. Its refusal is an answer too. */
  @Post(':number_id/test')
  @HttpCode(200)
  @Allow('agent')
  test(@Caller() actor: Actor, @Param('number_id', Uuid) id: string): Promise<ConnectionTestResult> {
    return this.numbers.test(actor, id);
  }

  /** Switch a number on. */
  @Post(':number_id/activate')
  @HttpCode(200)
  @Allow('org_admin')
  activate(@Caller() actor: Actor, @Param('number_id', Uuid) id: string): Promise<WhatsAppNumberView> {
    return this.numbers.setActive(actor, id, true);
  }

  /** Switch a number off: it sends nothing, and what comes in is kept without a bot answering. */
  @Post(':number_id/deactivate')
  @HttpCode(200)
  @Allow('org_admin')
  deactivate(@Caller() actor: Actor, @Param('number_id', Uuid) id: string): Promise<WhatsAppNumberView> {
    return this.numbers.setActive(actor, id, false);
  }

  /** How a number is. */
  @Get(':number_id/status')
  @Allow('viewer')
  status(
    @Caller() actor: Actor,
    @Param('number_id', Uuid) id: string,
    @Query() { refresh }: NumberStatusQuery,
  ): Promise<WhatsAppNumberStatus> {
    return this.numbers.status(actor, id, refresh);
  }

  /**
   * Get a QR code to pair a qrcode number with its phone: one that is still good, else a new one. Connected already, it has none.
   * @throws {409} An official number (`not_supported_for_connection_type`), or no Evolution server is set (`number_not_configured`).
   * @throws {502} The Evolution server did not help (`provider_unavailable`).
   */
  @Post(':number_id/qrcode')
  @HttpCode(200)
  @ApiParam(UNPAIRED)
  @Allow('org_admin')
  qrcode(@Caller() actor: Actor, @Param('number_id', Uuid) id: string): Promise<QRCodeResponse> {
    return this.pairing.begin(actor, id);
  }

  /**
   * Get a QR code, as the POST does.
   * @throws {409} An official number (`not_supported_for_connection_type`), or no Evolution server is set (`number_not_configured`).
   * @throws {502} The Evolution server did not help (`provider_unavailable`).
   */
  @Get(':number_id/qrcode')
  @ApiParam(UNPAIRED)
  @Allow('org_admin')
  @Writes()
  getQrcode(@Caller() actor: Actor, @Param('number_id', Uuid) id: string): Promise<QRCodeResponse> {
    return this.pairing.begin(actor, id);
  }

  /**
   * Where the pairing of a qrcode number stands. Makes nothing; the codes are shown to administrators.
   * @throws {409} An official number (`not_supported_for_connection_type`).
   */
  @Get(':number_id/qrcode/status')
  @ApiParam(UNPAIRED)
  @Allow('agent')
  qrcodeStatus(@Caller() actor: Actor, @Param('number_id', Uuid) id: string): Promise<QRCodeResponse> {
    return this.pairing.status(actor, id);
  }

  /** Disconnect a number: a qrcode number's phone is unpaired, an official number is switched off. */
  @Post(':number_id/disconnect')
  @HttpCode(200)
  @Allow('org_admin')
  disconnect(@Caller() actor: Actor, @Param('number_id', Uuid) id: string): Promise<DisconnectResult> {
    return this.pairing.end(actor, id);
  }
}

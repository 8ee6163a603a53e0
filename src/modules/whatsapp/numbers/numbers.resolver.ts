import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Allow, Caller, Resource } from '#access/decorators';
import { IdArg } from '#api/graphql-id';
import type { Actor } from '#common/actor';
import { PAGE_SIZE_MAX } from '#common/page.dto';
import { SuccessResponse } from '#common/success.dto';
import { NumbersService } from './numbers.service';
import { PairNumber } from './pair-number';
import {
  ConnectionTestResult,
  NumberFilter,
  QRCodeResponse,
  WhatsAppNumberCreate,
  WhatsAppNumberUpdate,
  WhatsAppNumberView,
} from './whatsapp-number.dto';

@Resolver(() => WhatsAppNumberView)
@Resource('whatsapp')
export class NumbersResolver {
  constructor(
    private readonly numbers: NumbersService,
    private readonly pairing: PairNumber,
  ) {}

  @Query(() => WhatsAppNumberView, { nullable: true, description: 'One WhatsApp number.' })
  @Allow('viewer')
  whatsapp_number(@Caller() actor: Actor, @IdArg() id: string): Promise<WhatsAppNumberView> {
    return this.numbers.get(actor, id);
  }

  @Query(() => [WhatsAppNumberView], { description: 'The WhatsApp numbers, the newest first; at most 100.' })
  @Allow('viewer')
  async whatsapp_numbers(@Caller() actor: Actor, @Args() filter: NumberFilter): Promise<WhatsAppNumberView[]> {
    return (await this.numbers.page(actor, { ...filter, limit: PAGE_SIZE_MAX })).items;
  }

  @Mutation(() => WhatsAppNumberView, { description: 'Add a WhatsApp number.' })
  @Allow('org_admin')
  createWhatsappNumber(@Caller() actor: Actor, @Args('input') input: WhatsAppNumberCreate): Promise<WhatsAppNumberView> {
    return this.numbers.create(actor, input);
  }

  @Mutation(() => WhatsAppNumberView, { description: 'Update a WhatsApp number: absent keeps, null clears.' })
  @Allow('org_admin')
  updateWhatsappNumber(
    @Caller() actor: Actor,
    @IdArg() id: string,
    @Args('input') input: WhatsAppNumberUpdate,
  ): Promise<WhatsAppNumberView> {
    return this.numbers.update(actor, id, input);
  }

  @Mutation(() => SuccessResponse, { description: 'Delete a WhatsApp number.' })
  @Allow('org_admin')
  async deleteWhatsappNumber(@Caller() actor: Actor, @IdArg() id: string): Promise<SuccessResponse> {
    await this.numbers.remove(actor, id);
    return { success: true, message: 'WhatsApp number deleted' };
  }

  @Mutation(() => ConnectionTestResult, { description: 'Ask the provider how a number is.' })
  @Allow('agent')
  testWhatsappNumber(@Caller() actor: Actor, @IdArg() id: string): Promise<ConnectionTestResult> {
    return this.numbers.test(actor, id);
  }

  @Mutation(() => QRCodeResponse, { description: 'A QR code to pair a qrcode number with its phone.' })
  @Allow('org_admin')
  generateWhatsappQrcode(@Caller() actor: Actor, @IdArg() id: string): Promise<QRCodeResponse> {
    return this.pairing.begin(actor, id);
  }

  @Mutation(() => SuccessResponse, { description: 'Unpair the phone of a qrcode number, or switch an official one off.' })
  @Allow('org_admin')
  async disconnectWhatsappNumber(@Caller() actor: Actor, @IdArg() id: string): Promise<SuccessResponse> {
    const { message } = await this.pairing.end(actor, id);
    return { success: true, message };
  }
}

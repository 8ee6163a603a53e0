import { Field, ID, ObjectType } from '@nestjs/graphql';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Column, Entity, Index } from 'typeorm';
import { Json, type JsonObject } from '#common/json.scalar';
import { Reference } from '#database/references';
import { SoftDeletedEntity } from '#database/tenant.entity';
import { WhatsAppNumber } from '../numbers/whatsapp-number.entity';

/** One of a template's buttons, in Meta's form; what only some types have stands beside these. */
export class TemplateButton {
  @ApiProperty({ example: 'URL', description: 'QUICK_REPLY, URL, PHONE_NUMBER, COPY_CODE, OTP, FLOW and the like.' })
  type: string;

  @ApiProperty({ required: false, example: 'Acompanhar' })
  text?: string;

  /** Its `{{1}}` is filled by the send. */
  @ApiProperty({ required: false, example: 'https://padaria.example/pedidos/{{1}}' })
  url?: string;

  @ApiProperty({ required: false, example: '+551140000001' })
  phone_number?: string;

  @ApiProperty({ required: false, type: [String], example: ['https://padaria.example/pedidos/1042'] })
  example?: string[];
}

/** A part of a template, in Meta's form; what only some types have stands beside these. */
export class TemplateComponent {
  @ApiProperty({ example: 'BODY', description: 'HEADER, BODY, FOOTER, BUTTONS, CAROUSEL and the like.' })
  type: string;

  /** Of a header: TEXT, IMAGE, VIDEO, DOCUMENT or LOCATION. */
  @ApiProperty({ required: false })
  format?: string;

  @ApiProperty({ required: false, example: 'Olá {{1}}, seu pedido {{2}} está pronto para retirada.' })
  text?: string;

  /** Values Meta was shown for the variables. */
  @ApiPropertyOptional({ type: 'object', additionalProperties: true, example: { body_text: [['Ana', '1042']] } })
  example?: JsonObject;

  @ApiProperty({ required: false, type: [TemplateButton] })
  buttons?: TemplateButton[];
}

/** A text approved by Meta, required outside the window. */
@Entity('whatsapp_templates')
@Reference(() => WhatsAppNumber, 'whatsapp_number_id', 'CASCADE')
@ObjectType({ isAbstract: true })
@Index('whatsapp_templates_key', ['organization_id', 'whatsapp_number_id', 'name', 'language'], {
  unique: true,
  where: 'deleted_at IS NULL',
})
export class Template extends SoftDeletedEntity {
  @Column('uuid')
  @Field(() => ID)
  whatsapp_number_id: string;

  @Column('varchar', { length: 64, nullable: true })
  @ApiProperty({ type: String, nullable: true, maxLength: 64 })
  meta_template_id: string | null;

  @Column('varchar', { length: 512 })
  name: string;

  @Column('varchar', { length: 20, default: 'pt_BR' })
  language: string;

  /** MARKETING, UTILITY or AUTHENTICATION. */
  @Column('varchar', { length: 30 })
  category: string;

  /** Meta's word; only APPROVED is sendable. */
  @Column('varchar', { length: 30 })
  status: string;

  @Column('varchar', { length: 500, nullable: true })
  rejected_reason: string | null;

  @Column('varchar', { length: 20, nullable: true })
  quality_score: string | null;

  /** positional or named. */
  @Column('varchar', { length: 12, default: 'positional' })
  @Field(() => String)
  parameter_format: 'positional' | 'named';

  /** Meta's form. */
  @Column('jsonb', { default: [] })
  @Field(() => Json)
  @ApiProperty({ type: [TemplateComponent] })
  components: JsonObject[];

  /** The local switch. */
  @Column('boolean', { default: true })
  is_enabled: boolean;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  last_synced_at: Date | null;
}

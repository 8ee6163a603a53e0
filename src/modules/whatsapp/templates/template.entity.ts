import { Field, HideField, ID, ObjectType } from '@nestjs/graphql';
import { ApiHideProperty, ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean } from 'class-validator';
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

/** Why the last submission came to nothing. */
@ObjectType()
export class TemplateSubmissionError {
  /** Meta's code, or one of ours. */
  @ApiProperty({ example: '2388299' })
  code: string;

  message: string;
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

  /** DRAFT: only here. Else Meta's word; only APPROVED is sendable. */
  @Column('varchar', { length: 30 })
  status: string;

  @Column('varchar', { length: 500, nullable: true })
  rejected_reason: string | null;

  /** null: the last submission was taken, or there was none. */
  @Column('jsonb', { nullable: true })
  submission_error: TemplateSubmissionError | null;

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

  /** The local switch: what is off is not sent from here. */
  @Column('boolean', { default: true })
  @IsBoolean()
  is_enabled: boolean;

  /** Meta's own, such as hello_world: neither edited nor deleted. */
  @Column('boolean', { default: false })
  is_system_template: boolean;

  /** When Meta last took it, or may have: its answer was lost. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  submitted_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  approved_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  rejected_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  paused_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  disabled_at: Date | null;

  /** When it was edited while approved, in the last 30 days. */
  @Column('jsonb', { default: [] })
  @HideField()
  @ApiHideProperty()
  approved_edits: string[];

  /** Somebody talks to Meta about it; nobody else until then. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  @HideField()
  @ApiHideProperty()
  busy_until: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  last_synced_at: Date | null;
}

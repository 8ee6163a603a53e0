import { Column, Entity, PrimaryColumn } from 'typeorm';
import { Reference } from '#database/references';
import { Template } from './template.entity';

/** How the messages of a template fared. A row of its own: it moves with every status, and nobody waits for a template because of that. */
@Entity('template_counts')
@Reference(() => Template, 'template_id', 'CASCADE')
export class TemplateCount {
  @PrimaryColumn('uuid')
  template_id: string;

  @PrimaryColumn('uuid')
  organization_id: string;

  @Column('int', { default: 0 })
  sent_count: number;

  @Column('int', { default: 0 })
  delivered_count: number;

  @Column('int', { default: 0 })
  read_count: number;

  @Column('int', { default: 0 })
  failed_count: number;
}

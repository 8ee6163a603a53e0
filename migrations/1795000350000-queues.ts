import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = [
  `CREATE TABLE queues (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    deleted_at timestamptz(3),
    department_id uuid NOT NULL,
    name varchar(255) NOT NULL,
    slug varchar(100) NOT NULL,
    description varchar(2000),
    icon varchar(50),
    color varchar(7) NOT NULL DEFAULT '#10B981',
    is_active boolean NOT NULL DEFAULT true,
    priority integer NOT NULL DEFAULT '50',
    sla_minutes integer,
    routing_mode varchar(20) NOT NULL DEFAULT 'round_robin',
    auto_assign_conversations boolean NOT NULL DEFAULT true,
    max_conversations_per_agent integer NOT NULL DEFAULT '10',
    max_queue_size integer,
    overflow_queue_id uuid,
    overflow_told_at timestamptz(3),
    settings jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT queues_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT queues_department_id_fkey FOREIGN KEY (organization_id, department_id) REFERENCES departments (organization_id, id) ON DELETE RESTRICT,
    CONSTRAINT queues_overflow_queue_id_fkey FOREIGN KEY (organization_id, overflow_queue_id)
      REFERENCES queues (organization_id, id) ON DELETE SET NULL (overflow_queue_id)
  )`,
  `CREATE UNIQUE INDEX queues_slug_key ON queues (organization_id, department_id, slug) WHERE deleted_at IS NULL`,
  `CREATE INDEX queues_overflow_idx ON queues (organization_id, overflow_queue_id) WHERE overflow_queue_id IS NOT NULL`,
  `CREATE INDEX queues_return_idx ON queues (organization_id) WHERE settings ? 'reassign_after_minutes' AND deleted_at IS NULL`,
  `CREATE TABLE queue_turns (
    organization_id uuid NOT NULL,
    queue_id uuid NOT NULL,
    user_id uuid NOT NULL,
    last_assigned_at timestamptz(3) NOT NULL DEFAULT now(),
    CONSTRAINT queue_turns_pkey PRIMARY KEY (organization_id, queue_id, user_id),
    CONSTRAINT queue_turns_queue_id_fkey FOREIGN KEY (organization_id, queue_id) REFERENCES queues (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT queue_turns_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
  )`,
  `CREATE INDEX queue_turns_user_idx ON queue_turns (organization_id, user_id)`,
  `CREATE TABLE queue_days (
    organization_id uuid NOT NULL,
    queue_id uuid NOT NULL,
    day date NOT NULL,
    queued integer NOT NULL DEFAULT '0',
    capacity integer,
    overflowed integer NOT NULL DEFAULT '0',
    CONSTRAINT queue_days_pkey PRIMARY KEY (organization_id, queue_id, day),
    CONSTRAINT queue_days_queue_id_fkey FOREIGN KEY (organization_id, queue_id) REFERENCES queues (organization_id, id) ON DELETE CASCADE
  )`,
  `CREATE INDEX queue_days_oldest_idx ON queue_days (day)`,
  `CREATE TABLE queue_offers (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    conversation_id uuid NOT NULL,
    queue_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    expires_at timestamptz(3) NOT NULL,
    status varchar(10) NOT NULL DEFAULT 'offered',
    CONSTRAINT queue_offers_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT queue_offers_conversation_id_fkey FOREIGN KEY (organization_id, conversation_id)
      REFERENCES conversations (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT queue_offers_queue_id_fkey FOREIGN KEY (organization_id, queue_id) REFERENCES queues (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT queue_offers_agent_id_fkey FOREIGN KEY (organization_id, agent_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
  )`,
  `CREATE UNIQUE INDEX queue_offers_live_key ON queue_offers (organization_id, conversation_id) WHERE status = 'offered'`,
  `CREATE INDEX queue_offers_conversation_idx ON queue_offers (organization_id, conversation_id, created_at)`,
  `CREATE INDEX queue_offers_agent_idx ON queue_offers (organization_id, agent_id, status)`,
  `CREATE INDEX queue_offers_queue_idx ON queue_offers (organization_id, queue_id)`,
  `CREATE INDEX queue_offers_oldest_idx ON queue_offers (created_at)`,
  // What a conversation knows of its queue, and where a number's conversations begin to wait.
  `ALTER TABLE conversations ADD COLUMN sla_due_at timestamptz(3), ADD COLUMN sla_warned_at timestamptz(3), ADD COLUMN sla_breached_at timestamptz(3),
    ADD COLUMN queue_answered_at timestamptz(3)`,
  `ALTER TABLE whatsapp_numbers ADD COLUMN default_department_id uuid, ADD COLUMN default_queue_id uuid`,
  `ALTER TABLE whatsapp_numbers
    ADD CONSTRAINT whatsapp_numbers_default_department_id_fkey FOREIGN KEY (organization_id, default_department_id)
      REFERENCES departments (organization_id, id) ON DELETE SET NULL (default_department_id),
    ADD CONSTRAINT whatsapp_numbers_default_queue_id_fkey FOREIGN KEY (organization_id, default_queue_id)
      REFERENCES queues (organization_id, id) ON DELETE SET NULL (default_queue_id)`,
  `ALTER TABLE users ADD COLUMN max_conversations integer`,
];

/** Where conversations wait for people: queues, whose turn it is, offers, days. */
export class Queues1795000350000 implements MigrationInterface {
  readonly name = 'Queues1795000350000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of TABLES) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE users DROP COLUMN max_conversations');
    await runner.query('ALTER TABLE whatsapp_numbers DROP COLUMN default_queue_id, DROP COLUMN default_department_id');
    await runner.query(
      'ALTER TABLE conversations DROP COLUMN sla_due_at, DROP COLUMN sla_warned_at, DROP COLUMN sla_breached_at, DROP COLUMN queue_answered_at',
    );
    await runner.query('DROP TABLE queue_offers, queue_days, queue_turns, queues');
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = [
  `CREATE TABLE departments (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    deleted_at timestamptz(3),
    name varchar(255) NOT NULL,
    slug varchar(100) NOT NULL,
    description varchar(2000),
    icon varchar(50),
    color varchar(7) NOT NULL DEFAULT '#3B82F6',
    is_active boolean NOT NULL DEFAULT true,
    business_hours jsonb NOT NULL DEFAULT '{}',
    timezone varchar(64),
    offline_message varchar(1024),
    routing_mode varchar(20) NOT NULL DEFAULT 'round_robin',
    auto_assign_conversations boolean NOT NULL DEFAULT true,
    max_conversations_per_agent integer NOT NULL DEFAULT '10',
    settings jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT departments_pkey PRIMARY KEY (organization_id, id)
  )`,
  `CREATE UNIQUE INDEX departments_slug_key ON departments (organization_id, slug) WHERE deleted_at IS NULL`,
  `CREATE TABLE department_agents (
    organization_id uuid NOT NULL,
    department_id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    CONSTRAINT department_agents_pkey PRIMARY KEY (organization_id, department_id, user_id),
    CONSTRAINT department_agents_department_id_fkey FOREIGN KEY (organization_id, department_id)
      REFERENCES departments (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT department_agents_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
  )`,
  `CREATE INDEX department_agents_user_idx ON department_agents (organization_id, user_id)`,
  `CREATE TABLE agent_skills (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    user_id uuid NOT NULL,
    skill_name varchar(100) NOT NULL,
    skill_key varchar(300) NOT NULL,
    proficiency_level integer NOT NULL DEFAULT '3',
    CONSTRAINT agent_skills_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT agent_skills_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
  )`,
  `CREATE UNIQUE INDEX agent_skills_key ON agent_skills (organization_id, user_id, skill_key)`,
  `CREATE INDEX agent_skills_name_idx ON agent_skills (organization_id, skill_key, proficiency_level)`,
  `CREATE INDEX agent_skills_newest_idx ON agent_skills (organization_id, created_at, id)`,
];

/** Teams of agents, who is in them, and what each can do. */
export class Departments1795000340000 implements MigrationInterface {
  readonly name = 'Departments1795000340000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of TABLES) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE agent_skills, department_agents, departments');
  }
}

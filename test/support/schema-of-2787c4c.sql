-- The schema as the migrations of commit 2787c4c made it, word for word, and what TypeORM remembered of them.

CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gin;
-- Words as a search compares them: lower case, no accents. unaccent() itself is only STABLE, so an index may not use it.
  CREATE FUNCTION fold(words text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  AS $$ SELECT lower(public.unaccent('public.unaccent'::regdictionary, words)) $$;
CREATE FUNCTION contact_words(name text, whatsapp_name text, username text, email text, company text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT public.fold(coalesce(name, '') || ' ' || coalesce(whatsapp_name, '') || ' ' || coalesce(username, '') || ' ' || coalesce(email, '') || ' ' || coalesce(company, '')) $$;
CREATE TABLE idempotency_keys (
    organization_id uuid NOT NULL,
    key varchar(128) NOT NULL,
    fingerprint char(64) NOT NULL,
    status_code integer,
    answer jsonb,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    CONSTRAINT "PK_fa1b697098c138245abc15cad73" PRIMARY KEY (organization_id, key)
  );
CREATE INDEX idempotency_keys_age_idx ON idempotency_keys (created_at);
CREATE TABLE credentials (
    user_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    password_hash varchar(255),
    token_version integer NOT NULL DEFAULT '1',
    failed_logins integer NOT NULL DEFAULT '0',
    locked_until timestamptz(3),
    password_changed_at timestamptz(3) NOT NULL DEFAULT now(),
    CONSTRAINT "PK_c68a6c53e95a7dc357f4ebce8f0" PRIMARY KEY (user_id)
  );
CREATE TABLE refresh_tokens (
    id uuid NOT NULL,
    session_id uuid NOT NULL,
    token_hash char(64) NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    expires_at timestamptz(3) NOT NULL,
    used_at timestamptz(3),
    CONSTRAINT "PK_7d8bee0204106019488c4c50ffa" PRIMARY KEY (id)
  );
CREATE INDEX refresh_tokens_session_idx ON refresh_tokens (session_id);
CREATE TABLE sessions (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    user_id uuid NOT NULL,
    user_agent varchar(512),
    ip_address varchar(64),
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    expires_at timestamptz(3) NOT NULL,
    revoked_at timestamptz(3),
    revoked_reason varchar(50),
    CONSTRAINT "PK_3238ef96f18b355b671619111bc" PRIMARY KEY (id)
  );
CREATE INDEX sessions_user_idx ON sessions (user_id, created_at);
CREATE TABLE contact_identities (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    portfolio_id varchar(64) NOT NULL DEFAULT '',
    kind varchar(20) NOT NULL,
    value varchar(150) NOT NULL,
    contact_id uuid NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    first_seen_at timestamptz(3) NOT NULL DEFAULT now(),
    last_seen_at timestamptz(3) NOT NULL DEFAULT now(),
    CONSTRAINT "PK_38de992d13ad0ef3975ca176935" PRIMARY KEY (id)
  );
CREATE INDEX contact_identities_contact_idx ON contact_identities (organization_id, contact_id);
CREATE UNIQUE INDEX contact_identities_key ON contact_identities (organization_id, portfolio_id, kind, value);
CREATE TABLE contacts (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    deleted_at timestamptz(3),
    whatsapp_id varchar(20),
    match_key varchar(20),
    wa_id varchar(20),
    alternative_phone varchar(20),
    whatsapp_user_id varchar(150),
    username varchar(60),
    whatsapp_name varchar(255),
    name varchar(255),
    email varchar(255),
    avatar_url varchar(2048),
    company varchar(255),
    job_title varchar(255),
    notes varchar(5000),
    address_street varchar(255),
    address_city varchar(100),
    address_state varchar(100),
    address_country varchar(100),
    address_postal_code varchar(20),
    attributes jsonb NOT NULL DEFAULT '{}',
    source varchar(100) NOT NULL DEFAULT 'api',
    lifecycle_stage varchar(50),
    lead_score integer NOT NULL DEFAULT '0',
    opt_in boolean NOT NULL DEFAULT true,
    opt_in_date timestamptz(3),
    opt_out_date timestamptz(3),
    is_blocked boolean NOT NULL DEFAULT false,
    blocked_at timestamptz(3),
    blocked_reason varchar(500),
    is_vip boolean NOT NULL DEFAULT false,
    assigned_agent_id uuid,
    last_message_at timestamptz(3),
    last_message_received_at timestamptz(3),
    last_message_sent_at timestamptz(3),
    total_messages_sent integer NOT NULL DEFAULT '0',
    total_messages_received integer NOT NULL DEFAULT '0',
    total_conversations integer NOT NULL DEFAULT '0',
    CONSTRAINT "PK_b99cd40cfd66a99f1571f4f72e6" PRIMARY KEY (id)
  );
CREATE INDEX contacts_created_idx ON contacts (organization_id, created_at, id);
CREATE UNIQUE INDEX contacts_match_key ON contacts (organization_id, match_key) WHERE deleted_at IS NULL;
CREATE TABLE conversations (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    contact_id uuid NOT NULL,
    whatsapp_number_id uuid,
    channel varchar(20) NOT NULL DEFAULT 'whatsapp',
    status varchar(20) NOT NULL DEFAULT 'open',
    is_archived boolean NOT NULL DEFAULT false,
    archived_at timestamptz(3),
    priority varchar(20) NOT NULL DEFAULT 'medium',
    queue_priority integer NOT NULL DEFAULT '50',
    current_agent_id uuid,
    department_id uuid,
    queue_id uuid,
    queued_at timestamptz(3),
    assigned_at timestamptz(3),
    first_message_at timestamptz(3),
    last_message_at timestamptz(3),
    last_incoming_at timestamptz(3),
    last_outgoing_at timestamptz(3),
    first_response_at timestamptz(3),
    resolved_at timestamptz(3),
    closed_at timestamptz(3),
    reopened_at timestamptz(3),
    last_read_at timestamptz(3),
    window_expires_at timestamptz(3),
    unread_count integer NOT NULL DEFAULT '0',
    total_messages integer NOT NULL DEFAULT '0',
    messages_from_contact integer NOT NULL DEFAULT '0',
    messages_from_agent integer NOT NULL DEFAULT '0',
    messages_from_bot integer NOT NULL DEFAULT '0',
    first_response_time_seconds integer,
    resolution_time_seconds integer,
    is_bot_active boolean NOT NULL DEFAULT false,
    is_human_requested boolean NOT NULL DEFAULT false,
    handoff_at timestamptz(3),
    tags text array NOT NULL DEFAULT '{}',
    close_reason varchar(500),
    extra_data jsonb NOT NULL DEFAULT '{}',
    last_message_id uuid,
    CONSTRAINT "PK_ee34f4f7ced4ec8681f26bf04ef" PRIMARY KEY (id)
  );
CREATE INDEX conversations_agent_idx ON conversations (organization_id, current_agent_id, status);
CREATE INDEX conversations_contact_idx ON conversations (organization_id, contact_id, whatsapp_number_id, created_at);
CREATE INDEX conversations_inbox_idx ON conversations (organization_id, is_archived, last_message_at, id);
CREATE UNIQUE INDEX conversations_active_key ON conversations (organization_id, contact_id, whatsapp_number_id) WHERE status IN ('open', 'pending') AND whatsapp_number_id IS NOT NULL;
CREATE TABLE message_status_events (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    message_id uuid NOT NULL,
    status varchar(20) NOT NULL,
    timestamp timestamptz(3) NOT NULL,
    source varchar(10) NOT NULL,
    error_code varchar(64),
    CONSTRAINT "PK_8315fd1503b59bcdb37e5412ccf" PRIMARY KEY (id)
  );
CREATE UNIQUE INDEX message_status_events_key ON message_status_events (organization_id, message_id, status, timestamp);
CREATE TABLE messages (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    conversation_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    whatsapp_number_id uuid,
    direction varchar(10) NOT NULL,
    sender_type varchar(12) NOT NULL,
    sender_user_id uuid,
    sender_name varchar(255),
    message_type varchar(12) NOT NULL,
    content text,
    payload jsonb NOT NULL DEFAULT '{}',
    media jsonb,
    status varchar(10) NOT NULL,
    whatsapp_message_id varchar(512),
    reply_to_message_id uuid,
    forwarded boolean NOT NULL DEFAULT false,
    reactions jsonb NOT NULL DEFAULT '[]',
    template_id uuid,
    campaign_id uuid,
    metadata jsonb NOT NULL DEFAULT '{}',
    client_reference varchar(255),
    is_deleted boolean NOT NULL DEFAULT false,
    edited_at timestamptz(3),
    earlier_versions jsonb,
    resent_from_id uuid,
    resent_as_id uuid,
    error_code varchar(64),
    error_message text,
    pricing jsonb,
    sent_at timestamptz(3),
    delivered_at timestamptz(3),
    read_at timestamptz(3),
    played_at timestamptz(3),
    failed_at timestamptz(3),
    CONSTRAINT "PK_18325f38ae6de43878487eff986" PRIMARY KEY (id)
  );
CREATE INDEX messages_history_idx ON messages (organization_id, created_at, id);
CREATE INDEX messages_thread_idx ON messages (organization_id, conversation_id, created_at, id);
CREATE UNIQUE INDEX messages_provider_key ON messages (organization_id, whatsapp_number_id, whatsapp_message_id) WHERE whatsapp_message_id IS NOT NULL;
CREATE TABLE outbound_sends (
    message_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    whatsapp_number_id uuid NOT NULL,
    due_at timestamptz(3) NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT '0',
    claimed_at timestamptz(3),
    CONSTRAINT "PK_2b8171ae079600a15a04530e28a" PRIMARY KEY (message_id)
  );
CREATE INDEX outbound_sends_due_idx ON outbound_sends (due_at);
CREATE INDEX outbound_sends_conversation_idx ON outbound_sends (organization_id, conversation_id, message_id);
CREATE TABLE organizations (
    id uuid NOT NULL,
    name varchar(255) NOT NULL,
    slug varchar(100) NOT NULL,
    domain varchar(255),
    description varchar(2000),
    website varchar(2048),
    logo_url varchar(2048),
    phone varchar(20),
    status varchar(20) NOT NULL DEFAULT 'active',
    suspended_at timestamptz(3),
    suspension_reason varchar(500),
    plan_type varchar(20) NOT NULL DEFAULT 'free',
    plan_limit_overrides jsonb NOT NULL DEFAULT '{}',
    subscription_starts_at timestamptz(3),
    subscription_ends_at timestamptz(3),
    is_trial boolean NOT NULL DEFAULT false,
    trial_ends_at timestamptz(3),
    settings jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    deleted_at timestamptz(3),
    CONSTRAINT "PK_6b031fcd0863e3f6b44230163f9" PRIMARY KEY (id)
  );
CREATE UNIQUE INDEX organizations_domain_key ON organizations (domain) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX organizations_slug_key ON organizations (slug) WHERE deleted_at IS NULL;
CREATE TABLE users (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    deleted_at timestamptz(3),
    email varchar(255) NOT NULL,
    full_name varchar(255) NOT NULL,
    role varchar(20) NOT NULL DEFAULT 'agent',
    is_active boolean NOT NULL DEFAULT true,
    email_verified boolean NOT NULL DEFAULT false,
    email_verified_at timestamptz(3),
    invite_pending boolean NOT NULL DEFAULT false,
    phone_number varchar(20),
    avatar_url varchar(2048),
    bio varchar(2000),
    agent_status varchar(20) NOT NULL DEFAULT 'offline',
    agent_greeting_message varchar(1000),
    is_online boolean NOT NULL DEFAULT false,
    last_seen_at timestamptz(3),
    last_login_at timestamptz(3),
    last_login_ip varchar(64),
    timezone varchar(64),
    language varchar(35),
    preferences jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT "PK_a3ffb1c0c8416b9fc6f907b7433" PRIMARY KEY (id)
  );
CREATE INDEX users_organization_idx ON users (organization_id, created_at);
CREATE UNIQUE INDEX users_email_key ON users (email) WHERE deleted_at IS NULL;
CREATE TABLE media_files (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    message_id uuid,
    whatsapp_number_id uuid,
    provider_media_id varchar(128),
    mime_type varchar(255) NOT NULL,
    filename varchar(255),
    size_bytes bigint,
    "sha256" varchar(64),
    status varchar(10) NOT NULL,
    storage_key varchar(255),
    attempts integer NOT NULL DEFAULT '0',
    due_at timestamptz(3) NOT NULL DEFAULT now(),
    CONSTRAINT "PK_93b4da6741cd150e76f9ac035d8" PRIMARY KEY (id)
  );
CREATE INDEX media_files_message_idx ON media_files (organization_id, message_id);
CREATE INDEX media_files_waiting_idx ON media_files (due_at) WHERE status = 'pending';
CREATE TABLE whatsapp_number_secrets (
    whatsapp_number_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    access_token text,
    access_token_hint varchar(4),
    app_secret text,
    webhook_verify_token varchar(128) NOT NULL,
    CONSTRAINT "PK_85b400d8928b29ef10404b4b4ff" PRIMARY KEY (whatsapp_number_id)
  );
CREATE INDEX whatsapp_number_secrets_verify_idx ON whatsapp_number_secrets (webhook_verify_token);
CREATE TABLE whatsapp_numbers (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    deleted_at timestamptz(3),
    phone_number varchar(20) NOT NULL,
    display_name varchar(255),
    connection_type varchar(10) NOT NULL DEFAULT 'official',
    connection_status varchar(15) NOT NULL DEFAULT 'disconnected',
    verified boolean NOT NULL DEFAULT false,
    verified_at timestamptz(3),
    is_active boolean NOT NULL DEFAULT true,
    is_default boolean NOT NULL DEFAULT false,
    phone_number_id varchar(64),
    whatsapp_business_account_id varchar(64),
    business_profile jsonb,
    quality_rating varchar(20),
    messaging_limit_tier varchar(30),
    connected_at timestamptz(3),
    last_seen_at timestamptz(3),
    last_checked_at timestamptz(3),
    last_error varchar(500),
    paused_until timestamptz(3),
    settings jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT "PK_3184795c48abf9c78f9242af057" PRIMARY KEY (id)
  );
CREATE UNIQUE INDEX whatsapp_numbers_default_key ON whatsapp_numbers (organization_id) WHERE is_default AND deleted_at IS NULL;
CREATE INDEX whatsapp_numbers_waba_idx ON whatsapp_numbers (whatsapp_business_account_id) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX whatsapp_numbers_phone_number_id_key ON whatsapp_numbers (phone_number_id) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX whatsapp_numbers_phone_key ON whatsapp_numbers (organization_id, phone_number) WHERE deleted_at IS NULL;
CREATE TABLE inbound_events (
    id uuid NOT NULL,
    organization_id uuid,
    whatsapp_number_id uuid,
    provider varchar(10) NOT NULL,
    lane smallint NOT NULL,
    state varchar(10) NOT NULL,
    reason varchar(500),
    body bytea NOT NULL,
    received_at timestamptz(3) NOT NULL DEFAULT now(),
    processed_at timestamptz(3),
    CONSTRAINT "PK_b76e26fa0121da742b191b7ded0" PRIMARY KEY (id)
  );
CREATE INDEX inbound_events_waiting_idx ON inbound_events (lane, id) WHERE state = 'received';
CREATE TABLE parked_items (
    id uuid NOT NULL,
    organization_id uuid,
    whatsapp_number_id uuid,
    inbound_event_id uuid NOT NULL,
    kind varchar(10) NOT NULL,
    waits_for varchar(512),
    item jsonb NOT NULL,
    error varchar(500),
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    CONSTRAINT "PK_12f755e631a50623a7e5775d4a7" PRIMARY KEY (id)
  );
CREATE INDEX parked_items_expiry_idx ON parked_items (created_at);
CREATE INDEX parked_items_orphans_idx ON parked_items (organization_id, whatsapp_number_id, waits_for) WHERE kind = 'orphan';
CREATE TABLE whatsapp_templates (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    deleted_at timestamptz(3),
    whatsapp_number_id uuid NOT NULL,
    meta_template_id varchar(64),
    name varchar(512) NOT NULL,
    language varchar(20) NOT NULL DEFAULT 'pt_BR',
    category varchar(30) NOT NULL,
    status varchar(30) NOT NULL,
    rejected_reason varchar(500),
    quality_score varchar(20),
    parameter_format varchar(12) NOT NULL DEFAULT 'positional',
    components jsonb NOT NULL DEFAULT '[]',
    is_enabled boolean NOT NULL DEFAULT true,
    last_synced_at timestamptz(3),
    CONSTRAINT "PK_73154f2b6ebc019bc3461ee14eb" PRIMARY KEY (id)
  );
CREATE UNIQUE INDEX whatsapp_templates_key ON whatsapp_templates (organization_id, whatsapp_number_id, name, language) WHERE deleted_at IS NULL;
CREATE INDEX contacts_search_idx ON contacts
  USING gin (organization_id, contact_words(name, whatsapp_name, username, email, company) gin_trgm_ops, match_key gin_trgm_ops) WHERE deleted_at IS NULL;
CREATE TABLE login_failures (
      email_hash char(64) NOT NULL,
      failures integer NOT NULL,
      last_at timestamptz(3) NOT NULL DEFAULT now(),
      locked_until timestamptz(3),
      CONSTRAINT login_failures_pkey PRIMARY KEY (email_hash)
    );
CREATE INDEX login_failures_age_idx ON login_failures (last_at);
ALTER TABLE credentials DROP COLUMN failed_logins, DROP COLUMN locked_until;
CREATE TABLE audit_logs (
    id uuid NOT NULL,
    organization_id uuid,
    actor_type varchar(10) NOT NULL,
    actor_id uuid,
    user_id uuid,
    actor_email varchar(255),
    actor_role varchar(20),
    action varchar(100) NOT NULL,
    resource_type varchar(50) NOT NULL,
    resource_id varchar(100),
    resource_name varchar(255),
    changes jsonb NOT NULL DEFAULT '{}',
    metadata jsonb NOT NULL DEFAULT '{}',
    result varchar(10) NOT NULL,
    ip_address varchar(64),
    user_agent varchar(512),
    request_id varchar(64),
    created_at timestamptz(3) NOT NULL,
    CONSTRAINT audit_logs_pkey PRIMARY KEY (id)
  );
CREATE INDEX audit_logs_age_idx ON audit_logs (created_at);
CREATE INDEX audit_logs_organization_idx ON audit_logs (organization_id, created_at);
CREATE INDEX audit_logs_user_idx ON audit_logs (organization_id, user_id, created_at);
CREATE INDEX audit_logs_action_idx ON audit_logs (organization_id, action, created_at);
CREATE INDEX audit_logs_resource_idx ON audit_logs (organization_id, resource_type, resource_id, created_at);
-- Append-only. Retention says so aloud, per transaction, and even then nothing younger than a day goes.
  CREATE FUNCTION audit_logs_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF TG_OP = 'DELETE' AND current_setting('pytake.audit_retention', true) = 'on' AND OLD.created_at < now() - interval '1 day' THEN
      RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit_logs is append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
  END $$;
CREATE TRIGGER audit_logs_rows BEFORE UPDATE OR DELETE ON audit_logs FOR EACH ROW EXECUTE FUNCTION audit_logs_append_only();
CREATE TRIGGER audit_logs_truncate BEFORE TRUNCATE ON audit_logs FOR EACH STATEMENT EXECUTE FUNCTION audit_logs_append_only();
CREATE TABLE migrations (id serial CONSTRAINT "PK_8c82d7f526340ab734260ea46be" PRIMARY KEY, timestamp bigint NOT NULL, name varchar NOT NULL);
INSERT INTO migrations (timestamp, name) VALUES
  (1795000000000, 'First1795000000000'), (1795000000001, 'LoginFailures1795000000001'), (1795000000100, 'AuditLogs1795000000100');
